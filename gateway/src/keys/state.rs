//! The state file of the key schedule: one secret, replaced whole, by one writer at a time.
//!
//! Format: the text of [`Ratchet::to_state`]. A reader sees the old file or the new one, never a mixture, whatever
//! instant the power fails. Writers take an advisory lock on `<file>.lock`, which outlives the
//! renames, and read the file again under it. What a file system keeps of the replaced file is beyond this module:
//! put it on an encrypted volume, or one that discards.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use sotto_envelope::{
    Epoch,
    schedule::{Ratchet, ScheduleError as RatchetError},
};
use zeroize::Zeroizing;

/// Octets of the largest state file read; a real one has about a hundred.
const STATE_MAX_BYTES: u64 = 4_096;

/// How often, and how long between, a writer asks for the lock: a write takes milliseconds.
const LOCK_ATTEMPTS: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A state file, by its path.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

/// Why the state file could not be used; each names the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// There is none.
    #[error("there is no key state at {}; make one with `sotto-gateway keys init`", .0.display())]
    Missing(PathBuf),
    /// There is one already, which `keys init` must not destroy.
    #[error(
        "there is a key state at {} already; replacing it would strand every client that holds its keys. \
         Move it away first if that is what you want",
        .0.display()
    )]
    Exists(PathBuf),
    /// Others than its owner may read it.
    #[error(
        "{} has mode {mode:03o}, so others may have read the secret; run `chmod 600 {}`, and make a new state if they may have",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its content is not a key state.
    #[error(
        "{} does not hold a key state ({source}); move it away and join another instance, \
         or, where there is none, run `sotto-gateway keys init` and publish the new digests",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: RatchetError,
    },
    /// Another process holds the lock.
    #[error("another process is writing {}; wait for it, or find out why it hangs", .0.display())]
    Locked(PathBuf),
    /// What would take its place is older.
    #[error(
        "the state at {} stands at epoch {stands}, what would replace it at {epoch}: the keys are the same, and those in between are \
         destroyed here already; nothing is to be done",
        path.display()
    )]
    Behind {
        /// The file.
        path: PathBuf,
        /// The epoch that it begins with.
        stands: Epoch,
        /// The epoch that the other begins with.
        epoch: Epoch,
    },
    /// There is one of other keys, which only `--force` replaces.
    #[error(
        "there is a key state at {} of other keys; `--force` replaces it for good, and strands every client that holds its keys",
        .0.display()
    )]
    OtherKeys(PathBuf),
    /// The schedule refuses the step.
    #[error(
        "the keys in {} cannot be advanced: {source}; check the clock, and if it is right run `sotto-gateway keys advance --force`",
        path.display()
    )]
    Advance {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RatchetError,
    },
    /// Its successor could not be written.
    #[error(
        "past keys cannot be destroyed: nothing can be written beside {} ({source}); \
         have this user own its directory, on a file system that is mounted for writing and has room",
        path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check that the directory exists and belongs to this user", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl StateFile {
    /// The state file at `path`, which need not exist yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the first state, which can derive keys from `epoch` on.
    ///
    /// # Errors
    ///
    /// [`StateFileError::Exists`], and what the operating system says.
    pub fn create(&self, epoch: Epoch, secret: [u8; 32]) -> Result<Ratchet, StateFileError> {
        let _lock = self.lock()?;
        if self.path.exists() {
            return Err(StateFileError::Exists(self.path.clone()));
        }
        let ratchet = Ratchet::new(epoch, secret);
        self.replace(&ratchet)?;
        Ok(ratchet)
    }

    /// Makes `ratchet`, which another instance exported, the state. Gives the state that then stands, and whether it was written:
    /// where one of the same keys stands, nothing is.
    ///
    /// # Errors
    ///
    /// [`StateFileError::Behind`], [`StateFileError::OtherKeys`] without `force`, and every error of reading and writing; with
    /// `force` a state that cannot be read is replaced too.
    pub fn join(&self, ratchet: Ratchet, force: bool) -> Result<(Ratchet, bool), StateFileError> {
        let _lock = self.lock()?;
        match self.load() {
            Ok(own) if derive_the_same(&own, &ratchet) => {
                if ratchet.epoch() < own.epoch() {
                    return Err(StateFileError::Behind {
                        path: self.path.clone(),
                        stands: own.epoch(),
                        epoch: ratchet.epoch(),
                    });
                }
                return Ok((own, false));
            }
            Ok(_) if !force => return Err(StateFileError::OtherKeys(self.path.clone())),
            Ok(_) | Err(StateFileError::Missing(_)) => {}
            Err(error) if !force => return Err(error),
            Err(_) => {}
        }
        self.replace(&ratchet)?;
        Ok((ratchet, true))
    }

    /// Reads the state.
    ///
    /// # Errors
    ///
    /// Every [`StateFileError`] but those of writing.
    pub fn load(&self) -> Result<Ratchet, StateFileError> {
        let file = File::open(&self.path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StateFileError::Missing(self.path.clone()),
            _ => self.io("open", source),
        })?;
        let metadata = file
            .metadata()
            .map_err(|source| self.io("read the mode of", source))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(StateFileError::Exposed {
                path: self.path.clone(),
                mode,
            });
        }
        let mut octets = Zeroizing::new(Vec::with_capacity(STATE_MAX_BYTES as usize));
        file.take(STATE_MAX_BYTES)
            .read_to_end(&mut octets)
            .map_err(|source| self.io("read", source))?;
        // What is not text is no state either: an empty text gets the same answer.
        let text = std::str::from_utf8(&octets).unwrap_or_default();
        Ratchet::from_state(text).map_err(|source| StateFileError::Corrupt {
            path: self.path.clone(),
            source,
        })
    }

    /// Moves the state forward to `epoch` at least, so that keys of earlier epochs are gone for good.
    ///
    /// Another process may have moved it further; the answer is what the file now holds.
    ///
    /// # Errors
    ///
    /// [`StateFileError::Advance`] for more than 14 epochs without `force`; else as [`load`](Self::load).
    pub fn advance(&self, epoch: Epoch, force: bool) -> Result<Ratchet, StateFileError> {
        let _lock = self.lock()?;
        let mut ratchet = self.load()?;
        if ratchet.epoch() < epoch {
            ratchet
                .advance_to(epoch, force)
                .map_err(|source| StateFileError::Advance {
                    path: self.path.clone(),
                    source,
                })?;
            self.replace(&ratchet)?;
        }
        Ok(ratchet)
    }

    /// Tries, under the lock, whether a successor could be written, and leaves the state as it is.
    ///
    /// # Errors
    ///
    /// [`StateFileError::Unwritable`] and [`StateFileError::Locked`].
    pub fn try_write(&self) -> Result<(), StateFileError> {
        let unwritable = |source| StateFileError::Unwritable {
            path: self.path.clone(),
            source,
        };
        let _lock = self.lock().map_err(|error| match error {
            StateFileError::Io { source, .. } => unwritable(source),
            other => other,
        })?;
        let new = beside(&self.path, ".new");
        remove_leftover(&new)
            .and_then(|()| write_new(&new, b""))
            .and_then(|()| fs::remove_file(&new))
            .map_err(unwritable)
    }

    fn replace(&self, ratchet: &Ratchet) -> Result<(), StateFileError> {
        let new = beside(&self.path, ".new");
        remove_leftover(&new).map_err(|source| self.io("remove the leftover beside", source))?;
        write_new(&new, ratchet.to_state().as_bytes())
            .map_err(|source| self.io("write the successor of", source))?;
        fs::rename(&new, &self.path).map_err(|source| self.io("replace", source))?;
        File::open(directory(&self.path))
            .and_then(|directory| directory.sync_all())
            .map_err(|source| self.io("sync the directory of", source))
    }

    fn lock(&self) -> Result<File, StateFileError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(beside(&self.path, ".lock"))
            .map_err(|source| self.io("open the lock of", source))?;
        for _ in 0..LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(source)) => return Err(self.io("lock", source)),
            }
        }
        Err(StateFileError::Locked(self.path.clone()))
    }

    fn io(&self, action: &'static str, source: io::Error) -> StateFileError {
        StateFileError::Io {
            action,
            path: self.path.clone(),
            source,
        }
    }
}

/// Whether both derive the keys of the later one's epoch, and so of every epoch after it.
fn derive_the_same(one: &Ratchet, other: &Ratchet) -> bool {
    let epoch = one.epoch().max(other.epoch());
    match (one.keys(epoch), other.keys(epoch)) {
        (Ok(one), Ok(other)) => one.list() == other.list(),
        _ => false,
    }
}

/// Removes what a crash has left; the lock says that nobody is writing it.
fn remove_leftover(new: &Path) -> io::Result<()> {
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file that was not there, for its owner alone, down to the disk.
pub(super) fn write_new(new: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(new)?;
    file.write_all(octets)?;
    file.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests;
