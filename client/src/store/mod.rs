//! What a client keeps between lookups, so that it need not ask again and is not told something older.
//!
//! Reading order: here, `shelf` (what is held, and by what rules; pure), `row` (entries as octets),
//! `file` (the file, feature `store`).
//!
//! | kept | for | believed? |
//! |---|---|---|
//! | proofs that answered | the lower of TTL and signatures, a day at most | no: verified again whenever one is used |
//! | newest inception and content per name, type and key | until there is no room | it can only refuse |
//! | digests of gateways' keys, by day and relay | a day | they can only refuse |
//! | the newest day of each relay's key documents | until there is no room | it can only refuse |
//! | good signatures | the process | yes, hence never written |
//! | the secret that breaks ties | as long as the file | it orders equals |
//!
//! Architecture Invariant: nothing held changes what is sent. A lookup is answered from here and sends
//! nothing at all, or sends what it would send from an empty store: keys are never taken from here.

mod error;
#[cfg(feature = "store")]
mod file;
#[cfg(any(feature = "store", feature = "fuzzing"))]
mod row;
mod shelf;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_mimi::TieBreak;
use sotto_proof::{Question, SignatureMemory, Verification};
use zeroize::Zeroizing;

pub use self::error::StoreError;
#[cfg(feature = "fuzzing")]
pub use self::row::fuzz_row;
pub(crate) use self::shelf::Answer;
use self::shelf::{Entry, Secrets, Shelf};
use crate::keys::{KeySighting, KeysSeen};
use crate::outcome::{Code, Detail, Unavailable};
use crate::report::keep_until;

/// The schema of the file that this version writes; it refuses a later one.
pub const SCHEMA_VERSION: i64 = 1;

/// Octets that all entries of a store may take: some thousand proofs, or the newest statements on a hundred
/// thousand names. Beyond that proofs give way first, those that end soonest, and only when there is none
/// left what protects from rollback.
pub const STORE_MAX_OCTETS: usize = 8 << 20;

/// What a client keeps between lookups; cheap to clone, one for any number of clients and threads.
///
/// Given to [`crate::SetupBuilder::store`], it answers lookups without anybody being asked while
/// TTL and signatures allow, and refuses an answer older than one seen before
/// ([`Code::RolledBack`](crate::Code::RolledBack)). [`crate::Client`] writes its file after each lookup; who drives
/// [`crate::Lookup`] calls [`Store::flush`].
///
/// ```
/// use sotto_client::{Setup, Store};
///
/// # fn main() -> Result<(), sotto_client::SetupError> {
/// let setup = Setup::builder("https://relay.example", "gateway.example.net")
///     .store(Store::in_memory())
///     .build()?;
/// assert!(setup.store().is_some());
/// # Ok(())
/// # }
/// ```
///
/// # Limitations
///
/// - It holds whom its user asked for: answers by name, the rest under keyed hashes whose key stands in
///   the same file, so that whoever has the file can confirm a guess. Give each person one of their own.
/// - Whoever can write the file can make a client forget what it saw, or refuse what is right. They cannot
///   make it believe anything.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    shelf: Mutex<Shelf>,
    /// In memory alone: whoever could write signatures that count as good could forge every verdict.
    signatures: Mutex<SignatureMemory>,
    #[cfg(feature = "store")]
    file: Option<Mutex<file::File>>,
}

/// An answer held, without its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerHeld {
    /// What it answers.
    pub question: Question,
    /// When it came, Unix seconds.
    pub since: u64,
    /// The first second at which it is not used any more.
    pub until: u64,
    /// Octets of the proof.
    pub octets: usize,
}

/// What a store holds, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The answers, by name and type.
    pub answers: Vec<AnswerHeld>,
    /// How many statements are remembered, against rollback.
    pub statements: usize,
    /// The digests of gateways' keys, by gateway, relay and day.
    pub keys: Vec<KeySighting>,
    /// Octets that all of it counts for, of [`STORE_MAX_OCTETS`].
    pub octets: usize,
}

impl Store {
    /// Makes an empty store without a file: it ends with the process.
    ///
    /// It has no secret of its own to break ties with; see [`crate::SetupBuilder::tie_break`].
    #[must_use]
    pub fn in_memory() -> Self {
        // The hashes are never seen outside; they need only be unforeseeable to whoever chooses the names.
        let mut naming = Zeroizing::new([0; 16]);
        for half in naming.chunks_exact_mut(8) {
            half.copy_from_slice(&RandomState::new().build_hasher().finish().to_be_bytes());
        }
        Self(Arc::new(Shared {
            shelf: Mutex::new(Shelf::new(Secrets {
                naming,
                tie_break: None,
            })),
            signatures: Mutex::default(),
            #[cfg(feature = "store")]
            file: None,
        }))
    }

    /// The secret that breaks ties, kept as long as the file; `None` without a file.
    #[must_use]
    pub fn tie_break(&self) -> Option<TieBreak> {
        self.shelf().secrets.tie_break.clone()
    }

    /// Whether there is an answer that may be used at `now`, Unix seconds, for a lookup to verify.
    #[must_use]
    pub fn has_answer(&self, question: &Question, now: u64) -> bool {
        self.shelf().answer(question, now).is_some()
    }

    /// The keys of gateways that were seen over the last day.
    #[must_use]
    pub fn keys_seen(&self) -> KeysSeen {
        let mut seen = KeysSeen::default();
        seen.extend(self.shelf().keys().cloned());
        seen
    }

    /// Remembers keys that a relay's document proved.
    pub fn note_keys(&self, sightings: &[KeySighting]) {
        self.shelf().mark_keys(sightings);
    }

