//! `sotto lookup` and `sotto query` as processes, as far as they get without a relay.

use std::io::ErrorKind;
use std::net::TcpListener;

use crate::home::{Home, Run};

/// A port at which nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn a_command_without_arguments_teaches() {
    let home = Home::new();
    let lesson = home.run(&[]);
    assert_eq!((lesson.code, lesson.errors.as_str()), (0, ""));
    for word in ["sotto lookup", "sotto query", "sotto verify", "config.toml"] {
        assert!(lesson.out.contains(word), "{word}");
    }
    for command in ["lookup", "query", "verify"] {
        let lesson = home.run(&[command]);
        assert_eq!(lesson.code, 2);
        assert!(
            lesson.errors.contains("Usage:") && lesson.errors.contains("Exit codes:"),
            "{}",
            lesson.errors
        );
    }
}

#[test]
fn usage_errors_are_json_if_asked_for() {
    let home = Home::new();
    for arguments in [
        &["--json", "frob"][..],
        &["lookup", "--json"],
        &["lookup", "--frob", "--json"],
        &["lookup", "a@b.example", "--json", "--type", "A"],
        &["lookup", "a@b.example", "--json", "--max-age", "old"],
        &["query", "example.com", "--json"],
    ] {
        assert_eq!(home.run(arguments).error_code(), "usage", "{arguments:?}");
    }
    // Behind `--` it is an identifier, and no flag.
    let run = home.run(&["lookup", "--", "--json"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
}

#[test]
fn identifiers_are_refused_before_anybody_is_asked() {
    let home = Home::new();
    for (identifier, code) in [
        ("", "identifier_empty"),
        ("@example.com", "local_part_missing"),
        ("localhost", "domain_invalid"),
        ("+44 (0)20 7946 0148", "phone_trunk_prefix"),
        ("+442079460148", "phone_zone_missing"),
        ("02079460148", "phone_not_international"),
        ("0044 20 7946 0148", "phone_not_international"),
        ("https://example.com", "scheme_unknown"),
        ("hugh@example.com", "relay_missing"),
    ] {
        assert_eq!(
            home.run(&["lookup", "--json", identifier]).error_code(),
            code,
            "{identifier:?}"
        );
    }
    let zone = home.run(&["lookup", "--json", "+442079460148", "--phone-zone", "zone"]);
    assert_eq!(zone.error_code(), "phone_zone_invalid");
    assert_eq!(
        home.run(&["query", "--json", "a..b", "TXT"]).error_code(),
        "name_invalid"
    );
    assert_eq!(
        home.run(&["query", "--json", "a.example", "NONE"])
            .error_code(),
        "type_invalid"
    );
}

#[test]
fn a_resolved_uri_needs_no_relay() {
    let home = Home::new();
    let run = home.run(&["lookup", "--json", "mimi://im.example.net/u/al%69ce"]);
    assert_eq!(run.code, 0);
    let value = run.json();
    assert_eq!(value["outcome"], "found");
    assert_eq!(value["services"][0]["provider"], "im.example.net");
    assert_eq!(
        value["services"][0]["mimi_uri"],
        "mimi://im.example.net/u/alice"
    );
    assert!(
        value["verdict"].is_null() && value["valid_until"].is_null() && value["reason"].is_null()
    );
    assert_eq!(
        (&value["records"], &value["learnt"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );

    let words = home.run(&["lookup", "mimi://im.example.net/u/alice"]);
    assert!(
        words.out.contains("im.example.net  alice") && words.out.contains("nobody was asked"),
        "{}",
        words.out
    );
}

#[test]
fn flags_environment_and_file_come_in_this_order() {
    let home = Home::new();
    home.write(
        ".config/sotto/config.toml",
        "relay = \"file://x\"\ngateway = \"gateway.example.net\"\n",
    );
    let message = |run: Run| {
        assert_eq!(run.error_code(), "relay_invalid");
        run.json()["error"]["message"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let arguments = ["lookup", "--json", "hugh@example.com"];
    assert!(message(home.run(&arguments)).contains("file://x"));
    let environment = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("SOTTO_RELAY", "env://x");
        Run::from(command.output().expect("the command runs"))
    };
    assert!(message(environment(&arguments)).contains("env://x"));
    assert!(
        message(environment(
            &[&arguments[..], &["--relay", "flag://x"]].concat()
        ))
        .contains("flag://x")
    );
}

#[test]
fn an_empty_variable_is_none() {
    let home = Home::new();
    let run = |variables: &[&str]| {
        let mut command = home.command(&["lookup", "--json", "hugh@example.com"]);
        command.envs(variables.iter().map(|name| (name, "")));
        Run::from(command.output().expect("the command runs"))
    };
    assert_eq!(run(&["SOTTO_RELAY"]).error_code(), "relay_missing");
    home.write(
        ".config/sotto/config.toml",
        "relay = \"file://x\"\ngateway = \"gateway.example.net\"\n",
    );
    let all = [
        "SOTTO_ALLOW_HTTP",
        "SOTTO_ANCHOR",
        "SOTTO_CA",
        "SOTTO_CONFIG",
        "SOTTO_GATEWAY",
        "SOTTO_GATEWAY_OPERATOR",
        "SOTTO_KEY_DIGEST",
        "SOTTO_KEY_DOCUMENT",
        "SOTTO_MAX_AGE",
        "SOTTO_MIMI_TYPE",
        "SOTTO_NO_SECOND_OPINION",
        "SOTTO_NOT_PRIVATE",
        "SOTTO_PHONE_ZONE",
        "SOTTO_RELAY",
        "SOTTO_RELAY_OPERATOR",
        "SOTTO_TYPE",
    ];
    let run = run(&all);
    assert_eq!(run.error_code(), "relay_invalid");
    assert!(run.out.contains("file://x"), "{}", run.out);
}

/// Whatever is wrong with the caller's own files is found before the relay hears of the lookup.
#[test]
fn files_that_are_of_no_use_bother_no_relay() {
    let home = Home::new();
    let relay = TcpListener::bind("127.0.0.1:0").expect("a port");
    relay.set_nonblocking(true).expect("a socket");
    let url = format!("http://{}", relay.local_addr().expect("an address"));
    home.write("rubbish", "<html>");
    home.write("cut", "SKD1\x01");
    home.write("kept", "as it was");
    for (flags, code, culprit) in [
        (
            ["--key-document", "rubbish"],
            "key_document_invalid",
            "rubbish",
        ),
        (["--key-document", "cut"], "key_document_invalid", "cut"),
        (["--save-proof", "no/x"], "file_not_writable", "no/x"),
        (["--save-proof", "."], "file_not_writable", "the proof"),
        (["--svg", "no/x"], "file_not_writable", "the picture"),
    ] {
        let path = ["--relay", &url, "--gateway", "gateway.example.net"];
        for command in [
            &["lookup", "hugh@example.com"][..],
            &["query", "example.com", "TXT"],
        ] {
            let run = home.run(&[command, &path, &["--allow-http", "--json"], &flags].concat());
            assert_eq!(run.error_code(), code, "{flags:?}");
            assert!(run.out.contains(culprit), "{}", run.out);
        }
    }
    let asked = relay.accept().map_err(|error| error.kind());
    assert_eq!(asked.err(), Some(ErrorKind::WouldBlock), "nobody was asked");

    // What was there before stays where no proof comes.
    let uri = "mimi://im.example.net/u/alice";
    for file in ["kept", "new"] {
        assert_eq!(home.run(&["lookup", uri, "--save-proof", file]).code, 0);
    }
    let kept = std::fs::read(home.path().join("kept")).expect("a file");
    assert_eq!(kept, b"as it was");
    assert!(!home.path().join("new").exists());
}

#[test]
fn a_bad_configuration_names_file_and_key() {
    let home = Home::new();
    home.write(
        ".config/sotto/config.toml",
        "relays = \"https://relay.example\"\n",
    );
    let run = home.run(&["lookup", "--json", "hugh@example.com"]);
    assert_eq!(run.error_code(), "config_invalid");
    assert!(
        run.out.contains("config.toml") && run.out.contains("relays"),
        "{}",
        run.out
    );

    let absent = home.run(&[
        "lookup",
        "--json",
        "hugh@example.com",
        "--config",
        "absent.toml",
    ]);
    assert_eq!(absent.error_code(), "file_unreadable");
}

#[test]
fn a_relay_that_is_not_there_is_unavailable() {
    let home = Home::new();
    let relay = format!("http://127.0.0.1:{}", closed_port());
    let path = [
        "--relay",
        &relay,
        "--gateway",
        "gateway.example.net",
        "--allow-http",
    ];
    for command in [
        &["lookup", "hugh@example.com"][..],
        &["query", "example.com", "TXT"],
    ] {
        let run = home.run(&[command, &path, &["--json", "--save-proof", "proof"]].concat());
        assert_eq!(run.code, 8, "{}", run.out);
        let value: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(value["outcome"], "unavailable");
        assert_eq!(value["reason"]["code"], "connect_failed");
        assert_eq!(value["records"], serde_json::json!([]));
        let detail = value["reason"]["detail"].as_str().expect("text");
        assert!(detail.starts_with(&relay["http://".len()..]), "{detail}");
        assert!(run.errors.contains("no proof"), "{}", run.errors);
        assert!(!home.path().join("proof").exists());

        let words = home.run(&[command, &path].concat());
        assert_eq!(words.code, 8);
        assert!(
            words.out.contains("no answer")
                && words.out.contains(&relay["http://".len()..])
                && words.out.contains("What to do: "),
            "{}",
            words.out
        );
    }
    // What is kept begins with the first run, failed or not.
    assert!(home.path().join(".local/state/sotto/store").is_file());
}

#[test]
fn plain_http_needs_permission() {
    let home = Home::new();
    let arguments = [
        "lookup",
        "--json",
        "hugh@example.com",
        "--relay",
        "http://127.0.0.1:1",
        "--gateway",
        "gateway.example.net",
    ];
    assert_eq!(home.run(&arguments).error_code(), "relay_invalid");
}

#[test]
fn a_machine_without_certification_authorities_is_told_so() {
    let home = Home::new();
    let none = home.write("none.pem", "");
    let mut command = home.command(&[
        "lookup",
        "hugh@example.com",
        "--relay",
        "https://relay.example",
        "--gateway",
        "gateway.example.net",
        "--json",
    ]);
    let output = command.env("SSL_CERT_FILE", none).output();
    let run = Run::from(output.expect("the command runs"));
    assert_eq!(run.code, 1, "{}", run.out);
    let error = &run.json()["error"];
    assert_eq!(error["code"], "no_authorities");
    let remedy = error["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("--ca"), "{remedy}");
}
