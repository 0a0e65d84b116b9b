//! The examples of RFC 4034, 4035, 5155 and 6840. Zones are as the RFCs print them, but for their
//! signatures: those are by RSA over SHA-1, so each RRset is signed anew.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

#[path = "support/master.rs"]
mod master;
mod support;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use sotto_proof::rdata::{Ds, Nsec, key_tag};
use sotto_proof::{
    Anchors, CLASS_IN, Code, Name, Record, RecordType, SignatureMemory, Verdict, encode,
};
use support::*;

use RecordType as T;

/// The zone `example.` of an RFC, below a root.
struct Example {
    records: Vec<Record>,
    root: Zone,
    zone: Zone,
}

fn read(text: &str) -> Vec<Record> {
    let record = |line: master::Line| Record {
        owner: Name::from_wire(&line.owner).unwrap(),
        rtype: RecordType(line.rtype),
        class: CLASS_IN,
        ttl: line.ttl,
        rdata: line.rdata.into(),
    };
    master::read(text).into_iter().map(record).collect()
}

impl Example {
    fn rfc4035() -> Self {
        Self::new(include_str!("rfc/rfc4035.zone"))
    }

    fn rfc5155() -> Self {
        Self::new(include_str!("rfc/rfc5155.zone"))
    }

    fn new(text: &str) -> Self {
        Self {
            records: read(text),
            root: Zone::new("."),
            zone: Zone::new("example."),
        }
    }

    /// Takes the opt-out flag from every NSEC3 record.
    fn close_spans(&mut self) {
        for record in &mut self.records {
            if record.rtype == T::NSEC3 {
                record.rdata[1] = 0;
            }
        }
    }

    /// Returns an RRset of the zone.
    fn set(&self, owner: &str, rtype: RecordType) -> Vec<Record> {
        let is_of = |record: &&Record| record.owner == name(owner) && record.rtype == rtype;
        let set: Vec<_> = self.records.iter().filter(is_of).cloned().collect();
        assert!(!set.is_empty(), "{owner} {rtype}");
        set
    }

    /// Returns an RRset of the zone with its signature.
    fn signed(&self, owner: &str, rtype: RecordType) -> Vec<Record> {
        self.zone.sign(self.set(owner, rtype))
    }

    /// Returns what `*.w.example.` makes for another name.
    fn expanded(&self, owner: &str) -> Vec<Record> {
        let moved = |record: Record| Record {
            owner: name(owner),
            ..record
        };
        let set = self.set("*.w.example.", RecordType::MX);
        let set = set.into_iter().map(moved).collect();
        self.zone.sign_as(set, |terms| terms.labels = 2)
    }

    /// Returns the DNSKEY and DS RRsets that lead to the zone.
    fn chain(&self) -> Vec<Record> {
        [
            self.root.dnskey(),
            self.root.sign(vec![self.zone.ds()]),
            self.zone.dnskey(),
        ]
        .concat()
    }

    /// Returns the verdict on a response, and asserts that each RRset of it is needed.
    #[track_caller]
    fn judge(&self, asked: &str, rtype: &str, response: &[Vec<Record>]) -> Verdict {
        let verdict = |response: &[Vec<Record>]| {
            let tree = Tree {
                root: Zone::new("."),
                ..Tree::new()
            };
            let proof = [self.chain(), response.concat()].concat();
            tree.verify(&proof, &question(asked, rtype)).verdict
        };
        let whole = verdict(response);
        if !matches!(whole, Verdict::Bogus(_)) {
            for at in 0..response.len() {
                let mut less = response.to_vec();
                let left_out = less.remove(at);
                // The SOA says only how long a denial may be kept.
                let is_needed = left_out[0].rtype != RecordType::SOA;
                let less = verdict(&less);
                assert_eq!(matches!(less, Verdict::Bogus(_)), is_needed, "{left_out:?}");
            }
        }
        whole
    }

    /// Asserts that what the zone says of the type DS at its apex is no answer: only the parent has
    /// one, and here it has none (RFC 6840 section 4.1).
    #[track_caller]
    fn assert_no_denial_by_the_child(&self, response: &[Record]) {
        let both = format!("{}\n{}", self.root.anchor(), self.zone.anchor());
        let both = Anchors::parse(&both).unwrap();
        let keys = [self.root.dnskey(), self.zone.dnskey()].concat();
        let octets = encode(&[keys, response.to_vec()].concat());
        let said = |rtype| {
            let asked = question("example", rtype);
            let mut memory = SignatureMemory::default();
            spelled(&verify_both(&octets, &asked, &both, NOW, &mut memory).verdict)
        };
        assert_eq!(said("DS"), "bogus no_answer");
        assert_eq!(said("AAAA"), "nodata", "the same denies other types");
    }

    #[track_caller]
    fn assert(&self, asked: &str, rtype: &str, response: &[Vec<Record>], expected: &str) {
        let verdict = self.judge(asked, rtype, response);
        assert_eq!(spelled(&verdict), expected, "{verdict:?}");
    }
}

