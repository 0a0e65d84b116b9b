//! When questions leave: instants that depend on their number and on chance, and on nothing else.

use super::dice::Dice;

/// Milliseconds after which an instant counts as missed: the machine slept, or was too busy. Missed instants are drawn
/// anew, or all of a night would leave in one burst when a laptop is opened.
pub const LATE_MILLIS: u64 = 5_000;

/// The fewest instants of a run.
const SLOTS_MIN: usize = 8;

/// How many instants a run over `questions` questions has, one more at least than there are questions.
///
/// The number of people in an address book tells it from others, today and next month; so the number of instants is one of
/// four for each doubling (8, 10, 12, 14, 16, 20, 24, ...), at most a quarter more than needed. What is to spare carries
/// cover, and questions whose first try failed. No questions need no instants.
#[must_use]
pub fn slot_count(questions: usize) -> usize {
    if questions == 0 {
        return 0;
    }
    let needed = questions.saturating_add(1).max(SLOTS_MIN);
    // The largest power of two that is not above, in quarters.
    let step = (1 << needed.ilog2()) / 4;
    needed.div_ceil(step).saturating_mul(step)
}

/// The instants of a run that are still to come.
#[derive(Debug)]
pub struct Schedule {
    /// Unix milliseconds, the next at the end.
    instants: Vec<u64>,
    /// The time for all instants and their number at first, which is the pace that later draws keep.
    within_millis: u64,
    slots: usize,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing until this time, Unix milliseconds.
    At(u64),
    /// Send one question.
    Now,
    /// Nothing any more.
    Never,
}

impl Schedule {
    /// Draws `slots` instants, each uniform over the `within_millis` that follow `now_millis`, and independent of the others.
    #[must_use]
    pub fn draw(slots: usize, within_millis: u64, now_millis: u64, dice: &mut Dice) -> Self {
        let mut schedule = Self {
            instants: Vec::new(),
            within_millis,
            slots,
        };
        schedule.spread(slots, now_millis, dice);
        schedule
    }

    /// Draws `slots` more instants after `now_millis`, at the pace of the first draw: for questions that had to wait for an
    /// answer that came after the last.
    pub fn extend(&mut self, slots: usize, now_millis: u64, dice: &mut Dice) {
        self.spread(self.instants.len().saturating_add(slots), now_millis, dice);
    }

    fn spread(&mut self, slots: usize, now_millis: u64, dice: &mut Dice) {
        let within = share(self.within_millis, slots, self.slots);
        self.instants = (0..slots)
            .map(|_| now_millis.saturating_add(dice.below(within.saturating_add(1))))
            .collect();
        self.instants.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// What is due at `now_millis`. [`Due::Now`] uses an instant up.
    ///
    /// If instants were missed by more than [`LATE_MILLIS`], or the clock was set back by more than the whole run takes,
    /// those that are left are drawn anew, at the pace of the first draw.
    pub fn due(&mut self, now_millis: u64, dice: &mut Dice) -> Due {
        let Some(&next) = self.instants.last() else {
            return Due::Never;
        };
        let is_missed = next.saturating_add(LATE_MILLIS) < now_millis;
        let is_out_of_reach = next > now_millis.saturating_add(self.within_millis);
        if is_missed || is_out_of_reach {
            self.spread(self.instants.len(), now_millis, dice);
        }
        match self.instants.last() {
            Some(&next) if next > now_millis => Due::At(next),
            Some(_) => {
                self.instants.pop();
                Due::Now
            }
            None => Due::Never,
        }
    }

    /// How many instants are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.instants.len()
    }

    /// The last instant, Unix milliseconds; `None` if none is left.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.instants.first().copied()
    }

    /// How much of a budget of `within_millis` for `slots` instants falls to `left` of them: what a run that is resumed
    /// takes, so that it is no faster than it was.
    #[must_use]
    pub fn share(within_millis: u64, left: usize, slots: usize) -> u64 {
        share(within_millis, left, slots)
    }
}

