//! Every reason for which there is no answer, or none that is believed: each is reached, named, and
//! remedied.

#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod support;

use std::collections::HashSet;

use sotto_client::proof::{Name, RecordType};
use sotto_client::{Code, Event, Lookup, Outcome, Report, Sent, Step, TransportProblemKind};
use sotto_envelope::{Answer, Epoch, KeyRecord};
use sotto_wire::{AnswerClass, KEY_DOCUMENT_MAX_BYTES, media};
use support::zone::DAY;
use support::{
    GATEWAY, GATEWAY_OPERATOR, NOW, Signing, World, failed, key_refusal, ok, reply, sealed_problem,
    status, txt,
};

/// The steps of a lookup that starts from nothing.
const DESCRIPTION: usize = 0;
const KEYS: usize = 1;
const QUESTION: usize = 2;

fn lookup(mut world: World) -> Report {
    world.lookup("hugh@example.test")
}

fn interfering(at: usize, event: impl Fn() -> Event + 'static) -> Report {
    lookup(World::interfering(at, event))
}

fn answering(answer: impl Fn() -> Answer + 'static) -> Report {
    lookup(World::answering(move |_, _| answer()))
}

/// A world whose key record is not the honest one.
fn with_key_proof(prove: impl Fn(&World) -> Vec<u8>) -> Report {
    let mut world = World::default();
    world.key_proof = Some(prove(&world));
    lookup(world)
}

fn key_records_signed(world: &World, records: &[Vec<u8>], signing: &Signing) -> Vec<u8> {
    let owner = KeyRecord::owner_name(GATEWAY);
    world
        .zone
        .signed(&owner, RecordType::TXT, records, signing)
        .into_proof()
}

