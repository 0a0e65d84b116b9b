//! The two guides say what the programs do: every metric, refusal, exit code, key and command.

use std::collections::BTreeSet;
use std::fs;

use super::{Machine, ROLES, fenced, guide, root, run, said, server, text};

/// The words between `before` and the next `"` in a source without its tests.
fn quoted(source: &str, before: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    code.split(before)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// The metrics of a server.
fn metrics(role: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![format!("{role}/src"), "daemon/src".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().display());
            if entry.path().is_dir() {
                folders.push(name);
            } else if name.ends_with(".rs") {
                let names = quoted(&text(&name), "\"sotto_");
                let names = names.iter().map(|name| format!("sotto_{name}"));
                // A crate's name, in a filter of the log, is no metric.
                found.extend(names.filter(|name| name.matches('_').count() > 1));
            }
        }
    }
    found
}

/// The words in code in the first cells of a table, by the heading of its first column.
fn table(guide: &str, heading: &str) -> BTreeSet<String> {
    let (_, rows) = guide
        .split_once(&format!("\n| {heading} |"))
        .unwrap_or_else(|| panic!("no table of {heading}"));
    rows.lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| {
            line.split('|')
                .nth(1)
                .unwrap()
                .split('`')
                .skip(1)
                .step_by(2)
        })
        .map(str::to_owned)
        .collect()
}

