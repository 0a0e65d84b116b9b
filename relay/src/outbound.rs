//! Connections to a gateway: TLS, pooling, and the relay's credential.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use sotto_daemon::{
    roots::{self, RootsError},
    token::{Token, TokenError},
};

use crate::config::{self, Limits};

/// Requests that share one HTTP/2 connection before another is opened: RFC 9113 section 6.5.2
/// recommends that no peer permit fewer, so none waits for a stream.
const STREAMS_PER_CONNECTION: usize = 100;

/// How long a connection over TLS, so HTTP/2, rests in the pool: shorter than a gateway of ours
/// keeps it, so that it is not closed from there at the moment it is used.
const POOL_IDLE_TLS: Duration = Duration::from_secs(90);

/// The same for plain HTTP, so HTTP/1.1, which servers keep for a shorter time.
const POOL_IDLE_PLAIN: Duration = Duration::from_secs(10);

/// Octets a gateway may send on one HTTP/2 stream unasked: more than twice the largest answer. A window that is half
/// used is opened again, and whether the frame for that still leaves before the stream ends is a matter of luck.
const STREAM_WINDOW: u32 = 262_144;

/// Octets a gateway may send on one HTTP/2 connection unasked.
const CONNECTION_WINDOW: u32 = 4_194_304;

/// Octets of the largest header section that is read from a gateway.
const HEADER_MAX_BYTES: u32 = 16_384;

/// How often a gateway on HTTP/2 that is silent is asked whether it is still there, and how long it
/// may take to say so.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a gateway of the configuration cannot be forwarded to.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No certificate of the gateway could be judged.
    #[error("gateway {host}: {source}")]
    Roots {
        /// The gateway.
        host: String,
        /// What is wrong.
        source: RootsError,
    },
    /// There is no token.
    #[error("gateway {host}: `gateway.{index}.token_file`: {source}")]
    Token {
        /// The gateway.
        host: String,
        /// Its place in the configuration.
        index: usize,
        /// What is wrong with its file.
        source: TokenError,
    },
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The pooled connections to one gateway.
pub(crate) struct Outbound {
    lanes: Box<[Lane]>,
}

/// A pool that, over HTTP/2, is one connection.
struct Lane {
    client: HttpClient,
    in_flight: AtomicUsize,
}

impl Outbound {
    pub(crate) fn new(gateway: &config::Gateway, limits: &Limits) -> Result<Self, SetupError> {
        let https = gateway.origin().is_https();
        let tls = tls_config(gateway)?;
        let lanes = if https {
            limits.max_in_flight.div_ceil(STREAMS_PER_CONNECTION).max(1)
        } else {
            1
        };
        let lane = |_| Lane {
            client: client(tls.clone(), https, limits),
            in_flight: AtomicUsize::new(0),
        };
        Ok(Self {
            lanes: (0..lanes).map(lane).collect(),
        })
    }

    /// Sends one request. hyper sends it again only where a pooled connection was closed before an
    /// octet of it was written, so nothing is ever asked twice.
    ///
    /// The ride takes up its place until it is dropped, which is to be after the content is read.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Ride<'_>), Error> {
        let ride = self.board();
        let response = ride.0.client.request(request).await?;
        Ok((response, ride))
    }

    /// The first lane with a free stream, so that few connections are open.
    fn board(&self) -> Ride<'_> {
        for lane in &self.lanes {
            if lane.in_flight.fetch_add(1, Ordering::Relaxed) < STREAMS_PER_CONNECTION {
                return Ride(lane);
            }
            lane.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
        let first = &self.lanes[0];
        first.in_flight.fetch_add(1, Ordering::Relaxed);
        Ride(first)
    }
}

/// One request on a lane.
pub(crate) struct Ride<'a>(&'a Lane);

impl Drop for Ride<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn client(tls: ClientConfig, https: bool, limits: &Limits) -> HttpClient {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(limits.connect_timeout()));
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls);
    let (connector, pool_idle) = if https {
        (connector.https_only(), POOL_IDLE_TLS)
    } else {
        (connector.https_or_http(), POOL_IDLE_PLAIN)
    };
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(pool_idle)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(HEADER_MAX_BYTES)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .build(connector.enable_all_versions().wrap_connector(tcp))
}

/// TLS to a gateway: the system's certification authorities and the configured ones.
fn tls_config(gateway: &config::Gateway) -> Result<ClientConfig, SetupError> {
    if !gateway.origin().is_https() {
        return Ok(roots::believes_nobody());
    }
    roots::client_config(gateway.ca.as_deref()).map_err(|source| SetupError::Roots {
        host: gateway.host.to_string(),
        source,
    })
}

/// The bearer token by which a gateway knows this relay (RFC 6750), replaceable while it runs.
pub(crate) struct Credential {
    host: String,
    index: usize,
    file: Option<PathBuf>,
    field: ArcSwapOption<HeaderValue>,
}

impl Credential {
    /// Reads the token of `gateway`, which stands at `index` in the configuration.
    pub(crate) fn load(index: usize, gateway: &config::Gateway) -> Result<Self, SetupError> {
        let credential = Self {
            host: gateway.host.to_string(),
            index,
            file: gateway.token_file.clone(),
            field: ArcSwapOption::empty(),
        };
        credential.reload()?;
        Ok(credential)
    }

    /// Reads the file again; where that fails the token in use stays in use.
    pub(crate) fn reload(&self) -> Result<(), SetupError> {
        if let Some(file) = &self.file {
            let token = Token::read(file).map_err(|source| SetupError::Token {
                host: self.host.clone(),
                index: self.index,
                source,
            })?;
            self.field.store(Some(Arc::new(bearer(&token))));
        }
        Ok(())
    }

    /// The value of the Authorization field.
    pub(crate) fn field(&self) -> Option<HeaderValue> {
        self.field.load().as_deref().cloned()
    }

    /// What an operator does about a gateway that does not admit this relay.
    pub(crate) fn remedy(&self) -> String {
        let index = self.index;
        if self.file.is_some() {
            format!(
                "have the gateway's operator list the token of `gateway.{index}.token_file`, or put the token there that they list"
            )
        } else {
            format!(
                "set `gateway.{index}.token_file` to a file with a token that the gateway's operator lists"
            )
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn bearer(token: &Token) -> HeaderValue {
    let field = format!("Bearer {}", token.as_str());
    let mut field = HeaderValue::try_from(field).expect("a token is visible ASCII");
    // Debug then hides it, and HPACK never indexes it.
    field.set_sensitive(true);
    field
}
