//! What a resolver does with questions that only a check asks: each answered as it comes, no second resolver instead.

use std::{sync::Arc, time::Duration};

use rustls::ClientConfig;
use sotto_daemon::clock::Stopwatch;
use sotto_proof::{
    Name, Question, Record, RecordType,
    message::{self, Response, rcode},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{
    ResolveError,
    server::Server,
    timed,
    transport::{UDP_PAYLOAD, connect_tls, exchange, exchange_datagrams, random_id},
};

/// How often a question over UDP is sent.
const ATTEMPTS: usize = 2;

/// A response that comes later than this makes many answers late.
const SLOW: Duration = Duration::from_millis(100);

/// RA and CD in the third and fourth octet of a message (RFC 1035 section 4.1.1, RFC 4035 section 3.2.2).
const RECURSION_AVAILABLE: u16 = 0x0080;
const CHECKING_DISABLED: u16 = 0x0010;

/// The option Client Subnet for no address at all (RFC 7871 sections 6 and 7.1.2), and its code.
const NO_SUBNET: [u8; 8] = [0, 8, 0, 4, 0, 1, 0, 0];
const CLIENT_SUBNET: u16 = 8;

/// What is amiss with a resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Unreachable(ResolveError),
    Refuses(u16),
    NoRecursion,
    CheckingForced,
    NoSignatures,
    NoDenial,
    Invents,
    NoTcp(ResolveError),
    KnowsSubnets,
    Slow(Duration),
}

/// What a resolver did.
#[derive(Clone, Debug)]
pub(crate) struct Probed {
    /// How long it took for a question that it had just answered; `None` if it never did.
    pub(crate) latency: Option<Duration>,
    pub(crate) flaws: Vec<Flaw>,
}

/// Asks `server` whether it is one that a gateway can use; each question may take `patience`.
pub(crate) async fn probe(server: &Server, tls: &ClientConfig, patience: Duration) -> Probed {
    let mut flaws = Vec::new();
    let latency = Probe {
        server,
        tls,
        patience,
    }
    .run(&mut flaws)
    .await;
    if let Some(latency) = latency.filter(|latency| *latency > SLOW) {
        flaws.push(Flaw::Slow(latency));
    }
    Probed { latency, flaws }
}

struct Probe<'a> {
    server: &'a Server,
    tls: &'a ClientConfig,
    patience: Duration,
}

