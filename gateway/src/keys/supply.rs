//! How long the epochs that the DNS carries will last, as an operator is told: by the log, the metric and `keys check`.

/// Epochs from today's on, left in the DNS, at which an operator should publish: the days of a long weekend, and one.
pub const EPOCHS_TO_WARN_AT: u64 = 5;

/// Epochs left in the DNS at which somebody has to be woken: today's and the next, so that clients go on for a day.
pub const EPOCHS_TO_ALARM_AT: u64 = 2;

/// How long the epochs that the DNS carries will last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supply {
    /// More than [`EPOCHS_TO_WARN_AT`].
    Good,
    /// At most so many.
    Low,
    /// At most [`EPOCHS_TO_ALARM_AT`].
    Ending,
}

impl Supply {
    /// Judges how many epochs the DNS carries from today's on, without a gap.
    #[must_use]
    pub const fn of(epochs: u64) -> Self {
        if epochs <= EPOCHS_TO_ALARM_AT {
            Self::Ending
        } else if epochs <= EPOCHS_TO_WARN_AT {
            Self::Low
        } else {
            Self::Good
        }
    }

    /// The word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Low => "warn",
            Self::Ending => "alarm",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_warn_and_two_alarm() {
        let judged: Vec<_> = (0..8).map(|epochs| Supply::of(epochs).as_str()).collect();
        assert_eq!(
            judged,
            [
                "alarm", "alarm", "alarm", "warn", "warn", "warn", "ok", "ok"
            ]
        );
    }
}
