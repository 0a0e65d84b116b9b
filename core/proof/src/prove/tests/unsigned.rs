//! Names that are not signed: the proof of that, and where the walk for it ends.

use super::MIMI;
use super::resolver::{Resolver, holds, nsec, nsec3, question, signed, soa, txt};
use crate::record::{Record, RecordType};

/// The denial of DS at b.a.example., which is delegated without one.
fn unsigned_cut() -> Vec<Record> {
    [
        soa("a.example."),
        nsec(
            "b.a.example.",
            "c.a.example.",
            &[RecordType::NS],
            "a.example.",
        ),
    ]
    .concat()
}

#[test]
fn an_unsigned_answer_leads_to_the_denial_of_its_delegation() {
    let resolver = Resolver::tree()
        .teach(question(MIMI, RecordType::TXT), vec![txt(MIMI)], vec![])
        .teach(
            question("b.a.example.", RecordType::DS),
            vec![],
            unsigned_cut(),
        );
    let (proof, asked) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert!(holds(&proof, "b.a.example. RRSIG(NSEC)"));
    assert!(holds(&proof, "a.example. RRSIG(DNSKEY)"));
    assert!(
        !asked.contains(&"_mimi.b.a.example. DS".to_owned()),
        "the walk ends at the first denial"
    );
}

#[test]
fn an_unsigned_denial_leads_there_too_and_labels_without_a_cut_are_passed() {
    let deep = "_mimi.e.d.b.a.example.";
    let passed = [
        soa("a.example."),
        nsec(
            "b.a.example.",
            "c.a.example.",
            &[RecordType::TXT],
            "a.example.",
        ),
    ]
    .concat();
    let cut = [
        soa("a.example."),
        nsec(
            "d.b.a.example.",
            "c.a.example.",
            &[RecordType::NS],
            "a.example.",
        ),
    ]
    .concat();
    let resolver = Resolver::tree()
        .teach(question("b.a.example.", RecordType::DS), vec![], passed)
        .teach(question("d.b.a.example.", RecordType::DS), vec![], cut);
    let (proof, _) = resolver.prove(deep, RecordType::TXT).unwrap();
    assert!(holds(&proof, "d.b.a.example. RRSIG(NSEC)"));
    assert!(!holds(&proof, "b.a.example. NSEC"));
}

#[test]
fn a_span_of_opt_out_ends_the_walk() {
    let spans = nsec3(
        "0000000000000000000000000000000a.example.",
        1,
        &[],
        "example.",
    );
    let resolver = Resolver::tree().teach(
        question("unsigned.example.", RecordType::DS),
        vec![],
        [soa("example."), spans].concat(),
    );
    let (proof, asked) = resolver
        .prove("_mimi.unsigned.example.", RecordType::TXT)
        .unwrap();
    assert!(holds(
        &proof,
        "0000000000000000000000000000000a.example. RRSIG(NSEC3)"
    ));
    assert!(!asked.contains(&"_mimi.unsigned.example. DS".to_owned()));
}

#[test]
fn a_signed_zone_whose_parent_has_no_ds_gets_the_denial_of_it() {
    let resolver = Resolver::tree()
        .zone("b.a.example.", "a.example.")
        .teach(
            question("b.a.example.", RecordType::DS),
            vec![],
            unsigned_cut(),
        )
        .teach(
            question(MIMI, RecordType::TXT),
            vec![txt(MIMI), signed(MIMI, RecordType::TXT, "b.a.example.")],
            vec![],
        );
    let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert!(holds(&proof, "b.a.example. RRSIG(NSEC)"));
    assert!(holds(&proof, "a.example. RRSIG(DS)"));
}

#[test]
fn below_a_parent_without_signatures_the_walk_starts_at_the_root() {
    // example. is signed, a.example. is not, and its child is an island.
    let cut = [
        soa("example."),
        nsec("a.example.", "b.example.", &[RecordType::NS], "example."),
    ]
    .concat();
    let resolver = Resolver::default()
        .zone(".", ".")
        .zone("example.", ".")
        .teach(question("a.example.", RecordType::DS), vec![], cut)
        .teach(
            question(MIMI, RecordType::TXT),
            vec![txt(MIMI), signed(MIMI, RecordType::TXT, "b.a.example.")],
            vec![],
        );
    let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert!(holds(&proof, "a.example. RRSIG(NSEC)"));
    assert!(holds(&proof, "example. RRSIG(DNSKEY)"));
}
