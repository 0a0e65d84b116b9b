//! The client's side of one exchange.

use std::fmt;
use std::ops::Deref;

use sotto_wire::{AnswerClass, REQUEST_BYTES};

use crate::host::is_host;
use crate::{Answer, KeyConfig, MessageError, ProofQuery, QueryError, message};

/// An encapsulated request of exactly [`REQUEST_BYTES`] octets, to be sent at most once.
pub struct Envelope(Vec<u8>);

impl Envelope {
    /// The octets to send.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Envelope {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envelope([redacted])")
    }
}

/// What opens the one answer to an [`Envelope`].
pub struct Opener(ohttp::ClientResponse);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener([redacted])")
    }
}

/// Why a question or an answer could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The query cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The gateway's host is not a host name.
    #[error("the gateway's host is not a host name without port and trailing dot")]
    Host,
    /// The answer is not an HTTP response.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The content fits no size.
    #[error("the content is longer than the largest envelope holds")]
    TooLarge,
    /// HPKE failed, as it does with a public key of low order.
    #[error("encapsulation failed: the key configuration is unusable")]
    Encapsulation,
}

/// Why an encapsulated response was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The size is none of [`AnswerClass::ALL`].
    #[error("the encapsulated response has {bytes} octets, which no answer has")]
    Size {
        /// Octets received.
        bytes: usize,
    },
    /// The octets do not decrypt: they are no answer to this envelope.
    #[error("the encapsulated response does not decrypt")]
    Undecryptable,
    /// The gateway sealed something that is not an HTTP response.
    #[error("the encapsulated response holds no HTTP response: {0}")]
    Message(#[from] MessageError),
}

/// Seals `query` for the gateway at `gateway_host` (RFC 9458 section 4.3).
///
/// Each call draws a fresh HPKE context, so two envelopes for one question have nothing in common
/// but their size and key identifier.
///
/// # Errors
///
/// [`SealError`] if the query or the host is not well-formed or the key configuration unusable.
pub fn seal(
    query: &ProofQuery,
    gateway_host: &str,
    config: &KeyConfig,
) -> Result<(Envelope, Opener), SealError> {
    query.check()?;
    if !is_host(gateway_host) {
        return Err(SealError::Host);
    }
    let request = message::write_request(query, gateway_host)?;
    let padded =
        message::pad(request, config.suite().message_bytes()).ok_or(SealError::TooLarge)?;
    let client = config.to_client().map_err(|_| SealError::Encapsulation)?;
    let (octets, response) = client
        .encapsulate(&padded)
        .map_err(|_| SealError::Encapsulation)?;
    if octets.len() != REQUEST_BYTES {
        return Err(SealError::Encapsulation);
    }
    Ok((Envelope(octets), Opener(response)))
}

impl Opener {
    /// Opens the encapsulated response (RFC 9458 section 4.4).
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the response has a size that no answer has, does not decrypt, or holds
    /// something other than a zero-padded Binary HTTP response.
    pub fn open(self, response: &[u8]) -> Result<Answer, OpenError> {
        if AnswerClass::of_size(response.len()).is_none() {
            return Err(OpenError::Size {
                bytes: response.len(),
            });
        }
        let octets = self
            .0
            .decapsulate(response)
            .map_err(|_| OpenError::Undecryptable)?;
        Ok(message::read_response(&octets)?)
    }
}
