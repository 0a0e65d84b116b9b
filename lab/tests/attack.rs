//! Attacks on recorded runs: what they find is what is there, and their controls notice if they do not.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sotto_lab::attack::{Attack, Finding, Options, Report, attack};
use sotto_lab::budget::Budget;
use sotto_lab::record::{Progress, record};
use sotto_lab::views::Format;
use tempfile::TempDir;

struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &'static str, _: u64) {}
    fn step(&mut self) {}
}

/// The answer-time experiment in little, from caches that are empty.
const COLD: &str = "title = 'cold'\nlookups = 2400\n[clients]\ncount = 100\nlookups_per_second = 20\n\
    [names]\ncount = 300\nabsent = 0.3\n[resolver]\nknows_top = false\n";

fn recorded(scenario: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.toml");
    std::fs::write(&file, scenario).unwrap();
    let out = directory.path().join("run");
    record(&file, 1, &out, Format::Jsonl, &mut Silent).unwrap();
    (directory, out)
}

fn attacked(run: &Path, attacks: &[Attack]) -> Report {
    let options = Options {
        attacks: attacks.to_vec(),
        sample: 4_000,
        resamples: 100,
        rounds: 100,
        ..Options::default()
    };
    attack(&[run.to_owned()], &options, &mut Silent).unwrap()
}

fn finding<'a>(report: &'a Report, target: &str, condition: &str) -> &'a Finding {
    let is_it =
        |finding: &&Finding| finding.target.starts_with(target) && finding.condition == condition;
    report.findings.iter().find(is_it).unwrap()
}

#[test]
fn answer_times_tell_all_without_a_step_and_with_one_what_is_late() {
    let (_directory, run) = recorded(COLD);
    let report = attacked(&run, &[Attack::AnswerTime]);
    assert!(report.held(), "{:?}", report.controls);
    let kept = |step: u32| finding(&report, "at hand or not", &format!("D = {step} ms"));
    assert!(kept(0).interval.unwrap().low > 0.95);
    let mut late_before = 1.0;
    for step in [50, 100, 250, 500, 1_000] {
        let finding = kept(step);
        let late = finding.beside["late_share_not_at_hand"];
        assert!(late <= late_before, "a longer step makes fewer late");
        assert_eq!(finding.beside["late_share_at_hand"], 0.0);
        // Beyond the share that is late there is nothing to see: the area is half of it above chance.
        let expected = 0.5 + late / 2.0;
        let value = finding.value.unwrap();
        assert!(
            (value - expected).abs() < 0.06,
            "D = {step}: {value}, not {expected}"
        );
        late_before = late;
    }
    assert!(kept(1_000).beside["late_share"] < 0.02);
    let cost = kept(250).cost.milliseconds;
    assert!((100.0..250.0).contains(&cost), "{cost}");
}

#[test]
fn a_run_with_another_step_shows_what_was_computed_for_it() {
    let (_first, with_250) = recorded(COLD);
    let (_second, with_100) = recorded(&format!("{COLD}[gateway]\nanswer_step_ms = 100\n"));
    let value = |run: &Path| {
        let report = attacked(run, &[Attack::AnswerTime]);
        let finding = finding(&report, "at hand or not", "D = 100 ms");
        (finding.value.unwrap(), finding.beside["late_share"])
    };
    let (computed, recorded) = (value(&with_250), value(&with_100));
    assert_eq!(computed.1, recorded.1);
    assert!(
        (computed.0 - recorded.0).abs() < 0.02,
        "{computed:?} {recorded:?}"
    );
}

