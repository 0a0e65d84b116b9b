//! RDATA: where names stand in it, its canonical form, and the DNSSEC types read.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::name::{Name, NameError};
use crate::record::{RecordType, lifetime};

/// One field of the RDATA of a type that has domain names in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// So many octets.
    Octets(usize),
    /// One `character-string` (RFC 1035 section 3.3).
    Text,
    /// A name that the canonical form maps to lower case.
    Name,
    /// A name whose case the canonical form keeps.
    NameAsIs,
    /// Whatever is left.
    Rest,
}

/// Returns the fields of the RDATA of the types that may hold names, and `None` for those that
/// are opaque.
///
/// The types are those of RFC 4034 section 6.2 as amended by RFC 6840 section 5.1 (the name in
/// NSEC keeps its case). A6, historic, is treated as opaque.
pub(crate) fn layout(rtype: RecordType) -> Option<&'static [Field]> {
    use Field::{Name, NameAsIs, Octets, Rest, Text};

    Some(match rtype.0 {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, DNAME
        2..=5 | 7..=9 | 12 | 39 => &[Name],
        // SOA
        6 => &[Name, Name, Octets(20)],
        // MINFO, RP
        14 | 17 => &[Name, Name],
        // MX, AFSDB, RT, KX
        15 | 18 | 21 | 36 => &[Octets(2), Name],
        // SIG, RRSIG
        24 | 46 => &[Octets(18), Name, Rest],
        // PX
        26 => &[Octets(2), Name, Name],
        // NXT
        30 => &[Name, Rest],
        // SRV
        33 => &[Octets(6), Name],
        // NAPTR
        35 => &[Octets(4), Text, Text, Text, Name],
        // NSEC
        47 => &[NameAsIs, Rest],
        _ => return None,
    })
}

/// Why the RDATA of a type with names in it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RdataError {
    /// The RDATA ends inside a field.
    #[error("the RDATA ends too early")]
    Truncated,
    /// Octets follow the last field.
    #[error("octets follow the last field of the RDATA")]
    Trailing,
    /// A name in the RDATA is malformed or compressed.
    #[error("a name in the RDATA is refused: {0}")]
    Name(#[from] NameError),
}

/// Checks that every name in the RDATA is whole and uncompressed.
pub(crate) fn check(rtype: RecordType, rdata: &[u8]) -> Result<(), RdataError> {
    names(rtype, rdata, |_, _| ())
}

/// Returns the canonical form of the RDATA: names in lower case where RFC 4034 section 6.2 and
/// RFC 6840 section 5.1 say so.
pub(crate) fn canonical(rtype: RecordType, rdata: &[u8]) -> Result<Box<[u8]>, RdataError> {
    let mut octets: Box<[u8]> = rdata.into();
    names(rtype, rdata, |field, range| {
        if field == Field::Name {
            // Length octets are below 64 and so no letters.
            octets[range].make_ascii_lowercase();
        }
    })?;
    Ok(octets)
}

/// Calls `visit` with the range of every name in the RDATA.
fn names(
    rtype: RecordType,
    rdata: &[u8],
    mut visit: impl FnMut(Field, Range<usize>),
) -> Result<(), RdataError> {
    let Some(fields) = layout(rtype) else {
        return Ok(());
    };
    let mut rest = rdata;
    for &field in fields {
        rest = match field {
            Field::Octets(count) => rest.get(count..).ok_or(RdataError::Truncated)?,
            Field::Text => {
                let count = usize::from(*rest.first().ok_or(RdataError::Truncated)?);
                rest.get(1 + count..).ok_or(RdataError::Truncated)?
            }
            Field::Name | Field::NameAsIs => {
                let (_, tail) = Name::split_from(rest)?;
                visit(field, rdata.len() - rest.len()..rdata.len() - tail.len());
                tail
            }
            Field::Rest => &[],
        };
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(RdataError::Trailing)
    }
}

/// Octets of the RDATA of an RRSIG before the signer's name (RFC 4034 section 3.1).
const RRSIG_FIXED_OCTETS: usize = 18;

