//! `sotto record publish`: sends records to the zone's primary name server, and sees that it serves them.

mod people;
mod tally;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use sotto_primary::{Connection, Halt, KeyFileError, Server, read_key};
use sotto_proof::Name;
use sotto_publish::Zone;
use sotto_publish::update::{Intent, Obstacle, ROUND_TARGETS, Round, Session, TsigKey};

use self::people::People;
use self::tally::{Place, Planned, Tally};
use super::advised::Advised;
use super::new::services::Services;
use super::placement::PlacementArguments;
use crate::Output;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress;

/// What the page of help ends with.
const EXAMPLES: &str = "\
--account, --prefer, --label and --tag belong to the --service before them:
  sotto record publish hugh@example.com --service mimi.example.net --account hugh \\
      --server ns1.example.com --zone example.com --tsig mimi.key
  sotto record publish --from accounts.csv --server ns1.example.com --zone example.com --tsig mimi.key
  sotto record publish --remove hugh@example.com --server ns1.example.com --zone example.com --tsig mimi.key
Of each person all is published or nothing. Only MIMI records are touched. Run again, it does only what is left.
Exit codes: 0 the server serves what was wanted (dry run: would be asked to), 1 a failure of this machine, 2 usage, 8 something is \
not published.";

#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("whom").args(["identifier", "from", "remove"]).required(true),
    mut_arg("service", |service| service.required_unless_present_any(["remove"])),
)]
pub(crate) struct Arguments {
    /// For whom: a mailbox, a host, a "+" number, or *@example.com for every mailbox there that has no records of its own.
    identifier: Option<String>,
    #[command(flatten)]
    services: Services,
    /// Publish that the person is deliberately not reachable by MIMI.
    #[arg(long, conflicts_with_all = ["service", "from", "remove"])]
    opt_out: bool,
    /// Publish for everybody in a file of comma-separated values. Columns: identifier, service, account, prefer, label, tag,
    /// opt_out. Who is not in the file is left alone.
    #[arg(long, value_name = "CSV", conflicts_with = "service")]
    from: Option<PathBuf>,
    /// Remove the MIMI records of this person. Give it again for another.
    #[arg(long, value_name = "IDENTIFIER", conflicts_with = "service")]
    remove: Vec<String>,
    #[command(flatten)]
    placement: PlacementArguments,
    /// The zone's primary name server: an IP address or a host name, with a port or without.
    #[arg(long, value_name = "ADDR[:PORT]")]
    server: Server,
    /// The zone that the records go into.
    #[arg(long, value_name = "ZONE")]
    zone: Zone,
    /// The file with the TSIG key that may update the zone, as tsig-keygen or keymgr -t printed it; mode 600.
    #[arg(long, value_name = "FILE")]
    tsig: PathBuf,
    /// Ask what stands there, print what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<Output, Failure> {
    let (people, advised) = People::new(arguments)?;
    let key = key(&arguments.tsig)?;
    let mut run = Run::new(arguments, key, advised, json)?;
    let failure = run.publish(&people)?;
    Ok(run.output(failure.as_ref()))
}

/// The key in the file at `path`.
fn key(path: &Path) -> Result<TsigKey, Failure> {
    read_key(path).map_err(|error| {
        let told =
            |connective: &str| format!("the key file {}{connective} {error}", path.display());
        match &error {
            KeyFileError::Unreadable(error) => Failure::unreadable("the key file", path, error),
            KeyFileError::Exposed { .. } => {
                Failure::usage("key_file_exposed", told(""), error.remedy())
            }
            KeyFileError::NotUtf8 => Failure::usage("key_file_invalid", told(""), error.remedy()),
            KeyFileError::NoKey(_) => Failure::usage("key_file_invalid", told(":"), error.remedy()),
        }
    })
}

/// One run over some people.
struct Run {
    session: Session,
    connection: Connection,
    tally: Tally,
    place: Place,
    json: bool,
}

