//! Requests sealed ahead of time, each one unique: a gateway refuses a second copy, and sealing must not be measured with sending.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use indicatif::ProgressBar;
use sotto_daemon::clock::Stopwatch;
use sotto_envelope::{ForeignOpener, KeyConfig};

use super::process::pin_thread;
use super::question::Question;

/// Octets above which requests go to a file: what a small machine can spare beside a gateway.
const MEMORY_OCTETS: usize = 640 << 20;

/// Requests sealed at once before they are put in order.
const BATCH: u64 = 8_192;

/// Requests in the order in which they are to be sent.
pub(crate) struct Stock {
    place: Place,
    /// Where each request begins, and at last where the last one ends.
    offsets: Vec<u64>,
    /// What opens the answers of the sample, by index.
    openers: HashMap<u64, ForeignOpener>,
    /// How long sealing took.
    pub(crate) sealed_in: Duration,
}

enum Place {
    Memory(Bytes),
    File(File),
}

impl Stock {
    /// Seals the requests of the indices `from..from + count` on `cores`, and keeps what opens the answer to one of `sample`.
    pub(crate) fn seal(
        question: &Question,
        config: &KeyConfig,
        from: u64,
        count: u64,
        sample: u64,
        cores: &[usize],
        progress: &ProgressBar,
    ) -> Result<Self> {
        let watch = Stopwatch::start();
        let expected = usize::try_from(count)?.saturating_mul(question.octets);
        let mut file = if expected > MEMORY_OCTETS {
            Some(tempfile::tempfile().context("no temporary file for the requests")?)
        } else {
            None
        };
        let mut memory = Vec::with_capacity(if file.is_some() { 0 } else { expected });
        let (mut offsets, mut openers, mut end) = (vec![0], HashMap::new(), 0);
        let threads = cores.len().max(1) as u64;
        for first in (0..count).step_by(BATCH as usize) {
            let batch = first..count.min(first + BATCH);
            let share = (batch.end - batch.start).div_ceil(threads);
            let sealed: Vec<_> = thread::scope(|scope| {
                let started: Vec<_> = (0..threads)
                    .map(|thread| {
                        let first = batch.start + thread * share;
                        let mine = first..batch.end.min(first + share);
                        scope.spawn(move || {
                            pin_thread(cores)?;
                            mine.map(|index| question.seal(from + index, config))
                                .collect::<Result<Vec<_>>>()
                        })
                    })
                    .collect();
                started
                    .into_iter()
                    .map(|thread| thread.join().map_err(|_| anyhow!("sealing panicked"))?)
                    .collect::<Result<_>>()
            })?;
            for (index, (request, opener)) in (batch.start..).zip(sealed.into_iter().flatten()) {
                end += request.len() as u64;
                offsets.push(end);
                if index % sample == 0 {
                    openers.insert(index, opener);
                }
                match &mut file {
                    Some(file) => file
                        .write_all(&request)
                        .context("the requests do not fit the temporary directory; set TMPDIR")?,
                    None => memory.extend_from_slice(&request),
                }
            }
            progress.inc(batch.end - batch.start);
        }
        Ok(Self {
            place: file.map_or_else(|| Place::Memory(memory.into()), Place::File),
            offsets,
            openers,
            sealed_in: watch.elapsed(),
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.offsets.len() as u64 - 1
    }

    /// Octets of all.
    pub(crate) fn octets(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Whether they lie in a file.
    pub(crate) fn is_in_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// Whether the answer to the request of this index is to be kept, to be opened.
    pub(crate) fn is_sampled(&self, index: u64) -> bool {
        self.openers.contains_key(&index)
    }

    /// What opens the answer to the request of this index; once.
    pub(crate) fn opener(&mut self, index: u64) -> Option<ForeignOpener> {
        self.openers.remove(&index)
    }

    /// The request of this index.
    pub(crate) fn request(&self, index: u64) -> std::io::Result<Bytes> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let (start, end) = match self.offsets.get(index..).unwrap_or_default() {
            [start, end, ..] => (*start, *end),
            _ => return Err(std::io::ErrorKind::UnexpectedEof.into()),
        };
        match &self.place {
            // What lies in memory is addressed by usize.
            Place::Memory(octets) => Ok(octets.slice(start as usize..end as usize)),
            Place::File(file) => {
                let mut request = vec![0; (end - start) as usize];
                file.read_exact_at(&mut request, start)?;
                Ok(request.into())
            }
        }
    }
}
