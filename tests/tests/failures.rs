//! Gateways that do wrong, and parts that are missing: each is told by name, none as another outcome.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use serde_json::{Value, json};
use sotto_envelope::{Answer, ProofQuery};
use sotto_proof::{Limits, Record, RecordType, decode, encode};
use sotto_tests::impostor::{Impostor, Keys, Reply};
use sotto_tests::sotto::{self, Outcome};
use sotto_tests::{GATEWAY_HOST, Hierarchy, Parties};
use sotto_wire::{AnswerClass, Problem, ProblemType};

/// Looks hugh up through an impostor.
fn lookup(
    keys: Keys,
    behave: impl FnMut(&ProofQuery, Vec<u8>) -> Reply + Send + 'static,
) -> (Outcome, usize) {
    let hierarchy = Hierarchy::shared().unwrap();
    let impostor = Impostor::start(hierarchy, keys, behave).unwrap();
    let parties = Parties::before(&impostor).unwrap();
    let ran = sotto::through(&parties, hierarchy, &["lookup", "hugh@nsec.test"]).unwrap();
    (ran, impostor.asked())
}

/// Checks outcome, exit code and, where given, the code of the reason.
#[track_caller]
fn expect(ran: &Outcome, outcome: &str, reason: &str) {
    let code = if outcome == "bogus" { 7 } else { 8 };
    let report: Value = ran.json().unwrap();
    assert_eq!(
        (ran.code, &report["outcome"]),
        (code, &json!(outcome)),
        "{ran:?}"
    );
    assert_eq!(report["services"], json!([]), "{ran:?}");
    assert_eq!(report["reason"]["code"], reason, "{ran:?}");
}

/// An answer whose proof has been changed.
fn altered(proof: &[u8], alter: impl FnOnce(Vec<Record>) -> Vec<Record>) -> Reply {
    Reply::Sealed(Answer::proof(encode(&alter(
        decode(proof, &Limits::default()).unwrap(),
    ))))
}

fn is_leaf(record: &Record) -> bool {
    record.owner.to_string().contains("_user._mimi")
}

#[test]
fn an_honest_impostor_is_a_gateway() {
    let (ran, asked) = lookup(Keys::Stolen, |_, proof| Reply::Sealed(Answer::proof(proof)));
    assert_eq!((ran.code, asked), (0, 1), "{ran:?}");
}

#[test]
fn an_altered_record_is_bogus() {
    let (ran, _) = lookup(Keys::Stolen, |_, proof| {
        altered(&proof, |mut records| {
            let record = records
                .iter_mut()
                .find(|record| is_leaf(record) && record.rtype == RecordType::TXT);
            *record.unwrap().rdata.last_mut().unwrap() ^= 1;
            records
        })
    });
    expect(&ran, "bogus", "bad_signature");
}

#[test]
fn a_record_left_out_is_bogus() {
    let (ran, _) = lookup(Keys::Stolen, |_, proof| {
        altered(&proof, |mut records| {
            let at = records
                .iter()
                .position(|record| is_leaf(record) && record.rtype == RecordType::TXT);
            records.remove(at.unwrap());
            records
        })
    });
    expect(&ran, "bogus", "bad_signature");
}

#[test]
fn signatures_left_out_are_bogus() {
    for left_out in [RecordType::RRSIG, RecordType::DNSKEY, RecordType::DS] {
        let (ran, _) = lookup(Keys::Stolen, move |_, proof| {
            altered(&proof, |records| {
                records
                    .into_iter()
                    .filter(|record| record.rtype != left_out)
                    .collect()
            })
        });
        assert_eq!(ran.code, 7, "{left_out}: {ran:?}");
    }
}

#[test]
fn hiding_what_exists_is_bogus_and_no_absence() {
    let (ran, _) = lookup(Keys::Stolen, |_, proof| {
        altered(&proof, |records| {
            records
                .into_iter()
                .filter(|record| !is_leaf(record))
                .collect()
        })
    });
    assert_eq!(ran.code, 7, "{ran:?}");
}

#[test]
fn the_proof_of_another_name_is_bogus() {
    for (name, rtype) in [
        ("_mimi.alice.nsec.test.", "TXT"),
        ("_mimi.nobody.nsec.test.", "TXT"),
        ("_mimi.frank.unsigned.test.", "TXT"),
    ] {
        let hierarchy = Hierarchy::shared().unwrap();
        let (ran, _) = lookup(Keys::Stolen, move |_, _| {
            Reply::Sealed(Answer::proof(hierarchy.prove(name, rtype).unwrap()))
        });
        assert_eq!(ran.code, 7, "{name}: {ran:?}");
    }
}

