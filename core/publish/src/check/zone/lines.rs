//! Which line of which file is meant.

/// The lines of a file and of those that it includes, numbered in the order in which they are read.
#[derive(Debug)]
pub(super) struct Lines {
    read: u64,
    files: Vec<String>,
    /// From which number on lines are of which file, and the number before the first of them in that file.
    spans: Vec<(u64, Option<usize>, u64)>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            read: 0,
            files: Vec::new(),
            spans: vec![(1, None, 0)],
        }
    }

    /// The number of the next line.
    pub(super) const fn next(&mut self) -> u64 {
        self.read += 1;
        self.read
    }

    /// Where reading stands now: to be given to [`Lines::back_to`].
    pub(super) fn here(&self) -> (Option<usize>, u64) {
        let (first, file, before) = self.spans[self.spans.len() - 1];
        (file, before + (self.read + 1 - first))
    }

    /// Goes on in another file.
    pub(super) fn enter(&mut self, name: String) {
        self.files.push(name);
        let file = self.files.len() - 1;
        self.spans.push((self.read + 1, Some(file), 0));
    }

    /// Goes on where it was interrupted.
    pub(super) fn back_to(&mut self, (file, before): (Option<usize>, u64)) {
        self.spans.push((self.read + 1, file, before));
    }

    /// How many files were included.
    pub(super) const fn included(&self) -> usize {
        self.files.len()
    }

    /// The included file of a line, and its number there, from 1.
    pub(super) fn resolve(&self, at: u64) -> (Option<&str>, u64) {
        let span = self.spans.partition_point(|(first, ..)| *first <= at) - 1;
        let (first, file, before) = self.spans[span];
        let name = file.map(|file| self.files[file].as_str());
        (name, before + (at + 1 - first))
    }

    /// The line in words.
    pub(super) fn say(&self, at: u64) -> String {
        match self.resolve(at) {
            (None, line) => format!("line {line}"),
            (Some(file), line) => format!("line {line} of {file}"),
        }
    }
}
