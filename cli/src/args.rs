//! Flags and arguments.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use sotto_mimi::{DEFAULT_MIMI_TYPE, RecordForm};

use crate::config::Settings;
use crate::contacts::ContactsArguments;
use crate::record::RecordCommand;
use crate::shell::{CompletionsArguments, ManArguments};
use crate::store::StoreCommand;

/// What the command says when nothing is asked of it.
pub(crate) const LESSON: &str = "\
sotto finds out how to reach a person on any messaging service, so that nobody learns who asked
for whom, and proves the answer from a key that you hold.

Look somebody up (a mailbox, a host, a number, or a URI):
  sotto lookup hugh@example.com --relay https://relay.example --gateway gateway.example.net

Ask for any signed RRset the same private way:
  sotto query alice.user._bitcoin-payment.example.com TXT

Keep the proof of an answer, and verify it anywhere, offline:
  sotto lookup hugh@example.com --save-proof hugh.proof --explain
  sotto verify hugh.proof --name <the name that --explain shows> --type TXT

Publish how you can be reached, and find out what is wrong with it:
  sotto record new hugh@example.com --service mimi.example.net --account hugh
  sotto record check hugh@example.com

The relay learns your address and not the name; the gateway learns the name and not your address.
They must be run by different people. Keep both in ~/.config/sotto/config.toml:
  relay = \"https://relay.example\"
  gateway = \"gateway.example.net\"

It finds people whose domain publishes records, not arbitrary numbers or mailboxes. No relay at
hand? `sotto-lab serve` runs a private internet with one. More: sotto lookup --help
";

/// The last second that the 32 bits of a signature's times can name (RFC 4034 section 3.1.5).
const LAST_SECOND: u64 = u32::MAX as u64;

/// What every page of help ends with.
const EXIT_CODES: &str = "\
Exit codes: 0 found (query: proved records), 1 a failure of this machine, 2 usage, 3 no record, 4 opted out, 5 nothing usable, \
6 insecure, 7 bogus, 8 unavailable. With --contacts: 0 everybody is answered, 7 of somebody the proof is bogus, 8 somebody could not \
be answered, 11 stopped before the end.
Where an [env] is named, the flag comes first, then the environment, then the configuration file, ~/.config/sotto/config.toml, \
whose keys are the flags with _ for -, and `type` and `phone_zone` besides.";

const VERIFY_EXIT_CODES: &str = "\
Exit codes: 0 secure, nodata or nxdomain (all proved), 2 usage, 6 insecure, 7 bogus. The configuration file is not read.";

/// Finds out how to reach a person on any messaging service, privately, and proves it.
#[derive(Debug, Parser)]
#[command(name = "sotto", version, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Print one JSON object, whatever happens.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Arguments {
    /// Reads the command line and the environment, in which a variable that is empty counts as unset.
    ///
    /// # Errors
    ///
    /// As [`Parser::try_parse`]; help and version are among them.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let mut command = without_empty_variables(Self::command());
        let matches = command.try_get_matches_from_mut(env::args_os())?;
        Self::from_arg_matches(&matches)
            .map_err(|error| error.format(innermost(&mut command, &matches)))
    }
}

/// The command that was called, whose usage an error is about.
fn innermost<'a>(command: &'a mut clap::Command, matches: &ArgMatches) -> &'a mut clap::Command {
    match matches.subcommand() {
        Some((name, below)) if command.find_subcommand(name).is_some() => {
            let command = command.find_subcommand_mut(name);
            let command = command.unwrap_or_else(|| unreachable!("{name} was found before"));
            innermost(command, below)
        }
        _ => command,
    }
}

