//! Key configurations as a client receives them (RFC 9458 section 3).

use sha2::{Digest, Sha256};
use sotto_wire::KEY_LIST_MAX_BYTES;

use crate::Suite;

/// Octets of key identifier and KEM identifier.
const KEY_HEAD_BYTES: usize = 3;

/// An `application/ohttp-keys` list, with those of its key configurations that we can use.
#[derive(Clone, Debug)]
pub struct KeyConfigList {
    bytes: Vec<u8>,
    usable: Vec<KeyConfig>,
}

/// One key configuration, narrowed to a [`Suite`].
#[derive(Clone, Debug)]
pub struct KeyConfig {
    suite: Suite,
    key_id: u8,
    config: ohttp::KeyConfig,
}

/// Why octets are not a list of key configurations.
///
/// One malformed configuration spoils the list: recovering the others would let a gateway tell
/// clients apart by how they recover (RFC 9458 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyListError {
    /// Longer than [`KEY_LIST_MAX_BYTES`].
    #[error("the key configuration list is longer than {KEY_LIST_MAX_BYTES} octets")]
    TooLong,
    /// A length points beyond the end of the list.
    #[error("the key configuration list is truncated")]
    Truncated,
    /// A configuration of a KEM that we know does not have the form of RFC 9458 section 3.1.
    #[error("key configuration {index} (counted from 0) is malformed")]
    Malformed {
        /// Which configuration of the list.
        index: usize,
    },
    /// The public key is not one of its KEM.
    #[error("key configuration {index} (counted from 0) holds an invalid public key")]
    PublicKey {
        /// Which configuration of the list.
        index: usize,
    },
}

impl KeyConfigList {
    /// Reads a list. Configurations of an unknown KEM, and those that do not offer HKDF-SHA256 with
    /// AES-128-GCM, are skipped; a list of which nothing is left is not an error.
    ///
    /// # Errors
    ///
    /// [`KeyListError`] if the list or a configuration in it is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyListError> {
        if bytes.len() > KEY_LIST_MAX_BYTES {
            return Err(KeyListError::TooLong);
        }
        let mut usable = Vec::new();
        let mut rest = bytes;
        let mut index = 0;
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk().ok_or(KeyListError::Truncated)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (encoded, after) = after
                .split_at_checked(length)
                .ok_or(KeyListError::Truncated)?;
            usable.extend(KeyConfig::parse(encoded, index)?);
            rest = after;
            index += 1;
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            usable,
        })
    }

    /// The first configuration of `suite`.
    #[must_use]
    pub fn config(&self, suite: Suite) -> Option<KeyConfig> {
        self.usable
            .iter()
            .find(|config| config.suite == suite)
            .cloned()
    }

    /// The exact octets of the list.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the exact octets of the list, which a [`crate::KeyRecord`] carries.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.bytes)
    }
}

impl KeyConfig {
    /// The cipher suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The key identifier.
    #[must_use]
    pub fn key_id(&self) -> u8 {
        self.key_id
    }

    pub(crate) fn to_client(&self) -> Result<ohttp::ClientRequest, ohttp::Error> {
        ohttp::ClientRequest::from_config(&mut self.config.clone())
    }

    /// Reads one configuration; `None` if it is sound, or of an unknown KEM, and of no use to us.
    fn parse(encoded: &[u8], index: usize) -> Result<Option<Self>, KeyListError> {
        let malformed = KeyListError::Malformed { index };
        let (head, rest) = encoded
            .split_first_chunk::<KEY_HEAD_BYTES>()
            .ok_or(malformed)?;
        let [key_id, kem @ ..] = *head;
        let Some(suite) = Suite::from_kem_id(u16::from_be_bytes(kem)) else {
            return Ok(None);
        };
        let (public_key, rest) = rest
            .split_at_checked(suite.public_key_bytes())
            .ok_or(malformed)?;
        let (length, symmetric) = rest.split_first_chunk().ok_or(malformed)?;
        let stated = usize::from(u16::from_be_bytes(*length));
        let (algorithms, excess) = symmetric.as_chunks::<4>();
        if algorithms.is_empty() || !excess.is_empty() || stated != symmetric.len() {
            return Err(malformed);
        }
        if !algorithms.contains(&Suite::SYMMETRIC_IDS) {
            return Ok(None);
        }
        // One suite that ohttp supports: it drops a configuration for one unknown algorithm, and
        // panics when it supports none of those offered.
        let mut narrowed = Vec::with_capacity(encoded.len());
        narrowed.extend_from_slice(head);
        narrowed.extend_from_slice(public_key);
        narrowed.extend_from_slice(&[0, 4]);
        narrowed.extend_from_slice(&Suite::SYMMETRIC_IDS);
        let config =
            ohttp::KeyConfig::decode(&narrowed).map_err(|_| KeyListError::PublicKey { index })?;
        Ok(Some(Self {
            suite,
            key_id,
            config,
        }))
    }
}

/// The digest of a key configuration list.
pub(crate) fn digest(list: &[u8]) -> [u8; 32] {
    Sha256::digest(list).into()
}
