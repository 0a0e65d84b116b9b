//! Lines of a vCard, unfolded, and the properties in them (RFC 6350 section 3.2).

use std::borrow::Cow;
use std::iter::{Enumerate, Peekable};

use super::super::{LINE_MAX_OCTETS, text};

/// A line as it was before it was folded.
pub(super) struct LogicalLine {
    /// The number of its first line in the file, from 1.
    pub(super) number: usize,
    /// At most [`LINE_MAX_OCTETS`].
    pub(super) octets: Vec<u8>,
    /// Whether there was more.
    pub(super) is_cut: bool,
}

impl LogicalLine {
    fn append(&mut self, octets: &[u8]) {
        let room = LINE_MAX_OCTETS - self.octets.len();
        self.is_cut |= octets.len() > room;
        self.octets
            .extend_from_slice(&octets[..octets.len().min(room)]);
    }

    /// Whether it is a value in quoted-printable, whose soft breaks are no folds.
    fn is_quoted_printable(&self) -> bool {
        let end = self.octets.iter().position(|octet| *octet == b':');
        self.octets[..end.unwrap_or(0)]
            .to_ascii_uppercase()
            .windows(16)
            .any(|window| window == b"QUOTED-PRINTABLE")
    }
}

/// The lines of a file as they stand there.
type Lines<'a> = std::slice::Split<'a, u8, fn(&u8) -> bool>;

/// The logical lines of a file.
pub(super) struct LogicalLines<'a> {
    lines: Peekable<Enumerate<Lines<'a>>>,
}

impl<'a> LogicalLines<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        let is_end: fn(&u8) -> bool = |octet| *octet == b'\n';
        Self {
            lines: octets.split(is_end).enumerate().peekable(),
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Iterator for LogicalLines<'_> {
    type Item = LogicalLine;

    fn next(&mut self) -> Option<LogicalLine> {
        let (index, first) = self.lines.next()?;
        let mut line = LogicalLine {
            number: index + 1,
            octets: Vec::new(),
            is_cut: false,
        };
        let mut last = without_return(first);
        line.append(last);
        let is_quoted_printable = line.is_quoted_printable();
        loop {
            let is_soft_break = is_quoted_printable && last.ends_with(b"=");
            let is_fold = self
                .lines
                .peek()
                .is_some_and(|(_, next)| next.starts_with(b" ") || next.starts_with(b"\t"));
            if !is_fold && !is_soft_break {
                return Some(line);
            }
            let Some((_, next)) = self.lines.next() else {
                return Some(line);
            };
            last = without_return(next);
            if is_soft_break {
                if !line.is_cut {
                    line.octets.pop();
                }
                line.append(last);
            } else {
                line.append(&last[1..]);
            }
        }
    }
}

/// One property.
pub(super) struct Property<'a> {
    /// Without its group, in capitals.
    pub(super) name: String,
    /// `NAME=value` or, in vCard 2.1, a bare value; in capitals.
    parameters: Vec<String>,
    value: &'a [u8],
}

impl<'a> Property<'a> {
    /// `None` if there is no colon.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut is_quoted = false;
        let colon = line.iter().position(|octet| {
            is_quoted ^= *octet == b'"';
            *octet == b':' && !is_quoted
        })?;
        let (before, value) = (&line[..colon], &line[colon + 1..]);
        let mut is_quoted = false;
        let mut parts = before.split(|octet| {
            is_quoted ^= *octet == b'"';
            *octet == b';' && !is_quoted
        });
        let upper = |octets: &[u8]| text::decode(octets.trim_ascii(), None).to_uppercase();
        let name = upper(parts.next().unwrap_or_default());
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        Some(Self {
            name,
            parameters: parts.map(upper).collect(),
            value,
        })
    }

    /// The values of a parameter: `TYPE=WORK,VOICE` has two.
    fn parameter(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters
            .iter()
            .filter_map(move |parameter| parameter.split_once('=').filter(|(key, _)| *key == name))
            .flat_map(|(_, values)| values.split(','))
            .map(|value| value.trim_matches('"'))
    }

    /// Whether it is of a type, as vCard 3.0 and 4.0 write it, or 2.1.
    pub(super) fn has_type(&self, wanted: &str) -> bool {
        self.parameter("TYPE").any(|value| value == wanted)
            || self.parameters.iter().any(|parameter| parameter == wanted)
    }

    fn is_encoded(&self, encoding: &str) -> bool {
        self.parameter("ENCODING").any(|value| value == encoding)
            || self
                .parameters
                .iter()
                .any(|parameter| parameter == encoding)
    }

    /// Whether it holds octets in Base64.
    pub(super) fn is_binary(&self) -> bool {
        self.is_encoded("BASE64") || self.is_encoded("B")
    }

    /// The value, decoded but not unescaped.
    fn decoded(&self) -> Cow<'a, str> {
        let charset = self.parameter("CHARSET").next();
        if self.is_encoded("QUOTED-PRINTABLE") {
            let octets = unquote_printable(self.value);
            return Cow::Owned(text::decode(&octets, charset).into_owned());
        }
        text::decode(self.value, charset)
    }

    /// The value as text.
    pub(super) fn text(&self) -> String {
        unescape(&self.decoded())
    }

    /// The parts of a value that has parts.
    pub(super) fn components(&self) -> Vec<String> {
        let decoded = self.decoded();
        let mut parts = Vec::new();
        let mut start = 0;
        let mut is_escaped = false;
        for (at, letter) in decoded.char_indices() {
            if letter == ';' && !is_escaped {
                parts.push(unescape(&decoded[start..at]));
                start = at + 1;
            }
            is_escaped = letter == '\\' && !is_escaped;
        }
        parts.push(unescape(&decoded[start..]));
        parts
    }
}

