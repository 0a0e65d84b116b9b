//! `sotto-gateway keys publish` to real primary servers, Knot and BIND, as they answer and sign; and what an operator does who has lost the
//! state, or starts a second instance.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

#[allow(dead_code, reason = "the tests of publishing use the rest")]
#[path = "publishing/page.rs"]
mod page;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sotto_envelope::{Epoch, KeyRecord};
use sotto_gateway::keys::{KEY_RECORD_TTL, StateFile, is_key_record, records};
use sotto_primary::{Connection, read_key};
use sotto_proof::RecordType;
use sotto_publish::update::{Intent, IsOurs, Round, Session, Target};
use sotto_tests::primary::{Breaker, Kind, Manner, Manual, NARROW, Primary, ZONE};
use sotto_tests::{binaries, now};
use tempfile::TempDir;

use crate::page::Page;

const HOST: &str = "gateway.example.com";
const OWNER: &str = "_ohttp-keys.gateway.example.com";
const OPERATOR: &str = "example.com";

/// Seconds that a test takes at most.
const TEST_SECONDS: u64 = 120;

/// Makes of each function a test for each kind of server.
macro_rules! on_every_server {
    ($($test:ident),* $(,)?) => {
        mod knot { $(#[test] fn $test() { super::$test(super::Kind::Knot); })* }
        mod bind { $(#[test] fn $test() { super::$test(super::Kind::Bind); })* }
    };
}

on_every_server!(
    fourteen_epochs_are_published_and_published_again,
    old_epochs_go_and_others_records_stay,
    a_lost_state_is_replaced_only_on_purpose,
    a_second_instance_has_nothing_to_publish,
    instances_that_publish_at_once_agree,
    an_answer_that_is_lost_costs_nothing,
    a_key_that_may_change_this_name_alone_suffices,
    what_keeps_from_publishing_is_named,
);

/// A primary server that takes updates as docs/publishing/updates.md says. Midnight would change what is to be published under a test.
fn start(kind: Kind) -> Primary {
    let left = Epoch::at(now()).end() - now();
    if left < TEST_SECONDS {
        thread::sleep(Duration::from_secs(left));
    }
    let page = Page::read("docs/publishing/updates.md");
    let (commands, config) = match kind {
        Kind::Knot => ("sh knot", "yaml knot"),
        _ => ("sh bind", "conf bind"),
    };
    let manual = Manual {
        commands: page.fence(commands),
        config: page.fence(config) + "\n",
    };
    Primary::start(kind, &manual).unwrap()
}

/// An instance of the gateway: a directory with its configuration.
struct Instance(TempDir);

impl Instance {
    fn new() -> Self {
        Self::of(HOST)
    }

    fn of(host: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let config = format!(
            "host = \"{host}\"\noperator = \"{OPERATOR}\"\nopen_to_any_relay = true\n\
             [listen]\naddress = \"127.0.0.1:0\"\nplain_http = true\n[keys]\nstate = \"{}\"\n",
            at("state")
        );
        fs::write(at("gateway.toml"), config).unwrap();
        Self(directory)
    }

    fn with_keys() -> Self {
        let instance = Self::new();
        instance.good(&["init"]);
        instance
    }

    fn state(&self) -> StateFile {
        StateFile::at(self.0.path().join("state"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries::find("sotto-gateway").unwrap());
        command
            .arg("keys")
            .args(arguments)
            .arg("--config")
            .arg(self.0.path().join("gateway.toml"))
            .env_clear();
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// `keys publish --json` to a server with a key: the exit code, and what was said.
    fn publish_by(&self, primary: &Primary, key: PathBuf, rest: &[&str]) -> (i32, Value) {
        let (server, key) = (primary.address().to_string(), key.display().to_string());
        let common = [
            "publish", "--json", "--server", &server, "--zone", ZONE, "--tsig", &key,
        ];
        let output = self.run(&[&common, rest].concat());
        let said = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code().unwrap(), said)
    }

    fn publish(&self, primary: &Primary, rest: &[&str]) -> (i32, Value) {
        self.publish_by(primary, primary.good_key(), rest)
    }

    /// A run that must succeed: how many records were added, removed, and are others'; `None` if there was nothing to do.
    #[track_caller]
    fn changed(&self, primary: &Primary, rest: &[&str]) -> Option<[u64; 3]> {
        let (code, said) = self.publish(primary, rest);
        assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)), "{said:#}");
        let change = &said["change"];
        (!change.is_null())
            .then(|| ["added", "removed", "others"].map(|key| change[key].as_u64().unwrap()))
    }

    /// The zone lines that the command prints, with one space between fields.
    fn lines(&self) -> BTreeSet<String> {
        let printed = self.good(&["publish"]);
        printed.lines().map(str::to_owned).collect()
    }
}

/// What the server serves there.
fn served(primary: &Primary) -> BTreeSet<String> {
    let lines = primary.dig(&[OWNER, "TXT"]).unwrap();
    let texts = lines.into_iter().filter(|line| line.contains(" IN TXT "));
    texts.collect()
}

/// Puts records at the name as somebody else would.
fn put(primary: &Primary, rdatas: Vec<Vec<u8>>, is_ours: IsOurs) {
    let key = read_key(&primary.good_key()).unwrap();
    let mut session = Session::new(ZONE.parse().unwrap(), key, 1);
    let target = Target {
        owner: OWNER.parse().unwrap(),
        rtype: RecordType::TXT,
        ttl: KEY_RECORD_TTL,
        rdatas,
        is_ours,
    };
    let server = primary.address().to_string().parse().unwrap();
    let mut round = Round::new(&mut session, vec![target], Intent::Publish);
    Connection::new(server).drive(&mut round, now).unwrap();
    assert!(round.finish()[0].result.is_ok());
}

/// Key records of an instance, from `first` on.
fn key_records(instance: &Instance, first: Epoch) -> Vec<Vec<u8>> {
    let state = instance.state().load().unwrap();
    let records = records(&state, OPERATOR, first, 14).unwrap();
    records.iter().map(KeyRecord::to_rdata).collect()
}

fn fourteen_epochs_are_published_and_published_again(kind: Kind) {
    let (primary, instance) = (start(kind), Instance::with_keys());
    assert_eq!(instance.changed(&primary, &["--dry-run"]), Some([14, 0, 0]));
    assert!(served(&primary).is_empty(), "a dry run changes nothing");

    assert_eq!(instance.changed(&primary, &[]), Some([14, 0, 0]));
    assert_eq!(served(&primary), instance.lines(), "as it prints them");
    assert!(primary.is_signed(OWNER, "TXT"));

    let serial = primary.serial(ZONE).unwrap();
    assert_eq!(instance.changed(&primary, &[]), None);
    let (server, key) = (primary.address().to_string(), primary.good_key());
    let key = key.to_str().unwrap();
    let told = instance.good(&[
        "publish", "--server", &server, "--zone", ZONE, "--tsig", key,
    ]);
    assert!(told.starts_with("Nothing to do"), "{told}");
    assert_eq!(primary.serial(ZONE).unwrap(), serial);
}

fn old_epochs_go_and_others_records_stay(kind: Kind) {
    let (primary, instance) = (start(kind), Instance::new());
    let today = Epoch::at(now());
    let begun = Epoch(today.0 - 5);
    instance.state().create(begun, [7; 32]).unwrap();
    let foreign = b"\x0bv=spf1 -all".to_vec();
    put(&primary, vec![foreign], |_| false);
    put(&primary, key_records(&instance, begun), is_key_record);
    assert_eq!(served(&primary).len(), 15);

    assert_eq!(instance.changed(&primary, &[]), Some([5, 5, 1]));
    let mut wanted = instance.lines();
    wanted.insert(format!("{OWNER}. 3600 IN TXT \"v=spf1 -all\""));
    assert_eq!(served(&primary), wanted);
    assert_eq!(instance.changed(&primary, &[]), None);
}

/// The procedure of docs/operating-gateway.md, on a real server.
fn a_lost_state_is_replaced_only_on_purpose(kind: Kind) {
    let (primary, instance) = (start(kind), Instance::with_keys());
    instance.changed(&primary, &[]);
    let before = served(&primary);

    fs::remove_file(instance.state().path()).unwrap();
    let missing = instance.run(&["publish"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("keys init"));
    instance.good(&["init"]);
    for rest in [&[][..], &["--dry-run"]] {
        let (code, said) = instance.publish(&primary, rest);
        assert_eq!(code, 1, "{said:#}");
        let problem = said["problem"].as_str().unwrap();
        assert!(
            problem.contains("14 epochs")
                && problem.contains("--force")
                && problem.contains("keys join"),
            "{problem}"
        );
        assert_eq!(served(&primary), before);
    }
    assert_eq!(instance.changed(&primary, &["--force"]), Some([14, 14, 0]));
    assert_eq!(served(&primary), instance.lines());
    assert!(served(&primary).is_disjoint(&before));
}

/// The procedure of docs/operating-gateway.md: `keys export | keys join`.
fn a_second_instance_has_nothing_to_publish(kind: Kind) {
    let (primary, first, second) = (start(kind), Instance::with_keys(), Instance::new());
    first.changed(&primary, &[]);

    let mut export = first
        .command(&["export"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let joined = second
        .command(&["join"])
        .stdin(export.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(
        export.wait().unwrap().success() && joined.status.success(),
        "{joined:?}"
    );
    let mode = fs::metadata(second.state().path()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    assert_eq!(second.changed(&primary, &[]), None);
    assert_eq!(second.lines(), first.lines());
}

fn instances_that_publish_at_once_agree(kind: Kind) {
    const INSTANCES: usize = 4;
    let (primary, instance) = (start(kind), Instance::with_keys());
    thread::scope(|scope| {
        for _ in 0..INSTANCES {
            scope.spawn(|| {
                let (code, said) = instance.publish(&primary, &[]);
                assert_eq!(code, 0, "{said:#}");
            });
        }
    });
    assert_eq!(served(&primary), instance.lines());
    assert_eq!(instance.changed(&primary, &[]), None);
}

fn an_answer_that_is_lost_costs_nothing(kind: Kind) {
    let primary = start(kind);
    for manner in [Manner::Cut, Manner::CutForGood] {
        let instance = Instance::with_keys();
        let wire = Breaker::before(primary.address(), 1, manner).unwrap();
        let (server, key) = (wire.address().to_string(), primary.good_key());
        let output = instance.run(&[
            "publish",
            "--json",
            "--force",
            "--server",
            &server,
            "--zone",
            ZONE,
            "--tsig",
            key.to_str().unwrap(),
        ]);
        wire.wait().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        // Over a new connection it finds out; without one it cannot know.
        let found_out = manner == Manner::Cut;
        assert_eq!(output.status.success(), found_out, "{said:#}");
        assert_eq!(said["ok"], found_out);
        assert_eq!(served(&primary), instance.lines(), "{manner:?}");
        assert_eq!(instance.changed(&primary, &[]), None);
    }
}

fn a_key_that_may_change_this_name_alone_suffices(kind: Kind) {
    let primary = start(kind);
    let narrow = || primary.other_key("narrow");
    for (host, good) in [(NARROW, true), (HOST, false)] {
        let instance = Instance::of(host);
        instance.good(&["init"]);
        let (code, said) = instance.publish_by(&primary, narrow(), &[]);
        assert_eq!(code, if good { 0 } else { 1 }, "{host}: {said:#}");
        assert_eq!(said["ok"], good);
    }
    assert!(served(&primary).is_empty());
    let texts = primary.texts(ZONE).unwrap();
    let published = texts.iter().filter(|line| line.contains("v=OHTTPKEYS1"));
    assert_eq!(published.count(), 14);
}

fn what_keeps_from_publishing_is_named(kind: Kind) {
    let (primary, instance) = (start(kind), Instance::with_keys());
    for (key, words) in [
        ("stranger", "key"),
        ("mimi-updates", "secret"),
        ("idle", "key"),
    ] {
        let (code, said) = instance.publish_by(&primary, primary.other_key(key), &[]);
        assert_eq!(
            (code, &said["ok"]),
            (1, &Value::Bool(false)),
            "{key}: {said:#}"
        );
        let problem = said["problem"].as_str().unwrap();
        assert!(problem.contains(words), "{key}: {problem}");
    }
    assert!(served(&primary).is_empty());

    let other = instance.run(&[
        "publish",
        "--server",
        &primary.address().to_string(),
        "--zone",
        "example.org",
        "--tsig",
        primary.good_key().to_str().unwrap(),
    ]);
    let told = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(
        told.contains("example.org") && told.contains("--zone"),
        "{told}"
    );

    // Nothing listens where the server was.
    let address = primary.address().to_string();
    let key = instance.0.path().join("kept.key");
    fs::copy(primary.good_key(), &key).unwrap();
    drop(primary);
    let gone = instance.run(&[
        "publish",
        "--server",
        &address,
        "--zone",
        ZONE,
        "--tsig",
        key.to_str().unwrap(),
    ]);
    let told = String::from_utf8(gone.stderr).unwrap();
    assert_eq!(gone.status.code(), Some(1));
    assert!(told.contains(&address) && told.contains("TCP"), "{told}");
}
