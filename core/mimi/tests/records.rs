//! Records against their vectors, and their RDATA.

use serde_json::Value;
use sotto_mimi::{Account, Label, Record, RecordError, Tag, limits};

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/records.json")).expect("the vectors are JSON")
}

#[test]
fn valid_records_are_emitted_in_one_form() {
    for vector in vectors()["valid"].as_array().unwrap() {
        let text = vector["text"].as_str().unwrap();
        let record =
            Record::parse_text(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(record.to_text(), vector["emitted"].as_str().unwrap());
        assert_eq!(Record::parse(&record.to_rdata()).unwrap(), record, "{text}");
    }
}

#[test]
fn malformed_records_say_what_is_wrong() {
    for vector in vectors()["malformed"].as_array().unwrap() {
        let text = vector["text"].as_str().unwrap();
        let error = Record::parse_text(text.as_bytes()).expect_err(text);
        assert_eq!(
            error.code(),
            vector["code"].as_str().unwrap(),
            "{text:?}: {error}"
        );
    }
    assert_eq!(
        Record::parse_text(b"v=MIMI1; e=.; a=\xff"),
        Err(RecordError::NotUtf8)
    );
}

#[test]
fn other_records_are_not_ours() {
    for text in vectors()["not_mimi"].as_array().unwrap() {
        let text = text.as_str().unwrap();
        assert_eq!(
            Record::parse_text(text.as_bytes()),
            Err(RecordError::NotMimi),
            "{text:?}"
        );
    }
}

#[test]
fn character_strings_are_joined_with_nothing_between() {
    assert!(Record::parse(b"\x03v=M\x00\x04IMI1\x04; e=\x01.").is_ok());
    for broken in [&b""[..], b"\x0bv=MIMI1; e", b"\xff", b"\x00"] {
        assert_eq!(Record::parse(broken), Err(RecordError::NotMimi));
    }
}

#[test]
fn long_records_are_accepted_longer_than_published() {
    let record = |octets: usize| {
        let mut text = String::from("v=MIMI1; e=.; s=");
        text.push_str(&"x".repeat(octets - text.len()));
        text
    };
    let longest = Record::parse_text(record(limits::ACCEPTED_MAX_OCTETS).as_bytes()).unwrap();
    assert_eq!(longest.publishable(), Err(RecordError::TooLong(4_096)));
    assert_eq!(Record::parse(&longest.to_rdata()).unwrap(), longest);
    assert_eq!(
        Record::parse_text(record(limits::ACCEPTED_MAX_OCTETS + 1).as_bytes()),
        Err(RecordError::TooLong(4_097))
    );
    let published = Record::parse_text(record(limits::PUBLISHED_MAX_OCTETS).as_bytes()).unwrap();
    assert_eq!(published.publishable().unwrap().len(), 1_024 + 5);
}

#[test]
fn parts_are_valid_by_construction() {
    assert!(Account::new(&"é".repeat(127)).is_ok());
    assert_eq!(
        Account::new(&"é".repeat(128)),
        Err(RecordError::LongAccount(256))
    );
    assert_eq!(Account::new(""), Err(RecordError::Empty("a")));
    assert_eq!(Label::new("a\u{7f}"), Err(RecordError::Control("s")));
    for text in ["a,b", "a;b", " a", "a "] {
        assert_eq!(Tag::new(text), Err(RecordError::Syntax));
    }
    assert_eq!(Tag::new("a%20"), Err(RecordError::Percent("t")));
}
