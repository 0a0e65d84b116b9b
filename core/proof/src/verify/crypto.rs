//! The algorithms of DNSSEC over aws-lc-rs: the one file that another library would replace.

use std::fmt;

use aws_lc_rs::{digest, signature};

/// The range of RSA moduli that count, in bits: below 1,024 forging is cheap, and RFC 3110 section
/// 2 (with RFC 5702 section 2) ends at 4,096.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1_024..=4_096;

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
            Algorithm::Ed25519 => (key.len() == 32).then_some(Self::Ed25519(key)),
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
        let counts = !exponent.is_empty() && RSA_BITS.contains(&bits(modulus));
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

    pub(super) fn verify(&self, message: &[u8], signature_octets: &[u8]) -> bool {
        let unparsed = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            signature::UnparsedPublicKey::new(algorithm, key)
                .verify(message, signature_octets)
                .is_ok()
        };
        match self {
            Self::Rsa {
                hash,
                modulus,
                exponent,
            } => {
                let algorithm = match hash {
                    RsaHash::Sha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                    RsaHash::Sha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                };
                signature::RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                }
                .verify(algorithm, message, signature_octets)
                .is_ok()
            }
            Self::P256(key) => unparsed(&signature::ECDSA_P256_SHA256_FIXED, key),
            Self::P384(key) => unparsed(&signature::ECDSA_P384_SHA384_FIXED, key),
            Self::Ed25519(key) => unparsed(&signature::ED25519, key),
        }
    }
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
            Self::Sha256 => digest::SHA256_OUTPUT_LEN,
            Self::Sha384 => digest::SHA384_OUTPUT_LEN,
        }
    }

    /// Returns the digest of the concatenation of `parts`.
    pub(crate) fn digest(self, parts: &[&[u8]]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
        };
        digest_parts(algorithm, parts)
    }
}

/// Octets of an NSEC3 hash, which is always SHA-1 (RFC 5155 section 11).
pub(crate) const NSEC3_HASH_OCTETS: usize = digest::SHA1_OUTPUT_LEN;

/// An NSEC3 hash.
pub(crate) type Nsec3Hash = [u8; NSEC3_HASH_OCTETS];

/// Returns IH(salt, name, iterations) of RFC 5155 section 5; the name is in canonical form.
pub(crate) fn nsec3_hash(name: &[u8], salt: &[u8], iterations: u16) -> Nsec3Hash {
    let sha1 = |octets: &[u8]| {
        let mut hash = [0; NSEC3_HASH_OCTETS];
        hash.copy_from_slice(
            digest_parts(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[octets, salt]).as_ref(),
        );
        hash
    };
    (0..iterations).fold(sha1(name), |hash, _| sha1(&hash))
}

/// Returns SHA-256 of the concatenation of `parts`.
pub(super) fn sha256(parts: &[&[u8]]) -> [u8; digest::SHA256_OUTPUT_LEN] {
    let mut hash = [0; digest::SHA256_OUTPUT_LEN];
    hash.copy_from_slice(digest_parts(&digest::SHA256, parts).as_ref());
    hash
}

fn digest_parts(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> digest::Digest {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE32HEX_NOPAD;

    use super::*;

    #[test]
    fn nsec3_hashes_are_those_of_rfc_5155_appendix_a() {
        for (name, hash) in [
            (&b"\x07example\x00"[..], "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM"),
            (b"\x01a\x07example\x00", "35MTHGPGCU1QG68FAB165KLNSNK3DPVL"),
            (
                b"\x01*\x01w\x07example\x00",
                "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN",
            ),
        ] {
            let computed = nsec3_hash(name, &[0xaa, 0xbb, 0xcc, 0xdd], 12);
            assert_eq!(BASE32HEX_NOPAD.encode(&computed), hash);
        }
    }

    #[test]
    fn keys_of_the_wrong_size_do_not_count() {
        let rsa = |modulus: &[u8]| [&[3, 1, 0, 1], modulus].concat();
        let parse = |key: &[u8]| PublicKey::parse(Algorithm::RsaSha256, key).is_some();
        assert!(parse(&rsa(&[0xff; 128])));
        assert!(parse(&rsa(&[0xff; 512])));
        assert!(!parse(&rsa(&[0x7f; 128])));
        assert!(!parse(&rsa(&[0xff; 513])));
        // Leading zeros do not make a short key long.
        assert!(!parse(&rsa(&[&[0; 64][..], &[0xff; 127]].concat())));
        assert!(!parse(&[]));
        assert!(!parse(&[0]));
        assert!(!parse(&[0, 0xff, 0xff, 1]));
        for (algorithm, octets) in [
            (Algorithm::EcdsaP256, 64),
            (Algorithm::EcdsaP384, 96),
            (Algorithm::Ed25519, 32),
        ] {
            for length in [0, octets - 1, octets, octets + 1] {
                let parsed = PublicKey::parse(algorithm, &vec![1; length]).is_some();
                assert_eq!(parsed, length == octets, "{algorithm} {length}");
            }
        }
    }
}
