//! What a lookup came to, with every reason as data.
//!
//! The outcomes are never collapsed into one another, and none of them falls back to plain DNS or
//! to a direct connection. Each reason has a [`Code`].

mod code;

use std::fmt;

use sotto_mimi::{DroppedRecord, Found, NoRecordReason};
use sotto_proof::{self as proof, ClockHint, Name, Reason, Secure, Utc};

pub use self::code::{Code, Explanation, Fault, Retry};
use crate::keys::KeySighting;
use crate::operators::{Operator, Source};
use crate::step::{TransportProblem, TransportProblemKind};

/// What a lookup came to.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub enum Outcome {
    /// One or more ways to reach the person, proved and ranked.
    Found(Found),
    /// The RRset of a raw query ([`crate::Lookup::query`]), proved.
    Secure(Secure),
    /// A proved refusal: this person is deliberately not reachable by MIMI.
    OptedOut,
    /// A proved absence.
    NoRecord(Absence),
    /// Proved records of ours, none of which can be used.
    Invalid(Vec<DroppedRecord>),
    /// Provably unsigned, or unprovable: carries no records.
    Insecure(Reason),
    /// Somebody lied or broke the chain; with the verifier's code `SecondOpinion`, two validators
    /// disagree.
    Bogus(Reason),
    /// No answer could be had.
    Unavailable(Unavailable),
}

impl Outcome {
    /// The word for the outcome in machine-readable output.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Found(_) => "found",
            Self::Secure(_) => "secure",
            Self::OptedOut => "opted_out",
            Self::NoRecord(_) => "no_record",
            Self::Invalid(_) => "invalid",
            Self::Insecure(_) => "insecure",
            Self::Bogus(_) => "bogus",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Why, as data; `None` for [`Outcome::Found`], [`Outcome::Secure`] and [`Outcome::OptedOut`].
    #[must_use]
    pub fn explanation(&self) -> Option<Explanation> {
        match self {
            Self::Found(_) | Self::Secure(_) | Self::OptedOut => None,
            Self::NoRecord(absence) => Some(absence.code().explain()),
            Self::Invalid(_) => Some(Code::NoUsableRecord.explain()),
            Self::Insecure(reason) => Some(Code::Unsigned.explain().because_of(reason)),
            Self::Bogus(reason) if reason.code == proof::Code::SecondOpinion => {
                Some(Code::SecondOpinion.explain().because_of(reason))
            }
            Self::Bogus(reason) => Some(Code::BrokenProof.explain().because_of(reason)),
            Self::Unavailable(unavailable) => {
                let explanation = unavailable.code.explain();
                Some(match &unavailable.detail {
                    Some(Detail::Proof(reason)) => explanation.about(reason),
                    Some(Detail::Older { name, .. }) => Explanation {
                        name: Some(name.to_string()),
                        ..explanation
                    },
                    _ => explanation,
                })
            }
        }
    }
}

impl From<Unavailable> for Outcome {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

/// What is proved not to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Absence {
    /// The name does not exist (NXDOMAIN, RFC 8020).
    NxDomain,
    /// The name exists, but has no records of the type asked for (NODATA, RFC 2308 section 2.2).
    NoData,
    /// There are records of that type, but none of ours among them.
    NoMimiRecord,
    /// The answer, or an alias that leads to it, came from a wildcard above the `_mimi` label, which speaks for nobody.
    UnrelatedWildcard,
}

impl Absence {
    /// The code of the reason.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::NxDomain => Code::NxDomain,
            Self::NoData => Code::NoData,
            Self::NoMimiRecord => Code::NoMimiRecord,
            Self::UnrelatedWildcard => Code::UnrelatedWildcard,
        }
    }
}

impl From<NoRecordReason> for Absence {
    fn from(reason: NoRecordReason) -> Self {
        match reason {
            NoRecordReason::NoMimiRecord => Self::NoMimiRecord,
            NoRecordReason::UnrelatedWildcard => Self::UnrelatedWildcard,
        }
    }
}

/// How the second opinion differs from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disagreement {
    /// It refuses the signatures.
    Signatures,
    /// It finds them outside their validity.
    Times,
    /// It reads other records.
    Records,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Signatures => "it refuses the signatures",
            Self::Times => "it finds the signatures outside their validity",
            Self::Records => "it reads other records",
        })
    }
}

/// Why no answer could be had.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unavailable {
    /// The reason.
    pub code: Code,
    /// What goes with it.
    pub detail: Option<Detail>,
    /// The relay in use, host and perhaps port; `None` if none was.
    pub relay: Option<Box<str>>,
    /// The host of the gateway in use; `None` if none was.
    pub gateway: Option<Box<str>>,
    /// Seconds after which the relay says that it may be asked again (RFC 9110 section 10.2.3).
    pub retry_after: Option<u32>,
}

