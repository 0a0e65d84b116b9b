//! Runs over many people that something breaks into: a connection, a key that may not do everything, another hand on the file.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sotto_tests::binaries;
use sotto_tests::primary::{Breaker, Kind, Manner, NARROW, Primary, ZONE, limit};

use super::{Call, accounts, counts, mimi, start};

pub(super) fn an_answer_that_is_lost_costs_nothing(kind: Kind) {
    let primary = start(kind);
    let (path, lines) = accounts(&primary, |_| ZONE.to_owned());
    let breaker = Breaker::before(primary.address(), 2, Manner::Cut).unwrap();
    let call = Call {
        server: breaker.address(),
        ..Call::to(&primary)
    };
    assert_eq!(
        call.counts(&format!("--from {}", path.display())),
        [250, 0, 0, 0]
    );
    breaker.wait().unwrap();
    assert_eq!(mimi(primary.texts(ZONE).unwrap()), lines);
}

pub(super) fn a_server_that_goes_away_leaves_whole_people(kind: Kind) {
    let primary = start(kind);
    let (path, lines) = accounts(&primary, |_| ZONE.to_owned());
    let breaker = Breaker::before(primary.address(), 2, Manner::CutForGood).unwrap();
    let call = Call {
        server: breaker.address(),
        ..Call::to(&primary)
    };
    let from = format!("--from {}", path.display());
    let (code, said) = call.run(&from);
    assert_eq!((code, counts(&said)), (8, [100, 0, 0, 0]), "{said:#}");
    assert_eq!(said["error"]["code"], "server_unreachable");
    assert_eq!(
        (&said["unknown"], &said["not_tried"]),
        (&100.into(), &50.into())
    );
    assert_eq!(said["first_not_tried"], "user200@example.com");

    assert_eq!(Call::to(&primary).counts(&from), [50, 0, 0, 200]);
    assert_eq!(mimi(primary.texts(ZONE).unwrap()), lines);
}

pub(super) fn a_run_that_is_killed_is_finished_by_the_next(kind: Kind) {
    let primary = start(kind);
    let (path, lines) = accounts(&primary, |_| ZONE.to_owned());
    let breaker = Breaker::before(primary.address(), 2, Manner::Silence).unwrap();
    let call = Call {
        server: breaker.address(),
        ..Call::to(&primary)
    };
    let from = format!("--from {}", path.display());
    let mut run = Command::new(binaries::find("sotto").unwrap())
        .args(call.arguments(&from))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    breaker.wait().unwrap();
    run.kill().unwrap(); // SIGKILL
    run.wait().unwrap();
    assert_eq!(mimi(primary.texts(ZONE).unwrap()).len(), 200);

    assert_eq!(Call::to(&primary).counts(&from), [50, 0, 0, 200]);
    assert_eq!(mimi(primary.texts(ZONE).unwrap()), lines);
    assert_eq!(Call::to(&primary).counts(&from), [0, 0, 0, 250]);
}

/// The first hundred people may be changed, of the others none but every tenth.
#[test]
fn who_is_done_and_who_is_not_is_told() {
    for kind in [Kind::Knot, Kind::Bind] {
        let primary = start(kind);
        let is_allowed = |number: usize| number < 100 || number.is_multiple_of(10);
        let (path, lines) = accounts(&primary, |number| {
            let domain = if is_allowed(number) { NARROW } else { ZONE };
            domain.to_owned()
        });
        let call = Call {
            key: primary.other_key("narrow"),
            ..Call::to(&primary)
        };
        let (code, said) = call.run(&format!("--from {}", path.display()));
        assert_eq!((code, counts(&said)), (8, [115, 0, 0, 0]), "{said:#}");
        assert_eq!(said["failed"], 135);
        let problems = said["problems"].as_array().unwrap();
        assert!(problems.iter().all(|problem| {
            let subject = problem["subject"].as_str().unwrap();
            problem["code"] == "update_refused" && subject.ends_with("@example.com")
        }));
        let narrow = |line: &&String| line.contains(NARROW);
        let done: BTreeSet<_> = lines.iter().filter(narrow).cloned().collect();
        assert_eq!(mimi(primary.texts(ZONE).unwrap()), done);
        // Where a whole round is refused, nobody else is tried.
        let text = fs::read_to_string(&path).unwrap().replace(NARROW, ZONE);
        fs::write(&path, text).unwrap();
        let (code, said) = call.run(&format!("--from {}", path.display()));
        assert_eq!((code, counts(&said)), (8, [0; 4]));
        assert_eq!(
            (&said["failed"], &said["not_tried"]),
            (&100.into(), &150.into())
        );
        assert_eq!(said["first_not_tried"], "user100@example.com");
        // And the key that may do it finishes.
        assert_eq!(
            Call::to(&primary).counts(&format!("--from {}", path.display())),
            [250, 0, 0, 0]
        );
    }
}

/// Messages that a server takes before it closes the connection.
const MESSAGES: usize = 20;

pub(super) fn a_server_that_closes_early_is_outwitted(kind: Kind) {
    let primary = start(kind);
    let (path, lines) = accounts(&primary, |_| ZONE.to_owned());
    let call = Call {
        server: limit(primary.address(), MESSAGES, |_| ()).unwrap(),
        ..Call::to(&primary)
    };
    let from = format!("--from {}", path.display());
    assert_eq!(call.counts(&from), [250, 0, 0, 0]);
    assert_eq!(mimi(primary.texts(ZONE).unwrap()), lines);
    assert_eq!(call.counts(&from), [0, 0, 0, 250]);
}

/// Publishes over a wire that changes the file of accounts when the first update passes.
fn changed_under_way(primary: &Primary, path: &Path, change: fn(&Path)) -> (i32, Value) {
    let watched = path.to_owned();
    let server = limit(primary.address(), usize::MAX, move |update| {
        if update == 1 {
            change(&watched);
        }
    })
    .unwrap();
    let call = Call {
        server,
        ..Call::to(primary)
    };
    call.run(&format!("--from {}", path.display()))
}

#[test]
fn a_file_that_changes_under_way_ends_the_run_and_the_tally_is_told() {
    let grows: fn(&Path) = |path| {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"new@example.com,mimi.example.net,new\nbroken\n")
            .unwrap();
    };
    let shrinks: fn(&Path) = |path| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(60).unwrap();
    };
    let is_rewritten: fn(&Path) = |path| {
        let text = fs::read_to_string(path).unwrap().replace(",u", ",w");
        fs::write(path, text).unwrap();
    };
    for change in [grows, shrinks, is_rewritten] {
        let primary = start(Kind::Knot);
        let (path, _) = accounts(&primary, |_| ZONE.to_owned());
        let (code, said) = changed_under_way(&primary, &path, change);
        assert_eq!(
            (code, &said["error"]["code"]),
            (8, &"accounts_changed".into()),
            "{said:#}"
        );
        assert_eq!(counts(&said), [100, 0, 0, 0], "{said:#}");
        assert_eq!(
            (&said["failed"], &said["not_tried"]),
            (&0.into(), &150.into())
        );
    }
}
