//! Accounts of a hoster: comma-separated values (RFC 4180), read person by person.
//!
//! The first row names the columns, in any order and in any case:
//!
//! | column | what stands in it |
//! |---|---|
//! | `identifier` | whom the row is for, or `*@` and a domain for every mailbox there; needed |
//! | `service` | a provider's domain with an optional `:port` |
//! | `account` | the account there; empty: the provider is asked |
//! | `prefer` | 0 to 65535, lower first; empty: last |
//! | `label` | a short label of the service |
//! | `tag` | tokens of preference with `;` or `,` between |
//! | `opt_out` | `yes`, `true` or `1` for somebody who is not reachable, alone in their row; `no`, `false`, `0` or empty otherwise |
//!
//! Rows of one identifier that stand together are its services; rows of it further on are refused, with both lines.
//! Nothing is kept of a person but what it takes to notice that.

mod error;
mod guard;
mod row;

pub use error::{AccountsError, AccountsProblem};
pub use row::Column;

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder, Trim};
use sha2::{Digest, Sha256};
use sotto_mimi::{OwnerName, Record, limits};

use crate::publication::{Placement, Publication, Subject};
use crate::zone_file::Zone;
use guard::Guard;
use row::{Columns, Row};

/// Octets of the longest row. A record has no more than 1,024, which quoting may double and an identifier of 4,096
/// precede; the rest is generosity. It bounds the memory that a missing quote costs.
pub const ROW_MAX_OCTETS: usize = 65_536;

/// People in one file: up to 55 octets are kept of each, and more than that many names make a zone no name server likes.
pub const PEOPLE_MAX: usize = 16_000_000;

/// Everything that one person publishes, as a file of accounts says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line of the person's first row, from 1.
    pub line: u64,
    /// For whom it is.
    pub subject: Subject,
    /// The records, in the order of the rows.
    pub records: Vec<Record>,
    /// What is to be published.
    pub publication: Publication,
}

/// A file of accounts, read person by person.
///
/// It ends at the first error, unless told to [go on](Accounts::go_on).
#[derive(Debug)]
pub struct Accounts<R> {
    rows: csv::Reader<Guard<R>>,
    columns: Columns,
    placement: Placement,
    zone: Option<Zone>,
    /// The person whose rows are being read.
    person: Option<Person>,
    /// The first row of the next person.
    next: Option<Row>,
    seen: HashMap<Fingerprint, u32>,
    /// How many people there may be: [`PEOPLE_MAX`], except in a test.
    most: usize,
    /// Whether there is a row behind the first.
    has_rows: bool,
    is_over: bool,
    /// Nothing more can be read.
    is_broken: bool,
}

/// The first 96 bits of SHA-256 of an owner name: among the most people that are read, two names share one with a
/// probability of 2^-48, and without a random key the outcome is the same every time.
type Fingerprint = [u32; 3];

/// What has been read of a person.
#[derive(Debug)]
struct Person {
    line: u64,
    subject: Subject,
    records: Vec<Record>,
}

impl Person {
    /// Takes what the person's next row says. One more than may be, so that the publication says so; not the memory of
    /// a whole file.
    fn take(&mut self, record: Record) {
        if self.records.len() <= limits::SERVICES_MAX {
            self.records.push(record);
        }
    }
}

impl<R: Read> Accounts<R> {
    /// Reads the first row of `input`. With a `zone`, everybody outside of it is refused.
    ///
    /// # Errors
    ///
    /// [`AccountsError`] if the first row does not name the columns.
    pub fn new(input: R, placement: Placement, zone: Option<Zone>) -> Result<Self, AccountsError> {
        let mut rows = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(Guard::new(input));
        let mut heading = ByteRecord::new();
        if !read(&mut rows, &mut heading)? {
            return Err(AccountsError::at(1, AccountsProblem::NoHeading));
        }
        Ok(Self {
            columns: Columns::read(&heading)?,
            rows,
            placement,
            zone,
            person: None,
            next: None,
            seen: HashMap::new(),
            most: PEOPLE_MAX,
            has_rows: false,
            is_over: false,
            is_broken: false,
        })
    }

