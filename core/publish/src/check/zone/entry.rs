//! The entries of a master file (RFC 1035 section 5.1), with the lines that they begin at.
//!
//! Only what stands before the RDATA is read here: directives, owner, TTL, class and type. RDATA of the types that
//! matter goes through the zone file parser of the crate `domain`, an entry at a time, so that one bad line costs
//! one entry and is told with its number.

use bytes::Bytes;
use domain::base::iana::Class;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry as Scanned, Zonefile};
use sotto_proof::{Name, RecordType};

/// Octets of the longest entry read: RDATA of 65,535 octets, each written as `\DDD`, and as much again for comments.
pub(super) const ENTRY_MAX_OCTETS: usize = 8 * 65_536;

/// One entry: what stands between two line breaks that no parenthesis encloses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line at which it begins, from 1.
    pub(super) line: u64,
    text: String,
}

/// Why the text is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryProblem {
    TooLong,
    NotText,
    Parentheses,
    Quotation,
}

impl EntryProblem {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "the entry is longer than any record",
            Self::NotText => "the entry is not text",
            Self::Parentheses => "a parenthesis is not closed, or was not opened",
            Self::Quotation => "a quotation mark is not closed on its line",
        }
    }
}

/// Puts lines together to entries.
#[derive(Debug, Default)]
pub(super) struct Entries {
    line: u64,
    begun: Option<Entry>,
    depth: usize,
    is_too_long: bool,
}

impl Entries {
    /// Takes a line, without its line break; gives the entry that it ends.
    pub(super) fn line(&mut self, line: &[u8]) -> Option<(u64, Result<Entry, EntryProblem>)> {
        self.line += 1;
        let number = self.begun.as_ref().map_or(self.line, |entry| entry.line);
        let Ok(text) = str::from_utf8(line) else {
            self.reset();
            return Some((number, Err(EntryProblem::NotText)));
        };
        match parentheses(text, self.depth) {
            Ok(depth) => self.depth = depth,
            Err(problem) => {
                self.reset();
                return Some((number, Err(problem)));
            }
        }
        let entry = self.begun.get_or_insert_with(|| Entry {
            line: number,
            text: String::new(),
        });
        if entry.text.len() + text.len() > ENTRY_MAX_OCTETS {
            self.is_too_long = true;
        } else {
            entry.text.push_str(text);
            entry.text.push('\n');
        }
        if self.depth > 0 {
            return None;
        }
        let is_too_long = std::mem::take(&mut self.is_too_long);
        let entry = self.begun.take()?;
        if is_too_long {
            return Some((number, Err(EntryProblem::TooLong)));
        }
        (!entry.is_empty()).then_some((number, Ok(entry)))
    }

    /// What is left open at the end of the file.
    pub(super) fn end(self) -> Option<(u64, EntryProblem)> {
        let entry = self.begun?;
        Some((entry.line, EntryProblem::Parentheses))
    }

    fn reset(&mut self) {
        self.begun = None;
        self.depth = 0;
        self.is_too_long = false;
    }
}

