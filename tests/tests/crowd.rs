//! Two thousand clients that dawdle in every way there is, and others who ask meanwhile: of a gateway and a relay as
//! processes.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::thread;
use std::time::Duration;

use sotto_tests::annex::{Carrier, TalkativeServer};
use sotto_tests::asker::Asker;
use sotto_tests::crowd::Crowd;
use sotto_wire::{media, path};
use sotto_world::{GATEWAY_HOST, Options, RELAY_OPERATORS, World};

/// Lookups at a time, each over a connection of its own.
const ASKERS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_who_dawdle_do_not_hurt_who_asks() {
    let world = World::start(Options::default()).await.unwrap();
    let patience = Duration::from_secs(4);
    let token = world
        .directory()
        .join(format!("{}.token", RELAY_OPERATORS[0]));
    let token = std::fs::read_to_string(token).unwrap();
    let fields = format!("content-type: {}\r\n", media::OHTTP_REQUEST);
    let admitted = format!("{fields}authorization: Bearer {}\r\n", token.trim());
    for (carrier, count) in [(Carrier::Plain, 2_000), (Carrier::Tls, 500)] {
        let resolver = world.resolver_address();
        let gateway = TalkativeServer::gateway(&world, carrier, resolver, patience).unwrap();
        let relay = TalkativeServer::relay(&world, carrier, gateway.address).unwrap();
        let before_gateway = Crowd::gather(gateway.address, count, path::GATEWAY, &admitted);
        let resource = format!("/{GATEWAY_HOST}");
        let before_relay = Crowd::gather(relay.address, count, &resource, &fields);
        let (before_gateway, before_relay) = tokio::join!(before_gateway, before_relay);
        let (before_gateway, before_relay) = (before_gateway.unwrap(), before_relay.unwrap());

        let asker = Asker {
            relay: relay.address,
            carrier,
            authority: world.directory().join("ca.pem"),
        };
        let askers: Vec<_> = (0..ASKERS)
            .map(|index| {
                let asker = asker.clone();
                thread::spawn(move || {
                    let name = format!("_mimi.nobody-{index}.example.test.");
                    asker.ask(&name).unwrap()
                })
            })
            .collect();
        for asker in askers {
            assert_eq!(asker.join().unwrap(), 200, "{carrier:?}");
        }
        for (crowd, server) in [(&before_gateway, &gateway), (&before_relay, &relay)] {
            let staying = crowd.staying();
            assert!(staying > count / 5, "{staying} of {count} were still there");
            let metrics = server.metrics().unwrap();
            let nobody = "sotto_connections_refused_total 0";
            assert!(metrics.lines().any(|line| line == nobody), "{metrics}");
        }
    }
    world.shutdown().await;
}
