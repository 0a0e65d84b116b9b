//! What lies in the span of an NSEC3 record, to the hash: neither its owner nor the next. And zones
//! whose records contradict each other.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use sotto_proof::{Limits, Record, encode, verify};
use support::*;

const ZONE: &str = "example.test.";

fn hash(name: &str) -> Vec<u8> {
    Nsec3::PLAIN.hash(&support::name(name))
}

/// Every span that ends at a hash or beside it, and whether it holds the hash.
fn spans(at: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, bool)> {
    let (below, above) = (step(at, false), step(at, true));
    let (further_below, further_above) = (step(&below, false), step(&above, true));
    let at = at.to_vec();
    [
        (&below, &above, true),
        (&below, &at, false),
        (&at, &above, false),
        // The last record of a chain, whose span goes round.
        (&below, &further_below, true),
        (&further_above, &above, true),
        (&above, &at, false),
        (&at, &below, false),
        (&above, &below, false),
        // The only record of a chain.
        (&above, &above, true),
        (&at, &at, false),
    ]
    .map(|(owner, next, holds)| (owner.clone(), next.clone(), holds))
    .into()
}

fn record(owner: &[u8], next: &[u8], types: &str) -> Record {
    Nsec3::PLAIN.record(ZONE, owner, next, types)
}

/// A record that covers the hash of a name and nothing else.
fn around(name: &str) -> Record {
    let at = hash(name);
    record(&step(&at, false), &step(&at, true), "TXT RRSIG")
}

/// A record that matches a name and covers nothing.
fn matching(name: &str, types: &str) -> Record {
    let at = hash(name);
    record(&at, &step(&at, true), types)
}

fn apex() -> Record {
    matching(ZONE, "NS SOA RRSIG DNSKEY NSEC3PARAM")
}

#[test]
fn a_name_at_an_end_of_a_span_is_not_denied() {
    let tree = Tree::new();
    for (owner, next, holds) in spans(&hash("x.example.test.")) {
        if owner == hash("x.example.test.") {
            continue; // That matches the name, and says that it exists.
        }
        let denial = vec![
            apex(),
            around("*.example.test."),
            record(&owner, &next, "TXT RRSIG"),
        ];
        let proof = [tree.to_example(), tree.example.sign_each(denial)].concat();
        let expected = if holds {
            "nxdomain"
        } else {
            "bogus denial_incomplete"
        };
        for asked in ["x.example.test", "y.x.example.test"] {
            assert_verdict(&tree, &proof, asked, "TXT", expected);
        }
    }
}

#[test]
fn a_wildcard_at_an_end_of_a_span_is_not_denied() {
    let tree = Tree::new();
    for (owner, next, holds) in spans(&hash("*.example.test.")) {
        if owner == hash("*.example.test.") {
            continue;
        }
        let denial = vec![
            apex(),
            around("x.example.test."),
            record(&owner, &next, "TXT RRSIG"),
        ];
        let proof = [tree.to_example(), tree.example.sign_each(denial)].concat();
        let expected = if holds {
            "nxdomain"
        } else {
            "bogus denial_incomplete"
        };
        assert_verdict(&tree, &proof, "x.example.test", "TXT", expected);
    }
}

#[test]
fn a_wildcard_does_not_apply_to_a_name_at_an_end_of_a_span() {
    let tree = Tree::new();
    for (owner, next, holds) in spans(&hash("x.example.test.")) {
        let answer = tree.example.expand(txt("x.example.test.", "any"), ZONE);
        let denial = tree.example.sign(vec![record(&owner, &next, "TXT RRSIG")]);
        let proof = [tree.to_example(), answer, denial].concat();
        let expected = if holds {
            "secure"
        } else {
            "bogus wildcard_unproved"
        };
        assert_verdict(&tree, &proof, "x.example.test", "TXT", expected);
    }
}

/// A record that matches the name says that it exists, whatever an opt-out span over it leaves open.
#[test]
fn a_name_that_is_matched_is_in_no_opt_out_span() {
    let tree = Tree::new();
    let at = hash("x.example.test.");
    let open = Nsec3::OPT_OUT.record(ZONE, &step(&at, false), &step(&at, true), "TXT RRSIG");
    let denial = vec![
        apex(),
        matching("x.example.test.", "TXT RRSIG"),
        open.clone(),
    ];
    let proof = [tree.to_example(), tree.example.sign_each(denial)].concat();
    let expected = "bogus denial_incomplete";
    assert_verdict(&tree, &proof, "x.example.test", "TXT", expected);
    // Without that record it may be an unsigned delegation.
    let proof = [
        tree.to_example(),
        tree.example.sign_each(vec![apex(), open]),
    ]
    .concat();
    assert_verdict(&tree, &proof, "x.example.test", "TXT", "insecure opt_out");
}

/// A zone cannot show that it is no zone itself: who has keys is signed.
#[test]
fn an_apex_that_forgets_its_soa_is_no_unsigned_delegation() {
    let tree = Tree::new();
    for denial in [
        matching(ZONE, "NS RRSIG DNSKEY"),
        nsec(ZONE, "zz.example.test.", "NS RRSIG NSEC DNSKEY"),
    ] {
        let proof = [tree.to_example(), tree.example.sign(vec![denial])].concat();
        for asked in ["x.example.test", ZONE] {
            let said = tree.verify(&proof, &question(asked, "TXT")).verdict;
            assert!(spelled(&said).starts_with("bogus"), "{said:?}");
        }
    }
}

/// The next name of an NSEC record lies in its zone, or the record says nothing: whoever believed it
/// would let a zone speak of what lies beside it.
#[test]
fn a_span_that_leaves_its_zone_denies_nothing() {
    let tree = Tree::new();
    for (next, expected) in [
        ("zz.example.test.", "nxdomain"),
        ("zz.test.", "bogus denial_incomplete"),
        ("zz.", "bogus denial_incomplete"),
    ] {
        let denial = vec![
            nsec(ZONE, "a.example.test.", "NS SOA RRSIG NSEC DNSKEY"),
            nsec("m.example.test.", next, "TXT RRSIG NSEC"),
        ];
        let proof = [tree.to_example(), tree.example.sign_each(denial)].concat();
        assert_verdict(&tree, &proof, "x.example.test", "TXT", expected);
    }
}

/// Every hash is charged, with each of its iterations, and none twice.
#[test]
fn hashing_is_counted_to_the_invocation() {
    let tree = Tree::new();
    for iterations in [0u16, 1, 7] {
        let parameters = Nsec3 {
            iterations,
            ..Nsec3::PLAIN
        };
        let chain = parameters.chain(ZONE, &[(ZONE, "NS SOA RRSIG DNSKEY")]);
        let proof = [tree.to_example(), tree.example.sign_each(chain)].concat();
        let verification = tree.verify(&proof, &question("x.example.test", "TXT"));
        assert_eq!(spelled(&verification.verdict), "nxdomain");
        // The name, its zone, and the wildcard.
        let hashes = 3 * (usize::from(iterations) + 1);
        assert_eq!(verification.cost.nsec3_hashes, hashes);
        for (nsec3_hashes, expected) in
            [(hashes, "nxdomain"), (hashes - 1, "bogus too_many_hashes")]
        {
            let limits = Limits {
                nsec3_hashes,
                ..Limits::default()
            };
            let asked = question("x.example.test", "TXT");
            let said = verify(&encode(&proof), &asked, &tree.root.anchors(), NOW, &limits);
            assert_eq!(spelled(&said.verdict), expected);
        }
    }
}
