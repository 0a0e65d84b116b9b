//! What a run has learnt, on disk before it is told: killed at any moment, the next run goes on from there.
//!
//! A file of JSON Lines, mode 0600, appended to and synchronised after each answer; it is removed when everybody is
//! answered. A last line that was not written to its end is cut off. Two runs never share one: the file is locked.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sotto_client::contacts::Book;

use super::answer::Answer;
use crate::config;
use crate::failure::Failure;

/// The form of the file that this version writes.
const SCHEMA: u32 = 1;

/// Seconds after which an answer is asked for again: whoever takes up a run after a week wants to know how it is now.
const KEEP_SECONDS: u64 = 7 * 86_400;

/// Octets of the largest state: that of the largest book with several services each.
const STATE_MAX_OCTETS: u64 = 256 << 20;

/// How the first line begins.
const BEGINNING: &[u8] = b"{\"line\":\"run\"";

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// A run begins or goes on.
    Run {
        schema: u32,
        rtype: u16,
        at: u64,
        within_millis: u64,
        slots: usize,
    },
    /// A branch whose people are asked for.
    Open { branch: String, at: u64 },
    /// Somebody is answered.
    Answer { owner: String, answer: Answer },
}

/// How fast a run was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) within_millis: u64,
    pub(super) slots: usize,
}

/// The state of a run.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    file: File,
    rtype: u16,
    /// Answers of earlier runs, by the index of the contact.
    pub(super) answers: HashMap<usize, Answer>,
    /// Branches that earlier runs found open, by index.
    pub(super) open: Vec<usize>,
    /// The pace of the first run.
    pub(super) pace: Option<Pace>,
}

impl State {
    /// Opens or makes the state at `path`, or at the usual place for `book_path`.
    pub(super) fn open(
        path: Option<&Path>,
        book_path: &Path,
        book: &Book,
        now: u64,
    ) -> Result<Self, Failure> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => usual_path(book_path)?,
        };
        let file = open_private(&path).map_err(|error| not_written(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::usage(
                    "state_in_use",
                    format!("another run works on {}", path.display()),
                    "wait until it is over, or stop it with Ctrl-C",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(not_written(&path, &error)),
        }
        let mut state = Self {
            path,
            file,
            rtype: book.rtype().0,
            answers: HashMap::new(),
            open: Vec::new(),
            pace: None,
        };
        state.load(book, now)?;
        // Now that it is known to be a state: what is none is left as it is.
        close_to_others(&state.file).map_err(|error| not_written(&state.path, &error))?;
        Ok(state)
    }

    fn load(&mut self, book: &Book, now: u64) -> Result<(), Failure> {
        let mut text = Vec::new();
        (&self.file)
            .take(STATE_MAX_OCTETS)
            .read_to_end(&mut text)
            .map_err(|error| Failure::unreadable("the state", &self.path, &error))?;
        let whole = text
            .iter()
            .rposition(|octet| *octet == b'\n')
            .map_or(0, |end| end + 1);
        for line in text[..whole].split_inclusive(|octet| *octet == b'\n') {
            let line = serde_json::from_slice(line).map_err(|error| self.damaged(&error))?;
            self.take(line, book, now)?;
        }
        let torn = &text[whole..];
        let is_ours = whole > 0 || torn.starts_with(BEGINNING) || BEGINNING.starts_with(torn);
        if !is_ours {
            return Err(self.damaged(&"it begins otherwise"));
        }
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        self.file
            .set_len(whole)
            .map_err(|error| not_written(&self.path, &error))
    }

    fn take(&mut self, line: Line, book: &Book, now: u64) -> Result<(), Failure> {
        let is_fresh = |at: u64| at.saturating_add(KEEP_SECONDS) > now;
        match line {
            Line::Run {
                schema,
                rtype,
                within_millis,
                slots,
                ..
            } => {
                if schema != SCHEMA || rtype != self.rtype {
                    return Err(Failure::usage(
                        "state_other",
                        format!(
                            "{} is of a run for another record type or by another version",
                            self.path.display()
                        ),
                        "finish that run as it was begun, remove the file, or name another with --state",
                    ));
                }
                self.pace.get_or_insert(Pace {
                    within_millis,
                    slots,
                });
            }
            Line::Open { branch, at } if is_fresh(at) => {
                let known = book
                    .branches()
                    .iter()
                    .position(|known| known.question().name.to_string() == branch);
                self.open.extend(known);
            }
            Line::Answer { owner, answer } if is_fresh(answer.at) => {
                if let Some(contact) = book.find(&owner) {
                    self.answers.insert(contact, answer);
                }
            }
            Line::Open { .. } | Line::Answer { .. } => {}
        }
        Ok(())
    }

    fn damaged(&self, why: &dyn std::fmt::Display) -> Failure {
        Failure::usage(
            "state_damaged",
            format!("{} is no state of a run: {why}", self.path.display()),
            "remove it to begin anew, or name another file with --state",
        )
    }

    /// Notes that a run begins or goes on.
    pub(super) fn begin(&mut self, pace: Pace, now: u64) -> Result<(), Failure> {
        self.write(&Line::Run {
            schema: SCHEMA,
            rtype: self.rtype,
            at: now,
            within_millis: pace.within_millis,
            slots: pace.slots,
        })
    }

    /// Notes that a branch is open.
    pub(super) fn opened(&mut self, branch: String, now: u64) -> Result<(), Failure> {
        self.write(&Line::Open { branch, at: now })
    }

    /// Notes what became of somebody.
    pub(super) fn answered(&mut self, owner: &str, answer: &Answer) -> Result<(), Failure> {
        self.write(&Line::Answer {
            owner: owner.to_owned(),
            answer: answer.clone(),
        })
    }

    /// One line, on disk when this returns.
    fn write(&mut self, line: &Line) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(line).unwrap_or_else(|_| {
            unreachable!("strings, numbers and lists of them always serialise")
        });
        text.push(b'\n');
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| not_written(&self.path, &error))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it: everybody is answered.
    pub(super) fn remove(self) -> Result<(), Failure> {
        fs::remove_file(&self.path).map_err(|error| not_written(&self.path, &error))
    }
}

/// `$XDG_STATE_HOME/sotto/contacts-<which book>.jsonl`.
fn usual_path(book_path: &Path) -> Result<PathBuf, Failure> {
    let folder = config::folder("XDG_STATE_HOME", ".local/state").ok_or_else(|| {
        Failure::usage(
            "state_homeless",
            "there is no home folder to keep the state of the run in",
            "name a file with --state",
        )
    })?;
    // The same book by another path is the same book; standard input has no path.
    let book_path = fs::canonicalize(book_path).unwrap_or_else(|_| book_path.to_owned());
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        book_path.as_os_str().as_encoded_bytes(),
    );
    let which = hex::encode(&digest.as_ref()[..8]);
    Ok(folder.join("sotto").join(format!("contacts-{which}.jsonl")))
}

fn open_private(path: &Path) -> io::Result<File> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        crate::store::private_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// One that somebody made before may be readable to others.
fn close_to_others(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::own(
        "state_not_written",
        format!("the state {} cannot be kept: {error}", path.display()),
        "name a file with --state on a disk with room",
    )
}

#[cfg(test)]
mod tests;
