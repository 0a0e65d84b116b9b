//! The one place where a server reads the clock.
//!
//! Everything else takes time as an argument, so that tests own it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads the time of day, in whole seconds since the Unix epoch; 0 before it.
#[must_use]
pub fn now() -> u64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "the servers' single reader of the time of day"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Measures how long something takes, whatever happens to the time of day meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    pub fn start() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "the servers' single reader of the monotonic clock"
        )]
        let started = Instant::now();
        Self(started)
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