impl Probe<'_> {
    async fn run(&self, flaws: &mut Vec<Flaw>) -> Option<Duration> {
        let root = |rtype| Question {
            name: Name::root(),
            rtype,
        };
        let first = match self.ask(&root(RecordType::SOA), &[]).await {
            Ok(first) => first,
            Err(error) => {
                flaws.push(Flaw::Unreachable(error));
                return None;
            }
        };
        if first.response.rcode != rcode::NOERROR {
            flaws.push(Flaw::Refuses(first.response.rcode));
            return None;
        }
        if first.flags & RECURSION_AVAILABLE == 0 {
            flaws.push(Flaw::NoRecursion);
        }
        if first.flags & CHECKING_DISABLED == 0 {
            flaws.push(Flaw::CheckingForced);
        }
        if !is_signed(&first.response.answer, RecordType::SOA) {
            flaws.push(Flaw::NoSignatures);
        }
        flaws.extend(self.denial().await);
        if self.server.tls.is_none()
            && let Err(error) = timed(self.patience, self.over_tcp(&root(RecordType::DNSKEY))).await
        {
            flaws.push(Flaw::NoTcp(error));
        }
        if let Ok(answered) = self.ask(&root(RecordType::SOA), &NO_SUBNET).await
            && answered.options.contains(&CLIENT_SUBNET)
        {
            flaws.push(Flaw::KnowsSubnets);
        }
        let stopwatch = Stopwatch::start();
        let again = self.ask(&root(RecordType::SOA), &[]).await;
        again.is_ok().then(|| stopwatch.elapsed())
    }

    /// Asks for a name that nobody has, drawn at random, so that no answer is at hand.
    async fn denial(&self) -> Option<Flaw> {
        let drawn = random_id().and_then(|high| Ok((high, random_id()?))).ok()?;
        let name = format!("sotto-check-{:04x}{:04x}.", drawn.0, drawn.1);
        let question = Question {
            name: name.parse().ok()?,
            rtype: RecordType::TXT,
        };
        let response = self.ask(&question, &[]).await.ok()?.response;
        if !response.answer.is_empty() {
            return Some(Flaw::Invents);
        }
        let denies = |rtype| is_signed(&response.authority, rtype);
        let denied = denies(RecordType::NSEC) || denies(RecordType::NSEC3);
        (!denied).then_some(Flaw::NoDenial)
    }

    /// One question by the resolver's own transport, with `option` in its OPT record.
    async fn ask(&self, question: &Question, option: &[u8]) -> Result<Answered, ResolveError> {
        let mut outcome = Err(ResolveError::Timeout);
        for _ in 0..ATTEMPTS {
            let asked = async {
                match &self.server.tls {
                    None => self.over_udp(question, option).await,
                    Some(name) => {
                        let connector = TlsConnector::from(Arc::new(self.tls.clone()));
                        let address = self.server.address;
                        let mut stream = connect_tls(address, name.clone(), &connector).await?;
                        over_stream(&mut stream, question, option).await
                    }
                }
            };
            outcome = timed(self.patience, asked).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn over_udp(&self, question: &Question, option: &[u8]) -> Result<Answered, ResolveError> {
        let (id, query) = query(question, option)?;
        let mut seen = Seen::default();
        let see = |octets: &[u8]| seen = Seen::of(octets);
        let response = exchange_datagrams(self.server.address, id, &query, question, see).await?;
        if response.truncated {
            return self.over_tcp(question).await;
        }
        Ok(seen.with(response))
    }

    async fn over_tcp(&self, question: &Question) -> Result<Answered, ResolveError> {
        let mut stream = TcpStream::connect(self.server.address).await?;
        over_stream(&mut stream, question, &[]).await
    }
}

async fn over_stream(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    question: &Question,
    option: &[u8],
) -> Result<Answered, ResolveError> {
    let (id, query) = query(question, option)?;
    let mut seen = Seen::default();
    let see = |octets: &[u8]| seen = Seen::of(octets);
    let response = exchange(stream, id, &query, question, see).await?;
    Ok(seen.with(response))
}

/// A query for `question`, and its identifier.
fn query(question: &Question, option: &[u8]) -> Result<(u16, Vec<u8>), ResolveError> {
    let id = random_id()?;
    let mut query = message::query(id, question, UDP_PAYLOAD);
    // The length of the OPT record's content, which is empty and last.
    query.truncate(query.len() - 2);
    query.extend_from_slice(&(option.len() as u16).to_be_bytes());
    query.extend_from_slice(option);
    Ok((id, query))
}

/// A response, and what of it is no record.
struct Answered {
    response: Response,
    flags: u16,
    options: Vec<u16>,
}

#[derive(Default)]
struct Seen {
    flags: u16,
    options: Vec<u16>,
}

impl Seen {
    fn of(octets: &[u8]) -> Self {
        Self {
            flags: match octets {
                [_, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            },
            // What cannot be read is told as no response at all.
            options: message::edns_options(octets).unwrap_or_default(),
        }
    }

    fn with(self, response: Response) -> Answered {
        Answered {
            response,
            flags: self.flags,
            options: self.options,
        }
    }
}

/// Whether `records` hold one of `rtype` and a signature over such a one (RFC 4034 section 3.1.1).
fn is_signed(records: &[Record], rtype: RecordType) -> bool {
    let has = |test: &dyn Fn(&Record) -> bool| records.iter().any(test);
    has(&|record| record.rtype == rtype)
        && has(&|record| {
            record.rtype == RecordType::RRSIG && record.rdata.starts_with(&rtype.0.to_be_bytes())
        })
}
