//! What whoever publishes reads: files of accounts, zone files, keys, and what name servers answer to updates.
//!
//! Asserted: who is read lies in the zone and publishes records of ours; a check counts what it was given; a key never shows;
//! and no answer is believed that the holder of the key has not signed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_fuzz::{Input, alter};
use sotto_mimi::ProviderPolicy;
use sotto_proof::RecordType;
use sotto_publish::check::{AccountsCheck, ZoneCheck, ZoneOptions};
use sotto_publish::update::{Intent, Round, Session, Step, Target, TsigKey, is_mimi};
use sotto_publish::{Accounts, Placement, Zone};

const NOW: u64 = 1_800_000_000;
const ZONE: &str = "example.test.";
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Steps of one round that are played at most.
const STEPS: usize = 8;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    match input.u8() % 4 {
        0 => accounts(&mut input),
        1 => zone(&mut input),
        2 => key(&mut input),
        _ => update(&mut input),
    }
});

/// A file of accounts, read on behind every error.
fn accounts(input: &mut Input<'_>) {
    let zone: Option<Zone> = input
        .bool()
        .then(|| ZONE.parse().expect("the name of a zone"));
    let placement = Placement {
        phone_zone: Some("phones.test".parse().expect("a domain")),
        ..Placement::default()
    };
    let Ok(mut accounts) = Accounts::new(input.rest(), placement, zone.clone()) else {
        return;
    };
    let mut check = AccountsCheck::new(ProviderPolicy::Public);
    let mut line = 1;
    while let Some(entry) = accounts.next() {
        check.take(&entry);
        match entry {
            Ok(entry) => {
                assert!(entry.line > line, "{} after {line}", entry.line);
                line = entry.line;
                let publication = &entry.publication;
                assert!(publication.rdatas().iter().all(|rdata| is_mimi(rdata)));
                assert!(!publication.rdatas().is_empty());
                if let Some(zone) = &zone {
                    assert!(zone.contains(publication.owner()));
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                accounts.go_on();
            }
        }
    }
    let _ = check.finish();
}

/// A zone file, line by line.
fn zone(input: &mut Input<'_>) {
    let origin = input.bool().then(|| ZONE.parse().expect("a name"));
    let mut check = ZoneCheck::new(ZoneOptions {
        origin,
        policy: ProviderPolicy::PrivateRoot,
        mimi_type: RecordType(65_400),
        now: NOW,
    });
    for line in input.rest().split_inclusive(|octet| *octet == b'\n') {
        check.line(line);
    }
    let _ = check.finish();
}

/// The text of a key file.
fn key(input: &mut Input<'_>) {
    let text = String::from_utf8_lossy(input.rest());
    match TsigKey::parse(&text) {
        Ok(key) => assert!(format!("{key:?}").contains("redacted")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A round with a server that has not got the key: it answers with what it was sent, altered, or with anything.
fn update(input: &mut Input<'_>) {
    let key = TsigKey::parse(&format!("hmac-sha256:updater:{SECRET}")).expect("a key");
    let mut session = Session::new(ZONE.parse().expect("a name"), key, 7);
    let rdata = b"\x0ev=MIMI1; e=a.b".to_vec();
    let target = Target {
        owner: "_mimi.a.example.test.".parse().expect("a name"),
        rtype: RecordType::TXT,
        ttl: 300,
        rdatas: if input.bool() {
            vec![rdata]
        } else {
            Vec::new()
        },
        is_ours: is_mimi,
    };
    let mut round = Round::new(&mut session, vec![target], Intent::Publish);
    for _ in 0..STEPS {
        let Step::Send(messages) = round.step(NOW) else {
            break;
        };
        for message in messages {
            let answer = if input.bool() {
                let mut echo = message;
                if let Some(flags) = echo.get_mut(2) {
                    *flags |= 0x84;
                }
                alter::octets(&echo, input)
            } else {
                [&message[..2], input.long()].concat()
            };
            if let Err(stop) = round.receive(&answer, NOW) {
                assert!(!stop.to_string().is_empty());
            }
        }
        if input.is_empty() {
            break;
        }
        round.lost();
    }
    for report in round.finish() {
        assert!(report.result.is_err(), "believed: {report:?}");
    }
    assert_eq!(session.states(), None, "nobody signed what was believed");
}
