//! What is asked for, and so how a proved answer is read.

use sotto_mimi::{Identifier, OwnerName, ProviderPolicy, Published, Reading, RecordForm, read};

use crate::outcome::Outcome;
use crate::setup::Setup;
use crate::verdict::Proved;

/// How a proved answer is read.
pub(crate) enum Reader {
    /// As the records of a person.
    Person {
        identifier: Identifier,
        owner: OwnerName,
        form: RecordForm,
    },
    /// As it is.
    Raw,
}

impl Reader {
    /// The outcome that a proved answer means.
    pub(crate) fn read(&self, proved: Proved, setup: &Setup) -> Outcome {
        let (secure, identifier, owner, form) = match (proved, self) {
            (Proved::Absent(absence), _) => return Outcome::NoRecord(absence),
            (Proved::Secure(secure), Self::Raw) => return Outcome::Secure(secure),
            (
                Proved::Secure(secure),
                Self::Person {
                    identifier,
                    owner,
                    form,
                },
            ) => (secure, identifier, owner, *form),
        };
        let rdatas: Vec<&[u8]> = secure.rdatas.iter().map(|rdata| &**rdata).collect();
        let wildcards: Vec<String> = secure.wildcards.iter().map(ToString::to_string).collect();
        let wildcards: Vec<&str> = wildcards.iter().map(String::as_str).collect();
        let published = Published {
            rdatas: &rdatas,
            wildcards: &wildcards,
        };
        // A private root has names of its own, `.test` among them.
        let policy = if setup.anchors().is_iana() {
            ProviderPolicy::Public
        } else {
            ProviderPolicy::PrivateRoot
        };
        match read(
            identifier,
            owner,
            form,
            published,
            setup.tie_break(),
            policy,
        ) {
            Reading::Found(found) => Outcome::Found(found),
            Reading::OptedOut => Outcome::OptedOut,
            Reading::NoRecord(reason) => Outcome::NoRecord(reason.into()),
            Reading::Invalid(dropped) => Outcome::Invalid(dropped),
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
