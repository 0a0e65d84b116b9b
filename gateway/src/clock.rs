//! The time, as something that whoever starts a gateway hands in.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

/// Tells the time, in Unix seconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a gateway has of the passing of time.
#[derive(Clone)]
pub struct Time {
    /// Tells the time.
    pub clock: Clock,
    /// How often the keys are brought in step with it.
    pub tending: Duration,
}

impl Default for Time {
    /// The machine's clock, looked at every five seconds: so long may a new epoch be told late.
    fn default() -> Self {
        Self {
            clock: Arc::new(sotto_daemon::clock::now),
            tending: Duration::from_secs(5),
        }
    }
}

/// The instant at which something arrives, from which its answer's time is counted.
#[allow(
    clippy::disallowed_methods,
    reason = "this shell's one reader of the monotonic clock"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
