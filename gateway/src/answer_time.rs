//! When an answer leaves: at multiples of a step after its request arrived, so that the time it took does not tell the
//! relay whether it was at hand, or whether the name exists.

use std::time::Duration;

/// The longest step, so that a drain outlasts two of them.
pub const MAX_STEP: Duration = Duration::from_millis(5_000);

/// How long after its arrival a request is answered, if the answer is ready after `elapsed`; and whether that is later
/// than at the first step, which tells the relay that it took long. A step of zero answers at once.
#[must_use]
pub fn leaves_after(elapsed: Duration, step: Duration) -> (Duration, bool) {
    if step.is_zero() {
        return (elapsed, false);
    }
    let steps = elapsed.as_nanos().div_ceil(step.as_nanos()).max(1);
    let at = step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
    (at, steps > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_leave_at_multiples_of_the_step() {
        let ms = Duration::from_millis;
        for (elapsed, leaves, late) in [
            (ms(0), ms(250), false),
            (Duration::from_nanos(1), ms(250), false),
            (ms(249), ms(250), false),
            (ms(250), ms(250), false),
            (Duration::from_nanos(250_000_001), ms(500), true),
            (ms(4_000), ms(4_000), true),
            (ms(4_001), ms(4_250), true),
        ] {
            assert_eq!(
                leaves_after(elapsed, ms(250)),
                (leaves, late),
                "{elapsed:?}"
            );
        }
    }

    #[test]
    fn no_step_is_no_delay() {
        let elapsed = Duration::from_micros(77);
        assert_eq!(leaves_after(elapsed, Duration::ZERO), (elapsed, false));
    }
}
