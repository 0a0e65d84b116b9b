//! What `sotto-gateway` does on a command line. Results go to standard output, complaints to standard error.

pub(crate) mod check;
pub(crate) mod keys;
pub(crate) mod serve;

use std::io::{self, Write};

use anyhow::Context;
use serde_json::Value;
use sotto_daemon::complaint;

/// Prints a result. A reader that has gone away ends the program's output quietly.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Prints a result as JSON, on one line.
pub(crate) fn print_json(value: &Value) -> anyhow::Result<()> {
    print(&format!("{value}\n"))
}

/// Prints an error and what caused it, on one line.
pub(crate) fn complain(error: &anyhow::Error) -> io::Result<()> {
    writeln!(
        io::stderr().lock(),
        "sotto-gateway: {}",
        complaint::one_line(error)
    )
}

/// A runtime for what a command asks the network.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the runtime")
}
