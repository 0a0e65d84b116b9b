//! `sotto-gateway keys`: the schedule's life in an operator's hands. Nothing here prints a secret.

use std::{fmt::Write, process::ExitCode};

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};
use sotto_daemon::{
    clock,
    command::{print, print_json},
};
use sotto_envelope::{Epoch, KeyRecord, Suite};
use sotto_gateway::{
    Config, check_keys,
    keys::{KEY_RECORD_TTL, KeySchedule, PUBLISHED_EPOCHS, StateFile, fresh_secret, records},
};

use super::runtime;
use crate::Configuration;

/// Epochs left in the DNS at which an operator should publish.
const EPOCHS_TO_WARN_AT: u64 = 5;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the state file, with a fresh secret
    Init(Options),
    /// Show epochs and digests
    Show(Options),
    /// Print the zone lines of the coming 14 epochs
    Publish(Options),
    /// Ask the DNS whether it vouches for these keys, and for how long
    Check(Options),
    /// Let go of past epochs for good, after a long rest
    Advance {
        #[command(flatten)]
        options: Options,
        /// More than 14 epochs at once: only if the clock is right
        #[arg(long)]
        force: bool,
    },
}

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    configuration: Configuration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    match command {
        Command::Init(options) => init(&options, now),
        Command::Show(options) => show(&options, now),
        Command::Publish(options) => publish(&options, now),
        Command::Check(options) => check(&options, now),
        Command::Advance { options, force } => advance(&options, force, now),
    }
}

impl Options {
    fn load(&self) -> anyhow::Result<(Config, StateFile)> {
        let file = &self.configuration.config;
        let config = Config::load(file)?
            .checked()
            .with_context(|| file.display().to_string())?;
        let state = StateFile::at(&config.keys.state);
        Ok((config, state))
    }

    fn answer(&self, json: &Value, text: &str) -> anyhow::Result<ExitCode> {
        if self.json {
            print_json(json)?;
        } else {
            print(text)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn init(options: &Options, now: u64) -> anyhow::Result<ExitCode> {
    let (_, file) = options.load()?;
    let secret = fresh_secret()
        .context("the system's random source gives nothing; wait until it has been seeded")?;
    let epoch = file.create(Epoch::at(now), *secret)?.epoch();
    let state = file.path().display();
    options.answer(
        &json!({ "schema": 1, "state": state.to_string(), "epoch": epoch.0 }),
        &format!("Made {state}, from epoch {epoch} on. Now publish what `sotto-gateway keys publish` prints.\n"),
    )
}

fn show(options: &Options, now: u64) -> anyhow::Result<ExitCode> {
    let (config, file) = options.load()?;
    let oldest = file.load()?.epoch();
    let keys = KeySchedule::open(file, now)?.active();
    let epochs: Vec<_> = keys
        .lists
        .iter()
        .map(|list| {
            json!({
                "epoch": list.epoch.0,
                "from": list.epoch.start(),
                "until": list.epoch.end(),
                "key_ids": Suite::ALL.map(|suite| suite.key_id(list.epoch)),
                "digest": hex::encode(list.digest),
            })
        })
        .collect();
    let mut text = format!(
        "{} run by {}: epoch {} now, keys from epoch {oldest} on.\n",
        config.host, config.operator, keys.epoch
    );
    for list in &keys.lists {
        writeln!(
            text,
            "epoch {}  sha256 {}",
            list.epoch,
            hex::encode(list.digest)
        )?;
    }
    options.answer(
        &json!({
            "schema": 1, "host": config.host, "operator": config.operator,
            "oldest_epoch": oldest.0, "current_epoch": keys.epoch.0, "epochs": epochs,
        }),
        &text,
    )
}

fn publish(options: &Options, now: u64) -> anyhow::Result<ExitCode> {
    let (config, file) = options.load()?;
    let records = records(
        &file.load()?,
        &config.operator,
        Epoch::at(now),
        PUBLISHED_EPOCHS,
    )?;
    let owner = KeyRecord::owner_name(&config.host);
    let json: Vec<_> = records
        .iter()
        .map(|record| json!({ "epoch": record.epoch.0, "text": record.to_text(), "rdata_hex": hex::encode(record.to_rdata()) }))
        .collect();
    let mut text = String::new();
    for record in &records {
        writeln!(
            text,
            "{owner} {KEY_RECORD_TTL} IN TXT {}",
            character_strings(&record.to_rdata())
        )?;
    }
    options.answer(
        &json!({ "schema": 1, "owner": owner, "type": "TXT", "ttl": KEY_RECORD_TTL, "records": json }),
        &text,
    )
}

fn check(options: &Options, now: u64) -> anyhow::Result<ExitCode> {
    let (config, _) = options.load()?;
    let found = runtime()?.block_on(check_keys(&config, now))?;
    let left = found.epochs_published;
    let problem = match found.problem {
        Some(error) => Some(error.to_string()),
        None if left <= EPOCHS_TO_WARN_AT => Some(format!(
            "the DNS carries only {left} epochs from now on; publish what `sotto-gateway keys publish` prints"
        )),
        None => None,
    };
    let good = problem.is_none();
    let text = problem.clone().unwrap_or_else(|| {
        format!(
            "The DNS vouches for the keys of this and the following {} epochs.",
            left.saturating_sub(1)
        )
    });
    options.answer(
        &json!({ "schema": 1, "ok": good, "epochs_published": left, "problem": problem }),
        &format!("{text}\n"),
    )?;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn advance(options: &Options, force: bool, now: u64) -> anyhow::Result<ExitCode> {
    let (_, file) = options.load()?;
    // The previous epoch stays: its envelopes may still be on the way.
    let epoch = file.advance(Epoch::at(now).previous(), force)?.epoch();
    options.answer(
        &json!({ "schema": 1, "epoch": epoch.0 }),
        &format!("{} now begins with epoch {epoch}.\n", file.path().display()),
    )
}

/// The character-strings of TXT RDATA as a zone file writes them. Key records hold no character that needs escaping.
fn character_strings(rdata: &[u8]) -> String {
    let mut strings = Vec::new();
    let mut rest = rdata;
    while let Some((length, after)) = rest.split_first() {
        let (string, after) = after.split_at(usize::from(*length).min(after.len()));
        strings.push(format!("\"{}\"", String::from_utf8_lossy(string)));
        rest = after;
    }
    strings.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_records_are_split_into_character_strings() {
        let record = KeyRecord {
            operator: format!("{}.example", ["a"; 100].join(".")),
            epoch: Epoch(20_000),
            digest: [0xab; 32],
        };
        let written = character_strings(&record.to_rdata());
        assert_eq!(written.matches('"').count(), 4, "{written}");
        assert_eq!(
            written.replace("\" \"", ""),
            format!("\"{}\"", record.to_text())
        );
    }
}
