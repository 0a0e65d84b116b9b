//! Verifiers that are not ours, brought to a form in which their verdicts can be put beside ours.
//!
//! `dnssec-prover` judges a proof as we do. `hickory-net` and `domain` judge a response and ask for the chain above it
//! themselves, so they get an honest resolver ([`transit::Transit`]) on whose way everything that was done to the proof
//! is done to the responses.

pub mod domain;
pub mod hickory;
pub mod prover;
pub mod transit;
pub mod vectors;
pub mod zoo;

use std::collections::BTreeSet;

use sotto_proof::{Name, Question, RecordType, Verdict, Verification};

/// What a verifier says, ours included, in the words that all have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    /// The name has these RDATA of the type asked for, names in lower case.
    Secure(BTreeSet<Vec<u8>>),
    /// It is proved that there are none.
    Absent,
    /// It is proved that nothing is signed there.
    Insecure,
    /// Everything verifies, and nothing is there for the question. That is no denial: `dnssec-prover` has none.
    NoRecords,
    /// The proof does not hold.
    Refused,
}

impl Opinion {
    /// Our own verdict in these words.
    #[must_use]
    pub fn ours(verification: &Verification) -> Self {
        match &verification.verdict {
            Verdict::Secure(secure) => {
                let rdatas = secure.rdatas.iter();
                Self::Secure(
                    rdatas
                        .map(|rdata| normalised(secure.rtype, rdata))
                        .collect(),
                )
            }
            Verdict::NoData | Verdict::NxDomain => Self::Absent,
            Verdict::Insecure(_) => Self::Insecure,
            Verdict::Bogus(_) => Self::Refused,
        }
    }
}

/// One record of an answer section.
#[derive(Debug, Clone)]
struct Answer {
    owner: Name,
    rtype: RecordType,
    rdata: Vec<u8>,
}

/// Aliases that a caller follows in an answer section: more than any response here has.
const MAX_ALIASES: usize = 8;

/// What a careful caller takes from a validated answer section: the records of the type asked for at the end of the
/// aliases that start at the name asked for.
fn taken(question: &Question, section: &[Answer]) -> BTreeSet<Vec<u8>> {
    let mut name = question.name.clone();
    for _ in 0..MAX_ALIASES {
        let found: BTreeSet<_> = section
            .iter()
            .filter(|answer| answer.owner == name && answer.rtype == question.rtype)
            .map(|answer| normalised(answer.rtype, &answer.rdata))
            .collect();
        match target(&name, section) {
            Some(target) if found.is_empty() => name = target,
            _ => return found,
        }
    }
    BTreeSet::new()
}

/// Where a CNAME, or a DNAME above (RFC 6672 section 3.1), leads from a name.
fn target(name: &Name, section: &[Answer]) -> Option<Name> {
    section.iter().find_map(|answer| {
        let target = || Name::from_wire(&answer.rdata).ok();
        match answer.rtype {
            RecordType::CNAME if answer.owner == *name => target(),
            RecordType::DNAME if name.is_below(&answer.owner) => {
                name.rebase(&answer.owner, &target()?)?.ok()
            }
            _ => None,
        }
    })
}

/// RDATA as [`Opinion::Secure`] has it: the canonical form of a sole name is in lower case (RFC 4034 section 6.2).
fn normalised(rtype: RecordType, rdata: &[u8]) -> Vec<u8> {
    if matches!(
        rtype,
        RecordType::NS | RecordType::CNAME | RecordType::DNAME
    ) {
        rdata.to_ascii_lowercase()
    } else {
        rdata.to_vec()
    }
}
