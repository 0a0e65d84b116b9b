//! Recorded runs: equal for equal seeds, consistent from view to view, and readable without our code.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sotto_gateway::answer_time::leaves_after;
use sotto_lab::record::{Manifest, Progress, open, record};
use sotto_lab::views::{
    AuthoritySaw, ClientRelay, Format, GatewaySaw, RelayGateway, RelaySaw, ResolverSaw, Towards,
    Truth, View, read,
};
use tempfile::TempDir;

const SCENARIO: &str = "title = 'few'\nlookups = 400\nwarm_up = 100\n\
    [clients]\ncount = 20\nlookups_per_second = 10\n\
    [names]\ncount = 60\nabsent = 0.3\nopted_out = 0.05\nseveral_services = 0.1\npeople_per_domain = 4\n";

struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &'static str, _: u64) {}
    fn step(&mut self) {}
}

fn recorded(scenario: &str, seed: u64, format: Format) -> (TempDir, Manifest) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.toml");
    std::fs::write(&file, scenario).unwrap();
    let out = directory.path().join("run");
    let manifest = record(&file, seed, &out, format, &mut Silent).unwrap();
    (directory, manifest)
}

fn rows<T: View>(directory: &TempDir) -> Vec<T> {
    read(&directory.path().join("run")).unwrap()
}

#[test]
fn equal_seeds_give_equal_files_and_others_do_not() {
    let (_first, one) = recorded(SCENARIO, 1, Format::Jsonl);
    let (_second, again) = recorded(SCENARIO, 1, Format::Jsonl);
    let (_third, other) = recorded(SCENARIO, 2, Format::Jsonl);
    assert_eq!(one, again);
    assert_ne!(one.files, other.files);
    assert_eq!(one.scenario_sha256, other.scenario_sha256);
}

#[test]
fn a_step_of_the_answers_changes_nothing_but_when_they_leave() {
    let (slow, _) = recorded(SCENARIO, 1, Format::Jsonl);
    let text = format!("{SCENARIO}[gateway]\nanswer_step_ms = 0\n");
    let (quick, _) = recorded(&text, 1, Format::Jsonl);
    let work = |directory| {
        let mut rows = rows::<Truth>(directory);
        rows.sort_by_key(|row| row.lookup);
        let work = |row: Truth| (row.client, row.name, row.asked_us, row.work_us, row.cached);
        rows.into_iter().map(work).collect::<Vec<_>>()
    };
    assert!(
        work(&slow) == work(&quick),
        "the same work at the same times"
    );
    for row in rows::<GatewaySaw>(&quick) {
        assert_eq!(row.left_us, row.ready_us);
    }
    for row in rows::<GatewaySaw>(&slow) {
        assert_eq!((row.left_us - row.received_us) % 250_000, 0);
    }
}

#[test]
fn what_the_truth_joins_is_one_lookup_in_every_view() {
    let (directory, manifest) = recorded(SCENARIO, 1, Format::Jsonl);
    let truth: Vec<Truth> = rows(&directory);
    let network: Vec<ClientRelay> = rows(&directory);
    let relay: Vec<RelaySaw> = rows(&directory);
    let inner: Vec<RelayGateway> = rows(&directory);
    let gateway: Vec<GatewaySaw> = rows(&directory);
    assert_eq!((truth.len(), network.len(), relay.len()), (400, 800, 400));
    assert_eq!((inner.len(), gateway.len()), (800, 400));
    assert_eq!(manifest.summary.lookups, 400);
    for row in &truth {
        let (up, down) = (
            &network[row.up_row as usize],
            &network[row.down_row as usize],
        );
        let (inward, out) = (&inner[row.in_row as usize], &inner[row.out_row as usize]);
        let (saw, asked) = (
            &relay[row.relay_row as usize],
            &gateway[row.gateway_row as usize],
        );
        assert_eq!(
            (up.client, saw.client, down.client),
            (row.client, row.client, row.client)
        );
        assert_eq!(
            (up.towards, down.towards),
            (Towards::Relay, Towards::Client)
        );
        assert_eq!(
            (inward.towards, out.towards),
            (Towards::Gateway, Towards::Relay)
        );
        assert_eq!(asked.name, row.name);
        assert_eq!(
            (up.octets, inward.octets, saw.request_octets),
            (2_048, 2_048, 2_048)
        );
        assert_eq!(down.octets, asked.answer_octets);
        let times = [
            row.asked_us,
            saw.received_us,
            saw.forwarded_us,
            asked.received_us,
            asked.ready_us,
            asked.left_us,
            saw.answered_us,
            saw.returned_us,
            row.told_us,
        ];
        assert!(times.is_sorted(), "{times:?}");
        let work = Duration::from_micros(row.work_us);
        let (after, _) = leaves_after(work, Duration::from_millis(250));
        assert_eq!(
            u128::from(asked.left_us - asked.received_us),
            after.as_micros()
        );
    }
    // Whoever had the proof at hand did not wait for the DNS, and the first of each name did.
    let mut first = BTreeMap::new();
    for row in truth.iter().filter(|row| !row.cached) {
        first.entry(&row.name).or_insert(row.work_us);
    }
    assert!(first.values().all(|work| *work > 1_000), "{first:?}");
    let at_hand = truth.iter().filter(|row| row.cached);
    assert!(at_hand.map(|row| row.work_us).all(|work| work < 2_000));
}

