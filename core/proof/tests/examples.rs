//! The examples do what they say, against a resolver on loopback and proofs from files.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]
#![allow(clippy::duplicate_mod, reason = "each example brings what they share")]

#[path = "../examples/bip353.rs"]
#[allow(dead_code, reason = "tests call what main calls")]
mod bip353;
#[path = "../examples/prove_name.rs"]
#[allow(dead_code, reason = "tests call what main calls")]
mod prove_name;
mod support;
#[path = "../examples/verify_file.rs"]
#[allow(dead_code, reason = "tests call what main calls")]
mod verify_file;
#[path = "support/world.rs"]
#[allow(dead_code, reason = "no zone here is of every kind")]
mod world;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use sotto_proof::message::{Response, rcode};
use sotto_proof::{Name, Question, Record, RecordType, encode};

use support::*;
use world::{Denial, World};

/// How long the example waits for the resolver: enough for loopback.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits for one that is silent.
const BRIEFLY: Duration = Duration::from_millis(20);

/// How a resolver on loopback behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Answers,
    /// Over UDP it says only that the answer does not fit.
    Truncates,
    Fails,
    /// It hears, and says nothing, until it was asked so many times.
    SilentUntil(usize),
}

/// A recursive resolver over a world of zones, on UDP and TCP of one port, until it is dropped.
struct Responder {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    over_tcp: Arc<AtomicUsize>,
}

fn zones() -> World {
    World::new(vec![
        (".", Denial::Nsec, vec![]),
        ("test.", Denial::Nsec, vec![]),
        (
            "example.test.",
            Denial::Nsec,
            vec![
                txt("_mimi.example.test.", "v=MIMI1"),
                cname("www.example.test.", "_mimi.example.test."),
                txt(
                    "alice.user._bitcoin-payment.example.test.",
                    "bitcoin:?lno=lno1test",
                ),
                txt("alice.user._bitcoin-payment.example.test.", "beside it"),
                txt("bob.user._bitcoin-payment.example.test.", "bitcoin:one"),
                txt("bob.user._bitcoin-payment.example.test.", "BITCOIN:two"),
                txt("carol.user._bitcoin-payment.example.test.", "nothing of it"),
            ],
        ),
        (
            "plain.test.",
            Denial::Unsigned,
            vec![txt("dave.user._bitcoin-payment.plain.test.", "bitcoin:x")],
        ),
    ])
}

impl Responder {
    fn start(manner: Manner) -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let over_tcp = Arc::new(AtomicUsize::new(0));
        let by_udp = {
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || serve_udp(&udp, manner, &ended))
        };
        let by_tcp = {
            let (ended, over_tcp) = (Arc::clone(&ended), Arc::clone(&over_tcp));
            std::thread::spawn(move || {
                let world = zones();
                for stream in tcp.incoming() {
                    if ended.load(Ordering::SeqCst) {
                        break;
                    }
                    over_tcp.fetch_add(1, Ordering::SeqCst);
                    serve_tcp(&world, stream.unwrap());
                }
            })
        };
        Self {
            address,
            ended,
            threads: vec![by_udp, by_tcp],
            over_tcp,
        }
    }

    /// Runs the example against this resolver, and returns what it saved or why it did not.
    fn prove(&self, name: &str, rtype: &str, patience: Duration) -> Result<Vec<u8>, String> {
        let folder = Folder::new();
        let file = folder.0.join("proof");
        let line = [
            &self.address.to_string(),
            name,
            rtype,
            file.to_str().unwrap(),
        ];
        let mut said = String::new();
        let line = line.into_iter().map(str::to_owned).collect();
        match prove_name::run(line, patience, &mut said) {
            Ok(done) => {
                assert!(done && said.contains("nothing is verified yet"), "{said}");
                Ok(std::fs::read(file).unwrap())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Both wait for somebody to come.
        let _ = UdpSocket::bind("127.0.0.1:0").map(|socket| socket.send_to(&[], self.address));
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the resolver failed"
            );
        }
    }
}

