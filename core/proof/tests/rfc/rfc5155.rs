//! RFC 5155 appendix A and B: a zone with NSEC3 records, all with the opt-out flag, and its responses.

use sotto_proof::{Code, RecordType as T, Verdict};

use crate::example::Example;
use crate::support::*;

#[test]
fn rfc_5155_appendix_a_hashes_every_name_as_printed() {
    let example = Example::rfc5155();
    let parameters = example.set("example.", T::NSEC3PARAM);
    assert_eq!(
        *parameters[0].rdata,
        *b"\x01\x00\x00\x0c\x04\xaa\xbb\xcc\xdd"
    );
    let salted = Nsec3 {
        iterations: 12,
        salt: b"\xaa\xbb\xcc\xdd",
        opt_out: true,
    };
    for (original, hashed, types) in [
        (
            "example.",
            "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
            "MX DNSKEY NS SOA NSEC3PARAM RRSIG",
        ),
        (
            "a.example.",
            "35mthgpgcu1qg68fab165klnsnk3dpvl",
            "NS DS RRSIG",
        ),
        (
            "ai.example.",
            "gjeqe526plbf1g8mklp59enfd789njgi",
            "HINFO A AAAA RRSIG",
        ),
        (
            "ns1.example.",
            "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
            "A RRSIG",
        ),
        (
            "ns2.example.",
            "q04jkcevqvmu85r014c7dkba38o0ji5r",
            "A RRSIG",
        ),
        ("w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h", ""),
        (
            "*.w.example.",
            "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
            "MX RRSIG",
        ),
        (
            "x.w.example.",
            "b4um86eghhds6nea196smvmlo4ors995",
            "MX RRSIG",
        ),
        ("y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc", ""),
        (
            "x.y.w.example.",
            "2vptu5timamqttgl4luu9kg21e0aor3s",
            "MX RRSIG",
        ),
        (
            "xx.example.",
            "t644ebqk9bibcna874givr6joj62mlhv",
            "HINFO A AAAA RRSIG",
        ),
    ] {
        let owner = format!("{hashed}.example.");
        let nsec3 = &example.set(&owner, T::NSEC3)[0];
        let hash = salted.hash(&name(original));
        let next = &nsec3.rdata[10..30];
        assert_eq!(
            salted.record("example.", &hash, next, types).owner,
            nsec3.owner
        );
        assert_eq!(
            salted.record("example.", &hash, next, types).rdata,
            nsec3.rdata
        );
    }
}

/// Every NSEC3 of the zone has the opt-out flag, so that what RFC 5155 calls a name error leaves it
/// open whether there is an unsigned delegation (section 9.2).
#[test]
fn rfc_5155_b_1_name_error() {
    let mut example = Example::rfc5155();
    let response = |example: &Example| {
        [
            example.signed("example.", T::SOA),
            example.hashed("0p9mhaveqvm6"),
            example.hashed("b4um86eghhds"),
            example.hashed("35mthgpgcu1q"),
        ]
    };
    let records = response(&example);
    let verdict = example.judge("a.c.x.w.example", "A", &records[..3]);
    assert_eq!(spelled(&verdict), "insecure opt_out");
    // Without the flag it is one, and needs the third record.
    example.close_spans();
    let records = response(&example);
    example.assert("a.c.x.w.example", "A", &records, "nxdomain");
}

#[test]
fn rfc_5155_b_2_no_data_error() {
    let example = Example::rfc5155();
    let response = [
        example.signed("example.", T::SOA),
        example.hashed("2t7b4g4vsa5s"),
    ];
    example.assert("ns1.example", "MX", &response, "nodata");
}

#[test]
fn rfc_5155_b_2_1_no_data_error_at_an_empty_non_terminal() {
    let example = Example::rfc5155();
    let response = [
        example.signed("example.", T::SOA),
        example.hashed("ji6neoaepv8b"),
    ];
    example.assert("y.w.example", "A", &response, "nodata");
}

#[test]
fn rfc_5155_b_3_referral_to_an_opt_out_unsigned_zone() {
    let example = Example::rfc5155();
    let response = [
        example.hashed("35mthgpgcu1q"),
        example.hashed("0p9mhaveqvm6"),
    ];
    let Verdict::Insecure(reason) = example.judge("mc.c.example", "MX", &response) else {
        panic!("proved to be open");
    };
    assert_eq!(
        (reason.code, reason.name),
        (Code::OptOut, name("c.example."))
    );
}

#[test]
fn rfc_5155_b_4_wildcard_expansion() {
    let mut example = Example::rfc5155();
    let response = |example: &Example| {
        [
            example.expanded("a.z.w.example."),
            example.hashed("q04jkcevqvmu"),
        ]
    };
    // The span that shows the wildcard to apply may hide a delegation (section 9.2).
    let records = response(&example);
    let verdict = example.judge("a.z.w.example", "MX", &records);
    assert_eq!(spelled(&verdict), "insecure opt_out");
    example.close_spans();
    let records = response(&example);
    example.assert("a.z.w.example", "MX", &records, "secure");
}

#[test]
fn rfc_5155_b_5_wildcard_no_data_error() {
    let mut example = Example::rfc5155();
    let response = |example: &Example| {
        [
            example.signed("example.", T::SOA),
            example.hashed("k8udemvp1j2f"),
            example.hashed("q04jkcevqvmu"),
            example.hashed("r53bq7cc2uvm"),
        ]
    };
    let records = response(&example);
    let verdict = example.judge("a.z.w.example", "AAAA", &records[..3]);
    assert_eq!(spelled(&verdict), "insecure opt_out");
    example.close_spans();
    let records = response(&example);
    example.assert("a.z.w.example", "AAAA", &records, "nodata");
}

#[test]
fn rfc_5155_b_6_ds_child_zone_no_data_error() {
    let example = Example::rfc5155();
    let response = [
        example.signed("example.", T::SOA),
        example.hashed("0p9mhaveqvm6"),
    ];
    example.assert_no_denial_by_the_child(&response.concat());
}
