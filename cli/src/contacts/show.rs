//! What a run tells, for a person and for a program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use sotto_client::contacts::{Book, Contact};

use super::answer::Answer;
use super::read::Reading;
use crate::failure::Failure;
use crate::terminal::{escape, folded, table};
use crate::{json, tell};

/// How many problems of a book a person is shown; a program gets all.
const PROBLEMS_SHOWN: usize = 20;

/// Prints what could not be read and what was guessed: to standard error, or as lines of JSON.
pub(super) fn problems(reading: &Reading, json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Body<'a> {
        problem: Detail<'a>,
    }
    #[derive(Serialize)]
    struct Detail<'a> {
        line: usize,
        code: &'a str,
        message: &'a str,
        remedy: &'a str,
    }
    if json {
        for problem in &reading.problems {
            print(&json::print(&Body {
                problem: Detail {
                    line: problem.line,
                    code: problem.code,
                    message: &problem.message,
                    remedy: &problem.remedy,
                },
            }))?;
        }
        return Ok(());
    }
    let mut lines = Vec::new();
    for problem in reading.problems.iter().take(PROBLEMS_SHOWN) {
        lines.push(format!(
            "line {}: {}",
            problem.line,
            escape(&problem.message)
        ));
        lines.push(format!("  try: {}", escape(&problem.remedy)));
    }
    let hidden = reading.problems.len().saturating_sub(PROBLEMS_SHOWN) + reading.problems_omitted;
    if hidden > 0 {
        lines.push(format!(
            "and {hidden} more lines that cannot be used; --json lists them"
        ));
    }
    lines.extend(reading.guesses.iter().map(|guess| format!("note: {guess}")));
    notes(&lines);
    Ok(())
}

/// Prints lines to standard error, now.
pub(super) fn notes(lines: &[String]) {
    tell(lines);
}

/// Prints to standard output, now.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| {
            // Who closed the pipe wants no more questions asked either.
            Failure::own(
                "output_not_written",
                format!("standard output cannot be written: {error}"),
                "check the disk and the permissions; the same command goes on where this one stopped",
            )
        })
}

/// One person, as a line of JSON.
pub(super) fn contact(contact: &Contact, answer: &Answer, resumed: bool) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        contact: Detail<'a>,
    }
    #[derive(Serialize)]
    struct Detail<'a> {
        identifier: String,
        names: &'a [String],
        #[serde(flatten)]
        answer: &'a Answer,
        resumed: bool,
    }
    json::print(&Body {
        contact: Detail {
            identifier: contact.identifier.to_string(),
            names: &contact.names,
            answer,
            resumed,
        },
    })
}

/// What came of a run, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) people: usize,
    pub(super) found: usize,
    pub(super) opted_out: usize,
    pub(super) no_record: usize,
    pub(super) invalid: usize,
    pub(super) insecure: usize,
    pub(super) bogus: usize,
    pub(super) unavailable: usize,
    /// People to whom the run did not come.
    pub(super) not_asked: usize,
    /// People answered without that their own names were sent.
    pub(super) spared: usize,
    /// Domains and phone zones asked first, by what they said.
    pub(super) branches: Branches,
    /// Questions of this run that left, cover among them.
    pub(super) sent: usize,
    pub(super) cover: usize,
    /// Questions that the store answered.
    pub(super) from_store: usize,
    /// Why people could not be answered: how many for each code.
    pub(super) reasons: BTreeMap<String, usize>,
}

/// What the domains and phone zones of a book said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Branches {
    pub(super) open: usize,
    pub(super) absent: usize,
    pub(super) unsigned: usize,
    pub(super) failed: usize,
}

impl Tally {
    /// Counts the people of a book.
    pub(super) fn count(&mut self, answers: &[Option<Answer>]) {
        self.people = answers.len();
        for answer in answers {
            let Some(answer) = answer else {
                self.not_asked += 1;
                continue;
            };
            let counter = match answer.outcome.as_str() {
                "found" => &mut self.found,
                "opted_out" => &mut self.opted_out,
                "no_record" => &mut self.no_record,
                "invalid" => &mut self.invalid,
                "insecure" => &mut self.insecure,
                "bogus" => &mut self.bogus,
                _ => &mut self.unavailable,
            };
            *counter += 1;
            if answer.stands() {
                self.spared += usize::from(!answer.asked);
            } else {
                let code = answer.code.clone().unwrap_or_default();
                *self.reasons.entry(code).or_default() += 1;
            }
        }
    }

