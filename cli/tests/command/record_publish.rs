//! `sotto record publish`: what is refused before anybody is asked, and servers that are none.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use serde_json::Value;

use crate::home::{Home, Run};

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

/// A key file with `text`, of this mode.
fn key(home: &Home, text: &str, mode: u32) -> PathBuf {
    let path = home.write("mimi.key", text);
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a file of ours");
    path
}

/// Runs with a good key against `server`.
fn publish(home: &Home, server: &str, rest: &[&str]) -> Run {
    key(home, &format!("hmac-sha256:mimi:{SECRET}\n"), 0o600);
    let common = [
        "record",
        "publish",
        "--json",
        "--server",
        server,
        "--zone",
        "example.com",
        "--tsig",
        "mimi.key",
    ];
    home.run(&[&common[..], rest].concat())
}

const HUGH: [&str; 3] = ["hugh@example.com", "--service", "mimi.example.net"];

#[test]
fn somebody_is_published_removed_or_read_from_a_file_and_no_two_of_them() {
    let home = Home::new();
    let refused: [&[&str]; 8] = [
        &[],
        &["hugh@example.com"],
        &[
            "--remove",
            "hugh@example.com",
            "--service",
            "mimi.example.net",
        ],
        &["--remove", "hugh@example.com", "--opt-out"],
        &["--from", "a.csv", "--service", "mimi.example.net"],
        &["--from", "a.csv", "--remove", "hugh@example.com"],
        &[
            "hugh@example.com",
            "--opt-out",
            "--service",
            "mimi.example.net",
        ],
        &["hugh@example.com", "--from", "a.csv"],
    ];
    for rest in refused {
        let run = publish(&home, "127.0.0.1", rest);
        assert_eq!(run.error_code(), "usage", "{rest:?}");
    }
    for server in ["", "127.0.0.1:0", "127.0.0.1:dns", ":53", "[::1]5353"] {
        assert_eq!(
            publish(&home, server, &HUGH).error_code(),
            "usage",
            "{server:?}"
        );
    }
}

