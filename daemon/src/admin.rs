//! The operator's listener: `/healthz`, `/readyz`, `/metrics`.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use axum::{
    Router,
    http::{StatusCode, header},
    routing::get,
};

use crate::metrics::Metrics;

/// The media type of the Prometheus text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

/// Whether a server wants traffic: starting, then ready, in the end draining.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// A server that is starting.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that everything the server needs is there, or no longer is. A draining server stays so.
    pub fn set_ready(&self, ready: bool) {
        let to = if ready { READY } else { STARTING };
        // A failed exchange found the server draining.
        let _ = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                (now != DRAINING).then_some(to)
            });
    }

    /// Says that the server is about to end.
    pub fn set_draining(&self) {
        self.0.store(DRAINING, Ordering::Release);
    }

    /// Whether traffic is wanted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire) == READY
    }

    fn report(&self) -> (StatusCode, &'static str) {
        match self.0.load(Ordering::Acquire) {
            READY => (StatusCode::OK, "ready\n"),
            DRAINING => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        }
    }
}

/// The routes of the operator's listener.
///
/// `/healthz` is 200 as long as the process answers, `/readyz` 200 when it wants traffic and 503
/// with one word otherwise, `/metrics` the Prometheus text.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || std::future::ready(readiness.report())),
        )
        .route(
            "/metrics",
            get(move || {
                std::future::ready(([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], metrics.render()))
            }),
        )
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn readiness_goes_from_starting_to_ready_to_draining() {
        let readiness = Readiness::new();
        let routes = router(readiness.clone(), Metrics::new());
        let status = |path: &'static str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let routes = routes.clone();
            async move { routes.oneshot(request).await.unwrap().status() }
        };
        assert_eq!(status("/healthz").await, 200);
        assert_eq!(status("/readyz").await, 503);
        readiness.set_ready(true);
        assert_eq!(status("/readyz").await, 200);
        readiness.set_draining();
        readiness.set_ready(true);
        assert_eq!(status("/readyz").await, 503);
        assert_eq!(status("/metrics").await, 200);
        assert_eq!(status("/").await, 404);
    }
}