fn share(within_millis: u64, left: usize, slots: usize) -> u64 {
    let share = u128::from(within_millis) * left as u128 / slots.max(1) as u128;
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: u64 = 6 * 3_600_000;
    const START: u64 = 1_790_000_000_000;

    #[test]
    fn few_numbers_of_instants_occur() {
        assert_eq!(slot_count(0), 0);
        let counts: std::collections::BTreeSet<_> = (1..=1_000).map(slot_count).collect();
        assert_eq!(
            counts.iter().copied().take(10).collect::<Vec<_>>(),
            [8, 10, 12, 14, 16, 20, 24, 28, 32, 40]
        );
        assert!(counts.len() < 32, "{counts:?}");
        for questions in 1..=20_000 {
            let slots = slot_count(questions);
            assert!(slots > questions && slots <= (questions + 1).max(8) * 5 / 4);
        }
    }

    #[test]
    fn instants_are_uniform_over_the_budget() {
        let mut dice = Dice::new([9; 32]);
        let schedule = Schedule::draw(10_000, HOURS, START, &mut dice);
        let mut tenths = [0_u32; 10];
        for instant in &schedule.instants {
            let offset = instant.checked_sub(START).unwrap();
            assert!(offset <= HOURS);
            tenths[usize::try_from(offset * 10 / (HOURS + 1)).unwrap()] += 1;
        }
        // Chi-square with 9 degrees of freedom, one in a thousand.
        let deviation: f64 = tenths
            .iter()
            .map(|&count| (f64::from(count) - 1_000.0).powi(2) / 1_000.0)
            .sum();
        assert!(deviation < 27.9, "{tenths:?}");
    }

    /// Between independent uniform instants the gaps are exponential: a pace that is kept would show as gaps of one length.
    #[test]
    fn instants_are_independent_of_one_another() {
        let mut dice = Dice::new([10; 32]);
        let schedule = Schedule::draw(10_000, HOURS, START, &mut dice);
        let mean = f64::from(u32::try_from(HOURS / 10_000).unwrap());
        let gaps: Vec<_> = schedule
            .instants
            .windows(2)
            .map(|pair| f64::from(u32::try_from(pair[0] - pair[1]).unwrap()) / mean)
            .collect();
        let longer = |than: f64| {
            let count = gaps.iter().filter(|gap| **gap > than).count();
            f64::from(u32::try_from(count).unwrap()) / 10_000.0
        };
        for multiple in [0.5_f64, 1.0, 2.0, 3.0] {
            let expected = (-multiple).exp();
            assert!(
                (longer(multiple) - expected).abs() < 0.02,
                "{multiple}: {} in place of {expected}",
                longer(multiple)
            );
        }
    }

    #[test]
    fn instants_are_used_in_their_order_and_once() {
        let mut dice = Dice::new([1; 32]);
        let mut schedule = Schedule::draw(20, 1_000, START, &mut dice);
        assert!(schedule.end().unwrap() <= START + 1_000);
        let (mut now, mut sent) = (START, 0);
        loop {
            match schedule.due(now, &mut dice) {
                Due::At(next) => {
                    assert!(next > now);
                    now = next;
                }
                Due::Now => sent += 1,
                Due::Never => break,
            }
        }
        assert_eq!((sent, schedule.left(), schedule.end()), (20, 0, None));
    }

    #[test]
    fn a_night_of_sleep_is_no_burst() {
        let mut dice = Dice::new([2; 32]);
        let mut schedule = Schedule::draw(100, HOURS, START, &mut dice);
        let morning = START + 3 * HOURS;
        assert!(matches!(schedule.due(morning, &mut dice), Due::At(_)));
        assert_eq!(schedule.left(), 100);
        let end = schedule.end().unwrap();
        assert!(end > morning + HOURS / 2 && end <= morning + HOURS);

        // Half of them are gone: the other half takes half the time.
        schedule.instants.truncate(50);
        let noon = morning + 2 * HOURS;
        assert!(matches!(schedule.due(noon, &mut dice), Due::At(_)));
        assert!(schedule.end().unwrap() <= noon + HOURS / 2);
    }

    #[test]
    fn further_instants_keep_the_pace() {
        let mut dice = Dice::new([8; 32]);
        let mut schedule = Schedule::draw(40, HOURS, START, &mut dice);
        schedule.instants.clear();
        schedule.extend(10, START, &mut dice);
        assert_eq!(schedule.left(), 10);
        assert!(schedule.end().unwrap() <= START + HOURS / 4);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_the_run() {
        let mut dice = Dice::new([5; 32]);
        let mut schedule = Schedule::draw(10, HOURS, START, &mut dice);
        let before = START - 100 * HOURS;
        assert!(matches!(schedule.due(before, &mut dice), Due::At(next) if next <= before + HOURS));
    }
}
