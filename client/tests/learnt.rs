//! Who learnt what: certainly, or perhaps, as far as a client can know.

mod support;

use sotto_client::{Event, Party, Report, Sent, Step, TransportProblemKind};
use support::{World, failed, key_refusal, sealed_problem, status};

/// The step that asks, in a lookup that starts from nothing.
const QUESTION: usize = 2;

/// Who may have learnt something, and whether that is certain.
fn parties(report: &Report) -> Vec<(Party, bool)> {
    report
        .learnt
        .iter()
        .map(|learnt| (learnt.party, learnt.certain))
        .collect()
}

#[test]
fn a_report_tells_what_is_certain_from_what_may_be() {
    let after = |event: fn() -> Event| {
        let mut world = World::at_every(|step| matches!(step, Step::Post { .. }), event);
        parties(&world.lookup("hugh@example.test"))
    };
    let relay_alone_is_certain = [
        (Party::Relay, true),
        (Party::Gateway, false),
        (Party::Dns, false),
    ];
    for code in [400, 401, 408, 429, 502, 503, 504] {
        let mut world = World::interfering(QUESTION, move || status(code));
        let report = world.lookup("hugh@example.test");
        assert_eq!(parties(&report), relay_alone_is_certain, "{code}");
        assert_eq!(
            report.learnt[1].to_string(),
            "gateway gateway.test may have learnt: which relay, when, the name asked for"
        );
    }
    assert_eq!(after(key_refusal), relay_alone_is_certain);
    let timed_out = || failed(Sent::Maybe, TransportProblemKind::TimedOut);
    assert_eq!(after(timed_out), relay_alone_is_certain);
    let mut silent = World::interfering(0, timed_out);
    let report = silent.lookup("hugh@example.test");
    assert_eq!(parties(&report), [(Party::Relay, false)]);
}

#[test]
fn a_gateway_that_refuses_has_not_asked_the_dns() {
    for (status, dns) in [
        (400, None),
        (403, None),
        (503, None),
        (502, Some(false)),
        (504, Some(false)),
    ] {
        let mut world = World::answering(move |_, _| sealed_problem(status));
        let mut expected = vec![(Party::Relay, true), (Party::Gateway, true)];
        expected.extend(dns.map(|certain| (Party::Dns, certain)));
        let report = world.lookup("hugh@example.test");
        assert_eq!(parties(&report), expected, "{status}");
    }
    let proved = parties(&World::default().lookup("hugh@example.test"));
    assert_eq!(proved.last(), Some(&(Party::Dns, true)));
}
