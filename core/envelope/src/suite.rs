//! The two cipher suites, and the key identifiers that go with them.

use crate::Epoch;

/// How many epochs pass before a key identifier comes back.
const EPOCHS_PER_CYCLE: u64 = 64;

/// Key identifiers set aside for each epoch.
const IDS_PER_EPOCH: u64 = 4;

/// Octets in front of the encapsulated key: key identifier, KEM, KDF, AEAD (RFC 9458 section 4.3).
pub(crate) const REQUEST_HEADER_BYTES: usize = 7;

/// Octets of the AES-GCM authentication tag.
pub(crate) const TAG_BYTES: usize = 16;

/// Octets of the response nonce: `max(Nn, Nk)`, 16 for AES-128-GCM (RFC 9458 section 4.4).
pub(crate) const RESPONSE_NONCE_BYTES: usize = 16;

/// Octets that encapsulation adds to a response.
pub(crate) const RESPONSE_OVERHEAD_BYTES: usize = RESPONSE_NONCE_BYTES + TAG_BYTES;

/// A KEM with HKDF-SHA256 and AES-128-GCM (RFC 9180 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// X-Wing, 0x647a: ML-KEM-768 and X25519. The only suite that our client seals with, since a
    /// relay may keep envelopes until somebody can break X25519.
    XWing,
    /// DHKEM(X25519, HKDF-SHA256), 0x0020, for foreign clients.
    X25519,
}

impl Suite {
    /// Every suite, in the order of a key configuration list.
    pub const ALL: [Self; 2] = [Self::XWing, Self::X25519];

    /// The key identifier of this suite's key in `epoch`: `(epoch mod 64) * 4 + index`.
    #[must_use]
    pub fn key_id(self, epoch: Epoch) -> u8 {
        let index = match self {
            Self::XWing => 0,
            Self::X25519 => 1,
        };
        let id = (epoch.0 % EPOCHS_PER_CYCLE) * IDS_PER_EPOCH + index;
        u8::try_from(id).unwrap_or_else(|_| unreachable!("63 * 4 + 1 fits"))
    }

    /// The KEM identifier in the HPKE registry.
    #[must_use]
    pub const fn kem_id(self) -> u16 {
        match self {
            Self::XWing => 0x647a,
            Self::X25519 => 0x0020,
        }
    }

    /// Octets of the BHTTP message, padding included, in an encapsulated request of
    /// [`sotto_wire::REQUEST_BYTES`].
    #[must_use]
    pub fn message_bytes(self) -> usize {
        sotto_wire::REQUEST_BYTES - self.request_overhead_bytes()
    }

    /// Octets that encapsulation adds to a request.
    pub(crate) const fn request_overhead_bytes(self) -> usize {
        REQUEST_HEADER_BYTES + self.enc_bytes() + TAG_BYTES
    }

    pub(crate) fn from_kem_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.kem_id() == id)
    }

    /// Octets of the encapsulated key.
    pub(crate) const fn enc_bytes(self) -> usize {
        match self {
            Self::XWing => 1_120,
            Self::X25519 => 32,
        }
    }

    /// Octets of the public key.
    pub(crate) const fn public_key_bytes(self) -> usize {
        match self {
            Self::XWing => 1_216,
            Self::X25519 => 32,
        }
    }

    /// HKDF-SHA256 and AES-128-GCM, the symmetric algorithms of both, as the identifiers of a key configuration.
    pub(crate) const SYMMETRIC_IDS: [u8; 4] = [0, 1, 0, 1];
}

#[cfg(test)]
mod tests {
    use ohttp::hpke::Kem;

    use super::*;

    #[test]
    fn messages_have_the_room_that_the_protocol_states() {
        assert_eq!(Suite::XWing.message_bytes(), 905);
        assert_eq!(Suite::X25519.message_bytes(), 1_993);
    }

    #[test]
    fn key_identifiers_follow_the_epoch() {
        assert_eq!(Suite::XWing.key_id(Epoch(0)), 0);
        assert_eq!(Suite::X25519.key_id(Epoch(63)), 253);
        assert_eq!(Suite::X25519.key_id(Epoch(64)), 1);
    }

    #[test]
    fn identifiers_and_sizes_are_those_of_another_implementation() {
        for (suite, kem) in [
            (Suite::XWing, Kem::XWing),
            (Suite::X25519, Kem::X25519Sha256),
        ] {
            assert_eq!(u16::from(kem), suite.kem_id());
            assert_eq!(kem.n_enc(), suite.enc_bytes());
            assert_eq!(kem.n_pk(), suite.public_key_bytes());
        }
    }
}