impl Run {
    fn new(
        arguments: &Arguments,
        key: TsigKey,
        advised: Advised,
        json: bool,
    ) -> Result<Self, Failure> {
        let zone: Name =
            arguments.zone.as_str().parse().map_err(|error| {
                Failure::usage("zone_invalid", error, "write it as in example.com")
            })?;
        let mut id = [0; 2];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| {
            Failure::own(
                "no_randomness",
                "the system gives no random octets",
                "see what is wrong with this machine",
            )
        })?;
        Ok(Self {
            session: Session::new(zone, key, u16::from_be_bytes(id)),
            connection: Connection::new(arguments.server.clone()),
            tally: Tally::new(advised),
            place: Place {
                zone: arguments.zone.to_string(),
                server: arguments.server.to_string(),
                dry_run: arguments.dry_run,
            },
            json,
        })
    }

    /// Publishes round by round, until the end or until nothing more can be published. Says why in the latter case.
    fn publish(&mut self, people: &People) -> Result<Option<Failure>, Failure> {
        let intent = match self.place.dry_run {
            true => Intent::Plan,
            false => Intent::Publish,
        };
        let bar = progress::people(people.count());
        let mut iterator = people.iter()?;
        let mut tried = 0;
        loop {
            let mut subjects = Vec::with_capacity(ROUND_TARGETS);
            let mut targets = Vec::with_capacity(ROUND_TARGETS);
            let taken = iterator
                .by_ref()
                .take(ROUND_TARGETS)
                .try_for_each(|person| {
                    let (subject, target) = person?;
                    subjects.push(subject);
                    targets.push(target);
                    Ok(())
                });
            // Why what is read now is not what was read before comes before what is wrong with it.
            if let Err(mut failure) = people.unchanged().and(taken) {
                bar.finish_and_clear();
                let first = subjects.first().map(String::as_str);
                self.tally.skip(first, people.count().saturating_sub(tried));
                if tried > 0 {
                    failure.exit = Exit::Unavailable;
                }
                return Ok(Some(failure));
            }
            if subjects.is_empty() {
                bar.finish_and_clear();
                return Ok(None);
            }
            tried += subjects.len() as u64;
            let mut round = Round::new(&mut self.session, targets, intent);
            let driven = self.connection.drive(&mut round, clock::now);
            let reports = round.finish();
            let is_hopeless = reports
                .iter()
                .all(|report| report.result.as_ref().is_err_and(Obstacle::is_server_s));
            for (subject, report) in subjects.iter().zip(&reports) {
                self.tally.count(subject, report);
                if intent == Intent::Plan
                    && let Some(planned) = Planned::of(subject, report)
                {
                    self.show(planned)?;
                }
            }
            bar.set_position(tried);
            let failure = driven.err().map(|halt| self.failure(&halt));
            if failure.is_some() || is_hopeless {
                bar.finish_and_clear();
                let next = iterator.next().and_then(Result::ok);
                let first = next.as_ref().map(|(subject, _)| subject.as_str());
                self.tally.skip(first, people.count().saturating_sub(tried));
                return Ok(failure);
            }
        }
    }

    /// Prints what a dry run found at once: a million people do not wait in memory for the end.
    fn show(&mut self, planned: Planned) -> Result<(), Failure> {
        if self.json {
            self.tally.keep(planned);
            return Ok(());
        }
        match io::stdout().lock().write_all(planned.text().as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::own(
                "output_not_written",
                format!("standard output cannot be written: {error}"),
                "see where it goes",
            )),
            _ => Ok(()),
        }
    }

    fn failure(&self, halt: &Halt) -> Failure {
        let Place { server, zone, .. } = &self.place;
        let failure = match halt {
            Halt::Stop(stop) => {
                let zone = zone.trim_end_matches('.');
                let message = format!("{server}, zone {zone}: {stop}");
                Failure::own(stop.code(), message, halt.remedy())
            }
            Halt::Unreachable(_) => Failure::own(
                "server_unreachable",
                format!("{server} {halt}"),
                halt.remedy(),
            ),
        };
        Failure {
            exit: Exit::Unavailable,
            ..failure
        }
    }

    fn output(&self, failure: Option<&Failure>) -> Output {
        let states = self.session.states();
        let exit = match failure {
            Some(failure) => failure.exit,
            None if self.tally.is_whole() => Exit::Done,
            None => Exit::Unavailable,
        };
        if self.json {
            return Output {
                text: self.tally.json(&self.place, states, failure),
                notes: Vec::new(),
                exit,
            };
        }
        let mut notes = failure.map(Failure::notes).unwrap_or_default();
        notes.extend(self.tally.notes(&self.place, states));
        Output {
            text: self.tally.text(&self.place, states),
            notes,
            exit,
        }
    }
}
