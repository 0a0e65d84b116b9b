//! Opting out and removal, as docs/publishing/leaving.md shows them.

use std::fs;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sotto_envelope::Answer;
use sotto_tests::impostor::{Impostor, Keys, Reply};
use sotto_tests::{Hierarchy, Parties, sotto};
use tempfile::TempDir;

use crate::delegation::{ask, lookup};

const ANNA: &str = "anna@leaving.test";
const ANNA_OWNER: &str =
    "55579b557896d0ce1764c47fed644f9b35f58bad620674af23f356d8._user._mimi.leaving.test.";

/// Lookups until the servers show the new zone, each [`PAUSE`] after the last: a TTL of 0 may be kept for a second.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

#[test]
fn an_exact_refusal_keeps_the_wildcard_away() {
    let (outcome, report) = lookup("anybody@staying.test");
    assert_eq!(outcome, "found", "{report:#}");
    assert_eq!(report["services"][0]["account"], Value::Null);
    assert_eq!(lookup("ben@staying.test").0, "opted_out");
}

/// What anna's lookup said, and the proof, from before she left; then she leaves.
struct Departure {
    directory: TempDir,
    before: Value,
    after: Value,
}

impl Departure {
    /// The one departure of this test process: the zone changes once.
    fn watched() -> &'static Self {
        static WATCHED: OnceLock<Departure> = OnceLock::new();
        WATCHED.get_or_init(Self::watch)
    }

    fn watch() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let proof = directory.path().join("proof");
        let ran = ask(&["lookup", ANNA, "--save-proof", proof.to_str().unwrap()]);
        let before = ran.json().unwrap();
        Hierarchy::of_the_pages().unwrap().leave().unwrap();
        let changed = (0..ATTEMPTS).find_map(|_| {
            let (outcome, report) = lookup(ANNA);
            if outcome == "found" {
                thread::sleep(PAUSE);
                return None;
            }
            Some(report)
        });
        let after = changed.expect("the caches forget what has a TTL of 0");
        Self {
            directory,
            before,
            after,
        }
    }

    fn proof(&self) -> Vec<u8> {
        fs::read(self.directory.path().join("proof")).unwrap()
    }

    /// Judges the proof from before at a time.
    fn verdict_at(&self, at: u64) -> Value {
        let file = self.directory.path().join("proof");
        let anchor = Hierarchy::of_the_pages().unwrap().anchor();
        let (file, anchor) = (file.display().to_string(), anchor.display().to_string());
        let ran = sotto::run(&[
            "verify",
            &file,
            "--name",
            ANNA_OWNER,
            "--type",
            "TXT",
            "--anchor",
            &anchor,
            "--at",
            &at.to_string(),
            "--json",
        ]);
        ran.unwrap().json().unwrap()
    }
}

#[test]
fn a_record_that_is_removed_is_proved_absent() {
    let departure = Departure::watched();
    assert_eq!(departure.before["outcome"], "found");
    assert_eq!(departure.after["outcome"], "no_record");
    assert_eq!(departure.after["reason"]["code"], "nodata");
    assert_eq!(lookup("ben@leaving.test").0, "opted_out");
}

#[test]
fn an_old_proof_is_as_good_as_its_signatures_are_young() {
    let departure = Departure::watched();
    let verdict = departure.verdict_at(departure.after["at"].as_u64().unwrap());
    assert_eq!(verdict["verdict"], "secure", "{verdict:#}");
    let until = verdict["valid_until"].as_u64().unwrap();
    assert_eq!(departure.verdict_at(until)["verdict"], "secure");
    let late = departure.verdict_at(until + 1);
    assert_eq!(late["verdict"], "bogus");
    assert_eq!(late["reason"]["code"], "signature_expired");

    // A gateway that replays it is believed, unless the client wants signatures younger than these.
    let hierarchy = Hierarchy::of_the_pages().unwrap();
    let proof = departure.proof();
    let replay = move |_: &_, _| Reply::Sealed(Answer::proof(proof.clone()));
    let impostor = Impostor::start(hierarchy, Keys::Stolen, replay).unwrap();
    let parties = Parties::before(&impostor).unwrap();
    let replayed = |arguments: &[&str]| {
        let arguments = [&["lookup", ANNA], arguments].concat();
        let ran = sotto::through(&parties, hierarchy, &arguments).unwrap();
        ran.json().unwrap()
    };
    assert_eq!(replayed(&[])["outcome"], "found");
    let strict = replayed(&["--max-age", "0"]);
    assert_eq!(strict["outcome"], "unavailable");
    assert_eq!(
        (&strict["reason"]["code"], &strict["services"]),
        (&json!("too_old"), &json!([]))
    );
}
