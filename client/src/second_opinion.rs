//! An independent validator's view of what ours calls secure: a guard against our own bugs.
//!
//! `dnssec-prover` is given only the RRs that our verdict used. It knows fewer types and
//! algorithms, the IANA root alone, and no denial of existence, so it abstains often, by those RRs
//! alone, and says so. Where it can read them and comes to something else, the answer is
//! Bogus with the verifier's code `SecondOpinion`.

use std::fmt;

use sotto_proof::RecordType;

use crate::outcome::Disagreement;

#[cfg(feature = "second-opinion")]
pub(crate) use asked::ask;

/// What the second validator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondOpinion {
    /// Switched off, not built in, or nothing was there to ask about.
    NotAsked,
    /// It comes to the same records, valid now.
    Agrees,
    /// It cannot tell.
    Abstains(Abstention),
    /// It comes to something else.
    Disagrees(Disagreement),
}

/// Why the second validator cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Abstention {
    /// It knows the IANA root alone.
    PrivateAnchors,
    /// It proves records, not absence and not insecurity.
    NotSecure,
    /// It does not know the type, or proves no records of it.
    Type(RecordType),
    /// It does not know the signature algorithm (RFC 8624 section 3.1).
    Algorithm(u8),
    /// It reads host-like names only, and no wildcard as the owner of an answer.
    Name,
    /// It refuses an empty character-string in TXT.
    EmptyString,
    /// It does not accept NSEC3 with the opt-out flag (RFC 5155 section 6).
    OptOut,
    /// Two keys of one zone share tag and algorithm; it takes the first for the right one.
    KeyTag,
    /// It has no arithmetic for this RSA key.
    RsaKey,
    /// More signatures than it checks.
    TooManySignatures,
    /// It does not parse one of the records, though its owner signed it so.
    Unreadable,
}

impl fmt::Display for SecondOpinion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => out.write_str("no second opinion was asked"),
            Self::Agrees => out.write_str("a second validator agrees"),
            Self::Abstains(why) => write!(out, "a second validator abstains: {why}"),
            Self::Disagrees(how) => write!(out, "a second validator disagrees: {how}"),
        }
    }
}

impl fmt::Display for Abstention {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrivateAnchors => out.write_str("it knows only the IANA root"),
            Self::NotSecure => out.write_str("it reads neither denial nor insecurity"),
            Self::Type(rtype) => write!(out, "it does not read type {rtype}"),
            Self::Algorithm(number) => write!(out, "it does not know algorithm {number}"),
            Self::Name => out.write_str("it does not read names like these"),
            Self::EmptyString => out.write_str("it does not read an empty string in TXT"),
            Self::OptOut => out.write_str("it does not accept opt-out"),
            Self::KeyTag => out.write_str("two keys share a tag"),
            Self::RsaKey => out.write_str("it does not read this RSA key"),
            Self::Unreadable => out.write_str("it does not parse one of the records"),
            Self::TooManySignatures => out.write_str("it does not check so many signatures"),
        }
    }
}

/// Without the feature there is nobody to ask.
#[cfg(not(feature = "second-opinion"))]
pub(crate) fn ask(
    _: &sotto_proof::Verification,
    _: &sotto_proof::Question,
    _: &sotto_proof::Anchors,
    _: u64,
) -> SecondOpinion {
    SecondOpinion::NotAsked
}

#[cfg(feature = "second-opinion")]
mod asked;
