//! What a row may cost, and the line on which it begins.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Read};

use super::ROW_MAX_OCTETS;

/// A reader that refuses to give more than one row may hold before the next row begins, and that knows the lines.
///
/// The parser skips empty lines without a word and counts only line feeds, so that the lines are counted here. The parser in front reads ahead by its buffer, so that a row is refused somewhere between the limit and a little more.
#[derive(Debug)]
pub(super) struct Guard<R> {
    input: R,
    octets: u64,
    /// What may still be read before the next row has to begin.
    left: Cell<usize>,
    lines: Lines,
}

/// Where the lines that are not empty begin. A line ends with CR LF, LF or CR, as the parser has it.
#[derive(Debug)]
struct Lines {
    /// The line of the next octet, from 1.
    line: u64,
    is_behind_cr: bool,
    is_at_start: bool,
    /// The offset and the number of each line that has been read and not been asked for: no more than a row and the
    /// parser's buffer hold.
    starts: VecDeque<(u64, u64)>,
}

impl Lines {
    const fn new() -> Self {
        Self {
            line: 1,
            is_behind_cr: false,
            is_at_start: true,
            starts: VecDeque::new(),
        }
    }

    /// Takes the octets that stand at `offset`.
    fn read(&mut self, offset: u64, octets: &[u8]) {
        for (octet, at) in octets.iter().zip(offset..) {
            let is_end = matches!(octet, b'\r' | b'\n');
            let is_second_half = *octet == b'\n' && self.is_behind_cr;
            if is_end && !is_second_half {
                self.line += 1;
            }
            if !is_end && self.is_at_start {
                self.starts.push_back((at, self.line));
            }
            self.is_behind_cr = *octet == b'\r';
            self.is_at_start = is_end;
        }
    }

    /// The first line at or behind `offset` that is not empty; the last one if there is none.
    fn at(&mut self, offset: u64) -> u64 {
        while self.starts.front().is_some_and(|start| start.0 < offset) {
            self.starts.pop_front();
        }
        self.starts.front().map_or(self.line, |start| start.1)
    }
}

impl<R> Guard<R> {
    pub(super) const fn new(input: R) -> Self {
        Self {
            input,
            octets: 0,
            left: Cell::new(ROW_MAX_OCTETS),
            lines: Lines::new(),
        }
    }

    pub(super) fn begin_row(&self) {
        self.left.set(ROW_MAX_OCTETS);
    }

    pub(super) fn is_row_too_long(&self) -> bool {
        self.left.get() == 0
    }

    /// The line of the row that the parser finds at or behind `offset`, from 1. Offsets do not go back.
    pub(super) fn line(&mut self, offset: u64) -> u64 {
        self.lines.at(offset)
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
        self.lines.read(self.octets, &buffer[..count]);
        self.octets += count as u64;
        Ok(count)
    }
}
