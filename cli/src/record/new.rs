//! `sotto record new`.

mod answer;
mod bulk;
mod draft;
pub(super) mod services;

use std::path::PathBuf;

use clap::Args;
use sotto_mimi::{Domain, Identifier};
use sotto_publish::publication::opt_out;
use sotto_publish::{Placement, Publication, PublicationError, Software, Subject, Zone};

use self::answer::Answer;
use self::services::Services;
use super::placement::PlacementArguments;
use crate::Output;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// For whom: a mailbox, a host, a "+" number, or *@example.com for every mailbox there that has no records of its own.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    identifier: Option<String>,
    #[command(flatten)]
    services: Services,
    /// Publish that the person is deliberately not reachable by MIMI.
    #[arg(long, conflicts_with_all = ["service", "from"])]
    opt_out: bool,
    /// Publish for every mailbox of the identifier's domain in place of one: a wildcard, without accounts.
    #[arg(long, conflicts_with = "from")]
    every_mailbox: bool,
    /// The zone that the records go into. The default is the domain that the identifier's owner registered.
    #[arg(long, value_name = "ZONE")]
    zone: Option<Zone>,
    #[command(flatten)]
    placement: PlacementArguments,
    /// Make the records of everybody in a file of comma-separated values, as a part of a zone file. Columns: identifier,
    /// service, account, prefer, label, tag, opt_out.
    #[arg(
        long,
        value_name = "CSV",
        requires = "zone",
        conflicts_with = "service"
    )]
    from: Option<PathBuf>,
    /// The name server that the zone file is for.
    #[arg(
        long = "for",
        value_name = "SERVER",
        default_value = "knot",
        requires = "from"
    )]
    server: Server,
    /// Write the zone file here, whole or not at all. The default is standard output.
    #[arg(long, value_name = "FILE", requires = "from")]
    output: Option<PathBuf>,
}

/// What the page of help ends with.
const EXAMPLES: &str = "\
--account, --prefer, --label and --tag belong to the --service before them:
  sotto record new hugh@example.com \\
      --service mimi.example.net --account hugh --prefer 10 \\
      --service im.example.org --prefer 20 --tag business
  sotto record new ghost@example.com --opt-out
  sotto record new example.com --every-mailbox --service mimi.example.net
  sotto record new --from accounts.csv --zone example.com --output mimi.zone";

/// A name server, as it is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Server {
    Knot,
    Nsd,
    Bind,
    Powerdns,
}

impl From<Server> for Software {
    fn from(server: Server) -> Self {
        match server {
            Server::Knot => Self::Knot,
            Server::Nsd => Self::Nsd,
            Server::Bind => Self::Bind,
            Server::Powerdns => Self::PowerDns,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<Output, Failure> {
    let placement = arguments.placement.placement();
    if let Some(accounts) = &arguments.from {
        let zone = arguments
            .zone
            .clone()
            .unwrap_or_else(|| unreachable!("the parser requires a zone beside a file"));
        let output = arguments.output.as_deref();
        return bulk::Job::new(accounts, zone, placement, arguments.server.into(), output)
            .run(json);
    }
    let answer = one(arguments, placement)?;
    Ok(if json {
        Output {
            text: answer.json(),
            notes: Vec::new(),
            exit: Exit::Done,
        }
    } else {
        Output {
            text: answer.text(),
            notes: answer.notes(),
            exit: Exit::Done,
        }
    })
}

/// The records of one person, or of every mailbox.
fn one(arguments: &Arguments, placement: Placement) -> Result<Answer, Failure> {
    let text = arguments.identifier.as_deref().unwrap_or_default();
    let mut subject: Subject = text.parse()?;
    if arguments.every_mailbox {
        subject = every_mailbox(subject)?;
    }
    let records = if arguments.opt_out {
        vec![opt_out()]
    } else {
        arguments.services.records.clone()
    };
    let publication = Publication::new(&subject, &records, &placement)?;
    let zone = match &arguments.zone {
        Some(zone) => zone.clone(),
        None => registered(&subject, &placement),
    };
    let Some(name) = zone.relative(publication.owner()) else {
        return Err(Failure::usage(
            "outside_zone",
            format!("{} lies outside of the zone {zone}", publication.owner()),
            "give the zone that holds the identifier's domain, or leave --zone out",
        ));
    };
    Ok(Answer {
        name: name.to_owned(),
        subject,
        records,
        publication,
        placement,
        zone,
    })
}

fn every_mailbox(subject: Subject) -> Result<Subject, Failure> {
    match subject {
        Subject::Person(Identifier::Host(domain)) | Subject::EveryMailbox(domain) => {
            Ok(Subject::EveryMailbox(domain))
        }
        Subject::Person(Identifier::Mailbox(mailbox)) => {
            Ok(Subject::EveryMailbox(mailbox.domain().clone()))
        }
        Subject::Person(Identifier::Phone(_) | Identifier::Uri(_)) => Err(Failure::usage(
            "every_mailbox_of_nothing",
            format!("{subject} belongs to no domain with mailboxes"),
            "give the domain",
        )),
    }
}

/// The zone that the subject's owner most likely edits: the domain that they registered, the phone zone for a number.
fn registered(subject: &Subject, placement: &Placement) -> Zone {
    let domain = match subject {
        Subject::Person(Identifier::Host(domain)) | Subject::EveryMailbox(domain) => Some(domain),
        Subject::Person(Identifier::Mailbox(mailbox)) => Some(mailbox.domain()),
        Subject::Person(Identifier::Phone(_) | Identifier::Uri(_)) => None,
    };
    let registered = |domain: &Domain| {
        psl::domain_str(domain.as_str())
            .and_then(|registered| registered.parse::<Domain>().ok())
            .map_or_else(|| Zone::from(domain), |registered| Zone::from(&registered))
    };
    match (domain, &placement.phone_zone) {
        (Some(domain), _) => registered(domain),
        (None, Some(zone)) => Zone::from(zone),
        // A number without a phone zone has no owner name, and was refused before.
        (None, None) => unreachable!("every publication has an owner name"),
    }
}

impl From<PublicationError> for Failure {
    fn from(error: PublicationError) -> Self {
        Self::usage(error.code(), &error, error.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_help_are_not_broken() {
        let command = Arguments::augment_args(clap::Command::new("new")).term_width(80);
        let help = command.clone().render_help().to_string();
        for line in EXAMPLES.lines() {
            assert!(help.lines().any(|shown| shown == line), "{line}\n{help}");
        }
    }
}