/// The command, and all below it, without the variables that are set and empty.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let without_empty = |argument: clap::Arg| {
        let value = argument.get_env().and_then(env::var_os);
        if value.as_deref().is_some_and(OsStr::is_empty) {
            argument.env(Resettable::Reset)
        } else {
            argument
        }
    };
    command
        .mut_args(without_empty)
        .mut_subcommands(without_empty_variables)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look a person up: through a relay and a gateway, proved here.
    #[command(arg_required_else_help = true, after_help = EXIT_CODES)]
    Lookup(LookupArguments),
    /// Ask for any signed RRset, the same private way.
    #[command(arg_required_else_help = true, after_help = EXIT_CODES)]
    Query(QueryArguments),
    /// Verify a saved proof, offline.
    #[command(arg_required_else_help = true, after_help = VERIFY_EXIT_CODES)]
    Verify(VerifyArguments),
    /// See or clear what is kept between runs.
    #[command(arg_required_else_help = true)]
    Store {
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// Make, publish and check records: your own, or those of everybody at your domain.
    #[command(arg_required_else_help = true)]
    Record {
        #[command(subcommand)]
        command: RecordCommand,
    },
    /// Print the script that completes commands, flags and values in a shell.
    #[command(arg_required_else_help = true)]
    Completions(CompletionsArguments),
    /// Print a page of the manual, or write all of them.
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub(crate) struct LookupArguments {
    /// Whom to look up: hugh@example.com, alice.example.com, "+44 20 7946 0148", or a mimi:, mailto:, tel:, acct:, im: or
    /// xmpp: URI.
    #[arg(required_unless_present = "file")]
    pub(crate) identifier: Option<String>,
    /// The form of the records: TXT, or MIMI for the private-use type.
    #[arg(
        long = "type",
        env = "SOTTO_TYPE",
        hide_env_values = true,
        value_name = "TYPE",
        ignore_case = true
    )]
    pub(crate) form: Option<Form>,
    /// The zone below which phone numbers are looked up. There is no default.
    #[arg(
        long,
        env = "SOTTO_PHONE_ZONE",
        hide_env_values = true,
        value_name = "ZONE"
    )]
    pub(crate) phone_zone: Option<String>,
    /// Print also what your own provider needs to contact those found: the account as a URI, the directory of its
    /// provider, or the query that finds the account. With --json all of it is there anyway.
    #[arg(long)]
    pub(crate) next: bool,
    #[command(flatten)]
    pub(crate) show: ShowArguments,
    #[command(flatten)]
    pub(crate) contacts: ContactsArguments,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// The name, absolute or not.
    pub(crate) name: String,
    /// The type: a mnemonic, TYPEnnn, or MIMI.
    #[arg(value_name = "TYPE")]
    pub(crate) rtype: String,
    #[command(flatten)]
    pub(crate) show: ShowArguments,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The proof: an RFC 9102 sequence of RRs, without a lifetime field.
    pub(crate) file: PathBuf,
    /// The name that the proof is about, absolute or not.
    #[arg(long)]
    pub(crate) name: String,
    /// The type that the proof is about: a mnemonic, TYPEnnn, or MIMI.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) rtype: String,
    /// Verify at this time in place of now, Unix seconds up to 4294967295. Signatures carry no more than these 32 bits
    /// (RFC 4034 section 3.1.5): 2^32 seconds later what was valid would be so again.
    #[arg(long, value_name = "UNIXTIME", value_parser = clap::value_parser!(u64).range(..=LAST_SECOND))]
    pub(crate) at: Option<u64>,
    /// Print how the verdict came about: the chain of signatures as a tree, and where it ends or breaks.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Draw the same as a picture.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Trust anchors: DS or DNSKEY lines, Unbound's root.key, or IANA's root-anchors.xml. The default is the IANA root.
    #[arg(
        long,
        env = "SOTTO_ANCHOR",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) anchor: Option<PathBuf>,
    /// The private-use number of the type MIMI.
    #[arg(long, env = "SOTTO_MIMI_TYPE", hide_env_values = true, value_name = "NUMBER", default_value_t = DEFAULT_MIMI_TYPE)]
    pub(crate) mimi_type: u16,
}

/// What to show and keep.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// Save the proof as it came, a bogus one too.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_proof: Option<PathBuf>,
    /// Print the chain of signatures as a tree, and whatever else led to the outcome.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Draw the chain of signatures, and where it ends or breaks, as a picture.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// The form of the records, as it is written.
#[derive(Clone, Copy, Debug, ValueEnum, serde::Deserialize)]
pub(crate) enum Form {
    #[value(name = "TXT")]
    #[serde(rename = "TXT", alias = "txt")]
    Txt,
    #[value(name = "MIMI")]
    #[serde(rename = "MIMI", alias = "mimi")]
    Mimi,
}

impl From<Form> for RecordForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Txt => Self::Txt,
            Form::Mimi => Self::Mimi,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_lesson_s_commands_parse() {
        for line in LESSON
            .lines()
            .filter_map(|line| line.strip_prefix("  sotto "))
        {
            let words = line.replace("<the name that --explain shows>", "name");
            let words = std::iter::once("sotto").chain(words.split(' '));
            assert!(Arguments::try_parse_from(words).is_ok(), "{line}");
        }
    }
}
