//! Resource records, their types, and the question that a proof answers.

use std::fmt;
use std::str::FromStr;

use crate::name::Name;

/// The class of every record in a proof: IN (RFC 1035 section 3.2.4).
pub const CLASS_IN: u16 = 1;

/// The type of a resource record (RFC 6895 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

/// The text is neither a known mnemonic nor `TYPE` and a number up to 65535.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no record type: write a mnemonic such as TXT, or TYPE65400")]
pub struct RecordTypeError(String);

macro_rules! record_types {
    ($($constant:ident = $value:literal, $mnemonic:literal;)*) => {
        #[allow(missing_docs, reason = "each constant is the registered type of its name")]
        impl RecordType {
            $(pub const $constant: Self = Self($value);)*

            const MNEMONICS: &'static [(Self, &'static str)] =
                &[$((Self::$constant, $mnemonic)),*];
        }
    };
}

// The "Resource Record (RR) TYPEs" registry of IANA, without what is obsolete or unheard of.
record_types! {
    A = 1, "A";
    NS = 2, "NS";
    CNAME = 5, "CNAME";
    SOA = 6, "SOA";
    PTR = 12, "PTR";
    HINFO = 13, "HINFO";
    MX = 15, "MX";
    TXT = 16, "TXT";
    RP = 17, "RP";
    AFSDB = 18, "AFSDB";
    AAAA = 28, "AAAA";
    LOC = 29, "LOC";
    SRV = 33, "SRV";
    NAPTR = 35, "NAPTR";
    KX = 36, "KX";
    CERT = 37, "CERT";
    DNAME = 39, "DNAME";
    OPT = 41, "OPT";
    APL = 42, "APL";
    DS = 43, "DS";
    SSHFP = 44, "SSHFP";
    IPSECKEY = 45, "IPSECKEY";
    RRSIG = 46, "RRSIG";
    NSEC = 47, "NSEC";
    DNSKEY = 48, "DNSKEY";
    DHCID = 49, "DHCID";
    NSEC3 = 50, "NSEC3";
    NSEC3PARAM = 51, "NSEC3PARAM";
    TLSA = 52, "TLSA";
    SMIMEA = 53, "SMIMEA";
    HIP = 55, "HIP";
    CDS = 59, "CDS";
    CDNSKEY = 60, "CDNSKEY";
    OPENPGPKEY = 61, "OPENPGPKEY";
    CSYNC = 62, "CSYNC";
    ZONEMD = 63, "ZONEMD";
    SVCB = 64, "SVCB";
    HTTPS = 65, "HTTPS";
    SPF = 99, "SPF";
    NXNAME = 128, "NXNAME";
    IXFR = 251, "IXFR";
    AXFR = 252, "AXFR";
    ANY = 255, "ANY";
    URI = 256, "URI";
    CAA = 257, "CAA";
}

impl RecordType {
    /// Tells whether no zone can hold an RRset of this type that a signature covers: the types
    /// 0 and OPT, RRSIG itself, and the range of QTYPEs and meta-types (RFC 6895 section 3.1,
    /// RFC 4035 section 2.2, RFC 9824 section 3.1).
    #[must_use]
    pub fn is_unprovable(self) -> bool {
        matches!(self.0, 0 | 41 | 46 | 128..=255 | u16::MAX)
    }
}

impl FromStr for RecordType {
    type Err = RecordTypeError;

    /// Reads a mnemonic in any case, or `TYPE` and a decimal number (RFC 3597 section 5).
    fn from_str(text: &str) -> Result<Self, RecordTypeError> {
        let known = Self::MNEMONICS
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(text));
        if let Some(&(rtype, _)) = known {
            return Ok(rtype);
        }
        text.split_at_checked(4)
            .filter(|(prefix, number)| {
                prefix.eq_ignore_ascii_case("TYPE") && number.bytes().all(|b| b.is_ascii_digit())
            })
            .and_then(|(_, number)| number.parse().ok())
            .map(Self)
            .ok_or_else(|| RecordTypeError(text.to_owned()))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::MNEMONICS.iter().find(|(known, _)| known == self) {
            Some((_, mnemonic)) => f.write_str(mnemonic),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name and a type of class IN: what a proof is asked to answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The owner name asked for.
    pub name: Name,
    /// The record type asked for.
    pub rtype: RecordType,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)
    }
}

/// One resource record (RFC 1035 section 3.2.1) without compression anywhere in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// The name that the record belongs to.
    pub owner: Name,
    /// The type of the record.
    pub rtype: RecordType,
    /// The class, [`CLASS_IN`] in any honest proof.
    pub class: u16,
    /// The time to live in seconds, as received.
    pub ttl: u32,
    /// The RDATA in wire form; names in it are never compressed.
    pub rdata: Box<[u8]>,
}

impl Record {
    /// Returns for how many seconds the record may be kept: its TTL, or 0 where the top bit is set
    /// (RFC 2181 section 8).
    #[must_use]
    pub fn lifetime(&self) -> u32 {
        lifetime(self.ttl)
    }
}

/// Reads a field of seconds as RFC 2181 section 8 has it: 0 where the top bit is set.
pub(crate) fn lifetime(seconds: u32) -> u32 {
    if seconds > i32::MAX as u32 {
        0
    } else {
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_by_mnemonic_or_number() {
        for (text, rtype) in [
            ("txt", RecordType::TXT),
            ("TXT", RecordType::TXT),
            ("type16", RecordType::TXT),
            ("TYPE65400", RecordType(65400)),
            ("NxName", RecordType::NXNAME),
        ] {
            assert_eq!(text.parse(), Ok(rtype), "{text}");
        }
        for text in [
            "",
            "TYPE",
            "TYPE65536",
            "TYPE+1",
            "TYPE-1",
            "TX T",
            "\u{e9}\u{e9}\u{e9}",
        ] {
            assert!(text.parse::<RecordType>().is_err(), "{text}");
        }
        assert_eq!(RecordType(65400).to_string(), "TYPE65400");
        assert_eq!(RecordType::TXT.to_string(), "TXT");
        assert_eq!(format!("{:?}", RecordType::TXT), "TXT");
    }
}
