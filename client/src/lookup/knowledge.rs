//! What a client remembers between lookups: in memory, and nothing of what was asked.

use std::fmt;

use super::route::Pair;
use crate::comparison::Compared;
use crate::keys::{GatewayKey, KeysSeen};
use crate::relay::RelayFacts;
use crate::report::Report;
use crate::setup::Setup;

/// Seconds that what was learnt of a relay and a gateway may be used again: the largest TTL of a key
/// record.
const KNOWLEDGE_SECONDS: u64 = 3_600;

/// What a lookup learnt of a relay and a gateway, for the next one to build on.
///
/// Good for one hour at most, and only with the [`Setup`] it was learnt with: one that has another relay or gateway in their
/// place makes nothing of it. It saves the fetches before the question, nothing else.
#[derive(Clone)]
pub struct Knowledge {
    /// Unix seconds.
    pub(super) until: u64,
    pub(super) pair: Pair,
    /// Whose places those are, so that nothing learnt of one party is used with another that stands in its place in
    /// another setup.
    pub(super) relay_url: String,
    pub(super) gateway: String,
    pub(super) relay: RelayFacts,
    pub(super) key: GatewayKey,
}

/// What a client remembers between its lookups.
///
/// Good for one [`Setup`]. It tells a relay nothing that a client without it would not tell: it saves
/// fetches, and refuses keys that differ from those that were proved before.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    knowledge: Option<Knowledge>,
    seen: KeysSeen,
}

impl Memory {
    /// A memory that holds these keys, proved at other times or over other relays.
    #[must_use]
    pub fn of_keys(seen: KeysSeen) -> Self {
        Self {
            knowledge: None,
            seen,
        }
    }

    /// Takes in what a lookup learnt, and forgets what it found to be of no use.
    pub fn learn(&mut self, report: &Report) {
        self.seen.extend(report.keys.iter().cloned());
        // A lookup that asked nobody learnt nothing, and forgets nothing.
        if !report.learnt.is_empty() {
            self.knowledge.clone_from(&report.knowledge);
        }
    }

    /// Takes in what a [`crate::Comparison`] saw.
    pub fn learn_keys(&mut self, compared: &Compared) {
        self.seen.extend(compared.sightings().cloned());
    }

    /// Which keys were proved over the last day, over which relay.
    #[must_use]
    pub fn keys_seen(&self) -> &KeysSeen {
        &self.seen
    }

    pub(super) fn knowledge(&self) -> Option<&Knowledge> {
        self.knowledge.as_ref()
    }
}

impl From<Knowledge> for Memory {
    fn from(knowledge: Knowledge) -> Self {
        Self {
            knowledge: Some(knowledge),
            seen: KeysSeen::default(),
        }
    }
}

impl Knowledge {
    /// Until when what comes with `key` may be used again.
    pub(super) fn until(key: &GatewayKey, now: u64) -> u64 {
        key.until.min(now.saturating_add(KNOWLEDGE_SECONDS))
    }

    /// Whether a lookup with this setup may build on it; not if its key differs from one that was `seen` since.
    pub(super) fn is_good_for(&self, setup: &Setup, seen: &KeysSeen, now: u64) -> bool {
        let (Some(relay), Some(gateway)) = (
            setup.relays().get(self.pair.relay),
            setup.gateways().get(self.pair.gateway),
        ) else {
            return false;
        };
        let sightings = self
            .key
            .sightings(&gateway.host, relay.url.authority(), now);
        now < self.until
            && self.relay_url == relay.url.to_string()
            && self.gateway == gateway.host
            && self.key.is_near(now)
            && sightings
                .iter()
                .all(|sighting| seen.check(sighting).is_ok())
    }
}

impl fmt::Debug for Knowledge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Knowledge")
            .field("resource", &self.relay.resource)
            .field("epoch", &self.key.epoch)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
