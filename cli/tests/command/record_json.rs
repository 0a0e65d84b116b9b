//! `sotto record --json`: every object has the form that docs/json.md gives.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::explanation::{keys, objects};
use crate::home::{Home, Run};

const DOCUMENT: &str = include_str!("../../../docs/json.md");

/// The keys in the first table of a section.
fn documented_keys(title: &str) -> BTreeSet<&'static str> {
    let (_, section) = DOCUMENT
        .split_once(&format!("\n## {title}\n"))
        .expect("the section");
    let (_, table) = section.split_once("\n| key |").expect("a table");
    let rows = table.split("\n\n").next().expect("its rows");
    rows.lines()
        .filter_map(|row| row.strip_prefix("| `")?.split("` |").next())
        .flat_map(|cell| cell.split("`, `"))
        .collect()
}

/// Holds what a command printed against the section on it, but for keys that only a flag or an error brings.
#[track_caller]
fn is_documented(title: &str, run: &Run, absent: &[&str]) -> Value {
    let printed = run.json();
    let mut expected = documented_keys(title);
    assert!(absent.iter().all(|key| expected.remove(key)));
    expected.insert("schema");
    assert_eq!(keys(&printed), expected, "{printed:#}");
    for object in objects(&printed) {
        for key in keys(object).into_iter().filter(|key| *key != "schema") {
            assert!(is_told_of(key), "docs/json.md does not tell of {key}");
        }
        for key in ["kind", "severity"] {
            if let Some(word) = object.get(key).and_then(Value::as_str) {
                assert!(is_told_of(word), "docs/json.md does not tell of {word}");
            }
        }
    }
    printed
}

fn is_told_of(word: &str) -> bool {
    DOCUMENT.contains(&format!("`{word}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().expect("a list")
}

#[test]
fn what_new_prints_and_every_advice_is_documented() {
    let mut advised = BTreeSet::new();
    for arguments in [
        "hugh@example.com --service a.net.org --account +15551234567 --tag x --ttl 86401",
        "example.com --every-mailbox --service a.test",
        "+15551234567 --phone-zone phones.example.net --opt-out --type MIMI",
    ] {
        let arguments: Vec<_> = ["record", "new", "--json"]
            .into_iter()
            .chain(arguments.split(' '))
            .collect();
        let printed = is_documented("`sotto record new`", &Home::new().run(&arguments), &[]);
        let record = ["text", "value", "rdata", "line"];
        assert_eq!(keys(&printed["records"][0]), BTreeSet::from(record));
        for advice in list(&printed, "advice") {
            assert_eq!(keys(advice), BTreeSet::from(["code", "message", "remedy"]));
            advised.insert(advice["code"].as_str().expect("a word").to_owned());
        }
    }
    let (_, table) = DOCUMENT.split_once("\n| advice |").expect("a table");
    let rows = table.split("\n\n").next().expect("its rows");
    let documented = rows
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next());
    assert_eq!(advised, documented.map(str::to_owned).collect());
}

#[test]
fn what_new_prints_of_a_file_is_documented() {
    let home = Home::new();
    home.write(
        "accounts.csv",
        "identifier,service,account\na@example.com,a.test,+15551234567\n",
    );
    let run = home.run(&[
        "record",
        "new",
        "--json",
        "--from",
        "accounts.csv",
        "--zone",
        "example.com",
        "--ttl",
        "86401",
        "--output",
        "mimi.zone",
    ]);
    let printed = is_documented("`sotto record new` with `--from`", &run, &[]);
    assert_eq!(
        keys(&printed["advice"]),
        BTreeSet::from(["phone_in_account", "special_use_provider", "long_ttl"])
    );
    assert_eq!(
        keys(&printed["advice"]["long_ttl"]),
        BTreeSet::from(["count", "lines", "message", "remedy"])
    );
}

#[test]
fn what_publish_prints_is_documented() {
    let home = Home::new();
    let key = home.write(
        "mimi.key",
        "hmac-sha256:mimi:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
    );
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("a file of ours");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let nobody = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let removal = [
        "record",
        "publish",
        "--json",
        "--server",
        &nobody,
        "--zone",
        "example.com",
        "--tsig",
        "mimi.key",
        "--remove",
        "hugh@example.com",
    ];
    let of_dry_runs = ["changes", "changes_omitted"];
    let said = is_documented("`sotto record publish`", &home.run(&removal), &of_dry_runs);
    assert_eq!(said["error"]["code"], "server_unreachable");
    assert_eq!(said["not_tried"], 1);

    let dry = home.run(&[&removal[..], &["--dry-run"]].concat());
    let said = is_documented("`sotto record publish`", &dry, &[]);
    assert_eq!(said["changes"], json!([]), "a flag brings it always");
    assert_eq!(said["changes_omitted"], 0);
}

/// A name server without TXT records, which would tell of other types over TCP alone and is not there; until it is told to
/// stop by a datagram without octets.
fn laconic_server() -> (SocketAddr, JoinHandle<()>) {
    const HEADER_OCTETS: usize = 12;
    const TXT: [u8; 2] = [0, 16];
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = socket.local_addr().expect("an address");
    let serving = thread::spawn(move || {
        let mut message = [0; 1_232];
        while let Ok((count @ 1.., from)) = socket.recv_from(&mut message) {
            let mut name_and_type = message[HEADER_OCTETS..].splitn(2, |octet| *octet == 0);
            let rtype = name_and_type.nth(1).expect("a type");
            let is_truncated = !rtype.starts_with(&TXT);
            message[2] |= if is_truncated { 0x82 } else { 0x80 };
            let response = &message[..count];
            socket.send_to(response, from).expect("a response");
        }
    });
    (address, serving)
}

#[test]
fn what_check_prints_is_documented() {
    const FINDING: [&str; 10] = [
        "code", "severity", "name", "type", "file", "line", "what", "remedy", "source", "lines",
    ];
    let home = Home::new();
    home.write(
        "company.zone",
        "$ORIGIN company.net.\n$TTL 172800\n_mimi TXT \"v=MIMI1; p=x\"\n",
    );
    home.write("empty.csv", "");
    let (server, serving) = laconic_server();
    let address = server.to_string();
    let listener = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let nobody = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let mut unknown = 0;
    for (kind, arguments) in [
        ("zone_file", &["company.zone"][..]),
        ("accounts", &["empty.csv"]),
        ("identifier", &["hugh@company.net", "--server", &address]),
        ("identifier", &["hugh@company.net", "--server", &nobody]),
    ] {
        let run = home.run(&[&["record", "check", "--json"], arguments].concat());
        let printed = is_documented("`sotto record check`", &run, &[]);
        let checked = &printed["checked"];
        assert_eq!(checked["kind"], kind);
        assert_eq!(
            keys(checked),
            BTreeSet::from(["kind", "identifier", "file"])
        );
        let is_silent = arguments.contains(&&*nobody);
        assert_eq!(printed["answered"], !is_silent);
        assert_eq!(
            list(&printed, "findings").is_empty(),
            is_silent,
            "{printed:#}"
        );
        for finding in list(&printed, "findings") {
            assert_eq!(keys(finding), BTreeSet::from(FINDING));
        }
        for entry in list(&printed, "unknown") {
            assert_eq!(
                keys(entry),
                BTreeSet::from(["what", "why", "lines", "command"])
            );
            unknown += 1;
        }
    }
    assert!(unknown > 0, "nothing was left unknown");
    let stop = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    stop.send_to(&[], server).expect("a datagram");
    serving.join().expect("the server ends");
}
