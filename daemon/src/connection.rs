//! One connection: protocol, timeouts, drain.

use std::{
    convert::Infallible,
    future::{pending, poll_fn, ready},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use futures_util::future::{Either, FutureExt};
use hyper::{Request, Version, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Notify, watch},
    task::JoinError,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::{
    activity::{self, Activity, Stranger, Watched},
    backlog::Backlog,
    pin::Pin,
    room::Place,
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
pub(crate) const CONNECTION_WINDOW: u32 = 1_048_576;

/// Streams of one HTTP/2 connection that may have been reset before they were looked at; with more the connection ends (CVE-2023-44487).
/// Each costs no more than reading it. h2's own 20 are so few that a relay whose callers give up together, which they do when the
/// server is slow, would lose every other request with them.
const RESETS_UNSEEN: usize = 512;

/// hyper's lower bound for its HTTP/1.1 buffer; less panics.
const MIN_HEADER_BYTES: u32 = 8_192;

/// How long a connection at rest that has to give way gets to say goodbye.
const GIVING_WAY: Duration = Duration::from_secs(1);

/// What every connection of a server has in common.
#[derive(Clone)]
pub(crate) struct Connector {
    router: Router,
    limits: ServerLimits,
    /// Whether a client is a stranger until a route says otherwise.
    meets_strangers: bool,
    backlog: Option<Backlog>,
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
    pub(crate) fn new(
        router: Router,
        limits: ServerLimits,
        meets_strangers: bool,
        backlog: Option<Backlog>,
        stopped: watch::Receiver<()>,
    ) -> Self {
        Self {
            router,
            limits,
            meets_strangers,
            backlog,
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
            .max_pending_accept_reset_streams(RESETS_UNSEEN)
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

    pub(crate) async fn serve_plain(self, stream: TcpStream, peer: Peer, place: Place) {
        self.serve(Protocols::Either, stream, peer, place).await;
    }

    pub(crate) async fn serve_tls(
        mut self,
        tls: TlsAcceptor,
        stream: TcpStream,
        peer: Peer,
        place: Place,
    ) {
        let leaves = place.leaves();
        let handshake = tokio::select! {
            handshake = timeout(self.limits.header_timeout(), tls.accept(stream)) => handshake,
            // Nothing was asked yet, so nothing is lost.
            _ = self.stopped.changed() => return,
            () = leaves.notified() => return,
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
        self.serve(protocols, stream, peer, place).await;
    }

    /// Serves until the client has enough, rests for too long, takes nothing of what it asked for, asks for more than a
    /// stranger may, has to give way, or the server drains.
    async fn serve<I>(mut self, protocols: Protocols, io: I, peer: Peer, place: Place)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let begin = Begin::default();
        let builder = self.builder(&protocols, begin.clone());
        let leaves = place.leaves();
        let activity = Activity::at(place, !self.meets_strangers);
        let requests = Arc::clone(&activity);
        let overrun = Arc::new(Notify::new());
        let is_overrun = Arc::clone(&overrun);
        let (router, backlog) = (self.router, self.backlog);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let under_way = activity::Request::begin(&requests);
            let known = request.extensions_mut();
            if let Some(address) = peer.address {
                known.insert(address);
            }
            if let Some(key) = peer.key {
                known.insert(key);
            }
            if !requests.is_known() {
                known.insert(Stranger::at(&requests));
            }
            if requests.is_overrun() {
                is_overrun.notify_one();
                return Either::Left(pending());
            }
            let multiplexed = request.version() == Version::HTTP_2;
            // Otherwise a connection has one request at a time, which none waits for.
            let turn = backlog.as_ref().filter(|_| multiplexed);
            let turn = turn.map(|backlog| backlog.enter().ok_or(backlog));
            let answer = match turn.transpose() {
                Err(full) => Either::Right(Either::Right(ready(Ok(Ok(full.refusal()))))),
                Ok(turn) => {
                    let handler = router.clone().call(request);
                    if multiplexed {
                        // In a task of its own, as the others.
                        Either::Left(Handling::start(async move {
                            drop(turn);
                            handler.await
                        }))
                    } else {
                        Either::Right(Either::Left(handler.map(Ok)))
                    }
                }
            };
            Either::Right(async move {
                let answer = answer.await?;
                let answer = answer.unwrap_or_else(|never: Infallible| match never {});
                Ok::<_, JoinError>(answer.map(|content| under_way.answered(content)))
            })
        });
        let io = TokioIo::new(Watched::new(io, &activity));
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut streams = Streams::of(begin);
        let (patience, idle) = (self.limits.header_timeout(), self.limits.idle_timeout());
        let look_every = patience.min(idle);
        let (mut rested, mut stuck) = (Duration::ZERO, Duration::ZERO);
        let ending = loop {
            let before = activity.seen();
            tokio::select! {
                _ = poll_fn(|cx| streams.poll_with(connection.as_mut(), cx)) => return,
                _ = self.stopped.changed() => break self.limits.drain(),
                () = leaves.notified() => break GIVING_WAY,
                () = overrun.notified() => return,
                () = sleep(look_every) => {}
            }
            let now = activity.seen();
            let so_far = |holds: bool, before: Duration| {
                if holds {
                    before + look_every
                } else {
                    Duration::ZERO
                }
            };
            rested = so_far(now.rests_since(&before), rested);
            stuck = so_far(now.is_stuck_since(&before), stuck);
            if stuck >= patience {
                return;
            }
            if rested >= if now.is_unasked() { patience } else { idle } {
                break self.limits.drain();
            }
        };
        connection.as_mut().graceful_shutdown();
        let _ = timeout(
            ending,
            poll_fn(|cx| streams.poll_with(connection.as_mut(), cx)),
        )
        .await;
    }
}