#[test]
fn the_resolver_asks_authorities_only_for_what_it_does_not_have() {
    let text = format!("{SCENARIO}[resolver]\nknows_top = false\n").replace("warm_up = 100\n", "");
    let (directory, _) = recorded(&text, 1, Format::Jsonl);
    let resolver: Vec<ResolverSaw> = rows(&directory);
    let authority: Vec<AuthoritySaw> = rows(&directory);
    let root_keys = |row: &&ResolverSaw| row.name.as_str() == "." && !row.cached;
    assert!(
        resolver.iter().any(|row| root_keys(&row)),
        "a resolver that knows nothing asks for the root's keys"
    );
    let asked = authority
        .iter()
        .filter(|row| row.name.as_str() == "." && row.rtype.to_string() == "DNSKEY")
        .count();
    assert_eq!(asked, 1, "and once is enough");
    for row in resolver.iter().filter(|row| row.cached) {
        assert_eq!(row.answered_us, row.at_us);
    }
}

#[test]
fn a_directory_that_is_there_is_left_alone_and_one_of_another_version_is_told() {
    let (directory, manifest) = recorded(SCENARIO, 1, Format::Jsonl);
    let run = directory.path().join("run");
    let scenario = directory.path().join("scenario.toml");
    let again = record(&scenario, 1, &run, Format::Jsonl, &mut Silent).unwrap_err();
    assert!(again.to_string().contains("is there already"), "{again}");
    assert_eq!(open(&run).unwrap().0, manifest);
    let path = run.join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"schema\": 1", "\"schema\": 9")).unwrap();
    let other = open(&run).unwrap_err().to_string();
    assert!(
        other.contains("schema 9") && other.contains("schema 1"),
        "{other}"
    );
}

/// What the example in Python says of a run.
fn told_by_python(directory: &Path) -> serde_json::Value {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/read_views.py");
    let output = std::process::Command::new("python3")
        .arg(example)
        .arg(directory)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn python_reads_both_forms_without_our_code_and_counts_the_same() {
    let (directory, manifest) = recorded(SCENARIO, 1, Format::Both);
    let run = directory.path().join("run");
    let told = told_by_python(&run);
    assert_eq!(told["lookups"], manifest.summary.lookups);
    assert_eq!(told["cached"], manifest.summary.cached);
    assert_eq!(told["late"], manifest.summary.late);
    assert_eq!(told["views"].as_object().unwrap().len(), 7);
    // The same from the other form.
    for file in &manifest.files {
        if file.file.ends_with(".jsonl") {
            std::fs::remove_file(run.join(&file.file)).unwrap();
        }
    }
    assert_eq!(told_by_python(&run), told);
}

/// The columns that docs/privacy-evaluation.md lists for a view, in order.
fn documented(view: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/privacy-evaluation.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n### {view}\n")).unwrap();
    let section = section.split("\n##").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| {
        let (columns, _) = row.split_once("` |").unwrap();
        let columns = columns.split("`, `").map(str::to_owned);
        columns.collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_column_is_documented_and_written() {
    fn check<T: View>(directory: &TempDir) {
        assert_eq!(documented(T::FILE), T::COLUMNS, "{}", T::FILE);
        let path = directory
            .path()
            .join("run")
            .join(format!("{}.jsonl", T::FILE));
        let text = std::fs::read_to_string(path).unwrap();
        let row = text.lines().next().unwrap();
        let mut before = 0;
        for column in T::COLUMNS {
            let place = row.find(&format!("\"{column}\":"));
            before = place.filter(|place| *place >= before).unwrap();
        }
    }
    let (directory, _) = recorded(SCENARIO, 1, Format::Jsonl);
    check::<Truth>(&directory);
    check::<ClientRelay>(&directory);
    check::<RelaySaw>(&directory);
    check::<RelayGateway>(&directory);
    check::<GatewaySaw>(&directory);
    check::<ResolverSaw>(&directory);
    check::<AuthoritySaw>(&directory);
}

#[test]
fn every_scenario_that_is_shipped_is_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let scenario = sotto_lab::scenario::Scenario::read(&path);
        assert!(scenario.is_ok(), "{}: {:?}", path.display(), scenario.err());
        count += 1;
    }
    assert!(count >= 8, "{count}");
}
