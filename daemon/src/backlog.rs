//! Requests that were read and wait for their turn to be handled.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::response::Response;

/// How many requests of all connections may wait, and what one more is told.
///
/// It is told before anything else is done for it, so that a server which gets more than it can handle spends its time
/// on what it has taken on.
#[derive(Clone)]
pub(crate) struct Backlog(Arc<Inner>);

struct Inner {
    waiting: AtomicUsize,
    max: usize,
    refusal: Box<dyn Fn() -> Response + Send + Sync>,
}

impl Backlog {
    /// Room for `max` requests.
    pub(crate) fn new(max: usize, refusal: impl Fn() -> Response + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            waiting: AtomicUsize::new(0),
            max,
            refusal: Box::new(refusal),
        }))
    }

    /// A place among those that wait, if there is one.
    pub(crate) fn enter(&self) -> Option<Waiting> {
        let before = self.0.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(Arc::clone(&self.0));
        (before < self.0.max).then_some(waiting)
    }

    /// What is told where there is none.
    pub(crate) fn refusal(&self) -> Response {
        (self.0.refusal)()
    }
}

/// A request that waits until this is dropped.
pub(crate) struct Waiting(Arc<Inner>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http::StatusCode;

    use super::*;

    #[test]
    fn one_more_than_may_wait_is_refused_until_another_has_its_turn() {
        let backlog = Backlog::new(2, || StatusCode::SERVICE_UNAVAILABLE.into_response());
        let first = backlog.enter();
        let second = backlog.enter();
        assert!(first.is_some() && second.is_some());
        for _ in 0..3 {
            assert!(backlog.enter().is_none());
        }
        drop(first);
        assert!(backlog.enter().is_some());
        assert_eq!(backlog.refusal().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
