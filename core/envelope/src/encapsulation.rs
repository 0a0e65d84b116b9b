//! Encapsulated requests and responses as the gateway handles them (RFC 9458 sections 4.3 and 4.4).

use aws_lc_rs::rand;

use crate::Suite;
use crate::hpke::{KEY_BYTES, OneTimeKey, Recipient};
use crate::suite::{REQUEST_HEADER_BYTES, RESPONSE_NONCE_BYTES};

/// The label of the `info` of a request.
const INFO_REQUEST: &[u8] = b"message/bhttp request\0";

/// The context that the secret of a response is exported under.
const CONTEXT_RESPONSE: &[u8] = b"message/bhttp response";

/// The gateway's key of one suite in one epoch.
pub(crate) struct GatewayKey {
    header: [u8; REQUEST_HEADER_BYTES],
    enc_bytes: usize,
    recipient: Recipient,
}

/// What seals one response.
pub(crate) struct ResponseKey {
    nonce: [u8; RESPONSE_NONCE_BYTES],
    key: OneTimeKey,
}

impl GatewayKey {
    /// The key that DeriveKeyPair makes of `ikm`; `None` if the library refuses it.
    pub(crate) fn derive(suite: Suite, key_id: u8, ikm: &[u8; 32]) -> Option<Self> {
        let header = header(suite, key_id);
        let info = [INFO_REQUEST, &header].concat();
        Some(Self {
            header,
            enc_bytes: suite.enc_bytes(),
            recipient: Recipient::derive(suite, ikm, &info)?,
        })
    }

    /// Appends the key configuration to a list (RFC 9458 section 3.1).
    pub(crate) fn announce(&self, list: &mut Vec<u8>) {
        let (head, symmetric) = self.header.split_at(REQUEST_HEADER_BYTES - 4);
        let public_key = self.recipient.public_key();
        let octets = [head, public_key, &[0, 4], symmetric].concat();
        let length = u16::try_from(octets.len());
        let length = length.unwrap_or_else(|_| unreachable!("public keys are short"));
        list.extend_from_slice(&length.to_be_bytes());
        list.extend_from_slice(&octets);
    }

    /// Whether a request names this key and its algorithms: its whole header, so that no other suite than the one that
    /// was advertised reaches the private key.
    pub(crate) fn is_named_by(&self, request: &[u8]) -> bool {
        request.starts_with(&self.header)
    }

    /// The encapsulated key of a request that names this key; `None` if it is cut short.
    pub(crate) fn encapsulated_key<'a>(&self, request: &'a [u8]) -> Option<&'a [u8]> {
        Some(self.split(request)?.0)
    }

    /// Opens a request that names this key; `None` if it does not decrypt.
    pub(crate) fn open(&self, request: &[u8]) -> Option<(Vec<u8>, ResponseKey)> {
        let mut nonce = [0; RESPONSE_NONCE_BYTES];
        rand::fill(&mut nonce).ok()?;
        self.open_with(request, nonce)
    }

    fn open_with(
        &self,
        request: &[u8],
        nonce: [u8; RESPONSE_NONCE_BYTES],
    ) -> Option<(Vec<u8>, ResponseKey)> {
        let (encapsulated, ciphertext) = self.split(request)?;
        let mut message = ciphertext.to_vec();
        let exporter = self.recipient.open(encapsulated, &mut message)?;
        let secret = exporter.export::<KEY_BYTES>(CONTEXT_RESPONSE);
        let key = OneTimeKey::derive(&[encapsulated, &nonce], &*secret)?;
        Some((message, ResponseKey { nonce, key }))
    }

    fn split<'a>(&self, request: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let encapsulated = request.get(REQUEST_HEADER_BYTES..)?;
        encapsulated.split_at_checked(self.enc_bytes)
    }
}

impl ResponseKey {
    /// Seals what `write` appends, in the one buffer that leaves, which has room for `octets`; `None` if the library
    /// fails.
    pub(crate) fn seal(self, octets: usize, write: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<u8>> {
        let mut response = Vec::with_capacity(octets);
        response.extend_from_slice(&self.nonce);
        write(&mut response);
        self.key.seal(&mut response, RESPONSE_NONCE_BYTES)?;
        Some(response)
    }
}

/// Key identifier, KEM, KDF and AEAD.
fn header(suite: Suite, key_id: u8) -> [u8; REQUEST_HEADER_BYTES] {
    let mut header = [key_id; REQUEST_HEADER_BYTES];
    header[1..3].copy_from_slice(&suite.kem_id().to_be_bytes());
    header[3..].copy_from_slice(&Suite::SYMMETRIC_IDS);
    header
}

#[cfg(test)]
mod tests;
