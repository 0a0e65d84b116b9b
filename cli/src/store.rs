//! What the command keeps between runs: the secret that breaks ties, and nothing of what was asked.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use sotto_mimi::TieBreak;

use crate::config;

/// The secret that breaks ties, drawn on first use, and a note if it could not be kept.
pub(crate) fn tie_break() -> (TieBreak, Option<String>) {
    let kept = config::folder("XDG_STATE_HOME", ".local/state")
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no home folder"))
        .and_then(|folder| load(&folder.join("sotto")));
    match kept {
        Ok(secret) => (TieBreak::new(secret), None),
        Err(error) => (
            TieBreak::new([0; 16]),
            Some(format!(
                "note: the secret that orders equally preferred services cannot be kept ({error}); the order is everybody's"
            )),
        ),
    }
}

/// Reads the secret in `folder`, or draws and keeps one.
fn load(folder: &Path) -> io::Result<[u8; 16]> {
    let path = folder.join("tie-break");
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        known => return known,
    }
    let mut secret = [0; 16];
    aws_lc_rs::rand::fill(&mut secret)
        .map_err(|_| io::Error::other("the system gives no random octets"))?;
    private_folder(folder)?;
    // Written aside and linked: of two runs at once, one wins whole, and both use it.
    let aside = folder.join(format!("tie-break.{}", std::process::id()));
    private_file(&aside)?.write_all(hex::encode(secret).as_bytes())?;
    let linked = fs::hard_link(&aside, &path);
    fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read(&path),
    }
}

fn read(path: &Path) -> io::Result<[u8; 16]> {
    let mut text = String::new();
    File::open(path)?.take(64).read_to_string(&mut text)?;
    let mut secret = [0; 16];
    hex::decode_to_slice(text.trim_end(), &mut secret).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is damaged: remove it", path.display()),
        )
    })?;
    Ok(secret)
}

/// Makes a folder, and those above it, that nobody else can read.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_drawn_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("sotto");
        let first = load(&folder).unwrap();
        assert_ne!(first, [0; 16]);
        assert_eq!(load(&folder).unwrap(), first);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_secret_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tie-break"), "short").unwrap();
        assert!(
            load(folder.path())
                .unwrap_err()
                .to_string()
                .contains("remove it")
        );
    }
}
