//! `sotto` through a relay and a gateway to the DNS and back, every part a process.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::fs;

use serde_json::{Value, json};
use sotto_tests::sotto::Outcome;
use sotto_tests::{Hierarchy, Parties, sotto};

/// Looks somebody up.
fn lookup(arguments: &[&str]) -> Outcome {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    sotto::through(parties, hierarchy, &[&["lookup"], arguments].concat()).unwrap()
}

/// Asks for an RRset.
fn query(arguments: &[&str]) -> Outcome {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    sotto::through(parties, hierarchy, &[&["query"], arguments].concat()).unwrap()
}

/// Checks that a lookup comes out as `outcome` with the exit code of that outcome, and gives the report.
#[track_caller]
fn expect(arguments: &[&str], outcome: &str) -> Value {
    let code = match outcome {
        "found" => 0,
        "no_record" => 3,
        "opted_out" => 4,
        "invalid" => 5,
        "insecure" => 6,
        "bogus" => 7,
        "unavailable" => 8,
        other => panic!("{other} is no outcome"),
    };
    let ran = lookup(arguments);
    let report = ran.json().unwrap();
    assert_eq!(
        (ran.code, &report["outcome"]),
        (code, &json!(outcome)),
        "{arguments:?}: {ran:?}"
    );
    assert_eq!(report["schema"], 1);
    report
}

/// Checks that a lookup finds these providers in this order.
#[track_caller]
fn expect_providers(arguments: &[&str], providers: &[&str]) -> Value {
    let report = expect(arguments, "found");
    let services = report["services"].as_array().unwrap();
    let found: Vec<_> = services
        .iter()
        .map(|service| service["provider"].as_str().unwrap())
        .collect();
    assert_eq!(found, providers, "{arguments:?}");
    report
}

const TELEGRAM: &str = "im.telegram.example";
const WHATSAPP: &str = "mimi.whatsapp.example";

#[test]
fn a_mailbox_with_two_services_is_found_ranked_in_both_forms() {
    for identifier in [
        "hugh@nsec.test",
        "HUGH@Nsec.Test",
        "mailto:hugh@nsec.test",
        "acct:hugh@nsec.test",
    ] {
        expect_providers(&[identifier], &[TELEGRAM, WHATSAPP]);
    }
    let report = expect_providers(&["hugh@nsec.test", "--type", "MIMI"], &[TELEGRAM, WHATSAPP]);
    assert_eq!(report["question"]["type"], "TYPE65400");
    assert_eq!(
        report["services"][0]["mimi_uri"],
        "mimi://im.telegram.example/u/myname99"
    );
}

#[test]
fn a_host_is_found_in_both_forms() {
    expect_providers(&["alice.nsec.test"], &[TELEGRAM]);
    let report = expect_providers(&["alice.nsec.test", "--type", "MIMI"], &[TELEGRAM]);
    assert_eq!(report["question"]["name"], "alice.nsec.test.");
    expect_providers(&["nsec.test"], &[TELEGRAM]);
    let split = expect_providers(&["split.nsec.test"], &[TELEGRAM]);
    assert_eq!(split["services"][0]["account"], "split");
}

#[test]
fn every_service_is_returned_and_a_tie_is_broken_among_equals_only() {
    let report = expect(&["five@nsec.test"], "found");
    let services = report["services"].as_array().unwrap();
    let labels: Vec<_> = services
        .iter()
        .map(|service| service["label"].as_str().unwrap())
        .collect();
    assert_eq!(
        (labels[0], &labels[3..]),
        ("one", ["four", "five"].as_slice())
    );
    assert!(
        matches!(labels[1..3], ["two", "three"] | ["three", "two"]),
        "{labels:?}"
    );
}

