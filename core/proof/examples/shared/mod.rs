//! What the examples share: arguments, files, anchors, the clock.

#![allow(dead_code, reason = "each example uses its part")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use sotto_proof::{Anchors, ClockHint, Utc, Verification};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// The words of a command line: those that stand alone, and those behind a `--flag`.
pub(crate) struct Arguments {
    pub(crate) words: Vec<String>,
    flags: BTreeMap<String, String>,
}

impl Arguments {
    /// Parts a command line, which may have these flags, each with a value.
    pub(crate) fn parse(line: impl IntoIterator<Item = String>, flags: &[&str]) -> Outcome<Self> {
        let mut arguments = Self {
            words: Vec::new(),
            flags: BTreeMap::new(),
        };
        let mut line = line.into_iter();
        while let Some(word) = line.next() {
            if !word.starts_with("--") {
                arguments.words.push(word);
            } else if flags.contains(&word.as_str()) {
                let value = line.next().ok_or(format!("{word} needs a value"))?;
                arguments.flags.insert(word, value);
            } else {
                return Err(format!("{word} is unknown; there are {}", flags.join(", ")).into());
            }
        }
        Ok(arguments)
    }

    pub(crate) fn flag(&self, flag: &str) -> Option<&str> {
        self.flags.get(flag).map(String::as_str)
    }

    /// The time to verify at: `--at`, or now.
    pub(crate) fn time(&self) -> Outcome<u64> {
        match self.flag("--at") {
            Some(text) => text
                .parse()
                .map_err(|_| format!("--at takes Unix seconds, not {text:?}").into()),
            None => now(),
        }
    }

    /// The trust anchors: the file of `--anchors`, or those of the IANA root.
    pub(crate) fn anchors(&self, now: u64) -> Outcome<Anchors> {
        let Some(path) = self.flag("--anchors") else {
            return Ok(Anchors::iana());
        };
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        Ok(Anchors::parse_at(&text, now).map_err(|error| format!("{path}: {error}"))?)
    }
}

/// The clock of this machine, in Unix seconds: the library itself never looks at one.
#[allow(clippy::disallowed_methods, reason = "the one clock of the examples")]
fn now() -> Outcome<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since
        .map_err(|_| "the clock shows a time before 1970")?
        .as_secs())
}

/// Tells what a wrong clock looks like, if this looks like one.
pub(crate) fn clock(verification: &Verification, now: u64) -> Option<String> {
    let shown = Utc(now);
    Some(match verification.clock? {
        ClockHint::Behind { signed_from } => format!(
            "every signature begins after {shown}, the last at {}: is the clock right?",
            Utc(signed_from)
        ),
        ClockHint::Ahead { signed_until } => format!(
            "every signature ended before {shown}, the first at {}: is the clock right, or the proof old?",
            Utc(signed_until)
        ),
    })
}

/// Runs an example as a command: what it says to standard output, a failure to standard error.
pub(crate) fn command(
    usage: &str,
    run: impl FnOnce(Vec<String>, &mut String) -> Outcome<bool>,
) -> ExitCode {
    let mut said = String::new();
    let outcome = run(env::args().skip(1).collect(), &mut said);
    let written = std::io::Write::write_all(&mut std::io::stdout(), said.as_bytes());
    match outcome {
        Ok(true) if written.is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}\nusage: {usage}");
            ExitCode::from(2)
        }
    }
}

/// Adds a line.
pub(crate) fn say(said: &mut String, line: impl std::fmt::Display) {
    // A String takes everything.
    let _ = writeln!(said, "{line}");
}
