//! `sotto-gateway check`: everything that would keep the gateway from starting, all at once, without starting it.

use std::{path::Path, process::ExitCode};

use sotto_daemon::{clock, command};
use sotto_gateway::{Config, Gateway};

/// What a check cannot know, since it asks nobody.
const HINT: &str = ". Whether the DNS carries the keys is told by `sotto-gateway keys check`.";

pub(crate) fn run(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let problems: Vec<String> = match Config::load(path) {
        Ok(config) => Gateway::check(config, clock::now())
            .iter()
            .map(ToString::to_string)
            .collect(),
        Err(error) => vec![error.to_string()],
    };
    command::report_check(path, &problems, json, HINT)
}