#[test]
fn a_phone_is_found_in_its_private_tree_and_only_there() {
    let zone = ["--phone-zone", "phones.example"];
    for number in ["+442079460148", "tel:+44-20-7946-0148"] {
        let report = expect_providers(&[&[number], &zone[..]].concat(), &["mimi.provider.example"]);
        assert!(report["services"][0]["identifier_query_hex"].is_string());
    }
    expect(&[&["+442079460149"], &zone[..]].concat(), "opted_out");
    expect(&[&["+442079460147"], &zone[..]].concat(), "no_record");
    assert_eq!(
        lookup(&["+442079460148"]).code,
        2,
        "there is no default phone zone"
    );
}

#[test]
fn a_wildcard_speaks_for_mailboxes_and_an_exact_name_against_it() {
    let report = expect_providers(&["anybody@nsec3.test"], &["mimi.provider.example"]);
    assert_eq!(report["services"][0]["account"], Value::Null);
    expect(&["refuses@nsec3.test"], "opted_out");
}

#[test]
fn a_wildcard_above_mimi_speaks_for_nobody() {
    let report = expect(&["www.hoster.test"], "no_record");
    assert_eq!(report["reason"]["code"], "unrelated_wildcard");
    expect(&["anybody.wild.nsec3.test", "--type", "MIMI"], "no_record");
}

#[test]
fn every_algorithm_and_signer_is_found() {
    for identifier in [
        "bob.nsec3.test",
        "dora.ed25519.example",
        "emil.ldns.example",
        "emil@ldns.example",
        "hans.signed.optout",
    ] {
        expect_providers(&[identifier], &[TELEGRAM]);
    }
}

#[test]
fn a_domain_may_hand_its_names_to_a_discovery_server() {
    expect_providers(&["delegated.test"], &[TELEGRAM]);
    expect_providers(&["ida@delegated.test"], &[TELEGRAM]);
    expect_providers(&["jana@dname.test"], &[TELEGRAM]);
    expect_providers(&["karl.cname.test"], &[TELEGRAM]);
    expect(&["nobody@dname.test"], "no_record");
    expect(&["gone.cname.test"], "no_record");
}

#[test]
fn absence_is_proved_and_told_apart() {
    for identifier in [
        "nobody@nsec.test",
        "nobody.nsec.test",
        "nobody.nsec3.test",
        "nobody.ldns.example",
    ] {
        let report = expect(&[identifier], "no_record");
        assert_eq!(report["services"], json!([]), "{identifier}");
    }
    let other = expect(&["other@nsec.test"], "no_record");
    assert_eq!(other["reason"]["code"], "no_mimi_record");
}

