//! `sotto-gateway check`: everything that would keep the gateway from starting, all at once, without starting it; with
//! `--online`, also what only asking tells.

use std::{fmt::Write as _, path::Path, process::ExitCode};

use serde_json::json;
use sotto_daemon::{clock, command};
use sotto_gateway::{
    Config, Gateway,
    online::{Severity, Subject, check_online},
};

use super::runtime;

/// What a check cannot know that asks nobody.
const HINT: &str = ". What only asking tells is told by `sotto-gateway check --online`.";

pub(crate) fn run(path: &Path, online: bool, json: bool) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let (config, problems) = match Config::load(path) {
        Ok(config) => {
            let problems = Gateway::check(config.clone(), now);
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            (Some(config), problems)
        }
        Err(error) => (None, vec![error.to_string()]),
    };
    match config {
        Some(config) if online && problems.is_empty() => ask(path, &config, now, json),
        // What is wrong already would be found once more.
        _ => command::report_check(path, &problems, json, HINT),
    }
}

fn ask(path: &Path, config: &Config, now: u64, json: bool) -> anyhow::Result<ExitCode> {
    let config = config.clone().checked()?;
    let found = runtime()?.block_on(check_online(&config, now));
    let subjects = match found {
        Ok(subjects) => subjects,
        Err(error) => return command::report_check(path, &[error], json, ""),
    };
    let good = subjects
        .iter()
        .all(|subject| subject.gravest() != Some(Severity::Error));
    if json {
        command::print_json(&json!({
            "schema": 1, "ok": good, "problems": [], "online": subjects,
        }))?;
    } else {
        command::print(format!("{}: good\n{}", path.display(), told(&subjects)))?;
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn told(subjects: &[Subject]) -> String {
    let mut text = String::new();
    for subject in subjects {
        let verdict = match subject.gravest() {
            None | Some(Severity::Note) => "good",
            Some(Severity::Warning) => "see to it",
            Some(Severity::Error) => "does not work",
        };
        let summary = match subject.summary.as_str() {
            "" => String::new(),
            summary => format!(" ({summary})"),
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{} {}: {verdict}{summary}",
            subject.kind, subject.name
        );
        for finding in &subject.findings {
            let severity = match finding.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let _ = writeln!(text, "- {severity}: {}; {}", finding.what, finding.remedy);
        }
    }
    text
}