#[test]
fn a_key_file_is_read_whole_and_by_its_owner_alone() {
    let home = Home::new();
    let arguments = [
        "record",
        "publish",
        "--json",
        "--server",
        "127.0.0.1",
        "--zone",
        "example.com",
        "--tsig",
        "mimi.key",
    ];
    let arguments = [&arguments[..], &HUGH].concat();
    assert_eq!(home.run(&arguments).error_code(), "file_unreadable");
    fs::create_dir(home.path().join("mimi.key")).unwrap();
    assert_eq!(home.run(&arguments).error_code(), "file_unreadable");
    fs::remove_dir(home.path().join("mimi.key")).unwrap();
    let path = key(&home, "", 0o600);
    fs::write(path, b"hmac-sha256:\xe9").unwrap();
    let run = home.run(&arguments);
    assert_eq!(run.error_code(), "key_file_invalid");
    assert!(run.out.contains("UTF-8"), "{}", run.out);
    let good = format!("key mimi {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};");
    for (text, mode, code, word) in [
        (good.clone(), 0o640, "key_file_exposed", "640"),
        (good.clone(), 0o604, "key_file_exposed", "604"),
        (
            good.replace("sha256", "md5"),
            0o600,
            "key_file_invalid",
            "MD5",
        ),
        (
            good.replace("sha256", "sha1"),
            0o600,
            "key_file_invalid",
            "SHA-1",
        ),
        (
            format!("{good}{good}"),
            0o600,
            "key_file_invalid",
            "more than one",
        ),
        (good.replace('=', "!"), 0o600, "key_file_invalid", "base64"),
        (SECRET.to_owned(), 0o600, "key_file_invalid", "forms"),
        (String::new(), 0o600, "key_file_invalid", "empty"),
        (String::from("\u{e9}"), 0o600, "key_file_invalid", "forms"),
    ] {
        let path = key(&home, &text, mode);
        let run = home.run(&arguments);
        assert_eq!(run.error_code(), code, "{text}");
        let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains(word) && message.contains("mimi.key"),
            "{message}"
        );
        assert!(!run.out.contains(SECRET.trim_end_matches('=')));
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_mistake_on_the_last_line_is_found_before_anybody_is_asked() {
    let home = Home::new();
    let server = nobody().to_string();
    home.write(
        "a.csv",
        "identifier,service\nhugh@example.com,mimi.example.net\nhugh@example.org,mimi.example.net\n",
    );
    // Were the server asked, it would be unreachable.
    let run = publish(&home, &server, &["--from", "a.csv"]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(
        run.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("line 3"),
        "{}",
        run.out
    );
    for rest in [
        &["hugh@example.org", "--opt-out"][..],
        &[
            "--remove",
            "hugh@example.com",
            "--remove",
            "hugh@example.org",
        ],
    ] {
        assert_eq!(publish(&home, &server, rest).error_code(), "outside_zone");
    }
}

#[track_caller]
fn stopped(run: &Run, code: &str) -> Value {
    let said = run.json();
    assert_eq!(
        (run.code, &said["error"]["code"]),
        (8, &Value::from(code)),
        "{said:#}"
    );
    assert_eq!(said["not_tried"], 1);
    assert_eq!(said["first_not_tried"], "hugh@example.com");
    said
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let home = Home::new();
    let server = nobody().to_string();
    let said = stopped(&publish(&home, &server, &HUGH), "server_unreachable");
    assert!(said["error"]["message"].as_str().unwrap().contains(&server));
    let line = [
        "record",
        "publish",
        "--server",
        &server,
        "--zone",
        "example.com",
        "--tsig",
        "mimi.key",
    ];
    let run = home.run(&[&line[..], &HUGH].concat());
    assert!(
        run.errors.contains("  try: ") && run.out.contains("nothing was changed"),
        "{}{}",
        run.out,
        run.errors
    );
}

#[test]
fn whom_to_remove_may_be_said_twice() {
    let home = Home::new();
    let server = nobody().to_string();
    let twice = ["--remove", "hugh@example.com"].repeat(2);
    let said = stopped(&publish(&home, &server, &twice), "server_unreachable");
    assert_eq!(
        (&said["failed"], &said["problems"]),
        (&0.into(), &Value::Array(Vec::new()))
    );
}

#[test]
fn whoever_publishes_is_advised_as_whoever_makes_records() {
    let home = Home::new();
    let server = nobody().to_string();
    let number = [
        "hugh@example.com",
        "--service",
        "mimi.example",
        "--account",
        "+1 555 123 4567",
        "--ttl",
        "90000",
    ];
    let codes = |run: &Run| {
        let advice = run.json()["advice"].as_object().unwrap().clone();
        let mut codes: Vec<_> = advice.keys().cloned().collect();
        codes.sort_unstable();
        (codes, advice)
    };
    let warnings = ["long_ttl", "phone_in_account", "special_use_provider"];
    for rest in [&number[..], &[&number[..], &["--dry-run"]].concat()] {
        let (told, advice) = codes(&publish(&home, &server, rest));
        assert_eq!(
            told,
            [warnings[0], "name_hides_nobody", warnings[1], warnings[2]]
        );
        assert_eq!(advice["long_ttl"]["lines"], Value::Array(Vec::new()));
    }

    let accounts = "identifier,service,account\na@example.com,mimi.example.net,\n\
                    b@example.com,mimi.example,+15551234567\nc@example.com,mimi.example,c\n";
    home.write("a.csv", accounts);
    let file = ["--from", "a.csv", "--ttl", "90000"];
    let (told, advice) = codes(&publish(&home, &server, &file));
    assert_eq!(told, warnings);
    assert_eq!(advice["long_ttl"]["count"], 3);
    assert_eq!(
        advice["special_use_provider"]["lines"],
        Value::from(vec![2, 3, 4])
    );

    let run = publish(&home, &server, &["--remove", "hugh@example.com"]);
    assert_eq!(codes(&run).0, [""; 0]);
    let words = format!("record publish --server {server} --zone example.com --tsig mimi.key");
    let words: Vec<&str> = words.split(' ').chain(number).collect();
    let run = home.run(&words);
    assert!(
        run.errors
            .contains("warning: the account \"+1 555 123 4567\""),
        "{}",
        run.errors
    );
}

#[test]
fn what_is_no_answer_stops_the_run() {
    let home = Home::new();
    // Shorter than a header; a question; an answer to something that was not asked.
    let answers: [fn(u8) -> Vec<u8>; 3] = [
        |_| vec![0; 5],
        |_| vec![0; 12],
        |first| [&[first ^ 0x80, 0, 0x84, 0][..], &[0; 8]].concat(),
    ];
    for answer in answers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 64];
            stream.read_exact(&mut asked).unwrap();
            let answer = answer(asked[2]);
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length[..], &answer].concat()).unwrap();
            // What is left is not read: the other end closes when it has seen enough.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        stopped(&publish(&home, &server, &HUGH), "answer_malformed");
        serving.join().unwrap();
    }
}
