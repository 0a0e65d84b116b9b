//! Which of several resolvers is asked first: the one that is listed first, unless it has just failed.

use std::time::Duration;

/// How long a resolver is passed over after its first failure; twice as long after each further one.
const FIRST_REST: Duration = Duration::from_secs(1);

/// The longest that a resolver is passed over before it is tried again.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// What is known of each resolver. All times count from one instant of the caller's choice.
#[derive(Clone, Debug)]
pub(crate) struct Health(Vec<Standing>);

#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    failures: u32,
    rests_until: Duration,
}

impl Health {
    /// `count` resolvers of which nothing bad is known.
    pub(crate) fn new(count: usize) -> Self {
        Self(vec![Standing::default(); count])
    }

    /// The resolvers in the order in which to ask them: those that may be asked as they are listed, then those that rest,
    /// soonest first.
    pub(crate) fn order(&self, now: Duration) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|&index| {
            let until = self.0[index].rests_until;
            if now < until { until } else { Duration::ZERO }
        });
        order
    }

    /// Notes that a resolver gave a response; true if it had failed before.
    pub(crate) fn succeeded(&mut self, index: usize) -> bool {
        std::mem::take(&mut self.0[index]).failures > 0
    }

    /// Notes that a resolver gave none; true if it had given one before.
    pub(crate) fn failed(&mut self, index: usize, now: Duration) -> bool {
        let standing = &mut self.0[index];
        if now < standing.rests_until {
            // Questions that were under way together fail together.
            return false;
        }
        let rest = FIRST_REST.saturating_mul(2_u32.saturating_pow(standing.failures));
        standing.rests_until = now + rest.min(LONGEST_REST);
        standing.failures = standing.failures.saturating_add(1);
        standing.failures == 1
    }

    /// Whether a resolver gave a response when it was last asked, or has not been asked yet.
    pub(crate) fn is_up(&self, index: usize) -> bool {
        self.0[index].failures == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_listed_is_asked_first_until_it_fails() {
        let mut health = Health::new(3);
        assert_eq!(health.order(at(0)), [0, 1, 2]);
        assert!(health.failed(0, at(10)));
        assert_eq!(health.order(at(10)), [1, 2, 0]);
        assert_eq!(
            health.order(at(11)),
            [0, 1, 2],
            "tried again after a second"
        );
        assert!(!health.failed(0, at(11)), "it was down already");
        assert_eq!(health.order(at(12)), [1, 2, 0], "now for two seconds");
        assert_eq!(health.order(at(13)), [0, 1, 2]);
        assert!(health.succeeded(0));
        assert!(health.is_up(0) && !health.succeeded(0));
    }

    #[test]
    fn when_all_rest_the_one_that_rests_shortest_is_asked() {
        let mut health = Health::new(2);
        health.failed(0, at(0));
        health.failed(0, at(1));
        health.failed(1, at(1));
        assert_eq!(health.order(at(1)), [1, 0]);
    }

    #[test]
    fn failures_together_count_once_and_no_rest_is_longer_than_a_minute() {
        let mut health = Health::new(1);
        for _ in 0..100 {
            health.failed(0, at(5));
        }
        assert!(health.0[0].rests_until == at(6));
        let mut now = at(6);
        for _ in 0..100 {
            health.failed(0, now);
            assert!(health.0[0].rests_until - now <= LONGEST_REST);
            now = health.0[0].rests_until;
        }
    }
}
