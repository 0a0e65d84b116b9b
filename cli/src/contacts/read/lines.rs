//! One identifier a line; `#` begins a remark, and a name may stand before an address in angle brackets.

use super::{Format, LINE_MAX_OCTETS, Reading, text};

pub(super) fn read(octets: &[u8]) -> Reading {
    let mut reading = Reading::new(Format::Lines);
    for (index, line) in octets.split(|octet| *octet == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if line.len() > LINE_MAX_OCTETS {
            reading.trouble(
                "line_too_long",
                index + 1,
                format!("the line has more than {LINE_MAX_OCTETS} octets"),
                "write one identifier a line; of a vCard or CSV file say so with --format",
            );
            continue;
        }
        let line = text::decode(line, None);
        let (name, identifier) = split(&line);
        reading.find(index + 1, name, identifier);
    }
    reading
}

/// Takes `Hugh Bar <hugh@example.com>` apart.
fn split(line: &str) -> (Option<&str>, &str) {
    let bracketed = line
        .strip_suffix('>')
        .and_then(|line| line.rsplit_once('<'));
    match bracketed {
        Some((name, identifier)) => (Some(name.trim().trim_matches('"')), identifier),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_identifiers_with_names_or_without() {
        let text = "# friends\n\nhugh@example.com\r\n\"Bar, Alice\" <alice@example.com>\n  +44 20 7946 0148  \n";
        let reading = read(text.as_bytes());
        let found: Vec<_> = reading
            .found
            .iter()
            .map(|found| (found.line, found.name.as_deref(), found.identifier.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (3, None, "hugh@example.com"),
                (4, Some("Bar, Alice"), "alice@example.com"),
                (5, None, "+44 20 7946 0148"),
            ]
        );
    }

    #[test]
    fn a_line_without_end_is_one_problem() {
        let text = format!("{}\nhugh@example.com", "x".repeat(LINE_MAX_OCTETS + 1));
        let reading = read(text.as_bytes());
        assert_eq!(reading.problems[0].code, "line_too_long");
        assert_eq!(reading.found[0].line, 2);
    }
}