/// How deep in parentheses the line ends.
fn parentheses(line: &str, mut depth: usize) -> Result<usize, EntryProblem> {
    let mut octets = line.bytes();
    let mut quoted = false;
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => drop(octets.next()),
            b'"' => quoted = !quoted,
            b';' if !quoted => break,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.checked_sub(1).ok_or(EntryProblem::Parentheses)?,
            _ => {}
        }
    }
    if quoted {
        return Err(EntryProblem::Quotation);
    }
    Ok(depth)
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'e> {
    /// `$ORIGIN` and a name.
    Origin(&'e str),
    /// `$TTL` and seconds.
    Ttl(&'e str),
    /// `$INCLUDE`, `$GENERATE`, and whatever else there is.
    Directive(&'e str),
    /// A record.
    Record(Head<'e>),
}

/// A record before its RDATA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head<'e> {
    /// `None` if the line begins with a blank: the owner of the record before.
    pub(super) owner: Option<&'e str>,
    pub(super) ttl: Option<u32>,
    pub(super) rtype: RecordType,
    /// What stands behind the type; parentheses may have been opened before.
    rdata: &'e str,
    opened: usize,
}

impl Entry {
    fn is_empty(&self) -> bool {
        words(&self.text).next().is_none()
    }

    /// Reads the entry as far as its RDATA; else says what is wrong with it.
    pub(super) fn read(&self) -> Result<Kind<'_>, String> {
        let mut words = words(&self.text);
        let mut next = || {
            words
                .next()
                .ok_or_else(|| "the line ends too early".to_owned())
        };
        let begins_blank = self.text.starts_with([' ', '\t']);
        let mut word = next()?;
        if !begins_blank && word.text.starts_with('$') {
            let value = next().map(|word| word.text);
            return Ok(match (word.text.to_ascii_uppercase().as_str(), value) {
                ("$ORIGIN", Ok(name)) => Kind::Origin(name),
                ("$TTL", Ok(seconds)) => Kind::Ttl(seconds),
                ("$ORIGIN" | "$TTL", Err(problem)) => return Err(problem),
                _ => Kind::Directive(word.text),
            });
        }
        let owner = if begins_blank {
            None
        } else {
            Some(std::mem::replace(&mut word, next()?).text)
        };
        let mut ttl = None;
        let mut class = None;
        loop {
            if class.is_none()
                && matches!(word.text.to_ascii_uppercase().as_str(), "IN" | "CH" | "HS")
            {
                class = Some(word.text);
            } else if ttl.is_none()
                && let Some(seconds) = seconds(word.text)
            {
                ttl = Some(seconds);
            } else {
                break;
            }
            word = next()?;
        }
        if let Some(class) = class.filter(|class| !class.eq_ignore_ascii_case("IN")) {
            return Err(format!("the class is {class}, not IN"));
        }
        let rtype = word
            .text
            .parse()
            .map_err(|_| format!("{:?} is no type of record", word.text))?;
        Ok(Kind::Record(Head {
            owner,
            ttl,
            rtype,
            rdata: &self.text[word.end..],
            opened: word.depth,
        }))
    }
}

impl Head<'_> {
    /// The RDATA in wire form, names relative to `origin` made absolute; else what is wrong with it.
    pub(super) fn rdata(&self, origin: &Name) -> Result<Vec<u8>, String> {
        // Owner, TTL and class do not matter here.
        let text = format!(
            ". 0 IN {} {}{}",
            self.rtype,
            "(".repeat(self.opened),
            self.rdata
        );
        let mut file = Zonefile::from(text.as_str());
        file.set_default_class(Class::IN);
        let origin = domain::base::Name::from_octets(Bytes::copy_from_slice(origin.as_wire()));
        file.set_origin(origin.map_err(|error| error.to_string())?);
        let scanned = file
            .next_entry()
            .map_err(|error| reason(&error.to_string()))?;
        let Some(Scanned::Record(record)) = scanned else {
            return Err("the line is no record".to_owned());
        };
        let mut rdata = Vec::new();
        record
            .data()
            .compose_rdata(&mut rdata)
            .map_err(|_| "the data is too long".to_owned())?;
        Ok(rdata)
    }
}

/// What the parser says, without its place: it counts from the start of this entry.
fn reason(error: &str) -> String {
    error
        .split_once(": ")
        .map_or(error, |(_, reason)| reason)
        .to_owned()
}

/// Seconds as a master file has them: a number, or with units as BIND writes them (`1d12h`).
pub(super) fn seconds(text: &str) -> Option<u32> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut total = 0_u32;
    let mut number = 0_u32;
    let mut is_open = false;
    for octet in text.bytes() {
        let unit = match octet.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => {
                number = number
                    .checked_mul(10)?
                    .checked_add(u32::from(digit - b'0'))?;
                is_open = true;
                continue;
            }
            _ if !is_open => return None,
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        (number, is_open) = (0, false);
    }
    total.checked_add(number)
}

/// A word of an entry, where it ends, and how many parentheses are open there.
struct Word<'t> {
    text: &'t str,
    end: usize,
    depth: usize,
}