#[test]
fn garbage_for_a_proof_is_bogus() {
    let (ran, _) = lookup(Keys::Stolen, |_, _| {
        Reply::Sealed(Answer::proof(vec![0xff; 700]))
    });
    assert_eq!(ran.code, 7, "{ran:?}");
}

#[test]
fn no_proof_is_unavailable() {
    let (ran, _) = lookup(Keys::Stolen, |_, _| {
        Reply::Sealed(Answer::proof(Vec::new()))
    });
    expect(&ran, "unavailable", "no_proof");
}

#[test]
fn sealed_errors_are_unavailable_each_by_its_name() {
    for (status, reason) in [
        (400, "gateway_refused"),
        (403, "name_not_allowed"),
        (502, "resolver_failed"),
        (504, "resolver_timed_out"),
    ] {
        let (ran, asked) = lookup(Keys::Stolen, move |_, _| {
            Reply::Sealed(Answer::problem(Problem::new(
                ProblemType::Blank,
                status,
                "no",
            )))
        });
        expect(&ran, "unavailable", reason);
        assert_eq!(asked, 1, "nothing is asked again of itself");
    }
}

#[test]
fn octets_that_do_not_open_are_unavailable() {
    let (ran, asked) = lookup(Keys::Stolen, |_, _| {
        Reply::Open(200, vec![7; AnswerClass::Base.bytes()])
    });
    expect(&ran, "unavailable", "answer_unreadable");
    assert_eq!(asked, 1);
}

#[test]
fn an_answer_of_no_class_is_stopped_at_the_relay() {
    let (ran, _) = lookup(Keys::Stolen, |_, _| Reply::Open(200, vec![7; 9_000]));
    expect(&ran, "unavailable", "gateway_unreachable");
}

#[test]
fn a_gateway_that_refuses_its_own_keys_is_asked_once_more_with_a_newer_one() {
    let (ran, asked) = lookup(Keys::Stolen, |_, _| {
        Reply::Problem(
            400,
            Problem::new(ProblemType::OhttpKey, 400, "no").to_json(),
        )
    });
    expect(&ran, "unavailable", "gateway_key_refused");
    assert_eq!(asked, 2, "with the next epoch's key, and never again");
}

#[test]
fn swapped_keys_are_noticed_before_anything_is_sent() {
    let (ran, asked) = lookup(Keys::Swapped, |_, _| unreachable!("nothing may be sent"));
    expect(&ran, "unavailable", "gateway_keys_swapped");
    assert_eq!(asked, 0);
}

#[test]
fn a_root_key_of_somebody_else_s_trusts_no_gateway() {
    let parties = Parties::shared().unwrap();
    let (relay, ca) = (parties.relay_url(), parties.ca().display().to_string());
    let ran = sotto::run(&[
        "lookup",
        "hugh@nsec.test",
        "--json",
        "--relay",
        &relay,
        "--gateway",
        GATEWAY_HOST,
        "--ca",
        &ca,
    ]);
    expect(&ran.unwrap(), "unavailable", "gateway_keys_unproved");
}

#[test]
fn a_relay_that_nobody_vouches_for_is_refused() {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    let (relay, anchor) = (
        parties.relay_url(),
        hierarchy.anchor().display().to_string(),
    );
    let ca = parties.gateway_ca().display().to_string();
    let ran = sotto::run(&[
        "lookup",
        "hugh@nsec.test",
        "--json",
        "--relay",
        &relay,
        "--gateway",
        GATEWAY_HOST,
        "--anchor",
        &anchor,
        "--ca",
        &ca,
    ]);
    expect(&ran.unwrap(), "unavailable", "certificate_refused");
}

#[test]
fn a_relay_that_is_not_there_and_a_gateway_that_it_does_not_serve_are_unavailable() {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    let (ca, anchor) = (
        parties.ca().display().to_string(),
        hierarchy.anchor().display().to_string(),
    );
    let ask = |relay: &str, gateway: &str| {
        sotto::run(&[
            "lookup",
            "hugh@nsec.test",
            "--json",
            "--relay",
            relay,
            "--gateway",
            gateway,
            "--anchor",
            &anchor,
            "--ca",
            &ca,
        ])
        .unwrap()
    };
    expect(
        &ask("https://127.0.0.1:1", GATEWAY_HOST),
        "unavailable",
        "connect_failed",
    );
    expect(
        &ask(&parties.relay_url(), "other.test"),
        "unavailable",
        "gateway_unknown_to_relay",
    );
}
