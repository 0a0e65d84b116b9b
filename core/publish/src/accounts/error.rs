//! Why a file of accounts cannot be used: where, and what to do about it.

use std::fmt;
use std::io;

use sotto_mimi::{IdentifierError, RecordError};

use super::row::Column;
use super::{PEOPLE_MAX, ROW_MAX_OCTETS};
use crate::publication::{PublicationError, Subject};
use crate::zone_file::Zone;

/// Why a file of accounts cannot be used: the line, the column and its value where there is one, and the problem.
#[derive(Debug)]
pub struct AccountsError {
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// The column, and what stands in it.
    pub field: Option<(Column, String)>,
    /// What is wrong.
    pub problem: AccountsProblem,
}

impl AccountsError {
    pub(super) const fn at(line: u64, problem: AccountsProblem) -> Self {
        Self {
            line,
            field: None,
            problem,
        }
    }

    pub(super) const fn in_column(
        line: u64,
        column: Column,
        value: String,
        problem: AccountsProblem,
    ) -> Self {
        Self {
            line,
            field: Some((column, value)),
            problem,
        }
    }

    /// Something that concerns all rows of a person, of whom the first stands on `line`.
    pub(super) fn of_subject(line: u64, subject: &Subject, problem: AccountsProblem) -> Self {
        Self::in_column(line, Column::Identifier, subject.to_string(), problem)
    }
}

impl fmt::Display for AccountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some((column, value)) = &self.field {
            write!(f, ", column {column}, {value:?}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for AccountsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.problem)
    }
}

/// What is wrong with a file of accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountsProblem {
    /// The input broke off.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// A row is too long, most likely because a quote is missing.
    #[error("the row has more than {ROW_MAX_OCTETS} octets")]
    LongRow,
    /// The file is empty.
    #[error("the file is empty")]
    NoHeading,
    /// The first row names a column that there is not.
    #[error("there is no column {0:?}")]
    UnknownColumn(String),
    /// The first row names a column twice.
    #[error("the column {0} is named twice")]
    DoubleColumn(Column),
    /// The first row does not name a column that is needed.
    #[error("the column {0} is missing")]
    MissingColumn(Column),
    /// A row has more or fewer fields than the first.
    #[error("the row has {found} fields, the first row {expected}")]
    Fields {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A field is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The identifier is none.
    #[error("{0}")]
    Identifier(#[source] IdentifierError),
    /// A part of the record is not valid.
    #[error("{0}")]
    Record(#[source] RecordError),
    /// The preference is not a number from 0 to 65535.
    #[error("it is not a number from 0 to 65535")]
    Preference,
    /// Neither yes nor no.
    #[error("it is neither yes nor no")]
    YesOrNo,
    /// A row names no service and does not opt out.
    #[error("the row names no service")]
    NoService,
    /// A dot stands for a service.
    #[error("a dot is not a service")]
    Dot,
    /// A URL stands for a service.
    #[error("it is a URL")]
    Url,
    /// A row that opts out says something else, too.
    #[error("the row opts out and says something else, too")]
    OptOutWithMore,
    /// The person lies outside of the zone.
    #[error("the records would stand at {owner}, outside of the zone {zone}")]
    OutsideZone {
        /// Where they would stand.
        owner: String,
        /// The zone.
        zone: Zone,
    },
    /// The person has rows further up.
    #[error("line {line} is for the same person, and other rows stand between")]
    Repeated {
        /// The first of those rows.
        line: u64,
    },
    /// There is nothing behind the first row.
    #[error("the file has no rows but the first, and nobody in it")]
    NoPeople,
    /// There are too many people.
    #[error("the file has more than {PEOPLE_MAX} people")]
    TooManyPeople,
    /// The records of a person cannot be published.
    #[error("{0}")]
    Publication(#[source] PublicationError),
}

impl AccountsProblem {
    /// The problem's stable name, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "accounts_unreadable",
            Self::LongRow => "accounts_long_row",
            Self::NoHeading => "accounts_no_heading",
            Self::UnknownColumn(_) => "accounts_unknown_column",
            Self::DoubleColumn(_) => "accounts_double_column",
            Self::MissingColumn(_) => "accounts_missing_column",
            Self::Fields { .. } => "accounts_fields",
            Self::NotUtf8 => "accounts_not_utf8",
            Self::Identifier(error) => error.code(),
            Self::Record(error) => error.code(),
            Self::Preference => "accounts_preference",
            Self::YesOrNo => "accounts_yes_or_no",
            Self::NoService => "accounts_no_service",
            Self::Dot => "accounts_dot",
            Self::Url => "accounts_url",
            Self::OptOutWithMore => "accounts_opt_out_with_more",
            Self::OutsideZone { .. } => "accounts_outside_zone",
            Self::Repeated { .. } => "accounts_repeated",
            Self::NoPeople => "accounts_no_people",
            Self::TooManyPeople => "accounts_too_many_people",
            Self::Publication(error) => error.code(),
        }
    }

    /// Whether nothing can be read behind it.
    pub(super) const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_) | Self::LongRow | Self::NoPeople | Self::TooManyPeople
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the file and the disk".to_owned(),
            Self::LongRow => {
                "look for a quote that is not closed, in this row or before".to_owned()
            }
            Self::NoHeading
            | Self::UnknownColumn(_)
            | Self::DoubleColumn(_)
            | Self::MissingColumn(_) => format!(
                "begin the file with a row of column names, from {}; identifier and service are needed",
                Column::ALL.map(Column::name).join(",")
            ),
            Self::Fields { .. } => {
                "give every row a field for each column, in quotes if it holds a comma".to_owned()
            }
            Self::NotUtf8 => "save the file as UTF-8".to_owned(),
            Self::Identifier(error) => error.remedy().to_owned(),
            Self::Record(_) => "correct the value; docs/protocol.md has the grammar".to_owned(),
            Self::Preference => "give a number from 0 to 65535, lower first, or nothing".to_owned(),
            Self::YesOrNo => "write yes or no, or leave it empty".to_owned(),
            Self::NoService => "name the provider's domain, or write yes into opt_out".to_owned(),
            Self::Dot => "write yes into opt_out for somebody who is not reachable".to_owned(),
            Self::Url => {
                "name the provider by its domain alone, with :port if it is not 443".to_owned()
            }
            Self::OptOutWithMore => "leave every other field of that row empty".to_owned(),
            Self::OutsideZone { .. } => {
                "take the row out, or give the zone it belongs to".to_owned()
            }
            Self::Repeated { .. } => {
                "sort the file by identifier, so that all rows of a person stand together"
                    .to_owned()
            }
            Self::NoPeople => {
                "check how the file was made; to take everybody out, leave the records out of the zone"
                    .to_owned()
            }
            Self::TooManyPeople => "split the file, one zone each".to_owned(),
            Self::Publication(error) => error.remedy(),
        }
    }
}
