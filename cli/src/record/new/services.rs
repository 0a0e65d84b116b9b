//! Services on the command line: each `--service`, with what stands behind it.

use std::collections::BTreeMap;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};
use sotto_mimi::{Account, Label, Provider, Record, RecordError, Tag};
use sotto_publish::publication::is_url;

/// The services that were named, in that order.
#[derive(Clone, Debug, Default)]
pub(in crate::record) struct Services {
    pub(in crate::record) records: Vec<Record>,
}

/// One argument.
#[derive(Clone)]
enum Part {
    Service(Provider),
    Account(Account),
    Prefer(u16),
    Label(Label),
    Tag(Tag),
}

impl Args for Services {
    fn augment_args(command: Command) -> Command {
        let part = |id: &'static str, value: &'static str, help: &'static str| {
            Arg::new(id)
                .long(id)
                .value_name(value)
                .action(ArgAction::Append)
                .help(help)
        };
        let behind = |argument: Arg| argument.requires("service");
        command
            .arg(
                part(
                    "service",
                    "DOMAIN[:PORT]",
                    "Reachable there: a provider's domain. Give it again for every further service",
                )
                .required_unless_present_any(["opt_out", "from"])
                .value_parser(provider),
            )
            .arg(behind(
                part(
                    "account",
                    "A",
                    "The account at the service before. Without it, the provider is asked who that is",
                )
                .value_parser(Account::new),
            ))
            .arg(behind(
                part(
                    "prefer",
                    "P",
                    "The preference of the service before: 0 to 65535, lower first. Without it: last",
                )
                .value_parser(value_parser!(u16)),
            ))
            .arg(behind(
                part("label", "S", "A short label of the service before").value_parser(Label::new),
            ))
            .arg(behind(
                part(
                    "tag",
                    "T",
                    "A token of preference of the service before, and public. Give it again, or put commas between",
                )
                .value_delimiter(',')
                .value_parser(Tag::new),
            ))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A provider, and no refusal: that is said in one way only.
fn provider(text: &str) -> Result<Provider, String> {
    match text.parse() {
        Ok(Provider::OptOut) => Err("use --opt-out for somebody who is not reachable".to_owned()),
        Err(_) if is_url(text) => {
            Err("it is a URL; give the domain alone, as in mimi.example.net".to_owned())
        }
        other => other.map_err(|error: RecordError| error.to_string()),
    }
}

impl FromArgMatches for Services {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut parts = BTreeMap::new();
        collect(matches, "service", Part::Service, &mut parts);
        collect(matches, "account", Part::Account, &mut parts);
        collect(matches, "prefer", Part::Prefer, &mut parts);
        collect(matches, "label", Part::Label, &mut parts);
        collect(matches, "tag", Part::Tag, &mut parts);

        let mut services = Self::default();
        let mut is_ranked = false;
        for part in parts.into_values() {
            services.take(part, &mut is_ranked)?;
        }
        Ok(services)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Puts the values of an argument where they stand on the command line.
fn collect<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    id: &str,
    part: impl Fn(T) -> Part,
    parts: &mut BTreeMap<usize, Part>,
) {
    let places = matches.indices_of(id).into_iter().flatten();
    let values = matches.get_many::<T>(id).into_iter().flatten().cloned();
    parts.extend(places.zip(values.map(part)));
}

impl Services {
    /// Takes one argument. `is_ranked` tells whether the last service has a preference, which 65535 does not show.
    fn take(&mut self, part: Part, is_ranked: &mut bool) -> Result<(), Error> {
        if let Part::Service(provider) = part {
            *is_ranked = false;
            self.records.push(Record {
                provider,
                account: None,
                preference: u16::MAX,
                label: None,
                tags: Vec::new(),
            });
            return Ok(());
        }
        let Some(record) = self.records.last_mut() else {
            return Err(usage(
                ErrorKind::MissingRequiredArgument,
                "--account, --prefer, --label and --tag belong to the --service before them, and none stands before the first",
            ));
        };
        let twice = |flag: &str| {
            let message = format!(
                "the argument '{flag}' stands twice behind '--service {}'",
                record.provider
            );
            Err(usage(ErrorKind::ArgumentConflict, &message))
        };
        match part {
            Part::Account(_) if record.account.is_some() => return twice("--account <A>"),
            Part::Prefer(_) if *is_ranked => return twice("--prefer <P>"),
            Part::Label(_) if record.label.is_some() => return twice("--label <S>"),
            Part::Account(account) => record.account = Some(account),
            Part::Prefer(preference) => {
                record.preference = preference;
                *is_ranked = true;
            }
            Part::Label(label) => record.label = Some(label),
            Part::Tag(tag) => record.tags.push(tag),
            Part::Service(_) => {}
        }
        Ok(())
    }
}

fn usage(kind: ErrorKind, message: &str) -> Error {
    Error::raw(kind, message)
}
