//! What a gateway sees of a lookup, for the laboratory; the binary never watches.

use std::net::SocketAddr;

/// Told of every answered question.
pub trait Observe: Send + Sync {
    /// One question was answered under seal.
    fn answered(&self, view: &GatewayView);
}

/// All that a gateway knows of one question.
///
/// Architecture Invariant: no field can hold a client's address; the only address is the relay's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayView {
    /// The relay, by its listed name.
    pub relay: String,
    /// The relay's address.
    pub peer: SocketAddr,
    /// The owner name asked for.
    pub name: String,
    /// The RR type asked for.
    pub rtype: String,
    /// The sealed status.
    pub status: u16,
    /// Octets of the encapsulated response.
    pub answer_bytes: usize,
    /// Whether the proof came from the cache.
    pub cached: bool,
    /// When, in Unix seconds.
    pub at: u64,
}
