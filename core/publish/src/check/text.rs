//! What can be seen in the text of a record beyond what its grammar says.

use sotto_mimi::{Record, RecordError, character_strings, join_strings, limits};

/// Characters of published text that a finding quotes.
const QUOTED_MAX_CHARACTERS: usize = 60;

/// The part of a record at which its grammar breaks: where it begins, from octet 1, and its text.
///
/// The error of a record names no place. It is that of the first part with which the record fails in the same way.
pub(crate) fn culprit(rdata: &[u8], error: &RecordError) -> Option<(usize, String)> {
    let text = join_strings(rdata)?;
    // What is missing has no place, and what is too long is so as a whole.
    if *error == RecordError::NoProvider || text.len() > limits::ACCEPTED_MAX_OCTETS {
        return None;
    }
    let ends = text
        .iter()
        .enumerate()
        .filter_map(|(at, octet)| (*octet == b';').then_some(at))
        .chain([text.len()]);
    let mut start = 0;
    for end in ends {
        let part = &text[start..end];
        if Record::parse_text(&text[..end]).as_ref() == Err(error) && start > 0 {
            let blank = part.iter().take_while(|octet| **octet == b' ').count();
            return Some((start + blank + 1, quoted(part)));
        }
        start = end + 1;
    }
    None
}

/// Published text as a finding quotes it: the beginning, where it is long.
pub(crate) fn quoted(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    let mut short: String = text.chars().take(QUOTED_MAX_CHARACTERS).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

/// What becomes of a record where its character-strings are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seam {
    /// A tag begins right behind the value before it: the two run together.
    RunTogether(String),
    /// A space stands at the seam, inside a value.
    Space(String),
}

/// The first seam of the character-strings of `rdata` that will not have been meant.
pub(crate) fn seam(rdata: &[u8]) -> Option<Seam> {
    let strings = character_strings(rdata)?;
    strings.windows(2).find_map(|pair| {
        let (left, right) = (pair[0], pair[1]);
        let shown = || {
            let from = left.len().saturating_sub(QUOTED_MAX_CHARACTERS / 3);
            let to = right.len().min(QUOTED_MAX_CHARACTERS / 3);
            quoted(&[&left[from..], &right[..to]].concat())
        };
        let is_separated = |text: &[u8]| text.trim_ascii_end().ends_with(b";");
        if is_separated(left) || left.is_empty() || right.trim_ascii_start().starts_with(b";") {
            return None;
        }
        if begins_with_tag(right.trim_ascii_start()) {
            return Some(Seam::RunTogether(shown()));
        }
        let has_space = left.ends_with(b" ") || right.starts_with(b" ");
        has_space.then(|| Seam::Space(shown()))
    })
}

/// Whether the text begins with one of the tags that records have.
fn begins_with_tag(text: &[u8]) -> bool {
    text.split_first().is_some_and(|(first, rest)| {
        b"aepst".contains(first) && rest.trim_ascii_start().starts_with(b"=")
    })
}

/// What was to be a MIMI record and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NearMiss {
    /// It is in quotation marks.
    Quotes,
    /// The version is there, but not to the letter or not in its place.
    Version,
}

/// Whether text that is no MIMI record was to be one.
pub(crate) fn near_miss(text: &[u8]) -> Option<NearMiss> {
    let lower = text.to_ascii_lowercase();
    let has_version = lower.windows(5).any(|window| window == b"mimi1")
        || (lower.windows(4).any(|window| window == b"mimi") && lower.starts_with(b"v"));
    if !has_version {
        return None;
    }
    let is_quoted = lower.starts_with(b"\"") || lower.starts_with(b"\\\"");
    Some(if is_quoted {
        NearMiss::Quotes
    } else {
        NearMiss::Version
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rdata(strings: &[&str]) -> Vec<u8> {
        strings
            .iter()
            .flat_map(|string| std::iter::once(string.len() as u8).chain(string.bytes()))
            .collect()
    }

    #[test]
    fn the_part_at_fault_is_named_with_its_place() {
        for (text, place, part) in [
            ("v=MIMI1; p=x; e=im.example.net", 10, "p=x"),
            ("v=MIMI1; e=im.example.net;  a", 29, "a"),
            ("v=MIMI1;a=1;e=im.example.net;a=2", 30, "a=2"),
            ("v=MIMI1; a=%zz; e=im.example.net", 10, "a=%zz"),
        ] {
            let rdata = rdata(&[text]);
            let error = Record::parse(&rdata).unwrap_err();
            assert_eq!(
                culprit(&rdata, &error),
                Some((place, part.to_owned())),
                "{text}"
            );
        }
        let missing = rdata(&["v=MIMI1; a=b"]);
        let error = Record::parse(&missing).unwrap_err();
        assert_eq!(culprit(&missing, &error), None);
    }

    #[test]
    fn seams_are_looked_at() {
        for (strings, seam_expected) in [
            (
                &["v=MIMI1; p=1", "a=hugh; e=im.example.net"][..],
                Some(true),
            ),
            (&["v=MIMI1; p=1", " a=hugh; e=im.example.net"], Some(true)),
            (&["v=MIMI1; a=hu", " gh; e=im.example.net"], Some(false)),
            (&["v=MIMI1; a=hu ", "gh; e=im.example.net"], Some(false)),
            (&["v=MIMI1; a=hu", "gh; e=im.example.net"], None),
            (&["v=MIMI1;", " a=hugh; e=im.example.net"], None),
            (&["v=MIMI1; a=hugh", "; e=im.example.net"], None),
            (&["v=MIMI1; e=im.example.net"], None),
        ] {
            let found = seam(&rdata(strings)).map(|seam| matches!(seam, Seam::RunTogether(_)));
            assert_eq!(found, seam_expected, "{strings:?}");
        }
    }

    #[test]
    fn near_misses_are_told_from_strangers() {
        for (text, expected) in [
            ("\"v=MIMI1; e=im.example.net\"", Some(NearMiss::Quotes)),
            ("v=mimi1; e=im.example.net", Some(NearMiss::Version)),
            ("V=MIMI1; e=im.example.net", Some(NearMiss::Version)),
            ("e=im.example.net; v=MIMI1", Some(NearMiss::Version)),
            ("v=MIMI; e=im.example.net", Some(NearMiss::Version)),
            ("v=spf1 -all", None),
            ("", None),
        ] {
            assert_eq!(near_miss(text.as_bytes()), expected, "{text}");
        }
    }
}
