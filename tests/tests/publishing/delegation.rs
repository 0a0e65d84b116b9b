//! Handing `_mimi` over, as docs/publishing/delegating.md shows it: its zones on the servers of two operators, Unbound,
//! gateway, relay, and `sotto lookup`, every part a process.

use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sotto_tests::pages::Page;
use sotto_tests::sotto::Outcome;
use sotto_tests::{Hierarchy, Parties, sotto};

/// Runs a subcommand over the domains of the pages.
pub(crate) fn ask(arguments: &[&str]) -> Outcome {
    static PARTIES: OnceLock<Parties> = OnceLock::new();
    let hierarchy = Hierarchy::of_the_pages().unwrap();
    let parties = PARTIES.get_or_init(|| Parties::start(hierarchy).unwrap());
    sotto::through(parties, hierarchy, arguments).unwrap()
}

/// Looks somebody up, and gives outcome and report.
pub(crate) fn lookup(identifier: &str) -> (String, Value) {
    let report = ask(&["lookup", identifier]).json().unwrap();
    let outcome = report["outcome"].as_str().unwrap();
    (outcome.to_owned(), report)
}

/// Checks who is found where: provider, and the account if one is named.
#[track_caller]
fn assert_found(identifier: &str, provider: &str, account: Option<&str>) {
    let (outcome, report) = lookup(identifier);
    assert_eq!(outcome, "found", "{identifier}: {report:#}");
    let services = report["services"].as_array().unwrap();
    let found: Vec<_> = services
        .iter()
        .map(|service| (&service["provider"], &service["account"]))
        .collect();
    assert_eq!(
        found,
        [(&json!(provider), &json!(account))],
        "{identifier}: {report:#}"
    );
}

#[test]
fn everybody_on_the_page_is_found() {
    let hub = "im.hub.test";
    for (identifier, account) in [
        // NS
        ("anna@orchard.test", Some("anna")),
        ("orchard.test", Some("info")),
        ("anybody@orchard.test", None),
        // DNAME at _mimi, which leaves its own owner alone
        ("anna@grove.test", Some("anna.g")),
        ("grove.test", Some("office")),
        // DNAME at _user._mimi, to exact names and to a wildcard
        ("ben@meadow.test", Some("ben")),
        ("anybody@meadow.test", None),
        // CNAME
        ("carla@garden.test", Some("carla")),
        // Wildcards, as records and as an alias
        ("anybody@park.test", None),
        ("anybody@field.test", None),
    ] {
        assert_found(identifier, hub, account);
    }
    // What was not handed over
    assert_found("dora@park.test", "elsewhere.test", Some("dora"));
    assert_found("www.orchard.test", "elsewhere.test", Some("www"));
}

#[test]
fn nobody_else_is_spoken_for() {
    for identifier in [
        // Of what was handed over, the discovery server has no more than it shows.
        "nobody@grove.test",
        "nobody@garden.test",
        "meadow.test",
    ] {
        assert_eq!(lookup(identifier).0, "no_record", "{identifier}");
    }
}

#[test]
fn what_goes_wrong_is_told_as_the_page_tells_it() {
    let page = Page::delegating().unwrap();
    let (_, section) = page.text.split_once("## What goes wrong").unwrap();
    let rows = |code: &str| {
        let code = format!("`{code}`");
        let rows = section.lines().filter(|line| line.starts_with("| "));
        rows.filter(|row| row.contains(&code)).count()
    };
    for (identifier, outcome, code) in [
        ("anybody@forgetful.test", "insecure", "no_ds"),
        ("emil@grove.test", "no_record", "nxdomain"),
        ("emil@untidy.test", "unavailable", "resolver_failed"),
        (
            "anybody@uniform.test",
            "invalid",
            "record_account_in_wildcard",
        ),
        (
            "anybody@livery.test",
            "invalid",
            "record_account_in_wildcard",
        ),
        ("anybody@catchall.test", "no_record", "unrelated_wildcard"),
        ("anybody@parked.test", "no_record", "unrelated_wildcard"),
    ] {
        let (found, report) = lookup(identifier);
        assert_eq!(found, outcome, "{identifier}: {report:#}");
        assert_eq!(report["services"], json!([]), "{identifier}");
        let told = match outcome {
            "invalid" => &report["dropped"][0]["code"],
            _ => &report["reason"]["code"],
        };
        assert_eq!(told, code, "{identifier}: {report:#}");
        assert_eq!(rows(code), 1, "the page has a row for {code}");
    }
}

#[test]
fn a_check_finds_what_was_left_below_a_dname() {
    let page = Page::delegating().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let check = |domain: &str| {
        let file = directory.path().join(domain);
        let apex = format!("$ORIGIN {domain}.\n$TTL 3600\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n");
        fs::write(&file, apex + &page.zones()[domain]).unwrap();
        let file = file.display().to_string();
        let ran = sotto::run(&["record", "check", "--zone-file", &file, "--json"]).unwrap();
        let report = ran.json().unwrap();
        let findings = report["findings"].as_array().unwrap();
        let codes = findings.iter().map(|finding| finding["code"].clone());
        codes.collect::<Vec<_>>()
    };
    assert_eq!(check("meadow.test"), ["mimi_dname"]);
    assert_eq!(check("untidy.test"), ["mimi_dname", "occluded"]);
}
