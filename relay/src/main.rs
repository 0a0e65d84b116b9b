//! The `sotto-relay` command.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use sotto_daemon::{Signals, complaint, config, logs};
use sotto_relay::{Config, Relay};

/// The prefix of environment variables that override the configuration.
const ENV_PREFIX: &str = "SOTTO_RELAY";

/// An Oblivious HTTP relay: hands sealed questions to gateways without knowing what is asked, and
/// without telling who asks.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Begin with the commented sample, relay/sotto-relay.sample.toml:
  sotto-relay check --config sotto-relay.toml
  sotto-relay serve --config sotto-relay.toml
The relay and the gateway must be run by different people, or nobody is protected.";

#[derive(Subcommand)]
enum Command {
    /// Serves until SIGTERM; SIGHUP reads certificate and tokens again
    Serve(Source),
    /// Checks a configuration, with the files it names, and ends
    Check(Source),
}

#[derive(Args)]
struct Source {
    /// The configuration; SOTTO_RELAY__LISTEN__ADDRESS and the like override it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Source {
    fn load(&self) -> Result<Config> {
        Ok(config::load(&self.config, ENV_PREFIX)?)
    }

    fn named(&self) -> String {
        self.config.display().to_string()
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if standard error is closed.
            let _ = writeln!(
                std::io::stderr(),
                "sotto-relay: {}",
                complaint::one_line(&error)
            );
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Check(source) => {
            let config = source.load()?;
            Relay::check(&config).with_context(|| source.named())?;
            // A closed pipe ends quietly.
            let _ = writeln!(std::io::stdout(), "{}: good", source.named());
            Ok(())
        }
        Command::Serve(source) => {
            let config = source.load()?;
            logs::init(config.log.format, config.log.level);
            serve(config, &source)
        }
    }
}

#[tokio::main]
async fn serve(config: Config, source: &Source) -> Result<()> {
    let signals = Signals::listen().context("signals cannot be handled")?;
    let running = Relay::start(config, None)
        .await
        .with_context(|| source.named())?;
    running.until_told(signals).await;
    Ok(())
}
