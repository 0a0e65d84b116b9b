//! Records that anybody may publish, alone and as an RRset.
//!
//! Asserted: what parses is emitted so that it parses alike; an RRset means the same in any order; services are few,
//! sorted, and such as the rules admit; a refusal wins; each MIMI URI names its service.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_fuzz::Input;
use sotto_mimi::{
    Domain, Found, Identifier, NoRecordReason, PathStep, Provider, ProviderPolicy, Published,
    Reading, Record, RecordError, RecordForm, TieBreak, limits, read,
};

/// Who is looked up.
const IDENTIFIERS: [&str; 3] = ["hugh@example.com", "alice.example.com", "+442079460148"];

/// Where the RRset may come from: nowhere else, a wildcard meant for MIMI, and others.
const WILDCARDS: [&[&str]; 5] = [
    &[],
    &["*._user._mimi.example.com."],
    &["*._mimi.alice.example.com.", "*.x._mimi.alice.example.com."],
    &["*.example.com."],
    &["*\\._mimi.example.com."],
];

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    match input.u8() % 4 {
        0 => {
            exercise(input.rest());
        }
        1 => exercise_text(input.rest()),
        _ => exercise_set(&mut input),
    }
});

/// Parses RDATA, and asserts what holds for every record.
fn exercise(rdata: &[u8]) -> Option<Record> {
    match Record::parse(rdata) {
        Ok(record) => {
            assert_eq!(Record::parse(&record.to_rdata()).as_ref(), Ok(&record));
            assert_eq!(
                Record::parse_text(record.to_text().as_bytes()).as_ref(),
                Ok(&record)
            );
            assert!(record.tags.len() <= limits::TAGS_MAX);
            if let Ok(rdata) = record.publishable() {
                assert!(record.to_text().len() <= limits::PUBLISHED_MAX_OCTETS);
                assert_eq!(rdata, record.to_rdata());
            }
            Some(record)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// The same, by text: as one RDATA it means the same.
fn exercise_text(text: &[u8]) {
    let mut rdata = Vec::new();
    for string in text.chunks(limits::CHARACTER_STRING_MAX_OCTETS) {
        rdata.push(string.len() as u8);
        rdata.extend_from_slice(string);
    }
    let parsed = Record::parse_text(text);
    assert_eq!(exercise(&rdata), parsed.clone().ok());
    if parsed.is_ok() {
        assert!(text.len() <= limits::ACCEPTED_MAX_OCTETS);
    }
}

fn exercise_set(input: &mut Input<'_>) {
    let identifier: Identifier = input.pick(&IDENTIFIERS).parse().expect("an identifier");
    let form = *input.pick(&[RecordForm::Txt, RecordForm::Mimi]);
    let policy = *input.pick(&[ProviderPolicy::Public, ProviderPolicy::PrivateRoot]);
    let wildcards = *input.pick(&WILDCARDS);
    let zone: Domain = "enum.example".parse().expect("a domain");
    let owner = identifier.owner(form, Some(&zone)).expect("it has one");
    let tie_break = TieBreak::new([input.u8(); 16]);
    let mut rdatas = Vec::new();
    while !input.is_empty() && rdatas.len() < 40 {
        // Text, or octets that need not be character-strings.
        let (is_text, octets) = (input.u8() != 0, input.short());
        rdatas.push(match is_text {
            true => [&[octets.len() as u8], octets].concat(),
            false => octets.to_vec(),
        });
    }

    let path: Vec<_> = wildcards
        .iter()
        .map(|wildcard| PathStep {
            name: owner.to_string(),
            owner: (*wildcard).to_owned(),
            from_wildcard: true,
        })
        .collect();
    let ask = |rdatas: &[&[u8]]| {
        let path = &path;
        read(
            &identifier,
            &owner,
            Published { rdatas, path },
            &tie_break,
            policy,
        )
    };
    let mut given: Vec<&[u8]> = rdatas.iter().map(Vec::as_slice).collect();
    let reading = ask(&given);
    given.reverse();
    assert_eq!(ask(&given), reading, "the order of RRs means nothing");
    given.extend(given.clone());
    assert_eq!(ask(&given), reading, "RRs that come twice mean nothing");

    let records: Vec<_> = rdatas.iter().map(|rdata| Record::parse(rdata)).collect();
    let ours = records
        .iter()
        .filter(|parsed| **parsed != Err(RecordError::NotMimi))
        .count();
    let refuses = records.iter().flatten().any(|record| {
        record.provider == Provider::OptOut && (record.account.is_none() || wildcards.is_empty())
    });
    match &reading {
        Reading::Found(found) => admitted(found, &identifier, policy, wildcards),
        Reading::OptedOut => assert!(refuses),
        Reading::NoRecord(NoRecordReason::NoMimiRecord) => assert_eq!(ours, 0),
        Reading::NoRecord(NoRecordReason::UnrelatedWildcard) => assert!(!wildcards.is_empty()),
        Reading::Invalid(dropped) => {
            assert!((1..=ours).contains(&dropped.len()));
            assert!(
                dropped
                    .iter()
                    .all(|dropped| !dropped.error.to_string().is_empty())
            );
        }
    }
    if refuses {
        assert!(matches!(
            reading,
            Reading::OptedOut | Reading::NoRecord(NoRecordReason::UnrelatedWildcard)
        ));
    }
}

fn admitted(found: &Found, identifier: &Identifier, policy: ProviderPolicy, wildcards: &[&str]) {
    assert!((1..=limits::SERVICES_MAX).contains(&found.services.len()));
    assert!(
        found
            .services
            .is_sorted_by_key(|service| service.preference)
    );
    for dropped in &found.dropped {
        let _ = dropped.text();
    }
    for service in &found.services {
        assert!(service.tags.len() <= limits::TAGS_MAX);
        assert!(matches!(service.port, None | Some(443 | 1_024..)));
        if policy == ProviderPolicy::Public {
            assert!(!service.provider.is_special_use());
        }
        if !wildcards.is_empty() {
            assert_eq!(service.account, None);
        }
        match (&service.account, identifier) {
            (None, Identifier::Host(_)) => panic!("a host without an account"),
            (None, _) => assert!(service.identifier_query(identifier).is_some()),
            (Some(_), _) => assert!(service.identifier_query(identifier).is_none()),
        }
        if let Some(uri) = service.mimi_uri() {
            let Ok(Identifier::Uri(uri)) = uri.parse() else {
                panic!("{uri} is none");
            };
            assert_eq!(uri.provider(), &service.provider);
            assert_eq!(Some(uri.account().as_str()), service.account.as_deref());
        }
    }
}
