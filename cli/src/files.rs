//! Reading what flags point at, never more than it may hold.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

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
    std::fs::write(path, octets).map_err(|error| {
        Failure::own(
            "file_not_written",
            format!("{what} cannot be written to {}: {error}", path.display()),
            "choose another file",
        )
    })
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
