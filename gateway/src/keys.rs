//! The gateway's keys: a schedule over epochs that a state file carries from one start to the next.
//!
//! Reading the clock and deciding what it means are apart: [`KeySchedule::turn_to`] is told the time. The keys in use
//! follow the clock at once; the state file, whose advance cannot be undone, follows only as far as the DNS
//! vouches for the epoch, and only when the clock has stood in an epoch for [`SETTLING_SECONDS`], so that a clock that jumps
//! ahead, and is set right again, destroys nothing.

mod export;
mod state;
mod supply;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use aws_lc_rs::error::Unspecified;
use bytes::Bytes;
use sotto_envelope::{
    Epoch, KeyRecord, KeyRecordError, KeyRing,
    schedule::{Ratchet, ScheduleError as RatchetError},
};
use zeroize::Zeroizing;

pub use self::{
    export::{EXPORT_MAX_BYTES, Export, ExportError},
    state::{StateFile, StateFileError},
    supply::{EPOCHS_TO_ALARM_AT, EPOCHS_TO_WARN_AT, Supply},
};

/// How many epochs `keys publish` prints ahead: a missed update of the DNS must not be an outage.
pub const PUBLISHED_EPOCHS: u64 = 14;

/// Seconds that a resolver may keep the key record: an hour, so that a correction takes effect within one.
pub const KEY_RECORD_TTL: u32 = 3_600;

/// Seconds for which the clock has to stand in one epoch before keys that are over by it are destroyed: a clock that was wrong when the
/// machine started, or is set by a mistake, is usually corrected within minutes, and what is destroyed cannot be had back.
pub const SETTLING_SECONDS: u64 = 3_600;

/// The keys that a gateway works with at one time.
pub struct ActiveKeys {
    /// The epoch of the clock.
    pub epoch: Epoch,
    /// Opens envelopes of the previous, the current and the next epoch.
    pub ring: KeyRing,
    /// The list of each of these epochs, as far as the state reaches, ascending.
    pub lists: Vec<KeyList>,
}

/// The `application/ohttp-keys` list of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyList {
    /// Its epoch.
    pub epoch: Epoch,
    /// The exact octets.
    pub list: Bytes,
    /// Their SHA-256, as the DNS carries it.
    pub digest: [u8; 32],
}

/// Why there are no keys for a time.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The schedule does not reach it.
    #[error(
        "{source}; check the clock, and if it is right run `sotto-gateway keys advance --force` and publish the new digests \
         (a ratchet that stands ahead of the right time needs a new state)"
    )]
    OutOfReach {
        /// What the ratchet says.
        source: RatchetError,
    },
    /// The state file could not be read or written.
    #[error(transparent)]
    State(#[from] StateFileError),
}

/// The keys in use, and the state they come from.
pub struct KeySchedule {
    file: StateFile,
    held: Mutex<Held>,
    active: ArcSwap<ActiveKeys>,
}

/// What the schedule keeps beside the keys in use.
struct Held {
    ratchet: Ratchet,
    /// Unix seconds by the clock when it came into the epoch that it stands in.
    turned_at: u64,
}

impl KeySchedule {
    /// Reads the state and derives the keys for the time `now`.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`].
    pub fn open(file: StateFile, now: u64) -> Result<Self, ScheduleError> {
        let ratchet = file.load()?;
        let active = derive(&ratchet, Epoch::at(now))?;
        Ok(Self {
            file,
            held: Mutex::new(Held {
                ratchet,
                turned_at: now,
            }),
            active: ArcSwap::from_pointee(active),
        })
    }

    /// The keys in use.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveKeys> {
        self.active.load_full()
    }

    /// Tries whether the state file could be replaced, as it has to be for past keys to be destroyed.
    ///
    /// # Errors
    ///
    /// [`StateFileError::Unwritable`] and [`StateFileError::Locked`].
    pub fn try_write(&self) -> Result<(), StateFileError> {
        self.file.try_write()
    }

    /// Turns to the epoch of `now`, and, [`SETTLING_SECONDS`] later, lets go of epochs that are over, at most up to `published`,
    /// the newest epoch that the DNS carries. Writes the state file, so it may block for as long as the disk does.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::OutOfReach`]: there are no keys for this time, and those in use stay as they were.
    /// [`ScheduleError::State`]: past keys stay derivable, while those in use are those of this time.
    pub fn turn_to(&self, now: u64, published: Option<Epoch>) -> Result<(), ScheduleError> {
        let epoch = Epoch::at(now);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if self.active.load().epoch != epoch {
            self.active.store(Arc::new(derive(&held.ratchet, epoch)?));
            held.turned_at = now;
        }
        if now.abs_diff(held.turned_at) < SETTLING_SECONDS {
            return Ok(());
        }
        // The previous epoch is still accepted, so it is the oldest that has to be derivable after a restart.
        if let Some(oldest) = published.map(|newest| newest.min(epoch.previous()))
            && oldest > held.ratchet.epoch()
        {
            held.ratchet = self.file.advance(oldest, false)?;
        }
        Ok(())
    }
}

