//! `sotto-gateway keys check`: whether the DNS vouches for the keys, and for how long, as monitoring asks it.

use std::process::ExitCode;

use serde_json::json;
use sotto_daemon::command::complain;
use sotto_envelope::Epoch;
use sotto_gateway::{KeeperError, KeyCheck, check_keys, keys::Supply};

use super::Options;
use crate::commands::runtime;

/// What a check ends with if it could not be made.
const UNKNOWN: u8 = 3;

/// Ask the DNS whether it vouches for these keys, and for how long
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes, as monitoring reads them: 0 more than five epochs are left, 1 at most five, 2 at most two or the keys cannot \
                  be served, 3 the check could not be made. A wrong command line ends with 2, too."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(arguments: &Arguments, now: u64) -> ExitCode {
    checked(&arguments.options, now).unwrap_or_else(|error| {
        complain("sotto-gateway", &error);
        ExitCode::from(UNKNOWN)
    })
}

fn checked(options: &Options, now: u64) -> anyhow::Result<ExitCode> {
    let (config, _) = options.load()?;
    let found = runtime()?.block_on(check_keys(&config, now))?;
    // A resolver that gives no proof tells nothing of the keys, good or bad.
    let is_unknown = matches!(found.problem, Some(KeeperError::NoProof(_)));
    let state = match found.problem {
        Some(_) => Supply::Ending,
        None => Supply::of(found.epochs_published),
    };
    let problem = problem(&found, state);
    let left = found.epochs_published;
    let text = problem.clone().unwrap_or_else(|| {
        format!(
            "The DNS vouches for the keys of this and the following {} epochs.",
            left.saturating_sub(1)
        )
    });
    options.print(
        &json!({
            "schema": 1, "ok": problem.is_none(), "state": if is_unknown { "unknown" } else { state.as_str() },
            "epochs_published": (!is_unknown).then_some(left),
            "published_until": (left > 0).then(|| Epoch::at(now).plus(left).start()),
            "offered_until": found.over.map(|(_, until)| until), "problem": problem,
        }),
        &format!("{text}\n"),
    )?;
    Ok(match state {
        Supply::Good => ExitCode::SUCCESS,
        Supply::Low => ExitCode::from(1),
        Supply::Ending if is_unknown => ExitCode::from(UNKNOWN),
        Supply::Ending => ExitCode::from(2),
    })
}

/// What an operator has to do something about.
fn problem(found: &KeyCheck, state: Supply) -> Option<String> {
    if let Some(error) = &found.problem {
        return Some(error.to_string());
    }
    if let Some((epoch, until)) = found.over {
        return Some(format!(
            "the DNS carries no epoch after {epoch}, which is over and is offered until Unix time {until} at most; \
             publish what `sotto-gateway keys publish` prints"
        ));
    }
    let left = found.epochs_published;
    (state != Supply::Good).then(|| {
        format!(
            "the DNS carries only {left} epochs from now on; publish what `sotto-gateway keys publish` prints"
        )
    })
}
