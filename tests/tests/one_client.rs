//! One client of an application: from a thousand tasks, dropped at any time, over IPv6, past a relay that is down.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use sotto_client::mimi::{RecordForm, TieBreak};
use sotto_client::proof::Anchors;
use sotto_client::{Chosen, Client, Code, Outcome, Report, Setup, SetupBuilder};
use sotto_gateway::Gateway;
use sotto_relay::Relay;
use sotto_tests::sotto;
use sotto_world::{GATEWAY_HOST, Options, RELAY_OPERATORS, World};
use toml::Table;

const HUGH: &str = "hugh@example.test";

/// A world whose gateway answers at once.
async fn world() -> World {
    let options = Options {
        gateway_toml: "[privacy]\nanswer_step_ms = 0\n".to_owned(),
        ..Options::default()
    };
    World::start(options).await.unwrap()
}

async fn ask(client: &Client) -> Report {
    client.lookup(HUGH.parse().unwrap(), RecordForm::Txt).await
}

#[track_caller]
fn is_found(report: &Report) {
    assert!(
        matches!(report.outcome, Outcome::Found(_)),
        "{:?}",
        report.outcome
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_serves_a_thousand_tasks() {
    let world = world().await;
    let client = Client::new(world.client_setup(0).unwrap()).unwrap();
    // The first connection, so that a thousand are not opened at once.
    is_found(&ask(&client).await);
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client).await })
        })
        .collect();
    let (mut found, mut busy) = (0, 0);
    for task in tasks {
        let report = task.await.unwrap();
        match &report.outcome {
            Outcome::Found(_) => found += 1,
            // The relay's limit, for one client at a time.
            Outcome::Unavailable(why) if why.code == Code::RelayBusy => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found + busy, 1_000);
    assert!(found >= 100, "{found} found, {busy} refused");
    // And afterwards as before.
    is_found(&ask(&client).await);
}

/// Polls a future so many times, and gives it up.
struct Dropped<F> {
    future: Option<Pin<Box<F>>>,
    polls: usize,
}

