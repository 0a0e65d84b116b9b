//! Which key a client seals to: that of the key document that its relay had when the client last fetched it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sotto_envelope::{Epoch, Suite};

use super::{Micros, SECOND};
use crate::scenario::Scenario;

/// The relays' documents and the clients' copies of them.
pub(super) struct Keys {
    start: u64,
    relay_period: Micros,
    client_period: Micros,
    /// When each relay fetches, within its period.
    phases: Vec<Micros>,
    /// What each client holds: when it was fetched, and the epoch of its first list.
    held: Vec<Option<(Micros, Epoch)>>,
}

impl Keys {
    pub(super) fn new(scenario: &Scenario, mut random: ChaCha8Rng) -> Self {
        let relay_period = scenario.relay.key_refresh_seconds * SECOND;
        let phases = (0..scenario.relay.count)
            .map(|_| random.random_range(0..relay_period))
            .collect();
        Self {
            start: scenario.start,
            relay_period,
            client_period: scenario.clients.key_refresh_seconds * SECOND,
            phases,
            held: vec![None; scenario.clients.count as usize],
        }
    }

    /// The key identifier of what a client seals at `now`, after it has fetched the document anew if its copy is old.
    pub(super) fn key_id(&mut self, client: u32, relay: u16, now: Micros) -> u8 {
        let held = self.held[client as usize];
        let epoch = match held.filter(|(fetched, _)| now - fetched < self.client_period) {
            Some((_, epoch)) => epoch,
            None => {
                let phase = self.phases[relay as usize];
                // The relay fetched for the last time before the run began, if not since.
                let before = (now + self.relay_period - phase) % self.relay_period;
                let at = (self.start * SECOND + now).saturating_sub(before) / SECOND;
                let epoch = Epoch::at(at);
                self.held[client as usize] = Some((now, epoch));
                epoch
            }
        };
        Suite::XWing.key_id(epoch)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_client_keeps_to_its_copy_and_a_relay_to_its_period() {
        let text = "title = 'keys'\nlookups = 1\nstart = 86000\n[clients]\ncount = 2\nlookups_per_second = 1\n\
                    key_refresh_seconds = 3600\n[names]\ncount = 1\n[relay]\ncount = 1\nkey_refresh_seconds = 600";
        let scenario = Scenario::parse(text).unwrap();
        let mut keys = Keys::new(&scenario, ChaCha8Rng::seed_from_u64(1));
        keys.phases = vec![100 * SECOND];
        let old = Suite::XWing.key_id(Epoch(0));
        let new = Suite::XWing.key_id(Epoch(1));
        // Midnight comes after 400 s, the relay fetches after 100 s and 700 s.
        let mut at = |client, seconds| keys.key_id(client, 0, seconds * SECOND);
        assert_eq!(at(0, 0), old);
        assert_eq!(at(1, 699), old);
        assert_eq!(at(0, 3_599), old);
        assert_eq!(at(0, 3_600), new);
        assert_eq!(at(1, 4_298), old);
        assert_eq!(at(1, 4_299), new);
    }
}
