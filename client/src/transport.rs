//! The only network I/O of a client: GET and POST to a relay.
//!
//! Every request carries the same fields in the same order, with values of the same length for the
//! same step, so that requests at the same position of a connection have the same size. No cookies,
//! no redirects, no proxies, no user agent, no early data; nothing is sent twice.
//!
//! Architecture Invariant: a connection is opened for a URL that a step names, and for nothing else.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, iter};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use sotto_proof::Utc;
use tower_service::Service;

use crate::step::{Event, Sent, TransportProblem, TransportProblemKind};

/// For how long a connection attempt stands alone before one over the other address family joins it, as
/// RFC 8305 section 5 recommends.
const HAPPY_EYEBALLS_DELAY: Duration = Duration::from_millis(250);

/// Seconds that an idle connection is kept for the next lookup.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Octets of header fields that a relay may send.
const MAX_HEADER_BYTES: u32 = 16_384;

/// HTTPS to relays.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    connector: Connector,
    connections: Arc<Mutex<Connections>>,
    patience: Patience,
}

/// The connections that there are.
#[derive(Debug)]
struct Connections {
    client: Client<Connector, Full<Bytes>>,
    /// How often all of them were left.
    era: u64,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// A connection, TLS included: nothing of a request is sent before.
    pub(crate) connect: Duration,
    /// One request, connection included.
    pub(crate) request: Duration,
}

/// What the transport cannot work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The additional authorities are not PEM.
    #[error("the additional certification authorities are not PEM certificates: {0}")]
    Pem(rustls::pki_types::pem::Error),
    /// There is no certificate among them.
    #[error(
        "the additional certification authorities hold no PEM certificate: expected `-----BEGIN CERTIFICATE-----`"
    )]
    NoCertificate,
    /// One of them cannot be used.
    #[error("an additional certification authority cannot be used: {0}")]
    Authority(rustls::Error),
    /// There are none at all.
    #[error("there are no certification authorities: install the system's, or give some in a file")]
    NoAuthorities,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Provider(rustls::Error),
}

impl Transport {
    /// A transport that trusts the system's certification authorities, and `authorities` (PEM).
    pub(crate) fn new(
        authorities: Option<&[u8]>,
        needs_tls: bool,
        patience: Patience,
    ) -> Result<Self, TlsError> {
        let tcp = tuned(HttpConnector::new(), patience.connect);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(authorities, needs_tls)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let connector = Connector {
            inner: connector,
            timeout: patience.connect,
        };
        let connections = Connections {
            client: pool(connector.clone()),
            era: 0,
        };
        Ok(Self {
            connector,
            connections: Arc::new(Mutex::new(connections)),
            patience,
        })
    }

    /// Fetches `url`.
    pub(crate) async fn get(&self, url: &str, accept: &'static str, max_bytes: usize) -> Event {
        let request = Request::builder()
            .method(Method::GET)
            .uri(url)
            .header(header::ACCEPT, HeaderValue::from_static(accept));
        self.send(request, Bytes::new(), max_bytes).await
    }

    /// Sends `body` to `url`.
    pub(crate) async fn post(
        &self,
        url: &str,
        media_type: &'static str,
        body: Vec<u8>,
        max_bytes: usize,
    ) -> Event {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.send(request, body.into(), max_bytes).await
    }

    async fn send(&self, request: http::request::Builder, body: Bytes, max_bytes: usize) -> Event {
        let (client, era) = {
            let connections = self.connections();
            (connections.client.clone(), connections.era)
        };
        let exchange = async {
            let request = request.body(Full::new(body)).map_err(|error| Failure {
                sent: Sent::Nothing,
                what: TransportProblem::new(TransportProblemKind::Connect, error.to_string()),
            })?;
            let response = client
                .request(request)
                .await
                .map_err(|error| classify(&error))?;
            if response.status() == StatusCode::REQUEST_TIMEOUT {
                // What was sent over this connection has not arrived, and what will be need not either.
                self.leave(era);
            }
            let status = response.status().as_u16();
            let media_type = response
                .headers()
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            // A date would have to be held against this machine's clock; only numbers are read.
            let retry_after = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            let body = read(response.into_body(), max_bytes).await?;
            Ok(Event::Response {
                status,
                media_type,
                retry_after,
                body,
            })
        };
        match tokio::time::timeout(self.patience.request, exchange).await {
            Ok(Ok(event)) => event,
            Ok(Err(Failure { sent, what })) => Event::Failed { sent, what },
            Err(_) => {
                self.leave(era);
                Event::Failed {
                    sent: Sent::Maybe,
                    what: TransportProblem::new(
                        TransportProblemKind::TimedOut,
                        format!("no whole answer within {:?}", self.patience.request),
                    ),
                }
            }
        }
    }

