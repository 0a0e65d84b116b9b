//! A bound on the memory that a row costs.

use std::cell::Cell;
use std::io::{self, Read};

use super::ROW_MAX_OCTETS;

/// A reader that refuses to give more than one row may hold before the next row begins.
///
/// The parser in front reads ahead by its buffer, so that a row is refused somewhere between the limit and a little more.
#[derive(Debug)]
pub(super) struct Guard<R> {
    input: R,
    octets: u64,
    /// What may still be read before the next row has to begin.
    left: Cell<usize>,
}

impl<R> Guard<R> {
    pub(super) const fn new(input: R) -> Self {
        Self {
            input,
            octets: 0,
            left: Cell::new(ROW_MAX_OCTETS),
        }
    }

    pub(super) fn begin_row(&self) {
        self.left.set(ROW_MAX_OCTETS);
    }

    pub(super) fn is_row_too_long(&self) -> bool {
        self.left.get() == 0
    }

    /// Octets read so far.
    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.get().min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let count = self.input.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - count);
        self.octets += count as u64;
        Ok(count)
    }
}
