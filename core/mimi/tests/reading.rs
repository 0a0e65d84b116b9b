//! From an RRset to what it means, rule by rule.

use sotto_mimi::{
    Domain, DroppedRecord, Identifier, NoRecordReason, PathStep, ProviderPolicy, Published,
    Reading, Record, RecordForm, Service, TieBreak, read,
};

const MAILBOX: &str = "hugh@example.com";
/// The owner name of [`MAILBOX`], and the labels that its domain's `_mimi` stands behind.
const OWNER: &str =
    "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.example.com.";
const WILDCARD: &str = "*._user._mimi.example.com.";

/// A path, whether it was meant for MIMI, and why.
type Judged<'a> = (&'a [(&'a str, &'a str)], bool, &'a str);

/// The RDATA of a record's text, which is written for one character-string.
fn rdata(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(255)
        .flat_map(|string| [&[string.len() as u8], string].concat())
        .collect()
}

fn path_step(&(name, owner): &(&str, &str)) -> PathStep {
    PathStep {
        name: name.to_owned(),
        owner: owner.to_owned(),
        from_wildcard: owner.starts_with("*."),
    }
}

struct Case<'a> {
    identifier: &'a str,
    form: RecordForm,
    /// Name and owner of each step; of the wildcards, the owner begins with an asterisk.
    path: &'a [(&'a str, &'a str)],
    policy: ProviderPolicy,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            identifier: MAILBOX,
            form: RecordForm::Txt,
            path: &[(OWNER, OWNER)],
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
        let path: Vec<_> = self.path.iter().map(path_step).collect();
        let published = Published {
            rdatas: &rdatas,
            path: &path,
        };
        read(
            &identifier,
            &owner,
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

/// Reads a provider that is reached from `identifier` by `path`: whether it counts.
#[track_caller]
fn assert_meant(identifier: &str, form: RecordForm, path: &[(&str, &str)], meant: bool, why: &str) {
    let account = match identifier.parse() {
        // An account behind a wildcard is malformed, and a host needs one: hosts refuse here.
        Ok(Identifier::Host(_)) => "v=MIMI1; e=.",
        _ => "v=MIMI1; e=im.telegram.org",
    };
    let case = Case {
        identifier,
        form,
        path,
        ..Case::default()
    };
    match case.read(&[account]) {
        Reading::Found(_) | Reading::OptedOut => assert!(meant, "{why}"),
        Reading::NoRecord(NoRecordReason::UnrelatedWildcard) => assert!(!meant, "{why}"),
        other => panic!("{why}: {other:?}"),
    }
}

/// The name of [`MAILBOX`] under another suffix.
macro_rules! at {
    ($suffix:literal) => {
        concat!(
            "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6.",
            $suffix
        )
    };
}

#[test]
fn a_wildcard_speaks_where_it_was_meant_for_mimi() {
    let cases: &[Judged<'_>] = &[
        (&[(OWNER, WILDCARD)], true, "every mailbox of the domain"),
        (
            &[(OWNER, "*._mimi.example.com.")],
            true,
            "every name of the domain's discovery server",
        ),
        (
            &[(OWNER, "*._USER._Mimi.example.COM.")],
            true,
            "letters' case means nothing",
        ),
        (&[(OWNER, "*.example.com.")], false, "web hosting"),
        (
            &[(OWNER, "*.com.")],
            false,
            "a registry that catches typing errors",
        ),
        (
            &[
                (OWNER, "*.example.com."),
                ("_mimi.hoster.net.", "_mimi.hoster.net."),
            ],
            false,
            "web hosting leads to the hoster's own record",
        ),
        (
            &[
                (OWNER, "*.example.com."),
                ("x._mimi.hoster.net.", "*._mimi.hoster.net."),
            ],
            false,
            "what was not handed over stays so, wherever it leads",
        ),
    ];
    for (path, meant, why) in cases {
        assert_meant(MAILBOX, RecordForm::Txt, path, *meant, why);
    }
}

#[test]
fn who_is_handed_a_name_may_answer_by_wildcard() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[
                (OWNER, "_user._mimi.example.com."),
                (at!("_user._mimi.hub.net."), "*._user._mimi.hub.net."),
            ],
            "mailboxes by DNAME",
        ),
        (
            &[
                (OWNER, "_MIMI.example.com."),
                (at!("_user.example-com.hub.net."), "*.example-com.hub.net."),
            ],
            "everything below _mimi by DNAME, to names without that label",
        ),
        (
            &[(OWNER, OWNER), ("u7.hub.net.", "*.hub.net.")],
            "one mailbox by CNAME",
        ),
        (
            &[(OWNER, WILDCARD), ("all.hub.net.", "all.hub.net.")],
            "every mailbox by one CNAME",
        ),
        (
            &[
                (OWNER, WILDCARD),
                ("all.hub.net.", "*.hub.net."),
                ("x.cdn.net.", "*.net."),
            ],
            "how the one it was handed to goes on is its affair",
        ),
    ];
    for (path, why) in cases {
        assert_meant(MAILBOX, RecordForm::Txt, path, true, why);
    }
}

