//! Proves a name: drives the sans-IO prover over plain UDP and TCP to a recursive resolver.
//!
//! ```console
//! $ cargo run -p sotto-proof --example prove_name -- 127.0.0.1 _mimi.example.com TXT hugh.proof
//! ```
//!
//! The resolver is only a fetcher. It has to pass on DNSSEC records; what it says about them does not
//! matter, since whoever reads the proof verifies it.

mod shared;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use shared::{Arguments, Outcome, say};
use sotto_proof::message::{self, Response, rcode};
use sotto_proof::{Progress, Proof, ProveError, Prover, ProverLimits, Question};

const USAGE: &str = "prove_name RESOLVER[:PORT] NAME TYPE FILE";

/// The port of the DNS (RFC 1035 section 4.2).
const PORT: u16 = 53;

/// Octets of the largest response over UDP: what crosses any path unfragmented (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1_232;

/// How often a question is sent before the resolver counts as silent.
const ATTEMPTS: usize = 3;

/// Datagrams read for one attempt: more that are not the response come from somebody who guesses.
const STRAYS: usize = 8;

fn main() -> ExitCode {
    shared::command(USAGE, |line, said| run(line, Duration::from_secs(3), said))
}

/// Gathers the proof, tells what is in it, and saves it. `patience` is how long each attempt waits.
pub(crate) fn run(line: Vec<String>, patience: Duration, said: &mut String) -> Outcome<bool> {
    let arguments = Arguments::parse(line, &[])?;
    let [resolver, name, rtype, file] = &arguments.words[..] else {
        return Err("a resolver, a name, a type and a file are needed".into());
    };
    let resolver = resolver
        .parse()
        .or_else(|_| {
            resolver
                .parse()
                .map(|address| SocketAddr::new(address, PORT))
        })
        .map_err(|_| format!("{resolver} is no address: write 192.0.2.1 or [2001:db8::1]:53"))?;
    let resolver = Resolver {
        address: resolver,
        patience,
    };
    let question = Question {
        name: name.parse()?,
        rtype: rtype.parse()?,
    };

    let proof = prove(&resolver, question)?;
    fs::write(file, proof.as_bytes()).map_err(|error| format!("{file}: {error}"))?;
    for record in proof.records() {
        say(said, format_args!("{} {}", record.owner, record.rtype));
    }
    let (records, octets) = (proof.records().len(), proof.as_bytes().len());
    say(
        said,
        format_args!("{records} records, {octets} octets, in {file}; nothing is verified yet"),
    );
    Ok(true)
}

/// The loop around the prover: ask what it wants to know until it is done.
///
/// One question after the other, for simplicity; all that are open may as well be asked at once.
fn prove(resolver: &Resolver, question: Question) -> Outcome<Proof> {
    let (mut prover, mut open) = Prover::start(question, ProverLimits::default());
    while let Some(question) = open.pop() {
        let response = resolver.ask(&question)?;
        match prover.respond(&question, &response) {
            Ok(Progress::Ask(more)) => open.extend(more),
            Ok(Progress::Wait) => {}
            Ok(Progress::Done(proof)) => return Ok(proof),
            Err(
                error @ ProveError::Refused {
                    rcode: rcode::SERVFAIL,
                    ..
                },
            ) => {
                return Err(format!(
                    "{error} (SERVFAIL): the domain's name servers may be down; ask again later, or another resolver"
                )
                .into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the prover is done once nothing is open")
}

struct Resolver {
    address: SocketAddr,
    patience: Duration,
}

impl Resolver {
    /// Asks over UDP, and over TCP where the response did not fit (RFC 7766 section 5).
    fn ask(&self, question: &Question) -> Outcome<Response> {
        for _ in 0..ATTEMPTS {
            let response = match self.over_udp(question) {
                Ok(response) if response.truncated => self.over_tcp(question),
                other => other,
            };
            match response {
                Err(error) if is_silence(&error) => {}
                Err(error) => return Err(format!("{}: {error}", self.address).into()),
                Ok(response) => return Ok(response),
            }
        }
        Err(format!(
            "{} did not answer {question} in {ATTEMPTS} attempts; is it a resolver, and does it answer this machine?",
            self.address
        )
        .into())
    }

    fn over_udp(&self, question: &Question) -> io::Result<Response> {
        let any: IpAddr = match self.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // A port and an identifier of its own for each question, so that nobody can guess them; and a
        // connected socket hears nobody else (RFC 5452 section 9.2).
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(self.address)?;
        socket.set_read_timeout(Some(self.patience))?;
        let id = random_id();
        socket.send(&message::query(id, question, UDP_PAYLOAD))?;
        let mut buffer = [0; message::MAX_MESSAGE_BYTES];
        for _ in 0..STRAYS {
            let length = socket.recv(&mut buffer)?;
            match message::parse(&buffer[..length], id, question) {
                Err(error) if error.is_unrelated() => {}
                other => return other.map_err(io::Error::other),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    fn over_tcp(&self, question: &Question) -> io::Result<Response> {
        let mut stream = TcpStream::connect_timeout(&self.address, self.patience)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        let id = random_id();
        let query = message::query(id, question, UDP_PAYLOAD);
        // Two octets of length go before each message (RFC 1035 section 4.2.2), in the same segment.
        let length = (query.len() as u16).to_be_bytes();
        stream.write_all(&[&length[..], &query].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut response)?;
        message::parse(&response, id, question).map_err(io::Error::other)
    }
}

/// Tells whether a failure is that nothing came in time.
fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// Draws an identifier. The standard library has no generator, but seeds its hashers at random.
fn random_id() -> u16 {
    RandomState::new().hash_one(()) as u16
}
