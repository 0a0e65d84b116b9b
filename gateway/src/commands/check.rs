//! `sotto-gateway check`: everything that would keep the gateway from starting, all at once, without starting it.

use std::{path::Path, process::ExitCode};

use serde_json::json;
use sotto_daemon::clock;
use sotto_gateway::{
    Config, StartError, anchors,
    keys::{KeySchedule, StateFile},
    relays::Relays,
};

use super::{print, print_json};

pub(crate) fn run(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let problems = match Config::load(path) {
        Ok(config) => problems(&config),
        Err(error) => vec![error.to_string()],
    };
    if json {
        print_json(&json!({ "schema": 1, "ok": problems.is_empty(), "problems": problems }))?;
    } else if problems.is_empty() {
        print(&format!(
            "{}: good. Whether the DNS carries the keys is told by `sotto-gateway keys check`.\n",
            path.display()
        ))?;
    } else {
        print(
            &problems
                .iter()
                .map(|problem| format!("- {problem}\n"))
                .collect::<String>(),
        )?;
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn problems(config: &Config) -> Vec<String> {
    let checks = [
        config
            .listen
            .certificates()
            .err()
            .map(|error| StartError::Listen(error).to_string()),
        Relays::load(&config.relay, config.open_to_any_relay)
            .err()
            .map(|error| error.to_string()),
        KeySchedule::open(StateFile::at(&config.keys.state), clock::now())
            .err()
            .map(|error| error.to_string()),
        anchors(config).err().map(|error| error.to_string()),
    ];
    checks.into_iter().flatten().collect()
}
