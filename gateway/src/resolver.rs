//! Asks a recursive resolver over UDP, and over TCP where UDP does not do (RFC 1035 section 4.2).
//!
//! The resolver is only a fetcher: whatever it says, clients verify. What is done here against
//! forged responses (RFC 5452) therefore guards against wasted work, not against lies: a fresh
//! socket, so a fresh source port, and a random identifier for each query; responses from the
//! resolver's address alone, and only for the question asked.

#[cfg(test)]
mod tests;

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use sotto_proof::{
    Question,
    message::{self, MessageError, Response, rcode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};

/// Octets of the largest response asked for over UDP: what crosses any path unfragmented, as all
/// large implementations agreed for the DNS flag day of 2020.
const UDP_PAYLOAD: u16 = 1_232;

/// Octets read of a datagram: room for those who send more than asked for.
const UDP_BUFFER: usize = 4_096;

/// Times a question is sent over UDP; the second waits twice as long as the first.
const UDP_ATTEMPTS: usize = 2;

/// Datagrams that are not the response, after which the question goes over TCP: somebody guesses
/// (RFC 5452 section 9.3), and guessing a TCP connection is much harder.
const MAX_STRAYS: usize = 8;

/// Questions under way at once, each with one descriptor.
const MAX_IN_FLIGHT: usize = 1_024;

/// The port of the DNS (RFC 1035 section 4.2).
const DNS_PORT: u16 = 53;

/// Where the system's resolvers are listed (resolv.conf(5)).
const SYSTEM_RESOLVERS: &str = "/etc/resolv.conf";

/// Resolvers read from that file (MAXNS in resolv.conf(5)).
const MAX_SYSTEM_RESOLVERS: usize = 3;

/// Whoever answers questions for the prover.
pub(crate) trait Upstream: Send + Sync + 'static {
    /// Asks one question.
    fn ask(
        &self,
        question: &Question,
    ) -> impl Future<Output = Result<Response, ResolveError>> + Send;
}

/// Why a resolver gave no response. Never shows the question, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    /// Nothing came in time.
    #[error("the resolver did not answer in time")]
    Timeout,
    /// The operating system reports a failure, such as a port where nobody listens.
    #[error("the resolver cannot be reached ({0}); check that it runs at the configured address")]
    Io(io::ErrorKind),
    /// What came is no response.
    #[error("the resolver sent a response that cannot be read: {0}")]
    Message(#[from] MessageError),
    /// No identifier could be drawn.
    #[error("the system gives no randomness")]
    Randomness,
}

impl From<io::Error> for ResolveError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// A recursive resolver, or several of which one may fail.
#[derive(Debug)]
pub(crate) struct Resolver {
    servers: Vec<SocketAddr>,
    attempt: Duration,
    in_flight: Semaphore,
}

impl Resolver {
    /// A resolver at `servers`, tried in that order; `patience` is the time that one question may
    /// take with all its attempts.
    pub(crate) fn new(servers: Vec<SocketAddr>, patience: Duration) -> Self {
        // The attempts over UDP wait 1 and 2 of these; what is left is for TCP.
        let attempt = patience / 4;
        Self {
            servers,
            attempt,
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
        }
    }

    async fn attempt(
        &self,
        server: SocketAddr,
        question: &Question,
        patience: Duration,
    ) -> Result<Response, ResolveError> {
        let over_udp = timeout(patience, over_udp(server, question)).await;
        match over_udp.map_err(|_| ResolveError::Timeout)? {
            Ok(response) if !response.truncated => return Ok(response),
            Err(error @ (ResolveError::Io(_) | ResolveError::Randomness)) => return Err(error),
            // Truncated, garbled, or somebody guesses.
            Ok(_) | Err(ResolveError::Message(_) | ResolveError::Timeout) => {}
        }
        let response = timeout(patience, over_tcp(server, question))
            .await
            .map_err(|_| ResolveError::Timeout)??;
        if response.truncated {
            // Nothing is larger than what TCP carries.
            return Err(MessageError::Truncated.into());
        }
        Ok(response)
    }
}

impl Upstream for Resolver {
    async fn ask(&self, question: &Question) -> Result<Response, ResolveError> {
        let _permit = self.in_flight.acquire().await;
        let attempts = UDP_ATTEMPTS.max(self.servers.len());
        let mut outcome = Err(ResolveError::Timeout);
        for attempt in 0..attempts {
            let server = self.servers[attempt % self.servers.len()];
            let patience = self.attempt * if attempt == 0 { 1 } else { 2 };
            match self.attempt(server, question, patience).await {
                // It has tried what it can, so only another one may know.
                Ok(response) if response.rcode == rcode::SERVFAIL => {
                    outcome = Ok(response);
                    if attempt + 1 >= self.servers.len() {
                        break;
                    }
                }
                Ok(response) => return Ok(response),
                // A response that says "failed" tells more than a failure to get one.
                Err(error) => outcome = outcome.or(Err(error)),
            }
        }
        outcome
    }
}

async fn over_udp(server: SocketAddr, question: &Question) -> Result<Response, ResolveError> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Port 0: the kernel draws one at random. A connected socket hears its peer alone.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let id = random_id()?;
    socket
        .send(&message::query(id, question, UDP_PAYLOAD))
        .await?;

    let mut buffer = [0; UDP_BUFFER];
    for _ in 0..MAX_STRAYS {
        let count = socket.recv(&mut buffer).await?;
        match message::parse(&buffer[..count], id, question) {
            Err(error) if error.is_unrelated() => {}
            read => return Ok(read?),
        }
    }
    Err(MessageError::WrongId.into())
}

async fn over_tcp(server: SocketAddr, question: &Question) -> Result<Response, ResolveError> {
    let mut stream = TcpStream::connect(server).await?;
    let id = random_id()?;
    let query = message::query(id, question, UDP_PAYLOAD);
    let length = u16::try_from(query.len()).map_err(|_| MessageError::Length(query.len()))?;
    // In one write: some servers refuse a length that comes alone (RFC 7766 section 8).
    stream
        .write_all(&[&length.to_be_bytes()[..], &query].concat())
        .await?;
    let length = stream.read_u16().await?;
    let mut response = vec![0; usize::from(length)];
    stream.read_exact(&mut response).await?;
    Ok(message::parse(&response, id, question)?)
}

fn random_id() -> Result<u16, ResolveError> {
    let mut octets = [0; 2];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| ResolveError::Randomness)?;
    Ok(u16::from_be_bytes(octets))
}

/// The system's resolvers.
///
/// # Errors
///
/// That the list cannot be read.
pub(crate) fn system_resolvers() -> io::Result<Vec<SocketAddr>> {
    match std::fs::read_to_string(SYSTEM_RESOLVERS) {
        Ok(text) => Ok(listed_resolvers(&text)),
        // As resolv.conf(5) has it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(listed_resolvers("")),
        Err(error) => Err(error),
    }
}

/// The `nameserver` lines of a resolv.conf; without any, the resolver on this machine.
fn listed_resolvers(text: &str) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next()? == "nameserver").then(|| words.next()?.parse::<IpAddr>().ok())?
        })
        .map(|address| SocketAddr::new(address, DNS_PORT))
        .take(MAX_SYSTEM_RESOLVERS)
        .collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT));
    }
    servers
}
