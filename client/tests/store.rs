//! Lookups with a store: what is answered from it, what is refused because of it, and that nothing of it
//! shows in what is sent.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use sotto_client::mimi::RecordForm;
use sotto_client::proof::{Anchors, Question, RecordType};
use sotto_client::{Absence, Code, Detail, Lookup, Outcome, Report, Setup, Step, Store};
use sotto_envelope::Answer;
use support::zone::{DAY, HOUR, Zone};
use support::{NOW, Signing, World, sealed_problem, txt};

const HUGH: &str =
    "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.example.test.";
const TELEGRAM: &str = "v=MIMI1; p=1; a=myname99; e=im.telegram.test; s=telegram";
const WHATSAPP: &str = "v=MIMI1; p=2; a=+15551234567; e=mimi.whatsapp.test; s=whatsapp";

const LANTERN: &str = "v=MIMI1; e=im.lantern.test";
const HARBOUR: &str = "v=MIMI1; e=mimi.harbour.test";

fn with_store(world: &World) -> (Setup, Store) {
    let store = Store::in_memory();
    let setup = world.setup().store(store.clone()).build().unwrap();
    (setup, store)
}

fn lookup(world: &mut World, setup: &Setup, identifier: &str, now: u64) -> Report {
    let identifier = identifier.parse().unwrap();
    let started = Lookup::identifier(setup, identifier, RecordForm::Txt, now);
    world.drive(started, now)
}

fn code(report: &Report) -> Code {
    match &report.outcome {
        Outcome::Unavailable(why) => why.code,
        other => panic!("{other:?}"),
    }
}

/// A gateway that answers with `text` under a signature made at `from`, or denies the name.
fn answering(text: Option<&'static str>, from: u64) -> World {
    World::answering(move |zone, query| Answer::proof(proof(zone, &query.name, text, from)))
}

fn proof(zone: &Zone, name: &str, text: Option<&str>, from: u64) -> Vec<u8> {
    let signing = Signing {
        from,
        ..Signing::default()
    };
    match text {
        Some(text) => zone.signed(name, RecordType::TXT, &[txt(text)], &signing),
        None => zone.nsec_signed(".", ".", &[RecordType::NS, RecordType::SOA], &signing),
    }
    .into_proof()
}

#[test]
fn a_second_lookup_sends_nothing_while_the_ttl_lasts() {
    let mut world = World::with_txt(&[(HUGH, &[WHATSAPP, TELEGRAM])]);
    let (setup, store) = with_store(&world);
    let first = lookup(&mut world, &setup, "hugh@example.test", NOW);
    assert!(first.from_store.is_none());
    let sent = world.requests.len();
    assert!(store.has_answer(first.question.as_ref().unwrap(), NOW));

    let second = lookup(&mut world, &setup, "Hugh@EXAMPLE.test", NOW + HOUR - 1);
    assert_eq!(world.requests.len(), sent, "nobody was asked");
    assert!(second.learnt.is_empty() && second.is_private());
    let (Outcome::Found(one), Outcome::Found(other)) = (&first.outcome, &second.outcome) else {
        panic!("{:?}", second.outcome)
    };
    assert_eq!(one.services, other.services);
    let stored = second.from_store.unwrap();
    assert_eq!((stored.since, stored.until), (NOW, NOW + HOUR));
    assert_eq!(
        second.cache_until(),
        first.cache_until(),
        "its life does not begin anew"
    );
    assert_eq!((second.at, &second.proof), (NOW + HOUR - 1, &first.proof));

    let third = lookup(&mut world, &setup, "hugh@example.test", NOW + HOUR);
    assert!(third.from_store.is_none());
    assert!(world.requests.len() > sent);
}

#[test]
fn absence_and_insecurity_are_kept_too_and_failures_are_not() {
    let unsigned = |zone: &Zone| zone.nsec("test.", ".", &[RecordType::NS]).into_proof();
    for (mut world, kept) in [
        (World::default(), true),
        (
            World::answering(move |zone, _| Answer::proof(unsigned(zone))),
            true,
        ),
        (World::answering(|_, _| Answer::proof(vec![7; 40])), false),
        (World::answering(|_, _| sealed_problem(502)), false),
        (answering(Some(TELEGRAM), NOW + DAY), false),
    ] {
        let (setup, _) = with_store(&world);
        let first = lookup(&mut world, &setup, "hugh@example.test", NOW);
        let sent = world.requests.len();
        let second = lookup(&mut world, &setup, "hugh@example.test", NOW + 1);
        assert_eq!(second.from_store.is_some(), kept, "{:?}", first.outcome);
        assert_eq!(world.requests.len() == sent, kept);
        assert_eq!(first.outcome.as_str(), second.outcome.as_str());
    }
}

