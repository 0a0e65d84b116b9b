//! `sotto record new` as a process: what it prints, what it warns of, and that nothing is half-written.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::home::{Home, Run};

fn new(arguments: &[&str]) -> Run {
    Home::new().run(&[&["record", "new"], arguments].concat())
}

fn json(arguments: &[&str]) -> Value {
    let run = new(&[arguments, &["--json"]].concat());
    assert_eq!(run.code, 0, "{}", run.out);
    run.json()
}

/// The code of the error that arguments lead to.
fn error(arguments: &[&str]) -> String {
    new(&[arguments, &["--json"]].concat()).error_code()
}

fn texts(value: &Value) -> Vec<&str> {
    let records = value["records"].as_array().expect("records");
    records
        .iter()
        .map(|record| record["text"].as_str().expect("text"))
        .collect()
}

#[test]
fn flags_belong_to_the_service_before_them() {
    let printed = json(&[
        "hugh@example.com",
        "--service",
        "b.harbour.net",
        "--prefer",
        "20",
        "--tag",
        "x",
        "--tag",
        "y,z",
        "--service",
        "a.harbour.net:8443",
        "--label",
        "l",
        "--account",
        "hugh",
        "--prefer",
        "10",
    ]);
    assert_eq!(
        texts(&printed),
        [
            "v=MIMI1; p=10; a=hugh; e=a.harbour.net:8443; s=l",
            "v=MIMI1; p=20; e=b.harbour.net; t=x,y,z"
        ]
    );
    let twice = [
        "a@example.com",
        "--service",
        "a.net.org",
        "--prefer",
        "65535",
        "--prefer",
        "1",
    ];
    for wrong in [
        &["a@example.com", "--account", "a", "--service", "a.net.org"][..],
        &[
            "a@example.com",
            "--service",
            "a.net.org",
            "--label",
            "a",
            "--label",
            "b",
        ],
        &twice,
        &["a@example.com", "--account", "a"],
        &["a@example.com", "--service", "."],
        &["a@example.com", "--service", "https://a.net.org/"],
        &["a@example.com", "--service", "a.net.org:80"],
        &[
            "a@example.com",
            "--service",
            "a.net.org",
            "--prefer",
            "65536",
        ],
        &["a@example.com", "--service", "a.net.org", "--opt-out"],
        &["a@example.com", "--opt-out", "--tag", "x"],
        &["a@example.com"],
        &["--service", "a.net.org"],
    ] {
        assert_eq!(error(wrong), "usage", "{wrong:?}");
    }
}

#[test]
fn a_flag_that_cannot_be_used_is_explained_where_it_stands() {
    let url = new(&["a@example.com", "--service", "https://im.net.org/"]).errors;
    assert!(url.contains("it is a URL; give the domain alone"), "{url}");
    assert!(!url.contains("port ") && !url.contains("443"), "{url}");
    let misplaced = ["a@example.com", "--account", "a", "--service", "a.net.org"];
    let errors = new(&misplaced).errors;
    assert!(errors.contains("Usage: sotto record new "), "{errors}");
    let publish = [
        "record",
        "publish",
        "--server",
        "[::1]",
        "--zone",
        "example.com",
    ];
    let errors = Home::new().run(&[&publish[..], &misplaced].concat()).errors;
    assert!(errors.contains("Usage: sotto record publish "), "{errors}");
}