    /// Refuses a key document that is older than one that the same relay gave before, by the day whose list
    /// comes first; remembers that day otherwise.
    pub(crate) fn refuse_replayed_keys(&self, sighting: &KeySighting) -> Result<(), Unavailable> {
        let mut shelf = self.shelf();
        if let Some(newer) = shelf.newer_keys(sighting) {
            let (now, before) = (sighting.epoch, newer.epoch);
            let cause = format!("it is for epoch {now}, the relay had one for {before} before");
            return Err(Unavailable::with(
                Code::GatewayKeysStale,
                Detail::Cause(cause),
            ));
        }
        shelf.mark_newest_keys(sighting);
        Ok(())
    }

    /// Forgets the answers, and what else was seen with `all`; never the secret that breaks ties.
    ///
    /// What protects from rollback is forgotten with `all` only. The file forgets at once, what other
    /// processes wrote to it included; what such a process holds in memory it forgets when it writes next.
    ///
    /// # Errors
    ///
    /// As [`Store::flush`].
    pub fn forget(&self, all: bool) -> Result<(), StoreError> {
        if all {
            self.signatures().clear();
        }
        #[cfg(feature = "store")]
        if let Some(mut file) = self.file() {
            return file.change(&self.0.shelf, |shelf| shelf.forget(all));
        }
        self.shelf().forget(all);
        Ok(())
    }

    /// What is held, for people.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let shelf = self.shelf();
        let mut contents = Contents {
            octets: shelf.octets(),
            ..Contents::default()
        };
        for entry in shelf.entries() {
            match entry {
                Entry::Answer(answer) => contents.answers.push(AnswerHeld {
                    question: answer.question.clone(),
                    since: answer.since,
                    until: answer.until,
                    octets: answer.proof.len(),
                }),
                Entry::Mark(_) => contents.statements += 1,
                Entry::Keys(seen) => contents.keys.push(seen.clone()),
                Entry::Newest(_) => {}
            }
        }
        contents.answers.sort_by(|one, other| {
            let key = |held: &AnswerHeld| (held.question.name.clone(), held.question.rtype);
            key(one).cmp(&key(other))
        });
        contents.keys.sort_by(|one, other| {
            let key = |seen: &KeySighting| (seen.gateway.clone(), seen.relay.clone(), seen.epoch);
            key(one).cmp(&key(other))
        });
        contents
    }

    /// Writes what changed to the file, all of it or nothing, and takes over what other
    /// processes wrote. Without a file it does nothing.
    ///
    /// Blocks for as long as the disk takes, and some seconds at most for another process.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written; what changed is then still to be written.
    #[cfg_attr(
        not(feature = "store"),
        expect(clippy::unnecessary_wraps, reason = "with files it can fail")
    )]
    pub fn flush(&self) -> Result<(), StoreError> {
        #[cfg(feature = "store")]
        if let Some(mut file) = self.file() {
            file.write(&self.0.shelf)?;
        }
        Ok(())
    }

    /// The answer to a question that may be used now, to be verified again.
    pub(crate) fn recall(&self, question: &Question, now: u64) -> Option<Answer> {
        self.shelf().answer(question, now).cloned()
    }

    /// Refuses what is older than something that was seen before.
    pub(crate) fn refuse_older(
        &self,
        question: &Question,
        verification: &Verification,
    ) -> Result<(), Unavailable> {
        match self.shelf().older(question.rtype, &verification.statements) {
            Some((name, older)) => Err(Unavailable::with(
                Code::RolledBack,
                Detail::Older {
                    name,
                    signed_at: older.signed_at,
                    seen: older.seen,
                },
            )),
            None => Ok(()),
        }
    }

    /// Keeps a proof that stood, until `until`, and how new its statements are.
    pub(crate) fn keep(
        &self,
        question: &Question,
        proof: &[u8],
        verification: &Verification,
        now: u64,
    ) {
        let mut shelf = self.shelf();
        shelf.mark(question.rtype, &verification.statements);
        if let Some(until) = keep_until(verification, now) {
            shelf.keep(Answer {
                question: question.clone(),
                since: now,
                until,
                proof: proof.to_vec(),
            });
        }
    }

    /// The signatures that this process found good.
    pub(crate) fn signatures(&self) -> MutexGuard<'_, SignatureMemory> {
        self.0
            .signatures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "store")]
impl Store {
    /// Opens the store in a file, or makes it, readable and writable by its owner alone.
    ///
    /// Several processes may have it open: each writes whole, none loses what another remembers.
    ///
    /// # Errors
    ///
    /// [`StoreError`] names what is wrong with the file, and the remedy. It is never replaced.
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, StoreError> {
        Self::open_or_begin(path, None)
    }

    /// Opens the store in a file, or makes it with this secret to break ties with.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_or_begin(
        path: impl AsRef<std::path::Path>,
        tie_break: Option<[u8; 16]>,
    ) -> Result<Self, StoreError> {
        let (file, shelf) = file::File::open(path.as_ref(), tie_break.map(Zeroizing::new))?;
        Ok(Self(Arc::new(Shared {
            shelf: Mutex::new(shelf),
            signatures: Mutex::default(),
            file: Some(Mutex::new(file)),
        })))
    }

    /// The file, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<std::path::PathBuf> {
        Some(self.file()?.path().to_owned())
    }

    /// The file. Always locked before the shelf.
    fn file(&self) -> Option<MutexGuard<'_, file::File>> {
        let file = self.0.file.as_ref()?;
        Some(file.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Store {
    /// Shows how much is held, and nothing of what.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store")
            .field("octets", &self.shelf().octets())
            .field("entries", &"[redacted]")
            .finish_non_exhaustive()
    }
}
