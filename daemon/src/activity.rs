//! How busy a connection is, whether its client takes what it asked for, and whether anybody knows it.

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

use crate::{connection::CONNECTION_WINDOW, room::Place};

/// Requests that a stranger's connection may have under way: as many whole envelopes of 2 KiB as its window lets come before
/// any is read, so that a relay that begins with a burst is not taken for somebody who holds what he gets.
const STRANGERS_REQUESTS: u64 = (CONNECTION_WINDOW / 2_048) as u64;

/// What one connection does.
pub(crate) struct Activity {
    place: Mutex<Place>,
    /// Whether whoever asks here has been told from anybody.
    is_known: AtomicBool,
    begun: AtomicU64,
    handled: AtomicU64,
    /// Answers of which the last octet was handed on, or that nobody wants any more.
    done: AtomicU64,
    /// Times that an answer of which something had been handed on already was asked for more: the first part of it is taken from us
    /// before the client's window is looked at.
    taken: AtomicU64,
    /// Times that the client's side took octets of any kind.
    written: AtomicU64,
    is_blocked: AtomicBool,
}

/// An [`Activity`] at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    begun: u64,
    handled: u64,
    done: u64,
    taken: u64,
    written: u64,
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

    /// Whether an answer has been ready since `before` and the client has taken nothing of any, or octets are and it has
    /// taken none.
    ///
    /// What it asks meanwhile changes nothing: whoever lets no answer be sent can go on asking, and sending PING.
    pub(crate) fn is_stuck_since(&self, before: &Self) -> bool {
        let lets_lie = |seen: &Self| seen.done < seen.handled;
        let takes_no_answer = lets_lie(before)
            && lets_lie(self)
            && (self.taken, self.done) == (before.taken, before.done);
        let takes_no_octets =
            before.is_blocked && self.is_blocked && self.written == before.written;
        takes_no_answer || takes_no_octets
    }
}

impl Activity {
    /// That of a connection that takes up `place`, of somebody who `is_known` or of a stranger.
    pub(crate) fn at(place: Place, is_known: bool) -> Arc<Self> {
        Arc::new(Self {
            place: Mutex::new(place),
            is_known: AtomicBool::new(is_known),
            begun: AtomicU64::new(0),
            handled: AtomicU64::new(0),
            done: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            written: AtomicU64::new(0),
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
            written: read(&self.written),
            is_blocked: self.is_blocked.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Whether a stranger has more under way than he may.
    pub(crate) fn is_overrun(&self) -> bool {
        let seen = self.seen();
        !self.is_known() && seen.begun.saturating_sub(seen.done) > STRANGERS_REQUESTS
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection of a stranger, as a request extension: a route that knows who asks has it treated as such from then on.
///
/// Until then it gives way to whoever comes, whatever is under way on it, and little may be.
#[derive(Clone)]
pub struct Stranger(Arc<Activity>);

impl Stranger {
    pub(crate) fn at(activity: &Arc<Activity>) -> Self {
        Self(Arc::clone(activity))
    }

    /// Says that a request on it is of somebody who is served here. It has to be under way still.
    pub fn is_admitted(&self) {
        if !self.0.is_known.swap(true, Ordering::Relaxed) {
            self.0.place().work();
        }
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
        if activity.is_known() {
            activity.place().work();
        }
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
            is_begun: false,
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
    is_begun: bool,
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
        if polled.is_ready() && std::mem::replace(&mut self.is_begun, true) {
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
            self.activity.written.fetch_add(1, Ordering::Relaxed);
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
