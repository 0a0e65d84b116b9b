//! The whole world at once: everybody looked up through a relay and the gateway, over TLS.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::collections::BTreeSet;

use sotto_client::{Client, Outcome, Report};
use sotto_wire::{AnswerClass, REQUEST_BYTES};
use sotto_world::{Expected, GATEWAY_HOST, Options, RELAY_OPERATORS, World, WorldError};

fn outcome(report: &Report) -> Expected {
    match &report.outcome {
        Outcome::Found(found) => Expected::Found(found.services.len()),
        Outcome::OptedOut => Expected::OptedOut,
        Outcome::NoRecord(_) => Expected::NoRecord,
        Outcome::Invalid(_) => Expected::Invalid,
        Outcome::Insecure(_) => Expected::Insecure,
        Outcome::Bogus(_) => Expected::Bogus,
        Outcome::Unavailable(_) => Expected::Unavailable,
        other => panic!("no outcome of a lookup: {}", other.as_str()),
    }
}

/// The second would write over the keys that the first serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_for_one_world_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options {
        directory: Some(directory.path().to_owned()),
        ..Options::default()
    };
    let first = World::start(options()).await.unwrap();
    let authority = std::fs::read(directory.path().join("ca.pem")).unwrap();
    let Err(error) = World::start(options()).await else {
        panic!("two worlds in one directory");
    };
    assert!(matches!(error, WorldError::InUse(_)), "{error}");
    assert!(error.to_string().contains("world.lock"), "{error}");
    assert_eq!(
        std::fs::read(directory.path().join("ca.pem")).unwrap(),
        authority
    );
    first.shutdown().await;
    World::start(options()).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_found_out_and_nobody_but_the_client_knows_who_asked_for_whom() {
    let world = World::start(Options::default()).await.unwrap();
    let mut clients = Vec::new();
    for relay in 0..RELAY_OPERATORS.len() {
        clients.push(Client::new(world.client_setup(relay).unwrap()).unwrap());
    }
    for (person, client) in world.people().iter().zip(clients.iter().cycle()) {
        let report = client
            .lookup(person.identifier().unwrap(), person.form)
            .await;
        assert_eq!(
            outcome(&report),
            person.expected,
            "{}: {}",
            person.identifier,
            person.story
        );
        assert!(report.is_private(), "{}", person.identifier);
    }

    let views = world.take_views();
    let forwarded: Vec<_> = views.relays.iter().flatten().collect();
    assert_eq!(forwarded.len(), world.people().len());
    assert!(views.relays.iter().all(|relay| !relay.is_empty()));
    let requests: BTreeSet<usize> = forwarded.iter().map(|view| view.request_bytes).collect();
    let answers: BTreeSet<usize> = forwarded.iter().map(|view| view.answer_bytes).collect();
    assert_eq!(requests, BTreeSet::from([REQUEST_BYTES]));
    assert_eq!(answers, BTreeSet::from([AnswerClass::Base.bytes()]));

    assert_eq!(views.gateway.len(), world.people().len());
    let of_gateway = format!("{:?}", views.gateway);
    let of_resolver = format!("{:?}", views.resolver);
    let of_relays = format!("{:?}", views.relays);
    for view in &forwarded {
        assert_eq!(view.gateway, GATEWAY_HOST);
        let client = view.client.to_string();
        assert!(!of_gateway.contains(&client) && !of_resolver.contains(&client));
    }
    for person in world.people() {
        let owner = person.owner().unwrap();
        let owner = owner.trim_end_matches('.');
        assert!(!of_relays.contains(owner) && !of_relays.contains(person.identifier));
        assert!(of_gateway.contains(owner) && of_resolver.contains(owner));
    }
    assert!(
        views
            .gateway
            .iter()
            .all(|view| RELAY_OPERATORS.contains(&view.relay.as_str()))
    );
    assert!(
        views.resolver.iter().all(|view| view.dnssec),
        "DO and CD in every question"
    );
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_directory_holds_what_visitors_need() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world");
    let options = Options {
        directory: Some(path.clone()),
        ..Options::default()
    };
    let world = World::start(options).await.unwrap();
    world.export_zones(&path.join("zones")).unwrap();
    assert_eq!(
        std::fs::read_to_string(path.join("root.key")).unwrap(),
        world.anchor_text()
    );
    assert_eq!(
        std::fs::read_to_string(path.join("ca.pem")).unwrap(),
        world.authority_pem()
    );
    let zone = std::fs::read_to_string(path.join("zones/example.test.zone")).unwrap();
    assert!(zone.starts_with("example.test.") && zone.contains("\"v=MIMI1; p=10; a=hugh"));
    world.shutdown().await;
    assert!(path.join("root.key").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_option_is_named() {
    let options = Options {
        gateway_toml: "[cash]\nmax_bytes = 0\n".to_owned(),
        ..Options::default()
    };
    let Err(error) = World::start(options).await else {
        panic!("there is no [cash]")
    };
    assert!(
        error.to_string().contains("gateway.toml") && error.to_string().contains("cash"),
        "{error}"
    );
}