/// The RDATA of an RRSIG record (RFC 4034 section 3.1).
#[derive(Debug, Clone)]
pub struct Rrsig<'a> {
    /// The type of the RRset that the signature covers.
    pub covered: RecordType,
    /// The algorithm number of the signature.
    pub algorithm: u8,
    /// How many labels the owner had when it was signed, `*` and root not counted.
    pub labels: u8,
    /// The TTL of the covered RRset in its zone, in seconds.
    pub original_ttl: u32,
    /// The last second of validity, modulo 2^32 (RFC 4034 section 3.1.5).
    pub expiration: u32,
    /// The first second of validity, modulo 2^32.
    pub inception: u32,
    /// The tag of the key that signed.
    pub key_tag: u16,
    /// The name of the zone whose key signed.
    pub signer: Name,
    /// The signature itself.
    pub signature: &'a [u8],
}

impl<'a> Rrsig<'a> {
    /// Reads the RDATA, or returns `None` where it is malformed.
    #[must_use]
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = rdata.split_first_chunk::<RRSIG_FIXED_OCTETS>()?;
        let (signer, signature) = Name::split_from(rest).ok()?;
        Some(Self {
            covered: RecordType(u16::from_be_bytes([fixed[0], fixed[1]])),
            algorithm: fixed[2],
            labels: fixed[3],
            original_ttl: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            expiration: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            inception: u32::from_be_bytes([fixed[12], fixed[13], fixed[14], fixed[15]]),
            key_tag: u16::from_be_bytes([fixed[16], fixed[17]]),
            signer,
            signature,
        })
    }
}

/// The RDATA of a DNSKEY record (RFC 4034 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dnskey<'a> {
    /// The flags: bit 7 (256) zone key, bit 8 (128) revoked, bit 15 (1) secure entry point.
    pub flags: u16,
    /// The protocol, always 3.
    pub protocol: u8,
    /// The algorithm number of the key.
    pub algorithm: u8,
    /// The public key in the format of its algorithm.
    pub key: &'a [u8],
}

impl<'a> Dnskey<'a> {
    const FLAG_ZONE: u16 = 0x0100;
    const FLAG_REVOKED: u16 = 0x0080;
    const FLAG_SECURE_ENTRY_POINT: u16 = 0x0001;
    const PROTOCOL: u8 = 3;

    /// Reads the RDATA, or returns `None` where it is malformed.
    #[must_use]
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (fixed, key) = rdata.split_first_chunk::<4>()?;
        Some(Self {
            flags: u16::from_be_bytes([fixed[0], fixed[1]]),
            protocol: fixed[2],
            algorithm: fixed[3],
            key,
        })
    }

    /// Tells whether the key may sign the records of its zone: the zone flag set, not revoked
    /// (RFC 5011 section 2.1), protocol 3.
    #[must_use]
    pub fn is_zone_key(&self) -> bool {
        self.flags & Self::FLAG_ZONE != 0
            && self.flags & Self::FLAG_REVOKED == 0
            && self.protocol == Self::PROTOCOL
    }

    /// Tells whether the zone says that the key signs its keys (RFC 4034 section 2.1.1).
    #[must_use]
    pub fn is_secure_entry_point(&self) -> bool {
        self.flags & Self::FLAG_SECURE_ENTRY_POINT != 0
    }
}

/// Returns the key tag of the RDATA of a DNSKEY (RFC 4034 appendix B).
#[must_use]
pub fn key_tag(dnskey_rdata: &[u8]) -> u16 {
    let sum = dnskey_rdata.chunks(2).fold(0u32, |sum, pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        sum.wrapping_add(u32::from(u16::from_be_bytes([pair[0], low])))
    });
    (sum.wrapping_add(sum >> 16) & 0xffff) as u16
}

/// The RDATA of a DS record (RFC 4034 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ds<'a> {
    /// The tag of the key referred to.
    pub key_tag: u16,
    /// The algorithm number of the key referred to.
    pub algorithm: u8,
    /// The digest type number.
    pub digest_type: u8,
    /// The digest of the child's name and the key's RDATA.
    pub digest: &'a [u8],
}

impl<'a> Ds<'a> {
    /// Reads the RDATA, or returns `None` where it is malformed.
    #[must_use]
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (fixed, digest) = rdata.split_first_chunk::<4>()?;
        Some(Self {
            key_tag: u16::from_be_bytes([fixed[0], fixed[1]]),
            algorithm: fixed[2],
            digest_type: fixed[3],
            digest,
        })
    }
}

/// The RDATA of an NSEC record (RFC 4034 section 4.1).
#[derive(Debug, Clone)]
pub struct Nsec<'a> {
    /// The next owner name of the zone in canonical order.
    pub next: Name,
    /// The types at the owner.
    pub types: TypeBitmap<'a>,
}

