//! The ways in which verdicts differ, each with who is right. `docs/proof-differential.md` has the same table.

use std::fmt;

use sotto_proof::{Code, RecordType};
use sotto_tests::peers::Opinion;
use sotto_world::dns::signer::Algorithm;
use sotto_world::dns::zone::Denial;

use super::mutants::{Change, Field, Touched};

/// A verifier that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    DnssecProver,
    Hickory,
    Domain,
}

impl Peer {
    /// Its name in the document.
    pub(crate) const fn crate_name(self) -> &'static str {
        match self {
            Self::DnssecProver => "dnssec-prover",
            Self::Hickory => "hickory",
            Self::Domain => "domain",
        }
    }
}

/// A way in which verdicts differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// Its name in the document.
    pub(crate) name: &'static str,
    pub(crate) with: &'static [Peer],
    /// Everybody, where the two say different things that are both true.
    pub(crate) right: &'static str,
    /// The section that decides it.
    pub(crate) rfc: &'static str,
}

macro_rules! classes {
    ($($constant:ident = $name:literal, [$($peer:ident),*], $right:literal, $rfc:literal;)*) => {
        $(const $constant: Class = Class {
            name: $name,
            with: &[$(Peer::$peer),*],
            right: $right,
            rfc: $rfc,
        };)*

        /// All of them, in the order of the document.
        pub(crate) const CLASSES: &[Class] = &[$($constant),*];
    };
}

classes! {
    NO_DENIAL = "no denial", [DnssecProver], "sotto", "RFC 4035 section 5.4";
    NOT_MISSED = "nothing is missed", [DnssecProver], "both", "RFC 4035 section 5.3.1";
    UNNEEDED = "unneeded record", [DnssecProver], "both", "RFC 4035 section 5.3.3";
    OTHER_ROOT = "another root", [DnssecProver], "both", "RFC 4035 section 5";
    UNSIGNED_KEYS = "unsigned keys", [Hickory], "sotto", "RFC 4035 section 5.2";
    OPT_OUT = "opt-out as proof", [Hickory], "sotto", "RFC 5155 section 9.2";
    WILDCARD = "wildcard one label deep", [Hickory], "sotto", "RFC 4035 section 5.3.4";
    DNAME = "DNAME", [Hickory], "sotto", "RFC 6672 section 5.3.1";
    ALIAS_DENIAL = "alias to a denial", [Hickory], "sotto", "RFC 2308 section 2.2";
    NEITHER = "neither record nor denial", [Hickory], "sotto", "RFC 4035 section 5.4";
    MIXED_TTL = "mixed TTL", [Hickory], "sotto", "RFC 4034 section 6.3";
    DUPLICATE = "duplicate", [Hickory, Domain], "sotto", "RFC 4034 section 6.3";
    STRAY = "stray record", [Hickory, Domain], "both", "RFC 4035 section 5.3.3";
    SHA1 = "SHA-1 digest", [Hickory, Domain], "others", "RFC 8624 section 3.3";
    SOA = "denial without SOA", [Hickory, Domain], "sotto", "RFC 4035 section 5.4";
    PARTIAL_OPT_OUT = "part of an opt-out denial", [Hickory, Domain], "both", "RFC 5155 section 9.2";
    OTHER_QUESTION = "proof of another question", [Hickory, Domain], "both", "RFC 9102 section 2.1";
    STRIPPED_OPT_OUT = "stripped in an opt-out span", [Domain], "domain", "RFC 5155 section 9.2";
    ALGORITHM = "P-384 and Ed25519", [Domain], "both", "RFC 4035 section 5.2";
}

/// Two verdicts on one case.
pub(crate) struct Meeting<'a> {
    pub(crate) peer: Peer,
    /// What was asked, and in which zones.
    pub(crate) title: &'a str,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) denial: Option<Denial>,
    pub(crate) change: &'a Change,
    pub(crate) ours: &'a Opinion,
    /// Our reason, if there is one.
    pub(crate) code: Option<Code>,
    pub(crate) theirs: &'a Opinion,
    /// The records that our verdict used, for `dnssec-prover` to judge them alone.
    pub(crate) of_used: Option<&'a dyn Fn() -> Opinion>,
}

impl fmt::Debug for Meeting<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:?} on {:?}, {:?}, {:?}, {:?}:\nours   {:?} {:?}\ntheirs {:?}",
            self.peer,
            self.title,
            self.algorithm,
            self.denial,
            self.change,
            self.ours,
            self.code,
            self.theirs
        )
    }
}

