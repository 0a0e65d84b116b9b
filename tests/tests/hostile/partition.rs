//! Keys for one client alone: a gateway whose zone vouches for several lists of one day, relays that hand out one or the other,
//! and relays that show each client something else. A client that knows of two relays finds out, and sends nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sotto_client::mimi::{RecordForm, TieBreak};
use sotto_client::{Client, Code, Report, Setup, SetupBuilder};
use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, Epoch, KeyDocument, KeyRecord};
use sotto_tests::now;

use crate::gateway::{DAY, HOST, Parties, Scene};
use crate::relays::{Act, Asked, Relay, honest, key_document};
use crate::{ALICE, alice_at, provider, unavailable};

async fn ask(client: &Client) -> Report {
    client.lookup(ALICE.parse().unwrap(), RecordForm::Txt).await
}

/// A client that knows of two relays, and begins with the first of them.
fn client(builder: SetupBuilder, first: SocketAddr, second: SocketAddr) -> Client {
    let builder = builder.another_relay(format!("http://{second}"));
    let setup = (0..64)
        .map(|secret| {
            let builder = builder.clone().tie_break(TieBreak::new([secret; 16]));
            builder.build().unwrap()
        })
        .find(|setup: &Setup| {
            let identifier = ALICE.parse().unwrap();
            let (_, step) =
                sotto_client::Lookup::identifier(setup, identifier, RecordForm::Txt, now());
            matches!(step, sotto_client::Step::Get { url, .. } if url.contains(&first.to_string()))
        })
        .unwrap();
    Client::new(setup).unwrap()
}

/// The same gateway host in the same realm, with keys for somebody in particular, as well proved as those for everybody.
fn give_keys_of_their_own(scene: &mut Scene, secret: u8) {
    scene.ratchet = Ratchet::new(scene.ratchet.epoch(), [secret; 32]);
}

/// A gateway that hands its relay what `scene` says, and answers as alice's zone does.
async fn start(scene: &Scene) -> Parties {
    let edition = scene.publish(&alice_at("im.test"));
    let document = scene.document(&edition).encode().unwrap();
    scene
        .start(document, move |query| {
            Answer::proof(edition.prove(&query.name, &query.rtype))
        })
        .await
}

#[tokio::test]
async fn a_gateway_with_a_key_for_one_client_is_given_away_by_another_relay() {
    let mut scene = Scene::new();
    let everybody = start(&scene).await;
    let setup = scene.setup(everybody.relay());
    give_keys_of_their_own(&mut scene, 9);
    let one = start(&scene).await;

    let client = client(setup, everybody.relay(), one.relay());
    assert_eq!(provider(&ask(&client).await), "im.test", "nobody knows yet");
    let compared = client.compare_keys().await;
    let alarm = compared.alarm.as_ref().unwrap();
    assert_eq!(alarm.code, Code::KeysDiffer);
    for relay in [everybody.relay(), one.relay()] {
        assert!(alarm.to_string().contains(&relay.to_string()), "{alarm}");
    }
    let asked = (everybody.asked(), one.asked());
    assert_eq!(unavailable(&ask(&client).await), Code::KeysDiffer);
    assert_eq!(
        (everybody.asked(), one.asked()),
        asked,
        "nothing more is sent"
    );
    assert_eq!(asked, (1, 0));
}

#[tokio::test]
async fn relays_of_different_days_raise_no_alarm() {
    let scene = Scene::new();
    let fresh = start(&scene).await;
    let edition = scene.publish(&alice_at("im.test"));
    let yesterday = Epoch::at(now()).previous();
    let lagging = KeyDocument {
        lists: vec![(yesterday, scene.keys(yesterday).list().to_vec())],
        proof: edition.prove(&KeyRecord::owner_name(HOST), "TXT"),
    };
    let lagging = scene
        .start(lagging.encode().unwrap(), move |query| {
            Answer::proof(edition.prove(&query.name, &query.rtype))
        })
        .await;
    let client = client(scene.setup(lagging.relay()), lagging.relay(), fresh.relay());
    assert!(client.compare_keys().await.alarm.is_none());
    assert_eq!(provider(&ask(&client).await), "im.test");
    assert_eq!((lagging.asked(), fresh.asked()), (1, 0));
}

