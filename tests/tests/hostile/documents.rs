//! Key documents that nobody should believe, handed on by a relay that cannot tell. Nothing is ever sealed to
//! a key that the DNS does not prove.

use sotto_client::{Client, Code, Detail, Outcome};
use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, Epoch, KeyDocument, KeyRecord};
use sotto_tests::now;

use crate::gateway::{DAY, HOST, OPERATOR, RELAY_OPERATOR, Scene};
use crate::realm::Edition;
use crate::{alice_at, lookup, provider, unavailable};

/// Looks alice up where `document` is handed out, and checks that the gateway was not asked.
async fn expect(scene: &Scene, document: Vec<u8>, code: Code, what: &str) -> Option<Detail> {
    let parties = scene
        .start(document, |_| unreachable!("nothing may be sent"))
        .await;
    let report = lookup(scene.setup(parties.relay()).build().unwrap()).await;
    assert_eq!(parties.asked(), 0, "{what}");
    assert!(!report.learnt.is_empty(), "{what}");
    match report.outcome {
        Outcome::Unavailable(why) => {
            assert_eq!(why.code, code, "{what}: {why}");
            why.detail
        }
        other => panic!("{what}: {other:?}"),
    }
}

fn encoded(lists: Vec<(Epoch, Vec<u8>)>, proof: Vec<u8>) -> Vec<u8> {
    KeyDocument { lists, proof }.encode().unwrap()
}

fn key_proof(edition: &Edition, host: &str) -> Vec<u8> {
    edition.prove(&KeyRecord::owner_name(host), "TXT")
}

/// The lists that another secret gives for the same days.
fn swapped(scene: &Scene) -> Vec<(Epoch, Vec<u8>)> {
    let other = Ratchet::new(scene.ratchet.epoch(), [8; 32]);
    scene
        .lists()
        .into_iter()
        .map(|(epoch, _)| (epoch, other.keys(epoch).unwrap().list().to_vec()))
        .collect()
}

#[tokio::test]
async fn an_honest_document_is_believed() {
    let scene = Scene::new();
    let edition = scene.publish(&alice_at("im.test"));
    let document = scene.document(&edition).encode().unwrap();
    let parties = scene
        .start(document, move |query| {
            Answer::proof(edition.prove(&query.name, &query.rtype))
        })
        .await;
    let report = lookup(scene.setup(parties.relay()).build().unwrap()).await;
    assert_eq!(provider(&report), "im.test");
    assert!(report.is_private());
}

#[tokio::test]
async fn keys_that_the_zone_does_not_name_are_swapped_keys() {
    let scene = Scene::new();
    let edition = scene.publish(&Vec::new());
    let proof = key_proof(&edition, HOST);
    let swapped_keys = Code::GatewayKeysSwapped;
    let today = Epoch::at(now());
    expect(
        &scene,
        encoded(swapped(&scene), proof.clone()),
        swapped_keys,
        "another secret",
    )
    .await;
    let tomorrow = scene.keys(today.next()).list().to_vec();
    expect(
        &scene,
        encoded(vec![(today, tomorrow)], proof.clone()),
        swapped_keys,
        "tomorrow's list as today's",
    )
    .await;
    let old = scene.keys(Epoch(today.0 - 3)).list().to_vec();
    expect(
        &scene,
        encoded(vec![(today, old)], proof),
        swapped_keys,
        "an old list as today's",
    )
    .await;
}

#[tokio::test]
async fn one_good_list_beside_a_swapped_one_is_used_and_the_other_is_not() {
    let scene = Scene::new();
    let edition = scene.publish(&alice_at("im.test"));
    let mut lists = swapped(&scene);
    lists[1] = scene.lists().remove(1);
    let digest = scene.keys(lists[1].0).digest();
    let document = encoded(lists, key_proof(&edition, HOST));
    let parties = scene
        .start(document, move |query| {
            Answer::proof(edition.prove(&query.name, &query.rtype))
        })
        .await;
    let report = lookup(scene.setup(parties.relay()).build().unwrap()).await;
    assert_eq!(provider(&report), "im.test");
    assert_eq!(report.key_digest, Some(digest));
}

#[tokio::test]
async fn a_replayed_document_is_stale_although_its_proof_still_holds() {
    let scene = Scene::new();
    let edition = scene.publish(&Vec::new());
    let today = Epoch::at(now());
    let lists = [today.0 - 4, today.0 - 3]
        .map(|epoch| (Epoch(epoch), scene.keys(Epoch(epoch)).list().to_vec()))
        .to_vec();
    let document = encoded(lists, key_proof(&edition, HOST));
    let detail = expect(&scene, document, Code::GatewayKeysStale, "of last week").await;
    assert!(matches!(detail, Some(Detail::Cause(_))), "{detail:?}");
}

