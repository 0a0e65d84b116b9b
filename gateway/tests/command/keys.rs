//! Keys as operators make, publish, check and carry them.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, process::Command};

use serde_json::Value;
use sotto_daemon::clock;
use sotto_envelope::{Epoch, KeyDocument, KeyRecord};
use sotto_gateway::keys::{StateFile, records};
use sotto_wire::path;

use crate::{
    machine::{Machine, text},
    support::{
        DAYS, HOST, OPERATOR,
        dns::Resolver,
        foreign,
        http::{get, post},
        until,
        zone::{RootKey, Zone},
    },
};

#[test]
fn keys_are_made_shown_and_published_without_their_secret() {
    let machine = Machine::new();
    let epoch = machine.json(&["keys", "init"])["epoch"].as_u64().unwrap();
    let again = machine.run(&["keys", "init"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        text(&again.stderr).contains("already"),
        "{}",
        text(&again.stderr)
    );

    let state = fs::read_to_string(machine.0.path().join("state")).unwrap();
    let secret = state
        .lines()
        .find_map(|line| line.strip_prefix("state "))
        .unwrap();
    let shown = machine.json(&["keys", "show"]);
    assert_eq!(shown["oldest_epoch"], epoch);
    let published = machine.json(&["keys", "publish"]);
    assert_eq!(published["owner"], "_ohttp-keys.gateway.test.");
    let records = published["records"].as_array().unwrap();
    assert_eq!(records.len(), 14);
    let lines = text(&machine.run(&["keys", "publish"]).stdout);
    for record in records {
        let text = record["text"].as_str().unwrap();
        assert!(
            text.starts_with("v=OHTTPKEYS1; o=operator.test; d="),
            "{text}"
        );
    }
    for line in lines.lines() {
        let form = "_ohttp-keys.gateway.test. 3600 IN TXT \"v=OHTTPKEYS1; o=operator.test; d=";
        assert!(line.starts_with(form) && line.ends_with('"'), "{line}");
    }
    assert_eq!(lines.lines().count(), 14);
    for printed in [
        shown.to_string(),
        published.to_string(),
        lines,
        text(&machine.run(&["keys", "show"]).stdout),
    ] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(
        machine.json(&["keys", "advance"])["epoch"]
            .as_u64()
            .unwrap()
            >= epoch - 1
    );
}

#[test]
fn a_resolver_that_is_down_says_nothing_of_the_keys() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let output = machine.run(&["keys", "check", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (
            &checked["ok"],
            &checked["state"],
            &checked["epochs_published"]
        ),
        (&Value::Bool(false), &Value::from("unknown"), &Value::Null)
    );
    assert!(
        checked["problem"].as_str().unwrap().contains("resolver"),
        "{checked}"
    );
}

/// A machine with a DNS that carries its digests.
struct Published {
    machine: Machine,
    resolver: Resolver,
    root: RootKey,
}

impl Published {
    /// Makes keys and publishes `count` epochs, today's the first.
    async fn new(count: u64) -> Self {
        let root = RootKey::generate();
        let resolver = Resolver::start(Zone::sign(&root, &[], clock::now(), DAYS)).await;
        let machine = Machine::new();
        let published = Self {
            machine,
            resolver,
            root,
        };
        published.is_asked_by(&published.machine);
        published.machine.run(&["keys", "init"]);
        published.publish(count);
        published
    }

    /// Has `machine` ask this DNS.
    fn is_asked_by(&self, machine: &Machine) {
        let anchor = machine.path("anchor");
        fs::write(&anchor, self.root.anchor()).unwrap();
        machine.reconfigure(
            "resolver = \"127.0.0.1:1\"",
            &format!(
                "resolver = \"{}\"\nanchor = \"{}\"",
                self.resolver.address,
                anchor.display()
            ),
        );
    }

    /// Publishes `count` epochs of the keys that the machine has now.
    fn publish(&self, count: u64) {
        let now = clock::now();
        let ratchet = StateFile::at(self.machine.path("state")).load().unwrap();
        let records = records(&ratchet, OPERATOR, Epoch::at(now), count).unwrap();
        let owner = KeyRecord::owner_name(HOST);
        let texts: Vec<_> = records
            .iter()
            .map(|record| (owner.clone(), record.to_text()))
            .chain([(
                "_mimi.alice.test.".to_owned(),
                "v=MIMI1; e=im.example".to_owned(),
            )])
            .collect();
        self.resolver
            .serve(Zone::sign(&self.root, &texts, now, DAYS));
    }
}

/// Waits until the key document is served, and gives it.
async fn document(address: SocketAddr) -> KeyDocument {
    until("the key document is served", async || {
        get(address, path::GATEWAY_KEYS).await.status == 200
    })
    .await;
    KeyDocument::decode(&get(address, path::GATEWAY_KEYS).await.content).unwrap()
}

/// The procedure of docs/operating-gateway.md.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_lost_its_state_goes_on_with_another() {
    let published = Published::new(14).await;
    let machine = &published.machine;
    let (serving, address) = machine.serve();
    let before = document(address).await;
    drop(serving);

    fs::remove_file(machine.path("state")).unwrap();
    let refused = machine.run(&["serve"]);
    assert!(text(&refused.stderr).contains("keys init"));
    assert!(machine.run(&["keys", "init"]).status.success());
    let checked = machine.run(&["keys", "check"]);
    assert_eq!(checked.status.code(), Some(2));
    let told = text(&checked.stdout);
    assert!(told.contains("another digest"), "{told}");

    published.publish(14);
    assert_eq!(machine.run(&["keys", "check"]).status.code(), Some(0));
    let (_serving, address) = machine.serve();
    let after = document(address).await;
    for (_, list) in &after.lists {
        assert!(before.lists.iter().all(|(_, before)| before != list));
    }
}

