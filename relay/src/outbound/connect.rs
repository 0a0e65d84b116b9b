//! A connection to an instance, as far as the first request: the name, TCP, TLS, and what HTTP/2 says first.

use std::{error::Error, future::poll_fn, io, pin::Pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    client::conn::http1,
    rt::{Read, Write},
};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, client::Resumption};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower::ServiceExt;

use crate::config::Origin;

/// The protocols that are offered, the preferred first (RFC 7301).
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Octets a gateway may send on one HTTP/2 stream unasked: more than twice the largest answer. A window that is half
/// used is opened again, and whether the frame for that still leaves before the stream ends is a matter of luck.
const STREAM_WINDOW: u32 = 262_144;

/// Octets a gateway may send on one HTTP/2 connection unasked.
pub(crate) const CONNECTION_WINDOW: u32 = 4_194_304;

/// Octets of the largest header section that is read from a gateway.
const HEADER_MAX_BYTES: u32 = 16_384;

/// Header fields of the largest header section that is read from a gateway over HTTP/1.1.
const HEADER_MAX_FIELDS: usize = 100;

/// Why no connection came about. Nothing of a request was sent then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("no connection within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("no TCP connection: {}", causes(.0.as_ref()))]
    Tcp(Box<dyn Error + Send + Sync>),
    #[error("no TLS connection: {0}")]
    Tls(io::Error),
    #[error("no HTTP connection: {}", causes(.0.as_ref()))]
    Http(Box<dyn Error + Send + Sync>),
    #[error("the other side closed the connection before it said anything")]
    Closed,
}

/// An error with what caused it, on one line.
fn causes(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !told.contains(&more) {
            told = format!("{told}: {more}");
        }
        cause = error.source();
    }
    told
}

/// How one instance is connected to.
pub(crate) struct Connector {
    tcp: HttpConnector,
    address: http::Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// HTTP/2 without TLS, since both sides know (RFC 9113 section 3.3).
    prior_knowledge: bool,
    limit: Duration,
}

/// What a connection carries requests with.
pub(crate) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(h2::client::SendRequest<Bytes>),
}

/// The other half of a connection, which has to be driven.
pub(crate) enum Driven {
    Http1(Pin<Box<dyn Future<Output = ()> + Send>>),
    Http2(Box<dyn Http2>),
}

/// An HTTP/2 connection over whatever carries it.
pub(crate) trait Http2: Send {
    /// Goes on with it; ready when it is over.
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()>;
    /// How many streams its peer permits (SETTINGS_MAX_CONCURRENT_STREAMS).
    fn streams(&self) -> usize;
    /// What pings it; `None` from the second call on.
    fn pings(&mut self) -> Option<h2::PingPong>;
}

impl<I> Http2 for h2::client::Connection<I, Bytes>
where
    I: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        Pin::new(self).poll(cx).map(drop)
    }

    fn streams(&self) -> usize {
        self.max_concurrent_send_streams()
    }

    fn pings(&mut self) -> Option<h2::PingPong> {
        self.ping_pong()
    }
}

/// A connection before anything of HTTP was said.
pub(crate) enum Carrier {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connector {
    /// To `instance`, which shows a certificate of `name` if it is reached over TLS.
    pub(crate) fn new(
        instance: &Origin,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
        prior_knowledge: bool,
        limit: Duration,
    ) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        Self {
            tcp,
            address: instance.uri("/"),
            tls: tls.map(|(config, name)| (TlsConnector::from(config), name)),
            prior_knowledge,
            limit,
        }
    }

    /// Whether it will be HTTP/2 as far as one can tell beforehand.
    pub(crate) fn expects_http2(&self) -> bool {
        self.prior_knowledge || self.tls.is_some()
    }

    /// Whether HTTP/2 is spoken over `carrier`.
    pub(crate) fn speaks_http2(&self, carrier: &Carrier) -> bool {
        match carrier {
            Carrier::Plain(_) => self.prior_knowledge,
            Carrier::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    /// Connects, TLS included.
    pub(crate) async fn reach(&self) -> Result<Carrier, ConnectError> {
        timeout(self.limit, self.reach_unbounded())
            .await
            .unwrap_or(Err(ConnectError::Timeout(self.limit)))
    }

    async fn reach_unbounded(&self) -> Result<Carrier, ConnectError> {
        let tcp = self.tcp.clone().oneshot(self.address.clone());
        let tcp = tcp
            .await
            .map_err(|error| ConnectError::Tcp(error.into()))?
            .into_inner();
        let Some((tls, name)) = &self.tls else {
            return Ok(Carrier::Plain(tcp));
        };
        let tls = tls.connect(name.clone(), tcp).await;
        Ok(Carrier::Tls(Box::new(tls.map_err(ConnectError::Tls)?)))
    }

    /// Connects up to where a request can be sent; for HTTP/2, to where it is known how many.
    pub(crate) async fn open(&self) -> Result<(Sender, Driven), ConnectError> {
        let open = async {
            let carrier = self.reach_unbounded().await?;
            let is_http2 = self.speaks_http2(&carrier);
            match carrier {
                Carrier::Plain(tcp) if is_http2 => http2(tcp).await,
                Carrier::Plain(tcp) => http1(TokioIo::new(tcp)).await,
                Carrier::Tls(tls) if is_http2 => http2(*tls).await,
                Carrier::Tls(tls) => http1(TokioIo::new(*tls)).await,
            }
        };
        timeout(self.limit, open)
            .await
            .unwrap_or(Err(ConnectError::Timeout(self.limit)))
    }
}

/// What every connection of a client `config` needs besides whom to believe.
pub(crate) fn finish(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    // Connections live long, and a resumed one would go on with a client certificate that has been replaced.
    config.resumption = Resumption::disabled();
    config
}

async fn http1<I>(io: I) -> Result<(Sender, Driven), ConnectError>
where
    I: Read + Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_MAX_BYTES as usize)
        .max_headers(HEADER_MAX_FIELDS)
        .handshake(io)
        .await
        .map_err(|error| ConnectError::Http(error.into()))?;
    let driven = async {
        // How it ended is known to whoever had a request on it.
        let _ = connection.await;
    };
    Ok((Sender::Http1(sender), Driven::Http1(Box::pin(driven))))
}

async fn http2<I>(io: I) -> Result<(Sender, Driven), ConnectError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, mut connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADER_MAX_BYTES)
        // None before the peer has said how many: its SETTINGS come first (RFC 9113 section 3.4).
        .initial_max_send_streams(0)
        .handshake(io)
        .await
        .map_err(|error| ConnectError::Http(error.into()))?;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(Err(ended.err().map_or(ConnectError::Closed, |error| {
                ConnectError::Http(error.into())
            })));
        }
        if connection.max_concurrent_send_streams() == 0 {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    Ok((Sender::Http2(sender), Driven::Http2(Box::new(connection))))
}