#[tokio::test]
async fn a_document_whose_signatures_are_over_blames_the_clock() {
    let scene = Scene::new();
    let edition = scene
        .realm
        .publish(&scene.key_records(HOST), now() - 20 * DAY..now() - DAY);
    let document = encoded(scene.lists(), key_proof(&edition, HOST));
    expect(&scene, document, Code::Clock, "signed until yesterday").await;
}

#[tokio::test]
async fn the_proof_of_another_host_proves_no_keys() {
    let scene = Scene::new();
    let edition = scene
        .realm
        .publish(&scene.key_records("other.test"), now() - DAY..now() + DAY);
    for (name, code, what) in [
        (
            KeyRecord::owner_name("other.test"),
            Code::GatewayKeysForeign,
            "another host's record",
        ),
        (
            KeyRecord::owner_name(HOST),
            Code::GatewayKeysUnproved,
            "that there is no record",
        ),
    ] {
        let document = encoded(scene.lists(), edition.prove(&name, "TXT"));
        expect(&scene, document, code, what).await;
    }
}

#[tokio::test]
async fn a_gateway_in_an_unsigned_zone_has_no_keys_to_believe() {
    let scene = Scene::at("gateway.unsigned.test");
    let edition = scene.publish(&Vec::new());
    let document = scene.document(&edition).encode().unwrap();
    let detail = expect(&scene, document, Code::GatewayZoneUnsigned, "unsigned").await;
    let Some(Detail::Proof(reason)) = detail else {
        panic!("{detail:?}");
    };
    assert_eq!(reason.name.to_string(), "unsigned.test.");
}

#[tokio::test]
async fn a_wildcard_vouches_for_no_gateway() {
    let scene = Scene::new();
    let records = scene
        .key_records(HOST)
        .into_iter()
        .map(|(_, rdata)| ("*.test".to_owned(), rdata))
        .collect();
    let edition = scene.realm.publish(&records, now() - DAY..now() + DAY);
    let document = encoded(scene.lists(), key_proof(&edition, HOST));
    expect(
        &scene,
        document,
        Code::GatewayKeysUnproved,
        "from a wildcard",
    )
    .await;
}

#[tokio::test]
async fn two_digests_for_one_day_spoil_the_record() {
    let scene = Scene::new();
    let mut records = scene.key_records(HOST);
    let second = KeyRecord {
        operator: OPERATOR.to_owned(),
        epoch: Epoch::at(now()),
        digest: [0; 32],
    };
    records.push((KeyRecord::owner_name(HOST), second.to_rdata()));
    let edition = scene.realm.publish(&records, now() - DAY..now() + DAY);
    let document = encoded(scene.lists(), key_proof(&edition, HOST));
    expect(&scene, document, Code::GatewayKeysUnproved, "two digests").await;
}

#[tokio::test]
async fn what_is_no_document_is_no_document() {
    let scene = Scene::new();
    let good = scene
        .document(&scene.publish(&Vec::new()))
        .encode()
        .unwrap();
    let mut altered = good.clone();
    *altered.last_mut().unwrap() ^= 1;
    for (document, what) in [
        (altered, "one octet altered"),
        (good[..good.len() - 1].to_vec(), "one octet short"),
        (good[..40].to_vec(), "cut in a list"),
        (b"SKD1\x00".to_vec(), "no list"),
        (b"SKD2".to_vec(), "another version"),
        (vec![0xff; 60_000], "noise"),
    ] {
        expect(&scene, document, Code::GatewayKeysUnproved, what).await;
    }
}

#[tokio::test]
async fn one_operator_for_both_is_refused_unless_privacy_is_given_up() {
    let scene = Scene::new();
    // The gateway's zone names the relay's operator.
    let records = scene
        .key_records(HOST)
        .into_iter()
        .map(|(owner, rdata)| {
            let text = KeyRecord::parse(&rdata).unwrap();
            let own = KeyRecord {
                operator: format!("gateways.{RELAY_OPERATOR}"),
                ..text
            };
            (owner, own.to_rdata())
        })
        .chain(alice_at("im.test"))
        .collect();
    let edition = scene.realm.publish(&records, now() - DAY..now() + DAY);
    let document = encoded(scene.lists(), key_proof(&edition, HOST));
    let parties = scene
        .start(document, move |query| {
            Answer::proof(edition.prove(&query.name, &query.rtype))
        })
        .await;
    let setup = scene.setup(parties.relay());
    let refused = lookup(setup.clone().build().unwrap()).await;
    assert_eq!(unavailable(&refused), Code::SameOperator);
    assert_eq!(parties.asked(), 0);

    let client = Client::new(setup.not_private(true).build().unwrap()).unwrap();
    let report = client
        .lookup(
            crate::ALICE.parse().unwrap(),
            sotto_client::mimi::RecordForm::Txt,
        )
        .await;
    assert_eq!(provider(&report), "im.test");
    assert!(!report.is_private(), "and the report says so");
}
