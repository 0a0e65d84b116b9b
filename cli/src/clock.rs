//! The command's clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// The one reader of the clock here, Unix seconds.
#[allow(clippy::disallowed_methods, reason = "the shell's one clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
