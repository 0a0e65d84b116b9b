//! Why a world could not be started.

use crate::dns::DnsError;

/// Why a world could not be started.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A zone could not be built.
    #[error(transparent)]
    Dns(#[from] DnsError),
    /// A person of the world's own tables has no owner name.
    #[error("`{0}` is not an identifier of this world")]
    Person(String),
    /// A record of the world's own tables is malformed.
    #[error("`{0}` is not a MIMI record")]
    Record(String),
}
