//! `sotto-lab`: see a private, proved lookup whole, on one machine, without any set-up.

mod account;
mod demo;
mod judge;
mod load;
mod page;
mod publish;
mod run;
mod serve;
mod tally;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use sotto_world::World;

/// The laboratory of Sotto: a private internet in one process, to look at and to try out.
///
/// Without a command: demo.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON in place of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Look up people who stand for every outcome, and show what each party saw of it.
    Demo {
        /// Look up everybody, not only one or two for every outcome.
        #[arg(long)]
        all: bool,
    },
    /// Keep the private internet up, for `sotto lookup` in another terminal; end it with Ctrl-C.
    Serve {
        /// Where keys, certificates, zones and configurations are written and kept; by default a
        /// directory that goes away at the end.
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Simulate a population that looks people up, and record what each party sees.
    Run(run::Arguments),
    /// Tell what each party can make of what it saw; fails if a control does not come out as it must.
    Attack(judge::Arguments),
    /// Tell whether what was recorded leaks more than a budget allows; fails if it does.
    Budget(judge::BudgetArguments),
    /// Attack runs as `attack` does, and write what was found as one page to publish.
    Report(publish::PageArguments),
    /// Send a gateway as many requests as wanted, and tell what that costs it and how it bears it.
    Load(Box<load::Arguments>),
    /// Be the gateway that `load` loads.
    #[command(hide = true)]
    Gateway {
        /// Its configuration.
        config: PathBuf,
    },
}

/// What a shell expects of a process that Ctrl-C ended: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("the runtime did not start")),
    };
    let command = cli.command.unwrap_or(Command::Demo { all: false });
    let done = runtime.block_on(async {
        match command {
            Command::Demo { all } => tokio::select! {
                done = demo::run(all, cli.json) => done.map(|()| ExitCode::SUCCESS),
                // The world and its files go away with the future that holds them.
                _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
            },
            Command::Serve { directory } => serve::run(directory, cli.json)
                .await
                .map(|()| ExitCode::SUCCESS),
            Command::Run(arguments) => run::run(&arguments, cli.json).map(|()| ExitCode::SUCCESS),
            Command::Attack(arguments) => judge::run(&arguments, cli.json),
            Command::Budget(arguments) => judge::budget(&arguments, cli.json),
            Command::Report(arguments) => publish::run(&arguments, cli.json),
            Command::Load(arguments) => tokio::select! {
                done = load::run(*arguments, cli.json) => done.map(|()| ExitCode::SUCCESS),
                _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
            },
            Command::Gateway { config } => load::rig::serve(&config).await,
        }
    });
    // A load that was interrupted has threads that are not to be waited for.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Starts a world and says so on a terminal, since it takes a second.
async fn start(options: sotto_world::Options) -> anyhow::Result<World> {
    let mut terminal = Progress::new();
    terminal.show("Making keys, signing the zones, starting resolver, gateway and relays …");
    World::start(options)
        .await
        .context("the private internet did not start")
}

/// A line on a terminal's standard error that goes away when it is dropped.
struct Progress(bool);

impl Progress {
    fn new() -> Self {
        Self(io::IsTerminal::is_terminal(&io::stderr()))
    }

    fn show(&mut self, text: &str) {
        if self.0 {
            // A terminal that has gone is no reason to stop.
            let _ = write!(io::stderr(), "\r\x1b[2K{text}");
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "sotto-lab: {error:#}");
    ExitCode::FAILURE
}
