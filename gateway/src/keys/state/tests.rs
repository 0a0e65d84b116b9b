use super::*;

const SECRET: [u8; 32] = [7; 32];

fn fresh() -> (tempfile::TempDir, StateFile) {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::at(directory.path().join("gateway.keys"));
    (directory, file)
}

#[test]
fn a_state_survives_its_file() {
    let (_directory, file) = fresh();
    let made = file.create(Epoch(20_000), SECRET).unwrap();
    let read = file.load().unwrap();
    assert_eq!(read.epoch(), Epoch(20_000));
    let list = |ratchet: &Ratchet| ratchet.keys(Epoch(20_003)).unwrap().list().to_vec();
    assert_eq!(list(&made), list(&read));
    let mode = fs::metadata(file.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn init_destroys_nothing() {
    let (_directory, file) = fresh();
    file.create(Epoch(20_000), SECRET).unwrap();
    let error = file.create(Epoch(20_001), [8; 32]).unwrap_err();
    assert!(matches!(error, StateFileError::Exists(_)), "{error}");
    assert_eq!(file.load().unwrap().epoch(), Epoch(20_000));
}

#[test]
fn advancing_is_for_good_and_bounded() {
    let (_directory, file) = fresh();
    file.create(Epoch(20_000), SECRET).unwrap();
    assert_eq!(
        file.advance(Epoch(20_014), false).unwrap().epoch(),
        Epoch(20_014)
    );
    assert_eq!(
        file.advance(Epoch(20_001), false).unwrap().epoch(),
        Epoch(20_014)
    );
    assert!(file.load().unwrap().keys(Epoch(20_013)).is_err());

    let error = file.advance(Epoch(20_029), false).unwrap_err();
    assert!(
        error.to_string().contains("keys advance --force"),
        "{error}"
    );
    assert_eq!(file.load().unwrap().epoch(), Epoch(20_014));
    assert_eq!(
        file.advance(Epoch(20_029), true).unwrap().epoch(),
        Epoch(20_029)
    );
}

#[test]
fn every_fault_names_the_file_and_the_remedy() {
    let (_directory, file) = fresh();
    assert!(file.load().unwrap_err().to_string().contains("keys init"));

    for content in ["", "nonsense", "\u{0}\u{1}"] {
        fs::write(file.path(), content).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let error = file.load().unwrap_err().to_string();
        assert!(
            error.contains("gateway.keys") && error.contains("join another instance"),
            "{error}"
        );
    }
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(file.load().unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn a_crash_before_the_rename_leaves_the_old_state_however_much_of_the_new_was_written() {
    let (_directory, file) = fresh();
    let mut successor = file.create(Epoch(20_000), SECRET).unwrap();
    let old = fs::read(file.path()).unwrap();
    successor.advance_to(Epoch(20_001), false).unwrap();
    let whole = successor.to_state();
    let new = beside(file.path(), ".new");
    for written in 0..=whole.len() {
        fs::write(file.path(), &old).unwrap();
        fs::write(&new, &whole[..written]).unwrap();
        assert_eq!(file.load().unwrap().epoch(), Epoch(20_000), "{written}");
        let moved = file.advance(Epoch(20_001), false).unwrap();
        assert_eq!(*moved.to_state(), *whole, "{written}");
        assert_eq!(fs::read(file.path()).unwrap(), whole.as_bytes());
        assert!(!new.exists(), "{written}");
    }
}

#[test]
fn a_state_that_was_cut_or_altered_is_never_taken_for_one() {
    let (_directory, file) = fresh();
    file.create(Epoch(20_000), SECRET).unwrap();
    let whole = fs::read(file.path()).unwrap();
    // The last octet is the line's end, without which nothing is missing.
    for octets in 0..whole.len() - 1 {
        fs::write(file.path(), &whole[..octets]).unwrap();
        assert!(file.load().is_err(), "cut after {octets} octets");
        let mut altered = whole.clone();
        altered[octets] ^= 1;
        fs::write(file.path(), &altered).unwrap();
        assert!(file.load().is_err(), "altered at octet {octets}");
    }
}

#[test]
fn joining_writes_only_where_nothing_is_lost() {
    let exported = |epoch, secret| Ratchet::new(Epoch(epoch), secret);
    let (_directory, file) = fresh();
    let (_, written) = file.join(exported(20_000, SECRET), false).unwrap();
    assert!(written, "there was none");
    let (_, written) = file.join(exported(20_000, SECRET), true).unwrap();
    assert!(!written, "it is the same");

    let mut later = exported(20_000, SECRET);
    later.advance_to(Epoch(20_003), false).unwrap();
    let (state, written) = file.join(later, true).unwrap();
    assert!(
        !written && state.epoch() == Epoch(20_000),
        "ours reaches further back"
    );

    file.advance(Epoch(20_003), false).unwrap();
    for force in [false, true] {
        let error = file.join(exported(20_000, SECRET), force).unwrap_err();
        assert!(matches!(error, StateFileError::Behind { .. }), "{error}");
    }

    let error = file.join(exported(20_000, [8; 32]), false).unwrap_err();
    assert!(error.to_string().contains("--force"), "{error}");
    assert_eq!(file.load().unwrap().epoch(), Epoch(20_003));
    let (_, written) = file.join(exported(20_000, [8; 32]), true).unwrap();
    assert!(written);

    fs::write(file.path(), "nonsense").unwrap();
    assert!(file.join(exported(20_000, SECRET), false).is_err());
    let (_, written) = file.join(exported(20_000, SECRET), true).unwrap();
    assert!(written && file.load().unwrap().epoch() == Epoch(20_000));
}

#[test]
fn a_successor_that_could_not_be_written_is_told_beforehand() {
    let (_directory, file) = fresh();
    file.create(Epoch(20_000), SECRET).unwrap();
    let before = fs::read(file.path()).unwrap();
    fs::write(beside(file.path(), ".new"), "half a st").unwrap();
    file.try_write().unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), before);
    assert!(!beside(file.path(), ".new").exists());

    // Directories where files belong stop root, too, whom no mode stops.
    for suffix in [".new", ".lock"] {
        let (_directory, file) = fresh();
        file.create(Epoch(20_000), SECRET).unwrap();
        let _ = fs::remove_file(beside(file.path(), suffix));
        fs::create_dir(beside(file.path(), suffix)).unwrap();
        let error = file.try_write().unwrap_err().to_string();
        assert!(
            error.starts_with("past keys cannot be destroyed") && error.contains("gateway.keys"),
            "{error}"
        );
        assert!(file.advance(Epoch(20_001), false).is_err());
    }
}

#[test]
fn two_writers_end_with_one_state() {
    let (_directory, file) = fresh();
    file.create(Epoch(20_000), SECRET).unwrap();
    thread::scope(|scope| {
        for epoch in 20_001..=20_008 {
            let file = &file;
            scope.spawn(move || file.advance(Epoch(epoch), false).unwrap());
        }
    });
    assert_eq!(file.load().unwrap().epoch(), Epoch(20_008));
}
