use super::*;
use crate::KeyConfigList;

const SECRET: [u8; 32] = [7; 32];
const START: Epoch = Epoch(20_000);

fn ratchet() -> Ratchet {
    Ratchet::new(START, SECRET)
}

/// The derivation, pinned: a change here changes every key of every gateway. The vectors come from
/// `schedule.py` beside them, an implementation that shares no code with this one.
#[test]
fn the_schedule_is_that_of_the_vectors() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/schedule.json")).unwrap();
    let secret = hex::decode(vectors["secret"].as_str().unwrap()).unwrap();
    let first = Epoch(vectors["first_epoch"].as_u64().unwrap());
    let ratchet = Ratchet::new(first, secret.try_into().unwrap());
    let cases = vectors["epochs"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let text = |key: &str| case[key].as_str().unwrap().to_owned();
        let epoch = Epoch(case["epoch"].as_u64().unwrap());
        let mut there = Ratchet::from_state(&ratchet.to_state()).unwrap();
        there.advance_to(epoch, false).unwrap();
        assert_eq!(*there.to_state(), text("state_file"));
        let keys = ratchet.keys(epoch).unwrap();
        // The list ends in the X25519 public key, its length, and one pair of algorithms.
        let end = keys.list().len() - 6;
        assert_eq!(
            hex::encode(&keys.list()[end - 32..end]),
            text("x25519_public_key")
        );
        assert_eq!(hex::encode(keys.digest()), text("list_sha256"));
    }
}

#[test]
fn instances_with_one_state_derive_the_same_keys_whenever_they_advance() {
    let wanted = START.plus(9);
    let direct = ratchet().keys(wanted).unwrap();
    let mut stepwise = ratchet();
    for step in 1..=9 {
        stepwise.advance_to(START.plus(step), false).unwrap();
        stepwise = Ratchet::from_state(&stepwise.to_state()).unwrap();
        assert_eq!(stepwise.keys(wanted).unwrap().list(), direct.list());
    }
}

#[test]
fn the_past_is_gone() {
    let mut ratchet = ratchet();
    ratchet.advance_to(START.plus(3), false).unwrap();
    let wanted = START.plus(2);
    let past = ScheduleError::Past {
        at: START.plus(3),
        wanted,
    };
    assert_eq!(ratchet.keys(wanted).err(), Some(past));
    assert_eq!(ratchet.advance_to(wanted, true), Err(past));
    assert_eq!(ratchet.epoch(), START.plus(3));
}

#[test]
fn a_clock_that_jumps_does_not_burn_keys() {
    let mut ratchet = ratchet();
    let wanted = START.plus(ADVANCE_MAX_EPOCHS + 1);
    let refused = ratchet.advance_to(wanted, false);
    assert!(matches!(
        refused,
        Err(ScheduleError::Ahead {
            limit: ADVANCE_MAX_EPOCHS,
            ..
        })
    ));
    assert_eq!(ratchet.epoch(), START);
    ratchet.advance_to(wanted, true).unwrap();
    assert_eq!(ratchet.epoch(), wanted);
    let forever = ratchet.advance_to(Epoch(u64::MAX), true);
    assert!(matches!(forever, Err(ScheduleError::Ahead { .. })));
}

#[test]
fn keys_reach_thirty_epochs_ahead_and_no_further() {
    let ratchet = ratchet();
    assert!(ratchet.keys(START.plus(LOOKAHEAD_MAX_EPOCHS)).is_ok());
    assert!(ratchet.keys(START.plus(LOOKAHEAD_MAX_EPOCHS + 1)).is_err());
}

#[test]
fn an_altered_state_is_noticed() {
    let state = ratchet().to_state();
    let later = state.replace("epoch 20000", "epoch 20001");
    assert_eq!(
        Ratchet::from_state(&later).err(),
        Some(ScheduleError::Checksum)
    );
    for (text, line) in [
        (String::new(), 1),
        ("sotto-ratchet 2\n".to_owned(), 1),
        (state.replace("epoch 20000", "epoch twenty"), 2),
        (state.replace("state ", "state 0"), 3),
        (state.lines().take(3).collect::<Vec<_>>().join("\n"), 4),
        (format!("{}more\n", *state), 5),
    ] {
        let error = Ratchet::from_state(&text).err();
        let found = matches!(error, Some(ScheduleError::State { line: at, .. }) if at == line);
        assert!(found, "line {line}: {error:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let ratchet = ratchet();
    let state = ratchet.to_state();
    let secret = state
        .lines()
        .nth(2)
        .unwrap()
        .strip_prefix("state ")
        .unwrap();
    let keys = ratchet.keys(START).unwrap();
    let shown = format!("{ratchet:?} {keys:?}");
    assert!(!shown.contains(secret));
    assert_eq!(shown.matches("[redacted]").count(), 2);
}

#[test]
fn the_list_offers_both_suites_under_the_identifiers_of_the_epoch() {
    let keys = ratchet().keys(START).unwrap();
    let list = KeyConfigList::parse(keys.list()).unwrap();
    for suite in Suite::ALL {
        assert_eq!(list.config(suite).unwrap().key_id(), suite.key_id(START));
    }
    assert_eq!(list.digest(), keys.digest());
    assert_eq!(
        u16::from_be_bytes([keys.list()[3], keys.list()[4]]),
        Suite::XWing.kem_id()
    );
}
