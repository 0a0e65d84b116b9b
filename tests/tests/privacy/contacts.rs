//! Whatever fails, `sotto` opens no connection but to its relays, and none at all where it needs none.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use sotto_tests::annex::{Carrier, OwnGateway, TappedRelay};
use sotto_tests::contacts::{Contact, of_sotto};
use sotto_tests::taciturn;
use sotto_world::{GATEWAY_HOST, Options, World};

/// What it takes to look somebody up in the world.
struct Caller {
    anchor: String,
    authority: String,
}

impl Caller {
    fn of(world: &World) -> Self {
        let path = |name: &str| world.directory().join(name).display().to_string();
        Self {
            anchor: path("root.key"),
            authority: path("ca.pem"),
        }
    }

    /// Runs `sotto` with the anchor of the world and `relays`, given with their URLs; checks that it ends with
    /// `code` and contacts exactly those.
    #[track_caller]
    fn contacts_only(&self, relays: &[(&str, SocketAddr)], arguments: &[&str], code: i32) {
        self.contacts_only_with(
            relays,
            &[arguments, &["--anchor", &self.anchor]].concat(),
            code,
        );
    }

    #[track_caller]
    fn contacts_only_with(&self, relays: &[(&str, SocketAddr)], arguments: &[&str], code: i32) {
        let found = self.contacts(relays, arguments, code);
        assert_eq!(strangers(&found, relays), [], "{arguments:?}");
        assert_eq!(found.len(), relays.len(), "strace is blind: {found:?}");
    }

    #[track_caller]
    fn contacts(
        &self,
        relays: &[(&str, SocketAddr)],
        arguments: &[&str],
        code: i32,
    ) -> BTreeSet<Contact> {
        let mut line = arguments.to_vec();
        line.extend([
            "--gateway",
            GATEWAY_HOST,
            "--ca",
            &self.authority,
            "--allow-http",
        ]);
        let urls: Vec<_> = relays
            .iter()
            .map(|(scheme, address)| format!("{scheme}://{address}"))
            .collect();
        for url in &urls {
            line.extend(["--relay", url]);
        }
        let (ran, found) = of_sotto(&line).unwrap();
        assert_eq!(ran.code, code, "{line:?}: {ran:?}");
        found
    }
}

/// Those who are no relays.
fn strangers(found: &BTreeSet<Contact>, relays: &[(&str, SocketAddr)]) -> Vec<Contact> {
    let known = |contact: &&Contact| {
        relays
            .iter()
            .any(|(_, relay)| **contact == Contact::Internet(*relay))
    };
    found
        .iter()
        .filter(|contact| !known(contact))
        .cloned()
        .collect()
}

/// A loopback port that nobody listens on.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A relay that answers every request with `response`, to the letter; with nothing, ever, if there is none.
fn relay_that_says(response: Option<String>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let Some(response) = &response else {
                silent.push(stream);
                continue;
            };
            let mut request = Vec::new();
            let mut octet = [0];
            while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut octet), Ok(1)) {
                request.push(octet[0]);
            }
            // Who asked may have gone.
            let _ = stream.write_all(response.as_bytes());
        }
    });
    address
}

