//! One instance of a gateway: its connections, and a request on one of them.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use h2::{Ping, PingPong, Reason, RecvStream};
use http::{
    HeaderValue, Request, Response, Uri,
    header::{CONTENT_LENGTH, HOST},
};
use http_body_util::Full;
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    client::conn::http1,
};
use sotto_daemon::clock::Stopwatch;
use tokio::{
    select,
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    connect::{ConnectError, Connector, Driven, Http2, Sender},
    metrics::InstanceMetrics,
    pool::{Id, Pool, STREAMS_MAX},
};

/// How long an HTTP/2 connection rests before it is closed: shorter than a gateway of ours keeps it, so that it is not
/// closed from there at the moment it is used.
const IDLE_HTTP2: Duration = Duration::from_secs(90);

/// The same for HTTP/1.1, where servers keep connections for a shorter time.
const IDLE_HTTP1: Duration = Duration::from_secs(10);

/// How often a gateway on HTTP/2 is asked whether it is still there, and how long it may take to say so.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a request has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Nothing of it was sent.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    /// Nothing of it was sent.
    #[error("the gateway closed the connection before anything was sent")]
    Unsent,
    /// The gateway says that it has not looked at it (RFC 9113 section 8.7).
    #[error("the gateway did not process the request")]
    Unprocessed,
    /// What became of it, nobody knows.
    #[error("the gateway broke off: {0}")]
    Broken(Arc<dyn std::error::Error + Send + Sync>),
    /// What became of it, nobody knows.
    #[error("no answer in time")]
    Timeout,
}

impl SendError {
    /// Whether it is certain that the gateway has processed nothing, so that the request may be sent elsewhere.
    pub(crate) fn is_unprocessed(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Unsent | Self::Unprocessed => true,
            Self::Broken(_) | Self::Timeout => false,
        }
    }
}

/// One instance.
pub(crate) struct Instance {
    connector: Connector,
    pool: Mutex<Pool<Handle>>,
    /// Something about the connections has changed.
    changed: Notify,
    /// Why the latest attempt to connect failed.
    failure: ArcSwapOption<ConnectError>,
    clock: Stopwatch,
    pub(crate) metrics: InstanceMetrics,
}

/// What the pool keeps of a connection. Over HTTP/1.1 it is away while a request is on it.
enum Handle {
    Http1(Option<http1::SendRequest<Full<Bytes>>>),
    /// And what is told when it is to show that it is alive.
    Http2(h2::client::SendRequest<Bytes>, Arc<Notify>),
}

impl Instance {
    /// An instance that is not connected to, with room for `max_in_flight` requests at least.
    pub(crate) fn new(
        connector: Connector,
        max_in_flight: usize,
        metrics: InstanceMetrics,
    ) -> Arc<Self> {
        let expected = if connector.expects_http2() {
            STREAMS_MAX
        } else {
            1
        };
        Arc::new(Self {
            pool: Mutex::new(Pool::new(max_in_flight, expected)),
            connector,
            changed: Notify::new(),
            failure: ArcSwapOption::empty(),
            clock: Stopwatch::start(),
            metrics,
        })
    }