    /// The tally as a line of JSON.
    pub(super) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            summary: &'a Tally,
        }
        json::print(&Body { summary: self })
    }

    fn rows(&self) -> Vec<[String; 3]> {
        let row = |what: &str, count: usize, means: &str| {
            [what.to_owned(), count.to_string(), means.to_owned()]
        };
        let mut rows = vec![["OUTCOME", "PEOPLE", "MEANS"].map(str::to_owned)];
        let all = [
            row("found", self.found, "listed above"),
            row(
                "opted out",
                self.opted_out,
                "do not want to be found this way",
            ),
            row(
                "no record",
                self.no_record,
                "proved: nothing is published for them",
            ),
            row("invalid", self.invalid, "what is published cannot be used"),
            row(
                "insecure",
                self.insecure,
                "their domain is not signed: nothing can be proved",
            ),
            row(
                "bogus",
                self.bogus,
                "somebody lied, or the domain's signatures are broken",
            ),
            row(
                "unavailable",
                self.unavailable,
                "no answer; the same command asks again",
            ),
            row(
                "not asked",
                self.not_asked,
                "the same command goes on with them",
            ),
        ];
        rows.extend(all.into_iter().filter(|[_, count, _]| count != "0"));
        rows
    }
}

/// The whole outcome, for a person.
pub(super) fn text(book: &Book, answers: &[Option<Answer>], tally: &Tally) -> String {
    let mut text = String::new();
    let mut found = vec![["NAME", "IDENTIFIER", "REACHABLE BY"].map(str::to_owned)];
    for (contact, answer) in book.contacts().iter().zip(answers) {
        if let Some(answer) = answer.as_ref().filter(|answer| answer.outcome == "found") {
            found.push([
                contact.names.first().cloned().unwrap_or_default(),
                contact.identifier.to_string(),
                answer.reachable_by(),
            ]);
        }
    }
    if found.len() > 1 {
        text.push_str(&table(&found));
        text.push('\n');
    }
    text.push_str(&table(&tally.rows()));
    for (code, count) in &tally.reasons {
        // A String takes everything.
        let _ = writeln!(
            text,
            "  {count} of those without an answer: {}",
            escape(code)
        );
    }
    text.push_str("  --json names everybody\n");
    let Branches {
        open,
        absent,
        unsigned,
        failed,
    } = tally.branches;
    let asked = open + absent + unsigned + failed;
    if asked > 0 {
        let sentence = format!(
            "{asked} domains and phone zones were asked first: {open} may publish something, {absent} publish nothing, {unsigned} are not signed, {failed} gave no \
             answer. So the names of {} people were never sent.",
            tally.spared
        );
        let _ = writeln!(text, "{}", folded(&sentence));
    }
    let sentence = format!(
        "{} questions left, {} of them cover{}.",
        tally.sent,
        tally.cover,
        match tally.from_store {
            0 => String::new(),
            count => format!("; {count} were answered from the store"),
        }
    );
    let _ = writeln!(text, "{}", folded(&sentence));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: &str, asked: bool, code: Option<&str>) -> Option<Answer> {
        Some(Answer {
            outcome: outcome.to_owned(),
            asked,
            code: code.map(str::to_owned),
            rule: None,
            remedy: None,
            services: Vec::new(),
            at: 0,
        })
    }

    #[test]
    fn everybody_is_counted_once() {
        let answers = [
            answer("found", true, None),
            answer("no_record", false, Some("nxdomain")),
            answer("insecure", false, Some("no_ds")),
            answer("unavailable", true, Some("timed_out")),
            answer("bogus", false, Some("bad_signature")),
            None,
        ];
        let mut tally = Tally::default();
        tally.count(&answers);
        assert_eq!((tally.people, tally.not_asked, tally.spared), (6, 1, 2));
        let counted =
            tally.found + tally.no_record + tally.insecure + tally.unavailable + tally.bogus;
        assert_eq!(counted, 5);
        assert_eq!(tally.reasons["timed_out"], 1);
        assert_eq!(tally.rows().len(), 7);
        assert!(
            tally
                .json()
                .starts_with("{\"schema\":1,\"summary\":{\"people\":6,")
        );
    }
}
