//! `sotto store`, and where lookups keep what they keep.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::home::{Home, Run};

const STORE: &str = ".local/state/sotto/store";

/// Looks somebody up where nobody answers.
fn lookup(home: &Home, more: &[&str]) -> Run {
    let arguments = [
        "lookup",
        "hugh@example.com",
        "--relay",
        "http://127.0.0.1:1",
        "--gateway",
        "gateway.example.net",
        "--allow-http",
        "--json",
    ];
    home.run(&[&arguments[..], more].concat())
}

fn store(home: &Home) -> PathBuf {
    home.path().join(STORE)
}

#[test]
fn the_first_run_makes_the_store_and_says_nothing_of_it() {
    let home = Home::new();
    let run = lookup(&home, &[]);
    assert_eq!((run.code, run.errors.as_str()), (8, ""));
    assert_eq!(run.json()["store_problem"], serde_json::Value::Null);
    let mode = fs::metadata(store(&home)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_store_goes_where_it_is_told_or_nowhere() {
    let home = Home::new();
    assert_eq!(lookup(&home, &["--no-store"]).code, 8);
    assert!(!home.path().join(".local").exists());
    assert_eq!(lookup(&home, &["--store", "here/mine"]).code, 8);
    assert!(home.path().join("here/mine").is_file() && !store(&home).exists());

    home.write(".config/sotto/config.toml", "store = \"kept\"");
    assert_eq!(lookup(&home, &[]).code, 8);
    assert!(
        home.path().join(".config/sotto/kept").is_file(),
        "beside the file that names it"
    );
    home.write(".config/sotto/config.toml", "no_store = true");
    assert_eq!(lookup(&home, &[]).code, 8);
    assert!(!store(&home).exists());
}

#[test]
fn a_store_that_cannot_be_trusted_is_refused_with_a_remedy() {
    let home = Home::new();
    assert_eq!(lookup(&home, &[]).code, 8);
    let path = store(&home);
    let own = fs::read(&path).unwrap();
    let loose = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    loose(0o644);
    let run = lookup(&home, &[]);
    assert_eq!(run.error_code(), "store_open_to_others");
    let remedy = run.json()["error"]["remedy"].as_str().unwrap().to_owned();
    assert!(
        remedy.contains("chmod 600") && remedy.contains("--no-store"),
        "{remedy}"
    );
    assert_eq!(lookup(&home, &["--no-store"]).code, 8);
    loose(0o600);

    fs::write(&path, "notes of mine").unwrap();
    assert_eq!(lookup(&home, &[]).error_code(), "store_foreign");
    assert_eq!(
        fs::read(&path).unwrap(),
        b"notes of mine",
        "it is left alone"
    );
    assert_eq!(
        home.run(&["store", "show", "--json"]).error_code(),
        "store_foreign"
    );

    let mut damaged = own;
    damaged[4_096..].fill(0xff);
    fs::write(&path, damaged).unwrap();
    assert_eq!(lookup(&home, &[]).error_code(), "store_damaged");
}

#[test]
fn where_none_can_be_made_there_is_a_note() {
    let home = Home::new();
    home.write(".local/state", "a file where a folder should be");
    let run = lookup(&home, &[]);
    assert_eq!(run.code, 8, "{}", run.out);
    assert!(run.errors.contains("nothing is kept"), "{}", run.errors);
    // Who names one means it.
    let run = lookup(&home, &["--store", ".local/state/store"]);
    assert_eq!(run.error_code(), "store_unusable");

    let mut command = home.command(&["store", "show", "--json"]);
    command.env_remove("HOME");
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.error_code(), "store_nowhere");
}

#[test]
fn the_secret_of_an_earlier_version_is_taken_over() {
    let home = Home::new();
    let earlier = home.write(".local/state/sotto/tie-break", "07".repeat(16));
    assert_eq!(lookup(&home, &[]).code, 8);
    assert!(!earlier.exists());
    let octets = fs::read(store(&home)).unwrap();
    assert!(octets.windows(16).any(|window| window == [7; 16]));

    // One that is damaged is no secret: another is drawn.
    let home = Home::new();
    let earlier = home.write(".local/state/sotto/tie-break", "short");
    assert_eq!(lookup(&home, &[]).code, 8);
    assert!(earlier.exists() && store(&home).exists());
}

#[test]
fn what_is_kept_is_shown_and_cleared() {
    let home = Home::new();
    let shown = home.run(&["store", "show"]);
    assert_eq!(shown.code, 0);
    assert!(shown.out.starts_with("No store at "), "{}", shown.out);
    assert_eq!(
        home.run(&["store", "show", "--json"]).json()["exists"],
        false
    );
    assert_eq!(
        home.run(&["store", "clear", "--json"]).json()["answers_forgotten"],
        0
    );
    assert!(!store(&home).exists(), "to look is not to make");

    assert_eq!(lookup(&home, &[]).code, 8);
    let json = home.run(&["store", "show", "--json"]).json();
    assert_eq!(
        (&json["exists"], &json["octets"]),
        (&true.into(), &0.into())
    );
    assert_eq!(json["answers"], serde_json::json!([]));
    assert_eq!(json["store_schema"], 1);
    let shown = home.run(&["store", "show"]);
    assert!(shown.out.contains("0 answers"), "{}", shown.out);
    let cleared = home.run(&["store", "clear", "--answers"]);
    assert!(
        cleared.out.starts_with("Forgotten: 0 answers"),
        "{}",
        cleared.out
    );
    let elsewhere = home
        .run(&["store", "show", "--store", "absent", "--json"])
        .json();
    assert_eq!(elsewhere["exists"], false);
}
