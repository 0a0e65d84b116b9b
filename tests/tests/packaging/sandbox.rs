//! The sandbox permits what the servers do: their system calls are among those of the filter.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use super::{Machine, run, said, server, text};

/// Every configuration that a server can start from without anybody else; nobody answers at port 9.
pub(super) const GATEWAY: &str = r#"
host = "gateway.example.net"
operator = "operator.example"
open_to_any_relay = true
listen = { address = "127.0.0.1:0", plain_http = true }
admin = { address = "127.0.0.1:0" }
keys = { state = "/var/lib/sotto/gateway.keys" }
dns = { resolver = ["127.0.0.1:9", "tls://127.0.0.1:9#dns.example"] }
"#;
pub(super) const RELAY: &str = r#"
operator = "relay.example"
contact = "mailto:noc@relay.example"
listen = { address = "127.0.0.1:0", tls = { certificate = "/etc/sotto/relay.crt", key = "/etc/sotto/relay.key" } }
admin = { address = "127.0.0.1:0" }
gateway = [{ host = "gateway.example.net", url = "https://localhost:9", token_file = "/etc/sotto/gateway.token" }]
"#;

/// The system calls of a set of systemd's, the sets in it opened.
fn members(set: &str) -> BTreeSet<String> {
    let output = run("systemd-analyze", "systemd", &["syscall-filter", set]);
    assert!(output.status.success(), "{}", said(&output));
    let mut found = BTreeSet::new();
    for word in said(&output).lines().map(str::trim) {
        if word.is_empty() || word.starts_with('#') || word == set {
            continue;
        }
        if word.starts_with('@') {
            found.extend(members(word));
        } else {
            found.insert(word.to_owned());
        }
    }
    found
}

/// What the lines `SystemCallFilter=` of the sandbox permit together.
fn permitted() -> BTreeSet<String> {
    let mut permitted = BTreeSet::new();
    for line in text("packaging/systemd/sotto-.service.d/sandbox.conf").lines() {
        let Some(sets) = line.strip_prefix("SystemCallFilter=") else {
            continue;
        };
        match sets.strip_prefix('~') {
            None => sets
                .split(' ')
                .for_each(|set| permitted.extend(members(set))),
            Some(sets) => sets.split(' ').flat_map(members).for_each(|call| {
                permitted.remove(&call);
            }),
        }
    }
    permitted
}

/// The system calls of a server from its start to its end, with a request and a reload between.
fn calls(role: &str, config: &str) -> BTreeSet<String> {
    let machine = Machine::of(role, config);
    let trace = machine.folder.path().join("calls");
    let mut traced = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&trace)
        .args([&server(role), "serve", "--config", &machine.config])
        .stderr(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .expect("strace is installed; scripts/test provides it");
    let mut log = BufReader::new(traced.stderr.take().unwrap());
    let mut wrote = String::new();
    let addresses = loop {
        let mut line = String::new();
        assert!(
            log.read_line(&mut line).unwrap() > 0,
            "{role} ended: {wrote}"
        );
        wrote += &line;
        let addresses: Vec<String> = line
            .split("127.0.0.1:")
            .skip(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect())
            .collect();
        if line.contains(" serv") && addresses.len() == 2 {
            break addresses;
        }
    };
    for port in addresses {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        // The listener for clients may speak TLS, and say so.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let started = fs::read_to_string(&trace).unwrap();
    let process = started.split_whitespace().next().unwrap();
    for signal in ["-HUP", "-TERM"] {
        assert!(run("kill", "procps", &[signal, process]).status.success());
    }
    log.read_to_string(&mut wrote).unwrap();
    assert!(traced.wait().unwrap().success(), "{wrote}");

    let trace = fs::read_to_string(&trace).unwrap();
    trace
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter_map(|call| call.split_once('('))
        .map(|(call, _)| call.to_owned())
        .collect()
}

#[test]
fn the_sandbox_permits_what_the_servers_do() {
    let permitted = permitted();
    for call in ["mount", "ptrace", "reboot", "setuid", "bpf"] {
        assert!(!permitted.contains(call), "{call} is permitted");
    }
    for (role, config) in [("gateway", GATEWAY), ("relay", RELAY)] {
        let calls = calls(role, config);
        for expected in ["socket", "accept4", "epoll_wait"] {
            assert!(calls.contains(expected), "{role}: {calls:?}");
        }
        let refused: Vec<_> = calls.difference(&permitted).collect();
        assert!(refused.is_empty(), "{role} would be refused {refused:?}");
    }
}
