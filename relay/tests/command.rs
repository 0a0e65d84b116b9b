//! The `sotto-relay` command, as a process.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Output, Stdio},
};

fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-relay"));
    command.env_clear();
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = relay().args(arguments).output().unwrap();
    (
        status.code().unwrap(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

fn write(folder: &Path, text: &str) -> String {
    let file = folder.join("relay.toml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

const GOOD: &str = r#"operator = "relay.example"
contact = "mailto:noc@relay.example"
listen = { address = "127.0.0.1:0", plain_http = true }
[[gateway]]
host = "gateway.example.net"
url = "http://127.0.0.1:1"
"#;

#[test]
fn no_arguments_teach() {
    let (code, _, text) = run(&[]);
    assert_eq!(code, 2);
    for word in ["serve", "check", "--config", "sotto-relay.sample.toml"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    let (code, _, error) = run(&["serve"]);
    assert_eq!(code, 1);
    assert!(error.contains("/etc/sotto/relay.toml"), "{error}");
    assert_eq!(run(&["--version"]).0, 0);
}

#[test]
fn check_says_what_is_wrong_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), GOOD);
    assert_eq!(
        run(&["check", "--config", &file]),
        (0, format!("{file}: good\n"), String::new())
    );

    let file = write(folder.path(), &GOOD.replace("contact", "contacts"));
    let (code, out, error) = run(&["check", "--config", &file]);
    assert_eq!((code, error.as_str()), (1, ""));
    assert!(
        out.starts_with(&format!("- {file}, line 2, key `contacts`: unknown field")),
        "{out}"
    );

    let file = write(
        folder.path(),
        &GOOD.replace("http://127.0.0.1:1", "http://192.0.2.1"),
    );
    let (code, out, _) = run(&["check", "--config", &file]);
    assert_eq!(code, 1);
    assert!(
        out.contains("relay.toml: key `gateway.0.url`: plain HTTP to another machine; use https"),
        "{out}"
    );

    let (code, _, error) = run(&["serve", "--config", "/nonexistent.toml"]);
    assert_eq!(code, 1);
    assert!(
        error.contains("/nonexistent.toml: cannot be read"),
        "{error}"
    );
}

#[test]
fn a_check_tells_every_mistake_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = GOOD
        .replace("relay.example\"\ncontact", "co.uk\"\ncontact")
        .replace("http://127.0.0.1:1", "http://192.0.2.1")
        + "token_file = \"/nonexistent.token\"\n";
    let file = write(folder.path(), &wrong);
    let output = relay()
        .args(["check", "--json"])
        .env("SOTTO_RELAY_CONFIG", &file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["schema"], &report["ok"]),
        (&1.into(), &false.into())
    );
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (problem, words) in problems.iter().zip([
        ["key `operator`", "\"co.uk\" is a public suffix"],
        ["key `gateway.0.url`", "plain HTTP"],
        ["`gateway.0.token_file`", "/nonexistent.token"],
    ]) {
        let problem = problem.as_str().unwrap();
        assert!(words.iter().all(|word| problem.contains(word)), "{problem}");
    }
    let (_, out, _) = run(&["check", "--config", &file]);
    assert_eq!(out.lines().count(), 3, "{out}");

    let file = write(folder.path(), GOOD);
    let (code, out, _) = run(&["check", "--online", "--json", "--config", &file]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["ok"]), (1, &false.into()));
    let instance = &report["online"]["gateways"][0]["instances"][0];
    assert_eq!(instance["reachable"], false);
    assert_eq!(instance["origin"], "http://127.0.0.1:1");
    let problem = report["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("`gateway.0.url` (http://127.0.0.1:1): no TCP connection"));
    let (_, out, _) = run(&["check", "--online", "--config", &file]);
    assert!(
        out.starts_with("gateway.example.net: http://127.0.0.1:1, not reachable\n- "),
        "{out}"
    );

    let (code, out, _) = run(&["check", "--json", "--config", &file]);
    assert_eq!(
        (code, out.as_str()),
        (0, "{\"ok\":true,\"problems\":[],\"schema\":1}\n")
    );
}

#[test]
fn a_relay_serves_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), GOOD);
    let mut child = relay()
        .args(["serve", "--config", &file])
        .env("SOTTO_RELAY__LOG__FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = |text: &str| {
        log.by_ref()
            .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap())
            .find(|event| event["fields"]["message"].as_str().unwrap().contains(text))
            .unwrap()
    };
    let address = next("relay serves")["fields"]["address"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /.well-known/sotto HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let signal = |name: &str| {
        let sent = Command::new("kill")
            .args([name, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    };
    signal("-HUP");
    next("tokens read again");
    signal("-TERM");
    next("ending");
    assert!(child.wait().unwrap().success());
}
