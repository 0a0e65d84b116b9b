//! One opaque body to the configured gateway, one opaque body back.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Response, StatusCode, Uri};
use sotto_daemon::{clock::Stopwatch, metrics::Metrics};
use sotto_wire::path;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    Refusal,
    body::{self, ReadError},
    config::{self, Limits},
    headers::{self, Answer, Expect},
    keys::{self, KeyStore, Kind},
    metrics::GatewayMetrics,
    outbound::{self, Body, Credential, Outbound, Report, SendError, SetupError},
    schedule,
};

/// How often each instance is asked for its keys' header fields, give or take a tenth, to see whether it is well.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// One gateway, as the relay knows it while it runs.
pub(crate) struct Gateway {
    pub(crate) host: String,
    pub(crate) body: config::Body,
    pub(crate) keys: KeyStore,
    pub(crate) metrics: GatewayMetrics,
    pub(crate) outbound: Outbound,
    pub(crate) credential: Credential,
    pub(crate) origin: config::Origin,
    pub(crate) limits: Limits,
    resource: Uri,
    places: Semaphore,
}

impl Gateway {
    /// The gateway that stands at `index` in the configuration; every reason why it cannot be forwarded to otherwise.
    pub(crate) fn new(
        index: usize,
        gateway: &config::Gateway,
        limits: Limits,
        metrics: &Metrics,
    ) -> Result<Self, Vec<SetupError>> {
        let origin = gateway.origin();
        let credential = Credential::load(index, gateway).map_err(|mut problems| {
            problems.extend(outbound::tls_config(gateway).err());
            problems
        })?;
        let outbound = Outbound::new(index, gateway, &limits, &credential, metrics)
            .map_err(|error| vec![error])?;
        let metrics = GatewayMetrics::new(metrics, gateway.host.as_str());
        Ok(Self {
            host: gateway.host.to_string(),
            body: gateway.body,
            keys: KeyStore::default(),
            metrics,
            outbound,
            credential,
            resource: origin.uri(path::GATEWAY),
            origin,
            limits,
            places: Semaphore::new(limits.max_in_flight.min(Semaphore::MAX_PERMITS)),
        })
    }

    /// Hands `content` to the gateway and judges what comes back. Never tries twice.
    pub(crate) async fn forward(&self, content: Bytes) -> Answer {
        let Ok(_place) = self.places.try_acquire() else {
            return Answer::Refused(Refusal::Busy);
        };
        let _waiting = self.metrics.waiting();
        self.exchange(content).await
    }

    async fn exchange(&self, content: Bytes) -> Answer {
        let limit = self.limits.gateway_timeout();
        let begun = Stopwatch::start();
        let request = headers::to_gateway(self.resource.clone(), self.credential.field(), content);
        let (response, seat) = match self.outbound.send(&request, limit).await {
            Ok(answered) => answered,
            Err(SendError::Timeout) => return Answer::Refused(Refusal::Timeout),
            Err(_) => return Answer::Refused(Refusal::Unreachable),
        };
        let left = limit.saturating_sub(begun.elapsed());
        let answer = timeout(left, self.judge(response))
            .await
            .unwrap_or(Answer::Refused(Refusal::Timeout));
        seat.report(report(&answer));
        answer
    }

    async fn judge(&self, response: Response<Body>) -> Answer {
        let (head, body) = response.into_parts();
        let read = |max| body::read(body, max, self.limits.gateway_timeout());
        match headers::judge_answer(head.status, &head.headers) {
            Expect::Sealed(max) => match read(max).await {
                Ok(content) => headers::judge_sealed(content, self.body),
                Err(error) => Answer::Refused(broken(error)),
            },
            Expect::Problem(max) => Answer::Refused(match read(max).await {
                Ok(content) => headers::judge_problem(&content),
                Err(error) => broken(error),
            }),
            Expect::Refused(refusal) => Answer::Refused(refusal),
        }
    }

    /// Probes every instance for as long as this is polled. Where there is one alone, there is nothing to choose: requests
    /// go to it whatever a probe says, and tell themselves how it is.
    pub(crate) async fn probes(self: Arc<Self>) {
        if self.outbound.indices().len() < 2 {
            return;
        }
        let mut probes = JoinSet::new();
        for index in self.outbound.indices() {
            let gateway = Arc::clone(&self);
            probes.spawn(async move { gateway.probe(index).await });
        }
        while probes.join_next().await.is_some() {}
    }

    /// Asks the instance at `index` for nothing in particular, again and again, to see whether it is well: at times that
    /// depend on nothing that anybody sends.
    async fn probe(&self, index: usize) {
        loop {
            sleep(schedule::about(PROBE_INTERVAL)).await;
            let mut request = keys::request(&self.origin, &self.credential, Kind::Document);
            *request.method_mut() = Method::HEAD;
            let limit = self.limits.gateway_timeout();
            self.outbound
                .probe(index, &request, limit, |response| {
                    judge_probe(response.status())
                })
                .await;
        }
    }

    /// Reads token and client certificate again.
    pub(crate) fn reload(&self) -> Vec<SetupError> {
        let problems = self.credential.reload();
        if self.credential.certificate().is_some() {
            self.outbound.retire();
        }
        problems
    }
}

/// What an answer tells of the instance that gave it.
fn report(answer: &Answer) -> Report {
    match answer {
        Answer::Refused(
            Refusal::Timeout
            | Refusal::Unreachable
            | Refusal::Nonsense
            | Refusal::NotAdmitted
            | Refusal::GatewayUnavailable,
        ) => Report::Trouble,
        _ => Report::Good,
    }
}

/// What a probe tells of an instance: a foreign gateway may know neither resource nor method, and is well all the same.
fn judge_probe(status: StatusCode) -> Report {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Report::Trouble,
        status if status.is_server_error() => Report::Trouble,
        _ => Report::Good,
    }
}

/// What a client is told of a gateway that did not finish its answer.
fn broken(error: ReadError) -> Refusal {
    match error {
        ReadError::TooLarge => Refusal::Nonsense,
        ReadError::Broken => Refusal::Unreachable,
        ReadError::Idle => Refusal::Timeout,
    }
}
