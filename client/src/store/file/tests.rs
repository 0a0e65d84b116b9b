use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sotto_proof::{Question, RecordType};
use tempfile::TempDir;

use super::*;
use crate::store::shelf::Answer;

const NOW: u64 = 1_790_000_000;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn answer(name: &str, octets: usize) -> Answer {
    Answer {
        question: Question {
            name: name.parse().unwrap(),
            rtype: RecordType::TXT,
        },
        since: NOW,
        until: NOW + 3_600,
        proof: vec![b'p'; octets],
    }
}

/// Opens a file, and its shelf as a store has it.
fn open(path: &Path) -> (File, Mutex<Shelf>) {
    let (file, shelf) = File::open(path, None).unwrap();
    (file, Mutex::new(shelf))
}

fn refusal(path: &Path) -> StoreError {
    match File::open(path, None) {
        Err(error) => {
            assert!(error.to_string().contains(&path.display().to_string()));
            assert!(!error.remedy().is_empty() && error.code().starts_with("store_"));
            error
        }
        Ok(_) => panic!("{} was opened", path.display()),
    }
}

/// Changes a store's file behind its back.
fn tamper(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_is_written_is_there_again_and_the_secrets_with_it() {
    let folder = folder();
    let path = folder.path().join("deep/er/store");
    let naming = {
        let (mut file, shelf) = File::open(&path, Some(Zeroizing::new([7; 16]))).unwrap();
        let shelf = Mutex::new(shelf);
        locked(&shelf).keep(answer("a.test", 900));
        file.write(&shelf).unwrap();
        assert!(locked(&shelf).is_written());
        shelf.into_inner().unwrap().secrets.naming
    };
    // Another secret to begin with comes too late.
    let (_, shelf) = File::open(&path, Some(Zeroizing::new([8; 16]))).unwrap();
    assert_eq!(*shelf.secrets.naming, *naming);
    assert!(shelf.secrets.tie_break.is_some());
    let question = answer("a.test", 1).question;
    assert_eq!(shelf.answer(&question, NOW).unwrap().proof.len(), 900);
    assert_eq!(
        fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "nothing lies beside it"
    );
}

#[test]
fn two_stores_have_secrets_of_their_own() {
    let folder = folder();
    let naming = |name: &str| {
        let (_, shelf) = File::open(&folder.path().join(name), None).unwrap();
        *shelf.secrets.naming
    };
    assert_ne!(naming("one"), naming("other"));
    assert_ne!(naming("one"), [0; 16]);
}

#[test]
fn two_that_have_it_open_lose_nothing_of_each_other() {
    let folder = folder();
    let path = folder.path().join("store");
    let (mut one, ours) = open(&path);
    let (mut other, theirs) = open(&path);
    for round in 0..4 {
        locked(&ours).keep(answer(&format!("ours{round}.test"), 100));
        locked(&theirs).keep(answer(&format!("theirs{round}.test"), 100));
        one.write(&ours).unwrap();
        other.write(&theirs).unwrap();
    }
    let (_, all) = File::open(&path, None).unwrap();
    assert_eq!(all.entries().count(), 8);
    assert_eq!(
        locked(&theirs).entries().count(),
        8,
        "who writes last has seen everything"
    );
    // What one clears is gone, what it had not seen yet included, and for the other once it writes.
    one.change(&ours, |shelf| shelf.forget(true)).unwrap();
    locked(&theirs).keep(answer("new.test", 100));
    other.write(&theirs).unwrap();
    assert_eq!(locked(&theirs).entries().count(), 1);
}

#[cfg(unix)]
#[test]
fn others_may_not_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let path = folder.path().join("kept/store");
    drop(File::open(&path, None).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for loose in [0o640, 0o604, 0o620, 0o660, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(loose)).unwrap();
        let error = refusal(&path);
        assert!(matches!(error, StoreError::Loose { mode, .. } if mode == loose));
        assert!(
            error.to_string().contains(&format!("{loose:04o}")),
            "{error}"
        );
        assert!(error.remedy().contains("chmod 600"));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(File::open(&path, None).is_ok());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = folder();
    assert!(matches!(
        refusal(folder.path()),
        StoreError::NotAStore { .. }
    ));
    assert!(matches!(
        refusal(Path::new("/dev/null")),
        StoreError::NotAStore { .. }
    ));
    let below_a_file = folder.path().join("file");
    fs::write(&below_a_file, "").unwrap();
    assert!(matches!(
        refusal(&below_a_file.join("store")),
        StoreError::Io { .. }
    ));
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("store");
    let private = |octets: &[u8]| {
        let _ = fs::remove_file(&path);
        drop(File::open(&path, None).unwrap());
        fs::write(&path, octets).unwrap();
    };
    for octets in [
        &b"a secret of sixteen or so"[..],
        &[0; 4_096],
        &[0xff; 10_000],
    ] {
        private(octets);
        assert!(
            matches!(
                refusal(&path),
                StoreError::NotAStore { .. } | StoreError::Damaged { .. }
            ),
            "{octets:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), octets);
    }
    private(&[]);
    assert!(
        File::open(&path, None).is_ok(),
        "an empty file is a beginning"
    );
    let _ = fs::remove_file(&path);
    prepare(&path).unwrap();
    tamper(&path, "CREATE TABLE bookmarks (url TEXT)");
    assert!(matches!(refusal(&path), StoreError::NotAStore { .. }));
}

#[test]
fn a_later_schema_is_refused_by_name() {
    let folder = folder();
    let path = folder.path().join("store");
    drop(File::open(&path, None).unwrap());
    tamper(&path, "PRAGMA user_version = 2");
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Newer { found: 2, .. }));
    assert!(error.to_string().contains("schema 2"), "{error}");
    tamper(&path, "PRAGMA user_version = 0");
    assert!(matches!(refusal(&path), StoreError::Damaged { .. }));
}