#[test]
fn rfc_4034_keys_have_the_tags_and_the_digest_printed() {
    let records = read(include_str!("rfc/rfc4034.zone"));
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
    let records = read(include_str!("rfc/rfc4034.zone"));
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

#[test]
fn rfc_4035_b_1_answer() {
    let example = Example::rfc4035();
    let response = [example.signed("x.w.example.", T::MX)];
    example.assert("x.w.example", "MX", &response, "secure");
}

#[test]
fn rfc_4035_b_2_name_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("b.example.", T::NSEC),
        example.signed("example.", T::NSEC),
    ];
    example.assert("ml.example", "A", &response, "nxdomain");
}

#[test]
fn rfc_4035_b_3_no_data_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("ns1.example.", T::NSEC),
    ];
    example.assert("ns1.example", "MX", &response, "nodata");
}

/// The DS record of the RFC has a SHA-1 digest, which counts no more (RFC 9905): the referral is to
/// a zone that is insecure. With a digest that counts, the child's keys are missing.
#[test]
fn rfc_4035_b_4_referral_to_a_signed_zone() {
    let example = Example::rfc4035();
    let response = [example.signed("a.example.", T::DS)];
    let expected = "insecure unsupported_algorithm";
    example.assert("mc.a.example", "MX", &response, expected);
    let response = [example.zone.sign(vec![Zone::new("a.example.").ds()])];
    example.assert("mc.a.example", "MX", &response, "bogus no_answer");
    example.assert("a.example", "DS", &response, "secure");
}

#[test]
fn rfc_4035_b_5_referral_to_an_unsigned_zone() {
    let example = Example::rfc4035();
    let response = [example.signed("b.example.", T::NSEC)];
    example.assert("mc.b.example", "MX", &response, "insecure no_ds");
    example.assert("b.example", "DS", &response, "nodata");
}

#[test]
fn rfc_4035_b_6_wildcard_expansion() {
    let example = Example::rfc4035();
    let response = [
        example.expanded("a.z.w.example."),
        example.signed("x.y.w.example.", T::NSEC),
    ];
    example.assert("a.z.w.example", "MX", &response, "secure");
}

#[test]
fn rfc_4035_b_7_wildcard_no_data_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("x.y.w.example.", T::NSEC),
        example.signed("*.w.example.", T::NSEC),
    ];
    example.assert("a.z.w.example", "AAAA", &response, "nodata");
}

#[test]
fn rfc_4035_b_8_ds_child_zone_no_data_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("example.", T::NSEC),
    ];
    example.assert_no_denial_by_the_child(&response.concat());
}

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

/// The owner of an NSEC3 record by the beginning of its hash.
fn hashed(example: &Example, start: &str) -> Vec<Record> {
    let found = example
        .records
        .iter()
        .find(|record| record.rtype == T::NSEC3 && record.owner.to_string().starts_with(start));
    example.zone.sign(vec![found.unwrap().clone()])
}

