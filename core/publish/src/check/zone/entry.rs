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
    /// The line at which it begins.
    pub(super) line: u64,
    text: String,
    tokens: Vec<Token>,
}

/// A word or a quoted string, as octets of the text of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    start: usize,
    end: usize,
    is_quoted: bool,
}

impl Token {
    /// What stands there, without its quotation marks.
    fn word(self, text: &str) -> &str {
        let mark = usize::from(self.is_quoted);
        &text[self.start + mark..self.end - mark]
    }
}

/// Why the text is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryProblem {
    TooLong,
    NotText,
    Parentheses,
    Quotation,
    Escape,
}

impl EntryProblem {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "the entry is longer than any record",
            Self::NotText => "the entry is not text",
            Self::Parentheses => "a parenthesis is not closed, or was not opened",
            Self::Quotation => "a quotation mark is not closed on its line",
            Self::Escape => "a backslash stands at the end of the line, with nothing to escape",
        }
    }
}

/// Puts lines together to entries.
#[derive(Debug, Default)]
pub(super) struct Entries {
    begun: Option<Entry>,
    depth: usize,
    is_too_long: bool,
}

impl Entries {
    /// Takes the line `at`, without its line break; gives the entry that it ends.
    pub(super) fn line(
        &mut self,
        at: u64,
        line: &[u8],
    ) -> Option<(u64, Result<Entry, EntryProblem>)> {
        let mut entry = self.begun.take().unwrap_or_else(|| Entry {
            line: at,
            text: String::new(),
            tokens: Vec::new(),
        });
        let number = entry.line;
        match self.take(&mut entry, line) {
            Ok(()) if self.depth > 0 => {
                self.begun = Some(entry);
                None
            }
            Ok(()) if self.is_too_long => {
                self.reset();
                Some((number, Err(EntryProblem::TooLong)))
            }
            Ok(()) => (!entry.tokens.is_empty()).then_some((number, Ok(entry))),
            Err(problem) => {
                self.reset();
                Some((number, Err(problem)))
            }
        }
    }

    /// Adds a line to the entry that is being read.
    fn take(&mut self, entry: &mut Entry, line: &[u8]) -> Result<(), EntryProblem> {
        let line = str::from_utf8(line).map_err(|_| EntryProblem::NotText)?;
        if entry.text.len() + line.len() > ENTRY_MAX_OCTETS {
            self.is_too_long = true;
            // Where it ends has to be known all the same.
            self.depth = tokens(line, 0, self.depth, &mut Vec::new())?;
        } else {
            self.depth = tokens(line, entry.text.len(), self.depth, &mut entry.tokens)?;
            entry.text.push_str(line);
        }
        Ok(())
    }

    /// What is left open at the end of the file.
    pub(super) fn end(self) -> Option<(u64, EntryProblem)> {
        let entry = self.begun?;
        Some((entry.line, EntryProblem::Parentheses))
    }

    fn reset(&mut self) {
        self.depth = 0;
        self.is_too_long = false;
    }
}

/// Reads the words and quoted strings of a line that begins at octet `base` of its entry, `depth` parentheses deep;
/// gives how deep it ends.
fn tokens(
    line: &str,
    base: usize,
    mut depth: usize,
    tokens: &mut Vec<Token>,
) -> Result<usize, EntryProblem> {
    let octets = line.as_bytes();
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        let start = at;
        match octet {
            b';' => break,
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1).ok_or(EntryProblem::Parentheses)?,
            b' ' | b'\t' | b'\r' => {}
            b'"' => {
                let end = token_end(octets, start + 1, |octet| octet == b'"')?;
                if end == octets.len() {
                    return Err(EntryProblem::Quotation);
                }
                at = end;
                tokens.push(Token {
                    start: base + start,
                    end: base + end + 1,
                    is_quoted: true,
                });
            }
            _ => {
                let end = token_end(octets, start, |octet| b" \t\r();\"".contains(&octet))?;
                at = end - 1;
                tokens.push(Token {
                    start: base + start,
                    end: base + end,
                    is_quoted: false,
                });
            }
        }
        at += 1;
    }
    Ok(depth)
}