/// Undoes quoted-printable (RFC 2045 section 6.7); what is no code stands for itself.
fn unquote_printable(octets: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let [first, behind @ ..] = rest {
        let code = behind
            .first_chunk::<2>()
            .filter(|_| *first == b'=')
            .and_then(|digits| {
                let mut octet = [0];
                hex::decode_to_slice(digits, &mut octet).ok()?;
                Some(octet[0])
            });
        rest = if let Some(octet) = code {
            decoded.push(octet);
            &behind[2..]
        } else {
            decoded.push(*first);
            behind
        };
    }
    decoded
}

/// Undoes the escapes of text (RFC 6350 section 3.4), and the `\:` that some programs write.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => text.push(' '),
                Some(escaped) => text.push(escaped),
                None => text.push('\\'),
            },
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_undone_at_octets() {
        let folded = "FN:J\u{f6}rg".as_bytes();
        // Between the two octets of the letter.
        let folded = [&folded[..5], b"\r\n ", &folded[5..], b"\r\nNEXT:1"].concat();
        let lines: Vec<_> = LogicalLines::new(&folded).collect();
        assert_eq!(lines[0].octets, "FN:Jörg".as_bytes());
        assert_eq!((lines[0].number, lines[1].number), (1, 3));
    }

    #[test]
    fn soft_breaks_end_a_line_of_quoted_printable_alone() {
        let text = b"NOTE;ENCODING=QUOTED-PRINTABLE:a=\r\nb=\nc\nEMAIL:a=\nEND:VCARD";
        let lines: Vec<_> = LogicalLines::new(text)
            .map(|line| String::from_utf8(line.octets).unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                "NOTE;ENCODING=QUOTED-PRINTABLE:abc",
                "EMAIL:a=",
                "END:VCARD"
            ]
        );
    }

    #[test]
    fn what_is_too_long_is_cut_and_passed_over() {
        let photo = format!("PHOTO:{}", format!("{}\n ", "A".repeat(70)).repeat(300));
        let text = format!("{photo}\nEND:VCARD");
        let lines: Vec<_> = LogicalLines::new(text.as_bytes()).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].is_cut && lines[0].octets.len() == LINE_MAX_OCTETS);
        assert!(!lines[1].is_cut);
    }

    #[test]
    fn properties_have_groups_parameters_and_values() {
        let line = b"item1.TEL;VALUE=uri;TYPE=\"voice,home\";X=\"a:b;c\":tel:+1-555";
        let property = Property::parse(line).unwrap();
        assert_eq!(
            (property.name.as_str(), property.text()),
            ("TEL", "tel:+1-555".to_owned())
        );
        assert!(property.has_type("HOME") && !property.has_type("WORK"));
        let old = Property::parse(b"TEL;WORK;FAX:1").unwrap();
        assert!(old.has_type("FAX"));
        assert!(Property::parse(b"no property").is_none());
    }

    #[test]
    fn values_are_unescaped_and_decoded() {
        let text = |line: &[u8]| Property::parse(line).unwrap().text();
        assert_eq!(text(br"NOTE:a\, b\; c\\ d\ne\:f"), r"a, b; c\ d e:f");
        assert_eq!(
            text(b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg =zz="),
            "Jörg =zz="
        );
        assert_eq!(text(b"FN;CHARSET=ISO-8859-1:J\xf6rg"), "Jörg");
        let parts = Property::parse(br"N:Bar\;Baz;Hugh;;;")
            .unwrap()
            .components();
        assert_eq!(parts, ["Bar;Baz", "Hugh", "", "", ""]);
    }
}
