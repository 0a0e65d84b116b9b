//! When a lookup tries again, and when it must not.

mod support;

use sotto_client::{Code, Outcome, Report, Sent, Step, TransportProblemKind};
use sotto_envelope::Epoch;
use support::{NOW, World, failed, key_refusal};

const SECOND_RELAY: &str = "https://relay-two.test";

fn unavailable(report: &Report) -> Code {
    match &report.outcome {
        Outcome::Unavailable(why) => why.code,
        other => panic!("{other:?}"),
    }
}

fn is_over(report: &Report) -> bool {
    matches!(report.outcome, Outcome::NoRecord(_))
}

#[test]
fn what_reached_nobody_goes_to_the_next_relay_in_a_fresh_envelope() {
    let mut world = World::interfering(2, || failed(Sent::Nothing, TransportProblemKind::Lost));
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let report = world.lookup_with(&setup, "hugh@example.test");
    assert!(is_over(&report));
    assert_eq!(
        world.requests,
        [
            "GET https://relay.test/.well-known/sotto",
            "GET https://relay.test/gateway.test/keys",
            "POST https://relay.test/gateway.test",
            "GET https://relay-two.test/.well-known/sotto",
            // The key that the first relay gave is not used over the second.
            "GET https://relay-two.test/gateway.test/keys",
            "POST https://relay-two.test/gateway.test",
        ]
    );
    assert_ne!(world.envelopes[0], world.envelopes[1]);
    assert!(world.waits.is_empty());
    assert_eq!(report.learnt[0].host.as_deref(), Some("relay.test"));
    assert_eq!(report.learnt[1].host.as_deref(), Some("relay-two.test"));
}

#[test]
fn what_may_have_reached_somebody_is_not_sent_again() {
    for kind in [TransportProblemKind::TimedOut, TransportProblemKind::Lost] {
        for at in 0..3 {
            let mut world = World::interfering(at, move || failed(Sent::Maybe, kind));
            let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
            let report = world.lookup_with(&setup, "hugh@example.test");
            assert!(matches!(
                unavailable(&report),
                Code::TimedOut | Code::ConnectionLost
            ));
            assert_eq!(world.requests.len(), at + 1);
            // Who may have learnt something is told, though no answer came.
            assert_eq!(report.learnt.len(), if at == 2 { 3 } else { 1 });
        }
    }
}

#[test]
fn one_relay_is_tried_twice_with_a_pause() {
    let mut world = World::at_every(
        |step| matches!(step, Step::Get { .. }),
        || failed(Sent::Nothing, TransportProblemKind::Connect),
    );
    let report = world.lookup("hugh@example.test");
    assert_eq!(unavailable(&report), Code::ConnectFailed);
    assert_eq!(world.requests.len(), 2);
    assert_eq!(world.waits, [NOW + 1]);
    assert!(report.learnt.is_empty());
}

#[test]
fn a_connection_that_had_ended_is_replaced_at_once() {
    let mut world = World::interfering(2, || failed(Sent::Nothing, TransportProblemKind::Lost));
    assert!(is_over(&world.lookup("hugh@example.test")));
    assert_eq!(world.envelopes.len(), 2);
    assert_ne!(world.envelopes[0], world.envelopes[1]);
    assert!(world.waits.is_empty());
}

#[test]
fn every_relay_is_tried_twice_and_no_more() {
    let mut world = World::at_every(
        |step| matches!(step, Step::Get { .. }),
        || failed(Sent::Nothing, TransportProblemKind::Connect),
    );
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let _ = world.lookup_with(&setup, "hugh@example.test");
    let hosts: Vec<_> = world
        .requests
        .iter()
        .map(|request| request.contains("relay-two"))
        .collect();
    assert_eq!(hosts, [false, true, false, true]);
    assert_eq!(world.waits.len(), 1);
}

#[test]
fn a_refused_certificate_is_not_tried_again() {
    for (kind, code) in [
        (TransportProblemKind::Certificate, Code::CertificateRefused),
        (TransportProblemKind::CertificateTime, Code::CertificateTime),
    ] {
        let mut world = World::interfering(0, move || failed(Sent::Nothing, kind));
        assert_eq!(unavailable(&world.lookup("hugh@example.test")), code);
        assert_eq!(world.requests.len(), 1);
    }
}

#[test]
fn a_server_error_is_not_tried_again() {
    for status in [429, 500, 502, 503, 504] {
        let mut world = World::interfering(2, move || support::status(status));
        let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
        let _ = unavailable(&world.lookup_with(&setup, "hugh@example.test"));
        assert_eq!(world.requests.len(), 3, "{status}");
    }
}

#[test]
fn a_refused_key_is_replaced_once_by_a_newer_one() {
    let mut world = World::interfering(2, key_refusal);
    let report = world.lookup("hugh@example.test");
    assert!(is_over(&report));
    assert_eq!(
        world.requests[2..],
        [
            "POST https://relay.test/gateway.test",
            "GET https://relay.test/gateway.test/keys",
            "POST https://relay.test/gateway.test",
        ]
    );
    assert_ne!(world.envelopes[0], world.envelopes[1]);
    assert_eq!(
        report.key_digest,
        Some(world.keys(Epoch::at(NOW).next()).digest())
    );
}

#[test]
fn a_second_refusal_ends_it() {
    let mut world = World::at_every(|step| matches!(step, Step::Post { .. }), key_refusal);
    let report = world.lookup("hugh@example.test");
    assert_eq!(unavailable(&report), Code::GatewayKeyRefused);
    assert_eq!(world.envelopes.len(), 2);
}

#[test]
fn without_a_newer_key_there_is_no_second_try() {
    let mut world = World::interfering(2, key_refusal);
    world.lists = Some(vec![(world.epoch, world.keys(world.epoch).list().to_vec())]);
    let report = world.lookup("hugh@example.test");
    assert_eq!(unavailable(&report), Code::GatewayKeyRefused);
    assert_eq!(world.envelopes.len(), 1);
    assert_eq!(world.requests.len(), 4);
}

#[test]
fn a_newer_key_that_is_not_proved_is_no_key() {
    let mut world = World::interfering(2, key_refusal);
    let own = World {
        secret: [8; 32],
        ..World::default()
    };
    let tomorrow = world.epoch.next();
    world.lists = Some(vec![
        (world.epoch, world.keys(world.epoch).list().to_vec()),
        (tomorrow, own.keys(tomorrow).list().to_vec()),
    ]);
    let report = world.lookup("hugh@example.test");
    assert_eq!(unavailable(&report), Code::GatewayKeysSwapped);
    assert_eq!(world.envelopes.len(), 1);
    // Of whom the question was asked stays known.
    assert!(report.is_private());
}

#[test]
fn the_key_problem_in_another_guise_is_a_refusal() {
    // The type has to be the problem's, in a problem document, with status 400.
    let body = br#"{"type":"https://iana.org/assignments/http-problem-types#ohttp-key"}"#;
    for (status, media_type) in [(400, "text/plain"), (401, "application/problem+json")] {
        let mut world = World::interfering(2, move || {
            support::reply(status, Some(media_type), body.to_vec())
        });
        let _ = unavailable(&world.lookup("hugh@example.test"));
        assert_eq!(world.requests.len(), 3);
    }
}
