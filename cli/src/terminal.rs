//! Text for a person at a terminal.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use crate::explain::{COLUMNS, wrap};

/// The last second of the year 9999, which the date format reaches.
const LAST_SECOND: u64 = 253_402_300_799;

/// `text` with everything escaped that a terminal would act on, or that would make it read otherwise than it stands:
/// controls, and the invisible and direction-changing characters of Unicode.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            // A String takes everything.
            let _ = write!(escaped, "{}", character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` in lines of no more than [`COLUMNS`], broken at blanks; what goes on is indented by two more than the line that it
/// goes on from.
pub(crate) fn folded(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        let parts = wrap(words, COLUMNS.saturating_sub(indent + 2));
        let (first, rest) = (" ".repeat(indent), " ".repeat(indent + 2));
        first + &parts.join(&format!("\n{rest}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Unix seconds as a date and time of day.
pub(crate) fn time(seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND)))
}

/// Rows in columns, each line indented by two, cells escaped. The first row is the heading.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| escape(cell)))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "  {cell:<width$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_act_on() {
        assert_eq!(
            escape("a\u{1b}[31mb\r\n\u{9b}c\u{202e}d"),
            "a\\u{1b}[31mb\\u{d}\\u{a}\\u{9b}c\\u{202e}d"
        );
        assert_eq!(escape("josé +1 \"x\" \\ 名前"), "josé +1 \"x\" \\ 名前");
    }

    #[test]
    fn long_notes_are_folded_and_short_ones_stay() {
        let long = format!("  try: {}end", "word ".repeat(40));
        let folded = folded(&format!("error: short\n{long}"));
        let lines: Vec<_> = folded.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= 80), "{folded}");
        assert_eq!(lines[0], "error: short");
        assert!(lines[1].starts_with("  try: word"), "{folded}");
        assert!(
            lines[2..].iter().all(|line| line.starts_with("    w")),
            "{folded}"
        );
        let words: Vec<_> = folded.split_whitespace().collect();
        assert_eq!(words[2..].join(" "), long.trim());
    }

    #[test]
    fn times_have_no_end() {
        assert_eq!(time(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(time(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["A", "B"], ["a\tb", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "  A        B\n  a\\u{9}b  c\n");
    }
}
