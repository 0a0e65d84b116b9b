//! A lookup under way, and what is drawn for each of its two ways.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use sotto_relay::mixing::Policy;

use super::workload::Lookup;
use super::{Micros, micros};

/// A lookup under way: what the laboratory knows of it.
pub(super) struct Exchange {
    pub(super) number: u64,
    pub(super) lookup: Lookup,
    pub(super) relay: u16,
    pub(super) key_id: u8,
    pub(super) asked: Micros,
    pub(super) at_relay: Micros,
    pub(super) forwarded: Micros,
    pub(super) at_gateway: Micros,
    pub(super) ready: Micros,
    pub(super) cached: bool,
    pub(super) status: u16,
    pub(super) left: Micros,
    pub(super) back: Micros,
    pub(super) rows: Rows,
}

/// The rows that a lookup has left so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows {
    pub(super) up: u64,
    pub(super) inward: u64,
    pub(super) out: u64,
    pub(super) gateway: u64,
    pub(super) relay: u64,
    pub(super) down: u64,
}

/// What is drawn for one of the two ways.
pub(super) struct Way {
    pub(super) network: ChaCha8Rng,
    pub(super) relay: ChaCha8Rng,
}

impl Way {
    /// What queues add to a message on its way.
    pub(super) fn queueing(&mut self, mean_ms: f64) -> Micros {
        let drawn: f64 = Exp1.sample(&mut self.network);
        micros(mean_ms * drawn)
    }

    /// When a relay lets go what has come now, and its place among what leaves then.
    pub(super) fn hold(&mut self, policy: Policy, now: Micros) -> (Micros, u64) {
        let random = [self.relay.random(), self.relay.random()];
        let departure = policy.departure(Duration::from_micros(now), random);
        (departure.at.as_micros() as Micros, departure.rank)
    }
}