/// It was made for another purpose, and takes the domain's `_mimi` along.
#[test]
fn a_dname_above_mimi_moves_the_label_and_hands_nothing_over() {
    let moved = (OWNER, "example.com.");
    let there = at!("_user._mimi.other.net.");
    let cases: &[Judged<'_>] = &[
        (&[moved, (there, there)], true, "an exact record there"),
        (
            &[moved, (there, "*._user._mimi.other.net.")],
            true,
            "every mailbox there",
        ),
        (
            &[moved, (there, "*.other.net.")],
            false,
            "web hosting there",
        ),
        (
            &[
                moved,
                (there, "*.other.net."),
                ("x._mimi.hub.net.", "*._mimi.hub.net."),
            ],
            false,
            "web hosting there leads to a discovery server's wildcard",
        ),
        (
            &[
                moved,
                (there, "_user._mimi.other.net."),
                ("x.hub.net.", "*.hub.net."),
            ],
            true,
            "handed over from there",
        ),
        (
            &[
                moved,
                (there, "other.net."),
                (at!("_user._mimi.third.net."), "*.third.net."),
            ],
            false,
            "moved twice, and web hosting at the end",
        ),
        (
            &[
                moved,
                (there, "other.net."),
                (at!("_user._mimi.third.net."), "*._mimi.third.net."),
            ],
            true,
            "moved twice, and meant at the end",
        ),
        (
            &[
                moved,
                (
                    at!("_user._mimi.x._mimi.other.net."),
                    "*.x._mimi.other.net.",
                ),
            ],
            false,
            "the label that moved counts, not another further up",
        ),
        (
            &[(OWNER, "*.com."), (there, there)],
            false,
            "a DNAME that a wildcard above made",
        ),
    ];
    for (path, meant, why) in cases {
        assert_meant(MAILBOX, RecordForm::Txt, path, *meant, why);
    }
}

#[test]
fn wildcards_of_a_phone_tree_and_of_hosts() {
    let phone = "_mimi.7.6.5.4.3.2.1.5.5.5.1.enum.example.";
    let host = "_mimi.alice.example.com.";
    let bare = "alice.example.com.";
    let (txt, mimi) = (RecordForm::Txt, RecordForm::Mimi);
    type Row<'a> = (&'a str, RecordForm, &'a [(&'a str, &'a str)], bool, &'a str);
    let cases: &[Row<'_>] = &[
        ("+15551234567", txt, &[(phone, phone)], true, "a number"),
        (
            "+15551234567",
            txt,
            &[(phone, "*.5.5.5.1.enum.example.")],
            false,
            "a range of numbers",
        ),
        (
            "+15551234567",
            txt,
            &[
                (phone, "5.5.5.1.enum.example."),
                ("_mimi.7.6.5.4.3.2.1.carrier.net.", "*.carrier.net."),
            ],
            false,
            "a range that was moved to a carrier's wildcard",
        ),
        (
            "+15551234567",
            txt,
            &[(phone, phone), ("n7.carrier.net.", "*.carrier.net.")],
            true,
            "a number that was handed to a carrier",
        ),
        (
            "alice.example.com",
            txt,
            &[(host, "*.example.com.")],
            false,
            "web hosting",
        ),
        (
            "alice.example.com",
            txt,
            &[(host, host), ("x.hub.net.", "*.hub.net.")],
            true,
            "a host that was handed over",
        ),
        (
            "alice.example.com",
            mimi,
            &[(bare, bare)],
            true,
            "a bare host",
        ),
        (
            "alice.example.com",
            mimi,
            &[(bare, "*.example.com.")],
            false,
            "web hosting",
        ),
        (
            "alice.example.com",
            mimi,
            &[(bare, bare), ("w.hoster.net.", "w.hoster.net.")],
            true,
            "a bare host's alias",
        ),
        (
            "alice.example.com",
            mimi,
            &[(bare, bare), ("w.hoster.net.", "*.hoster.net.")],
            false,
            "an alias of a bare host was made for the web",
        ),
        (
            "alice.example.com",
            mimi,
            &[(bare, bare), ("x._mimi.hoster.net.", "*._mimi.hoster.net.")],
            false,
            "no wildcard counts for a bare host",
        ),
    ];
    for (identifier, form, path, meant, why) in cases {
        assert_meant(identifier, *form, path, *meant, why);
    }
}

#[test]
fn a_wildcard_cannot_name_one_account_for_all() {
    let (account, provider) = (
        "v=MIMI1; e=im.telegram.org; a=x",
        "v=MIMI1; e=im.telegram.org",
    );
    let there = at!("_user._mimi.hub.net.");
    let dname = (OWNER, "_user._mimi.example.com.");
    let by_wildcard: [&[(&str, &str)]; 3] = [
        &[(OWNER, WILDCARD)],
        // Wherever on the way it stands, it answers for people that nobody thought of.
        &[(OWNER, WILDCARD), ("all.hub.net.", "all.hub.net.")],
        &[dname, (there, "*._user._mimi.hub.net.")],
    ];
    for path in by_wildcard {
        let case = Case {
            path,
            ..Case::default()
        };
        assert_eq!(case.invalid(account), "record_account_in_wildcard");
        assert_eq!(case.found(&[provider]).0.len(), 1);
        assert_eq!(case.read(&["v=MIMI1; e=."]), Reading::OptedOut);
    }
    // A DNAME is no wildcard: there is one name there for each name here.
    let case = Case {
        path: &[dname, (there, there)],
        ..Case::default()
    };
    assert_eq!(case.found(&[account]).0[0].account.as_deref(), Some("x"));
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
