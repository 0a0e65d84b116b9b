//! Several relays and gateways: which are used, which come next, and what is never done.

#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod support;

use std::collections::{HashMap, HashSet};

use sotto_client::mimi::TieBreak;
use sotto_client::{
    AnotherGateway, Chosen, Code, Event, Gateway, Memory, Outcome, Party, Relay, Report, Sent,
    Setup, SetupBuilder, Step, TransportProblemKind,
};
use sotto_wire::media;
use support::{GATEWAY, GATEWAY_OPERATOR, NOW, RELAY, World, failed, ok, reply, status};

const SECOND_RELAY: &str = "https://relay-two.test";
const SECOND_GATEWAY: &str = "gateway-two.test";

fn unavailable(report: &Report) -> Code {
    match &report.outcome {
        Outcome::Unavailable(why) => why.code,
        other => panic!("{other:?}"),
    }
}

fn is_over(report: &Report) -> bool {
    matches!(report.outcome, Outcome::NoRecord(_))
}

fn with_secret(builder: SetupBuilder, secret: u8) -> Setup {
    builder
        .tie_break(TieBreak::new([secret; 16]))
        .build()
        .unwrap()
}

/// A setup of a client that draws the second gateway first.
fn beginning_with_second_gateway(builder: &SetupBuilder, second: &Gateway) -> Setup {
    (0..64)
        .map(|secret| with_secret(builder.clone().another_gateway(second.clone()), secret))
        .find(|setup| {
            let report = World::at_every(|_| true, || status(500)).lookup_with(setup, "a@b.test");
            report.via.unwrap().gateway == SECOND_GATEWAY
        })
        .unwrap()
}

#[test]
fn a_client_goes_the_same_way_whatever_it_asks() {
    let mut world = World::default();
    let builder = world.setup().another_relay(SECOND_RELAY);
    let mut by_relay = HashMap::<String, usize>::new();
    for secret in 0..16 {
        let setup = with_secret(builder.clone(), secret);
        let mut ways = HashSet::new();
        for identifier in ["hugh@example.test", "a.test", "nobody@elsewhere.test"] {
            world.requests.clear();
            assert!(is_over(&world.lookup_with(&setup, identifier)));
            ways.insert(world.requests.clone());
        }
        assert_eq!(ways.len(), 1, "{ways:?}");
        let first = ways.into_iter().next().unwrap().remove(0);
        *by_relay.entry(first).or_default() += 1;
    }
    assert_eq!(by_relay.len(), 2, "clients spread: {by_relay:?}");
}

#[test]
fn a_report_says_what_was_chosen_and_why() {
    let mut world = World::default();
    let only = world.lookup("hugh@example.test").via.unwrap();
    assert_eq!(
        (only.relay_chosen, only.gateway_chosen),
        (Chosen::Only, Chosen::Only)
    );
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let drawn = world.lookup_with(&setup, "hugh@example.test").via.unwrap();
    match drawn.relay_chosen {
        Chosen::Drawn { from: 2, until } => assert!(until > NOW),
        other => panic!("{other:?}"),
    }
    assert!(drawn.passed.is_empty());
}

#[test]
fn a_pair_of_one_operator_is_passed_over_before_anything_is_asked() {
    let mut world = World::default();
    let mut own = world.description.clone();
    own.operator = format!("relays.{GATEWAY_OPERATOR}");
    let own = serde_json::to_vec(&own).unwrap();
    world.interfere = Box::new(move |step, _| match step {
        Step::Get { url, accept, .. } if url.starts_with(RELAY) && *accept == media::JSON => {
            Some(ok(media::JSON, own.clone()))
        }
        _ => None,
    });
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    assert!(is_over(&report) && report.is_private());
    assert_eq!(world.envelopes.len(), 1);
    let via = report.via.unwrap();
    assert_eq!(via.relay, "relay-two.test");
    assert_eq!(via.relay_chosen, Chosen::Next);
    assert_eq!(via.passed.len(), 1);
    assert_eq!(via.passed[0].relay, "relay.test");
    assert_eq!(via.passed[0].why.code, Code::SameOperator);
}

#[test]
fn where_every_pair_is_of_one_operator_nothing_is_asked() {
    let mut world = World::default();
    world.description.operator = GATEWAY_OPERATOR.to_owned();
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    assert_eq!(unavailable(&report), Code::SameOperator);
    assert!(world.envelopes.is_empty());
    let relays = report.learnt.iter().map(|learnt| learnt.host.as_deref());
    assert_eq!(
        relays.collect::<Vec<_>>(),
        [Some("relay.test"), Some("relay-two.test")]
    );
}

#[test]
fn operators_stated_for_one_relay_hold_for_no_other() {
    let mut world = World::default();
    let setup = world
        .setup()
        .another_relay(Relay::new(SECOND_RELAY).operator("somebody-else.test"))
        .build()
        .unwrap();
    assert!(is_over(&world.lookup_with(&setup, "hugh@example.test")));
}

