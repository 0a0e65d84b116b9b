//! The page of a run: it holds what the attacks found, it is well-formed, and it needs nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;
use sotto_lab::attack::Options;
use sotto_lab::record::{Progress, record};
use sotto_lab::report::Dossier;
use sotto_lab::views::Format;
use tempfile::TempDir;

struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &'static str, _: u64) {}
    fn step(&mut self) {}
}

/// A title that would be markup if it were not escaped.
const TITLE: &str = "</p><script>alert(1)</script><img src=x> & 'co' \u{202e}";

fn recorded(mixing: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.toml");
    let scenario = format!(
        "title = \"\"\"{TITLE}\"\"\"\nlookups = 800\n[clients]\ncount = 60\nlookups_per_second = 40\ncontacts = 10\n\
         [names]\ncount = 100\nabsent = 0.3\n[relay]\nmixing = {mixing}\n"
    );
    std::fs::write(&file, scenario).unwrap();
    let run = directory.path().join("run");
    record(&file, 1, &run, Format::Jsonl, &mut Silent).unwrap();
    (directory, run)
}

fn gathered(runs: &[PathBuf]) -> Dossier {
    let options = Options {
        sample: 400,
        resamples: 10,
        rounds: 10,
        steps_ms: vec![0, 250],
        ..Options::default()
    };
    Dossier::gather(runs, &options, Path::new("page.html"), &mut Silent).unwrap()
}

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).unwrap()
}

/// Every number of a finding or of a control, as JSON prints it.
fn numbers(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Number(number) => {
            into.insert(number.to_string());
        }
        Value::Array(values) => values.iter().for_each(|value| numbers(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| numbers(value, into)),
        _ => {}
    }
}

#[test]
fn the_page_holds_every_number_that_the_attacks_print() {
    let (_off, off) = recorded("'off'");
    let (_timed, timed) = recorded("{ timed = { period_ms = 100 } }");
    let dossier = gathered(&[off, timed]);
    let html = dossier.html();
    let page = parsed(&html);
    let shown: BTreeSet<String> = page
        .descendants()
        .filter(|node| node.has_tag_name("data"))
        .map(|node| node.attribute("value").unwrap().to_owned())
        .collect();
    let report = serde_json::to_value(dossier.report()).unwrap();
    let mut found = BTreeSet::new();
    numbers(&report["findings"], &mut found);
    numbers(&report["controls"], &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let missing: Vec<&String> = found.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for source in report["runs"].as_array().unwrap() {
        assert!(html.contains(source["scenario_sha256"].as_str().unwrap()));
    }
    let sheet = dossier.files().unwrap().remove(0);
    assert_eq!(sheet.name, "findings.csv");
    let rows = csv::Reader::from_reader(sheet.text.as_bytes())
        .into_records()
        .count();
    assert_eq!(rows, report["findings"].as_array().unwrap().len());
}

#[test]
fn the_page_fetches_nothing_runs_nothing_and_takes_no_text_for_markup() {
    let (_directory, run) = recorded("'off'");
    let dossier = gathered(&[run]);
    let html = dossier.html();
    let page = parsed(&html);
    let mut ids = BTreeSet::new();
    for node in page.descendants().filter(Node::is_element) {
        let tag = node.tag_name().name();
        let is_foreign = [
            "script", "img", "link", "iframe", "object", "embed", "base", "image", "use", "form",
        ]
        .contains(&tag);
        assert!(!is_foreign, "{tag}");
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(
                !name.starts_with("on") && name != "src" && name != "style",
                "{tag} {name}"
            );
            assert!(
                name != "href" || attribute.value().starts_with('#'),
                "{}",
                attribute.value()
            );
            if name == "id" {
                assert!(
                    ids.insert(attribute.value().to_owned()),
                    "{} twice",
                    attribute.value()
                );
            }
        }
    }
    assert!(!html.contains("url(") && !html.contains("@import"));
    let policy = page
        .descendants()
        .find(|node| node.attribute("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|node| node.attribute("content"))
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"));
    // What is named by an anchor or a label is there.
    for node in page.descendants() {
        for named in ["aria-labelledby", "href"]
            .into_iter()
            .filter_map(|name| node.attribute(name))
        {
            for id in named.split(' ') {
                assert!(ids.contains(id.trim_start_matches('#')), "{id}");
            }
        }
        if node.has_tag_name("table") {
            assert!(node.children().any(|child| child.has_tag_name("caption")));
        }
    }
    let title = TITLE.replace('\u{202e}', "\u{fffd}");
    assert!(page.descendants().any(|node| node.text() == Some(&*title)));
    assert!(!html.contains('\u{202e}'));
}

#[test]
fn equal_runs_make_equal_pages_and_pictures_that_stand_alone() {
    let (_directory, run) = recorded("'off'");
    let (one, other) = (
        gathered(std::slice::from_ref(&run)),
        gathered(std::slice::from_ref(&run)),
    );
    assert_eq!(one.html(), other.html());
    let files = one.files().unwrap();
    assert_eq!(files, other.files().unwrap());
    let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
    for name in [
        "configured-shares-A.svg",
        "answer-time-1.csv",
        "size.svg",
        "timing-top-1.svg",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    for file in files.iter().filter(|file| file.name.ends_with(".svg")) {
        let svg = parsed(&file.text);
        assert_eq!(svg.root_element().attribute("role"), Some("img"));
        assert!(
            svg.descendants()
                .any(|node| node.tag_name().name() == "style")
        );
    }
}

#[test]
fn the_command_writes_the_page_and_its_pictures_and_says_where() {
    let (directory, run) = recorded("'off'");
    let (page, plots) = (
        directory.path().join("page.html"),
        directory.path().join("plots"),
    );
    let report = |out: &Path| {
        Command::new(env!("CARGO_BIN_EXE_sotto-lab"))
            .args([
                "report",
                "--json",
                "--only",
                "size",
                "--resamples",
                "20",
                "--run",
            ])
            .arg(&run)
            .arg("--out")
            .arg(out)
            .arg("--plots")
            .arg(&plots)
            .output()
            .unwrap()
    };
    let output = report(&page);
    assert!(output.status.success(), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["held"], true);
    for file in said["files"].as_array().unwrap() {
        assert!(Path::new(file.as_str().unwrap()).is_file());
    }
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("--only size --seed 1 --sample 20000 --resamples 20"));

    let nowhere = report(&directory.path().join("no/page.html"));
    assert_eq!(nowhere.status.code(), Some(1));
    let told = String::from_utf8(nowhere.stderr).unwrap();
    assert!(told.contains("no/page.html cannot be written"), "{told}");
}
