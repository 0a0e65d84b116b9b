//! The memory of good signatures: what it saves, and that it never decides.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

#[path = "support/kinds.rs"]
mod kinds;
mod support;
#[path = "support/world.rs"]
mod world;

use sotto_proof::{
    Limits, Record, SignatureMemory, Verdict, Verification, encode, verify_with_memory,
};
use support::*;

/// The RRSIGs of the chain to `example.test.`: three DNSKEY and two DS RRsets.
const CHAIN: usize = 5;

fn remembering(tree: &Tree, proof: &[Record], name: &str, m: &mut SignatureMemory) -> Verification {
    let asked = question(name, "TXT");
    let anchors = tree.root.anchors();
    verify_with_memory(&encode(proof), &asked, &anchors, NOW, &Limits::default(), m)
}

/// Counts the signatures that were verified, not remembered.
fn made(verification: &Verification) -> usize {
    verification.cost.signature_checks - verification.cost.remembered_checks
}

#[test]
fn the_next_name_of_a_zone_costs_its_own_signatures_alone() {
    let tree = Tree::new();
    let named = |owner: &str, text: &str| {
        [tree.to_example(), tree.example.sign(vec![txt(owner, text)])].concat()
    };
    let mut memory = SignatureMemory::default();
    let first = named("a.example.test.", "one");
    let verification = remembering(&tree, &first, "a.example.test", &mut memory);
    assert_eq!((made(&verification), memory.len()), (CHAIN + 1, CHAIN + 1));
    // The same again is free, the next name is not.
    let verification = remembering(&tree, &first, "a.example.test", &mut memory);
    assert_eq!(made(&verification), 0);
    let second = named("b.example.test.", "two");
    let verification = remembering(&tree, &second, "b.example.test", &mut memory);
    assert_eq!(spelled(&verification.verdict), "secure");
    assert_eq!(made(&verification), 1);
    // So is a denial: one NSEC for the name, one for the wildcard.
    let denial = tree.example.sign_each(vec![
        nsec("b.example.test.", "d.example.test.", "TXT RRSIG NSEC"),
        nsec(
            "example.test.",
            "a.example.test.",
            "SOA NS RRSIG NSEC DNSKEY",
        ),
    ]);
    let third = [tree.to_example(), denial].concat();
    let verification = remembering(&tree, &third, "c.example.test", &mut memory);
    assert_eq!(spelled(&verification.verdict), "nxdomain");
    assert_eq!(made(&verification), 2);
    // A zone beside it shares what is above both.
    let beside = Zone::new("other.test.");
    let fourth = [
        tree.to(&beside),
        beside.sign(vec![txt("other.test.", "three")]),
    ]
    .concat();
    let verification = remembering(&tree, &fourth, "other.test", &mut memory);
    assert_eq!(spelled(&verification.verdict), "secure");
    assert_eq!(made(&verification), 3);
    assert_eq!(memory.len(), CHAIN + 1 + 1 + 2 + 3);
}

#[test]
fn a_memory_too_small_or_without_room_is_right_as_well() {
    let world = kinds::world();
    let anchors = kinds::anchors(&world);
    for entries in [0, 8, 16] {
        let mut memory = SignatureMemory::new(entries);
        let mut remembered = 0;
        for asked in kinds::questions(&world).iter().step_by(7) {
            let proof = kinds::prove(&world, asked);
            let proof = proof.as_bytes();
            let first = verify_both(proof, asked, &anchors, NOW, &mut memory);
            let limits = Limits::default();
            let again = verify_with_memory(proof, asked, &anchors, NOW, &limits, &mut memory);
            assert_eq!(again.verdict, first.verdict);
            remembered += again.cost.remembered_checks;
        }
        assert_eq!(memory.len(), entries, "what is full stays full");
        assert_eq!(remembered > 0, entries > 0);
    }
}

