//! The async and the blocking client against a relay on the loopback interface.
//!
//! They read the real clock, so everything here is signed for decades and the key is pinned: no
//! outcome depends on the time of day.

#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use sotto_client::mimi::RecordForm;
use sotto_client::proof::RecordType;
use sotto_client::{Client, Code, Event, Outcome, Report, Setup, blocking};
use sotto_envelope::Answer;
use support::zone::DAY;
use support::{GATEWAY, GATEWAY_OPERATOR, NOW, Signing, World, txt};

const DECADE: u64 = 3_653 * DAY;

/// A world whose answers are valid for half a century.
fn lasting() -> World {
    World::answering(|zone, query| {
        let signing = Signing {
            from: NOW - DECADE,
            until: NOW + 4 * DECADE,
            all: true,
            ..Signing::default()
        };
        let records = [txt("v=MIMI1; e=im.example.test; a=hugh")];
        Answer::proof(
            zone.signed(&query.name, RecordType::TXT, &records, &signing)
                .into_proof(),
        )
    })
}

/// A relay with the gateway behind it, that tells the first line of every request.
fn relay() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let world = lasting();
        for stream in listener.incoming() {
            serve(&world, stream.unwrap(), &tell);
        }
    });
    (address, told)
}

fn serve(world: &World, mut stream: TcpStream, tell: &Sender<String>) {
    let mut received = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let head = received.windows(4).position(|octets| octets == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8(received[..head].to_vec()).unwrap();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |digits| digits.parse().unwrap());
            if received.len() >= head + 4 + length {
                let content: Vec<u8> = received.drain(..head + 4 + length).skip(head + 4).collect();
                let line = text.lines().next().unwrap();
                tell.send(line.to_owned()).unwrap();
                let (media_type, body) = answer(world, line, &content);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                stream
                    .write_all(&[head.as_bytes(), &body].concat())
                    .unwrap();
                continue;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(octets) => received.extend(&buffer[..octets]),
        }
    }
}

fn answer(world: &World, line: &str, content: &[u8]) -> (String, Vec<u8>) {
    if line.starts_with("GET /.well-known/sotto ") {
        return (
            "application/json".to_owned(),
            serde_json::to_vec(&world.description).unwrap(),
        );
    }
    match world.gateway(content) {
        Event::Response {
            media_type: Some(media_type),
            body,
            ..
        } => (media_type, body),
        other => panic!("{other:?}"),
    }
}

fn setup(relay: SocketAddr) -> Setup {
    let world = lasting();
    let list = world.keys(world.epoch).list().to_vec();
    world
        .setup_over(&format!("http://{relay}"))
        .allow_http_not_private(true)
        .key_document(&list)
        .gateway_operator(GATEWAY_OPERATOR)
        .build()
        .unwrap()
}

fn provider(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Found(found) => found.services[0].provider.as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_lookup_is_one_request() {
    let (address, told) = relay();
    let client = Client::new(setup(address)).unwrap();
    for requests in [2, 1] {
        let report = client
            .lookup("hugh@example.test".parse().unwrap(), RecordForm::Txt)
            .await;
        assert_eq!(provider(&report), "im.example.test");
        assert!(report.is_private());
        assert_eq!(told.try_iter().count(), requests);
    }
}

#[test]
fn the_blocking_client_does_the_same() {
    let (address, told) = relay();
    let client = blocking::Client::new(setup(address)).unwrap();
    let report = client.lookup("hugh@example.test".parse().unwrap(), RecordForm::Txt);
    assert_eq!(provider(&report), "im.example.test");
    let lines: Vec<_> = told.try_iter().collect();
    assert_eq!(
        lines,
        [
            "GET /.well-known/sotto HTTP/1.1",
            "POST /gateway.test HTTP/1.1"
        ]
    );
}

#[test]
fn a_relay_that_is_not_there_learns_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = blocking::Client::new(setup(address)).unwrap();
    let report = client.lookup("hugh@example.test".parse().unwrap(), RecordForm::Txt);
    match &report.outcome {
        Outcome::Unavailable(why) => {
            assert_eq!(why.code, Code::ConnectFailed);
            assert!(why.to_string().contains(&address.to_string()), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert!(report.learnt.is_empty());
}

#[test]
fn whatever_fails_nobody_but_the_relay_is_called() {
    // The gateway's own name leads to this listener, if anybody were to follow it.
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    gateway.set_nonblocking(true).unwrap();
    let elsewhere = gateway.local_addr().unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let setup = Setup::builder(format!("http://{address}"), GATEWAY)
        .allow_http_not_private(true)
        .build()
        .unwrap();
    let report = blocking::Client::new(setup)
        .unwrap()
        .lookup("hugh@example.test".parse().unwrap(), RecordForm::Txt);
    match &report.outcome {
        Outcome::Unavailable(why) => assert_eq!(why.code, Code::Redirected),
        other => panic!("{other:?}"),
    }
    assert!(gateway.accept().is_err(), "nobody followed");
}