/// Whatever a relay does to the keys, the other one serves, and the report names the one that did and how.
#[tokio::test]
async fn a_relay_that_meddles_with_keys_is_passed_and_named() {
    let scene = Scene::new();
    let edition = scene.publish(&alice_at("im.test"));
    let proof = edition.prove(&KeyRecord::owner_name(HOST), "TXT");
    let today = Epoch::at(now());
    let encoded = |lists: Vec<(Epoch, Vec<u8>)>, proof: &[u8]| {
        let proof = proof.to_vec();
        KeyDocument { lists, proof }.encode().unwrap()
    };
    let other = Ratchet::new(scene.ratchet.epoch(), [8; 32]);
    let swapped = other.keys(today).unwrap().list().to_vec();
    let old = Epoch(today.0 - 3);
    let replayed = scene.keys(old).list().to_vec();
    let over = scene
        .realm
        .publish(&scene.key_records(HOST), now() - 20 * DAY..now() - DAY)
        .prove(&KeyRecord::owner_name(HOST), "TXT");
    let whole = encoded(scene.lists(), &proof);
    let cut = whole[..whole.len() - 1].to_vec();
    for (document, code) in [
        (
            encoded(vec![(today, swapped)], &proof),
            Code::GatewayKeysSwapped,
        ),
        (
            encoded(vec![(old, replayed)], &proof),
            Code::GatewayKeysStale,
        ),
        (cut, Code::GatewayKeysUnproved),
        (b"SKD1".to_vec(), Code::GatewayKeysUnproved),
    ] {
        let mut honest = honest(&scene);
        let evil = Relay::start(move |asked, body| match asked {
            Asked::Keys => Act::Send(key_document(&document)),
            _ => Act::Send(honest(asked, body)),
        });
        let good = start(&scene).await;
        let client = client(scene.setup(evil.address), evil.address, good.relay());
        let report = ask(&client).await;
        assert_eq!(provider(&report), "im.test", "{code}");
        assert_eq!(evil.questions.load(Ordering::SeqCst), 0, "{code}");
        let via = report.via.unwrap();
        assert_eq!(via.relay, good.relay().to_string());
        assert_eq!(via.passed.len(), 1);
        assert_eq!(via.passed[0].relay, evil.address.to_string());
        assert_eq!(via.passed[0].why.code, code);
    }
    // What might as well be this machine's clock is not put on the relay: nothing is tried elsewhere.
    let document = encoded(scene.lists(), &over);
    let mut honest = honest(&scene);
    let evil = Relay::start(move |asked, body| match asked {
        Asked::Keys => Act::Send(key_document(&document)),
        _ => Act::Send(honest(asked, body)),
    });
    let good = start(&scene).await;
    let client = client(scene.setup(evil.address), evil.address, good.relay());
    assert_eq!(unavailable(&ask(&client).await), Code::Clock);
    assert_eq!(good.asked(), 0);
}

/// A relay in league with the gateway has a proved document for each client. Whoever fetches twice, or elsewhere, sees two.
#[tokio::test]
async fn a_relay_that_shows_each_client_another_document_is_caught_by_the_second() {
    let mut scene = Scene::new();
    let answers = Arc::new(Mutex::new(honest(&scene)));
    let documents: Vec<_> = (10..13)
        .map(|secret| {
            give_keys_of_their_own(&mut scene, secret);
            let edition = scene.publish(&Vec::new());
            scene.document(&edition).encode().unwrap()
        })
        .collect();
    let fetched = Arc::new(AtomicUsize::new(0));
    let relay = || {
        let (answers, fetched, documents) = (
            Arc::clone(&answers),
            Arc::clone(&fetched),
            documents.clone(),
        );
        Relay::start(move |asked, body| match asked {
            Asked::Keys => {
                let turn = fetched.fetch_add(1, Ordering::SeqCst) % documents.len();
                Act::Send(key_document(&documents[turn]))
            }
            _ => Act::Send(answers.lock().unwrap()(asked, body)),
        })
    };
    let (first, second) = (relay(), relay());
    let client = client(scene.setup(first.address), first.address, second.address);
    let compared = client.compare_keys().await;
    assert!(
        compared.views.iter().all(|view| view.keys.is_ok()),
        "all are proved"
    );
    assert_eq!(compared.alarm.unwrap().code, Code::KeysDiffer);
    assert_eq!(unavailable(&ask(&client).await), Code::KeysDiffer);
    let questions = [&first, &second].map(|relay| relay.questions.load(Ordering::SeqCst));
    assert_eq!(questions, [0, 0]);
}
