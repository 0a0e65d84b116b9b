//! What a gateway may send that is no proof: each is told as a lie, and can be kept as evidence.

mod support;

use sotto_client::proof::{Anchors, RecordType};
use sotto_client::{Outcome, Report};
use sotto_envelope::Answer;
use support::{GATEWAY_OPERATOR, Signing, World, Zone, txt};

fn lookup(mut world: World) -> Report {
    world.lookup("hugh@example.test")
}

fn bogus(report: &Report) -> &'static str {
    match &report.outcome {
        Outcome::Bogus(reason) => reason.code.as_str(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_altered_proof_is_a_lie() {
    let records = || vec![txt("v=MIMI1; e=im.example.test; a=hugh")];
    let whole = move |zone: &Zone, name: &str| {
        zone.signed(name, RecordType::TXT, &records(), &Signing::default())
            .into_proof()
    };
    let report = lookup(World::answering(move |zone, query| {
        let mut proof = whole(zone, &query.name);
        let at = proof
            .windows(4)
            .position(|octets| octets == b"hugh")
            .unwrap();
        proof[at] = b'H';
        Answer::proof(proof)
    }));
    assert_eq!(bogus(&report), "bad_signature");
    assert!(report.proof.is_some(), "a lie can be saved");
    assert!(report.cache_until().is_none());
}

#[test]
fn a_proof_for_another_question_is_a_lie() {
    let other = |zone: &Zone| {
        let records = [txt("v=MIMI1; e=im.example.test; a=mallory")];
        zone.signed(
            "_mimi.mallory.test.",
            RecordType::TXT,
            &records,
            &Signing::default(),
        )
        .into_proof()
    };
    let report = lookup(World::answering(move |zone, _| Answer::proof(other(zone))));
    let _ = bogus(&report);
}

#[test]
fn what_is_no_proof_is_a_lie() {
    assert_eq!(
        bogus(&lookup(World::answering(|_, _| Answer::proof(
            b"<html>".to_vec()
        )))),
        "malformed"
    );
    // A chain to a root that the client does not hold.
    let mut world = World::default();
    let setup = world
        .setup()
        .anchors(Anchors::iana())
        .key_document(world.keys(world.epoch).list());
    let setup = setup.gateway_operator(GATEWAY_OPERATOR).build().unwrap();
    let _ = bogus(&world.lookup_with(&setup, "hugh@example.test"));
}
