//! What a cached answer costs a gateway whole, HTTP and all, beside the bare key agreements.
//!
//! `cargo bench -p sotto-tests --bench gateway` prints the tables in some seven minutes; `-- --million` prints one more, of a million names,
//! which takes as long again; `-- --json` prints for programs, `-- --quick` takes a tenth of everything. The gateway is a process of its own on the first core, loaded by
//! `sotto-lab load`, which has to be built before, from another. The floors are measured on the gateway's core before and after each load.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

#[allow(dead_code, reason = "shared with the benchmark of each party's costs")]
mod costs {
    pub(crate) mod clock;
    pub(crate) mod floors;
}

use std::hint::black_box;
use std::io::{IsTerminal, stderr};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use costs::clock::median_us;
use costs::floors::{CALLS, Floors};
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{ClientRequest, KeyConfig, Server, SymmetricSuite};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;
use serde_json::{Value, json};
use sotto_wire::{AnswerClass, REQUEST_BYTES};

/// Loads of one kind, of which the median counts.
const ROUNDS: usize = 5;

/// Requests of one load.
const REQUESTS: u64 = 40_000;

/// Rounds of what is compared with itself.
const FEW_ROUNDS: usize = 3;

/// Names that are many.
const NAMES: u64 = 100_000;

/// Names that are many more.
const MILLION: u64 = 1_000_000;

/// Idle connections that are many.
const IDLE: u64 = 10_000;

/// Octets of the message in an encapsulated request of [`REQUEST_BYTES`], X25519.
const MESSAGE_BYTES: usize = REQUEST_BYTES - 55;

/// Octets of the message in an encapsulated response of the usual size.
const RESPONSE_BYTES: usize = AnswerClass::Base.bytes() - 32;

/// One figure.
struct Figure {
    what: String,
    cost: f64,
    beside: String,
    beside_cost: f64,
    target: Option<f64>,
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.cost / self.beside_cost
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what, "us": self.cost, "beside": self.beside, "beside_us": self.beside_cost,
            "ratio": self.ratio(), "target": self.target,
        })
    }
}

/// What the command line asks for.
struct Extent {
    names: u64,
    idle: u64,
    requests: u64,
    rounds: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (json, quick) = (has("--json"), has("--quick"));
    let million = has("--million");
    let mut extent = Extent {
        names: if million { MILLION } else { NAMES },
        idle: if million { 0 } else { IDLE },
        requests: REQUESTS,
        rounds: ROUNDS,
    };
    if quick {
        extent = Extent {
            names: extent.names / 10,
            idle: extent.idle / 10,
            requests: extent.requests / 4,
            rounds: 1,
        };
    }
    let floors = Floors::new()?;
    let mut figures = if million {
        Vec::new()
    } else {
        lookups(&floors, &extent)?
    };
    let memory = flatness(&floors, &extent, &mut figures)?;
    let overloads = if million {
        Vec::new()
    } else {
        overloads(extent.rounds.min(FEW_ROUNDS))?
    };
    if json {
        let figures: Vec<_> = figures.iter().map(Figure::json).collect();
        let document = json!({
            "schema": 1, "figures": figures, "octets_of_a_name": memory, "overloads": overloads,
        });
        println!("{document}");
        return Ok(());
    }
    println!(
        "{:<58} {:>7}  {:<44} {:>7} {:>6} {:>7}",
        "a cached answer, us of the gateway's process", "us", "beside", "us", "ratio", "target"
    );
    for figure in &figures {
        println!(
            "{:<58} {:>7.1}  {:<44} {:>7.1} {:>6.2} {:>7}",
            figure.what,
            figure.cost,
            figure.beside,
            figure.beside_cost,
            figure.ratio(),
            figure
                .target
                .map_or_else(String::new, |target| format!("{target:.2}"))
        );
    }
    println!("octets of memory for each cached name: {memory}");
    if !overloads.is_empty() {
        println!(
            "\n{:<44} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12} {:>12} {:>10}",
            "three times the peak",
            "peak/s",
            "offered",
            "goodput",
            "of peak",
            "refused",
            "p99 of it ms",
            "answers' p99",
            "generator"
        );
    }
    for overload in &overloads {
        println!(
            "{:<44} {:>8.0} {:>8.0} {:>8.0} {:>6.1} % {:>8} {:>12.1} {:>12.1} {:>8.0} %",
            overload.what,
            overload.peak,
            overload.offered,
            overload.goodput,
            100.0 * overload.of_peak,
            overload.refused,
            overload.refused_after_ms,
            overload.answered_after_ms,
            100.0 * overload.generator_busy
        );
    }
    Ok(())
}

