//! The algorithms of DNSSEC, and which keys count, over one of two libraries: `aws_lc`, or `rust`
//! where that is all there is. Both accept exactly the same signatures.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(all(feature = "rust-crypto", any(test, not(feature = "aws-lc-rs"))))]
mod rust;
#[cfg(test)]
mod tests;

use std::fmt;

#[cfg(feature = "aws-lc-rs")]
use self::aws_lc as backend;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
use self::rust as backend;

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
compile_error!(
    "sotto-proof verifies no signature without a library: enable its feature aws-lc-rs (the \
     default, fast, needs a C compiler) or rust-crypto (any target that Rust has)"
);

/// The range of RSA moduli that count, in bits: below 1,024 forging is cheap, and RFC 3110 section
/// 2 (with RFC 5702 section 2) ends at 4,096.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1_024..=4_096;

/// The range of odd RSA exponents that count, in bits: 1 signs nothing, and a long one makes a check
/// slow. The longest that a signer is known to have made is 2^32 + 1.
const RSA_EXPONENT_BITS: std::ops::RangeInclusive<usize> = 2..=33;

/// RSA moduli below this many bits verify but are noted.
const RSA_STRONG_BITS: usize = 2_048;

/// A signature algorithm that is supported.
///
/// Not supported, so that zones signed by them alone are insecure: RSASHA1 (5 and 7, RFC 9905),
/// Ed448 (16), and the private and national ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    RsaSha256,
    RsaSha512,
    EcdsaP256,
    EcdsaP384,
    Ed25519,
}

impl Algorithm {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            8 => Self::RsaSha256,
            10 => Self::RsaSha512,
            13 => Self::EcdsaP256,
            14 => Self::EcdsaP384,
            15 => Self::Ed25519,
            _ => return None,
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RsaSha256 => "RSASHA256",
            Self::RsaSha512 => "RSASHA512",
            Self::EcdsaP256 => "ECDSAP256SHA256",
            Self::EcdsaP384 => "ECDSAP384SHA384",
            Self::Ed25519 => "ED25519",
        })
    }
}

/// A public key in the format of its algorithm, of a size that counts.
#[derive(Debug, Clone)]
pub(crate) enum PublicKey<'a> {
    Rsa {
        hash: RsaHash,
        modulus: &'a [u8],
        exponent: &'a [u8],
    },
    P256(Box<[u8]>),
    P384(Box<[u8]>),
    Ed25519(&'a [u8]),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum RsaHash {
    Sha256,
    Sha512,
}

impl<'a> PublicKey<'a> {
    /// Reads the key of a DNSKEY; `None` when its size does not fit its algorithm.
    pub(crate) fn parse(algorithm: Algorithm, key: &'a [u8]) -> Option<Self> {
        // RFC 6605 section 4 leaves out the octet that says "uncompressed".
        let point = |octets: usize| (key.len() == octets).then(|| [&[4], key].concat().into());
        match algorithm {
            Algorithm::RsaSha256 => Self::parse_rsa(RsaHash::Sha256, key),
            Algorithm::RsaSha512 => Self::parse_rsa(RsaHash::Sha512, key),
            Algorithm::EcdsaP256 => point(64).map(Self::P256),
            Algorithm::EcdsaP384 => point(96).map(Self::P384),
            Algorithm::Ed25519 => is_ed25519_point(key).then_some(Self::Ed25519(key)),
        }
    }

    /// Reads exponent length, exponent and modulus (RFC 3110 section 2).
    fn parse_rsa(hash: RsaHash, key: &'a [u8]) -> Option<Self> {
        let (&first, rest) = key.split_first()?;
        let (length, rest) = if first == 0 {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        } else {
            (usize::from(first), rest)
        };
        let (exponent, modulus) = rest.split_at_checked(length)?;
        let strip = |number: &'a [u8]| {
            let zeros = number.iter().take_while(|&&octet| octet == 0).count();
            &number[zeros..]
        };
        let (exponent, modulus) = (strip(exponent), strip(modulus));
        let is_odd = |number: &[u8]| number.last().is_some_and(|octet| octet % 2 == 1);
        let counts = is_odd(exponent)
            && is_odd(modulus)
            && RSA_EXPONENT_BITS.contains(&bits(exponent))
            && RSA_BITS.contains(&bits(modulus));
        counts.then_some(Self::Rsa {
            hash,
            modulus,
            exponent,
        })
    }

    /// Returns the bits of an RSA modulus that is weak by today's advice.
    pub(super) fn weak_bits(&self) -> Option<usize> {
        match self {
            Self::Rsa { modulus, .. } => Some(bits(modulus)).filter(|&bits| bits < RSA_STRONG_BITS),
            _ => None,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa {
                hash,
                modulus,
                exponent,
            } => backend::rsa(*hash, modulus, exponent, message, signature),
            Self::P256(point) => backend::p256(point, message, signature),
            Self::P384(point) => backend::p384(point, message, signature),
            Self::Ed25519(key) => backend::ed25519(key, message, signature),
        }
    }
}

/// Tells whether these are 32 octets of a coordinate y below the prime 2^255 - 19, without the sign
/// of x where x is 0: RFC 8032 section 5.1.3 refuses others, and not all libraries do.
fn is_ed25519_point(octets: &[u8]) -> bool {
    let &[first, ref middle @ .., last] = octets else {
        return false;
    };
    let all = |octet: u8| middle.iter().all(|&other| other == octet) && last & 0x7f == octet & 0x7f;
    let is_over_prime = first >= 0xed && all(0xff);
    let x_is_zero = first == 1 && all(0) || first == 0xec && all(0xff);
    let is_negative = last & 0x80 != 0;
    octets.len() == 32 && !is_over_prime && !(x_is_zero && is_negative)
}

/// Returns the bits of a big-endian number without leading zero octets.
fn bits(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// A digest type of DS records that is supported: SHA-1 (1) is not (RFC 9905), nor GOST (3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigestType {
    Sha256,
    Sha384,
}

impl DigestType {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            2 => Some(Self::Sha256),
            4 => Some(Self::Sha384),
            _ => None,
        }
    }

    /// Returns the octets of a digest of this type.
    pub(crate) fn octets(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// Returns the digest of the concatenation of `parts`.
    pub(crate) fn digest(self, parts: &[&[u8]]) -> Box<[u8]> {
        match self {
            Self::Sha256 => backend::sha256(parts).into(),
            Self::Sha384 => backend::sha384(parts).into(),
        }
    }
}

/// Octets of an NSEC3 hash, which is always SHA-1 (RFC 5155 section 11).
pub(crate) const NSEC3_HASH_OCTETS: usize = 20;

/// An NSEC3 hash.
pub(crate) type Nsec3Hash = [u8; NSEC3_HASH_OCTETS];

/// Returns IH(salt, name, iterations) of RFC 5155 section 5; the name is in canonical form.
pub(crate) fn nsec3_hash(name: &[u8], salt: &[u8], iterations: u16) -> Nsec3Hash {
    let first = backend::sha1(&[name, salt]);
    (0..iterations).fold(first, |hash, _| backend::sha1(&[&hash, salt]))
}

/// Returns SHA-256 of the concatenation of `parts`.
pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    backend::sha256(parts)
}