impl ActiveKeys {
    /// The list of the clock's epoch, if the state reaches it.
    #[must_use]
    pub fn current(&self) -> Option<&KeyList> {
        self.list(self.epoch)
    }

    /// The list of `epoch`.
    #[must_use]
    pub fn list(&self, epoch: Epoch) -> Option<&KeyList> {
        self.lists.iter().find(|list| list.epoch == epoch)
    }
}

/// The keys of the previous, the current and the next epoch, as far as `ratchet` reaches.
fn derive(ratchet: &Ratchet, epoch: Epoch) -> Result<ActiveKeys, ScheduleError> {
    let mut keys = Vec::with_capacity(3);
    let mut out_of_reach = None;
    for wanted in [epoch.previous(), epoch, epoch.next()] {
        match ratchet.keys(wanted) {
            Ok(derived) => keys.push(derived),
            Err(source) => out_of_reach = Some(source),
        }
    }
    if let (true, Some(source)) = (keys.is_empty(), out_of_reach) {
        return Err(ScheduleError::OutOfReach { source });
    }
    let lists = keys
        .iter()
        .map(|keys| KeyList {
            epoch: keys.epoch(),
            list: Bytes::copy_from_slice(keys.list()),
            digest: keys.digest(),
        })
        .collect();
    Ok(ActiveKeys {
        epoch,
        ring: KeyRing::new(keys),
        lists,
    })
}

/// The key records of `count` epochs from `first` on, for publishing.
///
/// # Errors
///
/// [`ScheduleError::OutOfReach`] where `ratchet` cannot derive one of them.
pub fn records(
    ratchet: &Ratchet,
    operator: &str,
    first: Epoch,
    count: u64,
) -> Result<Vec<KeyRecord>, ScheduleError> {
    (0..count)
        .map(|ahead| {
            let epoch = first.plus(ahead);
            let keys = ratchet
                .keys(epoch)
                .map_err(|source| ScheduleError::OutOfReach { source })?;
            Ok(KeyRecord {
                operator: operator.to_owned(),
                epoch,
                digest: keys.digest(),
            })
        })
        .collect()
}

/// Whether TXT RDATA is a key record, well-formed or not, so that publishing may replace it. Other TXT at the name is somebody else's.
#[must_use]
pub fn is_key_record(rdata: &[u8]) -> bool {
    !matches!(KeyRecord::parse(rdata), Err(KeyRecordError::NotOurs))
}

