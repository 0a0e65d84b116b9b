//! The `sotto` command, run as a person runs it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{GATEWAY_HOST, Hierarchy, Parties, binaries};

/// What a run of `sotto` left.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Standard output, which is one JSON object with `--json`.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Standard output as JSON.
    ///
    /// # Errors
    ///
    /// That it is not JSON, with all that the command said.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("not JSON: {self:?}"))
    }
}

/// Runs `sotto` with `arguments` and nothing from this machine's configuration.
///
/// # Errors
///
/// That it has not been built or was ended by a signal.
pub fn run(arguments: &[&str]) -> Result<Outcome> {
    run_by(&binaries::find("sotto")?, arguments)
}

/// Runs `program`, which is `sotto` or runs it, likewise.
pub(crate) fn run_by(program: &Path, arguments: &[&str]) -> Result<Outcome> {
    let home = tempfile::tempdir().context("no temporary directory")?;
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .output()
        .context("sotto cannot be run")?;
    Ok(Outcome {
        code: output
            .status
            .code()
            .context("sotto was ended by a signal")?,
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// Runs a subcommand with `--json` through the parties, trusting the root of the hierarchy.
///
/// # Errors
///
/// As for [`run`].
pub fn through(parties: &Parties, hierarchy: &Hierarchy, arguments: &[&str]) -> Result<Outcome> {
    in_words_through(parties, hierarchy, &[arguments, &["--json"]].concat())
}

/// As [`through`], without `--json`: what a person reads.
///
/// # Errors
///
/// As for [`run`].
pub fn in_words_through(
    parties: &Parties,
    hierarchy: &Hierarchy,
    arguments: &[&str],
) -> Result<Outcome> {
    let (relay, ca) = (parties.relay_url(), parties.ca().display().to_string());
    let anchor = hierarchy.anchor().display().to_string();
    let common = [
        "--relay",
        &relay,
        "--gateway",
        GATEWAY_HOST,
        "--anchor",
        &anchor,
        "--ca",
        &ca,
    ];
    run(&[arguments, &common].concat())
}