fn http(head: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// Runs among which one draws the first of two relays first, but for one case in 2^40.
const DRAWS_MAX: usize = 40;

const LOOKUP: [&str; 2] = ["lookup", "hugh@example.test"];

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_contacts_its_relays_alone_however_it_ends() {
    let world = World::start(Options::default()).await.unwrap();
    let caller = Caller::of(&world);
    let one = ("https", world.relay_address(0));
    let other = ("https", world.relay_address(1));
    for (arguments, code) in [
        (&LOOKUP[..], 0),
        (&["lookup", "nobody@example.com"], 3),
        (&["lookup", "ghost@example.test"], 4),
        (&["lookup", "typo@example.test"], 5),
        (&["lookup", "sam@unsigned.com"], 6),
        (&["lookup", "victim@example.test"], 7),
        (&["lookup", "anyone@lame.test"], 8),
        (&["query", "example.com", "SOA"], 8),
    ] {
        caller.contacts_only(&[one], arguments, code);
    }
    // The IANA root does not vouch for this world: the keys stay unproved.
    caller.contacts_only_with(&[one], &LOOKUP, 8);
    // The next relay, if the first is down. Each run draws anew which is the first.
    let both = [("https", nobody()), other];
    let arguments = [&LOOKUP[..], &["--anchor", &caller.anchor]].concat();
    let drew_the_dead_one = (0..DRAWS_MAX).any(|_| {
        let found = caller.contacts(&both, &arguments, 0);
        assert_eq!(strangers(&found, &both), []);
        found.len() == both.len()
    });
    assert!(drew_the_dead_one, "strace is blind, or the draw is not one");
    caller.contacts_only(&[("https", nobody())], &LOOKUP, 8);
    // A port that speaks no TLS.
    let deaf = relay_that_says(Some("no".to_owned()));
    caller.contacts_only(&[("https", deaf)], &LOOKUP, 8);

    // The guard would notice: this relay is not the one that was meant.
    let found = caller.contacts(
        &[other],
        &[&LOOKUP[..], &["--anchor", &caller.anchor]].concat(),
        0,
    );
    assert_eq!(strangers(&found, &[one]), [Contact::Internet(other.1)]);
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_fails_is_not_contacted() {
    let world = World::start(Options::default()).await.unwrap();
    let caller = Caller::of(&world);
    let resolver = taciturn::before(world.resolver_address()).unwrap();
    let patience = Duration::from_secs(1);
    let gateway = OwnGateway::start(&world, Carrier::Tls, resolver, patience)
        .await
        .unwrap();
    let relay = TappedRelay::start(&world, Carrier::Tls, gateway.address())
        .await
        .unwrap();
    let address = ("https", relay.to_relay().address());
    caller.contacts_only(&[address], &LOOKUP, 0);
    caller.contacts_only(&[address], &["lookup", "hush.example.test"], 8);
    gateway.shutdown().await;
    caller.contacts_only(&[address], &LOOKUP, 8);
    relay.shutdown().await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_cannot_send_a_client_elsewhere() {
    let world = World::start(Options::default()).await.unwrap();
    let caller = Caller::of(&world);
    let elsewhere = relay_that_says(Some(http("200 OK", "{}")));
    let description = |resource: &str| {
        http(
            "200 OK\r\nContent-Type: application/json",
            &format!(
                "{{\"version\":1,\"operator\":\"relay.test\",\"contact\":\"mailto:a@relay.test\",\"gateways\":\
                 [{{\"host\":\"{GATEWAY_HOST}\",\"resource\":\"{resource}\"}}],\"mixing\":\"off\"}}"
            ),
        )
    };
    for response in [
        http(&format!("307 Go\r\nLocation: http://{elsewhere}/"), ""),
        http(&format!("200 OK\r\nAlt-Svc: h2=\"{elsewhere}\""), ""),
        http(&format!("407 Proxy\r\nLocation: http://{elsewhere}/"), ""),
        http("503 Busy\r\nRetry-After: 0", ""),
        description(&format!("http://{elsewhere}/{GATEWAY_HOST}")),
        description(&format!("//{elsewhere}/{GATEWAY_HOST}")),
        description(&format!("@{elsewhere}/{GATEWAY_HOST}")),
        description(&format!("/{GATEWAY_HOST}")),
        String::new(),
    ] {
        let relay = relay_that_says(Some(response));
        caller.contacts_only(&[("http", relay)], &LOOKUP, 8);
    }
    let silent = relay_that_says(None);
    caller.contacts_only(&[("http", silent)], &LOOKUP, 8);
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_contacted_where_nobody_need_be() {
    let world = World::start(Options::default()).await.unwrap();
    let caller = Caller::of(&world);
    let proof = world.directory().join("hugh.proof").display().to_string();
    let saving = [&LOOKUP[..], &["--save-proof", &proof]].concat();
    caller.contacts_only(&[("https", world.relay_address(0))], &saving, 0);
    let owner = world.people()[0].owner().unwrap();
    let anchor = caller.anchor.as_str();
    let verify = [
        "verify",
        proof.as_str(),
        "--type",
        "TXT",
        "--anchor",
        anchor,
        "--name",
    ];
    let empty = world.directory().join("empty").display().to_string();
    std::fs::write(&empty, []).unwrap();
    for (arguments, code) in [
        ([&verify[..], &[&owner]].concat(), 0),
        ([&verify[..], &["somebody.else.test"]].concat(), 7),
        (
            vec!["verify", &empty, "--name", "example.com", "--type", "TXT"],
            7,
        ),
        (
            vec![
                "verify",
                "no-such-file",
                "--name",
                "example.com",
                "--type",
                "TXT",
            ],
            2,
        ),
        (LOOKUP.to_vec(), 2),
        (vec!["lookup", "mimi://a.example/u/alice"], 0),
    ] {
        let (ran, found) = of_sotto(&arguments).unwrap();
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert_eq!(found, BTreeSet::new(), "{arguments:?}");
    }
    world.shutdown().await;
}
