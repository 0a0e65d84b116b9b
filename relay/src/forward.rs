//! One opaque body to the configured gateway, one opaque body back.

use bytes::Bytes;
use http::Uri;
use sotto_wire::path;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    Refusal,
    body::{self, ReadError},
    config::{self, Limits},
    headers::{self, Answer, Expect},
    keys::KeyStore,
    metrics::GatewayMetrics,
    outbound::{Credential, Outbound, SetupError},
};

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
        metrics: GatewayMetrics,
    ) -> Result<Self, Vec<SetupError>> {
        let origin = gateway.origin();
        let (outbound, credential) = match (
            Outbound::new(gateway, &limits),
            Credential::load(index, gateway),
        ) {
            (Ok(outbound), Ok(credential)) => (outbound, credential),
            (outbound, credential) => {
                return Err(outbound.err().into_iter().chain(credential.err()).collect());
            }
        };
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
        timeout(self.limits.gateway_timeout(), self.exchange(content))
            .await
            .unwrap_or(Answer::Refused(Refusal::Timeout))
    }

    async fn exchange(&self, content: Bytes) -> Answer {
        let request = headers::to_gateway(self.resource.clone(), self.credential.field(), content);
        let Ok((response, _ride)) = self.outbound.send(request).await else {
            return Answer::Refused(Refusal::Unreachable);
        };
        let (head, incoming) = response.into_parts();
        let read = |max| body::read(incoming, max, self.limits.gateway_timeout());
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
}

/// What a client is told of a gateway that did not finish its answer.
fn broken(error: ReadError) -> Refusal {
    match error {
        ReadError::TooLarge => Refusal::Nonsense,
        ReadError::Broken => Refusal::Unreachable,
        ReadError::Idle => Refusal::Timeout,
    }
}
