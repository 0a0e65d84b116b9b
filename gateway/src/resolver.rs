//! Asks recursive resolvers: over UDP, and over TCP where UDP does not do (RFC 1035 section 4.2), or over TLS (RFC 7858).
//!
//! A resolver is only a fetcher: whatever it says, clients verify. What is done here against
//! forged responses (RFC 5452) therefore guards against wasted work, not against lies: a fresh
//! socket, so a fresh source port, and a random identifier for each query; responses from the
//! resolver's address alone, and only for the question asked.

mod health;
pub(crate) mod probe;
pub(crate) mod server;
#[cfg(test)]
mod tests;
mod transport;

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::ClientConfig;
use sotto_proof::{
    Question,
    message::{MessageError, Response, rcode},
};
use tokio::{sync::Semaphore, time::Instant, time::timeout};

use self::{
    health::Health,
    server::{DNS_PORT, Server},
    transport::{Secure, over_tcp, over_udp},
};
use crate::clock;

/// Times a question is sent at least; the second waits twice as long as the first.
const ATTEMPTS: usize = 2;

/// Questions under way at once, each with one descriptor.
const MAX_IN_FLIGHT: usize = 1_024;

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

    /// Whether each resolver responded when it was last asked, as they are listed.
    fn standings(&self) -> Vec<bool>;
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
    /// The resolver's certificate is not believed, or TLS fails otherwise.
    #[error("TLS with the resolver fails; check the name after # and dns.ca")]
    Tls,
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

/// A recursive resolver, or several of which some may fail.
pub(crate) struct Resolver {
    servers: Vec<(Server, Option<Secure>)>,
    health: Mutex<Health>,
    began: Instant,
    attempt: Duration,
    in_flight: Semaphore,
}

impl Resolver {
    /// A resolver at `servers`, the first of them preferred; `patience` is the time that one question may take with all
    /// its attempts, and `tls` tells whom to believe who speaks TLS.
    pub(crate) fn new(servers: Vec<Server>, patience: Duration, tls: &ClientConfig) -> Self {
        // The first attempt waits 1 of these, the others 2 over UDP; what is left is for TCP.
        let attempt = patience / 4;
        let health = Mutex::new(Health::new(servers.len()));
        let secured = |server: Server| {
            let secure = server
                .tls
                .as_ref()
                .map(|name| Secure::new(server.address, name.clone(), tls));
            (server, secure)
        };
        Self {
            servers: servers.into_iter().map(secured).collect(),
            health,
            began: clock::instant(),
            attempt,
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
        }
    }

    async fn attempt(
        &self,
        index: usize,
        question: &Question,
        patience: Duration,
    ) -> Result<Response, ResolveError> {
        let (server, secure) = &self.servers[index];
        let response = match secure {
            Some(secure) => secure.ask(question, patience).await?,
            None => match timed(patience, over_udp(server.address, question)).await {
                Ok(response) if !response.truncated => return Ok(response),
                Err(
                    error @ (ResolveError::Io(_)
                    | ResolveError::Tls
                    | ResolveError::Randomness
                    | ResolveError::Timeout),
                ) => return Err(error),
                // Truncated, garbled, or somebody guesses.
                Ok(_) | Err(ResolveError::Message(_)) => {
                    timed(patience, over_tcp(server.address, question)).await?
                }
            },
        };
        if response.truncated {
            // Nothing is larger than what TCP carries.
            return Err(MessageError::Truncated.into());
        }
        Ok(response)
    }

    /// Notes how a resolver fared, and tells the operator when that changes.
    fn note(&self, index: usize, outcome: &Result<Response, ResolveError>) {
        let resolver = &self.servers[index].0;
        match outcome {
            Ok(_) if self.health().succeeded(index) => {
                tracing::info!(%resolver, "the resolver responds again");
            }
            Err(error) if self.health().failed(index, self.began.elapsed()) => {
                tracing::warn!(%resolver, %error, "the resolver does not respond; others are asked first");
            }
            _ => {}
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // A panic elsewhere leaves it whole.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn timed<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, ResolveError>>,
) -> Result<T, ResolveError> {
    timeout(patience, work)
        .await
        .unwrap_or(Err(ResolveError::Timeout))
}

impl Upstream for Resolver {
    async fn ask(&self, question: &Question) -> Result<Response, ResolveError> {
        let _permit = self.in_flight.acquire().await;
        let order = self.health().order(self.began.elapsed());
        let attempts = ATTEMPTS.max(order.len());
        let mut outcome = Err(ResolveError::Timeout);
        for (attempt, index) in order.iter().cycle().take(attempts).enumerate() {
            let patience = self.attempt * if attempt == 0 { 1 } else { 2 };
            let attempted = self.attempt(*index, question, patience).await;
            self.note(*index, &attempted);
            match attempted {
                // It has tried what it can, so only another one may know.
                Ok(response) if response.rcode == rcode::SERVFAIL => {
                    outcome = Ok(response);
                    if attempt + 1 >= order.len() {
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

    fn standings(&self) -> Vec<bool> {
        let health = self.health();
        (0..self.servers.len())
            .map(|index| health.is_up(index))
            .collect()
    }
}

/// The system's resolvers.
///
/// # Errors
///
/// That the list cannot be read.
pub(crate) fn system_resolvers() -> io::Result<Vec<Server>> {
    match std::fs::read_to_string(SYSTEM_RESOLVERS) {
        Ok(text) => Ok(listed_resolvers(&text)),
        // As resolv.conf(5) has it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(listed_resolvers("")),
        Err(error) => Err(error),
    }
}

/// The `nameserver` lines of a resolv.conf; without any, the resolver on this machine.
fn listed_resolvers(text: &str) -> Vec<Server> {
    let mut servers: Vec<Server> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next()? == "nameserver").then(|| words.next()?.parse::<IpAddr>().ok())?
        })
        .map(|address| SocketAddr::new(address, DNS_PORT).into())
        .take(MAX_SYSTEM_RESOLVERS)
        .collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT).into());
    }
    servers
}
