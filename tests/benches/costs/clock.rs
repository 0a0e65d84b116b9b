//! CPU time of the calling thread.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Batches of which the median is taken, so that an interruption does not count.
const BATCHES: usize = 31;

/// CPU time that this thread has used.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// The median over batches of the CPU time of one call, in microseconds.
///
/// Two operations that are compared should be measured one right after the other.
pub(crate) fn median_us(calls: u32, mut operation: impl FnMut()) -> f64 {
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = thread_time();
            for _ in 0..calls {
                operation();
            }
            (thread_time() - start).as_secs_f64() * 1e6 / f64::from(calls)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}
