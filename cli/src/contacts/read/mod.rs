//! Address books as other programs write them: what stands in them, line by line.
//!
//! Pure: octets in, identifiers and problems out. What cannot be read is a problem with its line and a remedy, and never
//! stops the rest. The readers are ours: the crates that read vCards give no line numbers, refuse a whole card for one bad
//! line, and know nothing of the vCard 2.1 that telephones still write.
//!
//! # Limits
//!
//! [`BOOK_MAX_OCTETS`], [`LINE_MAX_OCTETS`], [`FOUND_MAX`] and [`PROBLEMS_MAX`] bound time and memory, whatever the file is.

mod lines;
mod table;
mod text;
mod vcard;

#[cfg(test)]
mod hostile;

use clap::ValueEnum;

/// Octets of the largest book: ten thousand cards with a photograph of 12 KiB each.
pub(crate) const BOOK_MAX_OCTETS: usize = 134_217_728;

/// Octets of the longest logical line that is read to its end, one more than an identifier can have and generous to
/// parameters; what is longer is a photograph, or hostile.
const LINE_MAX_OCTETS: usize = 8_192;

/// The most identifiers of one book, spelled as they are: each may be there under several names.
const FOUND_MAX: usize = 200_000;

/// The most problems that are kept; further ones are counted.
const PROBLEMS_MAX: usize = 1_000;

/// How an address book is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// vCard 2.1, 3.0 or 4.0.
    Vcard,
    /// Values with commas, semicolons or tabs between.
    Csv,
    /// One identifier a line.
    Lines,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Vcard => "vcard",
            Self::Csv => "csv",
            Self::Lines => "lines",
        }
    }
}

/// An identifier as it stands in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What the book calls its owner.
    pub(crate) name: Option<String>,
    /// The identifier, not looked into.
    pub(crate) identifier: String,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line, from 1.
    pub(crate) line: usize,
    /// A stable word for programs.
    pub(crate) code: &'static str,
    /// What is wrong, naming the culprit.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

/// What stands in a book.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) format: Format,
    pub(crate) found: Vec<Found>,
    pub(crate) problems: Vec<Problem>,
    /// Problems beyond those.
    pub(crate) problems_omitted: usize,
    /// What was guessed, a sentence each.
    pub(crate) guesses: Vec<String>,
}

impl Reading {
    fn new(format: Format) -> Self {
        Self {
            format,
            found: Vec::new(),
            problems: Vec::new(),
            problems_omitted: 0,
            guesses: Vec::new(),
        }
    }

    /// Notes an identifier, unless there is nothing of it.
    fn find(&mut self, line: usize, name: Option<&str>, identifier: &str) {
        let identifier = identifier.trim();
        if identifier.is_empty() {
            return;
        }
        if self.found.len() == FOUND_MAX {
            self.trouble(
                "book_full",
                line,
                format!("there are more than {FOUND_MAX} identifiers; the rest is not read"),
                "split the book",
            );
            return;
        }
        self.found.push(Found {
            line,
            name: name
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            identifier: identifier.to_owned(),
        });
    }

    /// Notes a problem.
    pub(crate) fn trouble(
        &mut self,
        code: &'static str,
        line: usize,
        message: String,
        remedy: &str,
    ) {
        if self.problems.len() == PROBLEMS_MAX {
            self.problems_omitted += 1;
            return;
        }
        self.problems.push(Problem {
            line,
            code,
            message,
            remedy: remedy.to_owned(),
        });
    }
}

/// Reads a book, in `format` or in the one it seems to be written in.
pub(crate) fn read(octets: &[u8], format: Option<Format>) -> Reading {
    let octets = text::without_utf16(octets);
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&octets);
    match format.unwrap_or_else(|| guess(octets)) {
        Format::Vcard => vcard::read(octets),
        Format::Csv => table::read(octets),
        Format::Lines => lines::read(octets),
    }
}

fn guess(octets: &[u8]) -> Format {
    let first = octets
        .split(|octet| *octet == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    if first.eq_ignore_ascii_case(b"BEGIN:VCARD") {
        Format::Vcard
    } else if table::is_heading(first) {
        Format::Csv
    } else {
        Format::Lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_shows_in_the_first_line() {
        for (text, format) in [
            ("\r\nbegin:vcard\r\n", Format::Vcard),
            ("Name,E-mail\n", Format::Csv),
            ("Vorname;Nachname;E-Mail-Adresse\n", Format::Csv),
            ("hugh@example.com,Hugh\n", Format::Csv),
            ("hugh@example.com\n", Format::Lines),
            ("# mine\n", Format::Lines),
            ("", Format::Lines),
        ] {
            assert_eq!(guess(text.as_bytes()), format, "{text:?}");
        }
    }

    #[test]
    fn marks_of_byte_order_are_no_text() {
        let utf16: Vec<u8> = "\u{feff}hugh@example.com\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for octets in [b"\xef\xbb\xbfhugh@example.com\n".to_vec(), utf16] {
            let reading = read(&octets, None);
            assert_eq!(reading.found[0].identifier, "hugh@example.com");
            assert!(reading.problems.is_empty());
        }
    }

    #[test]
    fn problems_are_counted_when_they_are_too_many_to_keep() {
        let mut reading = Reading::new(Format::Lines);
        for line in 0..PROBLEMS_MAX + 5 {
            reading.trouble("code", line, String::new(), "");
        }
        assert_eq!(
            (reading.problems.len(), reading.problems_omitted),
            (PROBLEMS_MAX, 5)
        );
    }
}
