//! `sotto record check` as a process, on files: which file is what, what is found, and how it ends.

use serde_json::Value;

use crate::home::{Home, Run};

const ZONE: &str = "\
$ORIGIN company.net.
$TTL 3600
@ SOA ns hostmaster 1 3600 900 1209600 300
_mimi.alice TXT \"v=MIMI1; a=alice; e=im.provider.net\"
";

/// The codes of the findings, with their lines.
#[track_caller]
fn found(run: &Run, code: i32) -> Vec<(String, Option<u64>)> {
    assert_eq!(run.code, code, "{}{}", run.out, run.errors);
    let value = run.json();
    let finding = |finding: &Value| {
        (
            finding["code"].as_str().expect("text").to_owned(),
            finding["line"].as_u64(),
        )
    };
    let findings = value["findings"].as_array().expect("a list");
    findings.iter().map(finding).collect()
}

fn one(code: &str, line: u64) -> Vec<(String, Option<u64>)> {
    vec![(code.to_owned(), Some(line))]
}

#[test]
fn a_clean_zone_ends_with_zero_and_says_so() {
    let home = Home::new();
    home.write("company.zone", ZONE);
    let run = home.run(&["record", "check", "company.zone"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
    assert_eq!(
        run.out,
        "the file has no signatures: clients believe its records once the zone is signed\n\
         nothing wrong in 1 name\n"
    );
    let json = home
        .run(&["record", "check", "company.zone", "--json"])
        .json();
    assert_eq!(json["checked"]["kind"], "zone_file");
    assert_eq!(json["checked"]["file"], "company.zone");
    assert_eq!((&json["names"], &json["errors"]), (&1.into(), &0.into()));
}

#[test]
fn severities_have_their_exit_codes_and_warnings_can_be_denied() {
    let home = Home::new();
    let warning = "_mimi.bob 2d TXT \"v=MIMI1; a=bob; e=im.provider.net\"\n";
    home.write("warned.zone", format!("{ZONE}{warning}"));
    let run = home.run(&["record", "check", "warned.zone", "--json"]);
    assert_eq!(found(&run, 9), one("ttl_over_day", 5));
    let denied = home.run(&[
        "record",
        "check",
        "warned.zone",
        "--json",
        "--deny",
        "warnings",
    ]);
    assert_eq!(found(&denied, 10), one("ttl_over_day", 5));

    home.write(
        "wrong.zone",
        format!("{ZONE}_mimi.bob TXT \"v=MIMI1; p=x; a=bob; e=im.provider.net\"\n"),
    );
    let run = home.run(&["record", "check", "wrong.zone"]);
    assert_eq!(run.code, 10);
    for part in [
        "_mimi.bob.company.net.\n",
        "  error    line 5, TXT: ",
        "octet 10, \"p=x\"",
        "record_preference",
        "try: ",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert!(run.out.ends_with("1 error in 2 names\n"), "{}", run.out);
    assert!(!run.out.contains('\u{1b}'), "colours are for terminals");
}

#[test]
fn included_files_are_read_from_where_they_are_named() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("zones")).expect("a directory");
    home.write(
        "zones/company.zone",
        format!("{ZONE}$INCLUDE mimi.zone\n$INCLUDE /dev/zero\n$INCLUDE none.zone\n"),
    );
    home.write("zones/mimi.zone", "\n_mimi.bob TXT \"v=MIMI1; a=bob\"\n");
    let run = home.run(&["record", "check", "./zones/company.zone", "--json"]);
    assert_eq!(
        found(&run, 10),
        [
            ("zone_include".to_owned(), Some(6)),
            ("zone_include".to_owned(), Some(7)),
            ("record_no_provider".to_owned(), Some(2)),
        ]
    );
    assert_eq!(run.json()["findings"][2]["file"], "mimi.zone");
    let run = home.run(&["record", "check", "./zones/company.zone"]);
    assert!(
        run.out.contains("error    line 2 of mimi.zone, TXT: "),
        "{}",
        run.out
    );
}

#[test]
fn a_private_root_has_providers_of_its_own() {
    let home = Home::new();
    home.write(
        "lab.zone",
        ZONE.replace("im.provider.net", "im.provider.test"),
    );
    let run = home.run(&["record", "check", "lab.zone", "--json"]);
    assert_eq!(found(&run, 10), one("record_special_use", 4));
    let digest = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
    home.write("root.key", format!(". IN DS 1 13 2 {digest}\n"));
    let run = home.run(&[
        "record", "check", "lab.zone", "--json", "--anchor", "root.key",
    ]);
    assert_eq!(found(&run, 0), []);
}

#[test]
fn every_row_of_a_file_of_accounts_is_looked_at() {
    let home = Home::new();
    home.write(
        "accounts.csv",
        "identifier,service,account,prefer\n\
         a@company.net,im.provider.net,a,1\n\
         b@company.net,im.provider.net,b,soon\n\
         c@company.net,im.provider.net,+15551234567,1\n\
         not an identifier,im.provider.net,d,1\n\
         e@company.net,im.provider.net,e,1,more\n\
         a@company.net,other.provider.net,a,2\n",
    );
    for arguments in [
        ["record", "check", "accounts.csv", "--json"].as_slice(),
        &["record", "check", "--from", "accounts.csv", "--json"],
    ] {
        let run = home.run(arguments);
        let mut codes = found(&run, 10);
        codes.sort();
        let expected = [
            ("account_phone", 4),
            ("accounts_row", 3),
            ("accounts_row", 5),
            ("accounts_row", 6),
            ("accounts_row", 7),
        ];
        assert_eq!(
            codes,
            expected.map(|(code, line)| (code.to_owned(), Some(line))),
            "{}",
            run.out
        );
    }
    home.write(
        "clean.csv",
        "identifier,service,account\na@company.net,im.provider.net,a\n",
    );
    assert_eq!(
        found(&home.run(&["record", "check", "clean.csv", "--json"]), 0),
        []
    );
    let elsewhere = home.run(&[
        "record",
        "check",
        "clean.csv",
        "--json",
        "--origin",
        "example.org",
    ]);
    assert_eq!(found(&elsewhere, 10), one("accounts_row", 2));
    home.write("empty.csv", "");
    assert_eq!(
        found(&home.run(&["record", "check", "empty.csv", "--json"]), 10),
        one("accounts_row", 1)
    );
}

#[test]
fn what_cannot_be_checked_is_a_usage_error() {
    let home = Home::new();
    for (arguments, code) in [
        (&["./no-such-file.zone"][..], "file_unreadable"),
        (&["no-such-file.csv"], "file_unreadable"),
        (&["--zone-file", "no-such-file.zone"], "file_unreadable"),
        (&["--from", "no-such-file.csv"], "file_unreadable"),
        (&["hugh@company.net"], "relay_missing"),
        (&["@company.net"], "local_part_missing"),
        (&["+442079460148"], "phone_zone_missing"),
        (&["hugh@company.net", "--server", "localhost"], "usage"),
        (&["hugh@company.net", "--deny", "notes"], "usage"),
        (&["hugh@company.net", "--from", "x.csv"], "usage"),
    ] {
        let arguments = [&["record", "check", "--json"], arguments].concat();
        assert_eq!(home.run(&arguments).error_code(), code, "{arguments:?}");
    }
    let help = home.run(&["record", "check", "--help"]);
    assert_eq!(help.code, 0);
    for part in [
        "Exit codes:",
        "9 warnings, 10 errors",
        "--contact-providers",
        "--server",
    ] {
        assert!(help.out.contains(part), "{part}");
    }
}

#[test]
fn the_origin_can_be_said() {
    let home = Home::new();
    home.write(
        "bare.zone",
        "_mimi 300 TXT \"v=MIMI1; a=x; e=im.provider.net\"\n",
    );
    let run = home.run(&["record", "check", "bare.zone", "--json"]);
    let codes: Vec<_> = found(&run, 10).into_iter().map(|(code, _)| code).collect();
    assert!(codes.contains(&"zone_no_origin".to_owned()), "{codes:?}");
    let run = home.run(&[
        "record",
        "check",
        "bare.zone",
        "--json",
        "--origin",
        "company.net",
    ]);
    assert_eq!(found(&run, 0), []);
}
