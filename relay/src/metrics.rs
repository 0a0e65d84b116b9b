//! What is counted: per gateway, by outcome. Every label is known when the relay starts.

use sotto_daemon::metrics::{Counter, Gauge, Histogram, Metrics};

use crate::{Refusal, headers::Answer};

const REQUESTS: &str = "sotto_relay_requests_total";
const REQUESTS_HELP: &str = "Requests by gateway and outcome.";

/// How requests to one resource end.
pub(crate) struct Outcomes {
    answered: Counter,
    refused: [Counter; Refusal::ALL.len()],
}

impl Outcomes {
    /// The outcomes of `gateway`, or of paths that name none.
    pub(crate) fn new(metrics: &Metrics, gateway: &str) -> Self {
        let counter = |outcome| {
            metrics.counter(
                REQUESTS,
                REQUESTS_HELP,
                &[("gateway", gateway), ("outcome", outcome)],
            )
        };
        Self {
            answered: counter("answered"),
            refused: Refusal::ALL.map(|refusal| counter(refusal.label())),
        }
    }

    pub(crate) fn count(&self, answer: &Answer) {
        match answer {
            Answer::Content(..) | Answer::Preflight => self.answered.increment(1),
            // ALL lists the variants in their order; a test holds it to that.
            Answer::Refused(refusal) => self.refused[*refusal as usize].increment(1),
        }
    }
}

/// What is counted of one gateway.
pub(crate) struct GatewayMetrics {
    pub(crate) outcomes: Outcomes,
    pub(crate) exchange: Histogram,
    pub(crate) keys_fetched: Counter,
    pub(crate) keys_failed: Counter,
    pub(crate) keys_at: Gauge,
    waiting: Gauge,
}

impl GatewayMetrics {
    pub(crate) fn new(metrics: &Metrics, gateway: &str) -> Self {
        let gateway_label = [("gateway", gateway)];
        let fetches = |result| {
            metrics.counter(
                "sotto_relay_key_fetches_total",
                "Fetches of a gateway's keys by result.",
                &[("gateway", gateway), ("result", result)],
            )
        };
        Self {
            outcomes: Outcomes::new(metrics, gateway),
            exchange: metrics.duration(
                "sotto_relay_exchange_seconds",
                "From handing a request to the gateway to its whole answer.",
                &gateway_label,
            ),
            keys_fetched: fetches("fetched"),
            keys_failed: fetches("failed"),
            keys_at: metrics.gauge(
                "sotto_relay_keys_fetched_timestamp_seconds",
                "When the gateway's key document was last fetched; for a foreign gateway, its list.",
                &gateway_label,
            ),
            waiting: metrics.gauge(
                "sotto_relay_waiting",
                "Requests that wait for the gateway now.",
                &gateway_label,
            ),
        }
    }

    /// Counts one waiting request until it is dropped.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        self.waiting.increment(1.0);
        Waiting(&self.waiting)
    }
}

/// Messages that mixing holds.
pub(crate) fn held(metrics: &Metrics) -> Gauge {
    metrics.gauge(
        "sotto_relay_mixing_held",
        "Requests and answers that mixing holds back now.",
        &[],
    )
}

/// One request that waits for a gateway.
pub(crate) struct Waiting<'a>(&'a Gauge);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_its_own_index() {
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
        }
    }
}
