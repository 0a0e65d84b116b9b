//! A finished lookup: the outcome, what proves it, and who learnt what.

use sotto_mimi::Identifier;
use sotto_proof::{Question, Validity, Verification};

use crate::keys::KeySighting;
use crate::learnt::{Learnt, Party};
use crate::lookup::Knowledge;
use crate::operators::Operators;
use crate::outcome::Outcome;
use crate::second_opinion::SecondOpinion;
use crate::via::Via;

/// A finished lookup.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Report {
    /// What it came to.
    pub outcome: Outcome,
    /// The identifier asked for; `None` for a raw query.
    pub identifier: Option<Identifier>,
    /// The question that was, or would have been, sealed; `None` if nothing had to be asked.
    pub question: Option<Question>,
    /// When the lookup ended, Unix seconds.
    pub at: u64,
    /// The proof as it came, Bogus ones too: it can be saved, and verified elsewhere.
    pub proof: Option<Vec<u8>>,
    /// What the verifier made of the proof.
    pub verification: Option<Verification>,
    /// What an independent validator made of it.
    pub second_opinion: SecondOpinion,
    /// Who runs the relay and the gateway, as far as that is known.
    pub operators: Operators,
    /// Over which relay and through which gateway it went, and why; `None` if nothing had to be asked.
    pub via: Option<Via>,
    /// The SHA-256 of the key list that the question was sealed to.
    pub key_digest: Option<[u8; 32]>,
    /// Every digest that the key documents of this lookup proved: what other relays hand out has to agree.
    pub keys: Vec<KeySighting>,
    /// When the answer came, and until when it may be used, if it comes from the store: then nobody was asked.
    pub from_store: Option<FromStore>,
    /// Why the store could not be written after the lookup, for a person; the report is right all the same.
    pub store_problem: Option<String>,
    /// Who learnt what, on this lookup.
    pub learnt: Vec<Learnt>,
    /// What the next lookup over the same relay need not fetch again.
    pub knowledge: Option<Knowledge>,
}

impl Report {
    /// The report of a lookup for which nobody was asked.
    pub(crate) fn without_question(
        outcome: Outcome,
        identifier: Option<Identifier>,
        now: u64,
    ) -> Self {
        Self {
            outcome,
            identifier,
            question: None,
            at: now,
            proof: None,
            verification: None,
            second_opinion: SecondOpinion::NotAsked,
            operators: Operators::default(),
            via: None,
            key_digest: None,
            keys: Vec::new(),
            from_store: None,
            store_problem: None,
            learnt: Vec::new(),
            knowledge: None,
        }
    }

    /// When every signature that the verdict used is valid.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.verification.as_ref()?.validity
    }

    /// Unix seconds until which the outcome may be kept; `None` for what must not be kept at all.
    #[must_use]
    pub fn cache_until(&self) -> Option<u64> {
        if matches!(self.outcome, Outcome::Bogus(_) | Outcome::Unavailable(_)) {
            return None;
        }
        let until = keep_until(self.verification.as_ref()?, self.at)?;
        Some(
            self.from_store
                .map_or(until, |stored| stored.until.min(until)),
        )
    }

    /// Whether no party learnt both who asked and for whom, if relay and gateway keep to their word.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let gateway_asked = self
            .learnt
            .iter()
            .any(|learnt| matches!(learnt.party, Party::Gateway));
        !gateway_asked || self.operators.are_separate()
    }
}

/// The life of an answer that comes from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FromStore {
    /// When it came, Unix seconds.
    pub since: u64,
    /// The first second at which it is not used any more.
    pub until: u64,
}

/// Unix seconds until which what was verified at `at` may be kept: the lower of TTL and signatures.
pub(crate) fn keep_until(verification: &Verification, at: u64) -> Option<u64> {
    let until = at.saturating_add(verification.cache_ttl?.into());
    Some(
        verification
            .validity
            .map_or(until, |validity| validity.until.min(until)),
    )
}
