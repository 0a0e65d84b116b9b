//! What a check found: for people by name, for programs as data, and an exit code.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use sotto_client::Learnt;
use sotto_proof::Question;
use sotto_publish::check::{Finding, Report, Severity, Unknown};

use crate::Output;
use crate::exit::Exit;
use crate::explain::{COLUMNS, wrap};
use crate::json;
use crate::report::LearntObject;
use crate::terminal::escape;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// Columns of the longest word for a severity, and the blanks around it.
const INDENT: usize = 11;

/// What was checked.
pub(super) enum Subject {
    Identifier(String),
    ZoneFile(PathBuf),
    Accounts(PathBuf),
}

/// Who was asked what.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) questions: Vec<Question>,
    /// The server that was asked directly.
    pub(super) server: Option<String>,
    pub(super) learnt: Vec<Learnt>,
    /// The same, for people.
    pub(super) said: String,
}

/// Everything that came of a check.
pub(super) struct Checked {
    pub(super) subject: Subject,
    pub(super) report: Report,
    pub(super) unknown: Vec<Unknown>,
    pub(super) asked: Option<Asked>,
    /// What else is to be said, a line each.
    pub(super) notes: Vec<String>,
    /// Whether anything is known at all.
    pub(super) answered: bool,
}

impl Checked {
    pub(super) fn of_file(subject: Subject, report: Report) -> Self {
        Self {
            subject,
            report,
            unknown: Vec::new(),
            asked: None,
            notes: Vec::new(),
            answered: true,
        }
    }

    /// Nobody answered, for reasons that say nothing of the records.
    pub(super) fn unanswered(subject: Subject, asked: Asked, notes: Vec<String>) -> Self {
        Self {
            asked: Some(asked),
            notes,
            answered: false,
            ..Self::of_file(subject, Report::default())
        }
    }
}

/// From which severity on a check fails.
#[derive(Clone, Copy)]
pub(super) enum Deny {
    Errors,
    Warnings,
}

/// The output of the command.
pub(super) fn output(checked: &Checked, deny: Deny, json: bool) -> Output {
    let text = if json {
        json::print(&Object::new(checked))
    } else {
        let text = text(checked, io::stdout().is_terminal());
        match AutoStream::choice(&io::stdout()) {
            ColorChoice::Never => anstream::adapter::strip_str(&text).to_string(),
            _ => text,
        }
    };
    Output {
        text,
        notes: Vec::new(),
        exit: exit(checked, deny),
    }
}

fn exit(checked: &Checked, deny: Deny) -> Exit {
    let counts = checked.report.counts;
    match (deny, counts.errors, counts.warnings) {
        _ if !checked.answered => Exit::Unavailable,
        (_, 0, 0) => Exit::Done,
        (Deny::Errors, 0, _) => Exit::Warnings,
        _ => Exit::Errors,
    }
}

/// For people: in lines of the terminal's usual width if it is one, else a line for each thing.
fn text(checked: &Checked, is_terminal: bool) -> String {
    let mut text = String::new();
    let mut last = None;
    for finding in &checked.report.findings {
        let heading = finding.name.as_ref().map_or_else(
            || match &checked.subject {
                Subject::Identifier(identifier) => identifier.clone(),
                Subject::ZoneFile(path) | Subject::Accounts(path) => path.display().to_string(),
            },
            ToString::to_string,
        );
        if last.as_ref() != Some(&heading) {
            let _ = writeln!(text, "{BOLD}{}{BOLD:#}", escape(&heading));
            last = Some(heading);
        }
        write_finding(&mut text, finding, is_terminal);
    }
    if !checked.unknown.is_empty() {
        let _ = writeln!(text, "{BOLD}Not known{BOLD:#}");
    }
    for unknown in &checked.unknown {
        let _ = writeln!(
            text,
            "{}",
            laid_out(
                &format!("  {}: {}", escape(&unknown.what), escape(&unknown.why)),
                4,
                is_terminal
            )
        );
        for line in &unknown.lines {
            let _ = writeln!(text, "    {}", escape(line));
        }
        if let Some(command) = command(checked).filter(|_| unknown.is_askable) {
            let _ = writeln!(text, "    {DIM}to find out: {}{DIM:#}", escape(&command));
        }
    }
    for note in &checked.notes {
        let _ = writeln!(text, "{}", escape(note));
    }
    if let Some(asked) = checked
        .asked
        .as_ref()
        .filter(|asked| !asked.said.is_empty())
    {
        // Made by us of names that were escaped.
        let _ = writeln!(text, "{}", asked.said);
    }
    let _ = writeln!(text, "{BOLD}{}{BOLD:#}", summary(checked));
    text
}

