//! `sotto-gateway` as a process: what operators type.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use serde_json::Value;
use sotto_gateway::keys::StateFile;
use sotto_wire::path;
use support::{
    DAYS, NOW, TOKEN,
    dns::{Manner, Resolver},
    http::get,
    write_token,
    zone::{RootKey, Zone},
};

/// A directory with a configuration by the machine's own clock, and nothing else yet.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let config = format!(
            "host = \"gateway.test\"\noperator = \"operator.test\"\n\
             [listen]\naddress = \"127.0.0.1:0\"\nplain_http = true\n\
             [keys]\nstate = \"{}\"\n\
             [dns]\nresolver = \"127.0.0.1:1\"\ntimeout_ms = 500\n\
             [[relay]]\nname = \"relay-one\"\ntoken_file = \"{}\"\n",
            at("state"),
            at("token"),
        );
        fs::write(at("gateway.toml"), config).unwrap();
        write_token(&directory.path().join("token"), TOKEN);
        Self(directory)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-gateway"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.0.path().join("gateway.toml"))
            .env_clear();
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts to serve, and waits for the line that tells the address.
    fn serve(&self) -> (Serving, SocketAddr) {
        let mut child = self
            .command(&["serve"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut serving = Serving { child, log };
        let line = serving.says("address=");
        let (_, rest) = line.split_once("address=").unwrap();
        let address = rest.split_whitespace().next().unwrap();
        (serving, address.parse().unwrap())
    }
}

impl Serving {
    /// Waits for a line of the log that holds `words`.
    fn says(&mut self, words: &str) -> String {
        let mut lines = self.log.by_ref().map_while(Result::ok);
        lines
            .find(|line| line.contains(words))
            .unwrap_or_else(|| panic!("the gateway ended without saying {words:?}"))
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(told.success());
    }
}

/// A serving process; killed when dropped.
struct Serving {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

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
fn a_check_tells_every_mistake_at_once() {
    let machine = Machine::new();
    write_token(&machine.0.path().join("token"), "short");
    let checked = machine.json(&["check"]);
    assert_eq!(checked["ok"], false);
    let problems = checked["problems"].to_string();
    assert!(
        problems.contains("keys init") && problems.contains("relay-one"),
        "{problems}"
    );

    write_token(&machine.0.path().join("token"), TOKEN);
    machine.run(&["keys", "init"]);
    assert_eq!(machine.json(&["check"])["ok"], true);
    assert_eq!(machine.run(&["check"]).status.code(), Some(0));

    let config = machine.0.path().join("gateway.toml");
    let broken = fs::read_to_string(&config)
        .unwrap()
        .replace("operator =", "operater =");
    fs::write(&config, broken).unwrap();
    let told = text(&machine.run(&["check"]).stdout);
    assert!(
        told.contains("operater") && told.contains("line 2"),
        "{told}"
    );
}

/// What `serve` refuses, `check` does not call good.
#[test]
fn a_check_and_a_start_agree() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let file = machine.0.path().join("gateway.toml");
    let good = fs::read_to_string(&file).unwrap();
    let agree = |words: &str| {
        let checked = machine.json(&["check"]);
        assert_eq!(checked["ok"], false, "{words}");
        assert_eq!(
            checked["problems"].as_array().unwrap().len(),
            1,
            "{checked}"
        );
        let problem = checked["problems"][0].as_str().unwrap();
        assert!(problem.contains(words), "{problem}");
        let refused = machine.run(&["serve"]);
        assert_eq!(refused.status.code(), Some(1), "{words}");
        let told = text(&refused.stderr);
        assert!(told.contains(problem), "{told}\nis not\n{problem}");
    };
    for (suffix, words) in [
        ("", "is not a name"),
        (".", "is not a name"),
        ("a b", "is not a name"),
        ("a..b", "is not a name"),
        ("com", "is a single label"),
    ] {
        fs::write(&file, format!("{good}[names]\nsuffixes = [{suffix:?}]\n")).unwrap();
        agree(words);
    }
    for (operator, words) in [
        ("co.uk", "is a public suffix"),
        ("localhost", "operator = \"localhost\""),
    ] {
        fs::write(&file, good.replace("operator.test", operator)).unwrap();
        agree(words);
    }
    fs::write(&file, &good).unwrap();
    // Nobody replaces a directory with things in it, not even root.
    let new = machine.0.path().join("state.new");
    fs::create_dir(&new).unwrap();
    agree("past keys cannot be destroyed");
    fs::remove_dir(&new).unwrap();

    assert_eq!(machine.json(&["check"])["ok"], true);
    let (serving, _) = machine.serve();
    drop(serving);
}

fn prove(resolver: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-gateway"));
    command
        .args(["prove", "_mimi.alice.test.", "TXT", "-o", "-"])
        .args(["--resolver", &resolver.to_string()])
        .env_clear();
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_goes_to_a_pipe_even_if_nobody_reads_it() {
    let owner = "_mimi.alice.test.".to_owned();
    let texts = [(owner, "v=MIMI1; e=im.example".to_owned())];
    let zone = Zone::sign(&RootKey::generate(), &texts, NOW, DAYS);
    let resolver = Resolver::start(zone).await;
    let whole = prove(resolver.address).output().unwrap();
    assert!(whole.status.success() && !whole.stdout.is_empty());

    let mut child = prove(resolver.address)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        (ended.status.code(), text(&ended.stderr).as_str()),
        (Some(0), "")
    );

    resolver.behave(Manner::Fails);
    let failed = prove(resolver.address).output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    let told = text(&failed.stderr);
    assert!(
        told.contains("with SERVFAIL; ") && told.contains("--resolver"),
        "{told}"
    );
}

#[test]
fn keys_that_the_dns_does_not_vouch_for_fail_the_check() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let output = machine.run(&["keys", "check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&checked["ok"], &checked["epochs_published"]),
        (&Value::Bool(false), &Value::from(0))
    );
    assert!(
        checked["problem"].as_str().unwrap().contains("resolver"),
        "{checked}"
    );
}

#[tokio::test]
async fn a_process_that_is_killed_comes_back_with_its_keys() {
    let machine = Machine::new();
    let refused = machine.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("keys init"),
        "{}",
        text(&refused.stderr)
    );

    machine.run(&["keys", "init"]);
    let ratchet = StateFile::at(machine.0.path().join("state"))
        .load()
        .unwrap();
    // Midnight may pass while this runs.
    let lists = [ratchet.epoch(), ratchet.epoch().next()]
        .map(|epoch| ratchet.keys(epoch).unwrap().list().to_vec());
    for _ in 0..2 {
        let (serving, address) = machine.serve();
        let served = get(address, path::GATEWAY).await;
        assert_eq!(served.status, 200);
        assert!(lists.contains(&served.content.to_vec()));
        // SIGKILL.
        drop(serving);
    }
}

#[tokio::test]
async fn sighup_reads_the_tokens_again_and_sigterm_ends_in_order() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let (mut serving, address) = machine.serve();
    let token = machine.0.path().join("token");
    write_token(&token, "too short");
    serving.signal("-HUP");
    serving.says("tokens not replaced");
    let status = async || get(address, path::GATEWAY_KEYS).await.status;
    assert_ne!(
        status().await,
        401,
        "a list that cannot be read changes nothing"
    );

    write_token(&token, &TOKEN.replace('0', "f"));
    serving.signal("-HUP");
    serving.says("tokens read again");
    assert_eq!(status().await, 401, "the old token is refused");

    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());
}
