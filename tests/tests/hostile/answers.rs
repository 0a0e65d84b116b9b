//! Gateways whose answers are not what the DNS says, or not what it says today.

use sotto_client::proof::{Limits, Record, RecordType, decode, encode};
use sotto_client::{Absence, Code, Outcome, Report};
use sotto_envelope::Answer;
use sotto_tests::{now, sotto};
use tokio::task::spawn_blocking;

use crate::gateway::{DAY, HOST, Scene};
use crate::realm::Edition;
use crate::{ALICE, ALICE_OWNER, alice_at, lookup, provider, unavailable};

/// Looks alice up through a gateway that answers every question with `proof`.
async fn answered_with(scene: &Scene, honest: &Edition, proof: Vec<u8>) -> Report {
    let document = scene.document(honest).encode().unwrap();
    let parties = scene
        .start(document, move |_| Answer::proof(proof.clone()))
        .await;
    let report = lookup(scene.setup(parties.relay()).build().unwrap()).await;
    assert_eq!(parties.asked(), 1, "nothing is asked again of itself");
    report
}

/// Checks that nobody believes an answer.
#[track_caller]
fn expect_bogus(report: &Report, what: &str) {
    assert!(
        matches!(report.outcome, Outcome::Bogus(_)),
        "{what}: {:?}",
        report.outcome
    );
    assert!(report.proof.is_some(), "{what}: the lie can be saved");
    assert!(
        report.cache_until().is_none(),
        "{what}: the lie is not kept"
    );
}

fn without(proof: &[u8], left_out: impl Fn(&Record) -> bool) -> Vec<u8> {
    let mut records = decode(proof, &Limits::default()).unwrap();
    let before = records.len();
    records.retain(|record| !left_out(record));
    assert!(records.len() < before, "nothing was left out");
    encode(&records)
}

/// What docs/threat-model.md says that we do not protect against: a gateway may answer with what the zone
/// said weeks ago, while the signatures of then are still valid.
#[tokio::test]
async fn older_data_still_valid_is_accepted() {
    let scene = Scene::new();
    let honest = scene.publish(&alice_at("new.test"));
    let signed_at = now() - 20 * DAY;
    let older = scene
        .realm
        .publish(&alice_at("old.test"), signed_at..now() + DAY);
    let report = answered_with(&scene, &honest, older.prove(ALICE_OWNER, "TXT")).await;
    assert_eq!(provider(&report), "old.test");
    let verification = report.verification.unwrap();
    assert_eq!(
        verification.leaf_inception,
        Some(signed_at),
        "the report shows how old it is"
    );
}

#[tokio::test]
async fn an_older_absence_still_valid_is_accepted_too() {
    let scene = Scene::new();
    let honest = scene.publish(&alice_at("new.test"));
    let older = scene
        .realm
        .publish(&Vec::new(), now() - 20 * DAY..now() + DAY);
    let report = answered_with(&scene, &honest, older.prove(ALICE_OWNER, "TXT")).await;
    assert!(
        matches!(report.outcome, Outcome::NoRecord(Absence::NxDomain)),
        "{:?}",
        report.outcome
    );
}

#[tokio::test]
async fn whoever_sets_a_maximum_age_is_shown_nothing_older() {
    let scene = Scene::new();
    let honest = scene.publish(&alice_at("new.test"));
    let document = scene.document(&honest).encode().unwrap();
    let older = scene
        .realm
        .publish(&alice_at("old.test"), now() - 20 * DAY..now() + DAY);
    let proof = older.prove(ALICE_OWNER, "TXT");
    let parties = scene
        .start(document, move |_| Answer::proof(proof.clone()))
        .await;
    let setup = scene.setup(parties.relay()).max_age(7 * DAY);
    assert_eq!(
        unavailable(&lookup(setup.build().unwrap()).await),
        Code::TooOld
    );
    let setup = scene.setup(parties.relay()).max_age(21 * DAY);
    assert_eq!(provider(&lookup(setup.build().unwrap()).await), "old.test");

    // The same as a person types it.
    let (relay, anchor) = (format!("http://{}", parties.relay()), scene.realm.anchor());
    let run = move |max_age: u64| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &anchor).unwrap();
        let (anchor, max_age) = (file.path().display().to_string(), max_age.to_string());
        sotto::run(&[
            "lookup",
            ALICE,
            "--json",
            "--allow-http",
            "--relay",
            &relay,
            "--gateway",
            HOST,
            "--anchor",
            &anchor,
            "--max-age",
            &max_age,
        ])
        .unwrap()
    };
    let (refused, accepted) = spawn_blocking(move || (run(7 * DAY), run(21 * DAY)))
        .await
        .unwrap();
    assert_eq!(refused.code, 8, "{refused:?}");
    assert_eq!(refused.json().unwrap()["reason"]["code"], "too_old");
    assert_eq!(accepted.code, 0, "{accepted:?}");
}

