//! The operator's listener: `/healthz`, `/readyz`, `/metrics`.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::metrics::Metrics;

/// The media type of the Prometheus text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The version of what `/readyz` tells.
const SCHEMA: u32 = 1;

/// How far a server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has not looked yet whether it has what it needs.
    #[default]
    Starting,
    /// It wants traffic.
    Ready,
    /// It lacks what it needs to help anybody.
    NotReady,
    /// It is about to end.
    Draining,
}

/// What `/readyz` tells, as a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    schema: u32,
    /// How far the server is.
    pub status: Status,
    /// What is wrong and what to do about it; `None` if nothing is.
    pub reason: Option<String>,
    /// Figures of this server alone.
    #[serde(flatten)]
    pub figures: Map<String, Value>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            status: Status::default(),
            reason: None,
            figures: Map::new(),
        }
    }
}

impl fmt::Display for Report {
    /// On one line, for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.status {
            Status::Starting => "starting",
            Status::Ready => "ready",
            Status::NotReady => "not ready",
            Status::Draining => "draining",
        })?;
        for (name, figure) in &self.figures {
            write!(f, ", {name} {figure}")?;
        }
        match &self.reason {
            Some(reason) => write!(f, ": {}", reason.replace('\n', " ")),
            None => Ok(()),
        }
    }
}

/// Whether a server wants traffic: starting, then ready or not, in the end draining.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Report>>);

impl Readiness {
    /// A server that is starting.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Report::default())))
    }

    /// Says that everything the server needs is there, or no longer is. A draining server stays so.
    pub fn set_ready(&self, ready: bool) {
        self.tell(ready, None, Map::new());
    }

    /// [`Self::set_ready`], with what is wrong, if anything is, and figures. They are for the operator alone, and hold
    /// nothing of a client.
    pub fn tell(&self, ready: bool, reason: Option<String>, figures: Map<String, Value>) {
        let report = Report {
            schema: SCHEMA,
            status: if ready {
                Status::Ready
            } else {
                Status::NotReady
            },
            reason,
            figures,
        };
        self.0.send_if_modified(|now| {
            let news = now.status != Status::Draining && *now != report;
            if news {
                *now = report;
            }
            news
        });
    }

    /// Says that the server is about to end.
    pub fn set_draining(&self) {
        self.0.send_modify(|now| {
            *now = Report {
                status: Status::Draining,
                ..Report::default()
            };
        });
    }

    /// Whether traffic is wanted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.borrow().status == Status::Ready
    }

    /// What there is to tell now, and whenever it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Report> {
        self.0.subscribe()
    }

    fn answer(&self) -> Response {
        let report = self.0.borrow().clone();
        let status = if report.status == Status::Ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, axum::Json(report)).into_response()
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// The routes of the operator's listener.
///
/// `/healthz` is 200 as long as the process answers, `/readyz` 200 when it wants traffic and 503
/// otherwise, with a [`Report`] as JSON, `/metrics` the Prometheus text.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || std::future::ready(readiness.answer())),
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
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    async fn get_from(routes: &Router, path: &str) -> (u16, Vec<u8>) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = routes.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let content = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, content.to_vec())
    }

    #[tokio::test]
    async fn readiness_goes_from_starting_to_ready_to_draining() {
        let readiness = Readiness::new();
        let routes = router(readiness.clone(), Metrics::new());
        let told = async || {
            let (status, content) = get_from(&routes, "/readyz").await;
            (status, serde_json::from_slice::<Value>(&content).unwrap())
        };
        let plain = |status: &str| json!({ "schema": 1, "status": status, "reason": null });
        assert_eq!(told().await, (503, plain("starting")));
        readiness.set_ready(true);
        assert_eq!(told().await, (200, plain("ready")));
        readiness.set_ready(false);
        assert_eq!(told().await, (503, plain("not_ready")));
        let figures = Map::from_iter([("epochs_published".to_owned(), json!(3))]);
        readiness.tell(true, Some("few are left".to_owned()), figures);
        let expected = json!({ "schema": 1, "status": "ready", "reason": "few are left", "epochs_published": 3 });
        assert_eq!(told().await, (200, expected));
        assert_eq!(
            readiness.0.borrow().to_string(),
            "ready, epochs_published 3: few are left"
        );
        readiness.set_draining();
        readiness.set_ready(true);
        assert_eq!(told().await, (503, plain("draining")));
        assert_eq!(get_from(&routes, "/healthz").await.0, 200);
        assert_eq!(get_from(&routes, "/metrics").await.0, 200);
        assert_eq!(get_from(&routes, "/").await.0, 404);
    }
}