/// Everything that a step shows to whoever carries it out: not what is under seal, but how much of it.
fn shown(step: &Step) -> String {
    match step {
        Step::Post {
            url,
            media_type,
            body,
            max_bytes,
        } => format!("POST {url} {media_type} {} {max_bytes}", body.len()),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_is_held_never_shows_in_what_is_sent() {
    let names = ["a", "b", "c", "d"].map(|user| format!("{user}@example.test"));
    let run = |held: &[String], asked: &[String], at: u64| -> Vec<Vec<String>> {
        let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
        let (setup, _) = with_store(&world);
        for name in held {
            let _ = lookup(&mut world, &setup, name, NOW);
        }
        asked
            .iter()
            .map(|name| {
                let identifier = name.parse().unwrap();
                let mut steps = Vec::new();
                let (mut lookup, mut step) =
                    Lookup::identifier(&setup, identifier, RecordForm::Txt, at);
                while !matches!(step, Step::Done(_)) {
                    steps.push(shown(&step));
                    step = lookup.next(world.answer_to(&step), at);
                }
                steps
            })
            .collect()
    };
    let empty = run(&[], &names, NOW + 60);
    assert!(empty.iter().all(|steps| steps.len() == 3), "{empty:?}");

    // Every subset of the names in the store: each lookup sends what it always sends, or nothing.
    for held in 0..1_u32 << names.len() {
        let held: Vec<_> = (0..names.len())
            .filter(|index| held >> index & 1 == 1)
            .map(|index| names[index].clone())
            .collect();
        for (index, steps) in run(&held, &names, NOW + 60).into_iter().enumerate() {
            let expected = if held.contains(&names[index]) {
                &[]
            } else {
                &empty[index][..]
            };
            assert_eq!(steps, expected);
        }
    }
    // What is over is asked for as if it had never been held.
    assert_eq!(
        run(&names, &names, NOW + HOUR),
        run(&[], &names, NOW + HOUR)
    );
}

#[test]
fn an_older_answer_is_refused_and_a_newer_or_equal_one_is_not() {
    for (text, from, refused) in [
        (Some(WHATSAPP), NOW - DAY - 1, true),
        (None, NOW - DAY - 1, true),
        (Some(TELEGRAM), NOW - DAY - 1, false),
        (Some(WHATSAPP), NOW - DAY, false),
        (Some(WHATSAPP), NOW - DAY + 1, false),
        (None, NOW - HOUR, false),
    ] {
        let mut world = answering(Some(TELEGRAM), NOW - DAY);
        let (setup, store) = with_store(&world);
        assert!(matches!(
            lookup(&mut world, &setup, "hugh@example.test", NOW).outcome,
            Outcome::Found(_)
        ));
        world.answer = answering(text, from).answer;
        let later = lookup(&mut world, &setup, "hugh@example.test", NOW + HOUR);
        if !refused {
            assert!(
                !matches!(later.outcome, Outcome::Unavailable(_)),
                "{text:?} {from}"
            );
            continue;
        }
        assert_eq!(code(&later), Code::RolledBack);
        let Outcome::Unavailable(why) = &later.outcome else {
            panic!("{later:?}")
        };
        let Some(Detail::Older {
            name,
            signed_at,
            seen,
        }) = &why.detail
        else {
            panic!("{why:?}")
        };
        assert_eq!((*signed_at, *seen), (from, NOW - DAY));
        assert_eq!(name.to_string(), HUGH);
        let explanation = later.outcome.explanation().unwrap();
        assert_eq!(explanation.name.as_deref(), Some(HUGH));
        assert!(
            later.proof.is_some() && later.verification.is_some(),
            "it can be saved"
        );
        assert_eq!(later.cache_until(), None);

        // Nothing of it is kept: it is refused again, until what is newer comes, or all is forgotten.
        let again = lookup(&mut world, &setup, "hugh@example.test", NOW + HOUR + 1);
        assert_eq!(code(&again), Code::RolledBack);
        store.forget(false).unwrap();
        let again = lookup(&mut world, &setup, "hugh@example.test", NOW + HOUR + 2);
        assert_eq!(code(&again), Code::RolledBack);
        store.forget(true).unwrap();
        let again = lookup(&mut world, &setup, "hugh@example.test", NOW + HOUR + 3);
        assert!(!matches!(again.outcome, Outcome::Unavailable(_)));
    }
}

#[test]
fn without_a_store_an_older_answer_is_taken() {
    let mut world = answering(Some(TELEGRAM), NOW - DAY);
    let setup = world.setup().build().unwrap();
    let _ = lookup(&mut world, &setup, "hugh@example.test", NOW);
    world.answer = answering(Some(WHATSAPP), NOW - 2 * DAY).answer;
    let later = lookup(&mut world, &setup, "hugh@example.test", NOW + HOUR);
    assert!(matches!(later.outcome, Outcome::Found(_)));
}

#[test]
fn a_wildcard_s_records_are_held_against_each_other_over_all_names() {
    let wildcard = |text: &'static str, from: u64| {
        World::answering(move |zone, query| {
            let signing = Signing {
                from,
                wildcard_labels: Some(4),
                ..Signing::default()
            };
            let answer = zone.signed(&query.name, RecordType::TXT, &[txt(text)], &signing);
            let next = "zz._user._mimi.example.test.";
            let closer = zone.nsec("*._user._mimi.example.test.", next, &[RecordType::TXT]);
            Answer::proof(answer.and(closer).into_proof())
        })
    };
    let mut world = wildcard(LANTERN, NOW - HOUR);
    let (setup, _) = with_store(&world);
    let first = lookup(&mut world, &setup, "hugh@example.test", NOW);
    assert!(
        matches!(first.outcome, Outcome::Found(_)),
        "{:?}",
        first.outcome
    );
    world.answer = wildcard(HARBOUR, NOW - DAY).answer;
    let other = lookup(&mut world, &setup, "somebody@example.test", NOW);
    assert_eq!(code(&other), Code::RolledBack);
    world.answer = wildcard(HARBOUR, NOW - HOUR + 1).answer;
    let other = lookup(&mut world, &setup, "somebody@example.test", NOW);
    assert!(matches!(other.outcome, Outcome::Found(_)));
}

#[test]
fn a_clock_that_moves_is_no_harm() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let (setup, _) = with_store(&world);
    let mut since = |now| {
        let report = lookup(&mut world, &setup, "hugh@example.test", now);
        assert!(matches!(report.outcome, Outcome::Found(_)));
        report.from_store.map(|stored| stored.since)
    };
    assert_eq!(since(NOW), None);
    assert_eq!(since(NOW + HOUR), None, "ahead: its time is over");
    // Set back, the age of what is held is unknown: it is asked for, and replaced.
    assert_eq!(since(NOW - HOUR), None);
    assert_eq!(since(NOW - 1), Some(NOW - HOUR));
    assert_eq!(since(NOW), None, "it is as old as the clock says");
}

