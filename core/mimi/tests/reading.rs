//! From an RRset to what it means, rule by rule.

use sotto_mimi::{
    Domain, DroppedRecord, Identifier, NoRecordReason, ProviderPolicy, Published, Reading, Record,
    RecordForm, Service, TieBreak, read,
};

const MAILBOX: &str = "hugh@example.com";
const WILDCARD: &str = "*._user._mimi.example.com.";

/// The RDATA of a record's text, which is written for one character-string.
fn rdata(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(255)
        .flat_map(|string| [&[string.len() as u8], string].concat())
        .collect()
}

struct Case<'a> {
    identifier: &'a str,
    form: RecordForm,
    wildcards: &'a [&'a str],
    policy: ProviderPolicy,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            identifier: MAILBOX,
            form: RecordForm::Txt,
            wildcards: &[],
            policy: ProviderPolicy::Public,
        }
    }
}

impl Case<'_> {
    fn read(&self, texts: &[&str]) -> Reading {
        let identifier: Identifier = self.identifier.parse().expect("an identifier");
        let zone: Domain = "enum.example".parse().expect("a domain");
        let owner = identifier
            .owner(self.form, Some(&zone))
            .expect("an owner name");
        let rdatas: Vec<Vec<u8>> = texts.iter().map(|text| rdata(text)).collect();
        let rdatas: Vec<&[u8]> = rdatas.iter().map(Vec::as_slice).collect();
        let published = Published {
            rdatas: &rdatas,
            wildcards: self.wildcards,
        };
        read(
            &identifier,
            &owner,
            self.form,
            published,
            &TieBreak::new([1; 16]),
            self.policy,
        )
    }

    fn found(&self, texts: &[&str]) -> (Vec<Service>, Vec<DroppedRecord>) {
        match self.read(texts) {
            Reading::Found(found) => (found.services, found.dropped),
            other => panic!("{other:?}"),
        }
    }

    fn invalid(&self, text: &str) -> &'static str {
        match self.read(&[text]) {
            Reading::Invalid(dropped) => dropped[0].error.code(),
            other => panic!("{other:?}"),
        }
    }
}

fn mailbox() -> Case<'static> {
    Case::default()
}

#[test]
fn the_slide_reads_in_its_order() {
    let texts = [
        "v=MIMI1; p=2; a=+15551234567; e=mimi.whatsapp.com; s=whatsapp",
        "v=MIMI1; p=1; a=myname99; e=im.telegram.org; s=telegram",
    ];
    for form in [RecordForm::Txt, RecordForm::Mimi] {
        let case = Case {
            identifier: "mymimi.example.com",
            form,
            ..Case::default()
        };
        let (services, dropped) = case.found(&texts);
        assert!(dropped.is_empty());
        let uris: Vec<_> = services.iter().filter_map(Service::mimi_uri).collect();
        assert_eq!(
            uris,
            [
                "mimi://im.telegram.org/u/myname99",
                "mimi://mimi.whatsapp.com/u/+15551234567"
            ]
        );
        assert_eq!(services[0].label.as_deref(), Some("telegram"));
    }
}

#[test]
fn nothing_of_ours_is_no_record() {
    assert_eq!(
        mailbox().read(&["v=spf1 -all", "v=MIMI10; e=."]),
        Reading::NoRecord(NoRecordReason::NoMimiRecord)
    );
    assert_eq!(
        mailbox().read(&[]),
        Reading::NoRecord(NoRecordReason::NoMimiRecord)
    );
}

#[test]
fn malformed_records_are_dropped_and_reported() {
    let (services, dropped) =
        mailbox().found(&["v=MIMI1; e=a..b", "v=MIMI1; e=im.telegram.org", "v=spf1"]);
    assert_eq!(services.len(), 1);
    assert_eq!(dropped.len(), 1);
    assert_eq!(dropped[0].text(), "v=MIMI1; e=a..b");
    assert_eq!(mailbox().invalid("v=MIMI1; e=a..b"), "record_provider");
}

#[test]
fn a_refusal_wins_over_services_but_a_malformed_one_does_not() {
    assert_eq!(
        mailbox().read(&["v=MIMI1; p=1; e=im.telegram.org", "v=MIMI1; e=."]),
        Reading::OptedOut
    );
    let (services, _) = mailbox().found(&["v=MIMI1; p=1; e=im.telegram.org", "v=MIMI1; e=.; e=."]);
    assert_eq!(services.len(), 1);
    // A host needs no account to refuse.
    let host = Case {
        identifier: "alice.example.com",
        ..Case::default()
    };
    assert_eq!(host.read(&["v=MIMI1; e=."]), Reading::OptedOut);
}

