//! Updates to real primary servers: Knot, BIND and PowerDNS, set up as docs/publishing/updates.md says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sotto_publish::update::{
    Intent, Round, Session, Step, Stop, Target, TsigError, TsigKey, is_mimi,
};
use sotto_tests::primary::{ALGORITHMS, Kind, Manual, PLAIN, Primary, ZONE};
use sotto_tests::sotto;

use self::breaks::{
    a_run_that_is_killed_is_finished_by_the_next, a_server_that_closes_early_is_outwitted,
    a_server_that_goes_away_leaves_whole_people, an_answer_that_is_lost_costs_nothing,
};
use crate::page::Page;

mod breaks;

/// People of a file of accounts: three rounds.
const PEOPLE: usize = 250;

/// Makes of each function a test for each kind of server.
macro_rules! on_every_server {
    ($($test:ident),* $(,)?) => {
        mod knot { $(#[test] fn $test() { super::$test(super::Kind::Knot); })* }
        mod bind { $(#[test] fn $test() { super::$test(super::Kind::Bind); })* }
        mod powerdns { $(#[test] fn $test() { super::$test(super::Kind::PowerDns); })* }
    };
}

on_every_server!(
    every_command_of_the_page_works,
    records_are_added_replaced_and_removed,
    others_records_stay,
    a_zone_that_is_not_signed_may_hold_wildcards,
    what_stands_in_the_way_is_named,
    whoever_may_not_update_changes_nothing,
    a_clock_that_differs_is_told,
    an_answer_that_is_lost_costs_nothing,
    a_server_that_goes_away_leaves_whole_people,
    a_run_that_is_killed_is_finished_by_the_next,
    a_server_that_closes_early_is_outwitted,
);

fn page() -> Page {
    Page::read("docs/publishing/updates.md")
}

fn start(kind: Kind) -> Primary {
    let (commands, config) = match kind {
        Kind::Knot => ("sh knot", "yaml knot"),
        Kind::Bind => ("sh bind", "conf bind"),
        Kind::PowerDns => ("sh powerdns", "conf powerdns"),
    };
    let manual = Manual {
        commands: page().fence(commands),
        config: page().fence(config) + "\n",
    };
    Primary::start(kind, &manual).unwrap()
}

/// How `sotto record publish` is called.
struct Call {
    server: SocketAddr,
    zone: String,
    key: PathBuf,
}

impl Call {
    fn to(primary: &Primary) -> Self {
        Self {
            server: primary.address(),
            zone: ZONE.to_owned(),
            key: primary.good_key(),
        }
    }

    fn arguments(&self, rest: &str) -> Vec<String> {
        let line = format!(
            "record publish --json --server {} --zone {} {rest} --tsig",
            self.server, self.zone
        );
        let words = line.split(' ').filter(|word| !word.is_empty());
        let mut arguments: Vec<_> = words.map(str::to_owned).collect();
        arguments.push(self.key.display().to_string());
        arguments
    }

    fn run(&self, rest: &str) -> (i32, Value) {
        let arguments = self.arguments(rest);
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        let outcome = sotto::run(&words).unwrap();
        (outcome.code, outcome.json().unwrap())
    }

    /// A run that must succeed: how many were added, replaced, removed, and as wanted already.
    #[track_caller]
    fn counts(&self, rest: &str) -> [u64; 4] {
        let (code, said) = self.run(rest);
        assert_eq!(code, 0, "{rest}: {said:#}");
        counts(&said)
    }
}

fn counts(said: &Value) -> [u64; 4] {
    ["added", "replaced", "removed", "unchanged"].map(|key| said[key].as_u64().unwrap())
}

/// Holds what would be done for one person, or why it was not, against docs/json.md.
#[track_caller]
fn is_documented(part: &Value) {
    let document = Page::read("docs/json.md");
    let is_told_of = |word: &str| document.text.contains(&format!("`{word}`"));
    let keys = part.as_object().unwrap().keys().map(String::as_str);
    for word in keys.chain(part["change"].as_str()) {
        assert!(is_told_of(word), "docs/json.md does not tell of {word}");
    }
}

/// A file of accounts, and the lines that `sotto record new` makes of it.
fn accounts(primary: &Primary, domain: impl Fn(usize) -> String) -> (PathBuf, BTreeSet<String>) {
    let mut text = String::from("identifier,service,account\n");
    for number in 0..PEOPLE {
        writeln!(
            text,
            "user{number}@{},mimi.example.net,u{number}",
            domain(number)
        )
        .unwrap();
    }
    let path = primary.folder().join("accounts.csv");
    fs::write(&path, text).unwrap();
    let outcome = sotto::run(&[
        "record",
        "new",
        "--from",
        path.to_str().unwrap(),
        "--zone",
        ZONE,
    ]);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines = outcome
        .stdout
        .lines()
        .filter(|line| line.contains(" IN TXT "));
    let lines: BTreeSet<_> = lines.map(str::to_owned).collect();
    assert_eq!(lines.len(), PEOPLE);
    (path, lines)
}

fn mimi(texts: BTreeSet<String>) -> BTreeSet<String> {
    texts
        .into_iter()
        .filter(|line| line.contains("v=MIMI1"))
        .collect()
}

fn every_command_of_the_page_works(kind: Kind) {
    let primary = start(kind);
    accounts(&primary, |_| ZONE.to_owned());
    let mut seen = Vec::new();
    for line in page().fence("sh sotto").lines() {
        let line = line
            .strip_prefix("sotto ")
            .unwrap()
            .replace("ns1.example.com", &primary.address().to_string())
            .replace("mimi.key", primary.good_key().to_str().unwrap())
            .replace(
                "accounts.csv",
                primary.folder().join("accounts.csv").to_str().unwrap(),
            );
        let words: Vec<_> = line.split(' ').collect();
        let outcome = sotto::run(&words).unwrap();
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
        assert!(
            outcome.stdout.contains("the zone is signed; serial "),
            "{outcome:?}"
        );
        seen.push(mimi(primary.texts(ZONE).unwrap()).len());
    }
    let all = PEOPLE + 2;
    assert_eq!(seen, [0, 1, 1, 2, all, PEOPLE]);
}

fn records_are_added_replaced_and_removed(kind: Kind) {
    let primary = start(kind);
    let call = Call::to(&primary);
    let hugh = "hugh@example.com --service mimi.example.net --account hugh";
    let before = primary.serial(ZONE).unwrap();

    let (code, said) = call.run(&format!("{hugh} --dry-run"));
    assert_eq!((code, counts(&said)), (0, [1, 0, 0, 0]), "{said:#}");
    is_documented(&said["changes"][0]);
    assert_eq!(
        primary.serial(ZONE).unwrap(),
        before,
        "a dry run changes nothing"
    );
    assert_eq!(call.counts(hugh), [1, 0, 0, 0]);
    let added = primary.serial(ZONE).unwrap();
    assert_ne!(added, before);
    let owner = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.example.com.";
    assert!(primary.is_signed(owner, "TXT"));
    assert_eq!(
        Vec::from_iter(mimi(primary.texts(ZONE).unwrap())),
        [format!(
            "{owner} 86400 IN TXT \"v=MIMI1; a=hugh; e=mimi.example.net\""
        )]
    );

    assert_eq!(call.counts(hugh), [0, 0, 0, 1]);
    assert_eq!(
        primary.serial(ZONE).unwrap(),
        added,
        "nothing is sent again"
    );

    let two = "hugh@example.com --service im.example.org --prefer 10 --service mimi.example.net --ttl 3600";
    assert_eq!(call.counts(two), [0, 1, 0, 0]);
    assert_eq!(call.counts(two), [0, 0, 0, 1]);
    assert_eq!(
        Vec::from_iter(mimi(primary.texts(ZONE).unwrap())),
        [
            format!("{owner} 3600 IN TXT \"v=MIMI1; e=mimi.example.net\""),
            format!("{owner} 3600 IN TXT \"v=MIMI1; p=10; e=im.example.org\"")
        ]
    );
    // Nothing but the TTL.
    let later = two.replace("3600", "7200");
    assert_eq!(call.counts(&later), [0, 1, 0, 0]);
    assert_eq!(call.counts(&later), [0, 0, 0, 1]);
    assert!(
        mimi(primary.texts(ZONE).unwrap())
            .iter()
            .all(|line| line.contains(" 7200 "))
    );

    assert_eq!(call.counts("hugh@example.com --opt-out"), [0, 1, 0, 0]);
    let removal = "--remove hugh@example.com --remove nobody@example.com";
    assert_eq!(call.counts(removal), [0, 0, 1, 1]);
    assert_eq!(call.counts(removal), [0, 0, 0, 2]);
    assert_eq!(mimi(primary.texts(ZONE).unwrap()), BTreeSet::new());
}

fn others_records_stay(kind: Kind) {
    let primary = start(kind);
    let call = Call::to(&primary);
    let foreign = "_mimi.shared.example.com. 600 IN TXT \"somebody else's\"".to_owned();
    let shared = |ours: &[&str]| -> BTreeSet<String> {
        let ours = ours
            .iter()
            .map(|text| format!("_mimi.shared.example.com. 600 IN TXT \"{text}\""));
        ours.chain([foreign.clone()]).collect()
    };
    let publish = |service: &str| format!("shared.example.com --service {service} --account s");

    assert_eq!(call.counts(&publish("a.example.net")), [1, 0, 0, 0]);
    assert_eq!(
        primary.texts(ZONE).unwrap(),
        shared(&["v=MIMI1; a=s; e=a.example.net"])
    );
    assert_eq!(call.counts(&publish("b.example.net")), [0, 1, 0, 0]);
    assert_eq!(call.counts(&publish("b.example.net")), [0, 0, 0, 1]);
    assert_eq!(
        primary.texts(ZONE).unwrap(),
        shared(&["v=MIMI1; a=s; e=b.example.net"])
    );
    assert_eq!(call.counts("--remove shared.example.com"), [0, 0, 1, 0]);
    assert_eq!(primary.texts(ZONE).unwrap(), shared(&[]));
}

fn a_zone_that_is_not_signed_may_hold_wildcards(kind: Kind) {
    let primary = start(kind);
    let call = Call {
        zone: PLAIN.to_owned(),
        ..Call::to(&primary)
    };
    // The one below a wildcard CNAME, the other below the wildcard of everybody's mailbox.
    for (whom, account) in [
        ("alice.plain.example", " --account a"),
        ("hugh@plain.example", ""),
    ] {
        let before = primary.texts(PLAIN).unwrap();
        let publish = format!("{whom} --service b.example.net{account}");
        assert_eq!(
            call.counts(&format!("--remove {whom}")),
            [0, 0, 0, 1],
            "{whom}"
        );
        let (code, said) = call.run(&publish);
        assert_eq!(
            (code, &said["signed"]),
            (0, &Value::Bool(false)),
            "{said:#}"
        );
        assert_eq!(primary.texts(PLAIN).unwrap().len(), before.len() + 1);
        assert_eq!(call.counts(&publish), [0, 0, 0, 1]);
        assert_eq!(call.counts(&format!("--remove {whom}")), [0, 0, 1, 0]);
        assert_eq!(call.counts(&format!("--remove {whom}")), [0, 0, 0, 1]);
        assert_eq!(primary.texts(PLAIN).unwrap(), before);
    }
    assert_eq!(
        call.counts("*@plain.example --service c.example.net"),
        [0, 1, 0, 0]
    );
}

fn what_stands_in_the_way_is_named(kind: Kind) {
    let primary = start(kind);
    let call = Call::to(&primary);
    let before = primary.serial(ZONE).unwrap();
    for (whom, code, named) in [
        (
            "alias.example.com",
            "alias_in_the_way",
            "CNAME at _mimi.alias.example.com.",
        ),
        (
            "hugh@renamed.example.com",
            "alias_in_the_way",
            "DNAME at renamed.example.com.",
        ),
        (
            "hugh@child.example.com",
            "delegated",
            "the zone child.example.com.",
        ),
    ] {
        let (exit, said) = call.run(&format!("{whom} --service b.example.net --account a"));
        let problem = &said["problems"][0];
        is_documented(problem);
        assert_eq!(
            (exit, problem["code"].as_str()),
            (8, Some(code)),
            "{said:#}"
        );
        assert!(
            problem["message"].as_str().unwrap().contains(named),
            "{problem}"
        );
    }
    assert_eq!(primary.serial(ZONE).unwrap(), before);
    // A wildcard above does not stand in the way.
    let many = "a.many.example.com --service b.example.net --account a";
    assert_eq!(call.counts(many), [1, 0, 0, 0]);
}

fn whoever_may_not_update_changes_nothing(kind: Kind) {
    let primary = start(kind);
    let serials = || {
        (
            primary.serial(ZONE).unwrap(),
            primary.serial(PLAIN).unwrap(),
        )
    };
    let before = serials();
    let refuse_for = |domain: &str, call: &Call, codes: &[&str]| {
        let (exit, said) = call.run(&format!("*@{domain} --service b.example.net"));
        let code = match said["error"]["code"].as_str() {
            Some(code) => code,
            None => said["problems"][0]["code"].as_str().unwrap(),
        };
        assert_eq!(exit, 8, "{said:#}");
        assert!(codes.contains(&code), "{codes:?}: {said:#}");
        assert_eq!(counts(&said), [0; 4]);
        assert_eq!(serials(), before);
    };
    let refuse = |call: &Call, codes: &[&str]| refuse_for(ZONE, call, codes);
    let with = |key: &str| Call {
        key: primary.other_key(key),
        ..Call::to(&primary)
    };
    let is_silent = kind == Kind::PowerDns;
    let told = |code| if is_silent { "tsig_refused" } else { code };
    refuse(&with("stranger"), &[told("tsig_bad_key")]);
    refuse(&with("mimi-updates"), &[told("tsig_bad_signature")]);
    // Knot does not even answer a question under a key that no rule of the zone names.
    refuse(&with("idle"), &["update_refused", "tsig_bad_key"]);
    for (zone, domain) in [("example.org", "example.org"), ("_mimi.example.com", ZONE)] {
        let call = Call {
            zone: zone.to_owned(),
            ..Call::to(&primary)
        };
        refuse_for(domain, &call, &["zone_unknown"]);
    }
}

fn a_clock_that_differs_is_told(kind: Kind) {
    let primary = start(kind);
    let text = fs::read_to_string(primary.good_key()).unwrap();
    let key = TsigKey::parse(&text).unwrap();
    let mut session = Session::new(ZONE.parse().unwrap(), key, 7);
    let target = Target {
        owner: "_mimi.alice.example.com".parse().unwrap(),
        rtype: sotto_proof::RecordType::TXT,
        ttl: 300,
        rdatas: vec![b"\x12v=MIMI1; a=a; e=b.c".to_vec()],
        is_ours: is_mimi,
    };
    let now = sotto_tests::now() + 3_600;
    let mut round = Round::new(&mut session, vec![target], Intent::Publish);
    let Step::Send(messages) = round.step(now) else {
        panic!("a round begins with questions");
    };
    let mut stream = TcpStream::connect(primary.address()).unwrap();
    let length = u16::try_from(messages[0].len()).unwrap().to_be_bytes();
    stream
        .write_all(&[&length[..], &messages[0]].concat())
        .unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    match round.receive(&answer, now).unwrap_err() {
        Stop::Tsig(TsigError::BadTime { server, client }) => {
            assert_eq!(client, now);
            assert!(server.abs_diff(now - 3_600) < 60, "{server}");
        }
        Stop::Tsig(TsigError::Unexplained) => assert_eq!(kind, Kind::PowerDns),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_algorithm_is_spoken() {
    let primary = start(Kind::Bind);
    for algorithm in ALGORITHMS {
        let call = Call {
            key: primary.other_key(algorithm),
            ..Call::to(&primary)
        };
        assert_eq!(
            call.counts("hugh@example.com --opt-out --dry-run"),
            [1, 0, 0, 0]
        );
    }
}

/// Where the key may do more than the manual lets it.
#[test]
fn the_private_type_is_updated_like_any_other() {
    for kind in [Kind::Bind, Kind::PowerDns] {
        let primary = start(kind);
        let call = Call {
            zone: PLAIN.to_owned(),
            ..Call::to(&primary)
        };
        let publish = "hugh@plain.example --type MIMI --service b.example.net";
        assert_eq!(call.counts(publish), [1, 0, 0, 0]);
        assert_eq!(call.counts(publish), [0, 0, 0, 1]);
        let lines = primary.dig(&[PLAIN, "AXFR"]).unwrap();
        assert!(
            lines.iter().any(|line| line.contains(" IN TYPE65400 ")),
            "{lines:?}"
        );
        let removal = "--type MIMI --remove hugh@plain.example";
        assert_eq!(call.counts(removal), [0, 0, 1, 0]);
        assert_eq!(call.counts(removal), [0, 0, 0, 1]);
    }
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let primary = start(Kind::Knot);
    let call = Call::to(&primary);
    let before = primary.serial(ZONE).unwrap();
    fs::set_permissions(&call.key, fs::Permissions::from_mode(0o640)).unwrap();
    let (code, said) = call.run("*@example.com --service b.example.net");
    assert_eq!(
        (code, &said["error"]["code"]),
        (2, &"key_file_exposed".into())
    );
    assert!(Path::new(&call.key).exists());
    assert_eq!(primary.serial(ZONE).unwrap(), before);
}
