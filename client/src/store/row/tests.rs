use proptest::prelude::*;
use sotto_proof::{Question, RecordType};

use super::*;

fn sighting() -> KeySighting {
    KeySighting {
        gateway: "gateway.example.net".to_owned(),
        relay: "relay.example:8443".to_owned(),
        epoch: 20_717,
        digest: [5; 32],
        at: 1_790_000_000,
    }
}

fn entries() -> [Entry; 4] {
    [
        Entry::Answer(Answer {
            question: Question {
                name: "Hugh._user._mimi.example.test.".parse().unwrap(),
                rtype: RecordType::TXT,
            },
            since: 1_790_000_000,
            until: 1_790_003_600,
            proof: vec![7; 300],
        }),
        Entry::Mark(Mark {
            inception: 1_790_000_000,
            content: [9; 16],
        }),
        Entry::Keys(sighting()),
        Entry::Newest(sighting()),
    ]
}

#[test]
fn what_is_written_is_read_again() {
    for entry in entries() {
        let row = encode(&entry);
        assert!(row.len() <= ROW_MAX_OCTETS);
        assert_eq!(decode(entry.kind(), &row), Ok(entry));
    }
}

#[test]
fn an_entry_that_is_cut_short_is_refused() {
    for entry in entries() {
        let row = encode(&entry);
        // What a proof holds, and where a host ends, is not for a row to say.
        let fixed = match &entry {
            Entry::Answer(answer) => row.len() - answer.proof.len() + 1,
            Entry::Keys(seen) | Entry::Newest(seen) => row.len() - seen.relay.len() + 1,
            Entry::Mark(_) => row.len(),
        };
        for length in 0..fixed {
            assert!(decode(entry.kind(), &row[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn an_entry_that_is_too_long_is_refused() {
    let mark = [0; 25];
    assert!(decode(Kind::Mark, &mark).is_err());
    let mut answer = encode(&entries()[0]);
    answer.resize(ROW_MAX_OCTETS + 1, 0);
    assert!(decode(Kind::Answer, &answer).is_err());
    let mut keys = encode(&entries()[2]);
    keys.resize(keys.len() + HOST_MAX_OCTETS, b'a');
    assert!(decode(Kind::Keys, &keys).is_err());
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(row in prop::collection::vec(any::<u8>(), 0..400)) {
        for kind in Kind::ALL {
            if let Ok(entry) = decode(kind, &row) {
                prop_assert_eq!(encode(&entry), row.clone());
            }
        }
    }

    #[test]
    fn an_octet_that_changed_is_read_or_refused(
        which in 0_usize..4,
        at in any::<prop::sample::Index>(),
        octet in any::<u8>(),
    ) {
        let entry = &entries()[which];
        let mut row = encode(entry);
        let at = at.index(row.len());
        row[at] = octet;
        if let Ok(read) = decode(entry.kind(), &row) {
            prop_assert_eq!(encode(&read), row);
        }
    }
}