    /// Sends a request and waits for the head of its answer, for at most `limit`.
    ///
    /// A connection that turns out to have been closed while it rested is replaced: nothing was sent on it.
    pub(crate) async fn send(
        self: &Arc<Self>,
        request: &Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Body>, SendError> {
        let begun = Stopwatch::start();
        let left = || limit.saturating_sub(begun.elapsed());
        loop {
            let boarded = timeout(left(), self.place()).await;
            let (place, waited) = boarded.map_err(|_| SendError::Timeout)??;
            let id = place.id;
            match timeout(left(), place.send(request)).await {
                // Each such connection is gone then, so this comes to an end.
                Ok(Err(SendError::Unsent)) if !waited => {}
                Ok(result) => return result,
                Err(_) => {
                    self.doubt(id);
                    return Err(SendError::Timeout);
                }
            }
        }
    }

    /// Closes what has rested for long.
    pub(crate) fn tidy(&self) {
        let mut pool = self.pool();
        pool.forget_idle(self.clock.elapsed(), |handle| match handle {
            Handle::Http1(_) => IDLE_HTTP1,
            Handle::Http2(..) => IDLE_HTTP2,
        });
        self.metrics.count_connections(pool.len());
    }

    /// Sends nothing more over the connections that there are; what is on them is finished.
    pub(crate) fn retire(&self) {
        let mut pool = self.pool();
        pool.forget_all();
        self.metrics.count_connections(0);
    }

    /// A place on a connection, and whether there was a wait for it.
    async fn place(self: &Arc<Self>) -> Result<(Place, bool), SendError> {
        if let Some(place) = self.board(true) {
            return Ok((place, false));
        }
        let waiting = Waiting::begin(self);
        let failures = waiting.failures;
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let has_failed = self.pool().failures() != failures;
            // Whoever gives up begins no connection: the next request would wait for what may fail as this one did.
            if let Some(place) = self.board(!has_failed) {
                return Ok((place, true));
            }
            if has_failed && let Some(failure) = self.failure.load_full() {
                return Err(SendError::Connect(failure));
            }
            changed.await;
        }
    }

    /// A place, if there is one; begins whatever connections are missing, if it may.
    fn board(self: &Arc<Self>, may_open: bool) -> Option<Place> {
        let mut pool = self.pool();
        let sender = pool.board().map(|(id, handle)| {
            let sender = match handle {
                Handle::Http1(sender) => sender.take().map(Sender::Http1),
                Handle::Http2(sender, _) => Some(Sender::Http2(sender.clone())),
            };
            (id, sender)
        });
        let missing = if may_open {
            pool.open(self.clock.elapsed())
        } else {
            0
        };
        drop(pool);
        for _ in 0..missing {
            tokio::spawn(Arc::clone(self).open());
        }
        sender.map(|(id, sender)| Place {
            instance: Arc::clone(self),
            id,
            sender,
        })
    }

    /// Opens a connection, whether or not the request that caused it still waits.
    async fn open(self: Arc<Self>) {
        let opened = loop {
            let era = self.pool().era();
            let opened = self.connector.open().await;
            // Otherwise it shows a certificate that has been replaced meanwhile.
            if opened.is_err() || self.pool().era() == era {
                break opened;
            }
        };
        let now = self.clock.elapsed();
        match opened {
            Ok((sender, driven)) => {
                let doubts = Arc::new(Notify::new());
                let handle = match sender {
                    Sender::Http1(sender) => Handle::Http1(Some(sender)),
                    Sender::Http2(sender) => Handle::Http2(sender, Arc::clone(&doubts)),
                };
                let streams = match &driven {
                    Driven::Http1(_) => 1,
                    Driven::Http2(connection) => connection.streams(),
                };
                let mut pool = self.pool();
                let id = pool.opened(handle, streams, now);
                self.metrics.count_connections(pool.len());
                drop(pool);
                tokio::spawn(drive(Arc::downgrade(&self), id, driven, doubts));
            }
            Err(error) => {
                self.failure.store(Some(Arc::new(error)));
                self.pool().not_opened(now);
            }
        }
        self.changed.notify_waiters();
    }

    fn forget(&self, id: Id) {
        let mut pool = self.pool();
        pool.forget(id);
        self.metrics.count_connections(pool.len());
        drop(pool);
        // Whoever waited for it has to open another.
        self.changed.notify_waiters();
    }

    /// Has a connection of HTTP/2 show that it is alive before anything more goes over it: a path that has died
    /// says nothing.
    fn doubt(&self, id: Id) {
        let mut pool = self.pool();
        match pool.doubt(id) {
            Some(Handle::Http2(_, doubts)) => doubts.notify_one(),
            // One of HTTP/1.1 takes nothing more anyway.
            Some(Handle::Http1(_)) | None => {}
        }
        drop(pool);
        // Whoever waited for it has to open another.
        self.changed.notify_waiters();
    }

