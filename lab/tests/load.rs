//! `sotto-lab load` as a process: at the gateway that it starts, through a relay, and at a gateway that is not ours.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use bhttp::{Message, Mode, StatusCode};
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{KeyConfig, Server, SymmetricSuite};
use serde_json::Value;

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sotto-lab"))
        .args(arguments)
        .output()
        .unwrap()
}

fn report(arguments: &[&str]) -> Value {
    let output = lab(&[&["load", "--json"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "", "no progress off a terminal");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_gateway_of_its_own_is_loaded_and_its_answers_are_verified() {
    let directory = tempfile::tempdir().unwrap();
    let plot = directory.path().join("latency.svg");
    let report = report(&[
        "--rate=100",
        "--seconds=1",
        "--names=8",
        "--warm",
        "--sample=10",
        "--threads=2",
        "--idle-connections=5",
        "--plot",
        plot.to_str().unwrap(),
    ]);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["target"]["idle_connections"], 5);
    assert!(report["target"]["memory_warm"].as_u64() > Some(1 << 20));
    let run = &report["runs"][0];
    assert_eq!(run["answered"], 100);
    assert_eq!(run["answers"], serde_json::json!({ "8192": 100 }));
    assert_eq!(run["latency_us"]["count"], 100);
    assert_eq!(run["sample"]["inside"], serde_json::json!({ "secure": 10 }));
    assert!(run["server"]["us_each"].as_f64().unwrap() > 0.0);
    let plot = std::fs::read_to_string(plot).unwrap();
    assert!(plot.contains("<polyline"));
}

#[test]
fn an_overload_is_told_beside_the_peak_and_over_tls() {
    let output = lab(&[
        "load",
        "--overload=0.2",
        "--seconds=1",
        "--peak-requests=60",
        "--tls",
        "--http=2",
        "--suite=x25519",
        "--connections=2",
        "--streams=8",
    ]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "60 requests",
        "of the peak",
        "HTTP/2",
        "https://",
        "server",
        "secure",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_relay_in_front_of_the_gateway_is_loaded_likewise() {
    let world = World::start();
    let url = format!("{}/gateway.test", world.relay());
    let directory = world.directory();
    let file = |name: &str| Path::new(&directory).join(name).display().to_string();
    let report = report(&[
        "--url",
        &url,
        "--ca",
        &file("ca.pem"),
        "--anchor",
        &file("root.key"),
        "--authority=gateway.test",
        "--name=_mimi.nobody-{n}.example.test.",
        "--names=4",
        "--rate=40",
        "--seconds=1",
        "--sample=1",
        "--http=2",
    ]);
    let run = &report["runs"][0];
    assert_eq!(
        run["sample"]["inside"],
        serde_json::json!({ "nx_domain": 40 })
    );
    assert_eq!(run["server"], Value::Null, "its process was not told");
}

#[test]
fn a_foreign_gateway_is_loaded_and_every_refusal_is_told() {
    let gateway = Foreign::start();
    let url = gateway.url.clone();
    let asked = [
        "--url",
        &url,
        "--suite=x25519",
        "--authority=target.example",
        "--rate=50",
        "--seconds=1",
        "--sample=1",
    ];
    let report = report(&[&asked[..], &["--path=/here/{n}", "--names=10"]].concat());
    let run = &report["runs"][0];
    assert_eq!(run["answered"], 45);
    assert_eq!(run["refused"], serde_json::json!({ "503 too many": 5 }));
    assert_eq!(
        run["sample"]["inside"],
        serde_json::json!({ "200": 35, "404": 10 })
    );
}

#[test]
fn mistakes_are_named_with_their_remedy() {
    let gateway = Foreign::start();
    let keys = tempfile::NamedTempFile::new().unwrap();
    let keys = keys.path().to_str().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let closed = format!("http://{closed}/");
    let missing = format!("{}missing", gateway.url);
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--url", "gateway.example"], &["--name", "--path"]),
        (
            &["--url", "gateway.example", "--path=/"],
            &["--url gateway.example", "https://"],
        ),
        (
            &["--url", "ftp://localhost/", "--path=/"],
            &["https", "http"],
        ),
        (
            &["--url", &closed, "--path=/"],
            &["cannot connect", "127.0.0.1"],
        ),
        (&["--url", &missing, "--path=/"], &["404", "--keys"]),
        (
            &["--url", &gateway.url, "--path=/", "--suite=xwing"],
            &["X-Wing", "--suite"],
        ),
        (
            &["--url", &gateway.url, "--path=/", "--keys", keys],
            &["X-Wing", "--suite"],
        ),
    ];
    for (arguments, words) in cases {
        let output = lab(&[&["load"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

/// `sotto-lab serve`.
struct World(Child, Value);

impl World {
    fn start() -> Self {
        let mut lab = Command::new(env!("CARGO_BIN_EXE_sotto-lab"))
            .args(["serve", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = String::new();
        let mut lines = BufReader::new(lab.stdout.take().unwrap()).lines();
        while !text.ends_with("\n}") {
            text.push('\n');
            text.push_str(&lines.next().unwrap().unwrap());
        }
        Self(lab, serde_json::from_str(&text).unwrap())
    }

    fn relay(&self) -> String {
        self.1["relays"][0].as_str().unwrap().to_owned()
    }

    fn directory(&self) -> String {
        self.1["directory"].as_str().unwrap().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.0.wait();
    }
}

/// A gateway of the `ohttp` crate, with X25519 alone: 200 for whatever is asked, but 404 for what ends in 3 and 7, and
/// a refusal of every tenth request.
struct Foreign {
    url: String,
}

impl Foreign {
    fn start() -> Self {
        let config = KeyConfig::new(
            7,
            Kem::X25519Sha256,
            vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)],
        )
        .unwrap();
        let list = KeyConfig::encode_list(&[&config]).unwrap();
        let server = Arc::new((Server::new(config).unwrap(), list));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        // The thread ends with the test process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = Arc::clone(&server);
                thread::spawn(move || converse(&server.0, &server.1, stream.unwrap()));
            }
        });
        Self { url }
    }
}

/// Answers one request after the other, until the client has enough.
fn converse(server: &Server, list: &[u8], mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            (reader.read_line(&mut head).ok()? > 0).then_some(())?;
        }
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1);
        let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
        let mut content = vec![0; length];
        reader.read_exact(&mut content).ok()?;
        let (status, media_type, answer) = match head.split(' ').next()? {
            _ if head.contains(" /missing ") => (404, "text/plain", Vec::new()),
            "GET" => (200, "application/ohttp-keys", list.to_vec()),
            _ => respond(server, &content),
        };
        write!(
            stream,
            "HTTP/1.1 {status} Whatever\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        )
        .ok()?;
        stream.write_all(&answer).ok()?;
    }
}

fn respond(server: &Server, request: &[u8]) -> (u16, &'static str, Vec<u8>) {
    let (message, response) = server.decapsulate(request).unwrap();
    let message = Message::read_bhttp(&mut Cursor::new(&message[..])).unwrap();
    let path = String::from_utf8(message.control().path().unwrap().to_vec()).unwrap();
    let status = match path.chars().last().unwrap() {
        '0' => {
            let problem = br#"{"title":"too many","status":503}"#;
            return (503, "application/problem+json", problem.to_vec());
        }
        '3' | '7' => 404_u16,
        _ => 200,
    };
    let mut answer = Message::response(StatusCode::try_from(status).unwrap());
    answer.write_content(path.as_bytes());
    let mut octets = Vec::new();
    answer.write_bhttp(Mode::KnownLength, &mut octets).unwrap();
    (
        200,
        "message/ohttp-res",
        response.encapsulate(&octets).unwrap(),
    )
}