#[tokio::test]
async fn signatures_that_are_over_are_not_believed() {
    let scene = Scene::new();
    let honest = scene.publish(&alice_at("new.test"));
    let records = alice_at("old.test");
    let past = scene
        .realm
        .publish(&records, now() - 20 * DAY..now() - DAY)
        .prove(ALICE_OWNER, "TXT");
    // All of them are over: it might as well be the clock.
    let report = answered_with(&scene, &honest, past.clone()).await;
    assert_eq!(unavailable(&report), Code::Clock);
    // With today's keys of the zone beside them there is no doubt.
    let keys = |record: &Record| record.owner.is_root();
    let today = honest.prove(ALICE_OWNER, "TXT");
    let mixed = [
        without(&past, keys),
        without(&today, |record| !keys(record)),
    ]
    .concat();
    expect_bogus(
        &answered_with(&scene, &honest, mixed).await,
        "old leaf, new keys",
    );
}

#[tokio::test]
async fn no_octet_of_an_answer_can_be_altered() {
    let scene = Scene::new();
    let honest = scene.publish(&alice_at("im.test"));
    let proof = honest.prove(ALICE_OWNER, "TXT");
    let document = scene.document(&honest).encode().unwrap();
    // One octet in thirty-seven, of every record and field; the verifier's own tests alter each.
    let altered: Vec<_> = (0..proof.len()).step_by(37).collect();
    let (total, next) = (altered.len(), std::sync::atomic::AtomicUsize::new(0));
    let sent = proof.clone();
    let parties = scene
        .start(document, move |_| {
            let turn = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut proof = sent.clone();
            proof[altered[turn]] ^= 1;
            Answer::proof(proof)
        })
        .await;
    let client = sotto_client::Client::new(scene.setup(parties.relay()).build().unwrap()).unwrap();
    for turn in 0..total {
        let report = client
            .lookup(ALICE.parse().unwrap(), sotto_client::mimi::RecordForm::Txt)
            .await;
        match &report.outcome {
            Outcome::Bogus(_) => {}
            // A TTL is not signed, and a name's case does not count: neither changes what is proved.
            Outcome::Found(found) => {
                assert_eq!(
                    found.services[0].provider.as_str(),
                    "im.test",
                    "turn {turn}"
                );
                assert_eq!(found.services.len(), 1);
            }
            other => panic!("octet {}: {other:?}", 37 * turn),
        }
    }
}

#[tokio::test]
async fn a_denial_with_anything_left_out_denies_nothing() {
    let scene = Scene::new();
    let honest = scene.publish(&Vec::new());
    let denial = honest.prove(ALICE_OWNER, "TXT");
    let report = answered_with(&scene, &honest, denial.clone()).await;
    assert!(
        matches!(report.outcome, Outcome::NoRecord(_)),
        "{:?}",
        report.outcome
    );
    for rtype in [RecordType::NSEC, RecordType::DNSKEY, RecordType::RRSIG] {
        let proof = without(&denial, |record| record.rtype == rtype);
        let report = answered_with(&scene, &honest, proof).await;
        expect_bogus(&report, &format!("without {rtype}"));
    }
}

#[tokio::test]
async fn a_valid_proof_of_something_else_proves_nothing() {
    let scene = Scene::new();
    let records = [
        alice_at("im.test"),
        vec![("_mimi.bob.test.".to_owned(), b"\x04what".to_vec())],
    ]
    .concat();
    let honest = scene.publish(&records);
    for (name, rtype, what) in [
        ("_mimi.bob.test.", "TXT", "somebody else's record"),
        ("_mimi.nobody.test.", "TXT", "somebody else's absence"),
        ("_mimi.x.unsigned.test.", "TXT", "an unsigned name"),
        (ALICE_OWNER, "AAAA", "another type at the name"),
        (".", "DNSKEY", "the keys alone"),
    ] {
        let report = answered_with(&scene, &honest, honest.prove(name, rtype)).await;
        expect_bogus(&report, what);
    }
    // A whole other tree, with its own root.
    let other = Scene::new();
    let forged = other
        .publish(&alice_at("evil.test"))
        .prove(ALICE_OWNER, "TXT");
    expect_bogus(
        &answered_with(&scene, &honest, forged).await,
        "another root",
    );
}

#[tokio::test]
async fn an_answer_from_the_unsigned_part_carries_no_services() {
    let scene = Scene::new();
    let owner = "_mimi.unsigned.test.";
    let records = vec![(owner.to_owned(), alice_at("im.test")[0].1.clone())];
    let honest = scene.publish(&records);
    let (document, proof) = (
        scene.document(&honest).encode().unwrap(),
        honest.prove(owner, "TXT"),
    );
    let parties = scene
        .start(document, move |_| Answer::proof(proof.clone()))
        .await;
    let client = sotto_client::Client::new(scene.setup(parties.relay()).build().unwrap()).unwrap();
    let report = client
        .lookup(
            "unsigned.test".parse().unwrap(),
            sotto_client::mimi::RecordForm::Txt,
        )
        .await;
    assert!(
        matches!(report.outcome, Outcome::Insecure(_)),
        "{:?}",
        report.outcome
    );
}