/// The first place from `at` on whose octet ends a token and is not escaped, or the end of the line.
fn token_end(
    octets: &[u8],
    mut at: usize,
    ends: impl Fn(u8) -> bool,
) -> Result<usize, EntryProblem> {
    while let Some(&octet) = octets.get(at).filter(|&&octet| !ends(octet)) {
        at += 1;
        if octet == b'\\' {
            octets.get(at).ok_or(EntryProblem::Escape)?;
            at += 1;
        }
    }
    Ok(at)
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'e> {
    /// `$ORIGIN` and a name.
    Origin(&'e str),
    /// `$TTL` and seconds.
    Ttl(&'e str),
    /// `$INCLUDE`, a file, and the origin in it if it is another.
    Include(&'e str, Option<&'e str>),
    /// `$GENERATE`, and whatever else there is.
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
    text: &'e str,
    /// What stands behind the type.
    rdata: &'e [Token],
}

impl Entry {
    /// Reads the entry as far as its RDATA; else says what is wrong with it.
    pub(super) fn read(&self) -> Result<Kind<'_>, String> {
        let mut tokens = self.tokens.iter();
        let mut next = || {
            let token = tokens.next();
            token
                .map(|token| token.word(&self.text))
                .ok_or_else(|| "the line ends too early".to_owned())
        };
        let begins_blank = self.text.starts_with([' ', '\t']);
        let mut word = next()?;
        if !begins_blank && self.text.starts_with('$') {
            let value = next();
            return Ok(match (word.to_ascii_uppercase().as_str(), value) {
                ("$ORIGIN", Ok(name)) => Kind::Origin(name),
                ("$TTL", Ok(seconds)) => Kind::Ttl(seconds),
                ("$INCLUDE", Ok(file)) => Kind::Include(file, next().ok()),
                ("$ORIGIN" | "$TTL" | "$INCLUDE", Err(problem)) => return Err(problem),
                _ => Kind::Directive(word),
            });
        }
        let owner = if begins_blank {
            None
        } else {
            Some(std::mem::replace(&mut word, next()?))
        };
        let mut ttl = None;
        let mut class = None;
        loop {
            if class.is_none() && matches!(word.to_ascii_uppercase().as_str(), "IN" | "CH" | "HS") {
                class = Some(word);
            } else if ttl.is_none()
                && let Some(seconds) = seconds(word)
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
            .parse()
            .map_err(|_| format!("{:?} is no type of record", word))?;
        Ok(Kind::Record(Head {
            owner,
            ttl,
            rtype,
            text: &self.text,
            rdata: tokens.as_slice(),
        }))
    }
}

impl Head<'_> {
    /// The first word behind the type.
    pub(super) fn first(&self) -> Option<&str> {
        Some(self.rdata.first()?.word(self.text))
    }

    /// The RDATA in wire form, names relative to `origin` made absolute; else what is wrong with it.
    pub(super) fn rdata(&self, origin: &Name) -> Result<Vec<u8>, String> {
        // Owner, TTL and class do not matter here. Comments and parentheses are left behind: the parser has its own
        // idea of where they end, and does not bear one that is open.
        let mut text = format!(". 0 IN {}", self.rtype);
        for token in self.rdata {
            text.push(' ');
            text.push_str(&self.text[token.start..token.end]);
        }
        text.push('\n');
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(u64, Result<Entry, EntryProblem>)> {
        let mut entries = Entries::default();
        text.lines()
            .zip(1..)
            .filter_map(|(line, at)| entries.line(at, line.as_bytes()))
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
        assert_eq!(
            rdata("\"a\" TXT(\"x;(\"y(\n\"\\\")\" ; )\n))"),
            Ok(b"\x03x;(\x01y\x02\")".to_vec())
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
            "\"._mimi.e TXT(1;\"",
            "\"a\" \"TXT\" \"x\"",
            "a TXT x\"y\"(z",
            "a TXT \\",
            "a TXT ( \\\n)",
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
        assert!(open.line(1, b"a TXT ( x").is_none());
        assert_eq!(open.end(), Some((1, EntryProblem::Parentheses)));
    }
}
