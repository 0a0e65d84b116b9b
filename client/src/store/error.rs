//! Why a store cannot be used, and what to do about it.

use std::io;
use std::path::PathBuf;

use super::SCHEMA_VERSION;

/// Why a store cannot be opened or written. The store itself is left as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file or its folder cannot be made, read or written.
    #[error("the store {} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than the owner may read or write the file.
    #[error("the store {} is open to others (mode {mode:04o}), and it names whom you asked for", path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What is there is no store: a folder, a device, or another program's file.
    #[error("{} is no store", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this software wrote the file.
    #[error("the store {} has schema {found}, and this version knows {SCHEMA_VERSION} at most", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// The file is damaged.
    #[error("the store {} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process did not let go of the file in time.
    #[error("the store {} is in use by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or the room that a store may take, is full.
    #[error("there is no room for the store {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random octets for the secrets of a new store.
    #[error("no random octets for the store {}: {why}", path.display())]
    Random {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl StoreError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "store_unusable",
            Self::Loose { .. } => "store_open_to_others",
            Self::NotAStore { .. } => "store_foreign",
            Self::Newer { .. } => "store_newer",
            Self::Damaged { .. } => "store_damaged",
            Self::Busy { .. } => "store_busy",
            Self::Full { .. } => "store_full",
            Self::Random { .. } => "store_no_randomness",
        }
    }

    /// What to do, one clause without a full stop.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check the path and its permissions, or name another file",
            Self::Loose { .. } => {
                "see who may have read or changed it, then take the others' rights away: chmod 600"
            }
            Self::NotAStore { .. } => "name another file for the store",
            Self::Newer { .. } => "use the version that wrote it, or name another file",
            Self::Damaged { .. } => {
                "remove it, and the file ending in -journal beside it, if any: what was seen before is then forgotten, and nothing else is lost"
            }
            Self::Busy { .. } => "try again, or name another file",
            Self::Full { .. } => "make room on the disk, or clear the store",
            Self::Random { .. } => "try again later",
        }
    }
}