#[test]
fn rows_and_tables_of_strangers_are_refused() {
    let insert = |values: &str| format!("INSERT INTO entries VALUES ({values})");
    for sql in [
        "CREATE TABLE more (a)".to_owned(),
        "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        "DROP TABLE entries; CREATE VIEW entries AS SELECT 1 AS kind, x'00' AS id, x'00' AS value"
            .to_owned(),
        "DROP TABLE entries; CREATE TABLE entries (kind, id, value)".to_owned(),
        "DELETE FROM entries".to_owned(),
        "UPDATE entries SET value = x'00' WHERE kind = 0".to_owned(),
        insert("9, x'00000000000000000000000000000000', x''"),
        insert("-1, x'00000000000000000000000000000000', x''"),
        insert("'2', zeroblob(16), 'text'"),
        insert("2, zeroblob(15), zeroblob(24)"),
        insert("2, zeroblob(16), zeroblob(23)"),
        insert("1, zeroblob(16), zeroblob(200000)"),
        insert("1, zeroblob(16), zeroblob(30)"),
        insert("3, zeroblob(16), zeroblob(49)"),
        insert("2, 'sixteen octets..', zeroblob(24)"),
    ] {
        let folder = folder();
        let path = folder.path().join("store");
        drop(File::open(&path, None).unwrap());
        tamper(&path, &sql);
        let error = refusal(&path);
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{sql}: {error}"
        );
    }
}

/// Puts these octets in the place of a store, and nothing beside it.
fn replace(path: &Path, octets: &[u8]) {
    let _ = fs::remove_file(path.with_file_name("store-journal"));
    fs::write(path, octets).unwrap();
}