/// The procedure of docs/operating-gateway.md.
#[tokio::test(flavor = "multi_thread")]
async fn two_instances_open_what_is_sealed_for_one() {
    let published = Published::new(14).await;
    let second = Machine::new();
    published.is_asked_by(&second);
    let exported = published.machine.run(&["keys", "export"]).stdout;
    assert!(second.feed(&["keys", "join"], &exported).status.success());
    assert_eq!(second.run(&["keys", "check"]).status.code(), Some(0));

    let (_one, one) = published.machine.serve();
    let (_other, other) = second.serve();
    for (from, to) in [(one, other), (other, one)] {
        document(to).await;
        let question = foreign::question("_mimi.alice.test.");
        let (envelope, response) = foreign::seal(from, &question).await;
        let answer = post(to, &envelope).await;
        assert_eq!(foreign::open(response, &answer.content).status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_serving_gateway_tells_in_time() {
    for (count, words) in [
        (4, "few epochs are left in the DNS"),
        (2, "hardly any epochs are left in the DNS"),
    ] {
        let published = Published::new(count).await;
        let (mut serving, _) = published.machine.serve();
        let line = serving.says(words);
        assert!(line.contains("keys publish"), "{line}");
    }
}

/// Midnight may pass while this runs: then one epoch fewer is left.
#[tokio::test(flavor = "multi_thread")]
async fn monitoring_is_told_by_the_exit_code_how_many_epochs_are_left() {
    for (count, code, state) in [(14, 0, "ok"), (4, 1, "warn"), (2, 2, "alarm")] {
        let published = Published::new(count).await;
        let machine = &published.machine;
        let output = machine.run(&["keys", "check", "--json"]);
        let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{checked}");
        assert_eq!(checked["state"], state);
        assert_eq!(checked["ok"], code == 0);
        let left = checked["epochs_published"].as_u64().unwrap();
        assert!((count - 1..=count).contains(&left), "{checked}");
        let until = checked["published_until"].as_u64().unwrap();
        assert_eq!(until % 86_400, 0);
        let told = text(&machine.run(&["keys", "check"]).stdout);
        assert_eq!(told.contains("keys publish"), code != 0, "{told}");
    }
}

#[test]
fn a_check_that_could_not_be_made_says_neither_good_nor_bad() {
    let machine = Machine::new();
    let output = machine.run(&["keys", "check"]);
    assert_eq!(output.status.code(), Some(3), "there is no state");
    assert!(text(&output.stderr).contains("keys init"));
}

#[test]
fn a_second_instance_derives_the_keys_of_the_first() {
    let first = Machine::new();
    first.run(&["keys", "init"]);
    let exported = first.run(&["keys", "export"]);
    assert_eq!(exported.status.code(), Some(0));
    assert_eq!(text(&exported.stderr), "", "a pipe needs no warning");

    let second = Machine::new();
    let joined = second.feed(&["keys", "join"], &exported.stdout);
    assert_eq!(joined.status.code(), Some(0), "{}", text(&joined.stderr));
    let state = |machine: &Machine| fs::read(machine.path("state")).unwrap();
    assert_eq!(state(&first), state(&second));
    let mode = fs::metadata(second.path("state")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let again = second.feed(&["keys", "join", "--json"], &exported.stdout);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["written"], false);

    // A file serves as well as a pipe.
    let file = first.path("export");
    let name = file.to_str().unwrap();
    let written = first.json(&["keys", "export", "--output", name]);
    assert_eq!(written["output"], name);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let third = Machine::new();
    assert!(third.run(&["keys", "join", name]).status.success());
    assert_eq!(state(&first), state(&third));
    let over = first.run(&["keys", "export", "--output", name]);
    assert_eq!(over.status.code(), Some(1), "nothing is overwritten");
    assert!(text(&over.stderr).contains("does not exist yet"));

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let exposed = Machine::new().run(&["keys", "join", name]);
    assert!(text(&exposed.stderr).contains("chmod 600"));
}

#[test]
fn what_is_not_for_this_gateway_is_not_joined() {
    let first = Machine::new();
    first.run(&["keys", "init"]);
    let exported = first.run(&["keys", "export"]).stdout;
    let state = first.path("state");
    let before = fs::read(&state).unwrap();

    let refuses = |machine: &Machine, input: &[u8], words: &str| {
        let output = machine.feed(&["keys", "join"], input);
        assert_eq!(output.status.code(), Some(1), "{words}");
        let told = text(&output.stderr);
        assert!(told.contains(words), "{told}");
        assert!(
            !machine.path("state").exists() || fs::read(machine.path("state")).unwrap() == before
        );
    };
    for (from, to) in [
        ("host = \"gateway.test\"", "host = \"other.test\""),
        ("operator = \"operator.test\"", "operator = \"other.test\""),
    ] {
        let other = Machine::new();
        other.reconfigure(from, to);
        refuses(&other, &exported, "other.test");
    }
    let fresh = Machine::new();
    refuses(&fresh, b"", "no key export");
    refuses(&fresh, &before, "no key export");
    refuses(&fresh, &exported[..exported.len() - 9], "damaged");

    // Thirty epochs are as far as keys can be derived.
    let behind = Machine::new();
    let long_ago = Epoch(Epoch::at(clock::now()).0 - 40);
    StateFile::at(behind.path("state"))
        .create(long_ago, [7; 32])
        .unwrap();
    let old = behind.run(&["keys", "export"]).stdout;
    refuses(&fresh, &old, "new export");

    // A state of other keys stays, unless it is said that it is to go.
    let other = Machine::new();
    other.run(&["keys", "init"]);
    let others = other.run(&["keys", "export"]).stdout;
    refuses(&first, &others, "--force");
    let forced = first.feed(&["keys", "join", "--force"], &others);
    assert!(forced.status.success(), "{}", text(&forced.stderr));
    assert_eq!(
        fs::read(&state).unwrap(),
        fs::read(other.path("state")).unwrap()
    );

    // An older state of the same keys would bring back keys that were destroyed.
    let today = Epoch::at(clock::now());
    let aged = Machine::new();
    let file = StateFile::at(aged.path("state"));
    file.create(Epoch(today.0 - 5), [7; 32]).unwrap();
    let aged_export = aged.run(&["keys", "export"]).stdout;
    file.advance(today.previous(), false).unwrap();
    let output = aged.feed(&["keys", "join", "--force"], &aged_export);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("destroyed"));
    assert_eq!(file.load().unwrap().epoch(), today.previous());
}

#[test]
fn a_terminal_that_was_shown_the_secret_is_told_so() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let line = format!(
        "{} keys export --config {}",
        env!("CARGO_BIN_EXE_sotto-gateway"),
        machine.path("gateway.toml").display()
    );
    // `script` gives the command a terminal, and shows what it wrote there.
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .output()
        .expect("`script`, of the Debian package bsdutils, gives a terminal");
    let shown = text(&output.stdout);
    assert!(shown.contains("sotto-key-export 1"), "{shown}");
    assert!(shown.contains("Clear this terminal"), "{shown}");
}

#[test]
fn what_a_server_needs_is_asked_for_before_anything_is_sent() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let key = machine.path("no.key");
    let key = key.to_str().unwrap();
    let to = ["--zone", "test", "--tsig", key];
    for (arguments, code, words) in [
        (&["--server", "127.0.0.1"][..], 2, "--zone"),
        (&["--dry-run"][..], 2, "--server"),
        (&[&["--server", "ns:x"], &to[..]].concat(), 2, "192.0.2.1"),
        (
            &[&["--server", "127.0.0.1"], &to[..]].concat(),
            1,
            "no.key cannot be read",
        ),
    ] {
        let output = machine.run(&[&["keys", "publish"], arguments].concat());
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
    }
}
