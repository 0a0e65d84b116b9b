//! For whom to publish what: one person, some to remove, or everybody in a file of accounts.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use sotto_mimi::OwnerName;
use sotto_publish::publication::opt_out;
use sotto_publish::update::Target;
use sotto_publish::{Accounts, AccountsError, Placement, Publication, Subject, Zone};

use super::Arguments;
use crate::failure::Failure;

/// Somebody as they are called, and what is to stand at their name.
type Person = (String, Target);

/// Everybody, checked before anybody is published: a mistake on the last line of a file must not be found after the others
/// are out.
pub(super) enum People {
    Few(Vec<Person>),
    File(AccountsFile),
}

/// A file of accounts that was read once without fault.
pub(super) struct AccountsFile {
    path: PathBuf,
    placement: Placement,
    zone: Zone,
    count: u64,
}

impl People {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let placement = arguments.placement.placement();
        let zone = &arguments.zone;
        if let Some(path) = &arguments.from {
            let mut file = AccountsFile {
                path: path.clone(),
                placement,
                zone: zone.clone(),
                count: 0,
            };
            for entry in file.open()? {
                entry.map_err(|error| file.refused(&error))?;
                file.count += 1;
            }
            return Ok(Self::File(file));
        }
        if let Some(identifier) = &arguments.identifier {
            let subject: Subject = identifier.parse()?;
            let records = match arguments.opt_out {
                true => vec![opt_out()],
                false => arguments.services.records.clone(),
            };
            let publication = Publication::new(&subject, &records, &placement)?;
            inside(zone, publication.owner())?;
            return Ok(Self::Few(vec![(subject.to_string(), target(&publication))]));
        }
        let people = arguments.remove.iter().map(|identifier| {
            let subject: Subject = identifier.parse()?;
            let owner = placement.owner(&subject)?;
            inside(zone, &owner)?;
            let target = Target::absent(&owner, placement.rtype());
            Ok((
                subject.to_string(),
                target.unwrap_or_else(|_| unreachable!("{NAME}")),
            ))
        });
        people.collect::<Result<_, Failure>>().map(Self::Few)
    }

    /// How many they are.
    pub(super) const fn count(&self) -> u64 {
        match self {
            Self::Few(people) => people.len() as u64,
            Self::File(file) => file.count,
        }
    }

    /// All of them, in the order in which they were given.
    pub(super) fn iter(
        &self,
    ) -> Result<Box<dyn Iterator<Item = Result<Person, Failure>> + '_>, Failure> {
        Ok(match self {
            Self::Few(people) => Box::new(people.iter().cloned().map(Ok)),
            Self::File(file) => Box::new(file.open()?.map(|entry| {
                let entry = entry.map_err(|error| file.refused(&error))?;
                Ok((entry.subject.to_string(), target(&entry.publication)))
            })),
        })
    }
}

impl AccountsFile {
    fn open(&self) -> Result<Accounts<File>, Failure> {
        let unreadable =
            |error: &io::Error| Failure::unreadable("the file of accounts", &self.path, error);
        let file = File::open(&self.path).map_err(|error| unreadable(&error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&error))?;
        if !metadata.is_file() {
            let error = io::Error::other("it is read twice, so it must be a file");
            return Err(unreadable(&error));
        }
        Accounts::new(file, self.placement.clone(), Some(self.zone.clone()))
            .map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &AccountsError) -> Failure {
        Failure::usage(
            error.problem.code(),
            format!("{}: {error}", self.path.display()),
            error.problem.remedy(),
        )
    }
}

/// Why no owner name fails to be a name.
const NAME: &str = "the owner name of an identifier is a domain name";

fn target(publication: &Publication) -> Target {
    Target::of(publication).unwrap_or_else(|_| unreachable!("{NAME}"))
}

fn inside(zone: &Zone, owner: &OwnerName) -> Result<(), Failure> {
    if zone.contains(owner) {
        return Ok(());
    }
    Err(Failure::usage(
        "outside_zone",
        format!("{owner} lies outside of the zone {zone}"),
        "give the zone that holds the identifier's domain",
    ))
}
