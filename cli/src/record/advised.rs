//! Advice on what is published, gathered over everybody whom it concerns.

use std::collections::BTreeMap;

use serde::Serialize;
use sotto_publish::Advice;

use crate::terminal::escape;

/// Lines that are named for one kind of advice; the rest are counted.
const LINES_SHOWN: usize = 10;

/// Advice by its code.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Advised(BTreeMap<&'static str, Noted>);

/// One kind of advice, and whom it concerns.
#[derive(Debug, Serialize)]
struct Noted {
    count: u64,
    /// The first lines of the file of accounts that it concerns; none for somebody named on the command line.
    lines: Vec<u64>,
    /// What is said of the first of them.
    message: String,
    remedy: &'static str,
    #[serde(skip)]
    is_warning: bool,
}

impl Advised {
    /// Gathers what is said of one person, whose first row stands on this line of a file of accounts.
    pub(super) fn note(&mut self, advice: &Advice, line: Option<u64>) {
        let noted = self.0.entry(advice.code()).or_insert_with(|| Noted {
            count: 0,
            lines: Vec::new(),
            message: advice.to_string(),
            remedy: advice.remedy(),
            is_warning: advice.is_warning(),
        });
        noted.count += 1;
        if noted.lines.len() < LINES_SHOWN {
            noted.lines.extend(line);
        }
    }

    /// All of it for a person, a line each.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for noted in self.0.values() {
            let word = if noted.is_warning { "warning" } else { "note" };
            let lines: Vec<String> = noted.lines.iter().map(u64::to_string).collect();
            let more = noted.count - noted.lines.len() as u64;
            let place = match (lines.is_empty(), more) {
                (true, _) => String::new(),
                (false, 0) => format!(" line {}:", lines.join(", ")),
                (false, more) => format!(" line {} and {more} more:", lines.join(", ")),
            };
            notes.push(format!("{word}:{place} {}", escape(&noted.message)));
            notes.push(format!("  try: {}", noted.remedy));
        }
        notes
    }
}