/// A port that is free for both, which the system gives for one.
fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        match TcpListener::bind(udp.local_addr().unwrap()) {
            Ok(tcp) => return (udp, tcp),
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse),
        }
    }
}

fn serve_udp(socket: &UdpSocket, manner: Manner, ended: &AtomicBool) {
    let world = zones();
    let mut buffer = [0; 512];
    let mut heard = 0;
    loop {
        let (length, asker) = socket.recv_from(&mut buffer).unwrap();
        if ended.load(Ordering::SeqCst) {
            return;
        }
        heard += 1;
        let query = &buffer[..length];
        let mut response = answer(&world, query);
        match manner {
            Manner::SilentUntil(count) if heard < count => continue,
            Manner::Answers | Manner::SilentUntil(_) => {}
            Manner::Truncates => {
                response.truncate(12 + query.len() - 12 - 11);
                response[2] |= 0x02;
                response[6..12].fill(0);
            }
            Manner::Fails => {
                response.truncate(query.len() - 11);
                response[3] |= rcode::SERVFAIL as u8;
                response[6..12].fill(0);
            }
        }
        // A forged answer goes before the true one: to another question.
        let mut forged = response.clone();
        forged[0] ^= 1;
        socket.send_to(&forged, asker).unwrap();
        socket.send_to(&response, asker).unwrap();
    }
}

fn serve_tcp(world: &World, mut stream: TcpStream) {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut query).unwrap();
    let response = answer(world, &query);
    let length = (response.len() as u16).to_be_bytes();
    stream
        .write_all(&[&length[..], &response].concat())
        .unwrap();
}

/// Answers a query as it stands on the wire.
fn answer(world: &World, query: &[u8]) -> Vec<u8> {
    let (name, rest) = Name::split_from(&query[12..]).unwrap();
    let rtype = RecordType(u16::from_be_bytes([rest[0], rest[1]]));
    let Response {
        rcode,
        answer,
        authority,
        ..
    } = world.answer(&Question { name, rtype }).0;
    let asked = query.len() - rest.len() + 4;
    let mut message = query[..asked].to_vec();
    message[2..4].copy_from_slice(&(0x8180 | rcode).to_be_bytes());
    let counts = [1, answer.len() as u16, authority.len() as u16, 0];
    message[4..12].copy_from_slice(&counts.map(u16::to_be_bytes).concat());
    // The sequence of a proof is that of a section without compression.
    message.extend(encode(&answer));
    message.extend(encode(&authority));
    message
}

/// A folder for one test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::SeqCst)
        );
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies below the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Example = fn(Vec<String>, &mut String) -> Result<bool, Box<dyn std::error::Error>>;

/// Runs an example that reads a proof, under the root key of the world or other anchors.
fn read(
    example: Example,
    proof: &[u8],
    words: &[&str],
    anchors: Option<&str>,
    at: u64,
) -> (bool, String) {
    let folder = Folder::new();
    let mut line = vec![folder.write("proof", proof)];
    line.extend(words.iter().map(|&word| word.to_owned()));
    line.extend(["--at".to_owned(), at.to_string()]);
    if let Some(anchors) = anchors {
        line.extend(["--anchors".to_owned(), folder.write("anchors", anchors)]);
    }
    let mut said = String::new();
    let done = example(line, &mut said).unwrap_or_else(|error| panic!("{error}"));
    (done, said)
}

/// The root's key as a line of an anchor file.
fn root_key() -> String {
    let root = zones().zones.swap_remove(0).zone;
    format!(
        ". DNSKEY 257 3 15 {}",
        BASE64.encode(&root.keys[0].dnskey[4..])
    )
}

/// A published proof: what it proves, at what time, and its octets.
fn published(file: &str) -> (String, u64, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let (head, digits) = text.split_once("\n\n").unwrap();
    let field = |name: &str| {
        let mut lines = head.lines();
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap()
    };
    let digits: String = digits.split_ascii_whitespace().collect();
    let octets = HEXLOWER.decode(digits.as_bytes()).unwrap();
    (
        field("name").to_owned(),
        field("at").parse().unwrap(),
        octets,
    )
}

