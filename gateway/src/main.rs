//! `sotto-gateway`: an Oblivious HTTP gateway that answers with DNSSEC proofs.

mod commands;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use sotto_daemon::command;
use sotto_gateway::prove_command;

use crate::commands::{check, keys, serve};

/// An Oblivious HTTP gateway that answers with DNSSEC proofs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve relays until SIGTERM; SIGHUP reads certificate, tokens, and the lists of relays and names again
    Serve(Configuration),
    /// Look at the configuration and all it names, and tell every mistake
    Check {
        #[command(flatten)]
        configuration: Configuration,
        /// Also ask the resolvers and the DNS, and look at the certificate as relays do
        #[arg(long)]
        online: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make, show, publish and check the gateway's keys
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    Prove(prove_command::Arguments),
}

/// Where the configuration is.
#[derive(clap::Args)]
struct Configuration {
    /// The configuration file; sotto-gateway.sample.toml shows every key
    #[arg(
        long,
        value_name = "FILE",
        env = "SOTTO_GATEWAY_CONFIG",
        default_value = "/etc/sotto/gateway.toml"
    )]
    config: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(configuration) => serve::run(&configuration.config),
        Command::Check {
            configuration,
            online,
            json,
        } => check::run(&configuration.config, online, json),
        Command::Keys { command } => keys::run(command),
        Command::Prove(arguments) => prove_command::run(arguments),
    };
    done.unwrap_or_else(|error| {
        command::complain("sotto-gateway", &error);
        ExitCode::FAILURE
    })
}