#[test]
fn a_bad_signature_is_never_remembered() {
    let tree = Tree::new();
    let mut memory = SignatureMemory::default();
    let good = [
        tree.to_example(),
        tree.example.sign(vec![txt("a.example.test.", "x")]),
    ]
    .concat();
    let mut bad = good.clone();
    *bad.last_mut().unwrap().rdata.last_mut().unwrap() ^= 1;
    for _ in 0..3 {
        let verification = remembering(&tree, &bad, "a.example.test", &mut memory);
        assert_eq!(spelled(&verification.verdict), "bogus bad_signature");
        assert_eq!(verification.cost.failed_checks, 1);
        assert_eq!(memory.len(), CHAIN);
    }
    let verification = remembering(&tree, &good, "a.example.test", &mut memory);
    assert_eq!((made(&verification), memory.len()), (1, CHAIN + 1));
    let verification = remembering(&tree, &bad, "a.example.test", &mut memory);
    assert_eq!(spelled(&verification.verdict), "bogus bad_signature");
}

#[test]
fn a_remembered_signature_is_judged_anew_by_every_other_rule() {
    let tree = Tree::new();
    let leaf = tree.example.sign(vec![txt("a.example.test.", "x")]);
    let proof = [tree.to_example(), leaf.clone()].concat();
    let asked = question("a.example.test", "TXT");
    let anchors = tree.root.anchors();
    let mut memory = SignatureMemory::default();
    let mut said = |proof: &[Record], anchors, now| {
        let verification = verify_both(&encode(proof), &asked, anchors, now, &mut memory);
        spelled(&verification.verdict)
    };
    assert_eq!(said(&proof, &anchors, NOW), "secure");
    // Its time.
    let (before, after) = (u64::from(FROM) - 1, u64::from(UNTIL) + 1);
    assert_eq!(said(&proof, &anchors, after), "bogus signature_expired");
    assert_eq!(
        said(&proof, &anchors, before),
        "bogus signature_not_yet_valid"
    );
    // The trust anchor.
    let other = Zone::with_key(".", Key::ed25519("another root")).anchors();
    assert_eq!(said(&proof, &other, NOW), "bogus no_matching_key");
    // The delegation: the parent exchanges the key.
    let mut rolled = Zone::with_key("example.test.", Key::ed25519("the next key"));
    let proof = [tree.to(&rolled), leaf.clone()].concat();
    assert_eq!(said(&proof, &anchors, NOW), "bogus unknown_key");
    // With both keys in the zone, what the old one signed counts again.
    rolled.keys.push(Key::ed25519("example.test."));
    let proof = [tree.to(&rolled), leaf.clone()].concat();
    assert_eq!(said(&proof, &anchors, NOW), "secure");
    // Unless it is revoked.
    rolled.keys[1] = Key::ed25519("example.test.").with_flags(257 | 128);
    let proof = [tree.to(&rolled), leaf.clone()].concat();
    assert_eq!(said(&proof, &anchors, NOW), "bogus unknown_key");
    // The owner.
    let moved = leaf.into_iter().map(|record| Record {
        owner: name("b.example.test."),
        ..record
    });
    let proof = [tree.to_example(), moved.collect()].concat();
    let elsewhere = question("b.example.test", "TXT");
    let verification = verify_both(&encode(&proof), &elsewhere, &anchors, NOW, &mut memory);
    assert_eq!(spelled(&verification.verdict), "bogus bad_signature");
}

#[test]
fn limits_count_what_is_remembered() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example.sign(vec![txt("a.example.test.", "x")]),
    ]
    .concat();
    let asked = question("a.example.test", "TXT");
    let anchors = tree.root.anchors();
    let mut memory = SignatureMemory::default();
    let mut said = |signature_checks| {
        let limits = Limits {
            signature_checks,
            ..Limits::default()
        };
        verify_with_memory(&encode(&proof), &asked, &anchors, NOW, &limits, &mut memory).verdict
    };
    for _ in 0..2 {
        assert!(matches!(said(CHAIN + 1), Verdict::Secure(_)));
        assert_eq!(spelled(&said(CHAIN)), "bogus too_many_signature_checks");
    }
}
