//! What holds for every input.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sotto_mimi::{
    Account, Domain, Identifier, Label, Mailbox, OwnerName, PathStep, Port, Provider,
    ProviderPolicy, Published, Reading, Record, RecordForm, Tag, TieBreak, limits, read,
};

fn domain() -> impl Strategy<Value = Domain> {
    "([a-z][a-z0-9]{0,10}\\.){1,4}[a-z]{2,6}".prop_filter_map("a domain", |text| text.parse().ok())
}

/// Any text that a part accepts, odd ones included.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,40}", "\\PC{1,40}", "[ %;=,a]{1,12}"]
}

fn record() -> impl Strategy<Value = Record> {
    let provider = prop_oneof![
        1 => Just(Provider::OptOut),
        9 => (domain(), option::of(1_024u16..)).prop_map(|(domain, port)| Provider::At {
            domain,
            port: port.and_then(Port::new),
        }),
    ];
    let tags = vec("[a-z!-$&-+./: -@]{1,9}", 0..limits::TAGS_MAX);
    (
        provider,
        option::of(text()),
        any::<u16>(),
        option::of(text()),
        tags,
    )
        .prop_map(|(provider, account, preference, label, tags)| {
            let mut tags: Vec<Tag> = tags.iter().filter_map(|tag| Tag::new(tag).ok()).collect();
            let mut seen = std::collections::HashSet::new();
            tags.retain(|tag| seen.insert(tag.clone()));
            Record {
                provider,
                account: account.and_then(|text| Account::new(&text).ok()),
                preference,
                label: label.and_then(|text| Label::new(&text).ok()),
                tags,
            }
        })
}

/// Texts made of the grammar's own pieces, which reach deeper than noise.
fn nearly_a_record() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "v",
        "=",
        "MIMI1",
        ";",
        " ",
        "\t",
        "e",
        "a",
        "p",
        "s",
        "t",
        ".",
        "%",
        "%41",
        "%ff",
        "im.telegram.org",
        ":8443",
        "1",
        ",",
        "é",
        "\0",
    ]);
    vec(piece, 0..30).prop_map(|pieces| format!("v=MIMI1;{}", pieces.concat()))
}

fn ask(rdatas: &[Vec<u8>], secret: [u8; 16]) -> Reading {
    let identifier: Identifier = "hugh@example.com".parse().expect("an identifier");
    let owner = identifier
        .owner(RecordForm::Txt, None)
        .expect("an owner name");
    let rdatas: Vec<&[u8]> = rdatas.iter().map(Vec::as_slice).collect();
    let step = PathStep {
        name: owner.to_string(),
        owner: owner.to_string(),
        from_wildcard: false,
    };
    let published = Published {
        rdatas: &rdatas,
        path: &[step],
    };
    read(
        &identifier,
        &owner,
        published,
        &TieBreak::new(secret),
        ProviderPolicy::PrivateRoot,
    )
}

/// What the gateway accepts as the name of a question.
fn is_a_question(owner: &OwnerName) -> bool {
    let name = owner.as_str();
    name.len() <= 254
        && name.ends_with('.')
        && name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"-_.*".contains(&octet))
        && name.split('.').all(|label| label.len() <= 63)
}

proptest! {
    #[test]
    fn a_record_survives_its_text_and_its_rdata(record in record()) {
        prop_assert_eq!(Record::parse_text(record.to_text().as_bytes()), Ok(record.clone()));
        prop_assert_eq!(Record::parse(&record.to_rdata()), Ok(record));
    }

    #[test]
    fn what_parses_is_emitted_to_parse_alike(text in nearly_a_record()) {
        if let Ok(record) = Record::parse_text(text.as_bytes()) {
            prop_assert_eq!(Record::parse(&record.to_rdata()), Ok(record));
        }
    }

    #[test]
    fn no_octets_panic(rdata in vec(any::<u8>(), 0..600), secret in any::<[u8; 16]>()) {
        let _ = Record::parse(&rdata);
        let _ = Record::parse_text(&[b"v=MIMI1;", rdata.as_slice()].concat());
        let _ = ask(&[rdata], secret);
    }

    #[test]
    fn no_text_panics_and_every_identifier_survives_its_spelling(
        text in prop_oneof![any::<String>(), "[a-zA-Z\"\\\\@.+:/%?;0-9 ]{0,40}", "(mailto|tel|acct|im|xmpp|mimi):\\PC{0,30}"],
    ) {
        if let Ok(identifier) = text.parse::<Identifier>() {
            prop_assert_eq!(identifier.to_string().parse(), Ok(identifier.clone()));
            let zone: Domain = "enum.example".parse().unwrap();
            for form in [RecordForm::Txt, RecordForm::Mimi] {
                if let Ok(owner) = identifier.owner(form, Some(&zone)) {
                    prop_assert!(is_a_question(&owner), "{}", owner);
                }
            }
        }
    }

    #[test]
    fn any_local_part_survives_its_spelling(local in "\\PC{1,20}", domain in domain()) {
        if let Ok(mailbox) = Mailbox::new(&local, domain) {
            prop_assert_eq!(mailbox.to_string().parse(), Ok(mailbox));
        }
    }

    #[test]
    fn the_order_of_an_rrset_means_nothing(
        (given, shuffled) in vec(prop_oneof![4 => record().prop_map(|record| record.to_rdata()), 1 => vec(any::<u8>(), 0..20)], 0..30)
            .prop_flat_map(|rdatas| (Just(rdatas.clone()), Just(rdatas).prop_shuffle())),
        secret in any::<[u8; 16]>(),
    ) {
        prop_assert_eq!(ask(&given, secret), ask(&shuffled, secret));
    }

    #[test]
    fn services_come_by_preference_and_few(records in vec(record(), 1..40), secret in any::<[u8; 16]>()) {
        let rdatas: Vec<_> = records.iter().map(Record::to_rdata).collect();
        if let Reading::Found(found) = ask(&rdatas, secret) {
            prop_assert!((1..=limits::SERVICES_MAX).contains(&found.services.len()));
            prop_assert!(found.services.is_sorted_by_key(|service| service.preference));
            prop_assert!(found.services.iter().all(|service| service.tags.len() <= limits::TAGS_MAX));
        }
    }
}

fn first_of_four(secret: [u8; 16]) -> String {
    let rdatas: Vec<_> = ["a.net", "b.net", "c.net", "d.net"]
        .iter()
        .map(|provider| {
            Record::parse_text(format!("v=MIMI1; p=1; e={provider}").as_bytes())
                .expect("a record")
                .to_rdata()
        })
        .collect();
    match ask(&rdatas, secret) {
        Reading::Found(found) => found.services[0].provider.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hundred_restarts_choose_the_same() {
    let first = first_of_four([42; 16]);
    assert!((0..100).all(|_| first_of_four([42; 16]) == first));
}

#[test]
fn a_thousand_clients_spread_evenly() {
    let mut chosen = std::collections::BTreeMap::new();
    for client in 0..1_000u128 {
        *chosen
            .entry(first_of_four(client.to_be_bytes()))
            .or_insert(0) += 1;
    }
    // 250 expected of each; the standard deviation is 13.7, so four of them are 55.
    assert_eq!(chosen.len(), 4);
    assert!(
        chosen.values().all(|count| (195..=305).contains(count)),
        "{chosen:?}"
    );
}
