//! Why a proof came to its verdict, for a person: which zone vouches for which, who signed what,
//! what the denial says, and where a chain ends or breaks.
//!
//! Architecture invariant: nothing here decides anything. [`explain()`] asks the verifier for its
//! verdict, then arranges what the verifier knows. What no signature covers is never
//! [`State::Held`].

mod build;
mod denial;

use std::fmt;

use super::crypto::Algorithm;
use super::judge;
use super::reason::Reason;
use super::verdict::{Validity, Verification};
use crate::anchors::Anchors;
use crate::limits::Limits;
use crate::name::Name;
use crate::record::{Question, RecordType};

/// A verification with the way that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What was asked.
    pub question: Question,
    /// The time of the verification, in Unix seconds.
    pub now: u64,
    /// The verdict, exactly as [`verify`](crate::verify()) returns it.
    pub verification: Verification,
    /// The zones on the way, each behind those above it. For `Bogus` those that were tried.
    pub zones: Vec<Zone>,
    /// What each name on the way turned out to be: aliases, then the answer, the denial, or the
    /// end of the chain.
    pub steps: Vec<Step>,
}

/// How far something holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A chain of signatures leads to it. In a `Bogus` proof it proves nothing by itself.
    Held,
    /// It is shown to be unsigned, or unprovable.
    Unsigned(Reason),
    /// The chain breaks here.
    Broken(Reason),
    /// The chain breaks above, or elsewhere: nothing is known of it.
    Unreached,
}

/// One zone, or where one should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its name, in lower case.
    pub name: Name,
    /// The place, among [`Explanation::zones`], of the zone above that vouches, or should.
    pub parent: Option<usize>,
    /// How far its keys are trusted.
    pub state: State,
    /// The tags of the trust anchors at this name: these vouch, and no parent does.
    pub anchors: Vec<u16>,
    /// The DNSKEY records of the proof, trusted only as far as `state` says.
    pub keys: Vec<Key>,
    /// The RRsets that its keys signed, or should have.
    pub sets: Vec<Set>,
}

/// One DNSKEY record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its tag.
    pub tag: u16,
    /// Its algorithm number.
    pub algorithm: u8,
    /// What can be said against it.
    pub weakness: Option<Weakness>,
    /// The flag of a key signing key is set (RFC 4034 section 2.1.1).
    pub secure_entry_point: bool,
    /// The anchor or DS refers to it, and it signed the DNSKEY RRset.
    pub entry: bool,
    /// It made a signature that counts here, or is named by the one that breaks the chain.
    pub signs: bool,
}

/// What can be said against a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// An RSA modulus of so many bits, below 2,048: it counts, though weak by today's advice.
    Bits(usize),
    /// Its algorithm is not supported, or too old (RFC 8624, RFC 9905): it does not count.
    Unsupported,
    /// Its size is not one that counts, or it is malformed.
    Unusable,
    /// It is revoked, or no zone key: it does not count (RFC 5011 section 2.1).
    NoZoneKey,
}

/// One RRset under a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The owner name.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// How many records it has in the proof: none where it is missing.
    pub records: usize,
    /// The signature over it that verified.
    pub signature: Option<Signature>,
    /// What one that did not verify says of itself: nobody vouches for that.
    pub claimed: Option<Signature>,
    /// How far it holds.
    pub state: State,
    /// The wildcard that it was made from.
    pub wildcard: Option<Name>,
    /// What it does here.
    pub role: Role,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The tag of the key.
    pub key_tag: u16,
    /// The algorithm number.
    pub algorithm: u8,
    /// When it is valid.
    pub validity: Validity,
}

/// What an RRset does in a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It holds the keys of its zone.
    Keys,
    /// It vouches for the keys of the zone below: the DS records.
    Delegation(Vec<Delegation>),
    /// It leads on to another name.
    Alias(Name),
    /// It is what was asked for.
    Answer,
    /// It says what does not exist.
    Denial {
        /// Where the span that begins at its owner ends: a name, or a hash.
        next: String,
        /// What follows for this question.
        findings: Vec<Finding>,
    },
    /// It says for how long a denial may be kept: the SOA.
    Lifetime,
    /// Nothing that this verdict rests on.
    Other,
}

/// One DS record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// The tag of the key referred to.
    pub key_tag: u16,
    /// Its algorithm number.
    pub algorithm: u8,
    /// The number of the digest type.
    pub digest_type: u8,
    /// Algorithm and digest are supported.
    pub supported: bool,
}

/// What one NSEC or NSEC3 record says about a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The name exists, and has these types.
    Types {
        /// The name.
        name: Name,
        /// The types at it.
        types: Vec<RecordType>,
        /// The type that is therefore not at it.
        lacks: RecordType,
    },
    /// The name exists, and nothing closer to the one asked for does.
    Encloser(Name),
    /// The name does not exist, nor does anything below it.
    Absent(Name),
    /// No wildcard of this name exists that could have answered.
    NoWildcard(Name),
    /// The name exists only because something below it does.
    EmptyNonTerminal(Name),
    /// Nothing closer than the wildcard exists at this name, so the wildcard applies.
    WildcardApplies {
        /// The name that does not exist.
        absent: Name,
        /// The wildcard.
        wildcard: Name,
    },
    /// The name is a delegation without DS.
    NoDs(Name),
    /// The name may be an unsigned delegation, hidden by opt-out.
    OptOut(Name),
    /// The zone hashes its names so many additional times, more than the limit.
    Iterations(u16),
}

