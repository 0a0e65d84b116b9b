//! The `sotto` command: find out how to reach a person, privately, and prove it.
//!
//! A thin shell. `sotto-client` asks, `sotto-proof` verifies, `sotto-mimi` reads; what is here is
//! flags and files in, text or JSON out, and an exit code.

mod args;
mod clock;
mod config;
mod contacts;
mod exit;
mod explain;
mod failure;
mod files;
mod json;
mod lookup;
mod next;
mod progress;
mod question;
mod record;
mod report;
mod shell;
mod store;
mod svg;
mod terminal;
mod verify;

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::args::{Arguments, Command};
use crate::exit::Exit;
use crate::failure::Failure;

/// What a command has to say, and how it ends.
struct Output {
    /// What goes to standard output.
    text: String,
    /// What goes to standard error, a line each.
    notes: Vec<String>,
    exit: Exit,
}

fn main() -> ExitCode {
    let json = wants_json();
    let output = match Arguments::read() {
        Ok(arguments) => run(&arguments).unwrap_or_else(|failure| fail(&failure, json)),
        Err(error) => explain(&error, json),
    };
    print(&output)
}

fn run(arguments: &Arguments) -> Result<Output, Failure> {
    match &arguments.command {
        None => Ok(Output {
            text: args::LESSON.to_owned(),
            notes: Vec::new(),
            exit: Exit::Done,
        }),
        Some(Command::Lookup(command)) => match &command.contacts.file {
            Some(path) => contacts::run(command, path, arguments.json),
            None => lookup::lookup(command, arguments.json),
        },
        Some(Command::Query(command)) => lookup::query(command, arguments.json),
        Some(Command::Verify(command)) => verify::run(command, arguments.json),
        Some(Command::Store { command }) => store::run(command, arguments.json),
        Some(Command::Record { command }) => record::run(command, arguments.json),
        Some(Command::Completions(command)) => Ok(shell::completions(command, arguments.json)),
        Some(Command::Man(command)) => shell::manual(command, arguments.json),
    }
}

/// Whether `--json` stands anywhere among the flags: known even where the rest cannot be parsed.
fn wants_json() -> bool {
    std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != OsStr::new("--"))
        .any(|argument| argument == OsStr::new("--json"))
}

fn fail(failure: &Failure, json: bool) -> Output {
    if json {
        return Output {
            text: json::error(failure),
            notes: Vec::new(),
            exit: failure.exit,
        };
    }
    Output {
        text: String::new(),
        notes: failure.notes(),
        exit: failure.exit,
    }
}

/// Help and version are output; every other word of the parser is a usage error.
fn explain(error: &clap::Error, json: bool) -> Output {
    let (text, note) = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => (error.to_string(), None),
        _ if json => return fail(&Failure::from(error), json),
        _ => (String::new(), Some(error.to_string().trim_end().to_owned())),
    };
    Output {
        text,
        exit: if note.is_some() {
            Exit::Usage
        } else {
            Exit::Done
        },
        notes: note.into_iter().collect(),
    }
}

/// Writes notes to standard error, a line each.
fn tell(notes: &[String]) {
    let mut errors = io::stderr().lock();
    for note in notes {
        let folded;
        let note = if errors.is_terminal() {
            folded = terminal::folded(note);
            &folded
        } else {
            note
        };
        // There is nowhere left to complain to.
        let _ = writeln!(errors, "{note}");
    }
}

/// Writes the output. A reader who closed the pipe has seen enough: that is no error of anybody.
fn print(output: &Output) -> ExitCode {
    tell(&output.notes);
    let mut out = io::stdout().lock();
    match out
        .write_all(output.text.as_bytes())
        .and_then(|()| out.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tell(&[format!("error: standard output cannot be written: {error}")]);
            Exit::OwnFault.into()
        }
        _ => output.exit.into(),
    }
}
