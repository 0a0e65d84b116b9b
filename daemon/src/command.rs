//! What the servers' commands have in common: how they print, complain, and report a check of a configuration.

use std::{
    fmt::Display,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::complaint;

/// The version of what `check --json` prints.
const SCHEMA: u32 = 1;

/// Prints a result. A reader that has gone away ends the output quietly.
///
/// # Errors
///
/// That standard output cannot be written to, for another reason.
pub fn print(octets: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    quietly(out.write_all(octets.as_ref()).and_then(|()| out.flush()))
        .context("cannot write to standard output")
}

/// Prints a result as JSON, on one line.
///
/// # Errors
///
/// As [`print()`].
pub fn print_json(value: &Value) -> anyhow::Result<()> {
    print(format!("{value}\n"))
}

/// Prints the error that ended `program`, and what caused it, on one line of standard error.
pub fn complain(program: &str, error: &anyhow::Error) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(
        io::stderr().lock(),
        "{program}: {}",
        complaint::one_line(error)
    );
}

/// Tells what a check of the configuration at `path` found, all of it at once; `hint` is a sentence for where it found nothing.
///
/// # Errors
///
/// As [`print()`].
pub fn report_check<P: Display>(
    path: &Path,
    problems: &[P],
    json: bool,
    hint: &str,
) -> anyhow::Result<ExitCode> {
    report_check_and(path, problems, json, hint, Map::new())
}

/// As [`report_check`], with further keys for the JSON.
///
/// # Errors
///
/// As [`print()`].
pub fn report_check_and<P: Display>(
    path: &Path,
    problems: &[P],
    json: bool,
    hint: &str,
    more: Map<String, Value>,
) -> anyhow::Result<ExitCode> {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    print(told(path, &problems, json, hint, more))?;
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn told(
    path: &Path,
    problems: &[String],
    json: bool,
    hint: &str,
    more: Map<String, Value>,
) -> String {
    if json {
        let mut report = more;
        report.insert("schema".to_owned(), json!(SCHEMA));
        report.insert("ok".to_owned(), json!(problems.is_empty()));
        report.insert("problems".to_owned(), json!(problems));
        return format!("{}\n", Value::from(report));
    }
    let path = path.display().to_string();
    match problems {
        [] => format!("{path}: good{hint}\n"),
        problems => problems
            .iter()
            .map(|problem| {
                // An error of the form names the file, and where in it, by itself.
                if problem.starts_with(&path) {
                    format!("- {problem}\n")
                } else {
                    format!("- {path}: {problem}\n")
                }
            })
            .collect(),
    }
}

fn quietly(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_line_and_its_file() {
        let path = Path::new("some.toml");
        let problems = [
            "key `a`: wrong".to_owned(),
            "some.toml, line 2: odd".to_owned(),
        ];
        assert_eq!(
            told(path, &problems, false, "", Map::new()),
            "- some.toml: key `a`: wrong\n- some.toml, line 2: odd\n"
        );
        let good = told(path, &[], false, ". Well", Map::new());
        assert_eq!(good, "some.toml: good. Well\n");
        let report = told(path, &problems, true, "", Map::new());
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(
            report,
            json!({ "schema": 1, "ok": false, "problems": problems })
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert!(quietly(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(quietly(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