#[test]
fn the_name_is_relative_to_the_zone_that_one_registered() {
    let at = |identifier: &str, more: &[&str]| {
        let service = [identifier, "--service", "a.net.org", "--account", "x"];
        let printed = json(&[&service, more].concat());
        let text = |key: &str| printed[key].as_str().expect("text").to_owned();
        (text("name"), text("zone"))
    };
    let pair = |name: &str, zone: &str| (name.to_owned(), zone.to_owned());
    assert_eq!(
        at("a.b.example.co.uk", &[]),
        pair("_mimi.a.b", "example.co.uk.")
    );
    assert_eq!(
        at("alice.example.test", &[]),
        pair("_mimi.alice", "example.test.")
    );
    assert_eq!(
        at("example.com", &["--type", "MIMI"]),
        pair("@", "example.com.")
    );
    assert_eq!(
        at("a.b.example.com", &["--zone", "b.example.com"]),
        pair("_mimi.a", "b.example.com.")
    );
    assert_eq!(
        at("example.com", &["--zone", "_mimi.example.com"]),
        pair("@", "_mimi.example.com.")
    );
    assert_eq!(
        at("+15551234567", &["--phone-zone", "phones.example.net"]),
        pair("_mimi.7.6.5.4.3.2.1.5.5.5.1", "phones.example.net.")
    );
    assert_eq!(
        at("alice.example.lab", &["--zone", "lab"]),
        pair("_mimi.alice.example", "lab.")
    );
    let outside = ["a@example.com", "--opt-out", "--zone", "example.org"];
    assert_eq!(error(&outside), "outside_zone");
    assert_eq!(error(&["+15551234567", "--opt-out"]), "phone_zone_missing");
}

#[test]
fn every_mailbox_has_one_wildcard_without_an_account() {
    for identifier in ["example.com", "hugh@example.com", "*@example.com"] {
        let printed = json(&[identifier, "--every-mailbox", "--service", "a.net.org"]);
        assert_eq!(printed["owner"], "*._user._mimi.example.com.");
        assert_eq!(printed["identifier"], "*@example.com");
    }
    let account = [
        "example.com",
        "--every-mailbox",
        "--service",
        "a.net.org",
        "--account",
        "x",
    ];
    assert_eq!(error(&account), "publish_account_for_everybody");
    let number = ["+15551234567", "--every-mailbox", "--service", "a.net.org"];
    assert_eq!(error(&number), "every_mailbox_of_nothing");
}

#[test]
fn the_private_type_is_printed_in_the_generic_form() {
    let printed = json(&[
        "a@example.com",
        "--opt-out",
        "--type",
        "MIMI",
        "--mimi-type",
        "65280",
        "--ttl",
        "60",
    ]);
    let record = &printed["records"][0];
    assert_eq!(printed["type"], "TYPE65280");
    assert_eq!(record["value"], r"\# 13 0c763d4d494d49313b20653d2e");
    assert_eq!(record["rdata"], "0c763d4d494d49313b20653d2e");
    let line = record["line"].as_str().expect("a line");
    assert!(
        line.ends_with(r" 60 IN TYPE65280 \# 13 0c763d4d494d49313b20653d2e"),
        "{line}"
    );
    assert_eq!(
        error(&["a@example.com", "--opt-out", "--mimi-type", "16"]),
        "usage"
    );
    assert_eq!(
        error(&["a@example.com", "--opt-out", "--ttl", "2147483648"]),
        "usage"
    );
}

#[test]
fn a_phone_number_in_an_account_is_warned_of() {
    let arguments = [
        "hugh@example.org",
        "--service",
        "a.net.org",
        "--account",
        "+1 555 123-4567",
    ];
    let run = new(&arguments);
    assert_eq!(run.code, 0);
    assert!(
        run.errors
            .contains("warning: the account \"+1 555 123-4567\""),
        "{}",
        run.errors
    );
    assert!(
        run.errors.contains("try: leave the account out"),
        "{}",
        run.errors
    );
    let codes = json(&arguments)["advice"].clone();
    let codes: Vec<_> = codes
        .as_array()
        .expect("advice")
        .iter()
        .map(|advice| &advice["code"])
        .collect();
    assert_eq!(codes, ["phone_in_account", "name_hides_nobody"]);
    // What a person is told goes to standard error, so that standard output can be taken as it is.
    assert!(!run.out.contains("warning"), "{}", run.out);
}