impl<'a> Nsec<'a> {
    /// Reads the RDATA, or returns `None` where it is malformed.
    #[must_use]
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (next, bitmap) = Name::split_from(rdata).ok()?;
        Some(Self {
            next,
            types: TypeBitmap::parse(bitmap)?,
        })
    }
}

/// The RDATA of an NSEC3 record (RFC 5155 section 3.1).
#[derive(Debug, Clone, Copy)]
pub struct Nsec3<'a> {
    /// The hash algorithm: 1 for SHA-1, the only one there is.
    pub hash_algorithm: u8,
    /// The flags: bit 7 (1) opt-out.
    pub flags: u8,
    /// How many additional times the hash is performed.
    pub iterations: u16,
    /// The salt, up to 255 octets.
    pub salt: &'a [u8],
    /// The next hashed owner name, in binary form.
    pub next: &'a [u8],
    /// The types at the original owner name.
    pub types: TypeBitmap<'a>,
}

impl<'a> Nsec3<'a> {
    const FLAG_OPT_OUT: u8 = 1;

    /// Reads the RDATA, or returns `None` where it is malformed.
    #[must_use]
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = rdata.split_first_chunk::<5>()?;
        let (salt, rest) = rest.split_at_checked(usize::from(fixed[4]))?;
        let (&hash_length, rest) = rest.split_first()?;
        let (next, bitmap) = rest.split_at_checked(usize::from(hash_length))?;
        Some(Self {
            hash_algorithm: fixed[0],
            flags: fixed[1],
            iterations: u16::from_be_bytes([fixed[2], fixed[3]]),
            salt,
            next,
            types: TypeBitmap::parse(bitmap)?,
        })
    }

    /// Tells whether unsigned delegations may lie unmentioned between this record and the next
    /// (RFC 5155 section 3.1.2.1).
    #[must_use]
    pub fn is_opt_out(&self) -> bool {
        self.flags & Self::FLAG_OPT_OUT != 0
    }

    /// Tells whether the flags hold a bit other than opt-out; such a record must be ignored
    /// (RFC 5155 section 8.2).
    #[must_use]
    pub fn has_unknown_flags(&self) -> bool {
        self.flags & !Self::FLAG_OPT_OUT != 0
    }
}

/// The type bitmaps of NSEC and NSEC3 (RFC 4034 section 4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeBitmap<'a>(&'a [u8]);

impl<'a> TypeBitmap<'a> {
    /// Checks the windows: ascending, each of 1 to 32 octets.
    fn parse(octets: &'a [u8]) -> Option<Self> {
        let mut rest = octets;
        let mut last = None;
        while let Some((&[window, length], tail)) = rest.split_first_chunk::<2>() {
            if last.is_some_and(|last| window <= last) || !(1..=32).contains(&length) {
                return None;
            }
            last = Some(window);
            rest = tail.get(usize::from(length)..)?;
        }
        rest.is_empty().then_some(Self(octets))
    }

    /// Tells whether the bit of the type is set.
    #[must_use]
    pub fn contains(&self, rtype: RecordType) -> bool {
        let [window, bit] = rtype.0.to_be_bytes();
        self.blocks()
            .find(|&(block, _)| block == window)
            .and_then(|(_, bits)| bits.get(usize::from(bit / 8)))
            .is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0)
    }

    /// Returns every type whose bit is set, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = RecordType> {
        self.blocks().flat_map(|(window, bits)| {
            (0..bits.len() as u16 * 8)
                .filter(move |bit| bits[usize::from(bit / 8)] & (0x80 >> (bit % 8)) != 0)
                .map(move |bit| RecordType(u16::from_be_bytes([window, bit as u8])))
        })
    }

    /// The window blocks: each its number and its bits (RFC 4034 section 4.1.2).
    fn blocks(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (&[window, length], tail) = rest.split_first_chunk::<2>()?;
            let (bits, tail) = tail.split_at(usize::from(length));
            rest = tail;
            Some((window, bits))
        })
    }
}

/// Returns the MINIMUM field of the RDATA of an SOA, in seconds: the TTL of denials (RFC 2308
/// section 4).
#[must_use]
pub fn soa_minimum(rdata: &[u8]) -> Option<u32> {
    let minimum = u32::from_be_bytes(*rdata.last_chunk()?);
    Some(lifetime(minimum))
}
