//! The messages that a relay holds, as who sees both its networks can follow them.

use std::time::Duration;

use sotto_relay::mixing::Policy;
use sotto_wire::Mixing;

use crate::simulate::Micros;

/// Messages of one way through one relay.
pub(super) struct Pool {
    /// When each message came.
    came: Vec<Micros>,
    /// When each message left.
    left: Vec<Micros>,
    /// The messages in the order in which they came, and in which they left.
    arrivals: Vec<usize>,
    departures: Vec<usize>,
    /// The place of each message in `departures`.
    departed: Vec<usize>,
    /// The chance of each departure to be any one message's: one in as many as were held.
    each: Vec<f64>,
    /// The logarithm of the chance that a message is still held before each departure, since the last that emptied the relay.
    staying: Vec<f64>,
    /// How often the relay had been emptied before each departure.
    emptied: Vec<usize>,
    longest: Micros,
    /// For batches, the end of the period that each message came in.
    batches: Option<Vec<Micros>>,
}

impl Pool {
    /// Follows messages by when each came and left.
    pub(super) fn new(messages: Vec<(Micros, Micros)>, mixing: Mixing) -> Self {
        let (came, left): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let order = |times: &[Micros]| {
            let mut order: Vec<usize> = (0..times.len()).collect();
            order.sort_by_key(|message| times[*message]);
            order
        };
        let (arrivals, departures) = (order(&came), order(&left));
        let mut departed = vec![0; left.len()];
        for (place, message) in departures.iter().enumerate() {
            departed[*message] = place;
        }
        let (mut each, mut staying, mut emptied) = (Vec::new(), Vec::new(), Vec::new());
        let (mut logarithm, mut empty, mut arrived) = (0.0_f64, 0, 0);
        for (place, message) in departures.iter().enumerate() {
            while arrived < arrivals.len() && came[arrivals[arrived]] <= left[*message] {
                arrived += 1;
            }
            let held = (arrived - place).max(1);
            each.push(1.0 / held as f64);
            staying.push(logarithm);
            emptied.push(empty);
            if held == 1 {
                empty += 1;
                logarithm = 0.0;
            } else {
                logarithm += (1.0 - 1.0 / held as f64).ln();
            }
        }
        let batches = match (mixing, Policy::new(mixing)) {
            (Mixing::Timed { .. }, Ok(policy)) => {
                let end = |at: &Micros| {
                    let departure = policy.departure(Duration::from_micros(*at), [0, 0]);
                    departure.at.as_micros() as Micros
                };
                Some(came.iter().map(end).collect())
            }
            _ => None,
        };
        Self {
            longest: Micros::from(mixing.longest_ms()) * 1_000,
            came,
            left,
            arrivals,
            departures,
            departed,
            each,
            staying,
            emptied,
            batches,
        }
    }

    /// The messages that may be the one that left as `message` did, by when they came.
    pub(super) fn arrivals_for(&self, message: usize) -> impl Iterator<Item = usize> + '_ {
        let left = self.left[message];
        let first = left.saturating_sub(self.longest);
        let from = self
            .arrivals
            .partition_point(|other| self.came[*other] < first);
        let to = self
            .arrivals
            .partition_point(|other| self.came[*other] <= left);
        self.arrivals[from..to].iter().copied()
    }

    /// The messages that left between two times.
    pub(super) fn departures_between(
        &self,
        from: Micros,
        to: Micros,
    ) -> impl Iterator<Item = usize> + '_ {
        let from = self
            .departures
            .partition_point(|other| self.left[*other] < from);
        let to = self
            .departures
            .partition_point(|other| self.left[*other] <= to);
        self.departures[from..to.max(from)].iter().copied()
    }

    /// The chance that what came as `arrival` left as `departure` did.
    pub(super) fn chance(&self, arrival: usize, departure: usize) -> f64 {
        let (came, left) = (self.came[arrival], self.left[departure]);
        if came > left || left - came > self.longest {
            return 0.0;
        }
        if let Some(batches) = &self.batches {
            return f64::from(u8::from(batches[arrival] == left));
        }
        let place = self.departed[departure];
        // The first departure that could have been this message's.
        let first = self
            .departures
            .partition_point(|other| self.left[*other] < came);
        if first > place || self.emptied[first] != self.emptied[place] {
            return 0.0;
        }
        (self.staying[place] - self.staying[first]).exp() * self.each[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPONENTIAL: Mixing = Mixing::Exponential {
        mean_ms: 10,
        cap_ms: 100,
    };

    #[test]
    fn each_of_two_that_are_held_is_as_likely_to_leave_and_the_other_leaves_last() {
        // 0 and 1 come, one leaves, 2 comes, two leave.
        let pool = Pool::new(vec![(0, 100), (10, 300), (200, 400)], EXPONENTIAL);
        let chances = |departure| [0, 1, 2].map(|arrival| pool.chance(arrival, departure));
        assert_eq!(chances(0), [0.5, 0.5, 0.0]);
        assert_eq!(chances(1), [0.25, 0.25, 0.5]);
        assert_eq!(chances(2), [0.25, 0.25, 0.5]);
        assert_eq!(pool.arrivals_for(0).count(), 2);
        assert_eq!(pool.departures_between(150, 400).count(), 2);
    }

    #[test]
    fn a_relay_that_was_empty_hides_nothing_and_a_batch_all_alike() {
        let pool = Pool::new(vec![(0, 100), (200, 300)], EXPONENTIAL);
        assert_eq!((pool.chance(0, 1), pool.chance(1, 1)), (0.0, 1.0));
        let timed = Mixing::Timed { period_ms: 1 };
        let pool = Pool::new(vec![(100, 1_000), (900, 1_000), (1_001, 2_000)], timed);
        assert_eq!(
            [0, 1, 2].map(|arrival| pool.chance(arrival, 0)),
            [1.0, 1.0, 0.0]
        );
        let off = Pool::new(vec![(5, 5), (6, 6)], Mixing::Off);
        assert_eq!((off.chance(0, 0), off.chance(0, 1)), (1.0, 0.0));
    }

    #[test]
    fn what_is_older_than_the_cap_has_left() {
        let pool = Pool::new(vec![(0, 99_000), (1, 200_000)], EXPONENTIAL);
        assert_eq!(pool.chance(0, 1), 0.0);
    }
}
