//! Lookups whose every party keeps to the protocol, one for each outcome.

mod support;

use sotto_client::mimi::{Identifier, RecordForm};
use sotto_client::proof::RecordType;
use sotto_client::{
    Absence, Abstention, Code, Fact, Lookup, Outcome, Party, Report, SecondOpinion, Setup, Source,
    Step,
};
use sotto_envelope::{Answer, Epoch};
use sotto_wire::{AnswerClass, REQUEST_BYTES};
use support::zone::{DAY, HOUR, Zone};
use support::{GATEWAY, GATEWAY_OPERATOR, NOW, RELAY, Signing, World, status, txt};

const HUGH: &str =
    "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.example.test.";
const TELEGRAM: &str = "v=MIMI1; p=1; a=myname99; e=im.telegram.test; s=telegram";
const WHATSAPP: &str = "v=MIMI1; p=2; a=+15551234567; e=mimi.whatsapp.test; s=whatsapp";

fn providers(report: &Report) -> Vec<&str> {
    match &report.outcome {
        Outcome::Found(found) => found
            .services
            .iter()
            .map(|service| service.provider.as_str())
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn absence(report: &Report) -> Absence {
    match report.outcome {
        Outcome::NoRecord(absence) => absence,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_mailbox_is_found_and_its_services_ranked() {
    let mut world = World::with_txt(&[(HUGH, &[WHATSAPP, TELEGRAM])]);
    let report = world.lookup("hugh@example.test");
    assert_eq!(
        providers(&report),
        ["im.telegram.test", "mimi.whatsapp.test"]
    );
    assert_eq!(
        world.requests,
        [
            "GET https://relay.test/.well-known/sotto",
            "GET https://relay.test/gateway.test/keys",
            "POST https://relay.test/gateway.test",
        ]
    );
    assert_eq!(world.envelopes[0].len(), REQUEST_BYTES);
    assert_eq!(report.validity().unwrap().until, NOW + 7 * DAY);
    assert_eq!(report.cache_until(), Some(NOW + HOUR));
    assert!(report.proof.is_some() && report.identifier.is_some() && report.key_digest.is_some());
    let opinion = if cfg!(feature = "second-opinion") {
        SecondOpinion::Abstains(Abstention::PrivateAnchors)
    } else {
        SecondOpinion::NotAsked
    };
    assert_eq!(report.second_opinion, opinion);
}

#[test]
fn a_report_says_who_learnt_what() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let report = world.lookup("hugh@example.test");
    assert!(report.is_private());
    assert_eq!(
        report
            .operators
            .relay
            .as_ref()
            .map(|operator| operator.source),
        Some(Source::Declared)
    );
    assert_eq!(
        report
            .operators
            .gateway
            .as_ref()
            .map(|operator| operator.source),
        Some(Source::Proved)
    );

    let [relay, gateway, dns] = &report.learnt[..] else {
        panic!("{:?}", report.learnt)
    };
    assert_eq!(
        (relay.party, relay.host.as_deref()),
        (Party::Relay, Some("relay.test"))
    );
    assert_eq!(
        (gateway.party, gateway.operator.as_deref()),
        (Party::Gateway, Some(GATEWAY_OPERATOR))
    );
    assert_eq!(dns.party, Party::Dns);
    assert!(relay.facts.contains(&Fact::ClientAddress));
    assert!(relay.facts.contains(&Fact::AnswerClass(AnswerClass::Base)));
    assert!(!relay.facts.contains(&Fact::OwnerName));
    assert!(gateway.facts.contains(&Fact::OwnerName) && dns.facts.contains(&Fact::OwnerName));
    assert!(
        !gateway.facts.contains(&Fact::ClientAddress) && !dns.facts.contains(&Fact::ClientAddress)
    );
    assert_eq!(
        gateway.to_string(),
        "gateway gateway.test: which relay, when, the name asked for"
    );
}

#[test]
fn hosts_and_phones_are_found_too() {
    let mut world = World::with_txt(&[
        (
            "_mimi.alice.example.test.",
            &["v=MIMI1; e=im.example.test; a=alice"],
        ),
        (
            "_mimi.8.4.1.0.6.4.9.7.0.2.4.4.phones.test.",
            &["v=MIMI1; e=im.example.test"],
        ),
    ]);
    assert_eq!(
        providers(&world.lookup("alice.example.test")),
        ["im.example.test"]
    );
    let setup = world
        .setup()
        .phone_zone("phones.test".parse().unwrap())
        .build()
        .unwrap();
    assert_eq!(
        providers(&world.lookup_with(&setup, "+44 20 7946 0148")),
        ["im.example.test"]
    );
}

#[test]
fn the_private_type_is_asked_for_at_the_bare_name() {
    let mut world = World::default();
    world.zone.add(
        "mymimi.example.test.",
        RecordType(65_401),
        vec![txt(TELEGRAM)],
    );
    let setup = world.setup().mimi_type(65_401).build().unwrap();
    let identifier: Identifier = "mymimi.example.test".parse().unwrap();
    let report = world.drive(
        Lookup::identifier(&setup, identifier, RecordForm::Mimi, NOW),
        NOW,
    );
    assert_eq!(providers(&report), ["im.telegram.test"]);
    assert_eq!(report.question.unwrap().rtype, RecordType(65_401));
}

#[test]
fn a_mimi_uri_is_answered_locally() {
    let mut world = World::default();
    let report = world.lookup("mimi://im.example.test/u/alice");
    assert_eq!(providers(&report), ["im.example.test"]);
    assert!(world.requests.is_empty() && report.learnt.is_empty() && report.question.is_none());
    assert!(report.is_private());
}

#[test]
fn a_wildcard_below_mimi_speaks_for_every_mailbox() {
    let mut world = World::with_txt(&[(
        "*._user._mimi.example.test.",
        &["v=MIMI1; e=im.example.test"],
    )]);
    let report = world.lookup("hugh@example.test");
    assert_eq!(providers(&report), ["im.example.test"]);
}

#[test]
fn a_wildcard_above_mimi_speaks_for_nobody() {
    let mut world = World::with_txt(&[("*.example.test.", &[TELEGRAM])]);
    assert_eq!(
        absence(&world.lookup("hugh@example.test")),
        Absence::UnrelatedWildcard
    );
    assert_eq!(
        absence(&world.lookup("alice.example.test")),
        Absence::UnrelatedWildcard
    );
}

#[test]
fn absence_is_proved_and_told_apart() {
    let mut world = World::with_txt(&[("_mimi.spf.example.test.", &["v=spf1 -all"])]);
    world.zone.add(
        "_mimi.other.example.test.",
        RecordType::A,
        vec![vec![192, 0, 2, 1]],
    );
    assert_eq!(
        absence(&world.lookup("nobody@example.test")),
        Absence::NxDomain
    );
    assert_eq!(
        absence(&world.lookup("other.example.test")),
        Absence::NoData
    );
    let report = world.lookup("spf.example.test");
    assert_eq!(absence(&report), Absence::NoMimiRecord);
    assert_eq!(report.outcome.explanation().unwrap().code, "no_mimi_record");
}

#[test]
fn opting_out_is_an_answer() {
    let mut world = World::with_txt(&[(HUGH, &["v=MIMI1; e=."])]);
    assert!(matches!(
        world.lookup("hugh@example.test").outcome,
        Outcome::OptedOut
    ));
}

#[test]
fn records_that_cannot_be_used_are_listed() {
    let mut world = World::with_txt(&[(HUGH, &["v=MIMI1; a=no provider"])]);
    match world.lookup("hugh@example.test").outcome {
        Outcome::Invalid(dropped) => assert_eq!(dropped.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unsigned_domain_gives_no_records() {
    // A delegation without DS, denied by the parent's NSEC.
    let delegation = |zone: &Zone| zone.nsec("test.", ".", &[RecordType::NS]).into_proof();
    let mut world = World::answering(move |zone, _| Answer::proof(delegation(zone)));
    let report = world.lookup("hugh@example.test");
    match &report.outcome {
        Outcome::Insecure(reason) => assert_eq!(reason.code.as_str(), "no_ds"),
        other => panic!("{other:?}"),
    }
    let explanation = report.outcome.explanation().unwrap();
    assert_eq!(
        (explanation.code, explanation.name.as_deref()),
        ("no_ds", Some("test."))
    );
    assert!(explanation.rfc.is_some());
}

#[test]
fn a_raw_query_takes_the_same_path() {
    let mut world = World::with_txt(&[(
        "hugh.user._bitcoin-payment.example.test.",
        &["bitcoin:bc1q"],
    )]);
    let setup = world.setup().build().unwrap();
    match world
        .query_with(&setup, "hugh.user._bitcoin-payment.example.test", "TXT")
        .outcome
    {
        Outcome::Secure(secure) => assert_eq!(*secure.rdatas[0], txt("bitcoin:bc1q")),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        absence(&world.query_with(&setup, "other.test", "txt")),
        Absence::NxDomain
    );
}

#[test]
fn an_answer_in_the_larger_size_is_read_alike() {
    let texts: Vec<String> = (0..100)
        .map(|index| {
            format!(
                "v=MIMI1; p={index}; e=im{index}.example.test; a={}",
                "x".repeat(100)
            )
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut world = World::with_txt(&[(HUGH, &texts)]);
    let report = world.lookup("hugh@example.test");
    assert_eq!(providers(&report).len(), 16);
    assert!(
        report.learnt[0]
            .facts
            .contains(&Fact::AnswerClass(AnswerClass::Overflow))
    );
}

#[test]
fn knowledge_spares_the_fetches_for_an_hour() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let setup = world.setup().build().unwrap();
    let knowledge = world
        .lookup_with(&setup, "hugh@example.test")
        .knowledge
        .unwrap();
    world.requests.clear();

    let again = world.lookup_knowing(&knowledge, &setup, "hugh@example.test", NOW + HOUR - 1);
    assert_eq!(providers(&again), ["im.telegram.test"]);
    assert!(again.is_private());
    assert_eq!(world.requests, ["POST https://relay.test/gateway.test"]);
    assert_ne!(world.envelopes[0], world.envelopes[1]);
    world.requests.clear();

    let later = world.lookup_knowing(&knowledge, &setup, "hugh@example.test", NOW + HOUR);
    assert_eq!(providers(&later), ["im.telegram.test"]);
    assert_eq!(world.requests.len(), 3);
}

/// Held wrongly: what one relay said of itself, and the key it gave, beside a setup that has another in its place.
#[test]
fn knowledge_of_one_relay_or_gateway_is_none_of_another() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let setup = world.setup().build().unwrap();
    let knowledge = world
        .lookup_with(&setup, "hugh@example.test")
        .knowledge
        .unwrap();
    let anchors = || world.setup().build().unwrap().anchors().clone();
    for (relay, gateway) in [
        ("https://other.test", GATEWAY),
        ("https://relay.test", "other-gateway.test"),
    ] {
        let builder = Setup::builder(relay, gateway).anchors(anchors());
        let other = builder.build().unwrap();
        let identifier = "hugh@example.test".parse().unwrap();
        let memory = knowledge.clone().into();
        let (_, step) =
            Lookup::identifier_knowing(&memory, &other, identifier, RecordForm::Txt, NOW);
        assert!(matches!(step, Step::Get { .. }), "{step:?}");
    }
}

#[test]
fn a_relay_resource_still_asks_who_runs_the_relay() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let setup = world
        .setup_over("https://relay.test/v1/gateway.test")
        .build()
        .unwrap();
    assert_eq!(
        providers(&world.lookup_with(&setup, "hugh@example.test")),
        ["im.telegram.test"]
    );
    assert_eq!(
        world.requests,
        [
            "GET https://relay.test/.well-known/sotto",
            "GET https://relay.test/v1/gateway.test/keys",
            "POST https://relay.test/v1/gateway.test",
        ]
    );
}

/// A foreign relay: no description, no key document; everything comes from the caller.
#[test]
fn a_foreign_relay_needs_no_description_but_is_asked_for_it() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    world.interfere = Box::new(|_, index| (index == 0).then(|| status(404)));
    let list = world.keys(world.epoch).list().to_vec();
    let setup = world
        .setup_over("https://relay.test/gateway.test")
        .relay_operator("relay-operator.test")
        .gateway_operator(GATEWAY_OPERATOR)
        .key_document(&list)
        .build()
        .unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    assert_eq!(providers(&report), ["im.telegram.test"]);
    assert!(report.is_private());
    assert_eq!(
        world.requests,
        [
            "GET https://relay.test/.well-known/sotto",
            "POST https://relay.test/gateway.test"
        ]
    );
    assert_eq!(
        [report.operators.relay, report.operators.gateway]
            .map(|operator| operator.map(|operator| operator.source)),
        [Some(Source::Stated); 2]
    );
}

/// What is stated beside what is declared and proved changes nothing, as long as it is the same.
#[test]
fn a_stated_operator_gives_way_to_what_is_declared_and_proved() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let setup = world
        .setup_over("https://relay.test/gateway.test")
        .relay_operator("noc.relay-operator.test")
        .gateway_operator(GATEWAY_OPERATOR)
        .build()
        .unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    assert_eq!(providers(&report), ["im.telegram.test"]);
    assert_eq!(
        [report.operators.relay, report.operators.gateway]
            .map(|operator| operator.map(|operator| operator.source)),
        [Some(Source::Declared), Some(Source::Proved)]
    );
}

#[test]
fn pinned_knowledge_ends_after_an_hour_too() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let list = world.keys(world.epoch).list().to_vec();
    let setup = world
        .setup()
        .gateway_operator(GATEWAY_OPERATOR)
        .key_document(&list);
    let setup = setup.build().unwrap();
    let knowledge = world
        .lookup_with(&setup, "hugh@example.test")
        .knowledge
        .unwrap();
    // Used again, it does not last any longer.
    let again = world.lookup_knowing(&knowledge, &setup, "hugh@example.test", NOW + HOUR / 2);
    world.requests.clear();
    let _ = world.lookup_knowing(
        &again.knowledge.unwrap(),
        &setup,
        "hugh@example.test",
        NOW + HOUR,
    );
    assert_eq!(
        world.requests[0],
        "GET https://relay.test/.well-known/sotto"
    );
}

#[test]
fn a_document_from_a_file_is_proved_like_the_relays() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let setup = world
        .setup()
        .key_document(&world.key_document())
        .build()
        .unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    assert_eq!(providers(&report), ["im.telegram.test"]);
    assert_eq!(
        report.operators.gateway.map(|operator| operator.source),
        Some(Source::Proved)
    );
    assert!(
        !world
            .requests
            .iter()
            .any(|request| request.ends_with("/keys"))
    );
}

#[test]
fn a_pinned_digest_takes_the_list_it_names() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    let digest = world.keys(world.epoch).digest();
    let setup = world
        .setup()
        .key_digest(digest)
        .gateway_operator(GATEWAY_OPERATOR)
        .build()
        .unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    assert_eq!(providers(&report), ["im.telegram.test"]);
    assert_eq!(world.requests[1], "GET https://relay.test/gateway.test");
    assert_eq!(report.key_digest, Some(digest));
}

