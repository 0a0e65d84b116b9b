//! The recipient's side of HPKE in base mode (RFC 9180), for one message: the gateway's inner loop.
//!
//! What depends on the key alone is computed once, with the key: the public key, which libraries that know only the
//! private one compute again for every message at the price of another scalar multiplication, and the hashes of `info`.
//! X25519 and ML-KEM-768 are those of aws-lc. The `ohttp` crate stands on the other side, in the client, and in the
//! tests as the oracle.

pub(crate) mod kdf;
mod kem;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use self::kdf::{HASH_BYTES, Prk, labeled_hash};
use self::kem::KeyPair;
use crate::Suite;
use crate::suite::TAG_BYTES;

/// Octets of an AES-128-GCM key.
pub(crate) const KEY_BYTES: usize = 16;

/// The mode without pre-shared key and without authentication of the sender (RFC 9180 section 5).
const MODE_BASE: u8 = 0;

/// A recipient's key for one `info`.
pub(crate) struct Recipient {
    suite_id: [u8; 10],
    pair: KeyPair,
    /// `mode || psk_id_hash || info_hash` (RFC 9180 section 5.1).
    context: [u8; 1 + 2 * HASH_BYTES],
}

/// The exporter of an opened message.
pub(crate) struct Exporter<'a> {
    suite_id: &'a [u8],
    secret: Zeroizing<[u8; HASH_BYTES]>,
}

/// What the key schedule yields.
struct Secrets<'a> {
    key: Zeroizing<[u8; KEY_BYTES]>,
    nonce: Zeroizing<[u8; NONCE_LEN]>,
    exporter: Exporter<'a>,
}

impl Recipient {
    /// The key pair that DeriveKeyPair makes of `ikm`, for messages under `info`; `None` if the library refuses it.
    pub(crate) fn derive(suite: Suite, ikm: &[u8; 32], info: &[u8]) -> Option<Self> {
        KeyPair::derive(suite, ikm).map(|pair| Self::new(suite, pair, info))
    }

    /// The key pair of a serialised private key.
    #[cfg(test)]
    pub(crate) fn from_secret(suite: Suite, secret: &[u8; 32], info: &[u8]) -> Option<Self> {
        KeyPair::from_secret(suite, secret).map(|pair| Self::new(suite, pair, info))
    }

    fn new(suite: Suite, pair: KeyPair, info: &[u8]) -> Self {
        let suite_id = suite_id(suite);
        let mut context = [MODE_BASE; 1 + 2 * HASH_BYTES];
        let (psk_id_hash, info_hash) = context[1..].split_at_mut(HASH_BYTES);
        psk_id_hash.copy_from_slice(&labeled_hash(&suite_id, b"psk_id_hash", &[]));
        info_hash.copy_from_slice(&labeled_hash(&suite_id, b"info_hash", info));
        Self {
            suite_id,
            pair,
            context,
        }
    }

    /// The public key, serialised.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.pair.public()
    }

    /// Opens the first and only message in place; `None` if it does not decrypt. `message` then holds the plaintext.
    pub(crate) fn open(&self, encapsulated: &[u8], message: &mut Vec<u8>) -> Option<Exporter<'_>> {
        let secrets = self.schedule(&*self.pair.decapsulate(encapsulated)?);
        let plaintext = aead(&secrets.key)?
            .open_in_place(one_time(&secrets.nonce), Aad::empty(), message)
            .ok()?;
        let octets = plaintext.len();
        message.truncate(octets);
        Some(secrets.exporter)
    }

    /// KeySchedule of RFC 9180 section 5.1. The nonce is that of sequence number 0, which leaves it as it is.
    fn schedule(&self, shared_secret: &[u8; HASH_BYTES]) -> Secrets<'_> {
        let prk = Prk::labeled_with(&self.suite_id, shared_secret, b"secret", &[]);
        let context = [&self.context[..]];
        Secrets {
            key: prk.labeled_expand(&self.suite_id, b"key", &context),
            nonce: prk.labeled_expand(&self.suite_id, b"base_nonce", &context),
            exporter: Exporter {
                suite_id: &self.suite_id,
                secret: prk.labeled_expand(&self.suite_id, b"exp", &context),
            },
        }
    }
}

impl Exporter<'_> {
    /// Export of RFC 9180 section 5.3.
    pub(crate) fn export<const N: usize>(&self, context: &[u8]) -> Zeroizing<[u8; N]> {
        Prk::from(&*self.secret).labeled_expand(self.suite_id, b"sec", &[context])
    }
}

/// A key for one message that is derived from a secret and a salt (RFC 9458 section 4.4).
pub(crate) struct OneTimeKey {
    key: LessSafeKey,
    nonce: Zeroizing<[u8; NONCE_LEN]>,
}

impl OneTimeKey {
    /// The key and nonce that HKDF makes of `secret` under `salt`.
    pub(crate) fn derive(salt: &[&[u8]], secret: &[u8]) -> Option<Self> {
        let prk = Prk::extract(&salt.concat(), secret);
        Some(Self {
            key: aead(&prk.expand(&[b"key"]))?,
            nonce: prk.expand(&[b"nonce"]),
        })
    }

    /// Seals `message` from octet `from` on, in place, and appends the tag; `None` if the library fails.
    pub(crate) fn seal(self, message: &mut Vec<u8>, from: usize) -> Option<()> {
        message.reserve_exact(TAG_BYTES);
        let nonce = one_time(&self.nonce);
        let plaintext = message.get_mut(from..)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::empty(), plaintext)
            .ok()?;
        message.extend_from_slice(tag.as_ref());
        Some(())
    }
}

fn aead(key: &[u8; KEY_BYTES]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_128_GCM, key)
        .ok()
        .map(LessSafeKey::new)
}

/// The nonce of a key that seals or opens once.
fn one_time(nonce: &[u8; NONCE_LEN]) -> Nonce {
    Nonce::assume_unique_for_key(*nonce)
}

/// `"HPKE" || I2OSP(kem_id, 2) || I2OSP(kdf_id, 2) || I2OSP(aead_id, 2)`.
fn suite_id(suite: Suite) -> [u8; 10] {
    let mut id = *b"HPKE\0\0\0\0\0\0";
    id[4..6].copy_from_slice(&suite.kem_id().to_be_bytes());
    id[6..].copy_from_slice(&Suite::SYMMETRIC_IDS);
    id
}

#[cfg(test)]
mod tests;