#[test]
fn a_truth_that_is_none_fails_the_controls() {
    let (_directory, run) = recorded(COLD);
    let path = run.join("truth.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut turn = false;
    let forged: String = text
        .lines()
        .map(|line| {
            turn = !turn;
            let (from, to) = match turn {
                true => ("\"cached\":false", "\"cached\":true"),
                false => ("\"cached\":true", "\"cached\":false"),
            };
            line.replace(from, to) + "\n"
        })
        .collect();
    std::fs::write(path, forged).unwrap();
    let report = attacked(&run, &[Attack::AnswerTime]);
    assert!(!report.held());
    let failed: Vec<_> = report
        .controls
        .iter()
        .filter(|control| !control.held)
        .collect();
    assert!(failed.iter().all(|control| control.must_leak), "{failed:?}");
}

#[test]
fn shipped_sizes_tell_nothing_and_others_as_much_as_they_differ() {
    let (_directory, run) = recorded(COLD);
    let report = attacked(&run, &[Attack::Size]);
    assert!(report.held(), "{:?}", report.controls);
    let bits = |condition| finding(&report, "the name", condition).value.unwrap();
    assert_eq!(bits("as recorded: classes of 8,192 and 65,536"), 0.0);
    let steps = [
        "none",
        "multiples of 128",
        "multiples of 468",
        "multiples of 1024",
        "multiples of 4096",
    ];
    let falling = steps.map(bits);
    assert!(falling.is_sorted_by(|a, b| a > b), "{falling:?}");
    assert!(falling[0] > 4.0, "{falling:?}");
}

#[test]
fn mixing_costs_time_and_leaves_doubt() {
    let town = |mixing: &str| {
        format!(
            "title = 'mixing'\nlookups = 2000\n[clients]\ncount = 100\nlookups_per_second = 100\n\
             [names]\ncount = 50\n[relay]\ncount = 1\nmixing = {mixing}\n"
        )
    };
    let top_one = |mixing: &str, way: &str| {
        let (_directory, run) = recorded(&town(mixing));
        let report = attacked(&run, &[Attack::Timing]);
        assert!(report.held(), "{:?}", report.controls);
        let is_it = |finding: &&Finding| finding.metric == "top-1" && finding.target.ends_with(way);
        let finding = report.findings.iter().find(is_it).unwrap();
        (finding.value.unwrap(), finding.cost.milliseconds)
    };
    let (off, free) = top_one("'off'", "one way");
    assert!(off > 0.99 && free == 0.0);
    let exponential = "{ exponential = { mean_ms = 50, cap_ms = 250 } }";
    let (mixed, cost) = top_one(exponential, "one way");
    // Simulated elsewhere for exponential delays of 50 ms at 100 requests a second: 0.17.
    assert!((0.10..0.25).contains(&mixed), "{mixed}");
    assert!((80.0..110.0).contains(&cost), "{cost}");
    let (batched, _) = top_one("{ timed = { period_ms = 250 } }", "one way");
    assert!(batched < 0.1, "{batched}");
    let (both, _) = top_one(exponential, "both ways");
    assert!(
        both >= mixed,
        "two ways tell more than one: {both}, {mixed}"
    );
}

#[test]
fn keys_tell_clients_apart_at_midnight_alone_and_never_more_than_two_groups() {
    let text = "title = 'midnight'\nlookups = 3000\nstart = 1799970300\n\
        [clients]\ncount = 40\nlookups_per_second = 0.5\n[names]\ncount = 20\n";
    let (_directory, run) = recorded(text);
    let report = attacked(&run, &[Attack::KeyPartition]);
    assert!(report.held(), "{:?}", report.controls);
    assert_eq!(
        finding(&report, "the client", "ten minutes with one key for all").value,
        Some(0.0)
    );
    let turning = finding(
        &report,
        "the client",
        "the ten minutes of midnight that tell most",
    );
    let bits = turning.value.unwrap();
    assert!(bits > 0.1 && bits <= 1.05, "{bits}");
    assert_eq!(turning.beside["live_keys"], 2.0);
}

#[test]
fn whoever_asks_again_and_again_is_found_in_the_end() {
    let text = "title = 'again'\nlookups = 6000\n[clients]\ncount = 60\nlookups_per_second = 20\ncontacts = 8\n\
        [names]\ncount = 600\n[relay]\ncount = 1\nmixing = { exponential = { mean_ms = 100, cap_ms = 500 } }\n";
    let (_directory, run) = recorded(text);
    let report = attacked(&run, &[Attack::Intersection]);
    assert!(report.held(), "{:?}", report.controls);
    assert_eq!(report.controls.len(), 2);
    let after = |times| finding(&report, "who asks", times).value.unwrap();
    let (once, thrice, often) = (
        after("after 1 times"),
        after("after 3 times"),
        after("after 10 times"),
    );
    assert!(
        once < 0.3 && thrice > once && often > 0.9,
        "{once} {thrice} {often}"
    );
}

#[test]
fn an_envelope_is_answered_again_after_the_window_alone_and_a_dictionary_slowly() {
    let (_directory, run) = recorded(COLD);
    let report = attacked(&run, &[Attack::Replay, Attack::Enumeration]);
    assert!(report.held(), "{:?}", report.controls);
    let answered = |after: &str| finding(&report, "whether a name is kept", after).value;
    assert_eq!(answered("after 1 s"), Some(0.0));
    assert_eq!(answered("after 599 s"), Some(0.0));
    assert_eq!(answered("after 1201 s"), Some(1.0));
    let names = finding(
        &report,
        "who publishes",
        "the relay's default quota, one network",
    );
    // 1,200 a minute, and 400 at once.
    assert!(
        (71_900.0..=72_500.0).contains(&names.value.unwrap()),
        "{names:?}"
    );
    assert_eq!(names.beside["refused_of_this_run_share"], 0.0);
}

#[test]
fn the_defaults_leak_no_more_than_their_budget_and_no_step_does() {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR"));
    let budget = Budget::read(&lab.join("budgets/defaults.toml")).unwrap();
    let text = std::fs::read_to_string(lab.join("scenarios/defaults.toml")).unwrap();
    let exceeded = |scenario: &str, attacks: &[Attack]| -> Vec<String> {
        let (_directory, run) = recorded(scenario);
        let lines = budget.judge(&attacked(&run, attacks));
        let exceeded = lines.into_iter().filter(|line| !line.held);
        exceeded
            .map(|line| format!("{} {:?}", line.what, line.found))
            .collect()
    };
    let as_shipped = exceeded(&text, &budget.attacks());
    assert!(as_shipped.is_empty(), "{as_shipped:?}");
    let at_once = format!("{text}[gateway]\nanswer_step_ms = 0\n");
    let said = exceeded(&at_once, &[Attack::AnswerTime]);
    let is_time =
        |line: &&String| line.starts_with("answer-time, at hand or not, as recorded: AUC");
    assert_eq!(said.iter().filter(is_time).count(), 1, "{said:?}");
    let unpadded = format!("{text}[gateway]\npadding = 'none'\n");
    let said = exceeded(&unpadded, &[Attack::Size]);
    let is_size = |line: &&String| line.starts_with("size, the name, as recorded: none: bits");
    assert_eq!(said.iter().filter(is_size).count(), 1, "{said:?}");
}

#[test]
fn the_commands_tell_people_and_programs_and_their_exit_code_tells_the_controls() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = directory.path().join("scenario.toml");
    std::fs::write(&scenario, COLD).unwrap();
    let run = directory.path().join("run");
    let lab = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sotto-lab"))
            .args(arguments)
            .output()
            .unwrap()
    };
    let (scenario, run) = (scenario.to_str().unwrap(), run.to_str().unwrap());
    let recorded = lab(&["run", "--scenario", scenario, "--seed", "1", "--out", run]);
    assert!(recorded.status.success() && recorded.stderr.is_empty());
    let text = String::from_utf8(recorded.stdout).unwrap();
    assert!(
        text.contains("lookups    2400") && text.contains("truth.jsonl"),
        "{text}"
    );
    let again = lab(&["run", "--scenario", scenario, "--out", run]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        String::from_utf8(again.stderr)
            .unwrap()
            .contains("is there already")
    );

    let attack = ["attack", "--run", run, "--resamples", "20"];
    let told = lab(&[&attack[..], &["--only", "answer-time", "--only", "size"]].concat());
    assert_eq!(told.status.code(), Some(0));
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(
        text.contains("D = 250 ms") && text.contains("Controls"),
        "{text}"
    );
    assert!(!text.contains("FAILED"), "{text}");
    let told = lab(&[&attack[..], &["--json"]].concat());
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    let attacks: std::collections::BTreeSet<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["attack"].as_str().unwrap())
        .collect();
    assert_eq!(attacks.len(), Attack::ALL.len());
    for finding in report["findings"].as_array().unwrap() {
        assert!(finding["cost"]["milliseconds"].is_number(), "{finding}");
    }

    let budget = Path::new(run).join("budget.toml");
    let limit = "[[limit]]\nattack = 'answer-time'\ncondition = 'D = 250'\nmetric = 'AUC'\nmost = ";
    for (most, code) in [("0.9", 0), ("0.1", 1)] {
        std::fs::write(&budget, format!("{limit}{most}\n")).unwrap();
        let told = lab(&[
            "budget",
            "--run",
            run,
            "--json",
            "--budget",
            budget.to_str().unwrap(),
        ]);
        assert_eq!(told.status.code(), Some(code), "{told:?}");
        let judged: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(judged["held"], code == 0);
    }

    // A truth that was dealt anew: what must leak does not.
    let truth = Path::new(run).join("truth.jsonl");
    let text = std::fs::read_to_string(&truth).unwrap();
    let half: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(place, line)| match place % 2 {
            0 => line.replace("\"cached\":false", "\"cached\":true"),
            _ => line.replace("\"cached\":true", "\"cached\":false"),
        })
        .collect();
    std::fs::write(&truth, half.join("\n")).unwrap();
    let told = lab(&[&attack[..], &["--only", "answer-time"]].concat());
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8(told.stdout).unwrap().contains("FAILED"));
}