#[test]
fn one_operator_is_accepted_when_privacy_is_given_up() {
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    world.description.operator = GATEWAY_OPERATOR.to_owned();
    let setup = world.setup().not_private(true);
    for setup in [setup.clone(), setup.relay_operator("somebody-else.test")] {
        let report = world.lookup_with(&setup.build().unwrap(), "hugh@example.test");
        assert_eq!(providers(&report), ["im.telegram.test"]);
        assert!(!report.is_private());
    }
}

#[test]
fn keys_of_the_caller_s_own_that_are_of_no_use_bother_nobody() {
    let mut world = World::default();
    world.epoch = Epoch(world.epoch.0 - 3);
    let setup = world
        .setup()
        .key_document(&world.key_document())
        .build()
        .unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    match &report.outcome {
        Outcome::Unavailable(why) => assert_eq!(why.code, Code::GatewayKeysStale),
        other => panic!("{other:?}"),
    }
    assert!(report.learnt.is_empty() && world.requests.is_empty());
}

#[test]
fn the_first_key_of_the_document_is_used_whatever_the_clock() {
    // Yesterday's document, still with the relay: everybody who holds it uses yesterday's key.
    let mut world = World::with_txt(&[(HUGH, &[TELEGRAM])]);
    world.epoch = world.epoch.previous();
    let report = world.lookup("hugh@example.test");
    assert_eq!(providers(&report), ["im.telegram.test"]);
    assert_eq!(report.key_digest, Some(world.keys(world.epoch).digest()));
}

