//! For whom to publish what: one person, some to remove, or everybody in a file of accounts.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sotto_mimi::OwnerName;
use sotto_publish::publication::opt_out;
use sotto_publish::update::Target;
use sotto_publish::{Accounts, AccountsError, Advice, Placement, Publication, Subject, Zone};

use super::super::advised::Advised;
use super::Arguments;
use crate::failure::Failure;
use crate::progress;

/// People between two looks at the progress bar.
const STEP: u64 = 1_024;

/// Somebody as they are called, and what is to stand at their name.
pub(super) type Person = (String, Target);

/// Everybody, checked before anybody is published: a mistake on the last line of a file must not be found after the others
/// are out.
pub(super) enum People {
    Few(Vec<Person>),
    File(AccountsFile),
}

/// A file of accounts that was read once without fault.
pub(super) struct AccountsFile {
    path: PathBuf,
    /// Open from the first time of reading to the end, so that both times see one file.
    file: File,
    state: FileState,
    placement: Placement,
    zone: Zone,
    count: u64,
}

/// What tells that a file was written to.
#[derive(PartialEq, Eq)]
struct FileState {
    octets: u64,
    modified: Option<SystemTime>,
}

impl People {
    /// The people that are meant, and what they should know before it is public.
    pub(super) fn new(arguments: &Arguments) -> Result<(Self, Advised), Failure> {
        let placement = arguments.placement.placement();
        let zone = &arguments.zone;
        let mut advised = Advised::default();
        if let Some(path) = &arguments.from {
            let mut file = AccountsFile::open(path.clone(), placement, zone.clone())?;
            file.count = file.validate(&mut advised)?;
            return Ok((Self::File(file), advised));
        }
        if let Some(identifier) = &arguments.identifier {
            let subject: Subject = identifier.parse()?;
            let records = match arguments.opt_out {
                true => vec![opt_out()],
                false => arguments.services.records.clone(),
            };
            let publication = Publication::new(&subject, &records, &placement)?;
            inside(zone, publication.owner())?;
            for advice in Advice::of(&subject, &records, &placement) {
                advised.note(&advice, None);
            }
            let people = vec![(subject.to_string(), target(&publication))];
            return Ok((Self::Few(people), advised));
        }
        let mut owners = HashSet::new();
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
        let mut people: Vec<Person> = people.collect::<Result<_, Failure>>()?;
        // To be removed twice is to be removed.
        people.retain(|(_, target)| owners.insert(target.owner.clone()));
        Ok((Self::Few(people), advised))
    }

    /// How many they are.
    pub(super) const fn count(&self) -> u64 {
        match self {
            Self::Few(people) => people.len() as u64,
            Self::File(file) => file.count,
        }
    }

    /// Refuses to go on if what was checked is no longer what is read.
    pub(super) fn unchanged(&self) -> Result<(), Failure> {
        match self {
            Self::Few(_) => Ok(()),
            Self::File(file) => file.unchanged(),
        }
    }

    /// All of them, in the order in which they were given.
    pub(super) fn iter(
        &self,
    ) -> Result<Box<dyn Iterator<Item = Result<Person, Failure>> + '_>, Failure> {
        Ok(match self {
            Self::Few(people) => Box::new(people.iter().cloned().map(Ok)),
            Self::File(file) => Box::new(file.read()?.map(|entry| {
                let entry = entry.map_err(|error| file.refused(&error))?;
                Ok((entry.subject.to_string(), target(&entry.publication)))
            })),
        })
    }
}

impl AccountsFile {
    fn open(path: PathBuf, placement: Placement, zone: Zone) -> Result<Self, Failure> {
        let unreadable = |error: &io::Error| unreadable(&path, error);
        let file = File::open(&path).map_err(|error| unreadable(&error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&error))?;
        if !metadata.is_file() {
            let error = io::Error::other("it is read twice, so it must be a file");
            return Err(unreadable(&error));
        }
        Ok(Self {
            path,
            file,
            state: FileState::of(&metadata),
            placement,
            zone,
            count: 0,
        })
    }

    /// Reads it once, and gives how many people it has.
    fn validate(&self, advised: &mut Advised) -> Result<u64, Failure> {
        let bar = progress::octets(self.state.octets);
        let mut accounts = self.read()?;
        let mut count = 0;
        while let Some(entry) = accounts.next() {
            let entry = entry.map_err(|error| self.refused(&error))?;
            count += 1;
            for advice in Advice::of(&entry.subject, &entry.records, &self.placement) {
                if advice.is_warning() {
                    advised.note(&advice, Some(entry.line));
                }
            }
            if count % STEP == 0 {
                bar.set_position(accounts.octets());
            }
        }
        bar.finish_and_clear();
        Ok(count)
    }

    /// Its people, from the first.
    fn read(&self) -> Result<Accounts<&File>, Failure> {
        (&self.file)
            .rewind()
            .map_err(|error| unreadable(&self.path, &error))?;
        Accounts::new(&self.file, self.placement.clone(), Some(self.zone.clone()))
            .map_err(|error| self.refused(&error))
    }

    fn unchanged(&self) -> Result<(), Failure> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|error| unreadable(&self.path, &error))?;
        if FileState::of(&metadata) == self.state {
            return Ok(());
        }
        Err(Failure::usage(
            "accounts_changed",
            format!("{} was changed while it was read", self.path.display()),
            "see that nobody writes to it, and run the same command again",
        ))
    }

    fn refused(&self, error: &AccountsError) -> Failure {
        Failure::usage(
            error.problem.code(),
            format!("{}: {error}", self.path.display()),
            error.problem.remedy(),
        )
    }
}

impl FileState {
    fn of(metadata: &Metadata) -> Self {
        Self {
            octets: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::unreadable("the file of accounts", path, error)
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