#[test]
fn a_value_of_several_strings_is_pointed_out() {
    let label = "l".repeat(300);
    let run = new(&["a@example.com", "--service", "a.net.org", "--label", &label]);
    assert!(run.out.contains("Longer than 255 octets"), "{}", run.out);
    let line = run.out.lines().last().expect("a line");
    assert_eq!(line.matches("\" \"").count(), 1, "{line}");
}

const ACCOUNTS: &str = "\
identifier,service,account,tag
a@example.com,a.harbour.net,+15551234567,x
b@example.com,a.harbour.net,b,
b@example.com,b.harbour.net,+15557654321,
";

/// Runs `--from accounts.csv` for example.com.
fn from(home: &Home, accounts: impl AsRef<[u8]>, more: &[&str]) -> Run {
    home.write("accounts.csv", accounts);
    let arguments = [
        "record",
        "new",
        "--from",
        "accounts.csv",
        "--zone",
        "example.com",
    ];
    home.run(&[&arguments, more].concat())
}

#[test]
fn a_file_becomes_a_part_of_a_zone_the_same_every_time() {
    let home = Home::new();
    let shown = from(&home, ACCOUNTS, &["--for", "bind"]);
    assert_eq!(shown.code, 0, "{}", shown.errors);
    assert!(
        shown
            .out
            .starts_with("; MIMI records below example.com, for BIND."),
        "{}",
        shown.out
    );
    let lines: Vec<_> = shown
        .out
        .lines()
        .filter(|line| !line.starts_with(';'))
        .collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines
            .iter()
            .all(|line| line.contains(".example.com. 86400 IN TXT \"v=MIMI1; "))
    );
    assert!(
        shown
            .errors
            .contains("warning: line 2, 3: the account \"+15551234567\""),
        "{}",
        shown.errors
    );
    assert!(
        shown.errors.ends_with("3 records of 2 people\n"),
        "{}",
        shown.errors
    );

    let written = from(
        &home,
        ACCOUNTS,
        &["--for", "bind", "--output", "mimi.zone", "--json"],
    );
    let summary = written.json();
    assert_eq!(
        (&summary["people"], &summary["records"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(summary["octets"], shown.out.len());
    assert_eq!(
        summary["advice"]["phone_in_account"]["lines"],
        json!([2, 3])
    );
    assert_eq!(summary["advice"]["phone_in_account"]["count"], 2);
    let file = home.path().join("mimi.zone");
    assert_eq!(fs::read_to_string(&file).expect("the file"), shown.out);
    assert_eq!(
        from(&home, ACCOUNTS, &["--json"]).error_code(),
        "output_missing"
    );
}

#[test]
fn nothing_is_half_written() {
    let home = Home::new();
    let bad = format!("{ACCOUNTS}c@example.org,a.harbour.net,,\n");
    let run = from(&home, &bad, &[]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(
        run.errors
            .starts_with("error: accounts.csv: line 5, column identifier, \"c@example.org\": "),
        "{}",
        run.errors
    );
    assert!(
        run.errors.contains("\n  try: take the row out"),
        "{}",
        run.errors
    );

    let file = home.write("mimi.zone", "as it was");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("a mode");
    let code = from(&home, &bad, &["--output", "mimi.zone", "--json"]).error_code();
    assert_eq!(code, "accounts_outside_zone");
    assert_eq!(fs::read_to_string(&file).expect("the file"), "as it was");
    let files = || fs::read_dir(home.path()).expect("the folder").count();
    assert_eq!(files(), 2, "the temporary file is gone");

    // A link stays one, and the mode stays too.
    std::os::unix::fs::symlink("mimi.zone", home.path().join("link")).expect("a link");
    assert_eq!(from(&home, ACCOUNTS, &["--output", "link"]).code, 0);
    assert!(home.path().join("link").is_symlink());
    assert!(
        fs::read_to_string(&file)
            .expect("the file")
            .contains("IN TXT")
    );
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(files(), 3);
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let home = Home::new();
    let code = |arguments: &[&str]| {
        let common = ["record", "new", "--json", "--output", "out"];
        let run = home.run(&[&common, arguments].concat());
        assert!(!home.path().join("out").exists());
        run.error_code()
    };
    assert_eq!(
        code(&["--from", "absent", "--zone", "example.com"]),
        "file_unreadable"
    );
    assert_eq!(
        code(&["--from", ".", "--zone", "example.com"]),
        "file_unreadable"
    );
    assert_eq!(code(&["--from", "absent"]), "usage");
    assert_eq!(code(&["--from", "absent", "--zone", "-"]), "usage");
    assert_eq!(
        code(&[
            "--from",
            "absent",
            "--zone",
            "example.com",
            "--for",
            "djbdns"
        ]),
        "usage"
    );
    assert_eq!(
        code(&["--from", "absent", "--zone", "example.com", "--opt-out"]),
        "usage"
    );
    assert_eq!(code(&["a@example.com", "--opt-out"]), "usage");

    for folder in ["absent/mimi.zone", "."] {
        let run = from(&home, ACCOUNTS, &["--output", folder]);
        assert_eq!((run.code, run.out.as_str()), (1, ""));
        assert!(
            run.errors.contains("the zone file cannot be written to"),
            "{}",
            run.errors
        );
    }
}

#[test]
fn a_file_with_nobody_in_it_replaces_nothing() {
    let home = Home::new();
    let file = home.write("mimi.zone", "as it was");
    let run = from(
        &home,
        "identifier,service\n",
        &["--output", "mimi.zone", "--json"],
    );
    assert_eq!(run.error_code(), "accounts_no_people");
    assert_eq!(fs::read_to_string(&file).expect("the file"), "as it was");
}

#[test]
fn the_accounts_are_not_replaced_by_the_zone() {
    let home = Home::new();
    let accounts = home.write("accounts.csv", ACCOUNTS);
    std::os::unix::fs::symlink("accounts.csv", home.path().join("link")).expect("a link");
    fs::hard_link(&accounts, home.path().join("same")).expect("a link");
    for output in ["accounts.csv", "./accounts.csv", "link", "same"] {
        let code = from(&home, ACCOUNTS, &["--output", output, "--json"]).error_code();
        assert_eq!(code, "output_is_input", "{output}");
        assert_eq!(fs::read_to_string(&accounts).expect("the file"), ACCOUNTS);
    }
}

#[test]
fn a_killed_command_leaves_nothing_behind() {
    let home = Home::new();
    let pipe = home.path().join("accounts.csv");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let mut command = home.command(&[
        "record",
        "new",
        "--from",
        "accounts.csv",
        "--zone",
        "example.com",
        "--output",
        "mimi.zone",
    ]);
    let mut child = command.spawn().expect("the command runs");
    // It opens the accounts once it has a place for the zone, and waits for the rest of them.
    let mut accounts = fs::File::options()
        .write(true)
        .open(&pipe)
        .expect("the pipe");
    accounts.write_all(ACCOUNTS.as_bytes()).expect("it reads");
    child.kill().expect("it still runs");
    child.wait().expect("it ends");
    let left = fs::read_dir(home.path()).expect("the folder");
    let left: Vec<_> = left
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["accounts.csv"]);
}

#[test]
fn a_full_disk_behind_standard_output_is_said() {
    let home = Home::new();
    home.write("accounts.csv", ACCOUNTS);
    for (arguments, message) in [
        (
            &["--from", "accounts.csv", "--zone", "example.com"][..],
            "the zone file cannot be written to standard output",
        ),
        (
            &["a@example.com", "--opt-out"],
            "standard output cannot be written",
        ),
    ] {
        let mut command = home.command(&[&["record", "new"], arguments].concat());
        let full = fs::File::options()
            .write(true)
            .open("/dev/full")
            .expect("a full disk");
        let run = Run::from(command.stdout(full).output().expect("the command runs"));
        assert_eq!(run.code, 1, "{}", run.errors);
        assert!(run.errors.contains(message), "{}", run.errors);
    }
}
