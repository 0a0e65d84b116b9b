//! The HTTP/2 streams of one connection, in the task of that connection.
//!
//! Spawned, as hyper's executor would have it, a stream hands its header section and its content to
//! the connection one after the other, while another thread may already be writing: now and then
//! the header section then leaves in a TLS record of its own, and the answer is 22 octets longer. When that
//! happens depends on what kept the handler waiting, so the size of an answer would tell of it.
//! In one task both are always written together.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::rt::Executor;
use tokio::task::{JoinError, JoinHandle};

type Stream = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes the streams that hyper begins, for [`Streams`] to poll.
#[derive(Clone, Default)]
pub(crate) struct Begin(Arc<Mutex<Vec<Stream>>>);

impl<F> Executor<F> for Begin
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::pin(stream));
    }
}

/// The streams that are open.
pub(crate) struct Streams {
    begun: Begin,
    open: FuturesUnordered<Stream>,
}

impl Streams {
    pub(crate) fn of(begun: Begin) -> Self {
        Self {
            begun,
            open: FuturesUnordered::new(),
        }
    }

    /// Polls `connection`, which begins streams, and then the streams, which wake the connection.
    pub(crate) fn poll_with<C: Future>(
        &mut self,
        connection: Pin<&mut C>,
        cx: &mut Context<'_>,
    ) -> Poll<C::Output> {
        let ended = connection.poll(cx);
        if ended.is_pending() {
            let mut begun = self.begun.0.lock().unwrap_or_else(PoisonError::into_inner);
            self.open.extend(begun.drain(..));
            drop(begun);
            while let Poll::Ready(Some(())) = self.open.poll_next_unpin(cx) {}
        }
        ended
    }
}

/// A handler in a task of its own, so that the handlers of one connection use every core. It ends
/// when nobody waits for it any more.
pub(crate) struct Handling<T>(JoinHandle<T>);

impl<T: Send + 'static> Handling<T> {
    pub(crate) fn start(handler: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(handler))
    }
}

impl<T> Future for Handling<T> {
    /// An error if the handler panicked.
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Handling<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
