//! The file of the TSIG key, which nobody but its owner may read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sotto_publish::update::TsigKey;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Octets of the largest key file: a key of SHA-512 in BIND's form has some 200, and comments are cut short.
const FILE_MAX_OCTETS: u64 = 65_536;

/// Reads the key in the file at `path`.
pub(super) fn read(path: &Path) -> Result<TsigKey, Failure> {
    let unreadable = |error| Failure::unreadable("the key file", path, &error);
    let file = File::open(path).map_err(unreadable)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Failure::usage(
                "key_file_exposed",
                format!(
                    "the key file {} has the mode {mode:03o}: others on this machine could change your zone",
                    path.display()
                ),
                "chmod 600 it; if others may have read it, make a new key",
            ));
        }
    }
    // Large enough from the start: a buffer that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(FILE_MAX_OCTETS as usize));
    file.take(FILE_MAX_OCTETS)
        .read_to_end(&mut octets)
        .map_err(unreadable)?;
    let text = std::str::from_utf8(&octets).unwrap_or_default();
    TsigKey::parse(text).map_err(|error| {
        Failure::usage(
            "key_file_invalid",
            format!("the key file {}: {error}", path.display()),
            error.remedy(),
        )
    })
}
