//! The file of a store: one table in SQLite, which survives being killed at any instant, lets several
//! processes take turns, overwrites what is deleted, and checks what it reads.
//!
//! Nothing in the file is trusted. Schema, sizes and every entry are checked when it is opened, and what an
//! entry says counts for no more than `store` says in its table.

use std::fs::{DirBuilder, File as Handle, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use sotto_mimi::TieBreak;
use zeroize::Zeroizing;

use super::error::StoreError;
use super::row::{ROW_MAX_OCTETS, decode, encode};
use super::shelf::{Entry, Key, Kind, Secrets, Shelf, Unwritten};
use super::{SCHEMA_VERSION, STORE_MAX_OCTETS};

/// What tells a store from other SQLite files: "Soto".
const APPLICATION_ID: i64 = 0x536f_746f;

/// The whole schema, word for word as it stands in the file.
const SCHEMA: &str = "CREATE TABLE entries (kind INTEGER NOT NULL, id BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID";

/// The kind of the one row that holds the secrets.
const SECRETS: i64 = 0;

/// How long a process waits for another to finish writing.
const PATIENCE: Duration = Duration::from_secs(5);

const PAGE_OCTETS: i64 = 4_096;

/// Pages of the largest file: twice what the entries may take, for what pages leave unused.
const MAX_PAGES: i64 = 2 * STORE_MAX_OCTETS as i64 / PAGE_OCTETS;

/// A store's file, open.
pub(super) struct File {
    path: PathBuf,
    database: Connection,
    /// Changes whenever another process has written.
    version: i64,
}

impl File {
    /// Opens the file or makes it, and reads all of it.
    pub(super) fn open(
        path: &Path,
        tie_break: Option<Zeroizing<[u8; 16]>>,
    ) -> Result<(Self, Shelf), StoreError> {
        let at = |error| failed(path, error);
        prepare(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut database = Connection::open_with_flags(path, flags).map_err(at)?;
        guard(&database).map_err(at)?;
        if is_empty(&database).map_err(at)? {
            begin(path, &mut database, tie_break)?;
        } else {
            inspect(path, &database)?;
        }
        let (version, (secrets, entries)) = read(path, &mut database)?;
        let file = Self {
            path: path.to_owned(),
            database,
            version,
        };
        Ok((file, Shelf::of(secrets, entries)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what the file does not know, if anything.
    pub(super) fn write(&mut self, shelf: &Mutex<Shelf>) -> Result<(), StoreError> {
        if locked(shelf).is_written() {
            return Ok(());
        }
        self.change(shelf, |_| {})
    }

    /// Takes over what others wrote, makes a change, and writes everything, in one transaction.
    ///
    /// The shelf is locked while it is looked at, and never while the disk or another process is waited for: lookups
    /// need it, and they run on threads that must not stand still.
    pub(super) fn change(
        &mut self,
        shelf: &Mutex<Shelf>,
        change: impl FnOnce(&mut Shelf),
    ) -> Result<(), StoreError> {
        let path = &self.path;
        let transaction = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(path, error))?;
        let version = version(&transaction).map_err(|error| failed(path, error))?;
        let others = (version != self.version)
            .then(|| rows(path, &transaction))
            .transpose()?;
        let unwritten = {
            let mut shelf = locked(shelf);
            if let Some((_, entries)) = others {
                shelf.catch_up(entries);
            }
            change(&mut shelf);
            shelf.take_unwritten(encode)
        };
        match put(transaction, &unwritten) {
            Ok(()) => self.version = version,
            Err(error) => {
                locked(shelf).give_back(unwritten.into_iter().map(|(key, _)| key));
                return Err(failed(path, error));
            }
        }
        Ok(())
    }
}

fn locked(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts every entry in its row, removes those that are gone, and ends the transaction.
fn put(transaction: Transaction<'_>, unwritten: &[Unwritten]) -> rusqlite::Result<()> {
    {
        let mut put = transaction.prepare(
            "INSERT INTO entries VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3",
        )?;
        let mut remove = transaction.prepare("DELETE FROM entries WHERE kind = ?1 AND id = ?2")?;
        for ((kind, id), value) in unwritten {
            match value {
                Some(value) => put.execute((*kind as i64, id, value))?,
                None => remove.execute((*kind as i64, id))?,
            };
        }
    }
    transaction.commit()
}

/// Makes folder and file where they are missing, for the owner alone, and refuses what others may open.
fn prepare(path: &Path) -> Result<(), StoreError> {
    let at = |source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(at)?;
    }
    // Looked at before it is opened: to open a pipe would wait for whoever writes into it.
    match std::fs::metadata(path) {
        // A file that is shorter than a page SQLite would take for an empty one.
        Ok(found) if !found.is_file() || (1..PAGE_OCTETS as u64).contains(&found.len()) => {
            return Err(StoreError::NotAStore {
                path: path.to_owned(),
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(at(error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    refuse_loose(path, &options.open(path).map_err(at)?)
}

#[cfg(unix)]
fn refuse_loose(path: &Path, file: &Handle) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;

    let path = path.to_owned();
    match file.metadata() {
        Err(source) => Err(StoreError::Io { path, source }),
        Ok(found) => {
            let mode = found.permissions().mode() & 0o7777;
            if mode & 0o077 == 0 {
                Ok(())
            } else {
                Err(StoreError::Loose { path, mode })
            }
        }
    }
}

/// Elsewhere the folder of the user's profile decides who may read it.
#[cfg(not(unix))]
fn refuse_loose(_: &Path, _: &Handle) -> Result<(), StoreError> {
    Ok(())
}

/// Sets what holds for this connection: what SQLite advises for files of strangers ("Defense Against The
/// Dark Arts"), zeros over what is deleted, and a bound on the file.
fn guard(database: &Connection) -> rusqlite::Result<()> {
    database.busy_timeout(PATIENCE)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    for (pragma, value) in [
        ("cell_size_check", "ON"),
        ("mmap_size", "0"),
        ("secure_delete", "ON"),
        ("temp_store", "MEMORY"),
        ("synchronous", "FULL"),
    ] {
        // Some of them answer with a row, others with none.
        database.pragma(None, pragma, value, |_| Ok(()))?;
    }
    database.pragma(None, "max_page_count", MAX_PAGES, |_| Ok(()))
}

/// Whether nobody has begun anything in the file.
fn is_empty(database: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 =
        database.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(tables == 0 && integer(database, "application_id")? == 0)
}

/// Makes the table and draws the secrets, unless another process was faster.
fn begin(
    path: &Path,
    database: &mut Connection,
    tie_break: Option<Zeroizing<[u8; 16]>>,
) -> Result<(), StoreError> {
    let at = |error| failed(path, error);
    let mut secrets = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secrets).map_err(|error| StoreError::Random {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    if let Some(tie_break) = tie_break {
        secrets[16..].copy_from_slice(&*tie_break);
    }
    // Before there is a page: the file then shrinks as entries go.
    database
        .pragma_update(None, "auto_vacuum", "FULL")
        .map_err(at)?;
    let transaction = database
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(at)?;
    if is_empty(&transaction).map_err(at)? {
        transaction.execute_batch(SCHEMA).map_err(at)?;
        transaction
            .execute(
                "INSERT INTO entries VALUES (?1, ?2, ?3)",
                (SECRETS, [0_u8; 0], &secrets[..]),
            )
            .map_err(at)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(at)?;
        transaction
            .pragma_update(None, "user_version", SCHEMA_VERSION)
            .map_err(at)?;
    }
    transaction.commit().map_err(at)
}

/// Refuses a file that is none of ours, from a later version, too large, or damaged.
fn inspect(path: &Path, database: &Connection) -> Result<(), StoreError> {
    let at = |error| failed(path, error);
    let damaged = |why: String| {
        let path = path.to_owned();
        Err(StoreError::Damaged { path, why })
    };
    if integer(database, "application_id").map_err(at)? != APPLICATION_ID {
        let path = path.to_owned();
        return Err(StoreError::NotAStore { path });
    }
    let found = integer(database, "user_version").map_err(at)?;
    if found > SCHEMA_VERSION {
        let path = path.to_owned();
        return Err(StoreError::Newer { path, found });
    }
    if found < 1 {
        return damaged(format!("there never was a schema {found}"));
    }
    if integer(database, "page_size").map_err(at)? != PAGE_OCTETS
        || integer(database, "page_count").map_err(at)? > MAX_PAGES
    {
        return damaged("its pages are too large or too many".to_owned());
    }
    let sound: String = database
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(at)?;
    if sound != "ok" {
        return damaged(sound);
    }
    let schema: Vec<String> = database
        .prepare("SELECT coalesce(sql, '') FROM sqlite_schema LIMIT 2")
        .and_then(|mut query| query.query_map((), |row| row.get(0))?.collect())
        .map_err(at)?;
    if schema != [SCHEMA] {
        return damaged("its table is not as it should be".to_owned());
    }
    Ok(())
}

type Rows = (Secrets, Vec<(Key, Entry)>);

/// Reads everything, and which state of the file that is.
fn read(path: &Path, database: &mut Connection) -> Result<(i64, Rows), StoreError> {
    let at = |error| failed(path, error);
    let transaction = database.transaction().map_err(at)?;
    let rows = rows(path, &transaction)?;
    Ok((version(&transaction).map_err(at)?, rows))
}

/// Reads every row, and checks each.
fn rows(path: &Path, database: &Connection) -> Result<Rows, StoreError> {
    let at = |error| failed(path, error);
    let damaged = |why: &str| StoreError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let mut query = database
        .prepare("SELECT kind, id, value, length(value) <= ?1 FROM entries")
        .map_err(at)?;
    let mut rows = query.query([ROW_MAX_OCTETS as i64]).map_err(at)?;
    let (mut secrets, mut entries) = (None, Vec::new());
    while let Some(row) = rows.next().map_err(at)? {
        let blob = |column| {
            row.get_ref(column)
                .ok()
                .and_then(|value| value.as_blob().ok())
                .ok_or_else(|| damaged("a row holds what no row holds"))
        };
        if !row.get::<_, bool>(3).unwrap_or(false) {
            return Err(damaged("a row is too long"));
        }
        let (kind, id, value) = (row.get::<_, i64>(0).ok(), blob(1)?, blob(2)?);
        if kind == Some(SECRETS) {
            let both: &[u8; 32] = value
                .try_into()
                .map_err(|_| damaged("its secrets are none"))?;
            secrets = Some(of_octets(both));
            continue;
        }
        let kind = Kind::ALL
            .into_iter()
            .find(|known| kind == Some(*known as i64));
        let kind = kind.ok_or_else(|| damaged("a row is of no kind that there is"))?;
        let id = id
            .try_into()
            .map_err(|_| damaged("a key has another length than 16"))?;
        entries.push(((kind, id), decode(kind, value).map_err(damaged)?));
    }
    let secrets = secrets.ok_or_else(|| damaged("it has no secrets"))?;
    Ok((secrets, entries))
}

fn of_octets(both: &[u8; 32]) -> Secrets {
    let (mut naming, mut tie_break) = (Zeroizing::new([0; 16]), Zeroizing::new([0; 16]));
    naming.copy_from_slice(&both[..16]);
    tie_break.copy_from_slice(&both[16..]);
    Secrets {
        naming,
        tie_break: Some(TieBreak::new(*tie_break)),
    }
}

fn version(database: &Connection) -> rusqlite::Result<i64> {
    integer(database, "data_version")
}

fn integer(database: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    database.pragma_query_value(None, pragma, |row| row.get(0))
}

/// What SQLite says, in our words; its own never hold what a row holds.
fn failed(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::NotADatabase) => StoreError::NotAStore { path },
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Io {
            path,
            source: io::Error::other(error),
        },
        _ => StoreError::Damaged {
            path,
            why: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
