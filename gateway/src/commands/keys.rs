//! `sotto-gateway keys`: the schedule's life in an operator's hands. Nothing here prints a secret.

mod check;
mod publish;
mod transfer;

use std::{fmt::Write, process::ExitCode};

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};
use sotto_daemon::{
    clock,
    command::{print, print_json},
};
use sotto_envelope::{Epoch, Suite};
use sotto_gateway::{
    Config,
    keys::{KeySchedule, StateFile, fresh_secret},
};

use crate::Configuration;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the state file, with a fresh secret
    Init(Options),
    /// Show epochs and digests
    Show(Options),
    Publish(publish::Arguments),
    Check(check::Arguments),
    Export(transfer::ExportArguments),
    Join(transfer::JoinArguments),
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
        Command::Publish(arguments) => publish::run(&arguments, now),
        Command::Check(arguments) => Ok(check::run(&arguments, now)),
        Command::Export(arguments) => transfer::export(&arguments),
        Command::Join(arguments) => transfer::join(&arguments, now),
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

    fn print(&self, json: &Value, text: &str) -> anyhow::Result<()> {
        if self.json {
            print_json(json)
        } else {
            print(text)
        }
    }

    fn answer(&self, json: &Value, text: &str) -> anyhow::Result<ExitCode> {
        self.print(json, text)?;
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

fn advance(options: &Options, force: bool, now: u64) -> anyhow::Result<ExitCode> {
    let (_, file) = options.load()?;
    // The previous epoch stays: its envelopes may still be on the way.
    let epoch = file.advance(Epoch::at(now).previous(), force)?.epoch();
    options.answer(
        &json!({ "schema": 1, "epoch": epoch.0 }),
        &format!("{} now begins with epoch {epoch}.\n", file.path().display()),
    )
}
