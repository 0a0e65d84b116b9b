//! `sotto record new`: every name server that it prints for serves what it printed, and a client reads exactly the people
//! of the file.

use std::collections::BTreeSet;
use std::fs;

use sotto_mimi::{
    Identifier, PathStep, ProviderPolicy, Published, Reading, RecordForm, Service, TieBreak,
};
use sotto_proof::{Anchors, Limits, Question, RecordType, Verdict, verify};
use sotto_publish::{Placement, Software, Subject};
use sotto_tests::authority::{self, Authority, ORIGIN};
use sotto_tests::{now, sotto};

use crate::page::Page;

/// A person of a file, and what a client must read of them. The fields are as in the file; no service is an opt-out.
struct Person {
    identifier: String,
    services: Vec<[String; 5]>,
}

fn person(identifier: &str, services: &[[&str; 5]]) -> Person {
    Person {
        identifier: identifier.to_owned(),
        services: services
            .iter()
            .map(|service| service.map(str::to_owned))
            .collect(),
    }
}

/// Everybody, with all that a file may hold: quotes, backslashes, semicolons, percent signs, dollars, other scripts, the
/// longest account, and texts of just one character-string, one octet more, two, and the most that may be published.
fn people() -> Vec<Person> {
    let mut people = vec![
        person(
            "hugh@example.com",
            &[
                ["mimi.harbour.test", "hugh", "10", "harbour", "default"],
                [
                    "im.lantern.test:8443",
                    "hugh.b",
                    "20",
                    "lantern",
                    "business;home",
                ],
            ],
        ),
        person("*@example.com", &[["mimi.harbour.test", "", "", "", ""]]),
        person(
            "\"*\"@example.com",
            &[["star.harbour.test", "*", "", "", ""]],
        ),
        person("ghost@example.com", &[]),
        person(
            "alice.example.com",
            &[["mimi.harbour.test", "alice", "1", "", ""]],
        ),
        person(
            "example.com",
            &[["mimi.harbour.test", "postmaster", "1", "", ""]],
        ),
        person(
            "\"odd; \\\"one\\\" \\\\ $x\"@example.com",
            &[[
                "mimi.harbour.test",
                "a\"b\\c;d%e$f(g)h@i,j k",
                "0",
                "\"; v=MIMI1; e=.",
                "a\"b\\c",
            ]],
        ),
        person(
            "名前@example.com",
            &[["mimi.harbour.test", "名前 é", "65534", "ñ", "ünï"]],
        ),
        person(
            "long@example.com",
            &[["mimi.harbour.test", &"ö".repeat(127), "", "", ""]],
        ),
        person(
            "escaped@example.com",
            &[["mimi.harbour.test", &";".repeat(255), "", "", ""]],
        ),
        person(
            "many@example.com",
            &std::array::from_fn::<_, 16, _>(|_| ["mimi.harbour.test", "", "", "", ""]),
        ),
    ];
    let many = people.last_mut().unwrap();
    for (at, service) in many.services.iter_mut().enumerate() {
        service[1] = format!("account{at}");
        service[2] = at.to_string();
    }
    for octets in [254, 255, 256, 510, 511, 1_024] {
        // "v=MIMI1; e=mimi.harbour.test; s=" is 32 octets.
        let mut one = person(&format!("l{octets}@example.com"), &[[""; 5]]);
        one.services[0] =
            ["mimi.harbour.test", "", "", &"s".repeat(octets - 32), ""].map(str::to_owned);
        people.push(one);
    }
    people
}

fn csv(people: &[Person]) -> String {
    let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
    let mut text = String::from("identifier,service,account,prefer,label,tag,opt_out\n");
    for person in people {
        let identifier = quoted(&person.identifier);
        if person.services.is_empty() {
            text += &format!("{identifier},,,,,,yes\n");
        }
        for service in &person.services {
            let fields: Vec<String> = service.iter().map(|field| quoted(field)).collect();
            text += &format!("{identifier},{},\n", fields.join(","));
        }
    }
    text
}

/// What `sotto record new --from` writes for a file.
fn zone_file(csv: &str, software: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (accounts, output) = (
        folder.path().join("accounts.csv"),
        folder.path().join("mimi.zone"),
    );
    fs::write(&accounts, csv).unwrap();
    let (from, to) = (accounts.to_str().unwrap(), output.to_str().unwrap());
    let arguments = [
        "record", "new", "--from", from, "--zone", ORIGIN, "--for", software, "--output", to,
    ];
    let ran = sotto::run(&[&arguments, more].concat()).unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.stdout, "");
    fs::read_to_string(output).unwrap()
}

