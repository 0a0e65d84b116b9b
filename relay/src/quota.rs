//! How much one network may ask, without a list of who asked. Pure: times and keys are given.
//!
//! Each prefix has a token bucket, kept as the one time at which it will be full again (the generic cell rate algorithm).
//! The times stand in a sketch of fixed size: [`ROWS`] rows of [`CELLS`] cells, in each of which a keyed hash of the prefix
//! names one cell. The bucket of a prefix is the earliest of its cells, and what it takes is written to all of them.
//!
//! - **Nothing is ever evicted**, so nobody gets a full bucket by making the relay forget: a cell only moves on. Other
//!   prefixes that share a cell can make a bucket look emptier than it is, never fuller; all [`ROWS`] cells have to be
//!   shared for that, and with how many prefixes at a time is a matter of [`CELLS`].
//! - **No address is in it**: times, and a key that is drawn anew every [`ROTATION`] and destroyed. Only who holds the
//!   memory of the running relay could ask whether a given prefix had been there, since the last rotation.
//! - **A rotation resets nothing.** Until the last bucket of the old sketch would be full again it stays the judge, and
//!   what it decides is written to both.

use std::{fmt, hash::Hasher as _, net::IpAddr, time::Duration};

use serde::Deserialize;
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Rows of the sketch: each cuts the chance of a wrong refusal by the share of cells that are full.
pub const ROWS: usize = 4;

/// Cells in a row: the sketch takes 1 MiB, two of them around a rotation. With a thousand prefixes at their limit at a time,
/// another is refused wrongly with probability (1,000 / 32,768)^4 = 1 in a million.
pub const CELLS: usize = 32_768;

/// How long one key is used.
pub const ROTATION: Duration = Duration::from_secs(600);

/// The fewest requests in a minute that a quota can be set to: one in ten seconds, which is what `Retry-After` says.
pub const LEAST_PER_MINUTE: u32 = 6;

/// Requests in a minute if nothing else is configured: 20 a second, since whole networks stand behind one IPv4 address.
const DEFAULT_PER_MINUTE: u32 = 1_200;

/// Requests at once if nothing else is configured.
const DEFAULT_BURST: u32 = 400;

/// The network that a client comes from: an IPv4 address, or a /56 of IPv6, as much as a household is given at least
/// (RFC 6177). Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prefix([u8; 8]);

impl Prefix {
    /// The prefix of an address; an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                [4, a, b, c, d, 0, 0, 0]
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, ..] = address.octets();
                [6, a, b, c, d, e, f, g]
            }
        })
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix([redacted])")
    }
}

/// Why numbers make no [`Rate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Fewer requests than one in the time that `Retry-After` names.
    #[error("`per_minute` must be 0, for no quota, or at least {LEAST_PER_MINUTE}")]
    TooSlow,
    /// No request would ever pass.
    #[error("`burst` must not be zero")]
    NoBurst,
    /// An empty bucket would not be full again before the key has changed.
    #[error("`burst` must be at most ten times `per_minute`")]
    BurstTooLong,
}

/// What one prefix may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Numbers")]
pub struct Rate(Option<Bucket>);

/// The numbers of a [`Rate`] as they are configured.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Numbers {
    /// Requests in a minute, on average; 0 for no quota.
    per_minute: u32,
    /// Requests at once.
    burst: u32,
}

/// The token bucket that every prefix has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// Microseconds for one token.
    interval: u64,
    /// Tokens in a full bucket.
    burst: u32,
}

impl Bucket {
    /// Microseconds until an empty bucket is full.
    fn fill(self) -> u64 {
        self.interval * u64::from(self.burst)
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            per_minute: DEFAULT_PER_MINUTE,
            burst: DEFAULT_BURST,
        }
    }
}

impl TryFrom<Numbers> for Rate {
    type Error = RateError;

    fn try_from(numbers: Numbers) -> Result<Self, RateError> {
        Self::new(numbers.per_minute, numbers.burst)
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self::new(DEFAULT_PER_MINUTE, DEFAULT_BURST).expect("the defaults make sense")
    }
}

