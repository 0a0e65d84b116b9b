//! `sotto-lab` as a process.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn lab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sotto-lab"))
}

#[test]
fn the_demonstration_as_data_keeps_its_promises() {
    let output = lab().args(["demo", "--all", "--json"]).output().unwrap();
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    let learnt = &document["learnt"];
    assert_eq!(learnt["lookups"], learnt["as_expected"]);
    assert_eq!(
        document["lookups"].as_array().unwrap().len(),
        learnt["lookups"]
    );
    assert_eq!(
        learnt["outcomes"].as_object().unwrap().len(),
        7,
        "every outcome has its person"
    );
    assert_eq!(learnt["request_octets"], serde_json::json!([2_048]));
    assert_eq!(learnt["answer_octets"], serde_json::json!([8_192]));
    let parties = learnt["parties"].as_array().unwrap();
    assert_eq!(parties.len(), 4);
    for party in parties {
        let is_relay = party["party"].as_str().unwrap().starts_with("relay");
        assert_eq!(party["names"] == 0, is_relay, "{party}");
        assert_eq!(party["client_addresses"] == 0, !is_relay, "{party}");
        assert_eq!(party["both"], 0, "{party}");
    }
}

#[test]
fn a_pipe_gets_plain_text_of_at_most_a_hundred_columns() {
    let output = lab().output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "no progress off a terminal");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\x1b'));
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert_eq!(line, line.trim_end(), "no blanks at the end");
    }
    for word in [
        "Found",
        "Opted out",
        "No record",
        "Invalid",
        "Insecure",
        "Bogus",
        "Unavailable",
    ] {
        assert!(text.contains(word), "{word}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut lab = lab()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(lab.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = lab.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn a_second_serve_in_one_directory_is_refused_and_leaves_the_first_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let serve = || {
        let mut command = lab();
        command
            .args(["serve", "--json", "--directory"])
            .arg(directory.path());
        command
    };
    let mut first = serve().stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "}"));
    let keys = || std::fs::read(directory.path().join("gateway.keys")).unwrap();
    let before = keys();
    let second = serve().output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(
        told.contains("world.lock") && told.contains("another directory"),
        "{told}"
    );
    assert_eq!(keys(), before);

    let interrupted = Command::new("kill")
        .args(["-INT", &first.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert!(first.wait().unwrap().success());
}

#[test]
fn serve_stays_until_it_is_interrupted_and_leaves_nothing_behind() {
    let mut lab = lab()
        .args(["serve", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    for line in BufReader::new(lab.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        text.push_str(&line);
        if line == "}" {
            break;
        }
    }
    let document: Value = serde_json::from_str(&text).unwrap();
    let config = Path::new(document["config"].as_str().unwrap());
    let client = std::fs::read_to_string(config).unwrap();
    assert!(
        client.contains(document["relays"][0].as_str().unwrap()) && client.contains("gateway.test")
    );
    assert!(
        document["commands"][0]["command"]
            .as_str()
            .unwrap()
            .starts_with("sotto lookup ")
    );

    let interrupted = Command::new("kill")
        .args(["-INT", &lab.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert!(lab.wait().unwrap().success());
    assert!(!config.exists());
}
