//! What one person publishes.

use sotto_mimi::OwnerName;

/// The RRset that one person publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where it stands.
    pub owner: OwnerName,
    /// The RR type: TXT (16), or the private-use number of MIMI.
    pub rtype: u16,
    /// The TTL, seconds.
    pub ttl: u32,
    /// The RDATA of each RR.
    pub rdatas: Vec<Vec<u8>>,
}
