//! What relay and gateway saw, laid side by side: nothing in it says which question is whose.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use sotto_client::mimi::RecordForm;
use sotto_client::{Client, Setup};
use sotto_gateway::GatewayView;
use sotto_proof::Anchors;
use sotto_relay::RelayView;
use sotto_tests::tap::{CLIENTS, Tap};
use sotto_world::{GATEWAY_HOST, Options, World};

const CLIENT_COUNT: usize = 50;

/// What everybody looks for, in each name.
const CANARY: &str = "zebrafinch";

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
    rows.iter()
        .flatten()
        .filter(|fact| !rows.iter().all(|row| row.contains(fact)))
        .map(String::as_str)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_of_fifty_lookups_have_nothing_in_common_but_time_and_count() {
    let world = World::start(Options::default()).await.unwrap();
    let tap = Tap::on(world.relay_address(0)).unwrap();
    let setup = Setup::builder(format!("https://{}", tap.address()), GATEWAY_HOST)
        .anchors(Anchors::parse(world.anchor_text()).unwrap())
        .authorities(world.authority_pem())
        .build()
        .unwrap();
    // A quarter of the names exists, a quarter is refused, and so on.
    let domains = ["hotel.test", "example.com", "lame.test", "unsigned.com"];
    for number in 0..CLIENT_COUNT {
        let domain = domains[number % domains.len()];
        let identifier = format!("{CANARY}{number}@{domain}").parse().unwrap();
        let client = Client::new(setup.clone()).unwrap();
        let report = client.lookup(identifier, RecordForm::Txt).await;
        assert!(!report.learnt.is_empty());
    }
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
    for domain in domains {
        assert!(!by_relay.contains(domain) && by_gateway.contains(domain));
    }
    assert!(by_relay.contains(CLIENTS) && !by_gateway.contains(CLIENTS));

    // What is left is the same in every row, so every pairing of the rows is as good as any other.
    let relay: Vec<_> = relay.iter().map(of_relay).collect();
    let mut gateway: Vec<_> = gateway.iter().map(of_gateway).collect();
    assert_eq!(distinguishing(&relay), BTreeSet::new());
    assert_eq!(distinguishing(&gateway), BTreeSet::new());

    // The guard would notice a connection of its own for one of them.
    gateway[7][1] = "127.0.0.1:1".to_owned();
    assert!(distinguishing(&gateway).contains("127.0.0.1:1"));
    world.shutdown().await;
}