    /// Has what is sent from now on go over new connections, unless that has been so since `era`.
    ///
    /// A path that has died says nothing, and over HTTP/2 the next request would go the same way: for minutes, until TCP
    /// gives up (RFC 9293 section 3.8.3). What others still wait for on the old connections is finished there.
    fn leave(&self, era: u64) {
        let mut connections = self.connections();
        if connections.era == era {
            connections.client = pool(self.connector.clone());
            connections.era += 1;
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// No connections, and how they are to be used.
fn pool(connector: Connector) -> Client<Connector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http1_max_buf_size(MAX_HEADER_BYTES as usize)
        .build(connector)
}

struct Failure {
    sent: Sent,
    what: TransportProblem,
}

/// Reads a body whole, unless it is larger than `max_bytes`.
async fn read(mut body: Incoming, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    let failure = |kind, cause: String| Failure {
        sent: Sent::Maybe,
        what: TransportProblem::new(kind, cause),
    };
    let too_large = || {
        failure(
            TransportProblemKind::TooLarge,
            format!("more than {max_bytes} octets"),
        )
    };
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large());
    }
    let mut octets = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure(TransportProblemKind::Lost, causes(&error)))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if octets.len() + data.len() > max_bytes {
            return Err(too_large());
        }
        octets.extend_from_slice(&data);
    }
    Ok(octets.into())
}

/// Whether a failed request may have been seen, and why it failed.
///
/// GOAWAY is not enough to call a request unprocessed: h2 reports it alike for streams above and
/// below the last one that the peer processed. So those count as [`Sent::Maybe`].
fn classify(error: &hyper_util::client::legacy::Error) -> Failure {
    let never_written =
        chain(error).any(|error| error.downcast_ref().is_some_and(hyper::Error::is_canceled));
    let refused = chain(error).any(|error| {
        error.downcast_ref().is_some_and(|error: &h2::Error| {
            error.is_remote()
                && error.is_reset()
                && error.reason() == Some(h2::Reason::REFUSED_STREAM)
        })
    });
    let sent = if error.is_connect() || never_written || refused {
        Sent::Nothing
    } else {
        Sent::Maybe
    };
    let timed_out = chain(error).any(<dyn StdError>::is::<TimedOut>);
    let what = if timed_out {
        TransportProblem::new(TransportProblemKind::TimedOut, causes(error))
    } else if let Some(refused) = chain(error).find_map(refused_certificate) {
        match outside_its_time(refused) {
            Some(cause) => TransportProblem::new(TransportProblemKind::CertificateTime, cause),
            None => TransportProblem::new(TransportProblemKind::Certificate, causes(error)),
        }
    } else if error.is_connect() {
        TransportProblem::new(TransportProblemKind::Connect, causes(error))
    } else {
        TransportProblem::new(TransportProblemKind::Lost, causes(error))
    };
    Failure { sent, what }
}

/// TCP without Nagle's delay; an address family that is silent is not waited for (RFC 8305).
fn tuned<R>(mut tcp: HttpConnector<R>, timeout: Duration) -> HttpConnector<R> {
    // Which schemes are permitted was decided when the URL was parsed.
    tcp.enforce_http(false);
    // Shared among the addresses of one family: one that is silent leaves time for the next.
    tcp.set_connect_timeout(Some(timeout));
    tcp.set_happy_eyeballs_timeout(Some(HAPPY_EYEBALLS_DELAY));
    tcp.set_nodelay(true);
    tcp
}

/// TCP and TLS, within a time.
#[derive(Clone, Debug)]
struct Connector {
    inner: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

/// The time for a connection is over. Nothing of a request was sent.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
struct TimedOut(Duration);

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, timeout) = (self.inner.call(uri), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(TimedOut(timeout).into()),
            }
        })
    }
}

/// Why TLS refuses a certificate, however deep I/O errors are nested around that.
fn refused_certificate<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a CertificateError> {
    // The source() of an io::Error skips the error that it wraps.
    let mut error = error;
    while let Some(inner) = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        error = inner;
    }
    match error.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(refused)) => Some(refused),
        _ => None,
    }
}

/// The two times that disagree, if it is the clock by which a certificate is refused.
fn outside_its_time(refused: &CertificateError) -> Option<String> {
    let said = |time: &UnixTime, what: &str, limit: &UnixTime| {
        let (time, limit) = (Utc(time.as_secs()), Utc(limit.as_secs()));
        format!("this clock says {time}, the certificate {what} on {limit}")
    };
    match refused {
        CertificateError::NotValidYetContext { time, not_before } => {
            Some(said(time, "begins", not_before))
        }
        CertificateError::ExpiredContext { time, not_after } => Some(said(time, "ends", not_after)),
        CertificateError::NotValidYet | CertificateError::Expired => Some(refused.to_string()),
        _ => None,
    }
}

/// An error and its sources, outermost first.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The innermost words for an error: the outer ones only say that something failed.
fn causes(error: &(dyn StdError + 'static)) -> String {
    chain(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// TLS 1.3 and 1.2 with hybrid key exchange first, without early data, resumption or client certificates.
fn tls(authorities: Option<&[u8]>, needs_tls: bool) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    if needs_tls {
        // What a system's store holds beside usable certificates is no concern of ours.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(pem) = authorities {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots
                .add(certificate.map_err(TlsError::Pem)?)
                .map_err(TlsError::Authority)?;
        }
        if roots.len() == before {
            return Err(TlsError::NoCertificate);
        }
    }
    if needs_tls && roots.is_empty() {
        return Err(TlsError::NoAuthorities);
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(TlsError::Provider)?
    .with_root_certificates(roots)
    .with_no_client_auth();
    // A ticket names the connection that it came over: shown from another address, it would tell that both are one
    // client's (RFC 8446 appendix C.4).
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(test)]
mod tests;