#[test]
fn a_name_is_proved_over_a_resolver_and_verified_from_the_file() {
    let resolver = Responder::start(Manner::Answers);
    for (name, rtype, shown) in [
        (
            "_mimi.example.test",
            "TXT",
            "secure: _mimi.example.test. TXT",
        ),
        ("www.example.test", "TXT", "by the alias www.example.test."),
        (
            "_mimi.example.test",
            "A",
            "proved: _mimi.example.test. has no A",
        ),
        (
            "none.example.test",
            "TXT",
            "proved: none.example.test. does not exist",
        ),
    ] {
        let proof = resolver.prove(name, rtype, PATIENCE).unwrap();
        let (proved, said) = read(
            verify_file::run,
            &proof,
            &[name, rtype],
            Some(&root_key()),
            NOW,
        );
        assert!(proved && said.contains(shown), "{said}");
        assert!(
            said.contains(". DNSKEY signed by . key ") && said.contains("valid until"),
            "{said}"
        );
    }
    assert_eq!(resolver.over_tcp.load(Ordering::SeqCst), 0);
    let name = "dave.user._bitcoin-payment.plain.test";
    let proof = resolver.prove(name, "TXT", PATIENCE).unwrap();
    let (proved, said) = read(
        verify_file::run,
        &proof,
        &[name, "TXT"],
        Some(&root_key()),
        NOW,
    );
    assert!(
        !proved && said.starts_with("insecure: no_ds at plain.test. DS"),
        "{said}"
    );
}

#[test]
fn what_does_not_fit_a_datagram_comes_over_tcp() {
    let resolver = Responder::start(Manner::Truncates);
    let proof = resolver
        .prove("_mimi.example.test", "TXT", PATIENCE)
        .unwrap();
    assert!(resolver.over_tcp.load(Ordering::SeqCst) > 5);
    let words = ["_mimi.example.test", "TXT"];
    let (proved, said) = read(verify_file::run, &proof, &words, Some(&root_key()), NOW);
    assert!(proved, "{said}");
}

#[test]
fn a_resolver_that_fails_is_told_from_one_that_is_silent() {
    let failing = Responder::start(Manner::Fails);
    let why = failing
        .prove("_mimi.example.test", "TXT", PATIENCE)
        .unwrap_err();
    assert!(
        why.contains("SERVFAIL") && why.contains("ask again later"),
        "{why}"
    );

    let silent = Responder::start(Manner::SilentUntil(usize::MAX));
    let why = silent
        .prove("_mimi.example.test", "TXT", BRIEFLY)
        .unwrap_err();
    let address = silent.address.to_string();
    assert!(
        why.contains(&address) && why.contains("did not answer"),
        "{why}"
    );
}

#[test]
fn a_question_that_is_lost_is_asked_again() {
    let resolver = Responder::start(Manner::SilentUntil(2));
    // The first question waits its time, and is lost; those that follow are answered at once.
    let proof = resolver
        .prove("_mimi.example.test", "TXT", PATIENCE / 10)
        .unwrap();
    assert!(!proof.is_empty());
}

#[test]
fn a_published_proof_is_verified_under_the_iana_root_at_its_time_alone() {
    let (name, at, proof) = published("iana-txt.txt");
    let (proved, said) = read(verify_file::run, &proof, &[&name, "TXT"], None, at);
    assert!(proved && said.starts_with("secure: "), "{said}");
    for (at, word) in [(0, "begins after"), (2_000_000_000, "ended before")] {
        let (proved, said) = read(verify_file::run, &proof, &[&name, "TXT"], None, at);
        assert!(!proved && said.starts_with("bogus: "), "{said}");
        assert!(
            said.contains(word) && said.contains("is the clock right"),
            "{said}"
        );
    }
    let (proved, said) = read(
        verify_file::run,
        &proof,
        &[&name, "TXT"],
        Some(&root_key()),
        at,
    );
    assert!(
        !proved && said.starts_with("bogus: no_matching_key at . DNSKEY"),
        "{said}"
    );
}