#[test]
fn what_is_held_is_judged_by_the_rules_of_now() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let (setup, store) = with_store(&world);
    let question = lookup(&mut world, &setup, "hugh@example.test", NOW)
        .question
        .unwrap();
    assert!(store.has_answer(&question, NOW + 1));
    let others = || world.setup().store(store.clone());
    let elsewhere = Anchors::parse(
        ". IN DS 1 15 2 0000000000000000000000000000000000000000000000000000000000000000",
    )
    .unwrap();
    for setup in [
        others().max_age(HOUR),
        others().anchors(elsewhere),
        others().ask_anew(true),
    ] {
        let setup = setup.build().unwrap();
        let identifier = "hugh@example.test".parse().unwrap();
        let (_, step) = Lookup::identifier(&setup, identifier, RecordForm::Txt, NOW + 1);
        assert!(matches!(step, Step::Get { .. }), "{step:?}");
    }
    let setup = others().max_age(2 * DAY).build().unwrap();
    let sent = world.requests.len();
    let report = lookup(&mut world, &setup, "hugh@example.test", NOW + 1);
    assert!(report.from_store.is_some());
    assert_eq!(world.requests.len(), sent);
}

#[test]
fn a_name_below_zones_already_verified_costs_its_own_signature_alone() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    world.zone.add(
        "_mimi.alice.example.test.",
        RecordType::TXT,
        vec![txt(TELEGRAM)],
    );
    let (setup, _) = with_store(&world);
    let cost = |report: &Report| report.verification.as_ref().unwrap().cost;
    // The keys of the zone were checked with the gateway's key record already.
    let first = cost(&lookup(&mut world, &setup, "hugh@example.test", NOW));
    assert_eq!((first.signature_checks, first.remembered_checks), (2, 1));
    let second = cost(&lookup(&mut world, &setup, "alice.example.test", NOW));
    assert_eq!((second.signature_checks, second.remembered_checks), (2, 1));
    let stored = cost(&lookup(&mut world, &setup, "alice.example.test", NOW + 1));
    assert_eq!((stored.signature_checks, stored.remembered_checks), (2, 2));

    let without = world.setup().build().unwrap();
    let alone = cost(&lookup(&mut world, &without, "alice.example.test", NOW));
    assert_eq!((alone.signature_checks, alone.remembered_checks), (2, 0));
}