/// Every NSEC3 of the zone has the opt-out flag, so that what RFC 5155 calls a name error leaves it
/// open whether there is an unsigned delegation (section 9.2).
#[test]
fn rfc_5155_b_1_name_error() {
    let mut example = Example::rfc5155();
    let response = |example: &Example| {
        [
            example.signed("example.", T::SOA),
            hashed(example, "0p9mhaveqvm6"),
            hashed(example, "b4um86eghhds"),
            hashed(example, "35mthgpgcu1q"),
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
        hashed(&example, "2t7b4g4vsa5s"),
    ];
    example.assert("ns1.example", "MX", &response, "nodata");
}

#[test]
fn rfc_5155_b_2_1_no_data_error_at_an_empty_non_terminal() {
    let example = Example::rfc5155();
    let response = [
        example.signed("example.", T::SOA),
        hashed(&example, "ji6neoaepv8b"),
    ];
    example.assert("y.w.example", "A", &response, "nodata");
}

#[test]
fn rfc_5155_b_3_referral_to_an_opt_out_unsigned_zone() {
    let example = Example::rfc5155();
    let response = [
        hashed(&example, "35mthgpgcu1q"),
        hashed(&example, "0p9mhaveqvm6"),
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
            hashed(example, "q04jkcevqvmu"),
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
            hashed(example, "k8udemvp1j2f"),
            hashed(example, "q04jkcevqvmu"),
            hashed(example, "r53bq7cc2uvm"),
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
        hashed(&example, "0p9mhaveqvm6"),
    ];
    example.assert_no_denial_by_the_child(&response.concat());
}

/// Section 4.1: the parent's record at a cut denies nothing there but DS, and nothing below, even
/// where the question lies in its span.
#[test]
fn rfc_6840_ancestor_delegations_deny_nothing_below() {
    let example = Example::rfc4035();
    // a.example. is delegated, with a DS record.
    let response = [
        example.signed("a.example.", T::NSEC),
        example.signed("example.", T::NSEC),
    ];
    for (asked, rtype) in [
        ("a.example", "MX"),
        ("a.example", "A"),
        ("x.a.example", "A"),
    ] {
        example.assert(asked, rtype, &response, "bogus denial_incomplete");
    }
    example.assert("a.example", "DS", &response, "bogus denial_incomplete");
    let example = Example::rfc5155();
    let response = [
        hashed(&example, "35mthgpgcu1q"),
        hashed(&example, "0p9mhaveqvm6"),
        hashed(&example, "b4um86eghhds"),
        hashed(&example, "q04jkcevqvmu"),
    ];
    for (asked, rtype) in [
        ("a.example", "MX"),
        ("x.a.example", "A"),
        ("y.x.a.example", "A"),
    ] {
        let verdict = example.judge(asked, rtype, &response);
        assert_eq!(spelled(&verdict), "bogus denial_incomplete", "{asked}");
    }
}

/// Section 4.1: nor does the record at a DNAME deny what lies below.
#[test]
fn rfc_6840_a_dname_is_not_denied_away() {
    let mut example = Example::rfc4035();
    let moved = nsec("ns1.example.", "ns2.example.", "A DNAME RRSIG NSEC");
    example.records.retain(|record| record.owner != moved.owner);
    example.records.push(moved);
    let response = [
        example.signed("ns1.example.", T::NSEC),
        example.signed("example.", T::NSEC),
    ];
    example.assert("x.ns1.example", "A", &response, "bogus denial_incomplete");
    example.assert("ns1.example", "MX", &response[..1], "nodata");
}

/// Section 4.3: where the CNAME bit is set, the answer would have been the CNAME.
#[test]
fn rfc_6840_a_cname_is_not_denied_away() {
    let mut example = Example::rfc4035();
    let alias = nsec("ns1.example.", "ns2.example.", "CNAME RRSIG NSEC");
    example.records.retain(|record| record.owner != alias.owner);
    example.records.push(alias);
    let response = [example.signed("ns1.example.", T::NSEC)];
    example.assert("ns1.example", "MX", &response, "bogus denial_incomplete");
}

/// Section 4.4: a name that is no delegation is no unsigned one.
#[test]
fn rfc_6840_only_a_delegation_is_shown_to_be_unsigned() {
    let example = Example::rfc4035();
    for owner in ["ns1.example.", "x.w.example.", "example."] {
        let response = [example.signed(owner, T::NSEC)];
        let verdict = example.judge(&format!("mc.{owner}"), "MX", &response);
        assert!(
            !matches!(verdict, Verdict::Insecure(_)),
            "{owner} {verdict:?}"
        );
    }
    let mut example = Example::rfc5155();
    example.close_spans();
    for (start, below) in [
        ("2t7b4g4vsa5s", "mc.ns1.example"),
        ("b4um86eghhds", "mc.x.w.example"),
        ("ji6neoaepv8b", "mc.y.w.example"),
    ] {
        let response = [hashed(&example, start)];
        example.assert(below, "MX", &response, "bogus denial_incomplete");
    }
}

/// Section 5.1: the next name of an NSEC is signed in the case that it has, the signer's name of an
/// RRSIG in lower case.
#[test]
fn rfc_6840_the_next_name_keeps_its_case() {
    let example = Example::rfc4035();
    let signed = example
        .zone
        .sign(vec![nsec("ns1.example.", "NS2.Example.", "A RRSIG NSEC")]);
    example.assert("ns1.example", "MX", std::slice::from_ref(&signed), "nodata");
    let mut lowered = signed;
    lowered[0].rdata.make_ascii_lowercase();
    example.assert("ns1.example", "MX", &[lowered], "bogus bad_signature");
}

/// Section 5.2: DS records of unknown digest types count as little as those of unknown algorithms.
#[test]
fn rfc_6840_unknown_digests_are_disregarded() {
    let example = Example::rfc4035();
    let child = Zone::new("a.example.");
    let unknown = child.ds_of(&child.keys[0], 99);
    let answer = child.sign(vec![txt("a.example.", "x")]);
    let alone = [example.zone.sign(vec![unknown.clone()])];
    let expected = "insecure unsupported_algorithm";
    example.assert("a.example", "TXT", &alone, expected);
    let both = [
        example.zone.sign(vec![unknown, child.ds()]),
        child.dnskey(),
        answer,
    ];
    example.assert("a.example", "TXT", &both, "secure");
}

/// Section 5.4: one good signature is enough.
#[test]
fn rfc_6840_any_valid_signature_suffices() {
    let example = Example::rfc4035();
    let answer = example.signed("x.w.example.", T::MX);
    let gibberish = |octet: u8| {
        let mut bad = answer[1].clone();
        *bad.rdata.last_mut().unwrap() ^= octet;
        bad
    };
    let surrounded = vec![
        gibberish(1),
        gibberish(2),
        answer[0].clone(),
        answer[1].clone(),
    ];
    example.assert("x.w.example", "MX", &[surrounded], "secure");
    let none = vec![answer[0].clone(), gibberish(1), gibberish(2)];
    example.assert("x.w.example", "MX", &[none], "bogus bad_signature");
}
