//! Names and addresses that occur nowhere else, through real processes at their most verbose, with every
//! error provoked: none of them in a log, a metric or an error's content.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use sotto_client::mimi::{Identifier, RecordForm};
use sotto_envelope::{KeyConfigList, ProofQuery, Suite, seal};
use sotto_tests::annex::{Carrier, TalkativeServer};
use sotto_tests::raw::RawConnection;
use sotto_tests::tap::{CLIENTS, Tap};
use sotto_tests::{sotto, taciturn};
use sotto_wire::{REQUEST_BYTES, media, path};
use sotto_world::{GATEWAY_HOST, Options, RELAY_OPERATORS, World};

/// A label that occurs in no other name.
const CANARY: &str = "zebrafinch";

/// What else of a question or an answer could be left behind: names of this world, numbers, records.
const TRACES: &[&str] = &[
    CANARY,
    CLIENTS,
    "_user",
    "example.test",
    "example.com",
    "unsigned",
    "lame",
    "hush",
    "hotel",
    "harbour",
    "442079460148",
    "8.4.1.0.6.4.9.7",
    "MIMI1",
    "hugh",
];

/// Lookups that the command makes, each with its exit code.
const LOOKUPS: &[(&[&str], i32)] = &[
    (&["lookup", "hugh@example.test"], 0),
    (&["lookup", "zebrafinch@hotel.test"], 0),
    (
        &["lookup", "+442079460148", "--phone-zone", "phones.test"],
        0,
    ),
    (&["lookup", "zebrafinch@example.com"], 3),
    (&["lookup", "zebrafinch.example.test", "--type", "MIMI"], 3),
    (&["lookup", "zebrafinch.unsigned.test"], 6),
    (&["lookup", "victim@example.test"], 7),
    (&["lookup", "zebrafinch@lame.test"], 8),
    (&["lookup", "hush.zebrafinch.example.test"], 8),
    (&["query", "zebrafinch.example.test", "SOA"], 8),
];

/// The ways in which octets could be written, searched for without regard to case.
fn spellings(trace: &str) -> [String; 3] {
    let octets = trace.as_bytes();
    let hexadecimal = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let numbers: Vec<_> = octets.iter().map(u8::to_string).collect();
    [trace.to_lowercase(), hexadecimal, numbers.join(", ")]
}

/// What of `traces` is in `text`.
fn found(text: &str, traces: &[String]) -> Vec<String> {
    let text = text.to_lowercase();
    let is_in = |trace: &&String| {
        spellings(trace)
            .iter()
            .any(|spelling| text.contains(spelling))
    };
    traces.iter().filter(is_in).cloned().collect()
}

/// The label of the canary's mailboxes, and everything in [`TRACES`].
fn traces() -> Vec<String> {
    let mailbox: Identifier = "zebrafinch@hotel.test".parse().unwrap();
    let owner = mailbox.owner(RecordForm::Txt, None).unwrap();
    let label = owner.as_str().split('.').next().unwrap().to_owned();
    TRACES
        .iter()
        .map(|&trace| trace.to_owned())
        .chain([label])
        .collect()
}

