//! Reading what flags point at, never more than it may hold.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sotto_proof::Anchors;

use crate::failure::Failure;

/// Octets of the largest anchor, certificate or configuration file: a full bundle of certification
/// authorities has a quarter of it.
pub(crate) const TEXT_MAX_OCTETS: usize = 1_048_576;

/// Reads `path`, refusing more than `most` octets.
pub(crate) fn read(what: &str, path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let octets =
        read_bounded(path, most).map_err(|error| Failure::unreadable(what, path, &error))?;
    if octets.len() > most {
        return Err(Failure::usage(
            "file_too_large",
            format!("{what} {} has more than {most} octets", path.display()),
            "check that it is the right file",
        ));
    }
    Ok(octets)
}

/// Reads `path`, which must be text.
pub(crate) fn read_text(what: &str, path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(what, path, TEXT_MAX_OCTETS)?).map_err(|_| {
        Failure::usage(
            "file_not_text",
            format!("{what} {} is not text", path.display()),
            "check that it is the right file",
        )
    })
}

/// Writes `octets` to `path`.
pub(crate) fn write(what: &str, path: &Path, octets: &[u8]) -> Result<(), Failure> {
    fs::write(path, octets).map_err(|error| not_written(what, path, &error))
}

fn not_written(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::own(
        "file_not_written",
        format!("{what} cannot be written to {}: {error}", path.display()),
        "choose another file",
    )
}

/// A file opened before anybody is asked, to be written once there is something to write.
///
/// What was in it stays until then. One that was made for the purpose goes again if nothing is written.
pub(crate) struct Destination {
    what: &'static str,
    path: PathBuf,
    file: File,
    is_empty_and_new: bool,
}

impl Destination {
    /// Opens `path` for writing.
    pub(crate) fn open(what: &'static str, path: &Path) -> Result<Self, Failure> {
        let new = OpenOptions::new().write(true).create_new(true).open(path);
        let is_empty_and_new = new.is_ok();
        let file = match new {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(path)
            }
            other => other,
        };
        let file = file.map_err(|error| {
            Failure::usage(
                "file_not_writable",
                format!("{what} cannot be written to {}: {error}", path.display()),
                "choose another file; nobody was asked yet",
            )
        })?;
        Ok(Self {
            what,
            path: path.to_owned(),
            file,
            is_empty_and_new,
        })
    }

    /// Replaces what is in the file.
    pub(crate) fn write(mut self, octets: &[u8]) -> Result<(), Failure> {
        // A pipe or a terminal has no length.
        let cut = match self.file.metadata() {
            Ok(metadata) if metadata.is_file() => self.file.set_len(0),
            _ => Ok(()),
        };
        cut.and_then(|()| self.file.write_all(octets))
            .map_err(|error| not_written(self.what, &self.path, &error))?;
        self.is_empty_and_new = false;
        Ok(())
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.is_empty_and_new {
            // An empty file left behind harms nobody.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The trust anchors of `path` at `now`, or those of the IANA root.
pub(crate) fn anchors(path: Option<&Path>, now: u64) -> Result<Anchors, Failure> {
    let Some(path) = path else {
        return Ok(Anchors::iana());
    };
    Anchors::parse_at(&read_text("the anchor file", path)?, now).map_err(|error| {
        Failure::usage(
            "anchor_invalid",
            format!("the anchor file {}: {error}", path.display()),
            "give DS or DNSKEY lines in zone-file form, Unbound's root.key, or IANA's root-anchors.xml",
        )
    })
}

/// At most one octet more than `most`, which tells that there is more.
fn read_bounded(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut octets)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_replaced_whole_or_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proof");
        drop(Destination::open("the proof", &path).unwrap());
        assert!(!path.exists());
        for octets in [&b"longer"[..], b"short"] {
            let file = Destination::open("the proof", &path).unwrap();
            file.write(octets).unwrap();
            assert_eq!(fs::read(&path).unwrap(), octets);
        }
        drop(Destination::open("the proof", &path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
