//! Which keys were proved over which relay: who compares finds the gateway that has a key for one client.
//!
//! A gateway can sign several key records, and relays that serve it hand out one or the other. Over one relay
//! everybody gets the same octets, so the others of that relay are the crowd; over two relays the digests of one epoch must agree.

use std::collections::BTreeMap;

use crate::outcome::{Code, Detail, Unavailable};

/// Seconds for which a sighting is compared with: a day, so that a gateway that had to replace its keys in haste
/// raises an alarm for a day and not for the 14 that it publishes ahead.
pub(crate) const SIGHTING_SECONDS: u64 = 86_400;

/// Sightings kept of one gateway: more than the epochs that are published ahead, over each of [`crate::MAX_RELAYS`].
const SIGHTINGS_MAX: usize = 256;

/// The digest of one epoch's key list, as one relay's key document proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySighting {
    /// The gateway's host.
    pub gateway: String,
    /// The relay that handed it out, host and perhaps port.
    pub relay: String,
    /// The day that the list is for: Unix time divided by 86,400.
    pub epoch: u64,
    /// The SHA-256 of the list.
    pub digest: [u8; 32],
    /// When it was seen, Unix seconds.
    pub at: u64,
}

/// The digests that were proved over the last day, by gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysSeen(BTreeMap<String, Vec<KeySighting>>);

impl KeysSeen {
    /// Everything seen, for whoever keeps it.
    pub fn iter(&self) -> impl Iterator<Item = &KeySighting> {
        self.0.values().flatten()
    }

    /// Adds a sighting, in place of an earlier one over the same relay that says the same.
    pub fn add(&mut self, sighting: KeySighting) {
        let seen = self.0.entry(sighting.gateway.clone()).or_default();
        let oldest = sighting.at.saturating_sub(SIGHTING_SECONDS);
        seen.retain(|earlier| {
            let is_repeated = (&earlier.relay, earlier.epoch, earlier.digest)
                == (&sighting.relay, sighting.epoch, sighting.digest);
            !is_repeated && earlier.at >= oldest
        });
        if seen.len() >= SIGHTINGS_MAX {
            seen.remove(0);
        }
        seen.push(sighting);
    }

    /// Refuses a sighting that differs from one of the last day: two lists for one epoch.
    ///
    /// That two relays know of different epochs is normal.
    pub(crate) fn check(&self, new: &KeySighting) -> Result<(), Unavailable> {
        let oldest = new.at.saturating_sub(SIGHTING_SECONDS);
        let differing =
            self.0.get(&new.gateway).into_iter().flatten().find(|seen| {
                seen.at >= oldest && seen.epoch == new.epoch && seen.digest != new.digest
            });
        differing.map_or(Ok(()), |seen| {
            let sightings = Box::new([seen.clone(), new.clone()]);
            Err(Unavailable::with(
                Code::KeysDiffer,
                Detail::KeysDiffer(sightings),
            ))
        })
    }
}

impl Extend<KeySighting> for KeysSeen {
    fn extend<T: IntoIterator<Item = KeySighting>>(&mut self, sightings: T) {
        for sighting in sightings {
            self.add(sighting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_305_700;

    fn sighting(relay: &str, epoch: u64, digest: u8, at: u64) -> KeySighting {
        KeySighting {
            gateway: "g.example".to_owned(),
            relay: relay.to_owned(),
            epoch,
            digest: [digest; 32],
            at,
        }
    }

    #[test]
    fn two_lists_for_one_day_are_an_alarm_and_other_days_are_not() {
        let mut seen = KeysSeen::default();
        seen.extend([sighting("a", 1, 1, NOW), sighting("a", 2, 2, NOW)]);
        for fine in [
            sighting("b", 1, 1, NOW),
            sighting("b", 3, 9, NOW),
            KeySighting {
                gateway: "other.example".to_owned(),
                ..sighting("b", 1, 9, NOW)
            },
        ] {
            assert!(seen.check(&fine).is_ok(), "{fine:?}");
        }
        for relay in ["a", "b"] {
            let why = seen.check(&sighting(relay, 2, 9, NOW)).unwrap_err();
            assert_eq!(why.code, Code::KeysDiffer);
            assert!(why.to_string().contains("day 2"), "{why}");
        }
    }

    #[test]
    fn an_alarm_ends_after_a_day() {
        let mut seen = KeysSeen::default();
        seen.add(sighting("a", 1, 1, NOW));
        let later = sighting("b", 1, 2, NOW + SIGHTING_SECONDS + 1);
        assert!(seen.check(&later).is_ok());
        seen.add(later);
        assert_eq!(seen.iter().count(), 1, "what is over is not kept");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut seen = KeysSeen::default();
        for epoch in 0..2 * SIGHTINGS_MAX as u64 {
            seen.add(sighting("a", epoch, 1, NOW));
            seen.add(sighting("a", epoch, 1, NOW));
        }
        assert_eq!(seen.iter().count(), SIGHTINGS_MAX);
    }
}