#[test]
fn old_signatures_count_unless_the_caller_says_otherwise() {
    let world = || {
        World::answering(|zone, query| {
            let old = Signing {
                from: NOW - 20 * DAY,
                ..Signing::default()
            };
            Answer::proof(
                zone.signed(&query.name, RecordType::TXT, &[txt(TELEGRAM)], &old)
                    .into_proof(),
            )
        })
    };
    let mut accepting = world();
    assert_eq!(
        providers(&accepting.lookup("hugh@example.test")),
        ["im.telegram.test"]
    );
    let mut exact = world();
    let setup = exact.setup().max_age(20 * DAY).build().unwrap();
    assert_eq!(
        providers(&exact.lookup_with(&setup, "hugh@example.test")),
        ["im.telegram.test"]
    );
}

#[test]
fn requests_look_alike_whatever_is_asked() {
    let mut world = World::default();
    let long = format!(
        "{}@{}.test",
        "x".repeat(64),
        ["y".repeat(60), "z".repeat(60)].join(".")
    );
    for identifier in ["a@b.test", long.as_str(), "c.test"] {
        let _ = world.lookup(identifier);
    }
    assert!(
        world
            .envelopes
            .iter()
            .all(|envelope| envelope.len() == REQUEST_BYTES)
    );
    let shapes: std::collections::HashSet<_> = world.requests.chunks(3).collect();
    assert_eq!(shapes.len(), 1);
}

#[test]
fn no_step_leaves_the_relay() {
    let setup = Setup::builder(RELAY, GATEWAY).build().unwrap();
    let (_, step) = Lookup::identifier(&setup, "a@b.test".parse().unwrap(), RecordForm::Txt, NOW);
    match step {
        Step::Get { url, .. } => assert!(url.starts_with(RELAY)),
        other => panic!("{other:?}"),
    }
}
