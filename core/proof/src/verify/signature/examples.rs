//! What is signed, judged by the signatures that RFC 4035 and RFC 5155 print. They are by RSA over
//! SHA-1 with keys as short as 512 bits, which no verdict may rest on, so that these tests open them
//! by themselves.

#[path = "../../../tests/support/master.rs"]
mod master;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

use super::super::crypto::nsec3_hash;
use super::super::sets::Sets;
use super::*;
use crate::rdata::{Dnskey, key_tag};
use crate::record::Record;

/// What PKCS #1 v1.5 puts before a SHA-1 digest (RFC 8017 section 9.2, note 1).
const SHA1_PREFIX: &[u8] = b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14";

fn records(text: &str) -> Vec<Record> {
    let record = |line: master::Line| Record {
        owner: Name::from_wire(&line.owner).unwrap(),
        rtype: RecordType(line.rtype),
        class: CLASS_IN,
        ttl: line.ttl,
        rdata: line.rdata.into(),
    };
    master::read(text).into_iter().map(record).collect()
}

/// Raises a signature to the exponent of an RSA key (RFC 3110 section 2).
fn open(key: &[u8], signature: &[u8]) -> Vec<u8> {
    let (exponent, modulus) = key[1..].split_at(usize::from(key[0]));
    let number = |octets| BoxedUint::from_be_slice(octets, modulus.len() as u32 * 8).unwrap();
    let parameters = BoxedMontyParams::new_vartime(Odd::new(number(modulus)).unwrap());
    let power = BoxedMontyForm::new(number(signature), &parameters).pow(&number(exponent));
    power.retrieve().to_be_bytes().to_vec()
}

/// Checks every signature over the records, and returns how many there are.
fn check(records: &[Record]) -> usize {
    let sets = Sets::new(records);
    let keys: Vec<_> = records
        .iter()
        .filter(|record| record.rtype == RecordType::DNSKEY)
        .map(|record| {
            (
                key_tag(&record.rdata),
                Dnskey::parse(&record.rdata).unwrap().key,
            )
        })
        .collect();
    let mut checked = 0;
    for record in records
        .iter()
        .filter(|record| record.rtype == RecordType::RRSIG)
    {
        let covered = Rrsig::parse(&record.rdata).unwrap().covered;
        let set = sets.get(sets.find(&record.owner, covered).unwrap());
        for signature in set.signatures.iter().filter(|other| other.record == record) {
            let key = keys.iter().find(|(tag, _)| *tag == signature.rrsig.key_tag);
            let opened = open(key.unwrap().1, signature.rrsig.signature);
            // SHA-1 of the data, which is what NSEC3 begins with.
            let digest = nsec3_hash(&signed_data(set, signature), b"", 0);
            let info = [SHA1_PREFIX, &digest].concat();
            let padding = vec![0xff; opened.len() - info.len() - 3];
            let expected = [&[0, 1][..], &padding, &[0], &info].concat();
            assert_eq!(opened, expected, "{} {covered}", record.owner);
            checked += 1;
        }
    }
    checked
}

#[test]
fn what_is_signed_is_what_rfc_4035_signed() {
    let zone = records(include_str!("../../../tests/rfc/rfc4035.zone"));
    assert_eq!(check(&zone), 27);
}

#[test]
fn what_is_signed_is_what_rfc_5155_signed() {
    let zone = records(include_str!("../../../tests/rfc/rfc5155.zone"));
    assert_eq!(check(&zone), 30);
}

/// Answers made from a wildcard: RFC 4035 appendix B.6 and RFC 5155 appendix B.4.
#[test]
fn what_a_wildcard_makes_is_signed_as_the_wildcard() {
    for text in [
        include_str!("../../../tests/rfc/rfc4035.zone"),
        include_str!("../../../tests/rfc/rfc5155.zone"),
    ] {
        let wildcard: Name = "*.w.example.".parse().unwrap();
        let mut records = records(text);
        records.retain(|record| {
            let covers_mx = record.rdata.starts_with(&RecordType::MX.0.to_be_bytes());
            record.rtype == RecordType::DNSKEY
                || record.owner == wildcard
                    && (record.rtype == RecordType::MX
                        || record.rtype == RecordType::RRSIG && covers_mx)
        });
        for record in &mut records {
            if record.owner == wildcard {
                record.owner = "a.z.w.example.".parse().unwrap();
            }
        }
        assert_eq!(check(&records), 1);
    }
}
