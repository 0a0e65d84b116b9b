//! The bare operations that an envelope cannot do without, over aws-lc.

use std::hint::black_box;

use anyhow::{Result, anyhow};
use aws_lc_rs::agreement::{self, X25519};
use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKey, ML_KEM_768};

use super::clock::median_us;

/// Calls of which one batch is made.
pub(crate) const CALLS: u32 = 40;

/// The operations that no envelope can do without.
pub(crate) struct Floors {
    secret: agreement::PrivateKey,
    peer: agreement::PublicKey,
    decapsulation: DecapsulationKey,
    encapsulation: EncapsulationKey,
}

impl Floors {
    pub(crate) fn new() -> Result<Self> {
        let unspecified = |_| anyhow!("no key could be generated");
        let peer = agreement::PrivateKey::generate(&X25519).map_err(unspecified)?;
        let decapsulation = DecapsulationKey::generate(&ML_KEM_768).map_err(unspecified)?;
        Ok(Self {
            secret: agreement::PrivateKey::generate(&X25519).map_err(unspecified)?,
            peer: peer.compute_public_key().map_err(unspecified)?,
            encapsulation: decapsulation.encapsulation_key().map_err(unspecified)?,
            decapsulation,
        })
    }

    pub(crate) fn generate(&self) -> f64 {
        median_us(CALLS, || {
            let key = agreement::PrivateKey::generate(&X25519).expect("a key");
            black_box(key.compute_public_key()).expect("its public key");
        })
    }

    pub(crate) fn agree(&self) -> f64 {
        let peer = agreement::UnparsedPublicKey::new(&X25519, self.peer.as_ref());
        median_us(CALLS, || {
            agreement::agree(&self.secret, peer, (), |shared| {
                black_box(shared);
                Ok(())
            })
            .expect("honest keys agree");
        })
    }

    pub(crate) fn encapsulate(&self) -> f64 {
        median_us(CALLS, || {
            black_box(self.encapsulation.encapsulate()).expect("a ciphertext");
        })
    }

    pub(crate) fn decapsulate(&self) -> f64 {
        let (ciphertext, _) = self.encapsulation.encapsulate().expect("a ciphertext");
        let octets = ciphertext.as_ref().to_vec();
        median_us(CALLS, || {
            let ciphertext = octets.as_slice().into();
            black_box(self.decapsulation.decapsulate(ciphertext)).expect("a shared secret");
        })
    }
}
