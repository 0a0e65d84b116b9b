//! What one lookup learnt that the next need not fetch again.

use std::fmt;

use crate::keys::GatewayKey;
use crate::relay::RelayFacts;
use crate::setup::Setup;

/// Seconds that what was learnt of a relay and a gateway may be used again: the largest TTL of a key
/// record.
const KNOWLEDGE_SECONDS: u64 = 3_600;

/// What a lookup learnt of a relay and a gateway, for the next one to build on.
///
/// Good for one hour at most, and only with the [`Setup`] it was learnt with. It saves the fetches
/// before the question, nothing else.
#[derive(Clone)]
pub struct Knowledge {
    /// Unix seconds.
    pub(super) until: u64,
    pub(super) relay_index: usize,
    pub(super) relay: RelayFacts,
    pub(super) key: GatewayKey,
}

impl Knowledge {
    /// Until when what comes with `key` may be used again.
    pub(super) fn until(key: &GatewayKey, now: u64) -> u64 {
        key.until.min(now.saturating_add(KNOWLEDGE_SECONDS))
    }

    /// Whether a lookup with this setup may build on it.
    pub(super) fn is_good_for(&self, setup: &Setup, now: u64) -> bool {
        now < self.until && self.key.is_near(now) && self.relay_index < setup.relays().len()
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
