//! The accept loop: bind, accept, limit, drain.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, response::Response};
use serde::Deserialize;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    backlog::Backlog,
    config::{self, Listen},
    connection::{Connector, Peer},
    metrics::Metrics,
    pin::Pin,
    room::{Counters, Room},
    tls::{Certificates, TlsError, server_config},
};

/// How long the loop rests when the system cannot give it a connection (no descriptors left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long it rests then if a connection has been told to give its descriptor up.
const RELIEF_PAUSE: Duration = Duration::from_millis(5);

/// The limits of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerLimits {
    /// Connections open at a time. One more takes the place of the one that has rested longest; where all are busy, it is
    /// closed at once. Each takes a descriptor.
    #[serde(deserialize_with = "config::positive")]
    pub max_connections: usize,
    /// Milliseconds for the TLS handshake, for the first request to begin, for each header section over HTTP/1.1 (so also
    /// how long an HTTP/1.1 connection may rest between requests), and for a client to take something of what it asked for.
    #[serde(deserialize_with = "config::positive")]
    pub header_timeout_ms: u64,
    /// Octets of the largest header section; at least 8,192, which is as low as hyper goes.
    #[serde(deserialize_with = "config::positive")]
    pub max_header_bytes: u32,
    /// HTTP/2 streams open at a time on one connection.
    #[serde(deserialize_with = "config::positive")]
    pub max_streams: u32,
    /// Milliseconds that an HTTP/2 connection may rest without a request.
    #[serde(deserialize_with = "config::positive")]
    pub idle_timeout_ms: u64,
    /// Milliseconds that a connection gets to finish once the server ends.
    #[serde(deserialize_with = "config::positive")]
    pub drain_ms: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            header_timeout_ms: 15_000,
            max_header_bytes: 16_384,
            max_streams: 256,
            idle_timeout_ms: 120_000,
            drain_ms: 10_000,
        }
    }
}

impl ServerLimits {
    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

/// The address at the other end of the connection, as a request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The key whose possession the client has proved by its certificate, as a request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKey(pub Pin);

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Neither a certificate nor the word that plain HTTP is meant.
    #[error(
        "neither `tls` nor `plain_http`; give `tls.certificate` and `tls.key`, or set `plain_http = true` for loopback or behind a proxy"
    )]
    NoTls,
    /// Both at once.
    #[error("both `tls` and `plain_http`; remove one of them")]
    TlsAndPlain,
    /// The certificate cannot be served.
    #[error("`tls`: {0}")]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error(
        "`address` {address}: cannot listen: {problem}; choose a free port and an address of this machine"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        problem: io::Error,
    },
}

impl ServerError {
    /// What is wrong with the listener that stands under `key` in the configuration.
    #[must_use]
    pub fn at(&self, key: &str) -> String {
        match self {
            Self::Tls(error) => format!("`{key}.tls`: {error}"),
            other => format!("`{key}`: {other}"),
        }
    }
}

impl Listen {
    /// Checks that this can be served, and reads the certificate if there is one.
    ///
    /// # Errors
    ///
    /// [`ServerError`], every variant but `Bind`.
    pub fn certificates(&self) -> Result<Option<Arc<Certificates>>, ServerError> {
        match (&self.tls, self.plain_http) {
            (Some(_), true) => Err(ServerError::TlsAndPlain),
            (None, false) => Err(ServerError::NoTls),
            (Some(tls), false) => Ok(Some(Certificates::load(tls)?)),
            (None, true) => Ok(None),
        }
    }
}

/// A listening socket and what it serves: HTTP/1.1 and HTTP/2, over TLS or plain.
///
/// Answers carry no Date and no Server field: nothing that varies but what the routes put there.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    router: Router,
    limits: ServerLimits,
    expose_peer: bool,
    asks_for_certificates: bool,
    meets_strangers: bool,
    backlog: Option<Backlog>,
    counters: Option<Counters>,
}

impl Server {
    /// Binds the address and reads the certificate. Connections wait until [`Self::run`].
    ///
    /// # Errors
    ///
    /// [`ServerError`].
    pub async fn bind(
        listen: &Listen,
        router: Router,
        limits: ServerLimits,
    ) -> Result<Self, ServerError> {
        let certificates = listen.certificates()?;
        let no_bind = |problem| ServerError::Bind {
            address: listen.address,
            problem,
        };
        let listener = TcpListener::bind(listen.address).await.map_err(no_bind)?;
        let address = listener.local_addr().map_err(no_bind)?;
        Ok(Self {
            listener,
            address,
            certificates,
            router,
            limits,
            expose_peer: false,
            asks_for_certificates: false,
            meets_strangers: false,
            backlog: None,
            counters: None,
        })
    }

