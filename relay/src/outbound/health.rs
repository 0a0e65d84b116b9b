//! Which instance of a gateway gets a request: one that is believed to be well, the one with the least to do.
//!
//! Pure: it is told what happened and when, and opens, sends and reads nothing. Two sorts of news come in, what became
//! of requests and what became of the probes that the relay makes on its own schedule. That schedule depends on neither, so no client
//! can bring a probe about.

use std::time::Duration;

/// So many requests in a row without a good answer make an instance that can be reached one that is not well.
const TROUBLES_MAX: u32 = 3;

/// For how long it then gets no requests, however well the probes fare; twice as long each further time.
const OUTAGE_MIN: Duration = Duration::from_secs(10);
/// The longest of these times.
const OUTAGE_MAX: Duration = Duration::from_secs(300);

/// The instances of one gateway, in the order of the configuration.
pub(crate) struct Health {
    instances: Vec<Instance>,
    /// Where the search begins: those with equally little to do take turns.
    turn: usize,
}

#[derive(Clone, Default)]
struct Instance {
    state: State,
    in_flight: usize,
    /// Requests in a row without a good answer.
    troubles: u32,
    /// Outages since the last good answer to a request.
    outages: u32,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Up,
    /// Not well since `since`; a probe that goes well ends that from `until` on.
    Down { since: Duration, until: Duration },
}

/// What became of a request or of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// A good answer came.
    Good,
    /// Nobody is there: no connection came about.
    Unreachable,
    /// Somebody is there, and no good answer came: a timeout, a reset, a server error.
    Trouble,
}

/// How the opinion of an instance changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Up,
    Down,
}

impl Health {
    /// `instances` that are all believed to be well.
    pub(crate) fn new(instances: usize) -> Self {
        Self {
            instances: vec![Instance::default(); instances],
            turn: 0,
        }
    }

    /// The instance for a request that none of `tried` has taken; it is counted there until [`Self::release`].
    ///
    /// Where none is well, the one that fell ill first is tried: it had the longest time to get better.
    pub(crate) fn choose(&mut self, tried: &[usize]) -> Option<usize> {
        let count = self.instances.len();
        let turn = self.turn;
        let chosen = (0..count)
            .map(|step| (turn + step) % count)
            .filter(|index| !tried.contains(index))
            .min_by_key(|index| {
                let instance = &self.instances[*index];
                match instance.state {
                    State::Up => (Duration::ZERO, instance.in_flight),
                    // Later than the beginning of time, which is that of those that are well.
                    State::Down { since, .. } => (since + Duration::from_nanos(1), 0),
                }
            })?;
        self.instances[chosen].in_flight += 1;
        self.turn = (chosen + 1) % count;
        Some(chosen)
    }

    /// The request has left the instance.
    pub(crate) fn release(&mut self, index: usize) {
        self.instances[index].in_flight -= 1;
    }

    /// What became of a request.
    pub(crate) fn answered(
        &mut self,
        index: usize,
        report: Report,
        now: Duration,
    ) -> Option<Change> {
        match report {
            Report::Good => {
                self.instances[index].outages = 0;
                self.well(index)
            }
            Report::Unreachable => self.ill(index, now, now),
            Report::Trouble => self.trouble(index, now),
        }
    }

    /// What became of a probe.
    pub(crate) fn probed(&mut self, index: usize, report: Report, now: Duration) -> Option<Change> {
        match (report, self.instances[index].state) {
            (Report::Good, State::Down { until, .. }) if now >= until => self.well(index),
            (Report::Good, _) => None,
            (Report::Unreachable, _) => self.ill(index, now, now),
            (Report::Trouble, _) => self.trouble(index, now),
        }
    }

    /// Whether it is believed to be well.
    pub(crate) fn is_up(&self, index: usize) -> bool {
        matches!(self.instances[index].state, State::Up)
    }

    fn well(&mut self, index: usize) -> Option<Change> {
        let instance = &mut self.instances[index];
        instance.troubles = 0;
        match instance.state {
            State::Up => None,
            State::Down { .. } => {
                instance.state = State::Up;
                Some(Change::Up)
            }
        }
    }

    /// An instance that can be reached is given up only where another is well: who sends what it cannot answer must not
    /// be able to take a whole gateway away from everybody.
    fn trouble(&mut self, index: usize, now: Duration) -> Option<Change> {
        let others = (0..self.instances.len()).filter(|other| *other != index);
        let has_other = others.into_iter().any(|other| self.is_up(other));
        let instance = &mut self.instances[index];
        instance.troubles = instance.troubles.saturating_add(1);
        if instance.troubles < TROUBLES_MAX || !has_other {
            return None;
        }
        let outage = OUTAGE_MIN
            .saturating_mul(2u32.saturating_pow(instance.outages))
            .min(OUTAGE_MAX);
        self.ill(index, now, now + outage)
    }