#[test]
fn raw_queries_share_the_store_with_lookups() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let (setup, store) = with_store(&world);
    let first = world.query_with(&setup, HUGH, "TXT");
    assert!(matches!(first.outcome, Outcome::Secure(_)));
    let sent = world.requests.len();
    let second = lookup(&mut world, &setup, "hugh@example.test", NOW);
    assert!(matches!(second.outcome, Outcome::Found(_)));
    assert_eq!(world.requests.len(), sent);
    let other = Question {
        name: HUGH.parse().unwrap(),
        rtype: RecordType(65_400),
    };
    assert!(!store.has_answer(&other, NOW));
}

#[test]
fn keys_seen_before_are_compared_with_after_a_restart() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let (setup, store) = with_store(&world);
    let _ = lookup(&mut world, &setup, "hugh@example.test", NOW);
    assert!(store.keys_seen().iter().count() >= 2);

    // The gateway has other keys for the same days, which its own zone names.
    world.secret = [8; 32];
    let setup = world.setup().store(store.clone()).build().unwrap();
    let report = lookup(&mut world, &setup, "alice.example.test", NOW + 60);
    assert_eq!(code(&report), Code::KeysDiffer);
    assert_eq!(world.envelopes.len(), 1, "nothing more was asked");
    // What is held is answered all the same.
    let report = lookup(&mut world, &setup, "hugh@example.test", NOW + 60);
    assert!(report.from_store.is_some());
}

#[test]
fn an_older_key_document_of_the_same_relay_is_refused_after_an_hour() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let (setup, _) = with_store(&world);
    let _ = lookup(&mut world, &setup, "hugh@example.test", NOW);
    world.epoch = world.epoch.previous();
    for (later, refused) in [(HOUR - 1, false), (HOUR, true)] {
        let asked = world.envelopes.len();
        // A name of its own each time, since an answer would be kept.
        let name = format!("n{later}.example.test");
        let report = lookup(&mut world, &setup, &name, NOW + later);
        let is_stale = matches!(&report.outcome, Outcome::Unavailable(why) if why.code == Code::GatewayKeysStale);
        assert_eq!(
            (is_stale, world.envelopes.len() == asked),
            (refused, refused),
            "{later}"
        );
    }
    world.epoch = world.epoch.next();
    let report = lookup(&mut world, &setup, "bob.example.test", NOW + HOUR + 1);
    assert!(matches!(report.outcome, Outcome::NoRecord(_)));
}

#[test]
fn a_store_shows_what_it_holds_and_debug_shows_nothing() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let (setup, store) = with_store(&world);
    let report = lookup(&mut world, &setup, "hugh@example.test", NOW);
    let contents = store.contents();
    assert_eq!(contents.answers.len(), 1);
    let held = &contents.answers[0];
    assert_eq!(held.question.name.to_string(), HUGH);
    assert_eq!((held.since, held.until), (NOW, NOW + HOUR));
    assert_eq!(held.octets, report.proof.unwrap().len());
    assert_eq!(contents.statements, 1);
    assert!(contents.octets > held.octets);
    let debug = format!("{store:?} {setup:?}");
    assert!(
        !debug.contains("_user") && !debug.contains("example.test"),
        "{debug}"
    );
    store.forget(true).unwrap();
    assert_eq!(store.contents().octets, 0);
    assert_eq!(store.contents().answers, []);
    let again = lookup(&mut world, &setup, "nobody@example.test", NOW);
    assert!(matches!(
        again.outcome,
        Outcome::NoRecord(Absence::NxDomain)
    ));
    assert_eq!(
        store.contents().statements,
        2,
        "of the name, and of the wildcard"
    );
}

#[cfg(feature = "store")]
#[test]
fn a_hundred_restarts_of_a_store_keep_one_order_and_stores_differ() {
    let mut world = World::with_txt(&[(HUGH, &[LANTERN, HARBOUR])]);
    let folder = tempfile::tempdir().unwrap();
    let anchors = Anchors::parse(&world.zone.anchor()).unwrap();
    let mut first = |file: &str| -> String {
        let store = Store::open(folder.path().join(file)).unwrap();
        let setup = Setup::builder(support::RELAY, support::GATEWAY)
            .anchors(anchors.clone())
            .store(store.clone())
            .build()
            .unwrap();
        let report = lookup(&mut world, &setup, "hugh@example.test", NOW);
        store.flush().unwrap();
        let Outcome::Found(found) = report.outcome else {
            panic!("{:?}", report.outcome)
        };
        found.services[0].provider.to_string()
    };
    let chosen = first("one");
    for _ in 0..100 {
        assert_eq!(first("one"), chosen);
    }
    // Of forty, all alike once in 2^39 runs.
    let choices: Vec<_> = (0..40).map(|number| first(&format!("n{number}"))).collect();
    assert!(choices.iter().any(|choice| *choice != choices[0]));
    assert_eq!(world.requests.len(), 3 * 41, "each store asks once");
}
