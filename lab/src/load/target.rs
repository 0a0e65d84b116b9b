//! Where requests go: a resource over HTTP/1.1 or HTTP/2, plain or over TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use sotto_daemon::token::Token;
use sotto_wire::{KEY_LIST_MAX_BYTES, media};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::arguments::Version;

/// Seconds for a connection, TLS included: a server that takes longer is overloaded or not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Octets that a server may send on one HTTP/2 stream before we have read any: an answer of the usual size fits.
const STREAM_WINDOW: u32 = 65_536;

/// Octets that a server may send on one HTTP/2 connection before we have read any: as many answers as streams are usual.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Octets of the largest answer that is read.
pub(super) const ANSWER_MAX_BYTES: usize = 1 << 20;

/// A resource that takes encapsulated requests.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    uri: Uri,
    host: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    authorization: Option<HeaderValue>,
    version: Version,
}

impl Target {
    /// The resource at `url`, reached over `version`.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, or that its host has no address.
    pub(crate) async fn new(
        url: &str,
        version: Version,
        tls: rustls::ClientConfig,
        token: Option<&Token>,
    ) -> Result<Self> {
        let uri: Uri = url
            .parse()
            .with_context(|| format!("--url {url} is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            bail!(
                "--url {url} is not a URL of a resource; give one like https://gateway.example/.well-known/ohttp-gateway"
            );
        };
        let secure = *scheme == Scheme::HTTPS;
        ensure!(
            secure || *scheme == Scheme::HTTP,
            "--url {url}: the scheme is neither https nor http"
        );
        let host = authority.host().trim_matches(['[', ']']);
        let port = authority
            .port_u16()
            .unwrap_or(if secure { 443 } else { 80 });
        let address = tokio::net::lookup_host((host, port))
            .await
            .ok()
            .and_then(|mut addresses| addresses.next())
            .with_context(|| format!("--url {url}: {host} has no address"))?;
        let tls = if secure {
            let name = ServerName::try_from(host.to_owned())
                .with_context(|| format!("--url {url}: {host} is no name for a certificate"))?;
            let mut config = tls;
            config.alpn_protocols = vec![match version {
                Version::One => b"http/1.1".to_vec(),
                Version::Two => b"h2".to_vec(),
            }];
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        let authorization = token
            .map(|token| HeaderValue::try_from(format!("Bearer {}", token.as_str())))
            .transpose()
            .context("the token cannot stand in a header field")?
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        Ok(Self {
            address,
            host: HeaderValue::from_str(authority.as_str())?,
            uri,
            tls,
            authorization,
            version,
        })
    }

    /// The host without its port, as a request inside an envelope names its gateway.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// The version of HTTP.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// The key configurations that GET of the resource yields (RFC 9540 section 3).
    ///
    /// # Errors
    ///
    /// That the resource answers otherwise, with the remedy.
    pub(crate) async fn key_list(&self) -> Result<Bytes> {
        let mut connection = self.connect().await?;
        let request = self.request(Method::GET, Bytes::new());
        let response = connection.send(request).await?;
        let (head, body) = response.into_parts();
        ensure!(
            head.status.is_success() && is_of_type(&head.headers, media::OHTTP_KEYS),
            "GET of {} answers {} and no {}; give the gateway's key configurations with --keys",
            self.uri,
            head.status,
            media::OHTTP_KEYS
        );
        let body = Limited::new(body, KEY_LIST_MAX_BYTES).collect().await;
        let body =
            body.map_err(|error| anyhow::anyhow!("{}: the keys do not arrive: {error}", self.uri))?;
        Ok(body.to_bytes())
    }

    /// The same over HTTP/2, over which servers let a connection rest the longest.
    pub(crate) fn resting(&self) -> Self {
        let mut resting = self.clone();
        resting.version = Version::Two;
        if let Some((connector, _)) = &mut resting.tls {
            let mut config = (**connector.config()).clone();
            config.alpn_protocols = vec![b"h2".to_vec()];
            *connector = TlsConnector::from(Arc::new(config));
        }
        resting
    }

    /// A connection that has asked for the keys once.
    ///
    /// # Errors
    ///
    /// That the server takes no more.
    pub(crate) async fn rest(&self) -> Result<Connection> {
        let mut connection = self.connect().await?;
        let request = self.request(Method::GET, Bytes::new());
        let response = connection.send(request).await?;
        response.into_body().collect().await?;
        Ok(connection)
    }

    /// The URL of the resource.
    pub(crate) fn url(&self) -> String {
        self.uri.to_string()
    }

    /// The POST of one envelope.
    pub(crate) fn post(&self, envelope: Bytes) -> Request<Full<Bytes>> {
        let mut request = self.request(Method::POST, envelope);
        request.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(media::OHTTP_REQUEST),
        );
        request
    }

    fn request(&self, method: Method, content: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(content));
        *request.method_mut() = method;
        match self.version {
            Version::One => {
                let path = self.uri.path_and_query().cloned();
                let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
                *request.uri_mut() = Uri::from(path);
                request
                    .headers_mut()
                    .insert(header::HOST, self.host.clone());
            }
            Version::Two => *request.uri_mut() = self.uri.clone(),
        }
        if let Some(token) = &self.authorization {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, token.clone());
        }
        request
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// What was refused, and by whom.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.reach())
            .await
            .with_context(|| format!("{} does not take connections", self.address))?
    }

    async fn reach(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address)
            .await
            .with_context(|| format!("cannot connect to {}", self.address))?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.shake_hands(stream).await,
            Some((connector, name)) => {
                let stream = connector
                    .connect(name.clone(), stream)
                    .await
                    .with_context(|| format!("no TLS with {}", self.address))?;
                self.shake_hands(stream).await
            }
        }
    }

    async fn shake_hands<I>(&self, stream: I) -> Result<Connection>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        match self.version {
            Version::One => {
                let (sender, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Ok(Connection::One(sender))
            }
            Version::Two => {
                let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .handshake(io)
                    .await?;
                tokio::spawn(connection);
                Ok(Connection::Two(sender))
            }
        }
    }
}

/// An open connection. Over HTTP/2 its clones share it; over HTTP/1.1 there is no clone.
pub(crate) enum Connection {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Sends a request once there is room; the head of the response.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Another handle to the same connection; `None` over HTTP/1.1.
    pub(crate) fn share(&self) -> Option<Self> {
        match self {
            Self::One(_) => None,
            Self::Two(sender) => Some(Self::Two(sender.clone())),
        }
    }

    /// Whether the other end has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Two(sender) => sender.is_closed(),
        }
    }
}

/// Whether the content has this media type, whatever its parameters.
pub(super) fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}
