//! The key encapsulation of both suites, at the recipient: DHKEM(X25519, HKDF-SHA256) of RFC 9180 section 4.1, and
//! X-Wing of draft-connolly-cfrg-xwing-kem under the key derivation of draft-ietf-hpke-pq.

use aws_lc_rs::agreement::{self, X25519};
use aws_lc_rs::kem::{DecapsulationKey, ML_KEM_768};
use ml_kem::MlKem768;
use sha3::{Digest as _, Sha3_256};
use zeroize::Zeroizing;

use super::kdf::{HASH_BYTES, Prk, labeled_derive, shake256};
use crate::Suite;

/// Octets of an X25519 key, private or public, and of what two agree on.
const X25519_BYTES: usize = 32;

/// Octets of the seed of an ML-KEM key, `d || z` (FIPS 203 section 7.1).
const ML_KEM_SEED_BYTES: usize = 64;

/// Where the public key stands in an expanded ML-KEM-768 private key (FIPS 203 section 7.1).
const ML_KEM_PUBLIC_KEY: std::ops::Range<usize> = 1_152..2_336;

/// Octets of an ML-KEM-768 ciphertext.
const ML_KEM_CIPHERTEXT_BYTES: usize = 1_088;

/// The label of X-Wing's combiner: `\./` over `/^\`.
const XWING_LABEL: &[u8] = br"\.//^\";

/// What an encapsulation comes to.
pub(super) type SharedSecret = Zeroizing<[u8; HASH_BYTES]>;

/// A private key with its public key, which every decapsulation hashes.
pub(super) struct KeyPair {
    private: PrivateKey,
    public: Box<[u8]>,
}

enum PrivateKey {
    X25519(agreement::PrivateKey),
    XWing {
        lattice: DecapsulationKey,
        curve: agreement::PrivateKey,
    },
}

impl KeyPair {
    /// DeriveKeyPair; `None` if the library refuses the key.
    pub(super) fn derive(suite: Suite, ikm: &[u8; 32]) -> Option<Self> {
        let suite_id = suite_id(suite);
        let secret = match suite {
            Suite::X25519 => {
                Prk::labeled(&suite_id, b"dkp_prk", ikm).labeled_expand(&suite_id, b"sk", &[])
            }
            Suite::XWing => labeled_derive(&suite_id, ikm, b"DeriveKeyPair"),
        };
        Self::from_secret(suite, &secret)
    }

    /// The key pair of a serialised private key: an X25519 scalar, or X-Wing's seed.
    pub(super) fn from_secret(suite: Suite, secret: &[u8; 32]) -> Option<Self> {
        match suite {
            Suite::X25519 => {
                let (private, public) = x25519(secret)?;
                Some(Self {
                    private: PrivateKey::X25519(private),
                    public: public.as_ref().into(),
                })
            }
            Suite::XWing => {
                let expanded = shake256::<{ ML_KEM_SEED_BYTES + X25519_BYTES }>(&[secret]);
                let (lattice, curve) = expanded.split_first_chunk::<ML_KEM_SEED_BYTES>()?;
                let (curve, curve_public) = x25519(curve)?;
                let expanded = expand_ml_kem(lattice);
                let public = [&expanded[ML_KEM_PUBLIC_KEY], curve_public.as_ref()].concat();
                let lattice = DecapsulationKey::new(&ML_KEM_768, &expanded).ok()?;
                Some(Self {
                    private: PrivateKey::XWing { lattice, curve },
                    public: public.into(),
                })
            }
        }
    }

    /// The public key, serialised.
    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Decap; `None` if `encapsulated` is not of this KEM or agrees on zero (RFC 7748 section 6.1), which only a client
    /// that wants no secret brings about.
    pub(super) fn decapsulate(&self, encapsulated: &[u8]) -> Option<SharedSecret> {
        match &self.private {
            PrivateKey::X25519(private) => agree(private, encapsulated, |shared| {
                let suite_id = suite_id(Suite::X25519);
                let prk = Prk::labeled(&suite_id, b"eae_prk", shared);
                let context = [encapsulated, &*self.public];
                prk.labeled_expand(&suite_id, b"shared_secret", &context)
            }),
            PrivateKey::XWing { lattice, curve } => {
                let (ciphertext, point) = encapsulated.split_at_checked(ML_KEM_CIPHERTEXT_BYTES)?;
                let of_lattice = lattice.decapsulate(ciphertext.into()).ok()?;
                let curve_public = self.public.last_chunk::<X25519_BYTES>()?;
                agree(curve, point, |of_curve| {
                    let mut hash = Sha3_256::new();
                    for part in [
                        of_lattice.as_ref(),
                        of_curve,
                        point,
                        curve_public,
                        XWING_LABEL,
                    ] {
                        hash.update(part);
                    }
                    Zeroizing::new(hash.finalize().into())
                })
            }
        }
    }
}

fn agree(
    private: &agreement::PrivateKey,
    peer: &[u8],
    derive: impl FnOnce(&[u8]) -> SharedSecret,
) -> Option<SharedSecret> {
    let peer = agreement::UnparsedPublicKey::new(&X25519, peer);
    agreement::agree(private, peer, (), |shared| Ok(derive(shared))).ok()
}

fn x25519(private: &[u8]) -> Option<(agreement::PrivateKey, agreement::PublicKey)> {
    let private = agreement::PrivateKey::from_private_key(&X25519, private).ok()?;
    let public = private.compute_public_key().ok()?;
    Some((private, public))
}

/// The expanded form of an ML-KEM-768 private key, the only one that aws-lc-rs reads.
fn expand_ml_kem(seed: &[u8; ML_KEM_SEED_BYTES]) -> Zeroizing<Vec<u8>> {
    let key = ml_kem::DecapsulationKey::<MlKem768>::from_seed((*seed).into());
    #[allow(
        deprecated,
        reason = "deprecated as a format to store; nothing is stored here"
    )]
    let expanded = ml_kem::ExpandedKeyEncoding::to_expanded_bytes(&key);
    Zeroizing::new(expanded.to_vec())
}

/// `"KEM" || I2OSP(kem_id, 2)`.
fn suite_id(suite: Suite) -> [u8; 5] {
    let [high, low] = suite.kem_id().to_be_bytes();
    [b'K', b'E', b'M', high, low]
}

#[cfg(test)]
mod tests;