fn write_finding(text: &mut String, finding: &Finding, is_terminal: bool) {
    let severity = finding.severity();
    let style = match severity {
        Severity::Error => RED,
        Severity::Warning => YELLOW,
        Severity::Note => DIM,
    };
    let mut place = String::new();
    match (finding.line, &finding.file) {
        (Some(line), Some(file)) => _ = write!(place, "line {line} of {}, ", escape(file)),
        (Some(line), None) => _ = write!(place, "line {line}, "),
        (None, _) => {}
    }
    if let Some(rtype) = finding.rtype {
        let _ = write!(place, "{rtype}: ");
    }
    let what = format!("{place}{}", escape(&finding.what));
    let code = format!("[{}, {}]", finding.code, finding.code.source());
    let what = laid_out(&what, INDENT, is_terminal);
    let last = what.lines().last().unwrap_or_default();
    let begun = last.chars().count() + if what.contains('\n') { 0 } else { INDENT };
    let between = if is_terminal && begun + 1 + code.chars().count() > COLUMNS {
        format!("\n{:INDENT$}", "")
    } else {
        " ".to_owned()
    };
    let _ = writeln!(
        text,
        "  {style}{severity:<8}{style:#} {what}{between}{DIM}{code}{DIM:#}"
    );
    for line in &finding.lines {
        let _ = writeln!(text, "{:INDENT$}{}", "", escape(line));
    }
    let remedy = format!("try: {}", escape(finding.remedy()));
    let remedy = laid_out(&remedy, INDENT, is_terminal);
    let _ = writeln!(text, "{:INDENT$}{remedy}", "");
}

/// `words` as they stand, or for a terminal in lines of its width that begin at column `indent`.
fn laid_out(words: &str, indent: usize, is_terminal: bool) -> String {
    if !is_terminal {
        return words.to_owned();
    }
    let begins = words.len() - words.trim_start().len();
    let parts = wrap(words.trim_start(), COLUMNS - indent);
    let further = format!("\n{:indent$}", "");
    format!("{:begins$}{}", "", parts.join(&further))
}

/// The command that finds out what a gateway does not tell.
fn command(checked: &Checked) -> Option<String> {
    let Subject::Identifier(identifier) = &checked.subject else {
        return None;
    };
    let server = match &checked.asked.as_ref()?.server {
        None => "ADDRESS-OF-A-RESOLVER",
        Some(_) => "ADDRESS-OF-ANOTHER-RESOLVER",
    };
    Some(format!(
        "sotto record check {} --server {server}, which tells that server who asks",
        for_shell(identifier)
    ))
}

/// A word as a shell has to be given it: in quotation marks where it would see more in it than a word.
fn for_shell(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "@._+-:/".contains(letter);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What came of it, in one line.
fn summary(checked: &Checked) -> String {
    let report = &checked.report;
    if !checked.answered {
        return "nothing is known: nobody answered".to_owned();
    }
    let counted = |count: u64, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        count => Some(format!("{} {word}s", grouped(count))),
    };
    let parts: Vec<String> = [
        counted(report.counts.errors, "error"),
        counted(report.counts.warnings, "warning"),
        counted(report.counts.notes, "note"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let found = if parts.is_empty() {
        "nothing wrong".to_owned()
    } else {
        parts.join(", ")
    };
    let names = counted(report.names, "name").unwrap_or_else(|| "0 names".to_owned());
    let omitted = match report.omitted {
        0 => String::new(),
        omitted => format!(
            "; {} of them not shown, of kinds that are above",
            grouped(omitted)
        ),
    };
    format!("{found} in {names}{omitted}")
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[derive(Serialize)]
struct Object<'a> {
    checked: SubjectObject<'a>,
    answered: bool,
    names: u64,
    errors: u64,
    warnings: u64,
    notes: u64,
    /// Findings that are counted and not listed.
    omitted: u64,
    findings: Vec<FindingObject<'a>>,
    unknown: Vec<UnknownObject<'a>>,
    /// What else was said.
    remarks: &'a [String],
    questions: Vec<String>,
    server: Option<&'a str>,
    learnt: Vec<LearntObject<'a>>,
}

#[derive(Serialize)]
struct SubjectObject<'a> {
    kind: &'static str,
    identifier: Option<&'a str>,
    file: Option<String>,
}

#[derive(Serialize)]
struct FindingObject<'a> {
    code: &'static str,
    severity: &'static str,
    name: Option<String>,
    #[serde(rename = "type")]
    rtype: Option<String>,
    /// The included file that the line is in.
    file: Option<&'a str>,
    line: Option<u64>,
    what: &'a str,
    remedy: &'a str,
    source: &'static str,
    lines: &'a [String],
}

#[derive(Serialize)]
struct UnknownObject<'a> {
    what: &'a str,
    why: &'a str,
    lines: &'a [String],
    command: Option<String>,
}