    /// Octets of the input that have been read.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.rows.get_ref().octets()
    }

    /// Goes on behind the row of the last error, to find the others as well.
    ///
    /// A file that cannot be read any further, or not row by row, has nothing more but the person whose rows stand before.
    pub const fn go_on(&mut self) {
        self.is_over = false;
    }

    /// The next person; `None` at the end.
    ///
    /// What is wrong with one row is said at once, and the person's other rows are still theirs.
    fn entry(&mut self) -> Result<Option<Entry>, AccountsError> {
        loop {
            let row = match self.next.take() {
                _ if self.is_broken => None,
                Some(row) => Some(row),
                None => self.row()?,
            };
            match (&mut self.person, row) {
                (Some(person), Some(row)) if person.subject == row.subject => {
                    person.take(row.record?);
                }
                (Some(_), row) => {
                    self.next = row;
                    if let Some(entry) = self.close()? {
                        return Ok(Some(entry));
                    }
                }
                (None, Some(row)) => {
                    let person = self.person.insert(Person {
                        line: row.line,
                        subject: row.subject,
                        records: Vec::new(),
                    });
                    person.take(row.record?);
                }
                (None, None) => return Ok(None),
            }
        }
    }

    /// The person whose rows have been read; `None` if none of them can be used, which has been said.
    fn close(&mut self) -> Result<Option<Entry>, AccountsError> {
        let Some(person) = self.person.take() else {
            return Ok(None);
        };
        let refuse = |problem| AccountsError::of_subject(person.line, &person.subject, problem);
        let owner = self
            .placement
            .owner(&person.subject)
            .map_err(|error| refuse(AccountsProblem::Publication(error)))?;
        if let Some(zone) = self.zone.as_ref().filter(|zone| !zone.contains(&owner)) {
            return Err(refuse(AccountsProblem::OutsideZone {
                owner: owner.as_str().to_owned(),
                zone: zone.clone(),
            }));
        }
        let count = self.seen.len();
        match self.seen.entry(fingerprint(&owner)) {
            Occupied(earlier) => {
                let line = (*earlier.get()).into();
                return Err(refuse(AccountsProblem::Repeated { line }));
            }
            Vacant(_) if count >= self.most => return Err(refuse(AccountsProblem::TooManyPeople)),
            Vacant(place) => place.insert(u32::try_from(person.line).unwrap_or(u32::MAX)),
        };
        if person.records.is_empty() {
            return Ok(None);
        }
        let publication = Publication::new(&person.subject, &person.records, &self.placement)
            .map_err(|error| refuse(AccountsProblem::Publication(error)))?;
        Ok(Some(Entry {
            line: person.line,
            subject: person.subject,
            records: person.records,
            publication,
        }))
    }

    /// The next row that is not empty.
    fn row(&mut self) -> Result<Option<Row>, AccountsError> {
        let mut record = ByteRecord::new();
        if read(&mut self.rows, &mut record)? {
            self.has_rows = true;
            return self.columns.row(&record).map(Some);
        }
        if self.has_rows {
            return Ok(None);
        }
        // Most likely whoever made the file failed, and it would take everybody out of the zone.
        Err(AccountsError::at(1, AccountsProblem::NoPeople))
    }
}

impl<R: Read> Iterator for Accounts<R> {
    type Item = Result<Entry, AccountsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let entry = self.entry().transpose();
        self.is_over = !matches!(entry, Some(Ok(_)));
        self.is_broken |= match &entry {
            Some(Ok(_)) => false,
            Some(Err(error)) => error.problem.is_final(),
            None => true,
        };
        entry
    }
}

/// Reads a row, if there is one more.
fn read<R: Read>(
    rows: &mut csv::Reader<Guard<R>>,
    record: &mut ByteRecord,
) -> Result<bool, AccountsError> {
    rows.get_ref().begin_row();
    let mut position = rows.position().clone();
    let outcome = rows.read_byte_record(record);
    let line = rows.get_mut().line(position.byte());
    position.set_line(line);
    record.set_position(Some(position));
    outcome.map_err(|error| {
        let is_too_long = rows.get_ref().is_row_too_long();
        AccountsError::at(
            line,
            match error.into_kind() {
                csv::ErrorKind::Io(_) if is_too_long => AccountsProblem::LongRow,
                csv::ErrorKind::Io(error) => AccountsProblem::Unreadable(error),
                other => AccountsProblem::Unreadable(std::io::Error::other(format!("{other:?}"))),
            },
        )
    })
}

fn fingerprint(owner: &OwnerName) -> Fingerprint {
    let digest = Sha256::digest(owner.as_str().as_bytes());
    let part = |at: usize| {
        u32::from_be_bytes([
            digest[4 * at],
            digest[4 * at + 1],
            digest[4 * at + 2],
            digest[4 * at + 3],
        ])
    };
    [part(0), part(1), part(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_without_end_are_refused_and_nobody_behind_them_is_read() {
        let mut text = String::from("identifier,service\n");
        for at in 0..4 {
            text += &format!("a{at}@example.com,a.test\n");
        }
        let mut accounts = Accounts::new(text.as_bytes(), Placement::default(), None).unwrap();
        accounts.most = 2;
        let lines: Vec<_> = accounts.by_ref().map_while(Result::ok).collect();
        assert_eq!(
            lines.iter().map(|entry| entry.line).collect::<Vec<_>>(),
            [2, 3]
        );

        let mut accounts = Accounts::new(text.as_bytes(), Placement::default(), None).unwrap();
        accounts.most = 2;
        let refused = accounts.find_map(Result::err).unwrap();
        assert!(matches!(refused.problem, AccountsProblem::TooManyPeople));
        assert_eq!(
            (refused.line, refused.problem.code()),
            (4, "accounts_too_many_people")
        );
        assert!(
            refused.to_string().contains("more than 16000000 people"),
            "{refused}"
        );
        accounts.go_on();
        assert!(accounts.next().is_none(), "there is no end of them");
    }
}
