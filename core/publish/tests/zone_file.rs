//! What is written into a zone file is read back, by a parser that is not ours.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use domain::base::rdata::ComposeRecordData;
use domain::base::{Rtype, ToName};
use domain::zonefile::inplace::{Entry, Zonefile};
use proptest::prelude::*;
use sotto_mimi::{Account, Domain, Identifier, Label, Mailbox, Provider, Record, RecordForm, Tag};
use sotto_publish::{Placement, Publication, Software, Subject, Zone, zone_file};

/// Owner, type, TTL and RDATA of every RR of a zone file, as the parser of the crate `domain` sees it.
fn parse(text: &str) -> Vec<(String, u16, u32, Vec<u8>)> {
    let mut file = Zonefile::from(text.as_bytes());
    let mut records = Vec::new();
    while let Some(entry) = file.next_entry().unwrap() {
        let Entry::Record(record) = entry else {
            panic!("nothing but records: {entry:?}");
        };
        let mut rdata = Vec::new();
        record.data().compose_rdata(&mut rdata).unwrap();
        records.push((
            record.owner().to_vec().to_string(),
            Rtype::to_int(record.rtype()),
            record.ttl().as_secs(),
            rdata,
        ));
    }
    records
}

fn text(most: usize) -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        Just('"'),
        Just('\\'),
        Just(';'),
        Just('%'),
        Just('$'),
        Just('('),
        Just('@'),
        Just(' '),
        Just('\u{feff}'),
        any::<char>()
    ];
    prop::collection::vec(odd, 1..most).prop_map(|characters| characters.into_iter().collect())
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let record = (
        "[a-z]{1,20}\\.[a-z]{2,8}",
        prop::option::of(text(80)),
        any::<u16>(),
        prop::option::of(text(80)),
        prop::collection::vec(text(12), 0..4),
    );
    let record = record.prop_map(|(domain, account, preference, label, tags)| {
        let domain: Domain = domain.parse().ok()?;
        let mut distinct: Vec<Tag> = Vec::new();
        for tag in tags.iter().filter_map(|tag| Tag::new(tag).ok()) {
            if !distinct.contains(&tag) {
                distinct.push(tag);
            }
        }
        Some(Record {
            provider: Provider::At { domain, port: None },
            account: account.and_then(|account| Account::new(&account).ok()),
            preference,
            label: label.and_then(|label| Label::new(&label).ok()),
            tags: distinct,
        })
    });
    prop::collection::vec(record, 1..4).prop_map(|records| records.into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(
        local in text(20),
        records in records(),
        ttl in 0_u32..1 << 31,
        is_private in any::<bool>(),
    ) {
        let domain: Domain = "example.com".parse().unwrap();
        let Ok(mailbox) = Mailbox::new(&local, domain) else { return Ok(()) };
        let placement = Placement {
            ttl,
            form: if is_private { RecordForm::Mimi } else { RecordForm::Txt },
            ..Placement::default()
        };
        let subject = Subject::Person(Identifier::Mailbox(mailbox));
        let Ok(publication) = Publication::new(&subject, &records, &placement) else { return Ok(()) };

        let lines = zone_file::lines(&publication);
        prop_assert!(lines.chars().all(|c| c == '\n' || (' '..='~').contains(&c)));
        let owner = publication.owner().as_str().trim_end_matches('.');
        let written: Vec<_> = publication
            .rdatas()
            .iter()
            .map(|rdata| (owner.to_owned(), publication.rtype(), ttl, rdata.clone()))
            .collect();
        prop_assert_eq!(parse(&lines), written);

        let mut read: Vec<Record> =
            publication.rdatas().iter().map(|rdata| Record::parse(rdata).unwrap()).collect();
        let mut made = records;
        read.sort_by_key(Record::to_text);
        made.sort_by_key(Record::to_text);
        prop_assert_eq!(read, made);
    }

    #[test]
    fn any_rdata_is_written_in_a_form_that_parses_back(
        rdata in prop::collection::vec(any::<u8>(), 1..600),
        rtype in prop_oneof![Just(16_u16), Just(65_400)],
    ) {
        let line = format!("a. 0 IN {} {}\n", zone_file::type_text(rtype), zone_file::rdata_text(rtype, &rdata));
        // Only TXT that is not made of strings may be refused, as it must.
        let strings = sotto_mimi::join_strings(&rdata).is_some();
        if rtype != 16 || strings {
            prop_assert_eq!(&parse(&line)[0].3, &rdata);
        }
    }
}

#[test]
fn strings_are_split_at_255_octets_and_escaped() {
    let rdata = |text: &[u8]| {
        let strings = text.chunks(255);
        strings
            .flat_map(|string| [&[string.len() as u8], string].concat())
            .collect::<Vec<u8>>()
    };
    let line = zone_file::rdata_text(16, &rdata(b"a\"b\\c;d\x00\x7f\xc3\xbc"));
    assert_eq!(line, r#""a\"b\\c;d\000\127\195\188""#);
    let long = "x".repeat(256);
    let line = zone_file::rdata_text(16, &rdata(long.as_bytes()));
    assert_eq!(line, format!("\"{}\" \"x\"", &long[1..]));
    assert_eq!(zone_file::rdata_text(65_400, b"\x02ab"), r"\# 3 026162");
    assert_eq!(zone_file::generic(b""), r"\# 0");
}

#[test]
fn names_are_relative_to_a_zone_or_outside_of_it() {
    let owner = |subject: &str| {
        let placement = Placement {
            form: RecordForm::Mimi,
            ..Placement::default()
        };
        placement.owner(&subject.parse().unwrap()).unwrap()
    };
    for (zone, subject, relative) in [
        ("example.com", "alice.example.com", Some("alice")),
        ("EXAMPLE.com.", "example.com", Some("@")),
        ("alice.example.com", "example.com", None),
        ("ample.com", "example.com", None),
        ("_mimi.example.com", "*@example.com", Some("*._user")),
        ("_user._mimi.example.com", "*@example.com", Some("*")),
        ("bücher.example", "a.xn--bcher-kva.example", Some("a")),
        ("com", "alice.example.com", Some("alice.example")),
        ("LAB.", "alice.lab", Some("alice")),
        ("_mimi.lab", "*@example.lab", None),
        ("omple", "a.example.com", None),
    ] {
        let zone: Zone = zone.parse().unwrap();
        assert_eq!(zone.relative(&owner(subject)), relative, "{zone}");
    }
    for wrong in [
        "",
        ".",
        "-",
        "42",
        "a_b",
        "a b.com",
        "_mimi",
        "_a$.example.com",
        "_mimi.",
        "127.0.0.1",
    ] {
        assert!(wrong.parse::<Zone>().is_err(), "{wrong}");
    }
    let long = format!("{}example.com", "_aaaaaaa.".repeat(30));
    assert!(long.parse::<Zone>().is_err());
}

#[test]
fn the_head_is_a_comment_and_the_same_every_time() {
    let zone: Zone = "example.com".parse().unwrap();
    for software in [
        Software::Knot,
        Software::Nsd,
        Software::Bind,
        Software::PowerDns,
    ] {
        let head = software.head(&zone);
        assert!(head.lines().all(|line| line.starts_with("; ")), "{head}");
        assert_eq!(head, software.head(&zone));
    }
}