/// What a name on the way turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name.
    pub name: Name,
    /// What it turned out to be.
    pub outcome: StepOutcome,
}

/// What a name turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// It has the RRset asked for.
    Answer {
        /// How many records.
        records: usize,
        /// The wildcard that the RRset was made from.
        wildcard: Option<Name>,
    },
    /// It is an alias.
    Alias {
        /// CNAME or DNAME.
        rtype: RecordType,
        /// The owner of that record: for DNAME, above the name.
        owner: Name,
        /// The wildcard that the record was made from.
        wildcard: Option<Name>,
        /// Where it leads.
        target: Name,
    },
    /// It is denied.
    Denied(Denied),
    /// It is shown to be unsigned, or unprovable.
    Unsigned(Reason),
    /// Nothing is proved about it.
    Broken(Reason),
}

/// Why a denial suffices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The name exists without the type.
    NoType,
    /// The name exists because something below it does, without records of its own.
    EmptyNonTerminal,
    /// The name does not exist; a wildcard answers for it, without the type.
    WildcardNoType,
    /// Neither the name nor a wildcard that could answer for it exists.
    NoName,
    /// The zone marks the name with NXNAME.
    Compact,
}

impl Denied {
    /// Returns why that suffices, in words.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::NoType => "the name exists, without the type asked for and without CNAME",
            Self::EmptyNonTerminal => {
                "the name exists only because something below it does, so it has no records"
            }
            Self::WildcardNoType => {
                "the name does not exist, and the wildcard that answers for it lacks the type asked for"
            }
            Self::NoName => "neither the name nor a wildcard that could answer for it exists",
            Self::Compact => "the type NXNAME marks a name that does not exist",
        }
    }

    /// Returns the documents and sections that hold the rule.
    #[must_use]
    pub fn rfc(self) -> &'static str {
        match self {
            Self::NoType => "RFC 4035 section 5.4, RFC 5155 section 8.5",
            Self::EmptyNonTerminal => "RFC 4035 section 5.4, RFC 8020 section 2",
            Self::WildcardNoType => "RFC 4035 section 5.4, RFC 5155 section 8.7",
            Self::NoName => "RFC 4035 section 5.4, RFC 5155 section 8.4",
            Self::Compact => "RFC 9824 section 2",
        }
    }
}

/// An algorithm number, shown as its mnemonic (the IANA registry of RFC 8624), or as
/// "algorithm" and the number where it is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mnemonic(pub u8);

impl fmt::Display for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Algorithm::from_number(self.0) {
            Some(algorithm) => algorithm.fmt(f),
            None => write!(f, "algorithm {}", self.0),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tag, Mnemonic(self.algorithm))?;
        match self.weakness {
            None => Ok(()),
            Some(Weakness::Bits(bits)) => write!(f, " (WEAK: only {bits} bits)"),
            Some(Weakness::Unsupported) => f.write_str(" (unsupported, does not count)"),
            Some(Weakness::Unusable) => f.write_str(" (of no usable size, does not count)"),
            Some(Weakness::NoZoneKey) => f.write_str(" (revoked or no zone key, does not count)"),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key_tag, Mnemonic(self.algorithm))
    }
}

impl fmt::Display for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.key_tag, Mnemonic(self.algorithm))?;
        match self.digest_type {
            1 => f.write_str("SHA-1")?,
            2 => f.write_str("SHA-256")?,
            4 => f.write_str("SHA-384")?,
            other => write!(f, "digest type {other}")?,
        }
        if !self.supported {
            f.write_str(" (unsupported, does not count)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Types { name, types, lacks } => {
                write!(f, "{name} exists and has")?;
                if types.is_empty() {
                    f.write_str(" no type")?;
                }
                for rtype in types {
                    write!(f, " {rtype}")?;
                }
                write!(f, ", so no {lacks}")
            }
            Self::Encloser(name) => write!(f, "{name} exists: the closest encloser"),
            Self::Absent(name) => write!(f, "covers {name}, which does not exist"),
            Self::NoWildcard(name) => {
                write!(f, "covers {name}, so no wildcard could have answered")
            }
            Self::EmptyNonTerminal(name) => {
                write!(f, "{name} exists only because something below it does")
            }
            Self::WildcardApplies { absent, wildcard } => {
                write!(f, "covers {absent}, so the wildcard {wildcard} applies")
            }
            Self::NoDs(name) => write!(f, "{name} is delegated (NS) without DS"),
            Self::OptOut(name) => write!(
                f,
                "covers {name} with opt-out: an unsigned delegation may be there"
            ),
            Self::Iterations(count) => write!(f, "hashes names {count} additional times"),
        }
    }
}

/// Verifies a proof as [`verify`](crate::verify()) does, and tells how it came to its verdict.
#[must_use]
pub fn explain(
    proof: &[u8],
    question: &Question,
    anchors: &Anchors,
    now: u64,
    limits: &Limits,
) -> Explanation {
    judge(
        proof,
        question,
        anchors,
        now,
        limits,
        None,
        |verifier, verification| build::explanation(verifier, question, now, verification),
    )
}