/// One way to each code, or several.
fn ways() -> Vec<(Code, &'static str, Report)> {
    let resource = "https://relay.test/gateway.test";
    let altered = |change: fn(&mut World)| {
        let mut world = World::default();
        change(&mut world);
        lookup(world)
    };
    let expired = Signing {
        from: NOW - 30 * DAY,
        until: NOW - DAY,
        all: true,
        ..Signing::default()
    };
    let early = Signing {
        from: NOW + DAY,
        until: NOW + 30 * DAY,
        all: true,
        ..Signing::default()
    };
    let proof_signed = |signing: Signing| {
        lookup(World::answering(move |zone, query| {
            Answer::proof(
                zone.signed(&query.name, RecordType::TXT, &[txt("x")], &signing)
                    .into_proof(),
            )
        }))
    };
    let mut ways = vec![
        (
            Code::NoOwnerName,
            "a phone without zone",
            World::default().lookup("+442079460148"),
        ),
        (
            Code::NameNotCarried,
            "octets that the question cannot hold",
            {
                let mut world = World::default();
                let setup = world.setup().build().unwrap();
                world.query_with(&setup, "a\\032b.test", "TXT")
            },
        ),
        (Code::Clock, "the clock is ahead", proof_signed(expired)),
        (Code::Clock, "the clock is behind", proof_signed(early)),
        (Code::Clock, "the key record's signatures are over", {
            with_key_proof(|world| key_records_signed(world, &world.key_records(), &expired))
        }),
        (Code::TooOld, "older than accepted", {
            let mut world = World::default();
            let setup = world.setup().max_age(DAY - 1).build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (
            Code::Misused,
            "an event for another step",
            interfering(DESCRIPTION, || Event::Woke),
        ),
        (
            Code::Redirected,
            "the description is elsewhere",
            interfering(DESCRIPTION, || status(308)),
        ),
        (
            Code::Redirected,
            "the answer is elsewhere",
            interfering(QUESTION, || status(302)),
        ),
        (
            Code::DescriptionMissing,
            "404",
            interfering(DESCRIPTION, || status(404)),
        ),
        (
            Code::DescriptionInvalid,
            "no JSON",
            interfering(DESCRIPTION, || ok(media::JSON, b"<html>".to_vec())),
        ),
        (
            Code::DescriptionInvalid,
            "another version",
            altered(|world| world.description.version = 2),
        ),
        (Code::DescriptionInvalid, "a resource elsewhere", {
            altered(|world| {
                world.description.gateways[0].resource = "//evil.test/gateway.test".to_owned();
            })
        }),
        (
            Code::GatewayUnknownToRelay,
            "not listed",
            altered(|world| world.description.gateways.clear()),
        ),
        (
            Code::GatewayUnknownToRelay,
            "404",
            interfering(QUESTION, || status(404)),
        ),
        (
            Code::SameOperator,
            "equal",
            altered(|world| world.description.operator = GATEWAY_OPERATOR.to_owned()),
        ),
        (Code::SameOperator, "equal but for a label", {
            altered(|world| world.description.operator = format!("relay.{GATEWAY_OPERATOR}"))
        }),
        (
            Code::OperatorUnknown,
            "the relay's",
            altered(|world| world.description.operator = "test".to_owned()),
        ),
        (Code::OperatorConflict, "the relay declares another", {
            let mut world = World::default();
            world.description.operator = GATEWAY_OPERATOR.to_owned();
            let setup = world.setup_over(resource);
            let setup = setup.relay_operator("somebody-else.test").build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (Code::OperatorConflict, "the key record proves another", {
            let mut world = World::default();
            world.description.operator = GATEWAY_OPERATOR.to_owned();
            let setup = world.setup().gateway_operator("somebody-else.test");
            world.lookup_with(&setup.build().unwrap(), "hugh@example.test")
        }),
        (Code::SameOperator, "stated beside", {
            let mut world = World::default();
            world.description.operator = GATEWAY_OPERATOR.to_owned();
            let setup = world.setup_over(resource);
            let setup = setup.relay_operator(GATEWAY_OPERATOR).build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (Code::RelayUnready, "a description that may come later", {
            let mut world = World::interfering(DESCRIPTION, || status(503));
            let setup = world.setup_over(resource);
            let setup = setup.relay_operator("somebody-else.test").build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (Code::OperatorUnknown, "a foreign relay's", {
            let mut world = World::interfering(DESCRIPTION, || status(404));
            let setup = world.setup_over(resource).build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (Code::OperatorUnknown, "the gateway's, with pinned keys", {
            let mut world = World::default();
            let list = world.keys(world.epoch).list().to_vec();
            let setup = world.setup().key_document(&list).build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (
            Code::RelayNotAdmitted,
            "401",
            interfering(QUESTION, || status(401)),
        ),
        (
            Code::RequestSlow,
            "408",
            interfering(QUESTION, || status(408)),
        ),
        (
            Code::RelayBusy,
            "429",
            interfering(QUESTION, || status(429)),
        ),
        (
            Code::RelayUnready,
            "503",
            interfering(QUESTION, || status(503)),
        ),
        (
            Code::RelayUnready,
            "no keys yet",
            interfering(KEYS, || status(503)),
        ),
        (
            Code::GatewayUnreachable,
            "502",
            interfering(QUESTION, || status(502)),
        ),
        (
            Code::GatewayTimedOut,
            "504",
            interfering(QUESTION, || status(504)),
        ),
        (
            Code::UnexpectedStatus,
            "418",
            interfering(QUESTION, || status(418)),
        ),
        (
            Code::UnexpectedStatus,
            "204",
            interfering(QUESTION, || status(204)),
        ),
        (Code::UnexpectedMediaType, "a description in HTML", {
            interfering(DESCRIPTION, || ok("text/html", b"{}".to_vec()))
        }),
        (Code::UnexpectedMediaType, "an answer without type", {
            interfering(QUESTION, || reply(200, None, vec![0; 8_192]))
        }),
        (Code::KeysMissing, "404", interfering(KEYS, || status(404))),
        (
            Code::GatewayKeysUnproved,
            "no document",
            interfering(KEYS, || ok(media::KEY_DOCUMENT, b"SKD2".to_vec())),
        ),
        (
            Code::GatewayKeysUnproved,
            "an empty document",
            interfering(KEYS, || ok(media::KEY_DOCUMENT, Vec::new())),
        ),
        (
            Code::GatewayKeysSwapped,
            "a swapped key",
            altered(|world| {
                let own = World {
                    secret: [8; 32],
                    ..World::default()
                };
                let lists = [world.epoch, world.epoch.next()]
                    .map(|epoch| (epoch, own.keys(epoch).list().to_vec()));
                world.lists = Some(lists.to_vec());
            }),
        ),
        (
            Code::GatewayKeysSwapped,
            "a key moved to another day",
            altered(|world| {
                let tomorrow = world.keys(world.epoch.next()).list().to_vec();
                world.lists = Some(vec![(world.epoch, tomorrow)]);
            }),
        ),
        (
            Code::GatewayKeysUnproved,
            "no proof",
            altered(|world| world.key_proof = Some(Vec::new())),
        ),
        (
            Code::GatewayKeysUnproved,
            "a denial",
            with_key_proof(|world| world.zone.prove("gateway.test.", "TXT")),
        ),
        (Code::GatewayKeysUnproved, "a denied key record", {
            with_key_proof(|world| world.zone.prove(&KeyRecord::owner_name(GATEWAY), "TXT"))
        }),
        (
            Code::GatewayKeysForeign,
            "another gateway's record",
            with_key_proof(|world| {
                world
                    .zone
                    .signed(
                        "_ohttp-keys.other.test.",
                        RecordType::TXT,
                        &world.key_records(),
                        &Signing::default(),
                    )
                    .into_proof()
            }),
        ),
        (
            Code::GatewayKeysUnproved,
            "an altered record",
            with_key_proof(|world| {
                let mut proof =
                    key_records_signed(world, &world.key_records(), &Signing::default());
                let at = proof
                    .windows(9)
                    .position(|octets| octets == b"operator.")
                    .unwrap();
                proof[at] ^= 1;
                proof
            }),
        ),
        (
            Code::GatewayKeysUnproved,
            "two digests for one day",
            with_key_proof(|world| {
                let own = World {
                    secret: [8; 32],
                    ..World::default()
                };
                let records = [world.key_records(), own.key_records()].concat();
                key_records_signed(world, &records, &Signing::default())
            }),
        ),
        (Code::GatewayKeysUnproved, "no record of ours", {
            with_key_proof(|world| {
                key_records_signed(world, &[txt("v=spf1 -all")], &Signing::default())
            })
        }),
        (
            Code::GatewayKeysUnproved,
            "no digest for these days",
            with_key_proof(|world| {
                key_records_signed(world, &world.key_records()[3..], &Signing::default())
            }),
        ),
        (
            Code::GatewayKeysUnproved,
            "a wildcard",
            with_key_proof(|world| {
                let signing = Signing {
                    wildcard_labels: Some(1),
                    ..Signing::default()
                };
                world
                    .zone
                    .signed(
                        &KeyRecord::owner_name(GATEWAY),
                        RecordType::TXT,
                        &world.key_records(),
                        &signing,
                    )
                    .and(world.zone.nsec("*.test.", "zz.test.", &[RecordType::TXT]))
                    .into_proof()
            }),
        ),
        (
            Code::GatewayZoneUnsigned,
            "an unsigned zone",
            with_key_proof(|world| {
                world
                    .zone
                    .nsec("test.", ".", &[RecordType::NS])
                    .into_proof()
            }),
        ),
        (
            Code::GatewayKeysExpired,
            "a record that nobody signed again",
            {
                with_key_proof(|world| {
                    let over = Signing {
                        from: NOW - 20 * DAY,
                        until: NOW - DAY,
                        ..Signing::default()
                    };
                    key_records_signed(world, &world.key_records(), &over)
                })
            },
        ),
        (
            Code::GatewayKeysAliased,
            "an alias in the record's chain",
            {
                with_key_proof(|world| {
                    let (alias, target) = (KeyRecord::owner_name(GATEWAY), "keys.elsewhere.test.");
                    let name: Name = target.parse().unwrap();
                    let cname = [name.as_wire().to_vec()];
                    let (signing, records) = (Signing::default(), world.key_records());
                    let zone = &world.zone;
                    zone.signed(&alias, RecordType::CNAME, &cname, &signing)
                        .and(zone.signed(target, RecordType::TXT, &records, &signing))
                        .into_proof()
                })
            },
        ),
        (Code::KeysDiffer, "another list over another relay", {
            let mut world = World::default();
            let own = World {
                secret: [8; 32],
                ..World::default()
            };
            world.interfere = Box::new(move |step, _| match step {
                Step::Post { .. } => Some(failed(Sent::Nothing, TransportProblemKind::Lost)),
                Step::Get { url, accept, .. }
                    if url.contains("relay-two") && *accept == media::KEY_DOCUMENT =>
                {
                    Some(ok(media::KEY_DOCUMENT, own.key_document()))
                }
                _ => None,
            });
            let setup = world.setup().another_relay("https://relay-two.test");
            world.lookup_with(&setup.build().unwrap(), "hugh@example.test")
        }),
        (
            Code::RequestLooped,
            "508",
            interfering(QUESTION, || status(508)),
        ),
        (Code::LookupTimedOut, "a pause beyond the end", {
            let mut world =
                World::interfering(0, || failed(Sent::Nothing, TransportProblemKind::Connect));
            let setup = world.setup().lookup_timeout(1).build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (Code::GatewayKeysUnproved, "not the pinned list", {
            let mut world = World::default();
            let setup = world.setup().key_digest([0; 32]).build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (
            Code::GatewayKeysStale,
            "a replayed document, still proved",
            { altered(|world| world.epoch = Epoch(world.epoch.0 - 3)) },
        ),
        (
            Code::GatewayKeysStale,
            "a document of days to come",
            altered(|world| world.epoch = Epoch(world.epoch.0 + 2)),
        ),
        (Code::GatewayKeysUnusable, "only X25519", {
            let mut world = World::default();
            // The list is two configurations, each behind its length; X25519 is the second.
            let list = world.keys(world.epoch).list().to_vec();
            let first = usize::from(u16::from_be_bytes([list[0], list[1]])) + 2;
            let setup = world.setup().key_document(&list[first..]).build().unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (Code::GatewayKeyRefused, "a pinned key", {
            let mut world = World::interfering(1, key_refusal);
            let list = world.keys(world.epoch).list().to_vec();
            let setup = world
                .setup()
                .key_document(&list)
                .gateway_operator(GATEWAY_OPERATOR)
                .build()
                .unwrap();
            world.lookup_with(&setup, "hugh@example.test")
        }),
        (
            Code::AnswerSize,
            "one octet short",
            interfering(QUESTION, || ok(media::OHTTP_RESPONSE, vec![0; 8_191])),
        ),
        (
            Code::AnswerSize,
            "nothing",
            interfering(QUESTION, || ok(media::OHTTP_RESPONSE, Vec::new())),
        ),
        (
            Code::AnswerUnreadable,
            "zeros",
            interfering(QUESTION, || ok(media::OHTTP_RESPONSE, vec![0; 8_192])),
        ),
        (
            Code::NoProof,
            "an empty 200",
            answering(|| Answer::proof(Vec::new())),
        ),
        (
            Code::NameNotAllowed,
            "403",
            answering(|| sealed_problem(403)),
        ),
        (
            Code::GatewayRefused,
            "400",
            answering(|| sealed_problem(400)),
        ),
        (
            Code::ResolverFailed,
            "502",
            answering(|| sealed_problem(502)),
        ),
        (Code::GatewayBusy, "503", answering(|| sealed_problem(503))),
        (
            Code::ResolverTimedOut,
            "504",
            answering(|| sealed_problem(504)),
        ),
        (
            Code::GatewayProtocol,
            "204",
            answering(|| sealed_problem(204)),
        ),
        (
            Code::GatewayProtocol,
            "a proof in HTML",
            answering(|| Answer {
                media_type: Some("text/html".to_owned()),
                ..Answer::proof(vec![0])
            }),
        ),
    ];
    for refusal in [400, 403, 405, 413, 415] {
        ways.push((
            Code::RelayRefused,
            "a status",
            interfering(QUESTION, move || status(refusal)),
        ));
    }
    for (at, largest) in [
        (DESCRIPTION, 65_536),
        (KEYS, KEY_DOCUMENT_MAX_BYTES),
        (QUESTION, AnswerClass::Overflow.bytes()),
    ] {
        let oversize = move || reply(200, Some("any/thing"), vec![0; largest + 1]);
        ways.push((
            Code::ResponseTooLarge,
            "one octet too many",
            interfering(at, oversize),
        ));
    }
    for (code, kind) in [
        (Code::ConnectFailed, TransportProblemKind::Connect),
        (Code::CertificateRefused, TransportProblemKind::Certificate),
        (Code::CertificateTime, TransportProblemKind::CertificateTime),
        (Code::TimedOut, TransportProblemKind::TimedOut),
        (Code::ConnectionLost, TransportProblemKind::Lost),
        (Code::ResponseTooLarge, TransportProblemKind::TooLarge),
    ] {
        ways.push((
            code,
            "the transport says so",
            interfering(QUESTION, move || failed(Sent::Maybe, kind)),
        ));
    }
    ways
}

/// Reasons that come without a proof and under seal, so that only the client sees them: the next lookup must look
/// as if there had been none.
const UNDER_SEAL: &[Code] = &[
    Code::GatewayRefused,
    Code::NameNotAllowed,
    Code::ResolverFailed,
    Code::ResolverTimedOut,
    Code::GatewayBusy,
    Code::GatewayProtocol,
    Code::NoProof,
];

#[test]
fn every_reason_is_reached() {
    let mut reached = HashSet::new();
    for (code, way, report) in ways() {
        match &report.outcome {
            Outcome::Unavailable(why) => {
                assert_eq!(why.code, code, "{way}: {why}");
                assert!(why.to_string().ends_with(code.remedy()), "{why}");
            }
            other => panic!("{way} should be {code}: {other:?}"),
        }
        assert!(report.cache_until().is_none(), "{way}");
        assert_eq!(
            report.knowledge.is_some(),
            report.proof.is_some() || UNDER_SEAL.contains(&code),
            "a relay could tell {way} by what the client fetches next"
        );
        reached.insert(code);
    }
    // Those that belong to other outcomes, reached in `lookup.rs` and below.
    let elsewhere = [
        Code::NxDomain,
        Code::NoData,
        Code::NoMimiRecord,
        Code::UnrelatedWildcard,
        Code::NoUsableRecord,
        Code::Unsigned,
        Code::BrokenProof,
        Code::SecondOpinion,
        Code::RolledBack,
    ];
    for code in Code::ALL {
        assert!(reached.contains(code) != elsewhere.contains(code), "{code}");
    }
}

#[test]
fn an_answer_to_an_earlier_envelope_does_not_open() {
    let mut first = World::default();
    let _ = first.lookup("hugh@example.test");
    let replayed = first.envelopes[0].clone();
    let mut second = World::default();
    let keys = World::default();
    second.interfere =
        Box::new(move |_, index| (index == QUESTION).then(|| keys.gateway(&replayed)));
    match second.lookup("hugh@example.test").outcome {
        Outcome::Unavailable(why) => assert_eq!(why.code, Code::AnswerUnreadable),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_sent_before_keys_and_operators_are_known() {
    for (code, way, report) in ways() {
        let before_sending = matches!(
            code,
            Code::SameOperator
                | Code::OperatorUnknown
                | Code::OperatorConflict
                | Code::GatewayKeysUnproved
                | Code::GatewayKeysStale
        );
        if before_sending {
            assert!(report.proof.is_none(), "{way}");
            assert!(
                report
                    .learnt
                    .iter()
                    .all(|learnt| learnt.party == sotto_client::Party::Relay),
                "{way}"
            );
        }
    }
}

#[test]
fn after_the_end_there_is_only_misuse() {
    let world = World::default();
    let setup = world.setup().build().unwrap();
    let (mut lookup, _) = Lookup::identifier(
        &setup,
        "mimi://a.test/u/b".parse().unwrap(),
        sotto_client::mimi::RecordForm::Txt,
        NOW,
    );
    match lookup.next(Event::Woke, NOW) {
        Step::Done(report) => match report.outcome {
            Outcome::Unavailable(why) => assert_eq!(why.code, Code::Misused),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