/// Cost of a lookup by suite and version of HTTP, beside its floor and beside the crypto of the `ohttp` crate.
fn lookups(floors: &Floors, extent: &Extent) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut dearest = f64::MIN;
    let peer = on_first_core(peer)??;
    for (suite, floor_name, target) in [
        ("x25519", "X25519 agreement", 2.1),
        ("xwing", "X25519 agreement, ML-KEM-768 decapsulation", 1.8),
    ] {
        let floor = || {
            let lattice = if suite == "xwing" {
                floors.decapsulate()
            } else {
                0.0
            };
            floors.agree() + lattice
        };
        for (http, connections) in [("1", "64"), ("2", "2")] {
            let (mut costs, mut beside) = (Vec::new(), Vec::new());
            for _ in 0..extent.rounds {
                progress(&format!("{suite} over HTTP/{http}"));
                beside.push(on_first_core(floor)?);
                let http = format!("--http={http}");
                let connections = format!("--connections={connections}");
                let load = [
                    "--warm",
                    "--streams=64",
                    &format!("--suite={suite}"),
                    &http,
                    &connections,
                ];
                costs.push(cost(&load, extent.requests)?.0);
                beside.push(on_first_core(floor)?);
            }
            let cost = median(costs);
            dearest = dearest.max(cost);
            figures.push(Figure {
                what: format!("{suite}, HTTP/{http}, plain, 8 KiB, D = 0"),
                cost,
                beside: floor_name.to_owned(),
                beside_cost: median(beside),
                target: Some(target),
            });
        }
    }
    figures.push(Figure {
        what: "the dearest of these".to_owned(),
        cost: dearest,
        beside: "crypto of the ohttp crate alone, X25519".to_owned(),
        beside_cost: peer,
        target: Some(1.0),
    });
    Ok(figures)
}

/// Many names and many idle connections beside few; the octets that each name takes.
fn flatness(floors: &Floors, extent: &Extent, figures: &mut Vec<Figure>) -> Result<u64> {
    let load = |names: u64, idle: u64| {
        progress(&format!("{names} names, {idle} idle connections"));
        let (names, idle) = (
            format!("--names={names}"),
            format!("--idle-connections={idle}"),
        );
        cost(
            &[
                "--warm",
                "--suite=x25519",
                "--connections=64",
                &names,
                &idle,
            ],
            extent.requests,
        )
    };
    let in_floors = |load: &dyn Fn() -> Result<(f64, u64)>| -> Result<(f64, f64, u64)> {
        let before = on_first_core(|| floors.agree())?;
        let (cost, memory) = load()?;
        let after = on_first_core(|| floors.agree())?;
        Ok((cost, cost * 2.0 / (before + after), memory))
    };
    let mut rows: [Vec<(f64, f64, u64)>; 3] = Default::default();
    for round in 0..extent.rounds.min(FEW_ROUNDS) {
        rows[0].push(in_floors(&|| load(1_000, 1))?);
        if extent.idle > 0 {
            rows[1].push(in_floors(&|| load(1_000, extent.idle))?);
        }
        // Many names take minutes.
        if round == 0 {
            rows[2].push(in_floors(&|| load(extent.names, 1))?);
        }
    }
    let cost = |row: &[(f64, f64, u64)]| median(row.iter().map(|(cost, ..)| *cost).collect());
    for (row, what) in [
        (&rows[2], format!("{} names", extent.names)),
        (
            &rows[1],
            format!("1000 names, {} idle connections", extent.idle),
        ),
    ] {
        if row.is_empty() {
            continue;
        }
        figures.push(Figure {
            what,
            cost: cost(row),
            beside: "1000 names, 1 idle connection".to_owned(),
            beside_cost: cost(&rows[0]),
            target: Some(1.15),
        });
    }
    rows[2]
        .last()
        .map(|(_, _, memory)| *memory)
        .context("names were loaded")
}

/// What becomes of three times the peak.
#[derive(Serialize)]
struct Overload {
    what: &'static str,
    peak: f64,
    offered: f64,
    goodput: f64,
    of_peak: f64,
    refused: u64,
    refused_after_ms: f64,
    answered_after_ms: f64,
    /// Near one it is the generator that could do no more.
    generator_busy: f64,
}

