//! What relay and gateway saw, laid side by side: nothing in it says which question is whose.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use sotto_client::mimi::RecordForm;
use sotto_client::{Client, Setup};
use sotto_gateway::GatewayView;
use sotto_proof::Anchors;
use sotto_relay::RelayView;
use sotto_tests::tap::{CLIENTS, Tap};
use sotto_world::{GATEWAY_HOST, Options, World};
use tokio::sync::Semaphore;

const CLIENT_COUNT: usize = 1_000;

/// How many ask at a time, fewer than a gateway's proofs in hand.
const AT_A_TIME: usize = 20;

/// What everybody looks for, in each name.
const CANARY: &str = "zebrafinch";

/// A quarter of the names exists, a quarter is refused, and so on.
const DOMAINS: [&str; 4] = ["hotel.test", "example.com", "lame.test", "unsigned.com"];

/// What the relay knows of a request besides its client and its time. A new field is a new question: can
/// it tell one request from another?
fn of_relay(view: &RelayView) -> Vec<String> {
    let RelayView {
        client: _,
        gateway,
        key_id,
        request_bytes,
        answer_bytes,
        status,
        at: _,
    } = view;
    vec![
        gateway.clone(),
        format!("key {key_id}"),
        format!("{request_bytes} octets asked"),
        format!("{answer_bytes} octets answered"),
        format!("status {status}"),
    ]
}

/// What the gateway knows of a request besides its question, what that leads to, and its time.
fn of_gateway(view: &GatewayView) -> Vec<String> {
    let GatewayView {
        relay,
        peer,
        name: _,
        rtype: _,
        status: _,
        answer_bytes,
        cached: _,
        at: _,
    } = view;
    vec![
        relay.clone(),
        peer.to_string(),
        format!("{answer_bytes} octets answered"),
    ]
}

/// Everything in `rows` that not all rows have.
fn distinguishing(rows: &[Vec<String>]) -> BTreeSet<&str> {
    let facts: BTreeSet<&str> = rows.iter().flatten().map(String::as_str).collect();
    let is_of_all = |fact: &&str| rows.iter().all(|row| row.iter().any(|known| known == fact));
    facts.into_iter().filter(|fact| !is_of_all(fact)).collect()
}

/// What whoever holds both views could join them by, beside time: a fact that not all rows of a view have.
fn links<'a>(relay: &'a [Vec<String>], gateway: &'a [Vec<String>]) -> BTreeSet<&'a str> {
    &distinguishing(relay) | &distinguishing(gateway)
}

/// Looks a thousand people up, each for a client of its own.
async fn ask_for_everybody(setup: &Setup) {
    let gate = Arc::new(Semaphore::new(AT_A_TIME));
    let lookups: Vec<_> = (0..CLIENT_COUNT)
        .map(|number| {
            let domain = DOMAINS[number % DOMAINS.len()];
            let identifier = format!("{CANARY}{number}@{domain}").parse().unwrap();
            let (gate, setup) = (Arc::clone(&gate), setup.clone());
            tokio::spawn(async move {
                let _turn = gate.acquire().await.unwrap();
                let client = Client::new(setup).unwrap();
                client.lookup(identifier, RecordForm::Txt).await
            })
        })
        .collect();
    for lookup in lookups {
        assert!(!lookup.await.unwrap().learnt.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_of_a_thousand_lookups_have_nothing_in_common_but_time_and_count() {
    let options = Options {
        gateway_toml: "[privacy]\nanswer_step_ms = 0\n".to_owned(),
        ..Options::default()
    };
    let world = World::start(options).await.unwrap();
    let tap = Tap::on(world.relay_address(0)).unwrap();
    let setup = Setup::builder(format!("https://{}", tap.address()), GATEWAY_HOST)
        .anchors(Anchors::parse(world.anchor_text()).unwrap())
        .authorities(world.authority_pem())
        .build()
        .unwrap();
    ask_for_everybody(&setup).await;
    let views = world.take_views();
    let (relay, gateway) = (&views.relays[0], &views.gateway);
    assert_eq!((relay.len(), gateway.len()), (CLIENT_COUNT, CLIENT_COUNT));

    // Each holds its own half, and not the other's.
    let clients: BTreeSet<_> = relay.iter().map(|view| view.client).collect();
    let flows: BTreeSet<SocketAddr> = tap.flows().iter().map(|flow| flow.client).collect();
    assert_eq!(clients, flows);
    assert_eq!(clients.len(), CLIENT_COUNT);
    let names: BTreeSet<_> = gateway.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names.len(), CLIENT_COUNT);
    let (by_relay, by_gateway) = (
        format!("{relay:?}"),
        format!("{gateway:?} {:?}", views.resolver),
    );
    for name in names {
        assert!(!by_relay.contains(name.trim_end_matches('.')), "{name}");
    }
    for domain in DOMAINS {
        assert!(!by_relay.contains(domain) && by_gateway.contains(domain));
    }
    assert!(by_relay.contains(CLIENTS) && !by_gateway.contains(CLIENTS));

    // What is left is the same in every row, so every pairing of the rows is as good as any other.
    let relay: Vec<_> = relay.iter().map(of_relay).collect();
    let gateway: Vec<_> = gateway.iter().map(of_gateway).collect();
    assert_eq!(links(&relay, &gateway), BTreeSet::new());

    // One fact that goes with one of a thousand, on either side, would be noticed: a key of its own, and a connection.
    for (side, column, fact) in [(0, 1, "key 200"), (1, 1, "127.0.0.1:1")] {
        let mut planted = [relay.clone(), gateway.clone()];
        planted[side][777][column] = fact.to_owned();
        assert!(links(&planted[0], &planted[1]).contains(fact), "{fact}");
    }
    world.shutdown().await;
}
