//! A finished lookup: the outcome, what proves it, and who learnt what.

use std::fmt;

use sotto_mimi::Identifier;
use sotto_proof::{Question, Validity, Verification};
use sotto_wire::AnswerClass;

use crate::lookup::Knowledge;
use crate::operators::{Operator, Operators};
use crate::outcome::Outcome;
use crate::second_opinion::SecondOpinion;

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
    /// The SHA-256 of the key list that the question was sealed to: compare it with what others see.
    pub key_digest: Option<[u8; 32]>,
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
            key_digest: None,
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
        let verification = self.verification.as_ref()?;
        let until = self.at.saturating_add(verification.cache_ttl?.into());
        Some(
            verification
                .validity
                .map_or(until, |validity| validity.until.min(until)),
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

/// What one party may have learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Learnt {
    /// The party.
    pub party: Party,
    /// Its host name; `None` where the client does not know it.
    pub host: Option<String>,
    /// Who runs it, if known.
    pub operator: Option<String>,
    /// What it may have learnt.
    pub facts: Vec<Fact>,
    /// Whether it certainly learnt that; `false` where the client cannot know how far the request
    /// came.
    pub certain: bool,
}

/// A party to a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Party {
    /// The relay.
    Relay,
    /// The gateway.
    Gateway,
    /// The gateway's resolver and the name servers it asks.
    Dns,
}

/// Something learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// The client's network address.
    ClientAddress,
    /// When it asked.
    Time,
    /// Which gateway it uses.
    Gateway,
    /// The size class of the answer.
    AnswerClass(AnswerClass),
    /// Which relay the question came through.
    Relay,
    /// The owner name asked for, and the type.
    OwnerName,
    /// The address of the gateway, or of its resolver.
    GatewayAddress,
}

impl fmt::Display for Party {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Relay => "relay",
            Self::Gateway => "gateway",
            Self::Dns => "DNS",
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientAddress => out.write_str("your address"),
            Self::Time => out.write_str("when"),
            Self::Gateway => out.write_str("which gateway"),
            Self::AnswerClass(class) => write!(out, "an answer of {} octets", class.bytes()),
            Self::Relay => out.write_str("which relay"),
            Self::OwnerName => out.write_str("the name asked for"),
            Self::GatewayAddress => out.write_str("the gateway's address"),
        }
    }
}

impl fmt::Display for Learnt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.party)?;
        if let Some(host) = &self.host {
            write!(out, " {host}")?;
        }
        if !self.certain {
            out.write_str(" may have learnt")?;
        }
        out.write_str(": ")?;
        for (index, fact) in self.facts.iter().enumerate() {
            write!(out, "{}{fact}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// What a lookup did at one relay, as far as that can have been seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contact {
    pub(crate) relay: String,
    pub(crate) operator: Option<Operator>,
    /// A request of any kind may have arrived.
    pub(crate) reached: bool,
    /// A request did arrive: there was an answer.
    pub(crate) answered: bool,
    /// An encapsulated request may have arrived.
    pub(crate) asked: bool,
    pub(crate) answer: Option<AnswerClass>,
    /// The status of an answer that came out of its seal: the gateway read the question.
    pub(crate) sealed_status: Option<u16>,
}

impl Contact {
    /// No contact yet.
    pub(crate) fn new(relay: &str) -> Self {
        Self {
            relay: relay.to_owned(),
            ..Self::default()
        }
    }
}

/// Who learnt what from these contacts.
pub(crate) fn learnt(
    contacts: &[Contact],
    gateway: &str,
    operator: Option<&Operator>,
) -> Vec<Learnt> {
    let mut learnt: Vec<_> = contacts
        .iter()
        .filter(|contact| contact.reached)
        .map(|contact| Learnt {
            party: Party::Relay,
            host: Some(contact.relay.clone()),
            operator: contact.operator.as_ref().map(ToString::to_string),
            facts: [Fact::ClientAddress, Fact::Time, Fact::Gateway]
                .into_iter()
                .chain(contact.answer.map(Fact::AnswerClass))
                .collect(),
            certain: contact.answered,
        })
        .collect();
    let asked = || contacts.iter().filter(|contact| contact.asked);
    if asked().next().is_some() {
        learnt.push(Learnt {
            party: Party::Gateway,
            host: Some(gateway.to_owned()),
            operator: operator.map(ToString::to_string),
            facts: vec![Fact::Relay, Fact::Time, Fact::OwnerName],
            certain: asked().any(|contact| contact.sealed_status.is_some()),
        });
    }
    if asked().any(|contact| contact.sealed_status.is_none_or(asks_the_dns)) {
        learnt.push(Learnt {
            party: Party::Dns,
            host: None,
            operator: None,
            facts: vec![Fact::GatewayAddress, Fact::Time, Fact::OwnerName],
            certain: asked().any(|contact| contact.sealed_status == Some(200)),
        });
    }
    learnt
}

/// Whether a gateway that answers so under seal may have asked the DNS: not if it refused to.
fn asks_the_dns(sealed_status: u16) -> bool {
    !matches!(sealed_status, 400 | 403 | 503)
}