    /// Gives every request the client's address as a [`PeerAddress`]. Without this no handler can
    /// learn it.
    #[must_use]
    pub fn expose_peer(mut self) -> Self {
        self.expose_peer = true;
        self
    }

    /// Asks every client for a certificate, over TLS, and requires none. A request of one that shows its key has it as
    /// a [`PeerKey`]; whether that key is anybody's is for the routes to know.
    #[must_use]
    pub fn ask_for_certificates(mut self) -> Self {
        self.asks_for_certificates = true;
        self
    }

    /// Takes every client for a stranger until a route says otherwise, by the [`Stranger`](crate::Stranger) that it finds
    /// among the extensions of a request. A stranger may have few requests under way, and the connection gives way as one
    /// at rest does.
    #[must_use]
    pub fn meet_strangers(mut self) -> Self {
        self.meets_strangers = true;
        self
    }

    /// Gives the answer of `refusal` to an HTTP/2 request at once, and does nothing else for it, where `max` of all connections wait
    /// for their turn already. Over HTTP/1.1 a connection has one request, and the next waits outside.
    #[must_use]
    pub fn refuse_beyond(
        mut self,
        max: usize,
        refusal: impl Fn() -> Response + Send + Sync + 'static,
    ) -> Self {
        self.backlog = Some(Backlog::new(max, refusal));
        self
    }

    /// Counts connections in `metrics`.
    #[must_use]
    pub fn with_metrics(mut self, metrics: &Metrics) -> Self {
        self.counters = Some(Counters::new(metrics));
        self
    }

    /// The address that was bound, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The certificate in use, to reload it while the server runs; `None` for plain HTTP.
    #[must_use]
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.clone()
    }

    /// Serves until `shutdown` is ready, then stops to accept, lets every connection finish what it
    /// has begun, for at most `drain_ms`, and returns when the last is closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(());
        let connector = Connector::new(
            self.router,
            self.limits,
            self.meets_strangers,
            self.backlog,
            stopped,
        );
        let tls = self
            .certificates
            .map(|certificates| server_config(certificates, self.asks_for_certificates))
            .map(TlsAcceptor::from);
        let room = Room::new(self.limits.max_connections, self.counters);
        let mut acceptance = Acceptance::default();
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = shutdown.as_mut() => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => {
                    let Some((stream, peer)) = acceptance.judge(accepted, &room).await else { continue };
                    let Some(place) = room.enter() else { continue };
                    let peer = Peer {
                        address: self.expose_peer.then_some(PeerAddress(peer)),
                        key: None,
                    };
                    let connector = connector.clone();
                    let tls = tls.clone();
                    connections.spawn(async move {
                        match tls {
                            Some(tls) => connector.serve_tls(tls, stream, peer, place).await,
                            None => connector.serve_plain(stream, peer, place).await,
                        }
                    });
                }
            }
        }
        drop(self.listener);
        drop(stop);
        while connections.join_next().await.is_some() {}
    }
}

/// Whether the system gives connections, told once when that changes.
#[derive(Default)]
struct Acceptance {
    fails: bool,
}

impl Acceptance {
    /// A connection that was accepted. Failures are the system's or the client's: the loop goes on.
    ///
    /// Where the system has no descriptor left, a connection at rest gives its own up, and those that come wait in the
    /// system's queue meanwhile.
    async fn judge(
        &mut self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        room: &Room,
    ) -> Option<(TcpStream, SocketAddr)> {
        match accepted {
            Ok((stream, peer)) => {
                if std::mem::take(&mut self.fails) {
                    tracing::info!("connections are accepted again");
                }
                // Small answers wait for nothing; where it fails the connection still works.
                let _ = stream.set_nodelay(true);
                Some((stream, peer))
            }
            Err(error) if is_clients_fault(&error) => None,
            Err(error) => {
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::error!(
                        %error,
                        "cannot accept connections; raise the limit of open files (LimitNOFILE) above that of connections"
                    );
                }
                let is_relieved = room.relieve();
                sleep(if is_relieved {
                    RELIEF_PAUSE
                } else {
                    ACCEPT_PAUSE
                })
                .await;
                None
            }
        }
    }
}

fn is_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
