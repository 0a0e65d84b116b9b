//! One row of a file of accounts.

use std::fmt;
use std::ops::Range;

use csv::ByteRecord;
use sotto_mimi::{Account, Label, Provider, Record, RecordError, Tag};

use super::error::{AccountsError, AccountsProblem};
use crate::publication::{Subject, is_url, opt_out};

/// A column of a file of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Whom the row is for.
    Identifier,
    /// The provider.
    Service,
    /// The account there.
    Account,
    /// The preference.
    Prefer,
    /// The label of the service.
    Label,
    /// Tokens of preference.
    Tag,
    /// Whether the person is not reachable.
    OptOut,
}

impl Column {
    /// Every column.
    pub const ALL: [Self; 7] = [
        Self::Identifier,
        Self::Service,
        Self::Account,
        Self::Prefer,
        Self::Label,
        Self::Tag,
        Self::OptOut,
    ];

    /// What the first row calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Service => "service",
            Self::Account => "account",
            Self::Prefer => "prefer",
            Self::Label => "label",
            Self::Tag => "tag",
            Self::OptOut => "opt_out",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where each column stands.
#[derive(Debug)]
pub(super) struct Columns {
    places: [Option<usize>; Column::ALL.len()],
    count: usize,
}

/// One row, of which it is known for whom it is.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) subject: Subject,
    /// The record, or why the row has none.
    pub(super) record: Result<Record, AccountsError>,
}

impl Columns {
    /// Reads the first row.
    pub(super) fn read(heading: &ByteRecord) -> Result<Self, AccountsError> {
        let mut places = [None; Column::ALL.len()];
        let refuse = |problem| Err(AccountsError::at(line(heading), problem));
        for (place, name) in heading.iter().enumerate() {
            let known = Column::ALL
                .iter()
                .position(|column| name.eq_ignore_ascii_case(column.name().as_bytes()));
            let Some(known) = known else {
                return refuse(AccountsProblem::UnknownColumn(shown(name)));
            };
            if places[known].replace(place).is_some() {
                return refuse(AccountsProblem::DoubleColumn(Column::ALL[known]));
            }
        }
        let columns = Self {
            places,
            count: heading.len(),
        };
        for needed in [Column::Identifier, Column::Service] {
            if columns.place(needed).is_none() {
                return refuse(AccountsProblem::MissingColumn(needed));
            }
        }
        Ok(columns)
    }

    fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// Reads any other row.
    pub(super) fn row(&self, record: &ByteRecord) -> Result<Row, AccountsError> {
        if record.len() != self.count {
            return Err(AccountsError::at(
                line(record),
                AccountsProblem::Fields {
                    found: record.len(),
                    expected: self.count,
                },
            ));
        }
        let fields = Fields {
            columns: self,
            record,
        };
        let subject = fields.parse(Column::Identifier, |text| {
            text.parse().map_err(AccountsProblem::Identifier)
        })?;
        Ok(Row {
            line: line(record),
            subject,
            record: fields.record(),
        })
    }
}

/// The fields of a row.
struct Fields<'a> {
    columns: &'a Columns,
    record: &'a ByteRecord,
}

impl Fields<'_> {
    /// The record that the row stands for.
    fn record(&self) -> Result<Record, AccountsError> {
        if self.parse(Column::OptOut, yes_or_no)? {
            for column in &Column::ALL[Range {
                start: Column::Service as usize,
                end: Column::OptOut as usize,
            }] {
                if !self.text(*column)?.is_empty() {
                    return Err(self.refuse(*column, AccountsProblem::OptOutWithMore));
                }
            }
            return Ok(opt_out());
        }
        let provider = self.parse(Column::Service, |text| match text {
            "" => Err(AccountsProblem::NoService),
            // One way to say it: a slip of the pen must not silence anybody.
            "." => Err(AccountsProblem::Dot),
            _ if is_url(text) => Err(AccountsProblem::Url),
            _ => text.parse::<Provider>().map_err(AccountsProblem::Record),
        })?;
        Ok(Record {
            provider,
            account: self.optional(Column::Account, Account::new)?,
            preference: self.parse(Column::Prefer, |text| match text {
                "" => Ok(u16::MAX),
                _ => decimal(text).ok_or(AccountsProblem::Preference),
            })?,
            label: self.optional(Column::Label, Label::new)?,
            tags: self.parse(Column::Tag, |text| {
                text.split([';', ','])
                    .map(str::trim)
                    .filter(|token| !token.is_empty())
                    .map(|token| Tag::new(token).map_err(AccountsProblem::Record))
                    .collect()
            })?,
        })
    }

    /// The field of a column, which is empty if the file has no such column.
    fn text(&self, column: Column) -> Result<&str, AccountsError> {
        let field = self
            .columns
            .place(column)
            .and_then(|place| self.record.get(place))
            .unwrap_or_default();
        str::from_utf8(field).map_err(|_| self.refuse(column, AccountsProblem::NotUtf8))
    }

    fn parse<T>(
        &self,
        column: Column,
        read: impl FnOnce(&str) -> Result<T, AccountsProblem>,
    ) -> Result<T, AccountsError> {
        read(self.text(column)?).map_err(|problem| self.refuse(column, problem))
    }

    fn optional<T>(
        &self,
        column: Column,
        read: impl FnOnce(&str) -> Result<T, RecordError>,
    ) -> Result<Option<T>, AccountsError> {
        self.parse(column, |text| match text {
            "" => Ok(None),
            _ => read(text).map(Some).map_err(AccountsProblem::Record),
        })
    }

    fn refuse(&self, column: Column, problem: AccountsProblem) -> AccountsError {
        let value = self
            .columns
            .place(column)
            .and_then(|place| self.record.get(place))
            .unwrap_or_default();
        AccountsError::in_column(line(self.record), column, shown(value), problem)
    }
}

fn yes_or_no(text: &str) -> Result<bool, AccountsProblem> {
    let is_one_of = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if text.is_empty() || is_one_of(["no", "false", "0"]) {
        Ok(false)
    } else if is_one_of(["yes", "true", "1"]) {
        Ok(true)
    } else {
        Err(AccountsProblem::YesOrNo)
    }
}

/// 0 to 65535 in digits; `u16::from_str` alone would take a sign.
fn decimal(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The line on which a row begins.
fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}

/// A field as an error shows it.
fn shown(field: &[u8]) -> String {
    const MAX_CHARACTERS: usize = 80;
    let text = String::from_utf8_lossy(field);
    if text.chars().count() <= MAX_CHARACTERS {
        return text.into_owned();
    }
    text.chars().take(MAX_CHARACTERS).chain(['…']).collect()
}
