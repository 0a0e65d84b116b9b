//! An exchange with a gateway that is not ours: any request, any size (RFC 9458 sections 4.3 and 4.4).
//!
//! For tools that measure gateways. A client of ours has no use for it: all its requests have one form and one size.

use std::fmt;

use bhttp::Message;

use crate::{Answer, KeyConfig, OpenError, SealError, message};

/// What the encapsulated request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The scheme.
    pub scheme: &'a str,
    /// The authority, with its port if it needs one.
    pub authority: &'a str,
    /// Path and query.
    pub path: &'a str,
}

/// What opens the one answer to a [`ForeignRequest`].
pub struct ForeignOpener(ohttp::ClientResponse);

/// Seals `request`, zero-padded to an encapsulated request of `octets`, or as long as it is if that is longer.
///
/// # Errors
///
/// [`SealError::Message`] if it is no request, [`SealError::Encapsulation`] if the key configuration is unusable.
pub fn seal_foreign(
    request: &ForeignRequest<'_>,
    octets: usize,
    config: &KeyConfig,
) -> Result<(Vec<u8>, ForeignOpener), SealError> {
    let message = message::encode(&Message::request(
        request.method.into(),
        request.scheme.into(),
        request.authority.into(),
        request.path.into(),
    ))?;
    message::read_request(&message)?;
    let suite = config.suite();
    let room = octets.saturating_sub(suite.request_overhead_bytes());
    let length = room.max(message.len());
    let padded = message::pad(message, length).ok_or(SealError::TooLarge)?;
    let client = config.to_client().map_err(|_| SealError::Encapsulation)?;
    let (sealed, response) = client
        .encapsulate(&padded)
        .map_err(|_| SealError::Encapsulation)?;
    Ok((sealed, ForeignOpener(response)))
}

impl ForeignOpener {
    /// Opens an encapsulated response of any size.
    ///
    /// # Errors
    ///
    /// [`OpenError::Undecryptable`] and [`OpenError::Message`].
    pub fn open(self, response: &[u8]) -> Result<Answer, OpenError> {
        let octets = self
            .0
            .decapsulate(response)
            .map_err(|_| OpenError::Undecryptable)?;
        Ok(message::read_response(&octets)?)
    }
}

impl fmt::Debug for ForeignOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignOpener([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Ratchet;
    use crate::{Epoch, KeyConfigList, KeyRing, Suite};

    #[test]
    fn a_request_of_any_form_and_size_is_opened_and_answered() {
        let keys = Ratchet::new(Epoch(20_000), [7; 32])
            .keys(Epoch(20_000))
            .unwrap();
        let list = KeyConfigList::parse(keys.list()).unwrap();
        let ring = KeyRing::new(vec![keys]);
        let request = ForeignRequest {
            method: "POST",
            scheme: "http",
            authority: "target.example:8080",
            path: "/any?thing",
        };
        for suite in Suite::ALL {
            let config = list.config(suite).unwrap();
            let (exact, _) = seal_foreign(&request, 3_000, &config).unwrap();
            assert_eq!(exact.len(), 3_000);
            let (sealed, opener) = seal_foreign(&request, 0, &config).unwrap();
            assert!(sealed.len() < 100 + suite.request_overhead_bytes());
            let (_, sealer) = ring.open(&sealed).unwrap();
            let answer = Answer::proof(vec![1, 2, 3]);
            assert_eq!(opener.open(&sealer.seal(&answer).unwrap()), Ok(answer));
        }
    }

    #[test]
    fn what_is_no_request_is_not_sealed() {
        let keys = Ratchet::new(Epoch(1), [7; 32]).keys(Epoch(1)).unwrap();
        let list = KeyConfigList::parse(keys.list()).unwrap();
        let config = list.config(Suite::X25519).unwrap();
        let request = ForeignRequest {
            method: "G T",
            scheme: "https",
            authority: "target.example",
            path: "/",
        };
        let error = seal_foreign(&request, 0, &config).unwrap_err();
        assert!(matches!(error, SealError::Message(_)), "{error}");
    }
}