impl Rate {
    /// `per_minute` requests on average, none of which is limited if it is 0, and `burst` at once.
    ///
    /// # Errors
    ///
    /// [`RateError`].
    pub fn new(per_minute: u32, burst: u32) -> Result<Self, RateError> {
        if per_minute == 0 {
            return Ok(Self(None));
        }
        if per_minute < LEAST_PER_MINUTE {
            return Err(RateError::TooSlow);
        }
        if burst == 0 {
            return Err(RateError::NoBurst);
        }
        let bucket = Bucket {
            interval: 60_000_000_u64.div_ceil(u64::from(per_minute)),
            burst,
        };
        if bucket.fill() > micros(ROTATION) {
            return Err(RateError::BurstTooLong);
        }
        Ok(Self(Some(bucket)))
    }
}

/// The key of one generation of the sketch.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 16]);

impl Key {
    /// Makes a key of random octets.
    #[must_use]
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([redacted])")
    }
}

/// The buckets of every prefix, in memory of fixed size.
#[derive(Debug)]
pub struct Quota {
    rate: Rate,
    current: Sketch,
    /// The generation before, while one of its buckets may still be short of full.
    previous: Option<Sketch>,
    rotated: Duration,
}

impl Quota {
    /// Full buckets for everybody. `now`, here and below, is the time since any fixed origin.
    #[must_use]
    pub fn new(rate: Rate, key: Key, now: Duration) -> Self {
        Self {
            rate,
            current: Sketch::new(key),
            previous: None,
            rotated: now,
        }
    }

    /// Changes what everybody may ask; what was taken stays taken.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Takes a token of `prefix`; false if there is none.
    #[must_use]
    pub fn take(&mut self, prefix: Prefix, now: Duration) -> bool {
        let Some(bucket) = self.rate.0 else {
            return true;
        };
        let now = micros(now);
        let judge = self.previous.as_ref().unwrap_or(&self.current);
        let full_at = judge.full_at(prefix).max(now) + bucket.interval;
        if full_at - now > bucket.fill() {
            return false;
        }
        self.current.write(prefix, full_at);
        if let Some(previous) = &mut self.previous {
            previous.write(prefix, full_at);
        }
        true
    }

    /// Whether the key has been used for long enough.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        now.saturating_sub(self.rotated) >= ROTATION
    }

    /// Begins a generation with a fresh `key`.
    pub fn rotate(&mut self, key: Key, now: Duration) {
        self.previous = Some(std::mem::replace(&mut self.current, Sketch::new(key)));
        self.rotated = now;
    }

    /// Destroys the generation before, key and all, once every bucket in it would be full.
    pub fn forget(&mut self, now: Duration) {
        let fill = self.rate.0.map_or(0, Bucket::fill);
        if micros(now.saturating_sub(self.rotated)) >= fill {
            self.previous = None;
        }
    }
}

/// One generation: for every cell the microsecond at which it would be full again.
struct Sketch {
    key: Key,
    cells: Vec<u64>,
}

impl Sketch {
    fn new(key: Key) -> Self {
        Self {
            key,
            cells: vec![0; ROWS * CELLS],
        }
    }

    /// The place of a prefix's cell in each row.
    fn places(&self, prefix: Prefix) -> [usize; ROWS] {
        let mut hasher = SipHasher24::new_with_key(&self.key.0);
        hasher.write(&prefix.0);
        let hash = hasher.finish128().as_u128();
        // 32 bits of the hash for each row.
        std::array::from_fn(|row| row * CELLS + ((hash >> (32 * row)) as u32 as usize) % CELLS)
    }

    fn full_at(&self, prefix: Prefix) -> u64 {
        let cells = self.places(prefix).map(|place| self.cells[place]);
        cells.into_iter().min().unwrap_or(0)
    }

    fn write(&mut self, prefix: Prefix, full_at: u64) {
        for place in self.places(prefix) {
            let cell = &mut self.cells[place];
            *cell = full_at.max(*cell);
        }
    }
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sketch([redacted])")
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests;
