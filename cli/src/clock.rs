//! The command's clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix seconds.
pub(crate) fn now() -> u64 {
    millis() / 1_000
}

/// The one reader of the clock here, Unix milliseconds.
#[allow(clippy::disallowed_methods, reason = "the shell's one clock")]
pub(crate) fn millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
        })
}
