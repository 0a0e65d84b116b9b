//! `sotto-gateway check --online` before Unbound, and before what is no resolver.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use sotto_tests::{GATEWAY_HOST, Hierarchy, binaries, install_gateway};

fn check(config: &Path, flags: &[&str]) -> Output {
    Command::new(binaries::find("sotto-gateway").unwrap())
        .args(["check", "--online", "--config"])
        .arg(config)
        .args(flags)
        .env_clear()
        .output()
        .unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn subject<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let subjects = report["online"].as_array().unwrap();
    let found = subjects.iter().find(|subject| subject["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {report}"))
}

fn codes(subject: &Value) -> Vec<&str> {
    let findings = subject["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

#[test]
fn a_gateway_over_unbound_is_good_and_one_over_a_name_server_is_not() {
    let hierarchy = Hierarchy::shared().unwrap();
    let place = tempfile::tempdir().unwrap();
    let config = install_gateway(place.path(), hierarchy).unwrap();

    let good = check(&config, &["--json"]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let report = json_of(&good);
    assert_eq!(report["ok"], true);
    let resolver = subject(&report, "resolver");
    // A busy machine may be slow.
    let flaws: Vec<_> = codes(resolver)
        .into_iter()
        .filter(|code| *code != "slow")
        .collect();
    assert_eq!(flaws, Vec::<&str>::new(), "{report}");
    assert!(resolver["latency_ms"].is_u64());
    let keys = subject(&report, "keys");
    assert_eq!(
        (&keys["name"], &keys["findings"]),
        (&json!(GATEWAY_HOST), &json!([]))
    );
    assert!(keys["epochs_published"].as_u64().unwrap() >= 13, "{keys}");
    assert_eq!(
        codes(subject(&report, "certificate")),
        ["private_authority"]
    );
    assert_eq!(codes(subject(&report, "relay")), ["no_rate"]);
    let text = String::from_utf8(check(&config, &[]).stdout).unwrap();
    for words in [
        "config.toml: good",
        "keys gateway.test: good (14 epochs",
        "known by a token",
    ] {
        assert!(text.contains(words), "{text}");
    }

    let text = fs::read_to_string(&config).unwrap();
    let (unbound, nsd) = (hierarchy.resolver(), hierarchy.authority());
    let other = text
        .replace(&unbound.to_string(), &nsd.to_string())
        .replace("host = \"gateway.test\"", "host = \"other.test\"");
    fs::write(&config, other).unwrap();
    let bad = check(&config, &["--json"]);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    let report = json_of(&bad);
    assert_eq!(report["ok"], false);
    let flaws = codes(subject(&report, "resolver"));
    assert!(
        flaws.contains(&"no_recursion") || flaws.contains(&"refuses"),
        "{report}"
    );
    assert_eq!(codes(subject(&report, "keys")), ["keys_unproved"]);
    assert!(codes(subject(&report, "certificate")).contains(&"wrong_host"));
}