/// Three times the peak by callers that keep few requests under way, and by some that keep more than the gateway takes on.
fn overloads(rounds: usize) -> Result<Vec<Overload>> {
    let kinds: [(&'static str, [&str; 4]); 3] = [
        (
            "HTTP/2, 4 x 64 under way",
            [
                "--http=2",
                "--connections=4",
                "--streams=64",
                "--patience-ms=500",
            ],
        ),
        (
            "HTTP/1.1, 256 under way",
            [
                "--http=1",
                "--connections=256",
                "--streams=1",
                "--patience-ms=500",
            ],
        ),
        (
            "HTTP/2, 16 x 500 under way: more than it takes on",
            [
                "--http=2",
                "--connections=16",
                "--streams=500",
                "--patience-ms=1000",
            ],
        ),
    ];
    kinds
        .into_iter()
        .map(|(what, load)| {
            let mut seen = (0..rounds)
                .map(|_| overload(what, &load))
                .collect::<Result<Vec<_>>>()?;
            seen.sort_by(|one, other| one.of_peak.total_cmp(&other.of_peak));
            Ok(seen.swap_remove(rounds / 2))
        })
        .collect()
}

fn overload(what: &'static str, load: &[&str]) -> Result<Overload> {
    progress(&format!("overload, {what}"));
    let common = ["--overload=3", "--seconds=2", "--suite=x25519", "--warm"];
    let document = lab(&[&common[..], load].concat())?;
    let (peak, over) = (&document["runs"][0], &document["runs"][1]);
    let number = |run: &Value, pointer: &str| {
        let found = run.pointer(pointer).and_then(Value::as_f64);
        found.with_context(|| format!("{pointer} of a run"))
    };
    let refused = over["refused"].as_object().context("refusals by reason")?;
    Ok(Overload {
        what,
        peak: number(peak, "/answered_per_second")?,
        offered: number(over, "/offered")?,
        goodput: number(over, "/answered_per_second")?,
        of_peak: number(&document, "/goodput_of_peak")?,
        refused: refused.values().filter_map(Value::as_u64).sum(),
        refused_after_ms: number(over, "/refusal_us/percentiles/p99")? / 1e3,
        answered_after_ms: number(over, "/latency_us/percentiles/p99")? / 1e3,
        generator_busy: number(over, "/generator/busy")?,
    })
}

/// CPU time of the gateway's process for one answer, in microseconds, and octets of memory for each name.
fn cost(load: &[&str], requests: u64) -> Result<(f64, u64)> {
    let rate = format!("--rate={requests}");
    let document = lab(&[load, &["--closed", "--seconds=1", &rate]].concat())?;
    let (run, target) = (&document["runs"][0], &document["target"]);
    ensure!(
        run["answered"] == requests,
        "not everything was answered: {run}"
    );
    let sample = &run["sample"];
    ensure!(
        sample["inside"]["secure"] == sample["answers"],
        "not every proof is good: {sample}"
    );
    ensure!(
        !target["cores"].is_null(),
        "gateway and generator need a core each; this machine gives us one"
    );
    let memory = |key: &str| target[key].as_u64().context("the memory of the process");
    let names = target["names"].as_u64().context("the count of names")?;
    let each = memory("memory_warm")?.saturating_sub(memory("memory_before")?) / names;
    let cost = run["server"]["us_each"].as_f64();
    Ok((cost.context("the cost of an answer")?, each))
}

/// What a run of `sotto-lab load` reports.
fn lab(arguments: &[&str]) -> Result<Value> {
    let output = Command::new(sotto_tests::binaries::find("sotto-lab")?)
        .args(["load", "--json"])
        .args(arguments)
        .output()
        .context("sotto-lab cannot be run")?;
    if !output.status.success() {
        bail!(
            "sotto-lab load {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What opening a request and sealing an answer costs the `ohttp` crate, without reading the one or writing the other.
fn peer() -> Result<f64> {
    let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
    let mut config = KeyConfig::new(1, Kem::X25519Sha256, suites)?;
    let request = ClientRequest::from_config(&mut config)?;
    let (request, _) = request.encapsulate(&[0; MESSAGE_BYTES])?;
    ensure!(request.len() == REQUEST_BYTES);
    let server = Server::new(config)?;
    Ok(median_us(CALLS, || {
        let (message, response) = server
            .decapsulate(&request)
            .expect("an honest request opens");
        black_box(message);
        black_box(response.encapsulate(&[0; RESPONSE_BYTES])).expect("an answer is sealed");
    }))
}

/// Runs `measure` on the core that the gateway is given.
fn on_first_core<T: Send>(measure: impl FnOnce() -> T + Send) -> Result<T> {
    let cores = sched_getaffinity(None)?;
    let first = (0..CpuSet::MAX_CPU).find(|core| cores.is_set(*core));
    let mut only = CpuSet::new();
    only.set(first.context("there is a core")?);
    std::thread::scope(|scope| {
        let measured = scope.spawn(|| {
            sched_setaffinity(None, &only)?;
            Ok(measure())
        });
        measured
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

fn progress(what: &str) {
    if stderr().is_terminal() {
        eprintln!("measuring {what} ...");
    }
}
