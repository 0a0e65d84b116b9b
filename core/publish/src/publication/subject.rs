//! For whom records are published.

use std::fmt;
use std::str::FromStr;

use sotto_mimi::{Domain, Identifier, IdentifierError};

/// How everybody at a domain is written: `*@example.com`.
const EVERY_MAILBOX: &str = "*@";

/// For whom records are published.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One person, or one host.
    Person(Identifier),
    /// Every mailbox of a domain that has no records of its own, by a wildcard.
    EveryMailbox(Domain),
}

/// An identifier, or `*@` and a domain for every mailbox there.
///
/// The mailbox whose local part is an asterisk is written in quotes, `"*"@example.com`.
impl FromStr for Subject {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        match text.trim().strip_prefix(EVERY_MAILBOX) {
            Some(domain) => Ok(Self::EveryMailbox(domain.parse()?)),
            None => text.parse().map(Self::Person),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(Identifier::Mailbox(mailbox)) if mailbox.local_part() == "*" => {
                write!(f, "\"*\"@{}", mailbox.domain())
            }
            Self::Person(identifier) => identifier.fmt(f),
            Self::EveryMailbox(domain) => write!(f, "{EVERY_MAILBOX}{domain}"),
        }
    }
}

impl From<Identifier> for Subject {
    fn from(identifier: Identifier) -> Self {
        Self::Person(identifier)
    }
}
