//! Two thousand clients that dawdle in every way there is, and others who ask meanwhile: of a gateway and a relay as
//! processes.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use sotto_envelope::{KeyConfigList, ProofQuery, Suite, seal};
use sotto_tests::annex::{Carrier, TalkativeServer};
use sotto_tests::crowd::Crowd;
use sotto_tests::raw::{RawConnection, RawResponse};
use sotto_wire::{media, path};
use sotto_world::{GATEWAY_HOST, Options, RELAY_OPERATORS, World};

/// Lookups at a time, each over a connection of its own.
const ASKERS: usize = 20;

/// Somebody who asks through a relay.
#[derive(Clone)]
struct Asker {
    relay: SocketAddr,
    carrier: Carrier,
    authority: PathBuf,
}

impl Asker {
    fn exchange(&self, line: &str, content: &[u8]) -> RawResponse {
        let mut connection = match self.carrier {
            Carrier::Tls => RawConnection::open(self.relay, &self.authority).unwrap(),
            Carrier::Plain => RawConnection::plain(self.relay).unwrap(),
        };
        let head = format!(
            "{line} /{GATEWAY_HOST} HTTP/1.1\r\nHost: relay.test\r\nContent-Type: {}\r\n",
            media::OHTTP_REQUEST
        );
        connection.exchange(&head, content).unwrap()
    }

    /// Asks for `name`, and returns the status inside the answer.
    fn ask(&self, name: &str) -> u16 {
        let list = KeyConfigList::parse(&self.exchange("GET", &[]).body).unwrap();
        let key = list.config(Suite::XWing).unwrap();
        let query = ProofQuery::new(name, "TXT").unwrap();
        let (envelope, opener) = seal(&query, GATEWAY_HOST, &key).unwrap();
        let answer = self.exchange("POST", &envelope.into_bytes());
        assert_eq!(answer.status(), Some(200), "{}", answer.head);
        opener.open(&answer.body).unwrap().status
    }
}

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
                thread::spawn(move || asker.ask(&format!("_mimi.nobody-{index}.example.test.")))
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
