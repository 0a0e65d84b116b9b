//! Relay and gateway are drained and killed, and started again, while people ask: no answer that was given is lost, no question
//! goes twice, every failure has its name, and afterwards all are answered.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sotto_client::mimi::RecordForm;
use sotto_client::proof::Anchors;
use sotto_client::{Client, Code, Outcome, Setup};
use sotto_tests::annex::{Carrier, End, Restarting};
use sotto_tests::faults::Wire;
use sotto_world::{GATEWAY_HOST, Options, World};

const HUGH: &str = "hugh@example.test";

/// Who ask, all the time, each over a connection of its own.
const ASKERS: usize = 6;

/// Lookups that are to succeed before and after each restart.
const ENOUGH: usize = 30;

/// What askers have come to.
#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    answered: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    /// Waits until so many more have been answered.
    async fn wait_for(&self, more: usize) {
        let enough = self.answered.load(Ordering::SeqCst) + more;
        for _ in 0..3_000 {
            if self.answered.load(Ordering::SeqCst) >= enough {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nobody is answered any more");
    }
}

fn client(world: &World, carrier: Carrier, relay: &Restarting) -> Client {
    let setup = Setup::builder(carrier.url(relay.address), GATEWAY_HOST)
        .anchors(Anchors::parse(world.anchor_text()).unwrap())
        .authorities(world.authority_pem())
        .allow_http_not_private(carrier == Carrier::Plain)
        .connect_timeout(2)
        .request_timeout(5)
        .build()
        .unwrap();
    Client::new(setup).unwrap()
}

/// Asks until told to stop; returns the reasons of failures.
async fn ask(client: Client, tally: Arc<Tally>) -> Vec<Code> {
    let mut reasons = Vec::new();
    while !tally.is_over.load(Ordering::SeqCst) {
        let report = client.lookup(HUGH.parse().unwrap(), RecordForm::Txt).await;
        match &report.outcome {
            Outcome::Found(_) => _ = tally.answered.fetch_add(1, Ordering::SeqCst),
            Outcome::Unavailable(why) => {
                tally.failed.fetch_add(1, Ordering::SeqCst);
                reasons.push(why.code);
            }
            other => panic!("{other:?}"),
        }
    }
    let report = client.lookup(HUGH.parse().unwrap(), RecordForm::Txt).await;
    let is_found = matches!(report.outcome, Outcome::Found(_));
    assert!(is_found, "after all: {:?}", report.outcome);
    tally.answered.fetch_add(1, Ordering::SeqCst);
    reasons
}

/// Envelopes that a gateway has answered, or says that it answered before, since it was started.
fn seen(gateway: &Restarting) -> usize {
    let counted = [
        "sotto_gateway_sealed_total{",
        "sotto_gateway_refused_total{cause=\"replay\"}",
    ];
    let metrics = gateway.metrics().unwrap();
    let lines = metrics
        .lines()
        .filter(|line| counted.iter().any(|series| line.starts_with(series)));
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
        .sum()
}

/// Has a server restarted while people ask. Returns how many were answered, and why others were not.
async fn under_load(clients: &[Client], restart: impl FnOnce()) -> (usize, Vec<Code>) {
    let tally = Arc::new(Tally::default());
    let askers: Vec<_> = clients
        .iter()
        .map(|client| tokio::spawn(ask(client.clone(), Arc::clone(&tally))))
        .collect();
    tally.wait_for(ENOUGH).await;
    tokio::task::block_in_place(restart);
    tally.wait_for(ENOUGH).await;
    tally.is_over.store(true, Ordering::SeqCst);
    let mut reasons = Vec::new();
    for asker in askers {
        reasons.extend(asker.await.unwrap());
    }
    assert_eq!(reasons.len(), tally.failed.load(Ordering::SeqCst));
    (tally.answered.load(Ordering::SeqCst), reasons)
}

async fn restarts(carrier: Carrier) {
    let options = Options {
        gateway_toml: "[privacy]\nanswer_step_ms = 0\n".to_owned(),
        ..Options::default()
    };
    let world = World::start(options).await.unwrap();
    let mut gateway = Restarting::gateway(&world, carrier).unwrap();
    let to_gateway = Wire::to(gateway.address).unwrap();
    let mut relay = Restarting::relay(&world, carrier, to_gateway.address()).unwrap();
    let clients: Vec<_> = (0..ASKERS)
        .map(|_| client(&world, carrier, &relay))
        .collect();

    // Whoever was on its way to the relay, or at it when it was killed, learns that the connection is lost.
    for end in [End::Drained, End::Killed] {
        let before = seen(&gateway);
        let restart = || relay.restart(end).unwrap();
        let (answered, reasons) = under_load(&clients, restart).await;
        let permitted = [
            Code::ConnectFailed,
            Code::ConnectionLost,
            Code::RelayUnready,
        ];
        let is_told = |code: &Code| permitted.contains(code);
        assert!(reasons.iter().all(is_told), "{end:?}: {reasons:?}");
        let seen = seen(&gateway) - before;
        match end {
            End::Drained => assert_eq!(seen, answered, "no answer is lost: {reasons:?}"),
            End::Killed => {
                let lost = reasons.iter().filter(|code| **code == Code::ConnectionLost);
                let at_most = answered + lost.count();
                assert!((answered..=at_most).contains(&seen), "{seen}: {reasons:?}");
            }
        }
    }

    for end in [End::Drained, End::Killed] {
        let restart = || gateway.restart(end).unwrap();
        let (_, reasons) = under_load(&clients, restart).await;
        let permitted = [Code::GatewayUnreachable, Code::RelayUnready];
        let is_told = |code: &Code| permitted.contains(code);
        assert!(reasons.iter().all(is_told), "{end:?}: {reasons:?}");
    }
    if carrier == Carrier::Plain {
        let contents = to_gateway.contents();
        let distinct: BTreeSet<_> = contents.iter().collect();
        assert_eq!(distinct.len(), contents.len(), "no envelope goes twice");
        assert!(contents.len() >= 8 * ENOUGH, "{}", contents.len());
    }
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_under_load_over_http_2_lose_no_answer() {
    restarts(Carrier::Tls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_under_load_over_http_1_lose_no_answer() {
    restarts(Carrier::Plain).await;
}
