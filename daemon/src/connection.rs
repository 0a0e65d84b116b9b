//! One connection: protocol, timeouts, drain.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::{
    pin::Pin,
    server::{PeerAddress, PeerKey, ServerLimits},
    streams::{Begin, Handling, Streams},
};

/// How often an HTTP/2 client that is silent is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Octets a client may send on one HTTP/2 stream before the handler has read any: more than the
/// largest request, so that no request ever waits for a window.
const STREAM_WINDOW: u32 = 16_384;

/// Octets a client may send on one HTTP/2 connection before the handlers have read any, which
/// bounds what it can make us hold.
const CONNECTION_WINDOW: u32 = 1_048_576;

/// hyper's lower bound for its HTTP/1.1 buffer; less panics.
const MIN_HEADER_BYTES: u32 = 8_192;

/// What every connection of a server has in common.
#[derive(Clone)]
pub(crate) struct Connector {
    router: Router,
    limits: ServerLimits,
    stopped: watch::Receiver<()>,
}

/// What requests may learn of the other end of their connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) address: Option<PeerAddress>,
    pub(crate) key: Option<PeerKey>,
}

/// Which protocols a connection may speak.
enum Protocols {
    Http1,
    Http2,
    Either,
}

impl Connector {
    /// `stopped` ends when its sender is dropped: that is the word to drain.
    pub(crate) fn new(router: Router, limits: ServerLimits, stopped: watch::Receiver<()>) -> Self {
        Self {
            router,
            limits,
            stopped,
        }
    }

    fn builder(&self, protocols: &Protocols, begin: Begin) -> auto::Builder<Begin> {
        let header_bytes = self.limits.max_header_bytes.max(MIN_HEADER_BYTES);
        let mut builder = auto::Builder::new(begin);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout())
            .max_buf_size(header_bytes as usize)
            .auto_date_header(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.max_streams)
            .max_header_list_size(header_bytes)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .auto_date_header(false);
        match protocols {
            Protocols::Http1 => builder.http1_only(),
            Protocols::Http2 => builder.http2_only(),
            Protocols::Either => builder,
        }
    }

    pub(crate) async fn serve_plain(self, stream: TcpStream, peer: Peer) {
        self.serve(Protocols::Either, stream, peer).await;
    }

    pub(crate) async fn serve_tls(mut self, tls: TlsAcceptor, stream: TcpStream, peer: Peer) {
        let handshake = tokio::select! {
            handshake = timeout(self.limits.header_timeout(), tls.accept(stream)) => handshake,
            // Nothing was asked yet, so nothing is lost.
            _ = self.stopped.changed() => return,
        };
        // A client that cannot agree on TLS, or takes too long, learns so by the alert or the close.
        let Ok(Ok(stream)) = handshake else { return };
        let session = stream.get_ref().1;
        let protocols = match session.alpn_protocol() {
            Some(b"h2") => Protocols::Http2,
            _ => Protocols::Http1,
        };
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let peer = Peer {
            key: certificate
                .and_then(|certificate| Pin::of(certificate).ok())
                .map(PeerKey),
            ..peer
        };
        self.serve(protocols, stream, peer).await;
    }

    /// Serves until the client has enough, rests for too long, or the server drains.
    async fn serve<I>(mut self, protocols: Protocols, io: I, peer: Peer)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let begin = Begin::default();
        let builder = self.builder(&protocols, begin.clone());
        let activity = Arc::new(Activity::default());
        let requests = Arc::clone(&activity);
        let router = self.router;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let in_flight = InFlight::begin(&requests);
            let known = request.extensions_mut();
            if let Some(address) = peer.address {
                known.insert(address);
            }
            if let Some(key) = peer.key {
                known.insert(key);
            }
            let answer = Handling::start(router.clone().call(request));
            async move {
                let answer = answer.await;
                drop(in_flight);
                answer.map(|answer| answer.unwrap_or_else(|never: Infallible| match never {}))
            }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
        let mut streams = Streams::of(begin);
        let mut rest = self.limits.header_timeout();
        loop {
            let begun = activity.begun();
            tokio::select! {
                _ = poll_fn(|cx| streams.poll_with(connection.as_mut(), cx)) => return,
                _ = self.stopped.changed() => break,
                () = sleep(rest) => {}
            }
            if activity.is_idle_since(begun) {
                break;
            }
            rest = self.limits.idle_timeout();
        }
        connection.as_mut().graceful_shutdown();
        let ending = poll_fn(|cx| streams.poll_with(connection.as_mut(), cx));
        let _ = timeout(self.limits.drain(), ending).await;
    }
}

/// How busy a connection is.
#[derive(Default)]
struct Activity {
    begun: AtomicUsize,
    in_flight: AtomicUsize,
}

impl Activity {
    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    fn is_idle_since(&self, begun: usize) -> bool {
        self.in_flight.load(Ordering::Relaxed) == 0 && self.begun() == begun
    }
}

/// One request that is being answered.
struct InFlight(Arc<Activity>);

impl InFlight {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