impl Unavailable {
    /// A reason without detail.
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            relay: None,
            gateway: None,
            retry_after: None,
        }
    }

    /// A reason with its detail.
    pub(crate) fn with(code: Code, detail: Detail) -> Self {
        let mut unavailable = Self::new(code);
        unavailable.detail = Some(detail);
        unavailable
    }

    /// The same, over this relay and through this gateway, unless it names others already.
    pub(crate) fn between(mut self, relay: Option<&str>, gateway: &str) -> Self {
        self.relay = self.relay.or_else(|| relay.map(Box::from));
        self.gateway = self.gateway.or_else(|| Some(gateway.into()));
        self
    }

    /// What goes with the code, in words: who failed, where that is known, and how.
    ///
    /// `None` if there is nothing to say. Never holds what was asked.
    #[must_use]
    pub fn context(&self) -> Option<String> {
        let is_of_pair = matches!(
            self.code,
            Code::SameOperator
                | Code::OperatorUnknown
                | Code::OperatorConflict
                | Code::GatewayUnknownToRelay
        );
        let who = match (self.code.fault(), &self.relay, &self.gateway) {
            (Fault::Network | Fault::Relay, Some(relay), _) => Some(relay.to_string()),
            (Fault::Gateway, Some(relay), Some(gateway)) => Some(format!("{gateway} over {relay}")),
            (_, Some(relay), Some(gateway)) if is_of_pair => {
                Some(format!("{gateway} over {relay}"))
            }
            (Fault::Gateway, None, Some(gateway)) => Some(gateway.to_string()),
            _ => None,
        };
        let wait = self
            .retry_after
            .map(|seconds| format!("it says to wait {seconds} s"));
        let detail = self.detail.as_ref().map(ToString::to_string);
        let how: Vec<_> = detail
            .filter(|detail| !detail.is_empty())
            .into_iter()
            .chain(wait)
            .collect();
        match (who, how.is_empty()) {
            (Some(who), true) => Some(who),
            (Some(who), false) => Some(format!("{who}: {}", how.join(", "))),
            (None, true) => None,
            (None, false) => Some(how.join(", ")),
        }
    }

    /// What went wrong below HTTP.
    pub(crate) fn on_the_way(problem: &TransportProblem) -> Self {
        let code = match problem.kind {
            TransportProblemKind::Connect => Code::ConnectFailed,
            TransportProblemKind::Certificate => Code::CertificateRefused,
            TransportProblemKind::CertificateTime => Code::CertificateTime,
            TransportProblemKind::TimedOut => Code::TimedOut,
            TransportProblemKind::Lost => Code::ConnectionLost,
            TransportProblemKind::TooLarge => Code::ResponseTooLarge,
        };
        Self::with(code, Detail::Cause(problem.cause.clone()))
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code.summary())?;
        if let Some(context) = self.context() {
            write!(out, " ({context})")?;
        }
        write!(out, "; {}", self.code.remedy())
    }
}

/// What goes with a reason.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Detail {
    /// The HTTP status of the relay or, sealed, of the gateway.
    Status(u16),
    /// The media type that came instead; `None` if there was none.
    MediaType(Option<String>),
    /// How many octets came, or might have come.
    Size(usize),
    /// The verdict on the key record.
    Proof(Reason),
    /// When the local clock and every signature disagree.
    Clock {
        /// The local clock, Unix seconds.
        local: u64,
        /// Which way it is off, and the time that the signatures show.
        hint: ClockHint,
    },
    /// How old the signatures are, against what the caller accepts.
    Age {
        /// The oldest inception among the signatures on the answer itself, Unix seconds.
        signed_at: u64,
        /// What the caller accepts, seconds.
        max_age: u64,
    },
    /// A statement that is older than one seen before.
    Older {
        /// The name that both are about.
        name: Name,
        /// The inception of the signature on this one, Unix seconds.
        signed_at: u64,
        /// The inception of the signature on the newest one seen.
        seen: u64,
    },
    /// The party meant: `"relay"` or `"gateway"`.
    Party(&'static str),
    /// The domain meant.
    Domain(String),
    /// What the caller states of an operator, against what is known of it.
    Conflict {
        /// The party meant: `"relay"` or `"gateway"`.
        role: &'static str,
        /// The domain that the caller states.
        stated: String,
        /// The operator as the relay declares it, or as the key record proves it.
        known: Operator,
    },
    /// Two lists that were proved for one epoch: what was seen before, and what came now.
    KeysDiffer(Box<[KeySighting; 2]>),
    /// Seconds that the whole lookup may take.
    Seconds(u64),
    /// The cause in words, from the part that found it; never holds what was asked.
    Cause(String),
}

