//! What is asked before anybody's name is: whether there can be anything below it.
//!
//! A proof about a name says less of the names below than one might think, and [`Finding::of`] concludes no more than
//! follows:
//!
//! - NXDOMAIN cuts: a name that does not exist has nothing below it (RFC 8020). Not so behind a CNAME of the name itself,
//!   for then it is the target that does not exist (RFC 6604), and names below a CNAME may exist. A DNAME above renames
//!   what is below alike, so the cut holds.
//! - NODATA says nothing: the name may be an empty non-terminal, exist because mailboxes do, be the top of a delegated
//!   zone, or hold a DNAME. The one exception is NODATA of a wildcard: then the name itself does not exist, no more does
//!   anything below, and the same wildcard answers for that.
//! - An answer from a wildcard above `_mimi`, its aliases included, will be the answer for every name below, and speaks
//!   for nobody.
//! - A zone without DS, or with keys of algorithms that nobody supports, carries nothing that could be proved. An opt-out
//!   span likewise: a signed name below would have put its empty non-terminal into the chain (RFC 5155 section 7.1). Too
//!   many iterations, however, spoil denials alone (RFC 9276 section 3.2): a mailbox that exists could still be proved.

use sotto_mimi::Domain;
use sotto_mimi::Identifier;
use sotto_proof::rdata::{Nsec, Rrsig};
use sotto_proof::{Code, Name, Question, Reason, Record, RecordType, Verification};

use crate::outcome::{Absence, Outcome, Retry};
use crate::report::Report;

/// Whose names hang from a branch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BranchKind {
    /// The mailboxes of a domain.
    Mailboxes(Domain),
    /// The numbers below a phone zone. No name above a number is one that a gateway carries, so all that is found out
    /// first is whether the zone is signed.
    Numbers(Domain),
}

impl BranchKind {
    pub(super) fn of(identifier: &Identifier, phone_zone: Option<&Domain>) -> Option<Self> {
        match identifier {
            Identifier::Mailbox(mailbox) => Some(Self::Mailboxes(mailbox.domain().clone())),
            Identifier::Phone(_) => phone_zone.cloned().map(Self::Numbers),
            Identifier::Host(_) | Identifier::Uri(_) => None,
        }
    }

    /// The domain, or the phone zone.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        match self {
            Self::Mailboxes(domain) | Self::Numbers(domain) => domain,
        }
    }
}

/// A branch of the DNS, and how much of a book hangs from it.
#[derive(Clone, Debug)]
pub struct Branch {
    kind: BranchKind,
    question: Question,
    /// How many of the book's contacts hang from it.
    pub contacts: usize,
}

impl Branch {
    /// `None` if no name can be made for it; then nothing is asked before its names are.
    pub(super) fn new(kind: BranchKind, rtype: RecordType) -> Option<Self> {
        let name = match &kind {
            BranchKind::Mailboxes(domain) => format!("_user._mimi.{domain}."),
            BranchKind::Numbers(zone) => format!("_mimi.{zone}."),
        };
        Some(Self {
            kind,
            question: Question {
                name: name.parse().ok()?,
                rtype,
            },
            contacts: 0,
        })
    }

    /// Whose names hang from it.
    #[must_use]
    pub const fn kind(&self) -> &BranchKind {
        &self.kind
    }

    /// What is asked.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }
}

/// What was found out about a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// There may be something: its names are asked for.
    Open,
    /// Its names stay at home.
    Spared(Spared),
    /// Nothing was found out.
    Failed {
        /// Whether asking again may help.
        again: bool,
    },
}

/// What is proved of every name of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spared {
    /// There is none, or what there is speaks for nobody.
    Absent(Absence),
    /// Nothing can be proved of any.
    Unsigned(Reason),
}

impl Finding {
    /// What follows from the report on a branch's question.
    #[must_use]
    pub fn of(branch: &Branch, report: &Report) -> Self {
        match &report.outcome {
            Outcome::Unavailable(why) => Self::Failed {
                again: matches!(why.code.retry(), Retry::Later | Retry::Elsewhere),
            },
            // Somebody lied, or the chain is broken: names that cannot be proved are not worth showing around.
            Outcome::Bogus(_) => Self::Failed { again: false },
            outcome => report
                .verification
                .as_ref()
                .and_then(|verification| Evidence::new(branch, verification).spares(outcome))
                .map_or(Self::Open, Self::Spared),
        }
    }
}

