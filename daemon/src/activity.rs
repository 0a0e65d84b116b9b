//! How busy a connection is, and whether its client takes what it asked for.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::room::Place;

/// What one connection does.
pub(crate) struct Activity {
    place: Mutex<Place>,
    begun: AtomicU64,
    handled: AtomicU64,
    /// Answers of which the last octet was handed on, or that nobody wants any more.
    done: AtomicU64,
    /// Times that the client took octets.
    taken: AtomicU64,
    is_blocked: AtomicBool,
}

/// An [`Activity`] at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    begun: u64,
    handled: u64,
    done: u64,
    taken: u64,
    is_blocked: bool,
}

impl Seen {
    /// Whether no request has begun yet.
    pub(crate) fn is_unasked(&self) -> bool {
        self.begun == 0
    }

    /// Whether nothing is under way, nor was since `before`.
    pub(crate) fn rests_since(&self, before: &Self) -> bool {
        self.begun == before.begun && self.done == self.begun
    }

    /// Whether there is something for the client, all of which is ready, and it has taken nothing of it since `before`.
    pub(crate) fn is_stuck_since(&self, before: &Self) -> bool {
        let waits = self.is_blocked || self.done < self.begun;
        waits && self.handled == self.begun && self == before
    }
}

impl Activity {
    /// That of a connection that takes up `place`.
    pub(crate) fn at(place: Place) -> Arc<Self> {
        Arc::new(Self {
            place: Mutex::new(place),
            begun: AtomicU64::new(0),
            handled: AtomicU64::new(0),
            done: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            is_blocked: AtomicBool::new(false),
        })
    }

    /// A look at it.
    pub(crate) fn seen(&self) -> Seen {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Seen {
            begun: read(&self.begun),
            handled: read(&self.handled),
            done: read(&self.done),
            taken: read(&self.taken),
            is_blocked: self.is_blocked.load(Ordering::Relaxed),
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request, from its beginning until its answer is handed on.
pub(crate) struct Request {
    activity: Arc<Activity>,
    is_handled: bool,
}

impl Request {
    pub(crate) fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.place().work();
        Self {
            activity: Arc::clone(activity),
            is_handled: false,
        }
    }

    /// Its answer is `content`, ready to be taken.
    pub(crate) fn answered<B>(mut self, content: B) -> Answer<B> {
        self.handled();
        Answer {
            content,
            request: self,
        }
    }

    fn handled(&mut self) {
        if !std::mem::replace(&mut self.is_handled, true) {
            self.activity.handled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.handled();
        let done = 1 + self.activity.done.fetch_add(1, Ordering::Relaxed);
        if done == self.activity.begun.load(Ordering::Relaxed) {
            self.activity.place().rest();
        }
    }
}

/// The content of an answer.
pub(crate) struct Answer<B> {
    content: B,
    request: Request,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.content).poll_frame(cx);
        if polled.is_ready() {
            self.request.activity.taken.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

/// A transport of which it is noted whether the other end takes what is written.
pub(crate) struct Watched<I> {
    io: I,
    activity: Arc<Activity>,
}

impl<I> Watched<I> {
    pub(crate) fn new(io: I, activity: &Arc<Activity>) -> Self {
        Self {
            io,
            activity: Arc::clone(activity),
        }
    }

    fn note<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_ready() {
            self.activity.taken.fetch_add(1, Ordering::Relaxed);
        }
        let is_blocked = polled.is_pending();
        self.activity
            .is_blocked
            .store(is_blocked, Ordering::Relaxed);
        polled
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, octets);
        self.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, octets);
        self.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
