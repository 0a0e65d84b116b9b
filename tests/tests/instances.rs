//! Two instances of a gateway behind a balancer, and a relay that shows them its certificate: each instance is taken out
//! and put back in while lookups go on, as the guide tells it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sotto_tests::annex::{Carrier, TalkativeServer};
use sotto_tests::asker::Asker;
use sotto_tests::balancer::Balancer;
use sotto_tests::binaries;
use sotto_world::{Options, RELAY_OPERATORS, World};
use toml::{Table, Value as Toml};

/// Who ask, all the time.
const ASKERS: usize = 6;

/// Lookups that are to succeed between any two changes.
const ENOUGH: usize = 20;

/// Has the relay of a configuration show the certificate in `place` instead of a token.
fn by_certificate(relay: &mut Table, place: &Path) {
    let gateway = relay["gateway"].as_array_mut().unwrap()[0]
        .as_table_mut()
        .unwrap();
    gateway.remove("token_file");
    for (key, file) in [
        ("client_certificate", "client.crt"),
        ("client_key", "client.key"),
    ] {
        let path = place.join(file).to_str().unwrap().to_owned();
        gateway.insert(key.to_owned(), path.into());
    }
}

/// What `sotto-relay check` tells the gateway's operator to list.
fn pin(world: &World, place: &Path) -> String {
    let name = format!("{}.toml", RELAY_OPERATORS[0]);
    let mut config: Table = fs::read_to_string(world.directory().join(name))
        .unwrap()
        .parse()
        .unwrap();
    by_certificate(&mut config, place);
    let file = place.join("relay.toml");
    fs::write(&file, config.to_string()).unwrap();
    let checked = Command::new(binaries::find("sotto-relay").unwrap())
        .args(["check", "--json", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let pin = report["pins"][0]["certificate"].as_str();
    pin.unwrap_or_else(|| panic!("{report}")).to_owned()
}

/// What askers have come to.
#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    answered: AtomicUsize,
}

impl Tally {
    /// Waits until so many more have been answered.
    fn wait_for(&self, more: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        for _ in 0..3_000 {
            if self.answered.load(Ordering::Relaxed) >= enough {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody is answered any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_taken_out_and_put_back_in_and_no_lookup_fails() {
    let world = World::start(Options::default()).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["relay.test".to_owned()]).unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("client.crt", &certified.cert.pem());
    write("client.key", &certified.signing_key.serialize_pem());
    let pin = pin(&world, place.path());

    let instance = || {
        TalkativeServer::gateway_with(
            &world,
            Carrier::Tls,
            world.resolver_address(),
            Duration::from_secs(4),
            |config| {
                let relays = config["relay"].as_array_mut().unwrap();
                relays.truncate(1);
                let relay = relays[0].as_table_mut().unwrap();
                relay.remove("token_file");
                relay.insert(
                    "certificates".to_owned(),
                    Toml::Array(vec![pin.clone().into()]),
                );
            },
        )
        .unwrap()
    };
    let mut instances = [instance(), instance()];
    let addresses = |instances: &[TalkativeServer]| -> Vec<_> {
        instances.iter().map(|instance| instance.address).collect()
    };
    let balancer = Balancer::before(addresses(&instances)).unwrap();
    let relay = TalkativeServer::relay_with(&world, Carrier::Tls, balancer.address(), |config| {
        by_certificate(config, place.path());
    })
    .unwrap();

    let asker = Asker {
        relay: relay.address,
        carrier: Carrier::Tls,
        authority: world.directory().join("ca.pem"),
    };
    let tally = Arc::new(Tally::default());
    let askers: Vec<_> = (0..ASKERS)
        .map(|index| {
            let (asker, tally) = (asker.clone(), Arc::clone(&tally));
            thread::spawn(move || {
                let mut failures = Vec::new();
                for turn in 0.. {
                    if tally.is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    match asker.ask(&format!("_mimi.nobody-{index}-{turn}.example.test.")) {
                        Ok(200) => _ = tally.answered.fetch_add(1, Ordering::Relaxed),
                        other => failures.push(format!("{other:?}")),
                    }
                }
                failures
            })
        })
        .collect();

    tally.wait_for(ENOUGH);
    for index in 0..instances.len() {
        // Out: it drains, and the balancer finds nobody there.
        let others = addresses(&instances[1 - index..=1 - index]);
        let fresh = instance();
        balancer.turn_to(others);
        drop(std::mem::replace(&mut instances[index], fresh));
        tally.wait_for(ENOUGH);
        // Back in; the other one goes next, so that this one has to serve.
        balancer.turn_to(addresses(&instances));
        tally.wait_for(ENOUGH);
    }
    tally.is_over.store(true, Ordering::Relaxed);
    for asker in askers {
        assert_eq!(asker.join().unwrap(), Vec::<String>::new());
    }
    let served = instances[0].metrics().unwrap();
    let series = format!(
        "sotto_gateway_sealed_total{{relay=\"{}\",status=\"200\"}} ",
        RELAY_OPERATORS[0]
    );
    let count = served.lines().find_map(|line| line.strip_prefix(&series));
    let count: u64 = count.unwrap_or_else(|| panic!("{served}")).parse().unwrap();
    assert!(
        count > 0,
        "the first came back into use, known by its certificate"
    );
    world.shutdown().await;
}