impl<'a> Object<'a> {
    fn new(checked: &'a Checked) -> Self {
        let report = &checked.report;
        let asked = checked.asked.as_ref();
        Self {
            checked: match &checked.subject {
                Subject::Identifier(identifier) => SubjectObject {
                    kind: "identifier",
                    identifier: Some(identifier),
                    file: None,
                },
                Subject::ZoneFile(path) => SubjectObject {
                    kind: "zone_file",
                    identifier: None,
                    file: Some(path.display().to_string()),
                },
                Subject::Accounts(path) => SubjectObject {
                    kind: "accounts",
                    identifier: None,
                    file: Some(path.display().to_string()),
                },
            },
            answered: checked.answered,
            names: report.names,
            errors: report.counts.errors,
            warnings: report.counts.warnings,
            notes: report.counts.notes,
            omitted: report.omitted,
            findings: report.findings.iter().map(FindingObject::from).collect(),
            unknown: checked
                .unknown
                .iter()
                .map(|unknown| UnknownObject {
                    what: &unknown.what,
                    why: &unknown.why,
                    lines: &unknown.lines,
                    command: command(checked).filter(|_| unknown.is_askable),
                })
                .collect(),
            remarks: &checked.notes,
            questions: asked.map_or_else(Vec::new, |asked| {
                asked.questions.iter().map(ToString::to_string).collect()
            }),
            server: asked.and_then(|asked| asked.server.as_deref()),
            learnt: asked.map_or_else(Vec::new, |asked| {
                let server = asked.server.as_deref().map(LearntObject::of_server);
                let parties = asked.learnt.iter().map(LearntObject::from);
                parties.chain(server).collect()
            }),
        }
    }
}

impl<'a> From<&'a Finding> for FindingObject<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            code: finding.code.as_str(),
            severity: finding.severity().as_str(),
            name: finding.name.as_ref().map(ToString::to_string),
            rtype: finding.rtype.map(|rtype| rtype.to_string()),
            file: finding.file.as_deref(),
            line: finding.line,
            what: &finding.what,
            remedy: finding.remedy(),
            source: finding.code.source(),
            lines: &finding.lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use sotto_publish::check::{Code, Counts};

    use super::*;

    fn checked(counts: Counts) -> Checked {
        let report = Report {
            counts,
            names: 10_000,
            ..Report::default()
        };
        Checked::of_file(Subject::ZoneFile("zone".into()), report)
    }

    #[test]
    fn the_summary_counts_and_the_exit_code_follows() {
        let counts = |errors, warnings, notes| Counts {
            errors,
            warnings,
            notes,
        };
        for (found, said, code, denied) in [
            (
                counts(0, 0, 0),
                "nothing wrong in 10,000 names",
                Exit::Done,
                Exit::Done,
            ),
            (
                counts(0, 0, 2),
                "2 notes in 10,000 names",
                Exit::Done,
                Exit::Done,
            ),
            (
                counts(0, 1, 0),
                "1 warning in 10,000 names",
                Exit::Warnings,
                Exit::Errors,
            ),
            (
                counts(3, 1, 0),
                "3 errors, 1 warning in 10,000 names",
                Exit::Errors,
                Exit::Errors,
            ),
        ] {
            let checked = checked(found);
            assert_eq!(summary(&checked), said);
            assert_eq!(exit(&checked, Deny::Errors), code);
            assert_eq!(exit(&checked, Deny::Warnings), denied);
        }
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        for (word, expected) in [
            ("hugh@example.com", "hugh@example.com"),
            ("*@example.com", "'*@example.com'"),
            ("\"it's me\"@example.com", "'\"it'\\''s me\"@example.com'"),
        ] {
            assert_eq!(for_shell(word), expected);
        }
    }

    #[test]
    fn a_finding_is_escaped_and_has_its_place() {
        let finding = Finding::of_file(Code::RecordSyntax, "a \u{1b}[2J part").at_line(7);
        let mut text = String::new();
        write_finding(&mut text, &finding, false);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(
            text.starts_with("  error    line 7, a \\u{1b}[2J part [record_syntax, "),
            "{text}"
        );
    }

    #[test]
    fn a_finding_fits_the_terminal_and_is_one_line_elsewhere() {
        let long = "a word and another one, ".repeat(12);
        let finding = Finding::of_file(Code::RecordSyntax, &long).at_line(7);
        let written = |is_terminal| {
            let mut text = String::new();
            write_finding(&mut text, &finding, is_terminal);
            anstream::adapter::strip_str(&text).to_string()
        };
        let (folded, whole) = (written(true), written(false));
        assert!(folded.lines().all(|line| line.len() <= COLUMNS), "{folded}");
        assert_eq!(whole.lines().count(), 2, "{whole}");
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&folded), words(&whole));
    }
}
