use sotto_proof::{Link, Validity};

use super::*;

const NOW: u64 = 1_790_000_000;
const HOUR: u64 = 3_600;

fn shelf() -> Shelf {
    let secrets = Secrets {
        naming: Zeroizing::new([1; 16]),
        tie_break: None,
    };
    Shelf::new(secrets)
}

fn question(name: &str) -> Question {
    Question {
        name: name.parse().unwrap(),
        rtype: RecordType::TXT,
    }
}

fn answer(name: &str, since: u64, until: u64) -> Answer {
    Answer {
        question: question(name),
        since,
        until,
        proof: vec![0; 1_000],
    }
}

/// A statement about `name`, signed at `from` with the key of this tag.
fn statement(name: &str, from: u64, key_tag: u16, content: Option<u8>) -> Statement {
    Statement {
        name: name.parse().unwrap(),
        content: content.map(|octet| [octet; 32]),
        signature: Link {
            owner: name.parse().unwrap(),
            rtype: RecordType::TXT,
            zone: "test".parse().unwrap(),
            key_tag,
            algorithm: 13,
            weak_bits: None,
            validity: Validity {
                from,
                until: from + 14 * 24 * HOUR,
            },
        },
    }
}

fn sighting(epoch: u64, digest: u8, at: u64) -> KeySighting {
    KeySighting {
        gateway: "gateway.test".to_owned(),
        relay: "relay.test".to_owned(),
        epoch,
        digest: [digest; 32],
        at,
    }
}

/// Whether a shelf that has seen `seen`, in this order, refuses `comes`.
fn refuses(seen: &[Statement], comes: &Statement) -> bool {
    let mut shelf = shelf();
    for statement in seen {
        shelf.mark(RecordType::TXT, std::slice::from_ref(statement));
    }
    shelf
        .older(RecordType::TXT, std::slice::from_ref(comes))
        .is_some()
}

#[test]
fn an_answer_is_used_from_its_coming_to_its_end() {
    let mut shelf = shelf();
    shelf.keep(answer("a.test", NOW, NOW + HOUR));
    let usable = |now| shelf.answer(&question("a.test"), now).is_some();
    assert!(usable(NOW) && usable(NOW + HOUR - 1));
    assert!(!usable(NOW + HOUR), "its time is over");
    assert!(
        !usable(NOW - 1),
        "the clock was set back: its age is unknown"
    );
    assert!(usable(NOW + 1), "the clock was set right again");
    assert!(shelf.answer(&question("b.test"), NOW).is_none());
    let other = Question {
        rtype: RecordType::A,
        ..question("a.test")
    };
    assert!(shelf.answer(&other, NOW).is_none());
}

#[test]
fn an_answer_is_kept_a_day_at_most_and_not_at_all_without_a_ttl() {
    let mut shelf = shelf();
    shelf.keep(answer("a.test", NOW, u64::MAX));
    shelf.keep(answer("b.test", NOW, NOW));
    let until = shelf.answer(&question("a.test"), NOW).unwrap().until;
    assert_eq!(until, NOW + ANSWER_MAX_SECONDS);
    assert_eq!(shelf.entries().count(), 1);
}

#[test]
fn what_is_over_is_forgotten_when_something_else_is_kept() {
    let mut shelf = shelf();
    shelf.keep(answer("a.test", NOW, NOW + HOUR));
    shelf.keep(answer("b.test", NOW, NOW + 2 * HOUR));
    shelf.mark(RecordType::TXT, &[statement("a.test", NOW, 1, None)]);
    shelf.keep(answer("c.test", NOW + HOUR, NOW + 3 * HOUR));
    assert_eq!(
        shelf.entries().count(),
        3,
        "a.test is over, how new it was is not"
    );
    assert!(shelf.answer(&question("b.test"), NOW + HOUR).is_some());
    // An answer without a life of its own still says what time it is.
    shelf.keep(answer("d.test", NOW + 2 * HOUR, NOW + 2 * HOUR));
    assert!(shelf.answer(&question("b.test"), NOW + HOUR).is_none());
}

