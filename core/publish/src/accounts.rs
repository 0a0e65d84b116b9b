//! Accounts of a hoster: comma-separated values (RFC 4180), read person by person.
//!
//! The first row names the columns, in any order:
//!
//! | column | what stands in it |
//! |---|---|
//! | `identifier` | whom the row is for, or `*@` and a domain for every mailbox there; needed |
//! | `service` | a provider's domain with an optional `:port` |
//! | `account` | the account there; empty: the provider is asked |
//! | `prefer` | 0 to 65535, lower first; empty: last |
//! | `label` | a short label of the service |
//! | `tag` | tokens of preference with `;` or `,` between |
//! | `opt_out` | `yes` for somebody who is not reachable, alone in their row; `no` or empty otherwise |
//!
//! Rows of one identifier that stand together are its services; rows of it further on are refused, with both lines.
//! Nothing is kept of a person but what it takes to notice that.

mod error;
mod guard;
mod row;

pub use error::{AccountsError, AccountsProblem};
pub use row::Column;

use std::collections::HashMap;
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
    /// The first row of the next person, or why it is none.
    next: Option<Result<Row, AccountsError>>,
    seen: HashMap<Fingerprint, u32>,
    is_over: bool,
    /// Where rows end cannot be told any more.
    is_broken: bool,
}

/// The first 96 bits of SHA-256 of an owner name: among the most people that are read, two names share one with a
/// probability of 2^-48, and without a random key the outcome is the same every time.
type Fingerprint = [u32; 3];

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
            next: None,
            seen: HashMap::new(),
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
    /// A file that cannot be read any further, or not row by row, stays at its end.
    pub const fn go_on(&mut self) {
        self.is_over = self.is_broken;
    }

    /// The next person; `None` at the end.
    fn entry(&mut self) -> Result<Option<Entry>, AccountsError> {
        let first = match self.next.take() {
            Some(row) => row?,
            None => match self.row()? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        let refuse = |problem| AccountsError::of_subject(&first, problem);
        let owner = self
            .placement
            .owner(&first.subject)
            .map_err(|error| refuse(AccountsProblem::Publication(error)))?;
        if let Some(zone) = self.zone.as_ref().filter(|zone| !zone.contains(&owner)) {
            return Err(refuse(AccountsProblem::OutsideZone {
                owner: owner.as_str().to_owned(),
                zone: zone.clone(),
            }));
        }
        if self.seen.len() >= PEOPLE_MAX {
            return Err(refuse(AccountsProblem::TooManyPeople));
        }
        let line = u32::try_from(first.line).unwrap_or(u32::MAX);
        if let Some(earlier) = self.seen.insert(fingerprint(&owner), line) {
            return Err(refuse(AccountsProblem::Repeated {
                line: earlier.into(),
            }));
        }

        let mut records = vec![first.record.clone()];
        // What is wrong with the row of somebody else is no reason to lose this person.
        while let Some(row) = self.row().transpose() {
            let row = match row {
                Ok(row) if row.subject == first.subject => row,
                other => {
                    self.next = Some(other);
                    break;
                }
            };
            // One more than may be, so that the publication says so; not the memory of a whole file.
            if records.len() <= limits::SERVICES_MAX {
                records.push(row.record);
            }
        }
        let publication = Publication::new(&first.subject, &records, &self.placement)
            .map_err(|error| refuse(AccountsProblem::Publication(error)))?;
        Ok(Some(Entry {
            line: first.line,
            subject: first.subject,
            records,
            publication,
        }))
    }

    /// The next row that is not empty.
    fn row(&mut self) -> Result<Option<Row>, AccountsError> {
        let mut record = ByteRecord::new();
        if !read(&mut self.rows, &mut record)? {
            return Ok(None);
        }
        self.columns.row(&record).map(Some)
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
        self.is_broken = match &entry {
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
    let line = rows.position().line();
    rows.read_byte_record(record).map_err(|error| {
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
