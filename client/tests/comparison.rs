//! The gateway's keys over two relays, held against each other.

mod support;

use std::collections::HashSet;

use sotto_client::mimi::TieBreak;
use sotto_client::{Code, Comparison, Memory, Outcome, Sent, Step, TransportProblemKind};
use sotto_wire::media;
use support::zone::{DAY, HOUR};
use support::{NOW, World, failed, ok, status};

const SECOND_RELAY: &str = "https://relay-two.test";

/// A world whose second relay hands out `document`.
fn with_second_document(document: Vec<u8>) -> World {
    World {
        interfere: Box::new(move |step, _| match step {
            Step::Get { url, accept, .. }
                if url.starts_with(SECOND_RELAY) && *accept == media::KEY_DOCUMENT =>
            {
                Some(ok(media::KEY_DOCUMENT, document.clone()))
            }
            _ => None,
        }),
        ..World::default()
    }
}

/// The keys that the gateway has for somebody in particular, as well proved as those for everybody.
fn with_other_keys() -> World {
    World {
        secret: [8; 32],
        ..World::default()
    }
}

#[test]
fn relays_that_show_the_same_keys_agree_and_no_question_is_sent() {
    let mut world = World::default();
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let compared = world.compare(&setup, &Memory::default());
    assert!(compared.alarm.is_none());
    assert_eq!(compared.views.len(), 2);
    assert!(compared.views.iter().all(|view| view.keys.is_ok()));
    assert_eq!(
        world.requests,
        [
            "GET https://relay.test/.well-known/sotto",
            "GET https://relay.test/gateway.test/keys",
            "GET https://relay-two.test/.well-known/sotto",
            "GET https://relay-two.test/gateway.test/keys",
        ]
    );
}

#[test]
fn a_relay_that_lags_a_day_behind_is_no_alarm() {
    let yesterdays = World {
        epoch: World::default().epoch.previous(),
        ..World::default()
    };
    let mut world = with_second_document(yesterdays.key_document());
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let compared = world.compare(&setup, &Memory::default());
    assert!(compared.alarm.is_none());
    let days: Vec<HashSet<_>> = compared
        .views
        .iter()
        .map(|view| view.keys.iter().flatten().map(|key| key.epoch).collect())
        .collect();
    assert_ne!(days[0], days[1]);
}

/// A gateway with a key for one client, and a relay that hands it out: another relay gives them away, and from then on nothing is sent.
#[test]
fn two_lists_for_one_day_are_an_alarm_and_end_every_lookup_for_a_day() {
    let mut world = with_second_document(with_other_keys().key_document());
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    let mut memory = Memory::default();
    let before = world.lookup_remembering(&memory, &setup, "hugh@example.test", NOW);
    assert!(matches!(before.outcome, Outcome::NoRecord(_)));
    // The key that it learnt is not used any more either.
    memory.learn(&before);

    let compared = world.compare(&setup, &memory);
    let alarm = compared.alarm.as_ref().unwrap();
    assert_eq!(alarm.code, Code::KeysDiffer);
    let said = alarm.to_string();
    for part in ["relay.test", "relay-two.test", "gateway.test"] {
        assert!(said.contains(part), "{said}");
    }

    memory.learn_keys(&compared);
    world.envelopes.clear();
    for (now, is_refused) in [
        (NOW, true),
        (NOW + DAY - HOUR, true),
        (NOW + DAY + 1, false),
    ] {
        let report = world.lookup_remembering(&memory, &setup, "hugh@example.test", now);
        match &report.outcome {
            Outcome::Unavailable(why) if is_refused => assert_eq!(why.code, Code::KeysDiffer),
            Outcome::NoRecord(_) if !is_refused => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(world.envelopes.is_empty(), is_refused);
    }
}

/// The alarm does not wait for a comparison: who fails over sees both documents.
#[test]
fn keys_of_the_relay_that_was_left_are_compared_too() {
    let mut world = with_second_document(with_other_keys().key_document());
    let mut interfere = world.interfere;
    world.interfere = Box::new(move |step, index| match step {
        Step::Post { .. } => Some(failed(Sent::Nothing, TransportProblemKind::Lost)),
        _ => interfere(step, index),
    });
    let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
    match world.lookup_with(&setup, "hugh@example.test").outcome {
        Outcome::Unavailable(why) => assert_eq!(why.code, Code::KeysDiffer),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.envelopes.len(), 1, "the one that was not sent");
}

#[test]
fn a_relay_that_shows_nothing_is_told_from_one_that_shows_another() {
    for wrong in 0..2 {
        let mut world = World {
            interfere: Box::new(move |_, index| match (index, wrong) {
                (0, 0) => Some(failed(Sent::Maybe, TransportProblemKind::TimedOut)),
                (1, 1) => Some(status(503)),
                _ => None,
            }),
            ..World::default()
        };
        let setup = world.setup().another_relay(SECOND_RELAY).build().unwrap();
        let compared = world.compare(&setup, &Memory::default());
        assert!(compared.alarm.is_none());
        let why = compared.views[0].keys.as_ref().unwrap_err();
        assert_eq!(why.relay.as_deref(), Some("relay.test"));
        assert!(compared.views[1].keys.is_ok());
    }
}

/// When it runs depends on the secret and the day alone, so that no lookup can be read from it.
#[test]
fn it_is_due_once_a_day_at_a_time_of_each_client_s_own() {
    let world = World::default();
    let builder = world.setup().another_relay(SECOND_RELAY);
    let mut times = HashSet::new();
    for secret in 0..50 {
        let setup = builder.clone().tie_break(TieBreak::new([secret; 16]));
        let setup = setup.build().unwrap();
        let mut now = NOW;
        let mut days = Vec::new();
        for _ in 0..5 {
            let due = Comparison::due(&setup, now).unwrap();
            assert!(due >= now);
            assert_eq!(Comparison::due(&setup, due), Some(due));
            times.insert(due % DAY / HOUR);
            days.push(due / DAY);
            now = due + 1;
        }
        assert!(
            days.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{days:?}"
        );
    }
    assert!(times.len() > 20, "spread over the day: {times:?}");
    assert_eq!(Comparison::due(&world.setup().build().unwrap(), NOW), None);
}