#[test]
fn refusing_and_being_unusable_are_outcomes_of_their_own() {
    expect(&["refuses@nsec.test"], "opted_out");
    let broken = expect(&["broken@nsec.test"], "invalid");
    assert_eq!(broken["dropped"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_not_signed_carries_no_services() {
    for identifier in [
        "frank.unsigned.test",
        "gina.plain.optout",
        "nobody.missing.optout",
    ] {
        let report = expect(&[identifier], "insecure");
        assert_eq!(
            (&report["services"], &report["records"]),
            (&json!([]), &json!([]))
        );
        assert!(report["reason"]["rfc"].is_string(), "{report}");
    }
}

#[test]
fn signatures_that_have_ended_are_bogus_and_say_where() {
    let report = expect(&["lena.expired.test"], "bogus");
    assert_eq!(report["reason"]["code"], "signature_expired");
    assert!(
        report["reason"]["name"]
            .as_str()
            .unwrap()
            .ends_with("expired.test.")
    );
}

#[test]
fn what_is_resolved_already_is_answered_without_a_relay() {
    let ran = sotto::run(&["lookup", "mimi://im.telegram.example/u/alice", "--json"]).unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn any_allowed_name_can_be_asked_for() {
    let paid = query(&["alice.user._bitcoin-payment.nsec.test", "TXT"]);
    let report = paid.json().unwrap();
    assert_eq!(
        (paid.code, &report["verdict"]),
        (0, &json!("secure")),
        "{paid:?}"
    );
    assert_eq!(report["records"][0]["text"], "bitcoin:?lno=lno1sotto");
    assert_eq!(query(&["_mimi.nobody.nsec.test", "TXT"]).code, 3);
    assert_eq!(query(&["_mimi.frank.unsigned.test", "TXT"]).code, 6);
    assert_eq!(query(&["_mimi.lena.expired.test", "TXT"]).code, 7);
    let refused = query(&["nsec.test", "SOA"]);
    assert_eq!(refused.code, 8, "{refused:?}");
}

/// On a full disk, say.
#[test]
fn a_proof_that_cannot_be_kept_does_not_take_the_outcome_with_it() {
    for flag in ["--save-proof", "--svg"] {
        let ran = lookup(&["alice.nsec.test", flag, "/dev/full"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(ran.json().unwrap()["outcome"], "found");
        assert!(ran.stderr.contains("cannot be written to /dev/full"));
    }
}

#[test]
fn a_saved_proof_verifies_elsewhere_and_only_for_its_question() {
    let hierarchy = Hierarchy::shared().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("proof");
    let file = file.to_str().unwrap();
    let report = expect(&["alice.nsec.test", "--save-proof", file], "found");
    let at = report["at"].as_u64().unwrap().to_string();
    let anchor = hierarchy.anchor().display().to_string();
    let verify = |name: &str, at: &str| {
        let ran = sotto::run(&[
            "verify", file, "--name", name, "--type", "TXT", "--anchor", &anchor, "--at", at,
            "--json",
        ])
        .unwrap();
        (ran.code, ran.json().unwrap())
    };
    let (code, verdict) = verify("_mimi.alice.nsec.test", &at);
    assert_eq!((code, &verdict["verdict"]), (0, &json!("secure")));
    assert_eq!(verdict["records"], report["records"]);
    assert_eq!(verify("_mimi.bob.nsec.test", &at).0, 7);
    let (code, verdict) = verify("_mimi.alice.nsec.test", "4000000000");
    assert_eq!((code, &verdict["verdict"]), (7, &json!("bogus")));
    assert!(!fs::read(file).unwrap().is_empty());
}

#[test]
fn a_second_run_answers_from_the_store_and_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store").display().to_string();
    let run = |more: &[&str]| {
        expect(
            &[&["hugh@nsec.test", "--store", &store], more].concat(),
            "found",
        )
    };
    let first = run(&[]);
    assert_eq!(
        (&first["from_store"], &first["store_problem"]),
        (&Value::Null, &Value::Null)
    );
    let second = run(&[]);
    assert_eq!(second["from_store"]["since"], first["at"]);
    assert!(second["from_store"]["until"].as_u64() > second["at"].as_u64());
    assert_eq!(second["learnt"], json!([]));
    assert_eq!(second["services"], first["services"]);

    let words = sotto::in_words_through(
        Parties::shared().unwrap(),
        Hierarchy::shared().unwrap(),
        &["lookup", "hugh@nsec.test", "--store", &store],
    )
    .unwrap();
    assert!(
        words
            .stdout
            .contains("Nobody learnt anything: the answer of "),
        "{words:?}"
    );
    let anew = run(&["--ask-anew"]);
    assert_eq!(anew["from_store"], Value::Null);
    assert_ne!(anew["learnt"], json!([]));

    let shown = sotto::run(&["store", "show", "--store", &store, "--json"]).unwrap();
    let shown = shown.json().unwrap();
    assert_eq!(shown["answers"][0]["name"], first["question"]["name"]);
    assert_eq!(
        (&shown["answers"][0]["usable"], &shown["statements"]),
        (&json!(true), &json!(1))
    );
    assert_ne!(shown["keys"], json!([]));
    let cleared = sotto::run(&["store", "clear", "--store", &store, "--json"]).unwrap();
    assert_eq!(cleared.json().unwrap()["answers_forgotten"], 1);
    assert_eq!(run(&[])["from_store"], Value::Null, "it is asked for again");
}