#[test]
fn a_file_that_is_damaged_anywhere_is_read_or_refused() {
    let folder = folder();
    let path = folder.path().join("store");
    {
        let (mut file, shelf) = open(&path);
        for number in 0..8 {
            locked(&shelf).keep(answer(&format!("n{number}.test"), 700));
        }
        file.write(&shelf).unwrap();
    }
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    // A step that meets every part of a page in turn: 4,096 and 61 have no common divisor.
    let places = (0..200).chain((200..whole.len()).step_by(61));
    for (count, at) in places.enumerate() {
        let mut damaged = whole.clone();
        damaged[at] ^= [0xff, 1, 0x80][count % 3];
        replace(&path, &damaged);
        match File::open(&path, None) {
            Err(_) => refused += 1,
            Ok((mut file, shelf)) if count % 8 == 0 => {
                let shelf = Mutex::new(shelf);
                locked(&shelf).keep(answer("more.test", 700));
                let _ = file.write(&shelf);
            }
            Ok(_) => {}
        }
    }
    assert!(refused > 10, "{refused}");
    let mut cut = 0;
    for length in (1..whole.len()).step_by(997) {
        replace(&path, &whole[..length]);
        match File::open(&path, None) {
            Err(_) => cut += 1,
            // What was cut off was zeros, which count as read.
            Ok((_, shelf)) => assert_eq!(shelf.entries().count(), 8, "{length}"),
        }
    }
    assert!(cut > whole.len() / 997 / 2, "{cut}");
}

#[test]
fn what_is_forgotten_is_overwritten_and_the_file_shrinks() {
    let folder = folder();
    let path = folder.path().join("store");
    let (mut file, shelf) = open(&path);
    let empty = fs::metadata(&path).unwrap().len();
    for number in 0..50 {
        locked(&shelf).keep(answer(&format!("canary{number}.example"), 3_000));
    }
    file.write(&shelf).unwrap();
    let holds = || {
        let octets = fs::read(&path).unwrap();
        octets.windows(6).any(|window| window == b"canary")
    };
    assert!(holds());
    locked(&shelf).forget(false);
    file.write(&shelf).unwrap();
    assert!(!holds());
    assert_eq!(fs::metadata(&path).unwrap().len(), empty);
}

#[test]
fn a_full_store_stays_within_its_bound() {
    let folder = folder();
    let path = folder.path().join("store");
    let (mut file, shelf) = open(&path);
    for number in 0..300 {
        locked(&shelf).keep(answer(&format!("n{number}.test"), 60_000));
        if number % 100 == 99 {
            file.write(&shelf).unwrap();
        }
    }
    assert!(locked(&shelf).octets() <= STORE_MAX_OCTETS);
    let length = fs::metadata(&path).unwrap().len();
    assert!(
        length <= (MAX_PAGES * PAGE_OCTETS).cast_unsigned(),
        "{length}"
    );
    drop(file);
    let (_, again) = File::open(&path, None).unwrap();
    assert_eq!(again.octets(), locked(&shelf).octets());
}

#[test]
fn who_waits_too_long_is_told_so() {
    let folder = folder();
    let path = folder.path().join("store");
    let (mut file, shelf) = open(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    file.database.busy_timeout(Duration::ZERO).unwrap();
    locked(&shelf).keep(answer("a.test", 100));
    assert!(matches!(file.write(&shelf), Err(StoreError::Busy { .. })));
    assert!(!locked(&shelf).is_written(), "it is written the next time");
    other.execute_batch("COMMIT").unwrap();
    file.write(&shelf).unwrap();
    assert!(locked(&shelf).is_written());
}

/// Lookups ask the shelf on threads that must not stand still.
#[test]
fn while_another_process_is_waited_for_the_shelf_answers() {
    let folder = folder();
    let path = folder.path().join("store");
    let (mut file, shelf) = open(&path);
    locked(&shelf).keep(answer("a.test", 100));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // SQLite calls it each time that it finds the file locked, and does not wait itself.
    static WAITS: AtomicBool = AtomicBool::new(false);
    file.database
        .busy_handler(Some(|_| {
            WAITS.store(true, Ordering::SeqCst);
            thread::yield_now();
            true
        }))
        .unwrap();
    thread::scope(|scope| {
        let written = scope.spawn(|| file.write(&shelf));
        while !WAITS.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let held = shelf.try_lock().is_ok_and(|shelf| shelf.octets() > 0);
        other.execute_batch("COMMIT").unwrap();
        written.join().unwrap().unwrap();
        assert!(held, "nobody waits with the shelf in hand");
    });
    assert!(locked(&shelf).is_written());
}
