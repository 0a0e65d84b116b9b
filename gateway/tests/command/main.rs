//! `sotto-gateway` as a process: what operators type.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../support/mod.rs"]
mod support;

mod descriptors;
mod keys;
mod machine;
mod relays;
mod state;

use std::{
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
};

use sotto_wire::path;

use crate::{
    machine::{Machine, text},
    support::{
        DAYS, NOW, TOKEN,
        dns::{Manner, Resolver},
        http::get,
        write_token,
        zone::{RootKey, Zone},
    },
};

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
