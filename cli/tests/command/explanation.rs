//! `--explain --json`: the explanation as data, whole and in the form that docs/json.md gives.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::explain::{Case, cases, run_with};

/// Runs a case and returns its `explanation`.
fn explained(case: &Case) -> Value {
    let run = run_with(case, &["--json", "--explain"]);
    assert_eq!(run.code, case.exit, "{}: {}", case.tree, run.errors);
    let value = run.json();
    assert!(value["chain"].is_array());
    value["explanation"].clone()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().expect("a list")
}

/// Every object in a value, at any depth.
pub(crate) fn objects(value: &Value) -> Vec<&Value> {
    let below: Vec<&Value> = match value {
        Value::Object(map) => map.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let own = value.is_object().then_some(value);
    let below = below.into_iter().flat_map(objects);
    own.into_iter().chain(below).collect()
}

pub(crate) fn keys(value: &Value) -> BTreeSet<&str> {
    let object = value.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

#[track_caller]
fn has_keys(value: &Value, expected: &[&str], more: &[&str]) {
    let expected: BTreeSet<_> = expected.iter().chain(more).copied().collect();
    assert_eq!(keys(value), expected, "{value}");
}

#[test]
fn an_explanation_has_the_documented_form() {
    const KEY: [&str; 3] = ["key_tag", "algorithm", "mnemonic"];
    let document = include_str!("../../../docs/json.md");
    let documented = |word: &str| document.contains(&format!("`{word}`"));
    for case in cases() {
        let explanation = explained(&case);
        has_keys(&explanation, &["zones", "steps"], &[]);
        for zone in list(&explanation, "zones") {
            let own = [
                "name", "parent", "state", "reason", "anchors", "keys", "sets",
            ];
            has_keys(zone, &own, &[]);
            for key in list(zone, "keys") {
                let own = ["secure_entry_point", "entry", "signs", "weakness", "bits"];
                has_keys(key, &KEY, &own);
            }
            for set in list(zone, "sets") {
                let more: &[&str] = match set["role"].as_str().expect("a role") {
                    "delegation" => &["refers_to"],
                    "alias" => &["target"],
                    "denial" => &["spans_to", "findings"],
                    _ => &[],
                };
                let own = [
                    "name",
                    "type",
                    "records",
                    "state",
                    "reason",
                    "signature",
                    "wildcard",
                    "role",
                ];
                has_keys(set, &own, more);
                if set["signature"].is_object() {
                    has_keys(
                        &set["signature"],
                        &KEY,
                        &["valid_from", "valid_until", "verified"],
                    );
                }
                for entry in set["refers_to"].as_array().into_iter().flatten() {
                    has_keys(entry, &KEY, &["digest_type", "supported"]);
                }
                for finding in set["findings"].as_array().into_iter().flatten() {
                    let more: &[&str] = match finding["finding"].as_str().expect("a word") {
                        "types" => &["types", "lacks"],
                        "wildcard_applies" => &["wildcard"],
                        "iterations" => &["iterations"],
                        _ => &[],
                    };
                    has_keys(finding, &["finding", "name", "text"], more);
                }
            }
        }
        for step in list(&explanation, "steps") {
            let more: &[&str] = match step["outcome"].as_str().expect("a word") {
                "answer" => &["records", "wildcard"],
                "alias" => &["owner", "by", "wildcard", "target"],
                "denied" => &["denial", "rule", "rfc"],
                _ => &["reason"],
            };
            has_keys(step, &["name", "type", "outcome"], more);
        }
        for object in objects(&explanation) {
            for key in keys(object) {
                assert!(documented(key), "docs/json.md does not tell of {key}");
            }
            for word in ["state", "role", "finding", "outcome", "denial", "weakness"] {
                if let Some(word) = object[word].as_str() {
                    assert!(documented(word), "docs/json.md does not tell of {word}");
                }
            }
        }
    }
}

#[test]
fn every_break_is_data_with_code_name_type_rule_and_section() {
    for case in cases() {
        let explanation = explained(&case);
        let all = objects(&explanation);
        let in_state = |state: &str| all.iter().filter(|object| object["state"] == state).count();
        let is_empty = list(&explanation, "zones").is_empty();
        assert_eq!(in_state("broken") > 0, case.exit == 7, "{}", case.tree);
        assert_eq!(in_state("unsigned") > 0, case.exit == 6, "{}", case.tree);
        assert!(!is_empty, "{}", case.tree);
        for object in &all {
            let fails = ["broken", "unsigned"].map(Value::from);
            let stands = [&object["state"], &object["outcome"]];
            assert_eq!(
                stands.iter().any(|word| fails.contains(word)),
                object["reason"].is_object(),
                "{object}"
            );
            if object["reason"].is_object() {
                has_keys(
                    &object["reason"],
                    &["code", "name", "type", "rule", "rfc"],
                    &[],
                );
                assert!(objects(&object["reason"]).len() == 1);
                let texts = object["reason"].as_object().expect("an object").values();
                assert!(texts.into_iter().all(Value::is_string), "{object}");
            }
        }
        // Nothing counts as held that no signature covers.
        for zone in list(&explanation, "zones") {
            for set in list(zone, "sets") {
                if set["state"] == "held" {
                    assert_eq!(set["signature"]["verified"], true, "{set}");
                }
            }
        }
    }
}

#[test]
fn who_signed_whom_can_be_followed() {
    let case = |tree: &str| cases().into_iter().find(|case| case.tree == tree);
    let explanation = explained(&case("alias-across-zones").expect("a case"));
    let zones = list(&explanation, "zones");
    for zone in zones {
        let held = list(zone, "sets")
            .iter()
            .filter(|set| set["state"] == "held");
        for set in held {
            let signer = list(zone, "keys").iter().find(|key| {
                ["key_tag", "algorithm"]
                    .iter()
                    .all(|part| key[part] == set["signature"][part])
            });
            assert_eq!(signer.expect("the key that signed")["signs"], true);
        }
        match zone["parent"].as_str() {
            None => assert!(!list(zone, "anchors").is_empty()),
            Some(parent) => {
                let parent = zones.iter().find(|zone| zone["name"] == parent);
                let ds = list(parent.expect("the parent"), "sets")
                    .iter()
                    .find(|set| set["role"] == "delegation" && set["name"] == zone["name"])
                    .expect("the DS RRset");
                let entry = list(zone, "keys").iter().find(|key| key["entry"] == true);
                let tag = &entry.expect("a key")["key_tag"];
                let mut refers_to = list(ds, "refers_to").iter();
                assert!(refers_to.any(|entry| entry["key_tag"] == *tag));
            }
        }
    }
    let outcomes: Vec<_> = list(&explanation, "steps")
        .iter()
        .map(|step| step["outcome"].clone())
        .collect();
    assert_eq!(outcomes.last(), Some(&json!("answer")));
    assert!(outcomes.len() > 1 && outcomes[..outcomes.len() - 1].iter().all(|o| o == "alias"));

    let denied = explained(&case("nxdomain-nsec3").expect("a case"));
    let step = &list(&denied, "steps")[0];
    assert_eq!(
        (&step["outcome"], &step["denial"]),
        (&json!("denied"), &json!("no_name"))
    );
    let findings: BTreeSet<_> = objects(&denied)
        .into_iter()
        .filter_map(|object| object["finding"].as_str())
        .collect();
    assert_eq!(
        findings,
        BTreeSet::from(["absent", "encloser", "no_wildcard"])
    );
}

#[test]
fn only_explain_brings_an_explanation() {
    let case = &cases()[0];
    let run = run_with(case, &["--json"]);
    assert!(run.json().get("explanation").is_none());
}