#[test]
fn payment_instructions_are_read_from_a_secure_answer_alone() {
    let (_, at, proof) = published("iana-txt.txt");
    for address in ["matt@mattcorallo.com", "₿matt@mattcorallo.com"] {
        let (paid, said) = read(bip353::run, &proof, &[address], None, at);
        assert!(paid && said.starts_with("bitcoin:bc1q"), "{said}");
        assert!(said.contains("may be kept for"), "{said}");
    }
    let (paid, said) = read(bip353::run, &proof, &["eve@mattcorallo.com"], None, at);
    assert!(!paid && said.starts_with("do not pay:"), "{said}");

    let resolver = Responder::start(Manner::Answers);
    for (address, shown) in [
        ("alice@example.test", "bitcoin:?lno=lno1test"),
        ("bob@example.test", "several payment instructions"),
        ("carol@example.test", "no payment instructions among them"),
        (
            "eve@example.test",
            "publishes no payment instructions, which is proved",
        ),
        (
            "dave@plain.test",
            "not signed where it would have to be: no_ds at plain.test. DS",
        ),
    ] {
        let (user, domain) = address.split_once('@').unwrap();
        let name = format!("{user}.user._bitcoin-payment.{domain}");
        let proof = resolver.prove(&name, "TXT", PATIENCE).unwrap();
        let (paid, said) = read(bip353::run, &proof, &[address], Some(&root_key()), NOW);
        assert_eq!(paid, user == "alice", "{said}");
        assert!(said.contains(shown), "{said}");
        // What was altered on the way is never paid to.
        let mut records = sotto_proof::decode(&proof, &sotto_proof::Limits::default()).unwrap();
        let altered = |record: &&mut Record| record.rtype == RecordType::DS;
        records.iter_mut().find(altered).unwrap().rdata[4] ^= 1;
        let (paid, said) = read(
            bip353::run,
            &encode(&records),
            &[address],
            Some(&root_key()),
            NOW,
        );
        assert!(!paid && said.starts_with("do not pay: "), "{said}");
    }
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    let folder = Folder::new();
    let (proof, binary) = (folder.write("proof", ""), folder.write("binary", [0xff]));
    let told = |example: Example, line: &[&str]| {
        let line = line.iter().map(|&word| word.to_owned()).collect();
        example(line, &mut String::new()).unwrap_err().to_string()
    };
    let verify = |line: &[&str]| told(verify_file::run, line);
    assert!(verify(&[]).contains("are needed"));
    assert!(verify(&["absent", "a.test", "TXT"]).starts_with("absent: "));
    assert!(verify(&[&proof, "a..test", "TXT"]).contains("empty label"));
    assert!(verify(&[&proof, "a.test", "NONE"]).contains("NONE"));
    assert!(verify(&[&proof, "a.test", "TXT", "--at", "noon"]).contains("noon"));
    assert!(verify(&[&proof, "a.test", "TXT", "--at"]).contains("needs a value"));
    assert!(verify(&[&proof, "a.test", "TXT", "--frob", "1"]).contains("--frob is unknown"));
    assert!(verify(&[&proof, "a.test", "TXT", "--anchors", &proof]).contains("no trust anchor"));
    assert!(verify(&[&proof, "a.test", "TXT", "--anchors", &binary]).starts_with(&binary));
    assert!(told(bip353::run, &[&proof, "nobody"]).contains("write user@domain"));
    let prove: Example = |line, said| prove_name::run(line, BRIEFLY, said);
    assert!(told(prove, &["resolver.test", "a.test", "TXT", "x"]).contains("192.0.2.1"));
    assert!(told(prove, &[]).contains("are needed"));
}