impl<F: Future> Future for Dropped<F> {
    /// What the future came to, if it did.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        self.polls -= 1;
        if self.polls == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

#[tokio::test]
async fn a_lookup_that_is_dropped_at_any_await_leaves_nothing_broken() {
    let world = world().await;
    let setup = world.client_setup(0).unwrap();
    let mut finished = 0;
    for polls in 1..200 {
        // A new client each time: with a connection to open, two documents to fetch, and a question.
        let client = Client::new(setup.clone()).unwrap();
        let dropped = Dropped {
            future: Some(Box::pin(ask(&client))),
            polls,
        };
        let came = pin!(dropped).await;
        is_found(&ask(&client).await);
        if let Some(report) = came {
            is_found(&report);
            finished += 1;
            if finished == 2 {
                assert!(
                    polls > 4,
                    "there was hardly an await to be dropped at: {polls}"
                );
                return;
            }
        }
    }
    panic!("no lookup came to its end");
}

/// A configuration of the world's, on the IPv6 loopback address and without TLS.
fn over_ipv6(world: &World, file: &str) -> Table {
    let text = std::fs::read_to_string(world.directory().join(file)).unwrap();
    let mut config: Table = text.parse().unwrap();
    let listen = toml::toml! {
        address = "[::1]:0"
        plain_http = true
    };
    config.insert("listen".to_owned(), listen.into());
    config
}

#[tokio::test]
async fn every_hop_may_be_ipv6() {
    let world = world().await;
    let keys = tempfile::tempdir().unwrap();
    let state = keys.path().join("gateway.keys");
    let mut config = over_ipv6(&world, "gateway.toml");
    let theirs = config["keys"]["state"].as_str().unwrap().to_owned();
    std::fs::copy(theirs, &state).unwrap();
    config["keys"]["state"] = state.to_str().unwrap().into();
    let gateway = Gateway::start(config.try_into().unwrap(), None)
        .await
        .unwrap();
    gateway.ready().await;
    assert!(gateway.address.is_ipv6());

    let mut config = over_ipv6(&world, &format!("{}.toml", RELAY_OPERATORS[0]));
    let route = config["gateway"][0].as_table_mut().unwrap();
    route["url"] = format!("http://{}", gateway.address).into();
    route.remove("ca");
    let relay = Relay::start(config.try_into().unwrap(), None)
        .await
        .unwrap();
    assert!(relay.address.is_ipv6());

    let setup = Setup::builder(format!("http://{}", relay.address), GATEWAY_HOST)
        .allow_http_not_private(true)
        .anchors(Anchors::parse(world.anchor_text()).unwrap())
        .build()
        .unwrap();
    let report = ask(&Client::new(setup).unwrap()).await;
    is_found(&report);
    assert_eq!(report.via.unwrap().relay, relay.address.to_string());
    relay.shutdown().await;
    gateway.shutdown().await;
}

/// A setup of a client that draws a relay first that is not there.
fn beginning_with(absent: &str, builder: &SetupBuilder) -> Setup {
    (0..64)
        .map(|secret| {
            let builder = builder.clone().another_relay(format!("https://{absent}"));
            builder
                .tie_break(TieBreak::new([secret; 16]))
                .build()
                .unwrap()
        })
        .find(|setup| {
            let identifier = HUGH.parse().unwrap();
            let (_, step) = sotto_client::Lookup::identifier(
                setup,
                identifier,
                RecordForm::Txt,
                sotto_tests::now(),
            );
            matches!(step, sotto_client::Step::Get { url, .. } if url.contains(absent))
        })
        .unwrap()
}

#[tokio::test]
async fn a_relay_that_is_down_is_named_and_passed() {
    let world = world().await;
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let absent = closed.local_addr().unwrap().to_string();
    drop(closed);
    let builder = world.client_builder(0).unwrap();
    let client = Client::new(beginning_with(&absent, &builder)).unwrap();
    let report = ask(&client).await;
    is_found(&report);
    let via = report.via.unwrap();
    assert_eq!(via.relay, world.relay_address(0).to_string());
    assert_eq!(via.relay_chosen, Chosen::Next);
    assert_eq!(via.passed[0].relay, absent);
    assert_eq!(via.passed[0].why.code, Code::ConnectFailed);
    // The next lookup does not try it again.
    let again = ask(&client).await;
    assert_eq!(again.via.unwrap().relay_chosen, Chosen::Remembered);
}

#[tokio::test]
async fn two_honest_relays_show_the_same_keys() {
    let world = world().await;
    let builder = world.client_builder(0).unwrap();
    let setup = builder.another_relay(world.relay_url(1)).build().unwrap();
    let client = Client::new(setup).unwrap();
    assert!(client.until_comparison().is_some());
    let compared = client.compare_keys().await;
    assert!(compared.alarm.is_none());
    assert_eq!(compared.views.len(), 2);
    assert!(
        compared.views.iter().all(|view| view.keys.is_ok()),
        "{compared:?}"
    );
    // The gateway saw nobody.
    assert!(world.take_views().gateway.is_empty());
    is_found(&ask(&client).await);
}

/// The same as a person types it: the way is told, and so is who failed.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_which_way_it_went_and_who_failed() {
    let world = world().await;
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let absent = closed.local_addr().unwrap().to_string();
    drop(closed);
    let folder = tempfile::tempdir().unwrap();
    let config = |relays: &[String]| {
        let tables: String = relays
            .iter()
            .map(|relay| format!("[[relay]]\nurl = \"https://{relay}\"\nweight = 2\n"))
            .collect();
        let file = folder.path().join(format!("{}.toml", relays.len()));
        let directory = world.directory().display();
        let text = format!(
            "gateway = \"{GATEWAY_HOST}\"\nanchor = \"{directory}/root.key\"\nca = \"{directory}/ca.pem\"\n{tables}"
        );
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let there = world.relay_address(0).to_string();
    let (both, none) = (
        config(&[absent.clone(), there.clone()]),
        config(std::slice::from_ref(&absent)),
    );
    let run = |arguments: Vec<String>| async move {
        let run = move || sotto::run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(run).await.unwrap().unwrap()
    };
    let arguments = |config: &str, flag: &str| {
        ["lookup", HUGH, "--config", config, flag]
            .map(str::to_owned)
            .to_vec()
    };
    let found = run(arguments(&both, "--json")).await;
    assert_eq!(found.code, 0, "{found:?}");
    assert_eq!(found.json().unwrap()["via"]["relay"], there.as_str());
    let explained = run(arguments(&both, "--explain")).await;
    assert!(
        explained.stdout.contains(&format!("over relay {there}: ")),
        "{explained:?}"
    );

    let failed = run(arguments(&none, "--json")).await;
    assert_eq!(failed.code, 8, "{failed:?}");
    let reason = &failed.json().unwrap()["reason"];
    assert_eq!(
        (&reason["code"], &reason["relay"]),
        (&"connect_failed".into(), &absent.as_str().into())
    );
    assert_eq!(reason["gateway"], GATEWAY_HOST);
}
