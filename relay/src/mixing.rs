//! When a message leaves a relay that mixes. Pure: times and randomness are given.
//!
//! Who watches the relay's links sees messages of one size arrive and leave. Where each leaves as it came, time and order
//! join the two at once. A [`Policy`] says for each message when it leaves and which of several goes first.
//!
//! **Both ways.** A request and its answer are each held, by draws of their own. Holding the request alone would be
//! undone by the answer: it comes back over the same link a known time later and would go straight on to the client.
//!
//! **Exponential** delays have no memory: the likelihood that given arrivals become given departures depends on the sums
//! of their times alone, so every assignment that is possible is as likely as any other, and the observer learns only
//! which are possible. A hard cap must not spoil that. Were longer delays cut to the cap, one message in
//! `exp(cap / mean)` would leave exactly that long after it came, and the pair would give itself away; drawn again until
//! they fit, the density keeps its form below the cap and has no point of its own. So it is drawn again, in one step,
//! by inverting the distribution of what fits.
//!
//! **Timed** batches leave together at multiples of the period, in random order. The times of departure then tell the
//! batch and nothing more.
//!
//! # Limitations
//!
//! A set of one hides nobody: neither helps where no other message comes within the delay. Whoever can fill the relay
//! with messages of their own subtracts them. Both directions of many lookups by one person, over hours, average out.

pub(crate) mod mixer;

use std::time::Duration;

use serde::Deserialize;
use sotto_wire::Mixing;

/// Milliseconds of the longest delay of one way that a relay may be given: two of them, and an exchange, have to fit
/// into the time that clients wait and that a service manager gives to a server that ends.
pub const LONGEST_MS: u32 = 5_000;

/// Why numbers make no [`Policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A time is zero, which would be no mixing.
    #[error("a time of zero mixes nothing")]
    Zero,
    /// Nearly all draws would exceed the cap, and what is left would not be what the mean says.
    #[error("the cap is shorter than the mean")]
    CapBelowMean,
    /// A delay longer than [`LONGEST_MS`].
    #[error("is longer than {LONGEST_MS} ms, and clients would give up")]
    TooLong,
}

/// A [`Mixing`] whose numbers make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Mixing")]
pub struct Policy(Mixing);

/// When a message leaves. Messages leave in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Departure {
    /// The time, from the origin that the arrival was given from.
    pub at: Duration,
    /// Who goes first of those that leave at one time: the smaller.
    pub rank: u64,
}

impl TryFrom<Mixing> for Policy {
    type Error = PolicyError;

    fn try_from(mixing: Mixing) -> Result<Self, PolicyError> {
        Self::new(mixing)
    }
}

impl Policy {
    /// Judges the numbers.
    ///
    /// # Errors
    ///
    /// [`PolicyError`].
    pub fn new(mixing: Mixing) -> Result<Self, PolicyError> {
        match mixing {
            Mixing::Off => {}
            Mixing::Exponential { mean_ms: 0, .. } | Mixing::Timed { period_ms: 0 } => {
                return Err(PolicyError::Zero);
            }
            Mixing::Exponential { mean_ms, cap_ms } if cap_ms < mean_ms => {
                return Err(PolicyError::CapBelowMean);
            }
            Mixing::Exponential { .. } | Mixing::Timed { .. } => {}
        }
        if mixing.longest_ms() > LONGEST_MS {
            return Err(PolicyError::TooLong);
        }
        Ok(Self(mixing))
    }

    /// What is published.
    #[must_use]
    pub const fn mixing(self) -> Mixing {
        self.0
    }

    /// The longest that a message is held, each way.
    #[must_use]
    pub const fn longest(self) -> Duration {
        Duration::from_millis(self.0.longest_ms() as u64)
    }

    /// When a message leaves that came at `arrival`, counted from any fixed origin; timed batches leave at multiples of
    /// the period from there. `random` is drawn anew, uniformly, for each message and each way.
    #[must_use]
    pub fn departure(self, arrival: Duration, random: [u64; 2]) -> Departure {
        let [delay, rank] = random;
        match self.0 {
            Mixing::Off => Departure {
                at: arrival,
                rank: 0,
            },
            Mixing::Exponential { mean_ms, cap_ms } => Departure {
                at: arrival + exponential(mean_ms, cap_ms, unit(delay)),
                rank,
            },
            Mixing::Timed { period_ms } => {
                let period = u128::from(period_ms) * 1_000_000;
                let rest = period - arrival.as_nanos() % period;
                Departure {
                    // At most a period, which is a number of milliseconds of 32 bits.
                    at: arrival + Duration::from_nanos(rest as u64),
                    rank,
                }
            }
        }
    }
}

/// A number in [0, 1), of the 53 bits that a double holds.
fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// The delay below which the share `unit` lies of all exponential delays that do not exceed the cap.
fn exponential(mean_ms: u32, cap_ms: u32, unit: f64) -> Duration {
    let (mean, cap) = (f64::from(mean_ms), f64::from(cap_ms));
    let fitting = -(-cap / mean).exp_m1();
    let delay_ms = -mean * (-unit * fitting).ln_1p();
    Duration::from_secs_f64(delay_ms.clamp(0.0, cap) / 1_000.0)
}

#[cfg(test)]
mod tests;