#[test]
fn the_answer_that_came_last_stands_even_if_the_clock_was_ahead_before() {
    let mut shelf = shelf();
    shelf.keep(answer("a.test", NOW + 400 * HOUR, NOW + 401 * HOUR));
    shelf.keep(answer("a.test", NOW, NOW + HOUR));
    assert!(shelf.answer(&question("a.test"), NOW).is_some());
}

#[test]
fn older_is_refused_and_newer_or_equal_is_not() {
    let seen = [statement("a.test", NOW, 1, Some(1))];
    assert!(refuses(&seen, &statement("a.test", NOW - 1, 1, Some(2))));
    assert!(refuses(&seen, &statement("a.test", NOW - 1, 1, None)));
    assert!(!refuses(&seen, &statement("a.test", NOW, 1, Some(2))));
    assert!(!refuses(&seen, &statement("a.test", NOW + 1, 1, Some(2))));
    assert!(!refuses(&seen, &statement("b.test", NOW - 1, 1, Some(2))));
}

#[test]
fn what_says_the_same_is_never_too_old() {
    let seen = [
        statement("a.test", NOW, 1, Some(1)),
        statement("b.test", NOW, 1, None),
    ];
    assert!(!refuses(
        &seen,
        &statement("a.test", NOW - HOUR, 1, Some(1))
    ));
    assert!(!refuses(&seen, &statement("b.test", NOW - HOUR, 1, None)));
}

#[test]
fn what_was_newest_stays_so_when_something_older_says_the_same() {
    let seen = [
        statement("a.test", NOW, 1, Some(1)),
        statement("a.test", NOW - 2 * HOUR, 1, Some(1)),
    ];
    assert!(refuses(&seen, &statement("a.test", NOW - HOUR, 1, Some(2))));
}

#[test]
fn the_inceptions_of_two_signers_are_not_compared() {
    let seen = [statement("a.test", NOW, 1, Some(1))];
    let other = statement("a.test", NOW - HOUR, 2, Some(2));
    assert!(!refuses(&seen, &other));
    let seen = [seen[0].clone(), other];
    assert!(refuses(
        &seen,
        &statement("a.test", NOW - 2 * HOUR, 2, Some(1))
    ));
}

#[test]
fn a_removed_record_does_not_come_back() {
    let seen = [
        statement("a.test", NOW, 1, Some(1)),
        statement("a.test", NOW + HOUR, 1, None),
    ];
    assert!(refuses(&seen, &statement("a.test", NOW, 1, Some(1))));
}

#[test]
fn what_has_no_room_gives_way_and_rollback_is_forgotten_last() {
    let mut shelf = shelf();
    shelf.max_octets = 64 << 10;
    for number in 0..400_u64 {
        let name = format!("n{number}.test");
        shelf.mark(RecordType::TXT, &[statement(&name, NOW + number, 1, None)]);
        shelf.keep(answer(&name, NOW, NOW + HOUR + number));
        assert!(shelf.octets() <= shelf.max_octets);
    }
    let count = |shelf: &Shelf, kind| shelf.entries().filter(|entry| entry.kind() == kind).count();
    assert_eq!(
        count(&shelf, Kind::Mark),
        400,
        "no mark goes before the answers"
    );
    assert!((1..60).contains(&count(&shelf, Kind::Answer)));
    assert!(
        shelf.answer(&question("n399.test"), NOW).is_some(),
        "what ends last stays"
    );

    for number in 400..2_000_u64 {
        let name = format!("n{number}.test");
        shelf.mark(RecordType::TXT, &[statement(&name, NOW + number, 1, None)]);
        assert!(shelf.octets() <= shelf.max_octets);
    }
    assert_eq!(count(&shelf, Kind::Answer), 0);
    let remembers = |number: u64| {
        let name = format!("n{number}.test");
        let older = statement(&name, NOW, 1, Some(1));
        shelf.older(RecordType::TXT, &[older]).is_some()
    };
    assert!(
        remembers(1_999) && !remembers(1),
        "the oldest inception goes first"
    );
}

