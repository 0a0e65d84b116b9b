//! Why a setup is refused: the culprit, and what would do.

use sotto_envelope::{KeyDocumentError, KeyListError};
use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES};

use super::parties::MAX_WEIGHT;
use super::{MAX_GATEWAYS, MAX_RELAYS, MAX_TIMEOUT_SECONDS};
use crate::url::UrlError;

/// Why a setup is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The relay's URL cannot be used.
    #[error("relay URL {url:?}: {source}")]
    RelayUrl {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        source: UrlError,
    },
    /// More relays than [`MAX_RELAYS`].
    #[error("more than {MAX_RELAYS} relays; name fewer")]
    TooManyRelays,
    /// More gateways than [`MAX_GATEWAYS`].
    #[error("more than {MAX_GATEWAYS} gateways; name fewer")]
    TooManyGateways,
    /// One relay or gateway twice.
    #[error(
        "{0:?} is named twice; name it once, with a larger weight if it is to be chosen more often"
    )]
    Twice(String),
    /// A weight outside of its range.
    #[error(
        "the weight of {whose:?} is {weight}; give 1 to {MAX_WEIGHT}, and leave out what is not to be chosen"
    )]
    Weight {
        /// The relay's URL or the gateway's host, as given.
        whose: String,
        /// The weight given.
        weight: u8,
    },
    /// A relay resource, which belongs to one gateway, beside several gateways.
    #[error(
        "relay URL {0:?} names the resource of one gateway, and there are several; give the relay's origin, as in `https://relay.example`"
    )]
    ResourceOfOneGateway(String),
    /// A time that no request can keep, or that nobody would wait for.
    #[error("the {what} timeout is {seconds} s; give 1 to {MAX_TIMEOUT_SECONDS}")]
    Timeout {
        /// Which one: `"connect"`, `"request"` or `"lookup"`.
        what: &'static str,
        /// The seconds given.
        seconds: u64,
    },
    /// The gateway is not a host name.
    #[error(
        "gateway {0:?} is not a host name; give it as in `gateway.example.net`, without scheme, port or path"
    )]
    GatewayHost(String),
    /// A stated operator is not a domain.
    #[error("operator {0:?} is not a domain; give it as in `example.net`")]
    Operator(String),
    /// The keys from a file are of no use in their size.
    #[error(
        "the keys given hold {octets} octets; a key document has 1 to {KEY_DOCUMENT_MAX_BYTES}, a list 1 to {KEY_LIST_MAX_BYTES}"
    )]
    KeySize {
        /// The octets given.
        octets: usize,
    },
    /// What begins as a key document does not go on as one.
    #[error("the keys given are not usable: {0}")]
    KeyDocument(KeyDocumentError),
    /// The keys begin as no key document, and are no list either.
    #[error("the keys given are neither a key document (it begins with SKD1) nor a list: {0}")]
    KeyList(KeyListError),
    /// The type for MIMI records is not for private use.
    #[error(
        "type {0} is not for private use; RFC 6895 section 3.1 reserves 65280 to 65534 for that"
    )]
    MimiType(u16),
}