/// Draws a secret for a new schedule from the system's random source.
///
/// # Errors
///
/// Where the system has none to give.
pub fn fresh_secret() -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let mut secret = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(secret.as_mut_slice())?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(20_000);

    fn schedule(now: u64) -> (tempfile::TempDir, KeySchedule) {
        let directory = tempfile::tempdir().unwrap();
        let file = StateFile::at(directory.path().join("gateway.keys"));
        file.create(EPOCH, [7; 32]).unwrap();
        let schedule = KeySchedule::open(file, now).unwrap();
        (directory, schedule)
    }

    fn epochs(schedule: &KeySchedule) -> Vec<u64> {
        schedule
            .active()
            .lists
            .iter()
            .map(|list| list.epoch.0)
            .collect()
    }

    #[test]
    fn the_first_day_has_no_previous_epoch() {
        let (_directory, schedule) = schedule(EPOCH.start());
        assert_eq!(epochs(&schedule), [20_000, 20_001]);
    }

    #[test]
    fn keys_follow_the_clock_and_the_state_follows_the_dns() {
        let (_directory, schedule) = schedule(EPOCH.start());
        let day = |days: u64| EPOCH.plus(days).start();
        let settled = |days: u64| day(days) + SETTLING_SECONDS;
        let stored = || schedule.file.load().unwrap().epoch().0;

        schedule.turn_to(day(3), None).unwrap();
        assert_eq!(epochs(&schedule), [20_002, 20_003, 20_004]);
        assert_eq!(stored(), 20_000, "nothing vouched for the time");

        schedule
            .turn_to(settled(3) - 1, Some(EPOCH.plus(14)))
            .unwrap();
        assert_eq!(stored(), 20_000, "the clock may yet be set right");

        schedule.turn_to(settled(3), Some(EPOCH.plus(14))).unwrap();
        assert_eq!(stored(), 20_002, "the previous epoch stays derivable");

        for now in [day(20), settled(20)] {
            schedule.turn_to(now, Some(EPOCH.plus(14))).unwrap();
        }
        assert_eq!(stored(), 20_014, "at most to the newest published epoch");
        assert_eq!(epochs(&schedule), [20_019, 20_020, 20_021]);
    }

    #[test]
    fn a_clock_that_jumps_destroys_nothing() {
        let (_directory, schedule) = schedule(EPOCH.start());
        let error = schedule
            .turn_to(EPOCH.plus(4_000).start(), None)
            .unwrap_err();
        assert!(
            error.to_string().contains("keys advance --force"),
            "{error}"
        );
        assert_eq!(epochs(&schedule), [20_000, 20_001], "the keys in use stay");

        let jumped = EPOCH.plus(20).start();
        schedule.turn_to(jumped, Some(EPOCH.plus(20))).unwrap();
        let error = schedule
            .turn_to(jumped + SETTLING_SECONDS, Some(EPOCH.plus(20)))
            .unwrap_err();
        assert!(
            matches!(error, ScheduleError::State(StateFileError::Advance { .. })),
            "{error}"
        );
        assert_eq!(schedule.file.load().unwrap().epoch(), EPOCH);

        schedule
            .turn_to(EPOCH.start(), Some(EPOCH.plus(13)))
            .unwrap();
        assert_eq!(
            epochs(&schedule),
            [20_000, 20_001],
            "back in time, as long as nothing was forgotten"
        );
    }

    #[test]
    fn a_clock_that_is_set_right_within_the_hour_has_destroyed_nothing() {
        let (_directory, schedule) = schedule(EPOCH.start());
        let jumped = EPOCH.plus(9).start();
        for now in [jumped, jumped + SETTLING_SECONDS - 1, EPOCH.start() + 60] {
            schedule.turn_to(now, Some(EPOCH.plus(13))).unwrap();
        }
        assert_eq!(epochs(&schedule), [20_000, 20_001]);
        assert_eq!(schedule.file.load().unwrap().epoch(), EPOCH);
    }

    #[test]
    fn only_key_records_are_ours_to_replace() {
        let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let record = KeyRecord {
            operator: "operator.test".to_owned(),
            epoch: EPOCH,
            digest: [1; 32],
        };
        assert!(is_key_record(&record.to_rdata()));
        assert!(is_key_record(&text("v=OHTTPKEYS1; o=broken")));
        for other in ["v=spf1 -all", "", "v=OHTTPKEYS2; o=a.test"] {
            assert!(!is_key_record(&text(other)), "{other}");
        }
    }

    #[test]
    fn instances_with_one_state_agree() {
        let (directory, schedule) = schedule(EPOCH.start());
        let file = StateFile::at(directory.path().join("gateway.keys"));
        for now in [0, SETTLING_SECONDS].map(|after| EPOCH.plus(5).start() + after) {
            schedule.turn_to(now, Some(EPOCH.plus(9))).unwrap();
        }
        assert_eq!(file.load().unwrap().epoch(), EPOCH.plus(4));
        let other = KeySchedule::open(file, EPOCH.plus(5).start()).unwrap();
        assert_eq!(schedule.active().lists, other.active().lists);
    }

    #[test]
    fn the_records_are_of_the_keys() {
        let (_directory, schedule) = schedule(EPOCH.start());
        let ratchet = schedule.file.load().unwrap();
        let records = records(&ratchet, "operator.test", EPOCH, PUBLISHED_EPOCHS).unwrap();
        assert_eq!(records.len(), 14);
        assert_eq!(
            records[1].digest,
            schedule.active().list(EPOCH.next()).unwrap().digest
        );
        assert_eq!(records[13].epoch, EPOCH.plus(13));
    }
}
