//! Opting out and removal, as docs/publishing/leaving.md shows them.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;
use sotto_envelope::Answer;
use sotto_tests::impostor::{Impostor, Keys, Reply};
use sotto_tests::{Hierarchy, Parties, sotto};
use tempfile::TempDir;

use crate::delegation::{ask, lookup};

const ANNA: &str = "anna@leaving.test";
const ANNA_OWNER: &str =
    "55579b557896d0ce1764c47fed644f9b35f58bad620674af23f356d8._user._mimi.leaving.test.";

/// Looks somebody up through these parties.
fn look_up_through(parties: &Parties, arguments: &[&str]) -> Value {
    let hierarchy = Hierarchy::of_the_pages().unwrap();
    let arguments = [&["lookup"], arguments].concat();
    let ran = sotto::through(parties, hierarchy, &arguments).unwrap();
    ran.json().unwrap()
}

#[test]
fn an_exact_refusal_keeps_the_wildcard_away() {
    let (outcome, report) = lookup("anybody@staying.test");
    assert_eq!(outcome, "found", "{report:#}");
    assert_eq!(report["services"][0]["account"], Value::Null);
    assert_eq!(lookup("ben@staying.test").0, "opted_out");
    // One by wildcard is for everybody.
    assert_eq!(lookup("anybody@closing.test").0, "opted_out");
}

/// What anna's lookups said before and after she left, and the proof from before.
struct Departure {
    directory: TempDir,
    before: Value,
    /// What those said who had asked before, while the TTL lasted.
    within_ttl: Value,
    after: Value,
    /// A gateway and a relay from after the departure, as all are when the TTL is over.
    parties: Parties,
}

impl Departure {
    /// The one departure of this test process: the zone changes once.
    fn watched() -> &'static Self {
        static WATCHED: OnceLock<Departure> = OnceLock::new();
        WATCHED.get_or_init(Self::watch)
    }

    fn watch() -> Self {
        let hierarchy = Hierarchy::of_the_pages().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let proof = directory.path().join("proof");
        let ran = ask(&["lookup", ANNA, "--save-proof", proof.to_str().unwrap()]);
        let before = ran.json().unwrap();
        hierarchy.leave().unwrap();
        let (_, within_ttl) = lookup(ANNA);
        hierarchy.forget().unwrap();
        let parties = Parties::start(hierarchy).unwrap();
        let after = look_up_through(&parties, &[ANNA]);
        Self {
            directory,
            before,
            within_ttl,
            after,
            parties,
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
    let ben = look_up_through(&departure.parties, &["ben@leaving.test"]);
    assert_eq!(ben["outcome"], "opted_out");
}

#[test]
fn until_the_ttl_is_over_the_honest_tell_what_they_know() {
    let departure = Departure::watched();
    assert_eq!(departure.within_ttl["outcome"], "found");
    assert_eq!(
        departure.within_ttl["services"],
        departure.before["services"]
    );
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

    // Whoever replays it is believed.
    let hierarchy = Hierarchy::of_the_pages().unwrap();
    let proof = departure.proof();
    let replay = move |_: &_, _| Reply::Sealed(Answer::proof(proof.clone()));
    let impostor = Impostor::start(hierarchy, Keys::Stolen, replay).unwrap();
    let parties = Parties::before(&impostor).unwrap();
    let replayed = look_up_through(&parties, &[ANNA]);
    assert_eq!(replayed["outcome"], "found", "{replayed:#}");
    assert_eq!(replayed["services"], departure.before["services"]);
}