impl fmt::Display for Detail {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(out, "status {status}"),
            Self::MediaType(Some(media_type)) => write!(out, "media type {media_type:?}"),
            Self::MediaType(None) => out.write_str("no media type"),
            Self::Size(octets) => write!(out, "{octets} octets"),
            Self::Proof(reason) => reason.fmt(out),
            Self::Clock {
                local,
                hint: ClockHint::Behind { signed_from },
            } => {
                write!(
                    out,
                    "this clock says {}, the signatures begin on {}",
                    Utc(*local),
                    Utc(*signed_from)
                )
            }
            Self::Clock {
                local,
                hint: ClockHint::Ahead { signed_until },
            } => {
                write!(
                    out,
                    "this clock says {}, the signatures end on {}",
                    Utc(*local),
                    Utc(*signed_until)
                )
            }
            Self::Age { signed_at, max_age } => {
                write!(
                    out,
                    "signed on {}, accepted for {max_age} s",
                    Utc(*signed_at)
                )
            }
            Self::Older {
                signed_at, seen, ..
            } => {
                write!(
                    out,
                    "signed on {}, one signed on {} was seen",
                    Utc(*signed_at),
                    Utc(*seen)
                )
            }
            Self::Party(role) => write!(out, "the {role}'s"),
            Self::Domain(domain) => out.write_str(domain),
            Self::Conflict {
                role,
                stated,
                known,
            } => {
                let says = match known.source {
                    Source::Proved => "its key record proves",
                    _ => "it declares",
                };
                write!(out, "the {role}'s: stated is {stated}, {says} {known}")
            }
            Self::KeysDiffer(sightings) => {
                let [before, now] = &**sightings;
                let from = |sighting: &KeySighting| {
                    let [a, b, c, d, ..] = sighting.digest;
                    format!(
                        "{a:02x}{b:02x}{c:02x}{d:02x}... over {}, {}",
                        sighting.relay,
                        Utc(sighting.at)
                    )
                };
                write!(out, "day {}: {}; {}", now.epoch, from(before), from(now))
            }
            Self::Seconds(seconds) => write!(out, "{seconds} s"),
            Self::Cause(cause) => out.write_str(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_what_happened_and_what_to_do() {
        let busy = Unavailable::with(Code::RelayBusy, Detail::Status(429));
        assert_eq!(
            busy.to_string(),
            "the relay refuses more requests for now (status 429); wait, then ask again"
        );
    }

    #[test]
    fn times_are_dates() {
        let (early, late) = (86_400, 1_790_000_000);
        for (detail, dates) in [
            (
                Detail::Clock {
                    local: early,
                    hint: ClockHint::Behind { signed_from: late },
                },
                ["1970-01-02T00:00:00Z", "2026-09-21T14:13:20Z"],
            ),
            (
                Detail::Clock {
                    local: late,
                    hint: ClockHint::Ahead {
                        signed_until: early,
                    },
                },
                ["2026-09-21T14:13:20Z", "1970-01-02T00:00:00Z"],
            ),
            (
                Detail::Age {
                    signed_at: early,
                    max_age: 60,
                },
                ["1970-01-02T00:00:00Z", "60 s"],
            ),
        ] {
            let text = detail.to_string();
            let places = dates.map(|date| text.find(date));
            assert!(places.is_sorted() && places[0].is_some(), "{text}");
        }
    }

    #[test]
    fn a_failure_names_the_relay_and_a_gateway_s_the_gateway() {
        for (kind, cause, context) in [
            (TransportProblemKind::Connect, "", "relay.example:8443"),
            (
                TransportProblemKind::Connect,
                "refused",
                "relay.example:8443: refused",
            ),
        ] {
            let why = Unavailable::on_the_way(&TransportProblem::new(kind, cause))
                .between(Some("relay.example:8443"), "g.example");
            assert_eq!(why.context().as_deref(), Some(context));
        }
        let why = Unavailable::with(Code::GatewayTimedOut, Detail::Status(504))
            .between(Some("relay.example"), "g.example");
        assert_eq!(
            why.context().as_deref(),
            Some("g.example over relay.example: status 504")
        );
        let mut busy = Unavailable::with(Code::RelayBusy, Detail::Status(429))
            .between(Some("relay.example"), "g.example");
        busy.retry_after = Some(30);
        assert_eq!(
            busy.context().as_deref(),
            Some("relay.example: status 429, it says to wait 30 s")
        );
    }
}