/// The records that a verdict on a branch's question rests on.
struct Evidence<'a> {
    branch: &'a Branch,
    name: &'a Name,
    used: &'a [Record],
}

impl<'a> Evidence<'a> {
    fn new(branch: &'a Branch, verification: &'a Verification) -> Self {
        Self {
            branch,
            name: &branch.question.name,
            used: &verification.used,
        }
    }

    fn spares(&self, outcome: &Outcome) -> Option<Spared> {
        match &self.branch.kind {
            BranchKind::Mailboxes(domain) => self.spares_mailboxes(domain, outcome),
            BranchKind::Numbers(zone) => self.spares_numbers(zone, outcome),
        }
    }

    fn spares_mailboxes(&self, domain: &Domain, outcome: &Outcome) -> Option<Spared> {
        if self.is_from_wildcard_above_mimi(domain) {
            return Some(Spared::Absent(Absence::UnrelatedWildcard));
        }
        if self.has(RecordType::CNAME) {
            return None;
        }
        match outcome {
            Outcome::NoRecord(Absence::NxDomain) => Some(Spared::Absent(Absence::NxDomain)),
            Outcome::NoRecord(Absence::NoData) if self.is_nodata_of_wildcard() => {
                Some(Spared::Absent(Absence::NoData))
            }
            Outcome::Insecure(reason) if holds_below(reason) => {
                Some(Spared::Unsigned(reason.clone()))
            }
            _ => None,
        }
    }

    /// The name that is asked stands beside the numbers, not above them: only what is said of their zone counts.
    fn spares_numbers(&self, zone: &Domain, outcome: &Outcome) -> Option<Spared> {
        let Outcome::Insecure(reason) = outcome else {
            return None;
        };
        let zone: Name = zone.as_str().parse().ok()?;
        let is_about_zone = !self.has(RecordType::CNAME)
            && !self.has(RecordType::DNAME)
            && zone.is_at_or_below(&reason.name);
        (is_about_zone && holds_below(reason)).then(|| Spared::Unsigned(reason.clone()))
    }

    fn has(&self, rtype: RecordType) -> bool {
        self.used.iter().any(|record| record.rtype == rtype)
    }

    /// Whether the name's own RRset, or its CNAME, was made from a wildcard at the domain or above it. That it applies
    /// is part of the proof, so nothing closer exists.
    fn is_from_wildcard_above_mimi(&self, domain: &Domain) -> bool {
        let Ok(domain) = domain.as_str().parse::<Name>() else {
            return false;
        };
        self.used
            .iter()
            .filter(|record| record.rtype == RecordType::RRSIG && record.owner == *self.name)
            .filter_map(|record| Rrsig::parse(&record.rdata))
            .filter(|rrsig| {
                [self.branch.question.rtype, RecordType::CNAME].contains(&rrsig.covered)
            })
            .any(|rrsig| usize::from(rrsig.labels) <= domain.label_count())
    }

    /// Whether NODATA is that of a wildcard, given that it is NODATA.
    ///
    /// NODATA of a name that exists has an NSEC of that name, or is covered by one whose next name lies below; in NSEC3 it
    /// takes one record alone, that of the name's hash. A wildcard's takes another besides.
    fn is_nodata_of_wildcard(&self) -> bool {
        if self.has(RecordType::DNAME) {
            return false;
        }
        let nsec3s = self
            .used
            .iter()
            .filter(|record| record.rtype == RecordType::NSEC3)
            .count();
        if nsec3s > 0 {
            return nsec3s > 1;
        }
        let mut nsecs = self
            .used
            .iter()
            .filter(|record| record.rtype == RecordType::NSEC)
            .peekable();
        nsecs.peek().is_some()
            && nsecs.all(|record| {
                record.owner != *self.name
                    && Nsec::parse(&record.rdata).is_some_and(|nsec| !nsec.next.is_below(self.name))
            })
    }
}

/// Whether what makes a name insecure makes everything below it insecure.
fn holds_below(reason: &Reason) -> bool {
    matches!(
        reason.code,
        Code::NoDs | Code::UnsupportedAlgorithm | Code::OptOut
    )
}

#[cfg(test)]
#[path = "branch/tests.rs"]
mod tests;
