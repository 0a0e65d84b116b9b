//! Which of several keys and signatures counts, and which reason is told when none does.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use sotto_proof::{Limits, Record, RecordType, encode, verify};
use support::*;

/// What is said of `a.example.test.` when an RRset may have so many signatures tried.
fn said_within(tree: &Tree, proof: &[Record], rrsigs_per_rrset: usize) -> String {
    let limits = Limits {
        rrsigs_per_rrset,
        ..Limits::default()
    };
    let asked = question("a.example.test", "TXT");
    let anchors = tree.root.anchors();
    spelled(&verify(&encode(proof), &asked, &anchors, NOW, &limits).verdict)
}

fn said(tree: &Tree, proof: &[Record]) -> String {
    said_within(tree, proof, Limits::default().rrsigs_per_rrset)
}

fn answer(zone: &Zone) -> Vec<Record> {
    zone.sign(vec![txt("a.example.test.", "x")])
}

/// The RRSIG alone.
fn rrsig(mut signed: Vec<Record>) -> Record {
    signed.pop().unwrap()
}

fn spoilt(mut record: Record) -> Record {
    *record.rdata.last_mut().unwrap() ^= 1;
    record
}

fn is_expired(terms: &mut Terms) {
    terms.expiration = NOW as u32 - 1;
}

#[test]
fn any_key_that_the_parent_names_may_sign_the_keys() {
    let tree = Tree::new();
    let mut zone = Zone::new("example.test.");
    zone.keys
        .extend(["second", "third", "fourth"].map(Key::ed25519));
    let delegation = zone.keys.iter().map(|key| zone.ds_of(key, 2)).collect();
    let above = [tree.to_test(), tree.test.sign(delegation)].concat();
    for key in &zone.keys {
        let keys = zone.sign_by(key, zone.dnskey_records(), |_| ());
        let proof = [above.clone(), keys, answer(&zone)].concat();
        assert_eq!(said(&tree, &proof), "secure");
    }
}

#[test]
fn the_keys_are_signed_in_the_name_of_their_zone_and_from_no_wildcard() {
    let tree = Tree::new();
    let zone = &tree.example;
    let above = [tree.to_test(), tree.test.sign(vec![zone.ds()])].concat();
    let with = |change: fn(&mut Terms)| {
        let keys = zone.sign_as(zone.dnskey_records(), change);
        said(&tree, &[above.clone(), keys, answer(zone)].concat())
    };
    assert_eq!(with(|_| ()), "secure");
    for change in [
        (|terms| terms.signer = name("test.")) as fn(&mut Terms),
        |terms| terms.signer = name("a.example.test."),
        |terms| terms.labels = 1,
        |terms| terms.labels = 3,
    ] {
        assert_eq!(with(change), "bogus missing_signature");
    }
}

/// That a key which the parent does not know has signed too tells nothing, whatever comes first.
#[test]
fn the_signature_by_a_known_key_is_blamed() {
    let tree = Tree::new();
    let zone = &tree.example;
    let unknown = Key::ed25519("unknown to the parent");
    let keys = zone.dnskey_records();
    let by_unknown = rrsig(zone.sign_by(&unknown, keys.clone(), |_| ()));
    let expired = rrsig(zone.sign_as(keys.clone(), is_expired));
    let above = [tree.to_test(), tree.test.sign(vec![zone.ds()]), keys].concat();
    let with = |signatures: &[&Record]| {
        let signatures = signatures.iter().copied().cloned().collect();
        said(&tree, &[above.clone(), signatures, answer(zone)].concat())
    };
    assert_eq!(with(&[]), "bogus missing_signature");
    assert_eq!(with(&[&by_unknown]), "bogus unknown_key");
    assert_eq!(with(&[&by_unknown, &expired]), "bogus signature_expired");
    assert_eq!(with(&[&expired, &by_unknown]), "bogus signature_expired");
}

/// The limit on RRSIGs bounds work, so it counts those alone that cause some.
#[test]
fn the_limit_counts_the_signatures_that_are_checked() {
    let tree = Tree::new();
    let zone = &tree.example;
    for rtype in [RecordType::DNSKEY, RecordType::TXT] {
        let set = match rtype {
            RecordType::DNSKEY => zone.dnskey_records(),
            _ => vec![txt("a.example.test.", "x")],
        };
        let good = rrsig(zone.sign(set.clone()));
        let bad = spoilt(good.clone());
        let expired = rrsig(zone.sign_as(set.clone(), is_expired));
        let with = |signatures: &[&Record], limit| {
            let signatures: Vec<_> = signatures.iter().copied().cloned().collect();
            let signed = [set.clone(), signatures].concat();
            let proof = match rtype {
                RecordType::DNSKEY => {
                    let above = [tree.to_test(), tree.test.sign(vec![zone.ds()])].concat();
                    [above, signed, answer(zone)].concat()
                }
                _ => [tree.to_example(), signed].concat(),
            };
            said_within(&tree, &proof, limit)
        };
        assert_eq!(with(&[&bad, &good], 1), "bogus bad_signature");
        assert_eq!(with(&[&bad, &good], 2), "secure");
        assert_eq!(with(&[&bad, &bad, &good], 2), "bogus bad_signature");
        // The first over the answer causes the keys of its signer to be checked.
        let limit = 1 + usize::from(rtype == RecordType::TXT);
        assert_eq!(with(&[&expired, &expired, &good], limit), "secure");
    }
}

#[test]
fn a_ds_record_matches_in_every_field() {
    let tree = Tree::new();
    let zone = &tree.example;
    let with = |change: fn(&mut Vec<u8>)| {
        let mut ds = zone.ds();
        let mut rdata = ds.rdata.to_vec();
        change(&mut rdata);
        ds.rdata = rdata.into();
        let above = [tree.to_test(), tree.test.sign(vec![ds])].concat();
        said(&tree, &[above, zone.dnskey(), answer(zone)].concat())
    };
    assert_eq!(with(|_| ()), "secure");
    for change in [
        // Key tag, algorithm, digest type, digest.
        (|rdata| rdata[1] ^= 1) as fn(&mut Vec<u8>),
        |rdata| rdata[2] = 13,
        |rdata| rdata[3] = 4,
        |rdata| rdata[4] ^= 1,
        |rdata| rdata.truncate(35),
        |rdata| rdata.truncate(4),
        |rdata| rdata.push(0),
    ] {
        assert_eq!(with(change), "bogus no_matching_key");
    }
}

/// Whatever the algorithm, a signature counts for the octets that it was made over, and whole.
#[test]
fn a_spoilt_signature_of_any_algorithm_is_bad() {
    let tree = Tree::new();
    for algorithm in [8, 10, 13, 14, 15] {
        let zone = Zone::with_key("example.test.", Key::generate(algorithm));
        let signed = answer(&zone);
        let with =
            |set: Record, rrsig: Record| said(&tree, &[tree.to(&zone), vec![set, rrsig]].concat());
        let (set, rrsig) = (signed[0].clone(), signed[1].clone());
        assert_eq!(with(set.clone(), rrsig.clone()), "secure", "{algorithm}");
        let mut short = rrsig.clone();
        short.rdata = rrsig.rdata[..rrsig.rdata.len() - 1].into();
        for (set, rrsig) in [
            (set.clone(), spoilt(rrsig.clone())),
            (set.clone(), short),
            (spoilt(set), rrsig),
        ] {
            assert_eq!(with(set, rrsig), "bogus bad_signature", "{algorithm}");
        }
    }
}
