//! Why a world could not be started.

use std::io;
use std::path::{Path, PathBuf};

use crate::dns::DnsError;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a world could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    /// A file could not be written.
    #[error("{}: {source}; choose a directory that can be written to", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another world lives in the directory.
    #[error(
        "{}: another private internet holds this lock and lives in its directory; end that one, or choose another directory",
        .0.display()
    )]
    InUse(PathBuf),
    /// The system gave no socket on loopback, or no temporary directory.
    #[error("the system refused a loopback socket or a temporary directory: {0}")]
    Socket(#[source] io::Error),
    /// The gateway's keys could not be made.
    #[error("the gateway's keys: {0}")]
    Keys(#[source] Cause),
    /// A certificate could not be made.
    #[error("certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A configuration that the world wrote, or the options of its caller, cannot be read.
    #[error(transparent)]
    Config(#[from] sotto_daemon::config::ConfigError),
    /// The gateway did not start.
    #[error("the gateway did not start: {0}")]
    Gateway(#[source] Cause),
    /// A relay did not start.
    #[error("the relay {0} did not start: {1}")]
    Relay(&'static str, #[source] Cause),
    /// The trust anchor cannot be read back.
    #[error(transparent)]
    Anchor(#[from] sotto_proof::AnchorError),
    /// The client refuses its setup.
    #[error(transparent)]
    Setup(#[from] sotto_client::SetupError),
}

impl WorldError {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