/// Asks `server` for everything that it must refuse, and for a little that it must not; what it says that is
/// not sealed.
fn provoke(server: SocketAddr, authority: &Path, resource: &str, credentials: &str) -> String {
    let ask = |line: &str, media_type: &str, content: &[u8]| {
        let mut connection = RawConnection::open(server, authority).unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {CANARY}.test\r\nContent-Type: {media_type}\r\nUser-Agent: {CANARY}\r\n\
             Cookie: {CANARY}=1\r\nX-Forwarded-For: {CLIENTS}9.9\r\nForwarded: for={CLIENTS}9.9\r\n\
             Traceparent: {CANARY}\r\n{credentials}"
        );
        connection.exchange(&head, content).unwrap()
    };
    let get = format!("GET {resource}");
    let list = KeyConfigList::parse(&ask(&get, media::OHTTP_KEYS, &[]).body).unwrap();
    let key = list.config(Suite::XWing).unwrap();
    let sealed = |name: &str, rtype: &str, host: &str| {
        let query = ProofQuery::new(format!("{CANARY}.{name}"), rtype).unwrap();
        seal(&query, host, &key).unwrap().0.into_bytes()
    };
    let good = sealed("_mimi.example.test.", "TXT", GATEWAY_HOST);
    let mut spoilt = good.clone();
    spoilt[REQUEST_BYTES - 1] ^= 1;
    let canaries: Vec<u8> = CANARY.bytes().cycle().take(3 * REQUEST_BYTES).collect();
    let post = |content: &[u8]| ask(&format!("POST {resource}"), media::OHTTP_REQUEST, content);
    let empty = |line: &str| ask(line, media::OHTTP_REQUEST, &[]);
    let answers = [
        post(&good),
        post(&spoilt),
        post(&canaries[..REQUEST_BYTES]),
        post(&canaries[..100]),
        post(&[]),
        post(&canaries),
        post(&sealed("example.test.", "TXT", GATEWAY_HOST)),
        post(&sealed("_mimi.example.test.", "NOSUCHTYPE", GATEWAY_HOST)),
        post(&sealed("_mimi.example.test.", "TXT", "zebrafinch.test")),
        post(&sealed("_mimi.lame.test.", "TXT", GATEWAY_HOST)),
        ask(
            &format!("POST {resource}"),
            &format!("text/{CANARY}"),
            &good,
        ),
        empty(&format!("GET /{CANARY}.example.test")),
        empty(&format!(
            "GET {resource}?d={CANARY}._mimi.example.test.&t=TXT"
        )),
        empty(&format!("DELETE {resource}")),
        empty(&format!("ZEBRAFINCH {resource}")),
    ];
    // No TLS; and TLS with no HTTP in it. Either is answered, if at all, by the end of the connection.
    let plain = format!("GET /{CANARY}.example.test HTTP/1.1\r\n\r\n");
    let _ = TcpStream::connect(server)
        .unwrap()
        .write_all(plain.as_bytes());
    let mut connection = RawConnection::open(server, authority).unwrap();
    let _ = connection.exchange(&format!("{CANARY}\r\n"), &[]);

    let mut said = String::new();
    for answer in answers {
        said += &answer.head;
        if !answer.head.contains(media::OHTTP_RESPONSE) {
            said += &String::from_utf8_lossy(&answer.body);
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_leave_no_trace_of_who_asked_or_for_whom() {
    let world = World::start(Options::default()).await.unwrap();
    let resolver = taciturn::before(world.resolver_address()).unwrap();
    let patience = Duration::from_secs(1);
    let gateway = TalkativeServer::gateway(&world, Carrier::Tls, resolver, patience).unwrap();
    let relay = TalkativeServer::relay(&world, Carrier::Tls, gateway.address).unwrap();
    let to_relay = Tap::on(relay.address).unwrap();
    let to_gateway = Tap::on(gateway.address).unwrap();
    let file = |name: &str| world.directory().join(name);

    let (anchor, ca) = (
        file("root.key").display().to_string(),
        file("ca.pem").display().to_string(),
    );
    let url = format!("https://{}", to_relay.address());
    for (arguments, code) in LOOKUPS {
        let common = [
            "--relay",
            &url,
            "--gateway",
            GATEWAY_HOST,
            "--anchor",
            &anchor,
            "--ca",
            &ca,
        ];
        let ran = sotto::run(&[*arguments, &common].concat()).unwrap();
        assert_eq!(ran.code, *code, "{arguments:?}: {ran:?}");
    }
    let token = std::fs::read_to_string(file(&format!("{}.token", RELAY_OPERATORS[0]))).unwrap();
    let credentials = format!("Authorization: Bearer {}\r\n", token.trim());
    let resource = format!("/{GATEWAY_HOST}");
    let near = provoke(to_relay.address(), &file("ca.pem"), &resource, "");
    let far = [credentials.as_str(), ""]
        .map(|credentials| {
            provoke(
                to_gateway.address(),
                &file("ca.pem"),
                path::GATEWAY,
                credentials,
            )
        })
        .concat();
    assert!(
        to_relay
            .flows()
            .iter()
            .all(|flow| flow.client.to_string().starts_with(CLIENTS))
    );

    let traces = traces();
    let logs = [relay.log(), gateway.log()];
    for log in &logs {
        assert!(log.contains("INFO"), "no log: {log}");
        assert!(!log.contains("panicked"), "{log}");
    }
    let [relay_log, gateway_log] = logs;
    for (place, text) in [
        ("the relay's log", &relay_log),
        ("the gateway's log", &gateway_log),
        ("the relay's metrics", &relay.metrics().unwrap()),
        ("the gateway's metrics", &gateway.metrics().unwrap()),
        ("what the relay says", &near),
        ("what the gateway says", &far),
    ] {
        assert!(!text.is_empty(), "{place}");
        assert_eq!(
            found(text, &traces),
            Vec::<String>::new(),
            "{place}: {text}"
        );
        // The guard would notice, in whatever spelling.
        for trace in &traces {
            for spelling in spellings(trace) {
                assert!(found(&format!("{text}{spelling}"), &traces).contains(trace));
            }
        }
    }
    for (status, text) in [
        ("400", &near),
        ("404", &near),
        ("413", &near),
        ("415", &near),
        ("401", &far),
    ] {
        assert!(
            text.contains(&format!("HTTP/1.1 {status} ")),
            "{status} was not provoked: {text}"
        );
    }
    world.shutdown().await;
}
