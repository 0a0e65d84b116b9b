//! `sotto record new`.

use clap::Args;

use crate::Output;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments, _json: bool) -> Result<Output, Failure> {
    Ok(Output {
        text: String::new(),
        notes: Vec::new(),
        exit: Exit::Done,
    })
}