#[test]
fn the_count_of_octets_follows_what_is_held() {
    let mut shelf = shelf();
    for _ in 0..3 {
        shelf.keep(answer("a.test", NOW, NOW + HOUR));
        shelf.mark(RecordType::TXT, &[statement("a.test", NOW, 1, None)]);
        shelf.mark_keys(&[sighting(1, 1, NOW)]);
    }
    let counted: usize = shelf.entries().map(Entry::octets).sum();
    assert_eq!(shelf.octets(), counted);
    shelf.forget(false);
    assert_eq!(shelf.entries().count(), 2);
    shelf.forget(true);
    assert_eq!((shelf.entries().count(), shelf.octets()), (0, 0));
}

#[test]
fn keys_are_remembered_for_a_day_and_two_lists_for_one_day_both() {
    let mut shelf = shelf();
    shelf.mark_keys(&[sighting(1, 1, NOW), sighting(2, 2, NOW)]);
    shelf.mark_keys(&[sighting(1, 1, NOW + HOUR), sighting(1, 3, NOW + HOUR)]);
    assert_eq!(shelf.keys().count(), 3);
    shelf.mark_keys(&[sighting(2, 2, NOW + HOUR + SIGHTING_SECONDS)]);
    assert_eq!(shelf.keys().count(), 3, "an hour less than a day old");
    shelf.mark_keys(&[sighting(2, 2, NOW + HOUR + SIGHTING_SECONDS + 1)]);
    assert_eq!(shelf.keys().count(), 1);
    shelf.mark_keys(&[sighting(2, 2, NOW)]);
    assert!(
        shelf.keys().all(|seen| seen.at > NOW),
        "the later one stays"
    );
    shelf.mark_keys(&[]);
    assert_eq!(shelf.keys().count(), 1);
}

#[test]
fn a_relay_that_goes_back_to_an_older_document_is_noticed() {
    let mut shelf = shelf();
    shelf.mark_newest_keys(&sighting(5, 5, NOW));
    shelf.mark_newest_keys(&sighting(5, 5, NOW + HOUR));
    shelf.mark_newest_keys(&sighting(4, 4, NOW + HOUR));
    let noticed = |shown: &KeySighting| shelf.newer_keys(shown).is_some();
    assert!(noticed(&sighting(4, 4, NOW + LAG_SECONDS)));
    assert!(
        !noticed(&sighting(4, 4, NOW + LAG_SECONDS - 1)),
        "an instance may lag"
    );
    assert!(
        !noticed(&sighting(4, 4, NOW - HOUR)),
        "the clock was set back"
    );
    assert!(!noticed(&sighting(5, 5, NOW + LAG_SECONDS)));
    let elsewhere = KeySighting {
        relay: "other.test".to_owned(),
        ..sighting(4, 4, NOW + LAG_SECONDS)
    };
    assert!(!noticed(&elsewhere), "two relays fetch at different times");
}

#[cfg(feature = "store")]
#[test]
fn what_two_wrote_adds_up() {
    use crate::store::row::encode;

    let rows = |shelf: &Shelf| -> Vec<(Key, Entry)> {
        let entries = shelf.entries.iter();
        entries.map(|(key, entry)| (*key, entry.clone())).collect()
    };
    let begin = || Shelf::of(shelf().secrets, []);
    let (mut ours, mut theirs) = (begin(), begin());
    ours.mark(RecordType::TXT, &[statement("a.test", NOW, 1, Some(1))]);
    theirs.mark(RecordType::TXT, &[statement("a.test", NOW + 1, 1, Some(2))]);
    theirs.mark(RecordType::TXT, &[statement("b.test", NOW, 1, None)]);
    ours.catch_up(rows(&theirs));
    for name in ["a.test", "b.test"] {
        let older = statement(name, NOW - 1, 1, Some(3));
        let (_, older) = ours.older(RecordType::TXT, &[older]).unwrap();
        assert_eq!(older.seen, NOW + u64::from(name == "a.test"));
    }
    assert!(!ours.is_written());

    // What another process cleared is gone here too, unless it is not written yet.
    ours.take_unwritten(encode);
    ours.keep(answer("c.test", NOW, NOW + HOUR));
    ours.catch_up([]);
    assert_eq!(ours.entries().count(), 1);
    let unwritten = ours.take_unwritten(encode);
    assert!(unwritten.len() == 1 && ours.is_written());
    ours.give_back(unwritten.into_iter().map(|(key, _)| key));
    assert!(
        !ours.is_written(),
        "what was not written after all is written the next time"
    );
}