impl Meeting<'_> {
    /// The class of a disagreement; `None` if it is like no other.
    pub(crate) fn class(&self) -> Option<&'static Class> {
        let class = match self.peer {
            Peer::DnssecProver => self.with_dnssec_prover(),
            Peer::Hickory => self.with_hickory().or_else(|| self.with_both()),
            Peer::Domain => self.with_domain().or_else(|| self.with_both()),
        }?;
        CLASSES.iter().find(|known| **known == class)
    }

    fn with_dnssec_prover(&self) -> Option<Class> {
        let of_used = self.of_used.map(|ask| ask());
        match (self.ours, self.theirs) {
            _ if self.algorithm.is_some() => self.they_refuse().then_some(OTHER_ROOT),
            (Opinion::Absent, Opinion::NoRecords | Opinion::Refused)
                if of_used == Some(Opinion::NoRecords) =>
            {
                Some(NO_DENIAL)
            }
            (Opinion::Secure(_), Opinion::Refused) if of_used.as_ref() == Some(self.ours) => {
                Some(UNNEEDED)
            }
            (Opinion::Refused, Opinion::NoRecords) => Some(NOT_MISSED),
            _ => None,
        }
    }

    fn with_hickory(&self) -> Option<Class> {
        if self.title.starts_with("DNAME") && self.they_refuse() {
            Some(DNAME)
        } else if self.title == "wildcard"
            && self.denial == Some(Denial::Nsec)
            && self.they_refuse()
        {
            Some(WILDCARD)
        } else if self.title == "alias to no such type" && self.they_refuse() {
            Some(ALIAS_DENIAL)
        } else if self.code == Some(Code::OptOut)
            && matches!(self.theirs, Opinion::Absent | Opinion::Secure(_))
        {
            Some(OPT_OUT)
        } else if *self.ours == Opinion::Refused && self.spoils_signature_of_keys() {
            Some(UNSIGNED_KEYS)
        } else if *self.change == Change::Misdirected
            && (self.ours, self.theirs) == (&Opinion::Refused, &Opinion::Absent)
        {
            Some(NEITHER)
        } else if let Change::Flipped(touched, Field::Ttl) = self.change
            && touched.siblings > 1
            && self.they_refuse()
        {
            Some(MIXED_TTL)
        } else {
            None
        }
    }

    fn with_domain(&self) -> Option<Class> {
        let is_unknown = matches!(
            self.algorithm,
            Some(Algorithm::EcdsaP384 | Algorithm::Ed25519)
        );
        if is_unknown && *self.theirs == Opinion::Insecure {
            Some(ALGORITHM)
        } else if self.denial == Some(Denial::Nsec3OptOut)
            && (self.code, self.theirs) == (Some(Code::MissingSignature), &Opinion::Insecure)
        {
            Some(STRIPPED_OPT_OUT)
        } else {
            None
        }
    }

    fn with_both(&self) -> Option<Class> {
        if self.code == Some(Code::UnsupportedAlgorithm) && self.title.contains("SHA-1") {
            return Some(SHA1);
        }
        if !self.they_refuse() {
            return None;
        }
        match self.change {
            Change::Doubled(_) => Some(DUPLICATE),
            Change::Mixed => Some(STRAY),
            // Where nothing is signed, the answer itself is not needed.
            _ if *self.ours == Opinion::Insecure && self.concerns(RecordType::TXT) => Some(STRAY),
            Change::Misdirected => Some(OTHER_QUESTION),
            _ if self.concerns(RecordType::SOA) => Some(SOA),
            _ if self.code == Some(Code::OptOut) && self.concerns(RecordType::NSEC3) => {
                Some(PARTIAL_OPT_OUT)
            }
            _ => None,
        }
    }

    /// They refuse what we do not.
    fn they_refuse(&self) -> bool {
        *self.theirs == Opinion::Refused && *self.ours != Opinion::Refused
    }

    /// Whether an RRSIG over a DNSKEY RRset was changed or removed.
    fn spoils_signature_of_keys(&self) -> bool {
        let covers_keys = |touched: &Touched| touched.covers == Some(RecordType::DNSKEY);
        self.touched().is_some_and(covers_keys)
            || *self.change == Change::Stripped && self.title == "keys of the zone"
    }

    fn touched(&self) -> Option<&Touched> {
        match self.change {
            Change::Flipped(touched, _) | Change::Removed(touched) | Change::Doubled(touched) => {
                Some(touched)
            }
            _ => None,
        }
    }

    /// Whether a record of this type was changed, or a signature over such.
    fn concerns(&self, rtype: RecordType) -> bool {
        self.touched()
            .is_some_and(|touched| touched.rtype == rtype || touched.covers == Some(rtype))
    }
}