/// The words outside comments, as far as quotation marks do not matter: before the RDATA.
fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    let mut depth = 0_usize;
    std::iter::from_fn(move || {
        let octets = text.as_bytes();
        loop {
            match octets.get(at)? {
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                b'(' => {
                    depth += 1;
                    at += 1;
                }
                b')' => {
                    depth = depth.saturating_sub(1);
                    at += 1;
                }
                b';' => at += octets[at..].iter().position(|octet| *octet == b'\n')?,
                _ => break,
            }
        }
        let start = at;
        while let Some(octet) = octets.get(at) {
            match octet {
                b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b';' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        at = at.min(octets.len());
        while !text.is_char_boundary(at) {
            at += 1;
        }
        Some(Word {
            text: &text[start..at],
            end: at,
            depth,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(u64, Result<Entry, EntryProblem>)> {
        let mut entries = Entries::default();
        text.lines()
            .filter_map(|line| entries.line(line.as_bytes()))
            .collect()
    }

    fn rdata(line: &str) -> Result<Vec<u8>, String> {
        let (_, entry) = entries(line).remove(0);
        let entry = entry.unwrap();
        let Kind::Record(head) = entry.read()? else {
            panic!("{line}");
        };
        head.rdata(&"example.com".parse().unwrap())
    }

    #[test]
    fn entries_begin_where_their_first_line_stands() {
        let found = entries(
            "; comment\n\n$TTL 1h\n@ SOA a b ( 1 ; serial (\n 2 3\n 4 5 )\na TXT \"x ( ; y\"\nb TXT (\n\"z\" )\nc TXT )\nd TXT \"open\ne A 192.0.2.1",
        );
        let lines: Vec<_> = found
            .iter()
            .map(|(line, entry)| (*line, entry.is_ok()))
            .collect();
        assert_eq!(
            lines,
            [
                (3, true),
                (4, true),
                (7, true),
                (8, true),
                (10, false),
                (11, false),
                (12, true)
            ]
        );
    }

    #[test]
    fn the_head_is_read_in_every_order() {
        for (text, owner, ttl) in [
            ("a 300 IN TXT x", Some("a"), Some(300)),
            ("a IN 5m TXT x", Some("a"), Some(300)),
            ("a TXT x", Some("a"), None),
            ("\tIN TXT x", None, None),
            ("300 IN TXT x", Some("300"), None),
            ("a ( 300 IN\nTXT x )", Some("a"), Some(300)),
        ] {
            let (_, entry) = entries(text).remove(0);
            let entry = entry.unwrap();
            let Kind::Record(head) = entry.read().unwrap() else {
                panic!("{text}");
            };
            assert_eq!(
                (head.owner, head.ttl, head.rtype),
                (owner, ttl, RecordType::TXT),
                "{text}"
            );
            assert_eq!(rdata(text), Ok(b"\x01x".to_vec()), "{text}");
        }
        for wrong in ["a", "a 300", "a CH TXT x", "a NONSENSE x"] {
            let (_, entry) = entries(wrong).remove(0);
            assert!(entry.unwrap().read().is_err(), "{wrong}");
        }
    }

    #[test]
    fn data_is_read_by_its_type() {
        assert_eq!(
            rdata("a TXT \"v=MIMI1;\" \"e=.\" ; c"),
            Ok(b"\x08v=MIMI1;\x03e=.".to_vec())
        );
        assert_eq!(rdata("a TXT \\# 3 02 6162"), Ok(b"\x02ab".to_vec()));
        assert_eq!(rdata("a TYPE65400 \\# 3 026162"), Ok(b"\x02ab".to_vec()));
        assert_eq!(
            rdata("a CNAME b"),
            Ok(b"\x01b\x07example\x03com\x00".to_vec())
        );
        assert_eq!(rdata("a DNAME b.\n"), Ok(b"\x01b\x00".to_vec()));
        for wrong in ["a TXT", "a CNAME b c", "a TYPE65400 \\# 4 026162"] {
            assert!(rdata(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_may_have_units() {
        assert_eq!(seconds("86400"), Some(86_400));
        assert_eq!(seconds("1d12H"), Some(129_600));
        assert_eq!(seconds("1w"), Some(604_800));
        for wrong in ["", "TXT", "d1", "1x", "4294967296", "99999999w"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rubbish_is_no_panic() {
        for text in [
            "\\",
            "a \\",
            "(((",
            "\"",
            "a TXT \"\\",
            "\u{e9}\\\u{e9} TXT x",
            "$",
            "$ORIGIN",
            ") (",
        ] {
            for (_, entry) in entries(text) {
                if let Ok(entry) = entry
                    && let Ok(Kind::Record(head)) = entry.read()
                {
                    let _ = head.rdata(&Name::root());
                }
            }
        }
        let mut open = Entries::default();
        assert!(open.line(b"a TXT ( x").is_none());
        assert_eq!(open.end(), Some((1, EntryProblem::Parentheses)));
    }
}
