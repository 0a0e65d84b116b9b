//! What a relay can know, for the laboratory to record.

use std::net::SocketAddr;

/// All that a relay learns from one forwarded request. It has no field that could hold a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayView {
    /// Who asked.
    pub client: SocketAddr,
    /// The host of the gateway that was asked.
    pub gateway: String,
    /// The key identifier, the first octet of every encapsulated request (RFC 9458 section 4.1).
    pub key_id: u8,
    /// Octets of the encapsulated request.
    pub request_bytes: usize,
    /// Octets of what the client got.
    pub answer_bytes: usize,
    /// The HTTP status that the client got.
    pub status: u16,
    /// When the answer left, in Unix seconds.
    pub at: u64,
}

/// Records what the relay sees. For the laboratory and the demonstration; a relay that serves
/// people has none.
pub trait Observe: Send + Sync {
    /// One request was handed to a gateway, and its answer, or a refusal, goes to the client.
    fn forwarded(&self, view: &RelayView);
}