/// What a client reads of an identifier, by a proof from the server.
fn read(authority: &Authority, identifier: &Identifier, form: RecordForm) -> Reading {
    let placement = Placement {
        form,
        ..Placement::default()
    };
    let owner = placement
        .owner(&Subject::Person(identifier.clone()))
        .unwrap();
    let question = Question {
        name: owner.as_str().parse().unwrap(),
        rtype: RecordType(placement.rtype()),
    };
    let proof = authority.prove(&question).unwrap();
    let anchors = Anchors::parse(authority.anchor()).unwrap();
    let verdict = verify(&proof, &question, &anchors, now(), &Limits::default()).verdict;
    let Verdict::Secure(secure) = verdict else {
        panic!("{identifier}: {verdict:?}");
    };
    let rdatas: Vec<&[u8]> = secure.rdatas.iter().map(AsRef::as_ref).collect();
    let path = secure.path.iter().map(|step| PathStep {
        name: step.name.to_string(),
        owner: step.owner.to_string(),
        from_wildcard: step.from_wildcard,
    });
    let published = Published {
        rdatas: &rdatas,
        path: &path.collect::<Vec<_>>(),
    };
    let tie_break = TieBreak::new([0; 16]);
    sotto_mimi::read(
        identifier,
        &owner,
        published,
        &tie_break,
        ProviderPolicy::PrivateRoot,
    )
}

/// The fields of a service as the file has them.
fn fields(service: &Service) -> [String; 5] {
    let provider = service.provider.to_string();
    [
        service
            .port
            .map_or(provider.clone(), |port| format!("{provider}:{port}")),
        service.account.clone().unwrap_or_default(),
        match service.preference {
            u16::MAX => String::new(),
            preference => preference.to_string(),
        },
        service.label.clone().unwrap_or_default(),
        service.tags.join(";"),
    ]
}

/// Starts a server with everybody in it, and reads everybody back.
fn serves_everybody(software: Software, word: &str, manual: &str) {
    let people = people();
    let csv = csv(&people);
    let txt = zone_file(&csv, word, &[]);
    let mimi = zone_file(&csv, word, &["--type", "MIMI", "--ttl", "300"]);
    let records = txt + &mimi;
    authority::check(software, &records).unwrap();
    let authority = Authority::start(software, &records, manual).unwrap();
    for form in [RecordForm::Txt, RecordForm::Mimi] {
        for person in &people {
            let identifier = match person.identifier.parse().unwrap() {
                Subject::Person(identifier) => identifier,
                // Whoever has no records of their own.
                Subject::EveryMailbox(_) => "stranger@example.com".parse().unwrap(),
            };
            let reading = read(&authority, &identifier, form);
            if person.services.is_empty() {
                assert_eq!(reading, Reading::OptedOut, "{identifier}");
                continue;
            }
            let Reading::Found(found) = reading else {
                panic!("{identifier}: {reading:?}");
            };
            assert_eq!(found.dropped, [], "{identifier}");
            let read: BTreeSet<_> = found.services.iter().map(fields).collect();
            let written: BTreeSet<_> = person.services.iter().cloned().collect();
            assert_eq!(read, written, "{identifier}");
        }
    }
}

#[test]
fn knot_serves_what_is_printed() {
    let page = Page::read("docs/publishing/hoster.md");
    serves_everybody(Software::Knot, "knot", &page.fence("knot"));
}

#[test]
fn bind_serves_what_is_printed() {
    let page = Page::read("docs/publishing/hoster.md");
    serves_everybody(Software::Bind, "bind", &page.fence("bind"));
}

#[test]
fn powerdns_serves_what_is_printed() {
    let page = Page::read("docs/publishing/hoster.md");
    serves_everybody(Software::PowerDns, "powerdns", &page.text);
}

#[test]
fn nsd_serves_what_is_printed() {
    serves_everybody(Software::Nsd, "nsd", "");
}

/// What the page says that a command prints is what it prints.
#[test]
fn the_page_for_a_person_says_what_is_printed() {
    let page = Page::read("docs/publishing/person.md");
    assert!(page.replay(&[]) >= 3, "too few commands");
}

/// So does the page for a hoster, whose file is the sample that it shows; and its zone file is loaded.
#[test]
fn the_page_for_a_hoster_says_what_is_printed() {
    let page = Page::read("docs/publishing/hoster.md");
    let accounts = page.fence("csv");
    assert!(page.replay(&[("accounts.csv", &accounts)]) >= 1);
    let records = zone_file(&accounts, "knot", &[]);
    for software in [
        Software::Knot,
        Software::Nsd,
        Software::Bind,
        Software::PowerDns,
    ] {
        authority::check(software, &records).unwrap();
    }
}