#[test]
fn unrelated_wildcards_do_not_speak() {
    let unrelated = Reading::NoRecord(NoRecordReason::UnrelatedWildcard);
    let ask = |identifier, form, wildcards: &[&str]| {
        Case {
            identifier,
            form,
            wildcards,
            ..Case::default()
        }
        .read(&["v=MIMI1; e=im.telegram.org"])
    };
    assert!(matches!(
        ask(MAILBOX, RecordForm::Txt, &[WILDCARD]),
        Reading::Found(_)
    ));
    assert_eq!(
        ask(MAILBOX, RecordForm::Txt, &["*.example.com."]),
        unrelated
    );
    assert_eq!(
        ask(MAILBOX, RecordForm::Txt, &[WILDCARD, "*.example.com."]),
        unrelated
    );
    assert_eq!(
        ask("alice.example.com", RecordForm::Mimi, &["*.example.com."]),
        unrelated
    );
    assert!(matches!(
        ask(
            "+15551234567",
            RecordForm::Txt,
            &["*.5.5.5.1.enum.example."]
        ),
        Reading::NoRecord(NoRecordReason::UnrelatedWildcard)
    ));
}

#[test]
fn a_wildcard_cannot_name_one_account_for_all() {
    let case = Case {
        wildcards: &[WILDCARD],
        ..Case::default()
    };
    assert_eq!(
        case.invalid("v=MIMI1; e=im.telegram.org; a=x"),
        "record_account_in_wildcard"
    );
    assert_eq!(case.found(&["v=MIMI1; e=im.telegram.org"]).0.len(), 1);
    assert_eq!(case.read(&["v=MIMI1; e=."]), Reading::OptedOut);
}

#[test]
fn a_host_needs_an_account() {
    let case = Case {
        identifier: "alice.example.com",
        ..Case::default()
    };
    assert_eq!(
        case.invalid("v=MIMI1; e=im.telegram.org"),
        "record_no_account_for_host"
    );
}

#[test]
fn special_use_providers_exist_under_a_private_root_only() {
    for name in [
        "im.test",
        "im.example",
        "im.example.com",
        "printer.local",
        "x.onion",
        "x.internal",
        "2.0.192.in-addr.arpa",
    ] {
        let text = format!("v=MIMI1; e={name}");
        assert_eq!(mailbox().invalid(&text), "record_special_use", "{name}");
        let private = Case {
            policy: ProviderPolicy::PrivateRoot,
            ..Case::default()
        };
        assert_eq!(private.found(&[&text]).0.len(), 1);
        assert_eq!(
            private.invalid("v=MIMI1; e=im.localhost"),
            "record_special_use"
        );
    }
}

#[test]
fn records_of_one_account_are_merged() {
    let (services, dropped) = mailbox().found(&[
        "v=MIMI1; p=5; e=im.telegram.org; a=x; s=late; t=c,d,e,f,g,h,i,j",
        "v=MIMI1; p=2; e=IM.telegram.org:443; a=x; s=early; t=b,a,c",
        "v=MIMI1; p=9; e=im.telegram.org; a=x",
        "v=MIMI1; p=3; e=im.telegram.org:8443; a=x",
        "v=MIMI1; p=4; e=im.telegram.org; a=y",
    ]);
    assert!(dropped.is_empty());
    assert_eq!(
        services.iter().map(|s| s.preference).collect::<Vec<_>>(),
        [2, 3, 4]
    );
    assert_eq!(services[0].label.as_deref(), Some("early"));
    assert_eq!(services[0].tags, ["b", "a", "c", "d", "e", "f", "g", "h"]);
}

#[test]
fn sixteen_services_are_kept_the_same_for_every_client() {
    let texts: Vec<String> = (10..40)
        .rev()
        .map(|n| format!("v=MIMI1; p=1; e=s{n}.net"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (services, dropped) = mailbox().found(&texts);
    let mut kept: Vec<_> = services
        .iter()
        .map(|service| service.provider.as_str())
        .collect();
    kept.sort_unstable();
    assert_eq!(
        kept,
        (10..26).map(|n| format!("s{n}.net")).collect::<Vec<_>>()
    );
    assert_eq!(dropped.len(), 14);
    assert!(
        dropped
            .iter()
            .all(|record| record.error.code() == "record_beyond_limit")
    );
}

#[test]
fn what_record_emits_reads_back() {
    let record = Record::parse_text(b"v=MIMI1; p=1; e=im.telegram.org; s=x").unwrap();
    let (services, _) = mailbox().found(&[&record.to_text()]);
    assert_eq!(
        services[0].directory_url(),
        "https://im.telegram.org/.well-known/mimi-protocol-directory"
    );
}
