//! RFC 4034: key tags, the digest of a key, and an NSEC record.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use sotto_proof::RecordType as T;
use sotto_proof::rdata::{Ds, Nsec, key_tag};

use crate::example::read;
use crate::support::{self, *};

#[test]
fn rfc_4034_keys_have_the_tags_and_the_digest_printed() {
    let records = read(include_str!("rfc4034.zone"));
    let of = |owner: &str, rtype| {
        let found = records
            .iter()
            .find(|record| record.owner == name(owner) && record.rtype == rtype);
        found.unwrap().rdata.clone()
    };
    // Sections 2.3 and 3.3.
    assert_eq!(key_tag(&of("example.com.", T::DNSKEY)), 2_642);
    // Section 5.4.
    let (owner, key) = (
        name("dskey.example.com."),
        of("dskey.example.com.", T::DNSKEY),
    );
    assert_eq!(key_tag(&key), 60_485);
    let rdata = of("dskey.example.com.", T::DS);
    let ds = Ds::parse(&rdata).unwrap();
    assert_eq!((ds.key_tag, ds.algorithm, ds.digest_type), (60_485, 5, 1));
    let computed = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[owner.as_wire(), &key].concat());
    assert_eq!(ds.digest, computed.as_ref());
}

/// Section 4.3: what the record is in wire form, and what it proves.
#[test]
fn rfc_4034_nsec_denies_what_its_section_says() {
    let records = read(include_str!("rfc4034.zone"));
    let nsec = records
        .into_iter()
        .find(|record| record.rtype == T::NSEC)
        .unwrap();
    let wire = [
        &b"\x04host\x07example\x03com\x00\x00\x06\x40\x01\x00\x00\x00\x03\x04\x1b"[..],
        &[0; 26],
        &[0x20],
    ];
    assert_eq!(*nsec.rdata, wire.concat());
    let types = Nsec::parse(&nsec.rdata).unwrap().types;
    let types: Vec<_> = types.iter().map(|rtype| rtype.to_string()).collect();
    assert_eq!(types, ["A", "MX", "RRSIG", "NSEC", "TYPE1234"]);

    let (root, zone) = (Zone::new("."), Zone::new("example.com."));
    let apex = support::nsec(
        "example.com.",
        "alfa.example.com.",
        "NS SOA RRSIG NSEC DNSKEY",
    );
    let proof = [
        root.dnskey(),
        root.sign(vec![zone.ds()]),
        zone.dnskey(),
        zone.sign(vec![nsec]),
        zone.sign(vec![apex]),
    ]
    .concat();
    let tree = Tree::new();
    for (asked, rtype, expected) in [
        ("beta.example.com", "A", "nxdomain"),
        ("alfa.example.com", "AAAA", "nodata"),
        ("alfa.example.com", "A", "bogus denial_incomplete"),
        ("alfa.example.com", "TYPE1234", "bogus denial_incomplete"),
        ("host.example.com", "A", "bogus denial_incomplete"),
    ] {
        assert_verdict(&tree, &proof, asked, rtype, expected);
    }
}
