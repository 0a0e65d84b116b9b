//! What came of the requests of one run.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;

/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// The longest latency that is told apart, in microseconds: two minutes.
const LONGEST_US: u64 = 120_000_000;

/// What came of one request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An encapsulated response.
    Answered {
        /// Its octets.
        octets: usize,
    },
    /// An HTTP response that is none: its status and what it says of the reason.
    Refused { status: u16, reason: String },
    /// No whole response.
    Failed(Failure),
}

/// Why there was no whole response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// It was not even sent in the time that its sender would have waited.
    NotSent,
    /// The answer took longer than that.
    Late,
    /// The server takes no connection.
    Connect,
    /// The connection ended, or the stream was reset.
    Lost,
    /// The answer has more octets than any.
    TooLarge,
    /// The sealed request could not be read back.
    Stock,
}

impl Failure {
    /// The name in reports.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Late => "late",
            Self::Connect => "connect",
            Self::Lost => "lost",
            Self::TooLarge => "too_large",
            Self::Stock => "stock",
        }
    }
}

/// The sum of many outcomes.
#[derive(Debug)]
pub(crate) struct Tally {
    /// From the intended time to the last octet of the answer, in microseconds; of answers alone.
    pub(crate) latency: Histogram<u64>,
    /// From the intended time to the refusal, in microseconds.
    pub(crate) refusal: Histogram<u64>,
    /// Answers by their octets.
    pub(crate) answers: BTreeMap<usize, u64>,
    /// Refusals by status and reason.
    pub(crate) refused: BTreeMap<(u16, String), u64>,
    /// Failures by cause.
    pub(crate) failed: BTreeMap<Failure, u64>,
    /// Answers to be opened, by the index of their request.
    pub(crate) kept: Vec<(u64, Bytes)>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let histogram = || {
            Histogram::new_with_bounds(1, LONGEST_US, DIGITS)
                .unwrap_or_else(|_| unreachable!("the bounds are constants that go together"))
        };
        Self {
            latency: histogram(),
            refusal: histogram(),
            answers: BTreeMap::new(),
            refused: BTreeMap::new(),
            failed: BTreeMap::new(),
            kept: Vec::new(),
        }
    }

    /// Adds one outcome, so long after the intended time.
    pub(crate) fn add(&mut self, outcome: Outcome, after: Duration) {
        let microseconds = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Outcome::Answered { octets } => {
                self.latency.saturating_record(microseconds);
                *self.answers.entry(octets).or_default() += 1;
            }
            Outcome::Refused { status, reason } => {
                self.refusal.saturating_record(microseconds);
                *self.refused.entry((status, reason)).or_default() += 1;
            }
            Outcome::Failed(failure) => *self.failed.entry(failure).or_default() += 1,
        }
    }

    /// Adds what another thread counted.
    pub(crate) fn merge(&mut self, other: Self) {
        // Histograms of equal bounds can always be added.
        let _ = self.latency.add(&other.latency);
        let _ = self.refusal.add(&other.refusal);
        for (octets, count) in other.answers {
            *self.answers.entry(octets).or_default() += count;
        }
        for (refused, count) in other.refused {
            *self.refused.entry(refused).or_default() += count;
        }
        for (failure, count) in other.failed {
            *self.failed.entry(failure).or_default() += count;
        }
        self.kept.extend(other.kept);
    }

    /// Requests that were answered.
    pub(crate) fn answered(&self) -> u64 {
        self.answers.values().sum()
    }

    /// Requests that were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Requests without a whole response.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_threads_counted_is_one_sum() {
        let mut tallies = [Tally::new(), Tally::new()];
        for (index, tally) in tallies.iter_mut().enumerate() {
            for millisecond in 1..=100 {
                let after = Duration::from_millis(millisecond * (index as u64 + 1));
                tally.add(Outcome::Answered { octets: 8_192 }, after);
            }
            let reason = "busy".to_owned();
            tally.add(
                Outcome::Refused {
                    status: 503,
                    reason,
                },
                Duration::from_millis(1),
            );
            tally.add(Outcome::Failed(Failure::Late), Duration::from_secs(5));
        }
        let [mut sum, other] = tallies;
        sum.merge(other);
        assert_eq!((sum.answered(), sum.refused(), sum.failed()), (200, 2, 2));
        let median = sum.latency.value_at_quantile(0.5);
        assert!((66_000..=68_000).contains(&median), "{median}");
        assert_eq!(sum.refused.len(), 1);
    }

    #[test]
    fn a_latency_beyond_all_bounds_counts_as_the_longest() {
        let mut tally = Tally::new();
        tally.add(Outcome::Answered { octets: 1 }, Duration::MAX);
        assert_eq!(tally.latency.len(), 1);
        assert!(tally.latency.max() >= LONGEST_US);
    }
}
