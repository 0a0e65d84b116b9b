//! What a verification says.

use std::fmt;

use super::crypto::Algorithm;
use super::reason::Reason;
use crate::name::Name;
use crate::record::{Record, RecordType};

/// The verdict on a proof, and what a caller needs to keep it, age it, or explain it.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What the proof shows.
    pub verdict: Verdict,
    /// When every signature used is valid; `None` for `Bogus`.
    pub validity: Option<Validity>,
    /// How many seconds the verdict may be kept: the lowest of TTL, original TTL and time to
    /// expiry of what was used, and for denial of the SOA's minimum (RFC 4035 section 5.3.3, RFC
    /// 2308 section 5); `None` for `Bogus`.
    pub cache_ttl: Option<u32>,
    /// The oldest inception among the signatures over the final RRset, each alias, and each NSEC
    /// and NSEC3 used, in Unix seconds; `None` where no such signature was used.
    pub leaf_inception: Option<u64>,
    /// What the zones say of each name between the question and the verdict, in that order; empty
    /// for `Insecure` and `Bogus`.
    pub statements: Vec<Statement>,
    /// The local clock looks wrong: every signature in the proof lies outside its time in the
    /// same direction. The signatures are not checked for this.
    pub clock: Option<ClockHint>,
    /// Every signature used, from the trust anchor down; empty for `Bogus`.
    pub chain: Vec<Link>,
    /// Exactly the records that the verdict used, RRSIGs included; empty for `Bogus`.
    pub used: Vec<Record>,
    /// What the verification cost.
    pub cost: Cost,
}

/// What a proof shows about a question. The three proved verdicts are `Secure`, `NoData` and
/// `NxDomain`; only `Secure` carries records, and nothing but a proof makes an absence.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The RRset exists, and a chain of signatures leads to it (RFC 4035 section 4.3).
    Secure(Secure),
    /// The name exists and has no RRset of that type, which is proved.
    NoData,
    /// The name does not exist, which is proved.
    NxDomain,
    /// The name is proved to lie where nothing is signed, or where nothing can be proved.
    Insecure(Reason),
    /// The proof does not hold: somebody lied, broke the chain, or left something out.
    Bogus(Reason),
}

/// An RRset that was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secure {
    /// The owner of the RRset: the name asked for, or what its aliases lead to. Lower case when
    /// it was reached by an alias.
    pub owner: Name,
    /// The type asked for.
    pub rtype: RecordType,
    /// The TTL of the RRset in seconds: the lower of the TTL received and the one signed.
    pub ttl: u32,
    /// The RDATA in canonical order, each in canonical form (names in lower case where RFC 4034
    /// section 6.2 says so): exactly the octets that were signed, without duplicates.
    pub rdatas: Vec<Box<[u8]>>,
    /// The owner of every wildcard that the final RRset or an alias was made from.
    pub wildcards: Vec<Name>,
    /// The names that turned out to be aliases, from the question's name on; without `owner`.
    pub aliases: Vec<Name>,
    /// What settled each of `aliases`, and at last `owner`, in that order.
    pub path: Vec<PathStep>,
}

/// One name between a question and its answer, and where the RRset that settled it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathStep {
    /// The name.
    pub name: Name,
    /// The owner of the RRset as its zone has it: the name itself, the wildcard that the RRset was
    /// made from, or for a DNAME a name above.
    pub owner: Name,
    /// Whether the RRset was made from a wildcard.
    pub from_wildcard: bool,
}

/// A span of Unix seconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: u64,
    /// The last second.
    pub until: u64,
}

impl Validity {
    pub(super) fn intersection(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }
}

/// What a zone says of one name, under the one signature that decides it: the RRset or the alias
/// there, or that there is neither.
///
/// Of two statements about one name under one key, the inceptions say which is the newer: so whoever
/// remembers the last one notices an older one that is replayed within its validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The name, in lower case: the question's, one that an alias leads to, or the wildcard
    /// that speaks, or could have spoken, for either.
    pub name: Name,
    /// The SHA-256 over type and canonical RDATA of the RRset or the alias that is there; `None`
    /// where neither is.
    pub content: Option<[u8; 32]>,
    /// The signature over that RRset, or over the NSEC or NSEC3 record that shows there is none.
    pub signature: Link,
}

/// How the local clock disagrees with every signature of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockHint {
    /// Every signature begins in the future: the local clock is behind, or the proof is made up.
    Behind {
        /// The latest inception, in Unix seconds: the clock must show at least this.
        signed_from: u64,
    },
    /// Every signature has expired: the local clock is ahead, or the proof is old.
    Ahead {
        /// The earliest expiration, in Unix seconds: the clock must not show more than this.
        signed_until: u64,
    },
}

/// One signature of the chain: which key signed which RRset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The owner of the RRset.
    pub owner: Name,
    /// The type of the RRset.
    pub rtype: RecordType,
    /// The zone whose key signed.
    pub zone: Name,
    /// The tag of that key.
    pub key_tag: u16,
    /// The algorithm number of that key.
    pub algorithm: u8,
    /// Bits of the modulus of an RSA key below 2,048 bits, which is weak by today's advice.
    pub weak_bits: Option<usize>,
    /// When the signature is valid.
    pub validity: Validity,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            owner,
            rtype,
            zone,
            key_tag,
            algorithm,
            weak_bits,
            validity,
        } = self;
        write!(f, "{owner} {rtype} signed by {zone} key {key_tag} (")?;
        match Algorithm::from_number(*algorithm) {
            Some(algorithm) => write!(f, "{algorithm}")?,
            None => write!(f, "algorithm {algorithm}")?,
        }
        if let Some(bits) = weak_bits {
            write!(f, ", only {bits} bits")?;
        }
        write!(f, "), {} to {}", Utc(validity.from), Utc(validity.until))
    }
}

/// What a verification cost, in operations; see [`Limits`](crate::Limits) for the bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Signature checks, those included that were remembered.
    pub signature_checks: usize,
    /// Those of them that failed.
    pub failed_checks: usize,
    /// Those of them whose good result was remembered, so that no signature was verified: always
    /// 0 without a [`SignatureMemory`](crate::SignatureMemory).
    pub remembered_checks: usize,
    /// Digests of DNSKEYs.
    pub key_digests: usize,
    /// Zones whose keys were looked for.
    pub zones: usize,
    /// Names looked for in NSEC3 chains.
    pub nsec3_lookups: usize,
    /// SHA-1 invocations for NSEC3.
    pub nsec3_hashes: usize,
}

/// Unix seconds, shown as a date and time of day in UTC (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc(pub u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 86_400;
        let (days, second) = (self.0 / DAY, self.0 % DAY);
        // Civil date from a count of days, with years that begin in March so that the leap day
        // comes last.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_shown_as_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(Utc(seconds).to_string(), text);
        }
    }

    /// A whole cycle of the calendar, counted day by day.
    #[test]
    fn every_day_of_four_centuries_has_its_date() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..146_097 {
            let shown = Utc(days * 86_400).to_string();
            assert_eq!(shown, format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + i32::from(is_leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > last {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (2370, 1, 1));
    }
}