    fn trust(&self, id: Id) {
        self.pool().trust(id);
        self.changed.notify_waiters();
    }

    fn permit(&self, id: Id, streams: usize) {
        self.pool().permit(id, streams);
        self.changed.notify_waiters();
    }

    fn pool(&self) -> MutexGuard<'_, Pool<Handle>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives a connection until it ends. It belongs to nobody: an instance that is dropped closes its connections.
async fn drive(instance: Weak<Instance>, id: Id, driven: Driven, doubts: Arc<Notify>) {
    match driven {
        Driven::Http1(connection) => connection.await,
        Driven::Http2(connection) => drive_http2(&instance, id, connection, &doubts).await,
    }
    if let Some(instance) = instance.upgrade() {
        instance.forget(id);
    }
}

async fn drive_http2(
    instance: &Weak<Instance>,
    id: Id,
    mut connection: Box<dyn Http2>,
    doubts: &Notify,
) {
    let pings = connection.pings();
    let mut streams = connection.streams();
    let over = std::future::poll_fn(|cx| {
        let over = connection.poll(cx);
        let permitted = connection.streams();
        if permitted != streams
            && let Some(instance) = instance.upgrade()
        {
            streams = permitted;
            instance.permit(id, permitted);
        }
        over
    });
    select! {
        () = over => {}
        () = silence(instance, id, pings, doubts) => {}
    }
}

/// Ends when the other side does not answer pings any more. It is asked at intervals, and at once in case of doubt.
async fn silence(instance: &Weak<Instance>, id: Id, pings: Option<PingPong>, doubts: &Notify) {
    let Some(mut pings) = pings else {
        return std::future::pending().await;
    };
    loop {
        select! {
            () = sleep(PING_INTERVAL) => {}
            () = doubts.notified() => {}
        }
        match timeout(PING_TIMEOUT, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {
                if let Some(instance) = instance.upgrade() {
                    instance.trust(id);
                }
            }
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Counts one waiting request until it is dropped.
struct Waiting<'a> {
    instance: &'a Instance,
    failures: u64,
}

impl<'a> Waiting<'a> {
    fn begin(instance: &'a Instance) -> Self {
        let mut pool = instance.pool();
        pool.wait();
        Self {
            failures: pool.failures(),
            instance,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.instance.pool().waited();
    }
}

/// A place on a connection, until it is dropped.
struct Place {
    instance: Arc<Instance>,
    id: Id,
    /// Over HTTP/1.1, the connection itself: there when nothing of an answer is left on it.
    sender: Option<Sender>,
}

impl Place {
    async fn send(mut self, request: &Request<Bytes>) -> Result<Response<Body>, SendError> {
        match self.sender.take() {
            Some(Sender::Http1(sender)) => self.send_http1(sender, request).await,
            Some(Sender::Http2(sender)) => self.send_http2(sender, request).await,
            None => Err(self.unsent()),
        }
    }

    async fn send_http1(
        self,
        mut sender: http1::SendRequest<Full<Bytes>>,
        request: &Request<Bytes>,
    ) -> Result<Response<Body>, SendError> {
        if sender.ready().await.is_err() {
            return Err(self.unsent());
        }
        match sender.try_send_request(origin_form(request)).await {
            Ok(response) => Ok(response.map(|incoming| {
                let mut body = Body {
                    content: Content::Http1(incoming, Some(sender)),
                    place: Some(self),
                };
                body.leave_if_read();
                body
            })),
            // hyper gives back what it has written nothing of.
            Err(error) if error.message().is_some() => Err(self.unsent()),
            Err(error) => Err(SendError::Broken(Arc::new(error.into_error()))),
        }
    }

    async fn send_http2(
        self,
        sender: h2::client::SendRequest<Bytes>,
        request: &Request<Bytes>,
    ) -> Result<Response<Body>, SendError> {
        let Ok(mut sender) = sender.ready().await else {
            return Err(self.unsent());
        };
        let content = request.body();
        let mut head = Request::new(());
        head.method_mut().clone_from(request.method());
        head.uri_mut().clone_from(request.uri());
        head.headers_mut().clone_from(request.headers());
        if !content.is_empty() {
            head.headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        }
        let Ok((response, mut stream)) = sender.send_request(head, content.is_empty()) else {
            return Err(self.unsent());
        };
        if !content.is_empty() {
            stream.send_data(content.clone(), true).map_err(of_http2)?;
        }
        let response = response.await.map_err(of_http2)?;
        Ok(response.map(|stream| Body {
            content: Content::Http2(stream),
            place: Some(self),
        }))
    }

    /// The connection was closed while it rested.
    fn unsent(&self) -> SendError {
        self.instance.forget(self.id);
        SendError::Unsent
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut pool = self.instance.pool();
        match pool.alight(self.id, self.instance.clock.elapsed()) {
            Some(Handle::Http1(resting)) => match self.sender.take() {
                Some(Sender::Http1(sender)) => *resting = Some(sender),
                // Part of an answer is still on it.
                _ => pool.forget(self.id),
            },
            Some(Handle::Http2(..)) | None => {}
        }
        drop(pool);
        self.instance.changed.notify_one();
    }
}

/// What an error of HTTP/2 tells of the request that it ended.
///
/// Both words are the peer's own: a stream reset with REFUSED_STREAM, or one above the last that a GOAWAY names, which is
/// the only way in which h2 ends a stream by a GOAWAY of the peer. Whatever else happens, the request may have been processed.
fn of_http2(error: h2::Error) -> SendError {
    let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    if error.is_remote() && (is_refused || error.is_go_away()) {
        SendError::Unprocessed
    } else {
        SendError::Broken(Arc::new(error))
    }
}

/// The request as HTTP/1.1 has it: the path alone, and Host (RFC 9112 section 3.2.1).
fn origin_form(request: &Request<Bytes>) -> Request<Full<Bytes>> {
    let mut message = Request::new(Full::new(request.body().clone()));
    message.method_mut().clone_from(request.method());
    message.headers_mut().clone_from(request.headers());
    let uri = request.uri();
    if let Some(path) = uri.path_and_query() {
        *message.uri_mut() = Uri::from(path.clone());
    }
    if let Some(host) = uri
        .authority()
        .and_then(|authority| HeaderValue::from_str(authority.as_str()).ok())
    {
        message.headers_mut().insert(HOST, host);
    }
    message
}

/// The content of an answer. It keeps its place on the connection until it has been read, or is dropped.
pub(crate) struct Body {
    content: Content,
    place: Option<Place>,
}

enum Content {
    Http1(Incoming, Option<http1::SendRequest<Full<Bytes>>>),
    Http2(RecvStream),
}

impl Body {
    /// Gives an HTTP/1.1 connection back once nothing of the answer is left on it.
    fn leave_if_read(&mut self) {
        if let Content::Http1(incoming, sender) = &mut self.content
            && incoming.is_end_stream()
            && let Some(mut place) = self.place.take()
        {
            place.sender = sender.take().map(Sender::Http1);
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Given up in the middle, for want of the rest perhaps.
        if let (Content::Http2(stream), Some(place)) = (&self.content, &self.place)
            && !stream.is_end_stream()
        {
            place.instance.doubt(place.id);
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let body = self.get_mut();
        match &mut body.content {
            Content::Http1(incoming, _) => {
                let frame = ready!(Pin::new(incoming).poll_frame(cx));
                body.leave_if_read();
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Content::Http2(stream) => {
                let Some(piece) = ready!(stream.poll_data(cx)) else {
                    body.place = None;
                    return Poll::Ready(None);
                };
                let piece = piece?;
                stream.flow_control().release_capacity(piece.len())?;
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Http1(incoming, _) => incoming.size_hint(),
            Content::Http2(_) => SizeHint::default(),
        }
    }
}
