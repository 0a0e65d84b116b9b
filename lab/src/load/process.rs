//! What a process costs, as the kernel accounts for it, and which cores it may use.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// CPU time that all its threads have used, in user and kernel mode, exact to a tick of some 10 ms.
    pub(crate) fn cpu_time(self) -> Result<Duration> {
        let text = self.read("stat")?;
        // The second field is the program's name, which may hold blanks and parentheses.
        let ticks: u64 = text
            .rsplit_once(')')
            .map(|(_, fields)| fields.split_ascii_whitespace().skip(11).take(2))
            .and_then(|fields| fields.map(|ticks| ticks.parse::<u64>().ok()).sum())
            .context("/proc/PID/stat has another form than proc(5) says")?;
        let nanoseconds = ticks * (1_000_000_000 / clock_ticks_per_second().max(1));
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Octets of memory that it has.
    pub(crate) fn resident(self) -> Result<u64> {
        let text = self.read("status")?;
        text.lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
            .and_then(|kibibytes| kibibytes.trim().parse::<u64>().ok())
            .map(|kibibytes| kibibytes * 1_024)
            .context("/proc/PID/status has another form than proc(5) says")
    }

    fn read(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).with_context(|| {
            format!("cannot read {path}; is --server-pid a process of this machine?")
        })
    }
}

/// The cores that this process may use.
pub(crate) fn cores() -> Result<Vec<usize>> {
    let set = sched_getaffinity(None).context("the system does not tell our cores")?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|core| set.is_set(*core))
        .collect())
}

/// Keeps the calling thread, and what it starts, on `cores`.
pub(crate) fn pin_thread(cores: &[usize]) -> Result<()> {
    sched_setaffinity(None, &set_of(cores)).context("the system does not let us choose our cores")
}

/// Keeps every thread of this process on `cores`.
pub(crate) fn pin_all(cores: &[usize]) -> Result<()> {
    let set = set_of(cores);
    for thread in fs::read_dir("/proc/self/task").context("no /proc")? {
        let thread = thread?.file_name();
        let Some(thread) = thread
            .to_str()
            .and_then(|id| Pid::from_raw(id.parse().ok()?))
        else {
            continue;
        };
        // A thread that has ended meanwhile needs no core.
        let _ = sched_setaffinity(Some(thread), &set);
    }
    Ok(())
}

fn set_of(cores: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let this = Process(std::process::id());
        let before = this.cpu_time().unwrap();
        assert!(this.cpu_time().unwrap() >= before);
        assert!(this.resident().unwrap() > 1 << 20);
        assert!(!cores().unwrap().is_empty());
    }

    #[test]
    fn a_process_that_is_none_is_named() {
        let error = Process(u32::MAX).cpu_time().unwrap_err();
        assert!(format!("{error:#}").contains("--server-pid"), "{error:#}");
    }
}