/// The metrics that rules of alerts speak of.
fn measured(rules: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    rules
        .split(|letter| !is_part(letter))
        .filter(|word| word.starts_with("sotto_"))
        .map(|word| word.trim_end_matches("_bucket").trim_end_matches("_count"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_metric_is_explained_and_no_other() {
    for role in ROLES {
        assert_eq!(table(&guide(role), "metric"), metrics(role), "{role}");
    }
}

#[test]
fn every_refusal_is_explained_and_no_other() {
    let source = text("gateway/src/refusal.rs");
    let labels = source.split("fn label(self)").nth(1).unwrap();
    let labels = quoted(labels.split("\n    }\n").next().unwrap(), "=> \"");
    assert!(labels.contains("replay"), "{labels:?}");
    assert_eq!(table(&guide("gateway"), "`cause`"), labels);

    let labels = sotto_relay::Refusal::ALL.map(|refusal| refusal.label().to_owned());
    assert_eq!(table(&guide("relay"), "`outcome`"), labels.into());
}

#[test]
fn every_alert_is_explained_and_measures_what_there_is() {
    for role in ROLES {
        let rules = text(&format!("packaging/prometheus/sotto-{role}.yml"));
        let alerts: BTreeSet<_> = rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- alert: "))
            .map(str::to_owned)
            .collect();
        assert!(alerts.len() > 5, "{alerts:?}");
        assert_eq!(table(&guide(role), "alert"), alerts, "{role}");
        assert_eq!(rules.matches("expr:").count(), alerts.len());
        let (measured, metrics) = (measured(&rules), metrics(role));
        let unknown: Vec<_> = measured.difference(&metrics).collect();
        assert!(unknown.is_empty(), "{role}: {unknown:?}");

        let refusals = table(
            &guide(role),
            ["`cause`", "`outcome`"][usize::from(role == "relay")],
        );
        for label in ["cause=", "outcome=", "cause=~", "outcome=~"] {
            for word in quoted(&rules, &format!("{label}\"")) {
                for word in word.split('|') {
                    assert!(refusals.contains(word), "{role}: {word}");
                }
            }
        }
    }
}

/// The keys of a sample, those that it comments out included, dotted.
fn keys(sample: &str) -> BTreeSet<String> {
    let mut table = String::new();
    let mut found = BTreeSet::new();
    for line in sample.lines() {
        if let Some(title) = line.strip_prefix('[') {
            title.trim_matches(['[', ']']).clone_into(&mut table);
        }
        let line = line.trim_start_matches(['#', ' ']);
        if let Some((key, _)) = line.split_once(" = ")
            && key
                .bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet == b'_')
        {
            found.insert(if table.is_empty() {
                key.to_owned()
            } else {
                format!("{table}.{key}")
            });
        }
    }
    found
}

#[test]
fn every_key_that_is_named_exists() {
    for role in ROLES {
        let guide = guide(role);
        let keys = keys(&text(&format!("{role}/sotto-{role}.sample.toml")));
        let tables: BTreeSet<_> = keys.iter().filter_map(|key| key.split_once('.')).collect();
        let mut count = 0;
        for paragraph in guide.split("\n\n") {
            for word in paragraph.split('`').skip(1).step_by(2) {
                let word = word.split(" = ").next().unwrap();
                let Some((table, key)) = word.split_once('.') else {
                    continue;
                };
                let is_key = |octet: u8| octet.is_ascii_lowercase() || octet == b'_';
                if tables.iter().any(|(known, _)| *known == table) && key.bytes().all(is_key) {
                    assert!(keys.contains(word), "{role}: {word}");
                    count += 1;
                }
            }
        }
        assert!(count >= 8, "{role}: only {count} keys are named");
    }
    // The gateway's guide says what each privacy setting gives; none is left out.
    let explained = table(&guide("gateway"), "setting | default");
    for key in keys(&text("gateway/sotto-gateway.sample.toml")) {
        if key.starts_with("privacy.") {
            assert!(explained.contains(&key), "{key}");
        }
    }
}

#[test]
fn the_configurations_of_guides_and_samples_pass_the_check() {
    for role in ROLES {
        let in_guide = fenced(&guide(role), &format!("toml {role}"));
        assert_eq!(in_guide.len(), 1);
        let sample = text(&format!("{role}/sotto-{role}.sample.toml"));
        for config in [&in_guide[0], &sample] {
            let machine = Machine::of(role, config);
            let checked = run(&server(role), "", &["check", "--config", &machine.config]);
            assert!(checked.status.success(), "{}", said(&checked));
        }
    }
}

/// The commands that guides have operators type as another user; those without `sudo` are checked with all documents'.
#[test]
fn what_is_typed_as_the_servers_user_is_a_command() {
    for role in ROLES {
        let before = format!("sudo -u sotto-{role} sotto-{role} ");
        let mut count = 0;
        for rest in guide(role).split(&before).skip(1) {
            let end = rest.find(['\n', '`', '|']).unwrap();
            let mut words: Vec<_> = rest[..end].split_whitespace().collect();
            words.push("--help");
            let output = run(&server(role), "", &words);
            assert!(output.status.success(), "{words:?}: {}", said(&output));
            count += 1;
        }
        assert!(count >= 1, "{role}");
    }
}

#[test]
fn exit_codes_are_those_of_the_guides() {
    for role in ROLES {
        let exits = |arguments: &[&str]| run(&server(role), "", arguments).status.code().unwrap();
        let missing = ["--config", "/no/such/file.toml"];
        assert_eq!(exits(&["--help"]), 0);
        assert_eq!(exits(&["check", missing[0], missing[1]]), 1);
        assert_eq!(exits(&["serve", missing[0], missing[1]]), 1);
        assert_eq!(exits(&["serve", "--no-such-flag"]), 2);
        if role == "gateway" {
            assert_eq!(exits(&["keys", "check", missing[0], missing[1]]), 3);
        }
        let guide = guide(role);
        for code in 0..=2 {
            assert!(guide.contains(&format!("\n| {code} | ")), "{role}: {code}");
        }
    }
}

/// The arithmetic of the cost: the sums are those of their parts.
#[test]
fn the_bandwidth_adds_up() {
    let segments = |octets: u32| octets.div_ceil(1_448);
    let frames = |content: u32, overhead: u32| content + overhead;
    let (request, answer) = (frames(2_048, 100), frames(8_192, 120));
    assert_eq!((segments(request), segments(answer)), (2, 6));
    // One acknowledgement for two segments of the other direction.
    let (up, down) = (request + (2 + 3) * 52, answer + (6 + 1) * 52);
    let gateway = guide("gateway");
    for figure in [up, down] {
        let written = format!("{},{:03}", figure / 1_000, figure % 1_000);
        assert!(gateway.contains(&written), "{written}");
        assert!(guide("relay").contains(&written), "{written}");
    }
    assert_eq!(sotto_wire::REQUEST_BYTES, 2_048);
}
