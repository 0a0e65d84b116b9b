//! The `sotto-relay` command.

mod check;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use sotto_daemon::{
    Signals, command,
    config::{self, ConfigError},
    descriptors, logs,
};
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
  sotto-relay check --config sotto-relay.toml --online
  sotto-relay serve --config sotto-relay.toml
The relay and the gateway must be run by different people, or nobody is protected.";

#[derive(Subcommand)]
enum Command {
    /// Serves until SIGTERM; SIGHUP reads configuration, certificate and tokens again
    Serve(Source),
    /// Looks at the configuration and all it names, and tells every mistake
    Check {
        #[command(flatten)]
        source: Source,
        /// Connect as well: the certificate's time, each instance of each gateway, its keys
        #[arg(long)]
        online: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct Source {
    /// The configuration; SOTTO_RELAY__LISTEN__ADDRESS and the like override it
    #[arg(
        long,
        value_name = "FILE",
        env = "SOTTO_RELAY_CONFIG",
        default_value = "/etc/sotto/relay.toml"
    )]
    config: PathBuf,
}

impl Source {
    fn load(&self) -> Result<Config, ConfigError> {
        config::load(&self.config, ENV_PREFIX)
    }
}

fn main() -> ExitCode {
    run(Cli::parse().command).unwrap_or_else(|error| {
        command::complain("sotto-relay", &error);
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Check {
            source,
            online,
            json,
        } => check::run(&source.config, source.load(), online, json),
        Command::Serve(source) => {
            let mut config = source.load()?;
            logs::init(config.log.format, config.log.level);
            let connections = &mut config.connections.max_connections;
            *connections = descriptors::provide_for(*connections);
            serve(config, &source)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[tokio::main]
async fn serve(config: Config, source: &Source) -> Result<()> {
    let signals = Signals::listen().context("signals cannot be handled")?;
    let running = Relay::start(config, None)
        .await
        .with_context(|| source.config.display().to_string())?;
    running.until_told(signals, || source.load()).await;
    Ok(())
}
