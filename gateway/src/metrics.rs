//! What is counted: statuses and refusals, per listed relay.
//!
//! Every series exists from the start, or from the reload that lists its relay; labels are fixed words and the operator's own names for relays.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use sotto_daemon::metrics::{Counter, Gauge, Metrics};

use crate::{
    refusal::Refusal,
    relays::{Admitted, UNLISTED},
};

/// The statuses that are sealed.
const SEALED: [(u16, &str); 6] = [
    (200, "200"),
    (400, "400"),
    (403, "403"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
];

/// What is counted of one relay.
struct OfRelay {
    sealed: [Counter; SEALED.len()],
    limited: Counter,
}

impl OfRelay {
    fn new(metrics: &Metrics, relay: &str) -> Self {
        Self {
            sealed: SEALED.map(|(_, status)| sealed(metrics, relay, status)),
            limited: metrics.counter(
                "sotto_gateway_rate_limited_total",
                "Requests refused since their relay sent more than it may.",
                &[("relay", relay)],
            ),
        }
    }
}

fn sealed(metrics: &Metrics, relay: &str, status: &str) -> Counter {
    metrics.counter(
        "sotto_gateway_sealed_total",
        "Sealed answers by listed relay and by the status inside.",
        &[("relay", relay), ("status", status)],
    )
}

fn proofs(metrics: &Metrics, from: &str) -> Counter {
    metrics.counter(
        "sotto_gateway_proofs_total",
        "Proofs sealed, by whether they were at hand or gathered from the resolver.",
        &[("from", from)],
    )
}

/// The counters of one gateway.
pub(crate) struct Counters {
    metrics: Metrics,
    relays: ArcSwap<HashMap<String, OfRelay>>,
    other: Counter,
    late: Counter,
    at_hand: Counter,
    gathered: Counter,
    refused: Vec<(Refusal, Counter)>,
    epochs: Gauge,
    key_record: Gauge,
    past_keys: Gauge,
    resolvers: Vec<Gauge>,
}

impl Counters {
    /// Registers the series that have nothing to do with single relays, those for so many resolvers among them.
    #[must_use]
    pub(crate) fn new(metrics: &Metrics, resolvers: usize) -> Self {
        Self {
            metrics: metrics.clone(),
            relays: ArcSwap::default(),
            other: sealed(metrics, "other", "other"),
            late: metrics.counter(
                "sotto_gateway_answers_late_total",
                "Sealed answers that were not ready at their first step, which a relay can see.",
                &[],
            ),
            at_hand: proofs(metrics, "cache"),
            gathered: proofs(metrics, "resolver"),
            refused: Refusal::ALL
                .into_iter()
                .map(|refusal| {
                    let counter = metrics.counter(
                        "sotto_gateway_refused_total",
                        "Requests refused before they were opened, by cause.",
                        &[("cause", refusal.label())],
                    );
                    (refusal, counter)
                })
                .collect(),
            epochs: metrics.gauge(
                "sotto_gateway_epochs_published",
                "Epochs from today's on whose digest the DNS carries; publish at 5, act at 2.",
                &[],
            ),
            key_record: metrics.gauge(
                "sotto_gateway_key_document",
                "1 if there is a key document to serve, else 0.",
                &[],
            ),
            past_keys: metrics.gauge(
                "sotto_gateway_past_keys_kept",
                "1 while keys that are over cannot be destroyed, so that whoever gets the state file could open old envelopes; else 0.",
                &[],
            ),
            resolvers: (1..=resolvers)
                .map(|place| {
                    metrics.gauge(
                        "sotto_gateway_resolver_up",
                        "1 if the resolver at this place of the list responded when it was last asked, else 0.",
                        &[("place", &place.to_string())],
                    )
                })
                .collect(),
        }
    }

    /// Tells which resolvers respond, in the order of registration.
    pub(crate) fn resolvers(&self, standings: &[bool]) {
        for (gauge, up) in self.resolvers.iter().zip(standings) {
            gauge.set(f64::from(u8::from(*up)));
        }
    }

    /// Registers the series for the relays named `names` and for unlisted ones. A series that is there goes on, and that
    /// of a relay that is listed no more stands still.
    pub(crate) fn relays<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let of_relay = |name: &str| (name.to_owned(), OfRelay::new(&self.metrics, name));
        let relays = names.chain([UNLISTED]).map(of_relay).collect();
        self.relays.store(Arc::new(relays));
    }

    /// Counts a sealed answer.
    pub(crate) fn sealed(&self, relay: &Admitted, status: u16) {
        let position = SEALED.iter().position(|(known, _)| *known == status);
        match (self.relays.load().get(&relay.relay), position) {
            (Some(counters), Some(position)) => counters.sealed[position].increment(1),
            _ => self.other.increment(1),
        }
    }

    /// Counts a proof that was sealed, and whether it was at hand.
    pub(crate) fn proof(&self, cached: bool) {
        let counter = if cached {
            &self.at_hand
        } else {
            &self.gathered
        };
        counter.increment(1);
    }

    /// Counts an answer that was not ready at its first step.
    pub(crate) fn late(&self) {
        self.late.increment(1);
    }

    /// Counts a request that was refused since its relay sends more than it may.
    pub(crate) fn limited(&self, relay: &Admitted) {
        if let Some(counters) = self.relays.load().get(&relay.relay) {
            counters.limited.increment(1);
        }
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, refusal: Refusal) {
        if let Some((_, counter)) = self.refused.iter().find(|(known, _)| *known == refusal) {
            counter.increment(1);
        }
    }

    /// Tells whether keys that are over could not be destroyed.
    pub(crate) fn past_keys(&self, kept: bool) {
        self.past_keys.set(f64::from(u8::from(kept)));
    }

    /// Tells how far the key record reaches and whether a key document can be served.
    pub(crate) fn keys(&self, epochs_published: u64, served: bool) {
        // A dozen epochs: exact as a float.
        self.epochs.set(epochs_published as f64);
        self.key_record.set(f64::from(u8::from(served)));
    }
}
