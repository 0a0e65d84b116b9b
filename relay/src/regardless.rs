//! Work that ends, whether or not anybody still waits for it.
//!
//! A client that goes away while its request is at the gateway must not be seen there. Were its stream to the gateway
//! reset, the gateway would learn when clients lose patience; what mixing holds would never leave, which who watches
//! sees; and whoever asks and leaves, again and again, would have the relay reset one stream after the other (CVE-2023-44487), for which a
//! gateway closes the connection that everybody's requests are on.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// A future that goes on in a task of its own once it is dropped. Nothing is spawned for one that is waited for.
pub(crate) struct Regardless<T: Send + 'static>(Option<Work<T>>);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Regardless<T> {
    /// `work` has to end by itself: nobody else can end it.
    pub(crate) fn of(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for Regardless<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out meanwhile, so that work that panics is not gone on with.
        let Some(mut work) = self.0.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Regardless<T> {
    fn drop(&mut self) {
        // Without a runtime the process ends.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Regardless<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Regardless")
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_ends_all_the_same() {
        for has_begun in [false, true] {
            let (go, gone) = oneshot::channel::<()>();
            let (end, ended) = oneshot::channel();
            let mut work = Regardless::of(async move {
                gone.await.unwrap();
                end.send(()).unwrap();
            });
            if has_begun {
                let waits = std::future::poll_fn(|cx| {
                    Poll::Ready(Pin::new(&mut work).poll(cx).is_pending())
                });
                assert!(waits.await);
            }
            drop(work);
            go.send(()).unwrap();
            ended.await.unwrap();
        }
    }

    #[tokio::test]
    async fn whoever_waits_gets_what_comes_of_it() {
        assert_eq!(Regardless::of(async { 7 }).await, 7);
    }
}
