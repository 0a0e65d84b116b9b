//! One connection: protocol, timeouts, drain.

use std::{
    convert::Infallible,
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
    rt::{TokioExecutor, TokioIo, TokioTimer},
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

use crate::server::{PeerAddress, ServerLimits};

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
    builder: auto::Builder<TokioExecutor>,
    stopped: watch::Receiver<()>,
}

impl Connector {
    /// `stopped` ends when its sender is dropped: that is the word to drain.
    pub(crate) fn new(router: Router, limits: ServerLimits, stopped: watch::Receiver<()>) -> Self {
        let header_bytes = limits.max_header_bytes.max(MIN_HEADER_BYTES);
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout())
            .max_buf_size(header_bytes as usize)
            .auto_date_header(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.max_streams)
            .max_header_list_size(header_bytes)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .auto_date_header(false);
        Self {
            router,
            limits,
            builder,
            stopped,
        }
    }

    pub(crate) async fn serve_plain(self, stream: TcpStream, peer: Option<PeerAddress>) {
        let builder = self.builder.clone();
        self.serve(builder, stream, peer).await;
    }

    pub(crate) async fn serve_tls(
        mut self,
        tls: TlsAcceptor,
        stream: TcpStream,
        peer: Option<PeerAddress>,
    ) {
        let handshake = tokio::select! {
            handshake = timeout(self.limits.header_timeout(), tls.accept(stream)) => handshake,
            // Nothing was asked yet, so nothing is lost.
            _ = self.stopped.changed() => return,
        };
        // A client that cannot agree on TLS, or takes too long, learns so by the alert or the close.
        let Ok(Ok(stream)) = handshake else { return };
        let builder = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => self.builder.clone().http2_only(),
            _ => self.builder.clone().http1_only(),
        };
        self.serve(builder, stream, peer).await;
    }

    /// Serves until the client has enough, rests for too long, or the server drains.
    async fn serve<I>(
        mut self,
        builder: auto::Builder<TokioExecutor>,
        io: I,
        peer: Option<PeerAddress>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::default());
        let requests = Arc::clone(&activity);
        let router = self.router;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let in_flight = InFlight::begin(&requests);
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            let answer = router.clone().call(request);
            async move {
                let answer = answer.await;
                drop(in_flight);
                answer.map_err(|never: Infallible| never)
            }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
        let mut rest = self.limits.header_timeout();
        loop {
            let begun = activity.begun();
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = self.stopped.changed() => break,
                () = sleep(rest) => {}
            }
            if activity.is_idle_since(begun) {
                break;
            }
            rest = self.limits.idle_timeout();
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(self.limits.drain(), connection).await;
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
