//! The replay window (RFC 9458 section 6.5.1): an encapsulated key that has opened is not opened again for a while.
//!
//! What is remembered is a keyed hash, so that a copy of the memory names no envelope. Two generations take turns: a key
//! is remembered for at least one whole [`WINDOW_SECONDS`] and at most two, at no cost for sweeping. It is this
//! instance's memory alone: later, or at another instance, a replay is answered, and lookups are idempotent.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::rand;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;

/// Seconds for which a key is remembered at least: as far as clocks of requests with a Date may differ.
pub const WINDOW_SECONDS: u64 = 600;

/// The replay window of one instance.
pub struct Replays {
    key: [u8; 16],
    /// Keys that one generation holds at most; another begins early when it is full.
    capacity: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    began: u64,
    current: HashSet<u128>,
    previous: HashSet<u128>,
}

impl Replays {
    /// A window of at most `entries` keys, some 40 octets each; 0 remembers nothing. `None` if the system gives no
    /// randomness.
    #[must_use]
    pub fn new(entries: usize) -> Option<Self> {
        let mut key = [0; 16];
        rand::fill(&mut key).ok()?;
        Some(Self {
            key,
            capacity: entries / 2,
            generations: Mutex::default(),
        })
    }

    /// Whether `encapsulated` has opened before: asked before any work with the private key.
    #[must_use]
    pub fn has_seen(&self, encapsulated: &[u8], now: u64) -> bool {
        let hash = self.hash(encapsulated);
        self.with_generations(now, |generations| {
            generations.current.contains(&hash) || generations.previous.contains(&hash)
        })
    }

    /// Remembers that `encapsulated` has opened; false if it had before, so that of two that come at once one is
    /// answered.
    pub fn remember(&self, encapsulated: &[u8], now: u64) -> bool {
        if self.capacity == 0 {
            return true;
        }
        let hash = self.hash(encapsulated);
        self.with_generations(now, |generations| {
            if generations.current.len() >= self.capacity {
                generations.turn(now);
            }
            !generations.previous.contains(&hash) && generations.current.insert(hash)
        })
    }

    fn with_generations<T>(&self, now: u64, f: impl FnOnce(&mut Generations) -> T) -> T {
        // A panic elsewhere leaves the sets whole.
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match now.saturating_sub(generations.began) {
            0..WINDOW_SECONDS => {}
            age => {
                generations.turn(now);
                if age >= 2 * WINDOW_SECONDS {
                    generations.previous.clear();
                }
            }
        }
        f(&mut generations)
    }

    fn hash(&self, encapsulated: &[u8]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(encapsulated);
        hasher.finish128().as_u128()
    }
}

impl Generations {
    fn turn(&mut self, now: u64) {
        self.began = now;
        self.previous = mem::take(&mut self.current);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn a_key_is_remembered_for_ten_minutes_and_not_for_ever() {
        let replays = Replays::new(100).unwrap();
        // The generation is half over when the key comes.
        assert!(replays.remember(b"first", NOW - 300));
        assert!(!replays.has_seen(b"key", NOW));
        assert!(replays.remember(b"key", NOW));
        for seconds in [0, 1, 299, 300, WINDOW_SECONDS] {
            assert!(replays.has_seen(b"key", NOW + seconds), "{seconds}");
            assert!(!replays.remember(b"key", NOW + seconds), "{seconds}");
        }
        assert!(!replays.has_seen(b"key", NOW + 3 * WINDOW_SECONDS));
        assert!(replays.remember(b"key", NOW + 3 * WINDOW_SECONDS));
    }

    #[test]
    fn after_a_long_silence_nothing_is_remembered() {
        let replays = Replays::new(100).unwrap();
        assert!(replays.remember(b"key", NOW));
        assert!(!replays.has_seen(b"key", NOW + 10 * WINDOW_SECONDS));
    }

    #[test]
    fn a_clock_that_goes_back_forgets_nothing() {
        let replays = Replays::new(100).unwrap();
        assert!(replays.remember(b"key", NOW));
        assert!(replays.has_seen(b"key", NOW - 5_000));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let replays = Replays::new(20).unwrap();
        for index in 0..1_000_u32 {
            assert!(replays.remember(&index.to_be_bytes(), NOW));
            let generations = replays.generations.lock().unwrap();
            assert!(generations.current.len() + generations.previous.len() <= 20);
        }
        for index in 990..1_000_u32 {
            assert!(replays.has_seen(&index.to_be_bytes(), NOW), "{index}");
        }
        let nothing = Replays::new(0).unwrap();
        assert!(nothing.remember(b"key", NOW) && nothing.remember(b"key", NOW));
    }
}
