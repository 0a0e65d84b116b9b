use proptest::prelude::*;

use super::*;

fn exponential_of(mean_ms: u32, cap_ms: u32) -> Policy {
    Policy::new(Mixing::Exponential { mean_ms, cap_ms }).unwrap()
}

fn timed(period_ms: u32) -> Policy {
    Policy::new(Mixing::Timed { period_ms }).unwrap()
}

/// Evenly spread draws, in place of random ones: what is asserted of them holds exactly.
fn spread(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |index| (u64::MAX / count) * index + u64::MAX / count / 2)
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let of = |mixing| Policy::new(mixing).map(Policy::mixing);
    let exponential = |mean_ms, cap_ms| of(Mixing::Exponential { mean_ms, cap_ms });
    assert_eq!(of(Mixing::Off), Ok(Mixing::Off));
    assert_eq!(exponential(0, 10), Err(PolicyError::Zero));
    assert_eq!(exponential(11, 10), Err(PolicyError::CapBelowMean));
    assert!(exponential(10, 10).is_ok());
    assert!(exponential(10, LONGEST_MS).is_ok());
    assert_eq!(exponential(10, LONGEST_MS + 1), Err(PolicyError::TooLong));
    assert_eq!(of(Mixing::Timed { period_ms: 0 }), Err(PolicyError::Zero));
    assert_eq!(
        of(Mixing::Timed {
            period_ms: LONGEST_MS + 1
        }),
        Err(PolicyError::TooLong)
    );
}

#[test]
fn off_holds_nothing_and_keeps_the_order() {
    let policy = Policy::new(Mixing::Off).unwrap();
    let arrival = Duration::from_millis(7);
    let departure = policy.departure(arrival, [u64::MAX, u64::MAX]);
    assert_eq!((departure.at, departure.rank), (arrival, 0));
}

#[test]
fn exponential_delays_have_the_distribution_of_what_fits_below_the_cap() {
    let policy = exponential_of(50, 250);
    let count = 10_000;
    let delays: Vec<f64> = spread(count)
        .map(|random| {
            policy
                .departure(Duration::ZERO, [random, 0])
                .at
                .as_secs_f64()
        })
        .collect();
    let share =
        |below: f64| delays.iter().filter(|delay| **delay < below).count() as f64 / count as f64;
    let fitting = 1.0 - (-5.0_f64).exp();
    for (ms, unbounded) in [(50.0, 1.0_f64), (100.0, 2.0), (200.0, 4.0)] {
        let expected = (1.0 - (-unbounded).exp()) / fitting;
        assert!((share(ms / 1_000.0) - expected).abs() < 2e-4, "{ms}");
    }
    // Delays cut to the cap would be one in 148 of them, all equal; drawn again, none stands out.
    let mut sorted = delays.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    assert_eq!(sorted.len(), delays.len());
    assert!(share(0.249) < 1.0);
}

#[test]
fn every_possible_assignment_of_departures_is_as_likely_as_any_other() {
    // The density of a delay, from the policy itself; whoever weighs assignments multiplies these.
    let policy = exponential_of(50, 250);
    let density = |delay_ms: f64| {
        let inverse = |unit: f64| {
            let random = (unit * (1_u64 << 53) as f64) as u64;
            policy
                .departure(Duration::ZERO, [random << 11, 0])
                .at
                .as_secs_f64()
                * 1_000.0
        };
        let (mut low, mut high) = (0.0, 1.0 - 1e-12);
        for _ in 0..50 {
            let middle = (low + high) / 2.0;
            if inverse(middle) < delay_ms {
                low = middle;
            } else {
                high = middle;
            }
        }
        1e-4 / (inverse(low + 1e-4) - inverse(low))
    };
    // Arrivals at 0 and 10 ms, departures at 60 and 90.
    let (straight, crossed) = (density(60.0) * density(80.0), density(90.0) * density(50.0));
    assert!(
        (straight / crossed - 1.0).abs() < 0.01,
        "{straight} {crossed}"
    );
}

#[test]
fn a_batch_leaves_together_and_the_next_one_later() {
    let policy = timed(1_000);
    let at = |arrival_ms| {
        let arrival = Duration::from_millis(arrival_ms);
        policy.departure(arrival, [0, arrival_ms]).at.as_millis()
    };
    assert_eq!([at(0), at(1), at(999)], [1_000; 3]);
    assert_eq!([at(1_000), at(1_999)], [2_000; 2]);
    // Who goes first is drawn, whoever came first.
    let early = policy.departure(Duration::ZERO, [0, 9]);
    let late = policy.departure(Duration::from_millis(500), [0, 3]);
    assert!(late < early);
}

proptest! {
    #[test]
    fn nothing_leaves_before_it_came_or_after_the_cap(
        mean_ms in 1..=LONGEST_MS,
        cap_ms in 1..=LONGEST_MS,
        arrival in 0..u64::MAX / 2,
        random in any::<[u64; 2]>(),
    ) {
        let arrival = Duration::from_nanos(arrival);
        let policies = [
            Policy::new(Mixing::Exponential { mean_ms, cap_ms: cap_ms.max(mean_ms) }),
            Policy::new(Mixing::Timed { period_ms: cap_ms }),
            Policy::new(Mixing::Off),
        ];
        for policy in policies {
            let policy = policy.unwrap();
            let at = policy.departure(arrival, random).at;
            prop_assert!(at >= arrival && at - arrival <= policy.longest());
        }
    }
}
