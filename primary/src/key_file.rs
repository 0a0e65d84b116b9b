//! The file of the TSIG key, which nobody but its owner may read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sotto_publish::update::{KeyError, TsigKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// Octets of the largest key file: a key of SHA-512 in BIND's form has some 200, and comments are cut short.
const FILE_MAX_OCTETS: u64 = 65_536;

/// Why a file gives no key. Nothing of its content is repeated, and its path is for the caller to name.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// Others than its owner may read it.
    #[error("has the mode {mode:03o}: others on this machine could change your zone")]
    Exposed {
        /// Its permission bits.
        mode: u32,
    },
    /// What it holds is no text.
    #[error("is not UTF-8")]
    NotUtf8,
    /// What it holds is no key.
    #[error("{0}")]
    NoKey(KeyError),
}

impl KeyFileError {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "check the path and the file's permissions",
            Self::Exposed { .. } => "chmod 600 it; if others may have read it, make a new key",
            Self::NotUtf8 => KeyError::Form.remedy(),
            Self::NoKey(error) => error.remedy(),
        }
    }
}

/// Reads the key in the file at `path`, in any form that [`TsigKey::parse`] knows.
///
/// # Errors
///
/// [`KeyFileError`].
pub fn read_key(path: &Path) -> Result<TsigKey, KeyFileError> {
    let file = File::open(path).map_err(KeyFileError::Unreadable)?;
    let metadata = file.metadata().map_err(KeyFileError::Unreadable)?;
    if metadata.is_dir() {
        return Err(KeyFileError::Unreadable(io::ErrorKind::IsADirectory.into()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { mode });
        }
    }
    // Large enough from the start: a buffer that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(FILE_MAX_OCTETS as usize));
    file.take(FILE_MAX_OCTETS)
        .read_to_end(&mut octets)
        .map_err(KeyFileError::Unreadable)?;
    let text = std::str::from_utf8(&octets).map_err(|_| KeyFileError::NotUtf8)?;
    TsigKey::parse(text).map_err(KeyFileError::NoKey)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_file_of_its_owner_gives_a_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.key");
        let told = || read_key(&path).unwrap_err();
        assert!(matches!(told(), KeyFileError::Unreadable(_)));

        let line = "hmac-sha256:updates:c2hhcmVkIGJ5IGEgdGVzdCB3aXRoIGl0c2VsZiBvbmx5";
        fs::write(&path, line).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(told(), KeyFileError::Exposed { mode: 0o640 }));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_key(&path).unwrap().name().to_string(), "updates.");

        fs::write(&path, b"canary \xff").unwrap();
        assert!(matches!(told(), KeyFileError::NotUtf8));
        assert!(matches!(
            read_key(directory.path()).unwrap_err(),
            KeyFileError::Unreadable(error) if error.kind() == io::ErrorKind::IsADirectory
        ));

        for content in [&b"nonsense canary"[..], b""] {
            fs::write(&path, content).unwrap();
            let error = told();
            assert!(matches!(error, KeyFileError::NoKey(_)));
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}
