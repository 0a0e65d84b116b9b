//! `sotto record`: make records, publish them, and find out what is wrong with them.

mod advised;
mod check;
mod new;
mod placement;
mod publish;

use clap::Subcommand;

use crate::Output;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Make the records of one person, or of everybody in a file.
    New(new::Arguments),
    /// Send records to a name server.
    Publish(publish::Arguments),
    /// Find out what is wrong with records: live, in a zone file, or in a file of accounts.
    Check(Box<check::Arguments>),
}

pub(crate) fn run(command: &RecordCommand, json: bool) -> Result<Output, Failure> {
    match command {
        RecordCommand::New(arguments) => new::run(arguments, json),
        RecordCommand::Publish(arguments) => publish::run(arguments, json),
        RecordCommand::Check(arguments) => check::run(arguments, json),
    }
}