    fn ill(&mut self, index: usize, now: Duration, until: Duration) -> Option<Change> {
        let instance = &mut self.instances[index];
        match instance.state {
            State::Up => {
                instance.state = State::Down { since: now, until };
                instance.outages = instance.outages.saturating_add(1);
                Some(Change::Down)
            }
            State::Down { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Sends `count` requests one after the other and tells which instance each got.
    fn served(health: &mut Health, count: usize) -> Vec<usize> {
        (0..count)
            .map(|_| {
                let index = health.choose(&[]).expect("there are instances");
                health.release(index);
                index
            })
            .collect()
    }

    #[test]
    fn instances_with_equally_little_to_do_take_turns() {
        let mut health = Health::new(3);
        assert_eq!(served(&mut health, 5), [0, 1, 2, 0, 1]);
        assert_eq!(health.choose(&[]), Some(2));
        assert_eq!(health.choose(&[]), Some(0));
        assert_eq!(health.choose(&[]), Some(1));
        health.release(0);
        assert_eq!(health.choose(&[]), Some(0), "it has the least to do");
    }

    #[test]
    fn a_request_goes_to_each_instance_once() {
        let mut health = Health::new(2);
        assert_eq!(health.choose(&[0]), Some(1));
        assert_eq!(health.choose(&[1]), Some(0));
        assert_eq!(health.choose(&[0, 1]), None);
    }

    #[test]
    fn who_cannot_be_reached_gets_nothing_until_a_probe_finds_it() {
        let mut health = Health::new(2);
        assert_eq!(
            health.answered(0, Report::Unreachable, at(1)),
            Some(Change::Down)
        );
        assert_eq!(health.answered(0, Report::Unreachable, at(1)), None);
        assert_eq!(served(&mut health, 3), [1, 1, 1]);
        assert_eq!(health.probed(0, Report::Unreachable, at(2)), None);
        assert_eq!(health.probed(0, Report::Good, at(3)), Some(Change::Up));
        assert_eq!(served(&mut health, 2), [0, 1]);
    }

    #[test]
    fn trouble_counts_only_in_a_row_and_not_on_the_last_that_is_well() {
        let mut health = Health::new(2);
        for _ in 0..5 {
            assert_eq!(health.answered(0, Report::Trouble, at(1)), None);
            assert_eq!(health.answered(0, Report::Trouble, at(1)), None);
            assert_eq!(health.answered(0, Report::Good, at(1)), None);
        }
        for _ in 0..2 {
            assert_eq!(health.answered(0, Report::Trouble, at(2)), None);
        }
        assert_eq!(
            health.answered(0, Report::Trouble, at(2)),
            Some(Change::Down)
        );
        for _ in 0..10 {
            assert_eq!(health.answered(1, Report::Trouble, at(3)), None);
        }
        assert!(health.is_up(1) && !health.is_up(0));
    }

    #[test]
    fn an_instance_that_answers_probes_and_no_requests_is_away_longer_each_time() {
        let mut health = Health::new(2);
        let mut now = at(100);
        for outage in [10, 20, 40, 80, 160, 300, 300] {
            for _ in 0..TROUBLES_MAX {
                health.answered(0, Report::Trouble, now);
            }
            assert!(!health.is_up(0));
            assert_eq!(health.probed(0, Report::Good, now + at(outage - 1)), None);
            now += at(outage);
            assert_eq!(health.probed(0, Report::Good, now), Some(Change::Up));
        }
        health.answered(0, Report::Good, now);
        for _ in 0..TROUBLES_MAX {
            health.answered(0, Report::Trouble, now);
        }
        assert_eq!(
            health.probed(0, Report::Good, now + at(10)),
            Some(Change::Up)
        );
    }

    #[test]
    fn where_none_is_well_the_one_that_fell_ill_first_is_tried() {
        let mut health = Health::new(3);
        for (index, seconds) in [(1, 10), (0, 20), (2, 30)] {
            health.answered(index, Report::Unreachable, at(seconds));
        }
        assert_eq!(served(&mut health, 2), [1, 1]);
        assert_eq!(health.choose(&[1]), Some(0));
        assert_eq!(health.choose(&[1, 0]), Some(2));
        assert_eq!(
            health.answered(2, Report::Good, at(31)),
            Some(Change::Up),
            "whoever answers is well"
        );
        health.release(0);
        health.release(2);
        assert_eq!(served(&mut health, 2), [2, 2]);
    }

    #[test]
    fn probes_that_go_badly_count_like_requests() {
        let mut health = Health::new(2);
        assert_eq!(health.probed(0, Report::Trouble, at(1)), None);
        assert_eq!(health.probed(0, Report::Trouble, at(6)), None);
        assert_eq!(
            health.probed(0, Report::Trouble, at(11)),
            Some(Change::Down)
        );
        assert_eq!(
            health.probed(1, Report::Unreachable, at(12)),
            Some(Change::Down),
            "even the last, since it cannot be reached"
        );
    }
}
