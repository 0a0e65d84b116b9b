#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use sotto_mimi::RecordForm;
use sotto_proof::RecordType;

use super::*;

const NOW: u64 = 1_790_000_000;

fn book(rtype: RecordForm) -> Book {
    let mut book = Book::new(rtype, RecordType(65_400), None);
    for identifier in ["hugh@example.com", "alice@example.com", "carol@example.net"] {
        book.add(identifier.parse().unwrap(), None).unwrap();
    }
    book
}

fn answer(outcome: &str, at: u64) -> Answer {
    Answer {
        outcome: outcome.to_owned(),
        asked: true,
        code: None,
        rule: None,
        remedy: None,
        services: vec![serde_json::json!({"provider": "im.example.net"})],
        at,
    }
}

fn open(path: &Path) -> Result<State, Failure> {
    State::open(Some(path), Path::new("-"), &book(RecordForm::Txt), NOW)
}

const PACE: Pace = Pace {
    within_millis: 3_600_000,
    slots: 8,
};

fn write(path: &Path) {
    let book = book(RecordForm::Txt);
    let mut state = open(path).unwrap();
    assert!(state.pace.is_none() && state.answers.is_empty());
    state.begin(PACE, NOW).unwrap();
    state
        .opened("_user._mimi.example.com.".to_owned(), NOW)
        .unwrap();
    let owner = book.contacts()[1].owner.as_str();
    state.answered(owner, &answer("found", NOW)).unwrap();
}

#[test]
fn what_was_written_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("state");
    write(&path);
    let state = open(&path).unwrap();
    assert_eq!((state.pace, state.open.as_slice()), (Some(PACE), &[0][..]));
    assert_eq!(state.answers.len(), 1);
    assert_eq!(state.answers[&1], answer("found", NOW));
    #[cfg(unix)]
    {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    state.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_line_that_was_cut_off_costs_that_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    write(&path);
    let whole = fs::read(&path).unwrap();
    for cut in 1..40 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let mut state = open(&path).unwrap();
        assert!(state.answers.is_empty(), "{cut}");
        assert_eq!(state.open, [0]);
        // What comes next stands on a line of its own.
        let owner = book(RecordForm::Txt).contacts()[2].owner.clone();
        state
            .answered(owner.as_str(), &answer("opted_out", NOW))
            .unwrap();
        drop(state);
        assert_eq!(open(&path).unwrap().answers[&2].outcome, "opted_out");
    }
}

#[test]
fn old_answers_are_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    write(&path);
    let later = NOW + KEEP_SECONDS;
    let state = State::open(Some(&path), Path::new("-"), &book(RecordForm::Txt), later).unwrap();
    assert!(state.answers.is_empty() && state.open.is_empty());
}

#[test]
fn who_is_not_in_the_book_any_more_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    write(&path);
    let mut other = Book::new(RecordForm::Txt, RecordType(65_400), None);
    other
        .add("dave@example.org".parse().unwrap(), None)
        .unwrap();
    let state = State::open(Some(&path), Path::new("-"), &other, NOW).unwrap();
    assert!(state.answers.is_empty() && state.open.is_empty());
}

#[test]
fn what_is_no_state_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    for text in ["my diary", "my diary\n", "{\"line\":\"other\"}\n", "\n"] {
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert_eq!(open(&path).unwrap_err().code, "state_damaged", "{text:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        #[cfg(unix)]
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
    }
    fs::remove_file(&path).unwrap();
    write(&path);
    let other = State::open(Some(&path), Path::new("-"), &book(RecordForm::Mimi), NOW);
    assert_eq!(other.unwrap_err().code, "state_other");
}

#[test]
fn one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let first = open(&path).unwrap();
    assert_eq!(open(&path).unwrap_err().code, "state_in_use");
    drop(first);
    assert!(open(&path).is_ok());
}

#[test]
fn each_book_has_a_state_of_its_own() {
    let one = usual_path(Path::new("/one.vcf"));
    let other = usual_path(Path::new("/other.vcf"));
    assert!(one.is_err() || one != other);
}
