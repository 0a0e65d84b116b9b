//! Signing keys and RRSIG records (RFC 4034, 5702, 6605, 8080).

use super::zone::Rrset;
use super::{DnsError, Name, label_count};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256,
};

/// The DNSSEC algorithms the world signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// 8, RSASHA256 with 2,048-bit keys.
    RsaSha256,
    /// 13, ECDSAP256SHA256.
    EcdsaP256,
    /// 14, ECDSAP384SHA384.
    EcdsaP384,
    /// 15, ED25519.
    Ed25519,
}

impl Algorithm {
    /// The number in DNSKEY, DS and RRSIG.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::RsaSha256 => 8,
            Self::EcdsaP256 => 13,
            Self::EcdsaP384 => 14,
            Self::Ed25519 => 15,
        }
    }
}

/// What a key is for, as its DNSKEY flags tell (RFC 4034 section 2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// 256: signs the zone.
    ZoneSigning,
    /// 257: named by the DS; signs the DNSKEY RRset, and the whole zone where it is the only key.
    SecureEntryPoint,
}

/// When signatures are valid, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first second.
    pub inception: u32,
    /// The last second.
    pub expiration: u32,
}

/// Where the modulus lies in the DER form of a public key of 2,048 bits.
const RSA_MODULUS: std::ops::Range<usize> = 9..265;

enum Pair {
    Rsa(Box<aws_lc_rs::rsa::KeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// A key pair of a zone.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    dnskey: Vec<u8>,
}

impl SigningKey {
    /// Generates a key; RSA takes about 130 ms, the others nothing to speak of.
    ///
    /// # Errors
    ///
    /// [`DnsError::Crypto`] if the library refuses.
    pub fn generate(algorithm: Algorithm, role: Role) -> Result<Self, DnsError> {
        let refused = |_| DnsError::Crypto("generate a key");
        let pair = match algorithm {
            Algorithm::RsaSha256 => Pair::Rsa(Box::new(
                aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)
                    .map_err(refused)?,
            )),
            Algorithm::EcdsaP256 => Pair::Ecdsa(Box::new(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(refused)?,
            )),
            Algorithm::EcdsaP384 => Pair::Ecdsa(Box::new(
                EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(refused)?,
            )),
            Algorithm::Ed25519 => {
                Pair::Ed25519(Box::new(Ed25519KeyPair::generate().map_err(refused)?))
            }
        };
        let flags: u16 = match role {
            Role::ZoneSigning => 256,
            Role::SecureEntryPoint => 257,
        };
        let mut dnskey = flags.to_be_bytes().to_vec();
        dnskey.extend_from_slice(&[3, algorithm.number()]);
        dnskey.extend_from_slice(&pair.public_key());
        Ok(Self {
            algorithm,
            pair,
            dnskey,
        })
    }

    /// The RDATA of the key's DNSKEY record.
    #[must_use]
    pub fn dnskey(&self) -> &[u8] {
        &self.dnskey
    }

    /// The key tag (RFC 4034 appendix B).
    #[must_use]
    pub fn tag(&self) -> u16 {
        let sum = self
            .dnskey
            .iter()
            .enumerate()
            .fold(0_u32, |sum, (index, octet)| {
                sum + if index % 2 == 0 {
                    u32::from(*octet) << 8
                } else {
                    u32::from(*octet)
                }
            });
        ((sum + (sum >> 16)) & 0xffff) as u16
    }

    /// The RDATA of the key's DS record with a SHA-256 digest (RFC 4509).
    #[must_use]
    pub fn ds(&self, apex: &Name) -> Vec<u8> {
        let mut input = apex.as_slice().to_vec();
        input.extend_from_slice(&self.dnskey);
        let mut rdata = self.tag().to_be_bytes().to_vec();
        rdata.extend_from_slice(&[self.algorithm.number(), 2]);
        rdata.extend_from_slice(digest::digest(&digest::SHA256, &input).as_ref());
        rdata
    }

    /// The RDATA of the RRSIG over `rrset` at `owner`, made by this key for the zone `apex`
    /// (RFC 4034 section 3.1.8.1).
    ///
    /// # Errors
    ///
    /// [`DnsError::Crypto`] if the library refuses.
    pub fn rrsig(
        &self,
        apex: &Name,
        owner: &Name,
        rrset: &Rrset,
        window: Window,
    ) -> Result<Vec<u8>, DnsError> {
        let mut rdata = rrset.rtype.to_int().to_be_bytes().to_vec();
        rdata.extend_from_slice(&[self.algorithm.number(), signed_labels(owner)]);
        rdata.extend_from_slice(&rrset.ttl.to_be_bytes());
        rdata.extend_from_slice(&window.expiration.to_be_bytes());
        rdata.extend_from_slice(&window.inception.to_be_bytes());
        rdata.extend_from_slice(&self.tag().to_be_bytes());
        rdata.extend_from_slice(apex.as_slice());

        let mut signed = rdata.clone();
        for record in &rrset.rdatas {
            signed.extend_from_slice(owner.as_slice());
            signed.extend_from_slice(&rrset.rtype.to_int().to_be_bytes());
            signed.extend_from_slice(&1_u16.to_be_bytes());
            signed.extend_from_slice(&rrset.ttl.to_be_bytes());
            signed.extend_from_slice(&(record.len() as u16).to_be_bytes());
            signed.extend_from_slice(record);
        }
        rdata.extend_from_slice(&self.pair.sign(&signed)?);
        Ok(rdata)
    }
}

impl Pair {
    /// The public key as DNSKEY carries it (RFC 3110 section 2, RFC 6605 section 4, RFC 8080
    /// section 3).
    fn public_key(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                // An RSAPublicKey (RFC 8017 appendix A.1.1) of 2,048 bits has one length and one
                // layout, and the library's exponent is always 65,537.
                let der = pair.public_key().as_ref();
                let mut key = vec![3, 1, 0, 1];
                key.extend_from_slice(&der[RSA_MODULUS]);
                key
            }
            // Without the octet that says "uncompressed point".
            Self::Ecdsa(pair) => pair.public_key().as_ref()[1..].to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, DnsError> {
        let refused = |_| DnsError::Crypto("sign");
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(refused)?;
                Ok(signature)
            }
            Self::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).map_err(refused)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// The labels field of an RRSIG: neither the root nor a leading `*` counts.
fn signed_labels(owner: &Name) -> u8 {
    let wildcard = usize::from(owner.as_slice().starts_with(b"\x01*"));
    (label_count(owner) - wildcard) as u8
}

/// The NSEC3 hash without salt or extra iterations, as RFC 9276 asks (RFC 5155 section 5).
#[must_use]
pub fn nsec3_hash(name: &Name) -> [u8; 20] {
    let lowered = name.as_slice().to_ascii_lowercase();
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &lowered);
    let mut octets = [0; 20];
    octets.copy_from_slice(hash.as_ref());
    octets
}
