//! How far a long job has come: on standard error, and only if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over a file that is read from end to end.
pub(crate) fn octets(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    // Standard error that is no terminal gets nothing.
    match ProgressStyle::with_template("{wide_bar} {percent}% {bytes}/{total_bytes}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A bar over people.
pub(crate) fn people(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    match ProgressStyle::with_template("{wide_bar} {percent}% {pos}/{len} people, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A bar over questions that leave at their times; the message says how far the answers are.
pub(crate) fn questions(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    match ProgressStyle::with_template("{wide_bar} {pos}/{len} sent; {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