#[test]
fn a_gateway_of_no_use_is_left_only_by_a_policy() {
    // The relay lists the first gateway alone.
    for (policy, goes_on) in [
        (AnotherGateway::Never, false),
        (AnotherGateway::BeforeAsking, true),
        (AnotherGateway::AfterAskingNotPrivate, true),
    ] {
        let mut world = World::default();
        let builder = world.setup().when_gateway_fails(policy);
        let setup = beginning_with_second_gateway(&builder, &Gateway::new(SECOND_GATEWAY));
        let report = world.lookup_with(&setup, "hugh@example.test");
        assert_eq!(is_over(&report), goes_on, "{policy:?}");
        let via = report.via.as_ref().unwrap();
        if goes_on {
            assert_eq!((&*via.gateway, via.gateway_chosen), (GATEWAY, Chosen::Next));
            assert_eq!(via.passed[0].why.code, Code::GatewayUnknownToRelay);
        } else {
            assert_eq!(unavailable(&report), Code::GatewayUnknownToRelay);
            assert_eq!(via.gateway, SECOND_GATEWAY);
        }
    }
}

#[test]
fn a_question_that_is_out_goes_to_another_gateway_by_the_policy_named_not_private_alone() {
    for (policy, gateways) in [
        (AnotherGateway::Never, 1),
        (AnotherGateway::BeforeAsking, 1),
        (AnotherGateway::AfterAskingNotPrivate, 2),
    ] {
        let mut world = World::default();
        // Both gateways have the same keys here; the first does not answer the relay.
        let list = world.keys(world.epoch).list().to_vec();
        let second = Gateway::new(SECOND_GATEWAY)
            .key_document(&list)
            .operator(GATEWAY_OPERATOR);
        let mut description = world.description.clone();
        description.gateways.push(sotto_wire::GatewayEntry {
            host: SECOND_GATEWAY.to_owned(),
            resource: format!("/{SECOND_GATEWAY}"),
        });
        world.description = description;
        world.interfere = Box::new(|step, _| match step {
            Step::Post { url, .. } if url.ends_with(SECOND_GATEWAY) => Some(status(504)),
            _ => None,
        });
        let builder = world.setup().when_gateway_fails(policy);
        let setup = beginning_with_second_gateway(&builder, &second);
        let report = world.lookup_with(&setup, "hugh@example.test");
        assert_eq!(world.envelopes.len(), gateways, "{policy:?}");
        let learnt = report.learnt.iter();
        let asked = learnt.filter(|learnt| learnt.party == Party::Gateway);
        assert_eq!(asked.count(), gateways, "everybody who may know is named");
        if gateways == 2 {
            assert!(is_over(&report));
            assert_ne!(world.envelopes[0], world.envelopes[1]);
        } else {
            assert_eq!(unavailable(&report), Code::GatewayTimedOut);
        }
    }
}

/// Whatever a gateway says under seal, no policy asks another: the relay would learn that it did.
#[test]
fn what_came_under_seal_leads_to_no_other_gateway() {
    for status in [400, 403, 502, 503, 504] {
        let mut world = World::answering(move |_, _| support::sealed_problem(status));
        let setup = world
            .setup()
            .another_gateway(SECOND_GATEWAY)
            .another_relay(SECOND_RELAY)
            .when_gateway_fails(AnotherGateway::AfterAskingNotPrivate);
        let setup = (0..64)
            .map(|secret| with_secret(setup.clone(), secret))
            .find(|setup| {
                let report = World::at_every(|_| true, || support::status(500))
                    .lookup_with(setup, "a@b.test");
                report.via.unwrap().gateway == GATEWAY
            })
            .unwrap();
        let report = world.lookup_with(&setup, "hugh@example.test");
        let _ = unavailable(&report);
        assert_eq!(world.envelopes.len(), 1, "{status}");
    }
}

#[test]
fn the_next_lookup_begins_where_the_last_one_got_through() {
    let mut world = World {
        interfere: Box::new(|step, _| match step {
            Step::Get { url, .. } if url.starts_with(RELAY) && !url.contains("two") => {
                Some(failed(Sent::Nothing, TransportProblemKind::Connect))
            }
            _ => None,
        }),
        ..World::default()
    };
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let mut memory = Memory::default();
    let first = world.lookup_remembering(&memory, &setup, "hugh@example.test", NOW);
    let via = first.via.as_ref().unwrap();
    assert_eq!(
        (&*via.relay, via.relay_chosen),
        ("relay-two.test", Chosen::Next)
    );
    assert_eq!(via.passed[0].why.code, Code::ConnectFailed);
    memory.learn(&first);
    world.requests.clear();
    let second = world.lookup_remembering(&memory, &setup, "hugh@example.test", NOW + 1);
    assert_eq!(world.requests, ["POST https://relay-two.test/gateway.test"]);
    assert_eq!(second.via.unwrap().relay_chosen, Chosen::Remembered);
}

#[test]
fn a_relay_that_asks_for_patience_is_heard_and_not_asked_again() {
    let mut world = World::interfering(2, || match reply(429, None, Vec::new()) {
        Event::Response {
            status,
            media_type,
            body,
            ..
        } => Event::Response {
            status,
            media_type,
            retry_after: Some(30),
            body,
        },
        other => other,
    });
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    match world.lookup_with(&setup, "hugh@example.test").outcome {
        Outcome::Unavailable(why) => {
            assert_eq!((why.code, why.retry_after), (Code::RelayBusy, Some(30)));
            assert_eq!(why.relay.as_deref(), Some("relay.test"));
            assert!(why.to_string().contains("relay.test"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.envelopes.len(), 1);
}
