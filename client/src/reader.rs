//! What is asked for, and so how a proved answer is read.

use sotto_mimi::{Identifier, OwnerName, PathStep, ProviderPolicy, Published, Reading, read};

use crate::outcome::Outcome;
use crate::setup::Setup;
use crate::verdict::Proved;

/// How a proved answer is read.
pub(crate) enum Reader {
    /// As the records of a person.
    Person {
        identifier: Identifier,
        owner: OwnerName,
    },
    /// As it is.
    Raw,
}

impl Reader {
    /// The outcome that a proved answer means.
    pub(crate) fn read(&self, proved: Proved, setup: &Setup) -> Outcome {
        let (secure, identifier, owner) = match (proved, self) {
            (Proved::Absent(absence), _) => return Outcome::NoRecord(absence),
            (Proved::Secure(secure), Self::Raw) => return Outcome::Secure(secure),
            (Proved::Secure(secure), Self::Person { identifier, owner }) => {
                (secure, identifier, owner)
            }
        };
        let rdatas: Vec<&[u8]> = secure.rdatas.iter().map(|rdata| &**rdata).collect();
        let path: Vec<_> = secure.path.iter().map(as_read).collect();
        let published = Published {
            rdatas: &rdatas,
            path: &path,
        };
        // A private root has names of its own, `.test` among them.
        let policy = if setup.anchors().is_iana() {
            ProviderPolicy::Public
        } else {
            ProviderPolicy::PrivateRoot
        };
        match read(identifier, owner, published, setup.tie_break(), policy) {
            Reading::Found(found) => Outcome::Found(found),
            Reading::OptedOut => Outcome::OptedOut,
            Reading::NoRecord(reason) => Outcome::NoRecord(reason.into()),
            Reading::Invalid(dropped) => Outcome::Invalid(dropped),
        }
    }

    /// The identifier, if a person is asked for.
    pub(crate) fn identifier(&self) -> Option<&Identifier> {
        match self {
            Self::Person { identifier, .. } => Some(identifier),
            Self::Raw => None,
        }
    }

    /// The identifier, if a person was asked for.
    pub(crate) fn into_identifier(self) -> Option<Identifier> {
        match self {
            Self::Person { identifier, .. } => Some(identifier),
            Self::Raw => None,
        }
    }
}

/// A step of the verifier's in the words of the reading.
fn as_read(step: &sotto_proof::PathStep) -> PathStep {
    PathStep {
        name: step.name.to_string(),
        owner: step.owner.to_string(),
        from_wildcard: step.from_wildcard,
    }
}
