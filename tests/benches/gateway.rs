//! What a cached answer costs a gateway whole, HTTP and all, beside the bare key agreements.
//!
//! `cargo bench -p sotto-tests --bench gateway` prints a table; `-- --json` prints it for programs, `-- --names 100000` asks for fewer
//! names than a million, `-- --quick` for a tenth of everything. The gateway is a process of its own on the first core, loaded by
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
use serde_json::{Value, json};
use sotto_wire::{AnswerClass, REQUEST_BYTES};

/// Loads of one kind, of which the median counts.
const ROUNDS: usize = 5;

/// Requests of one load.
const REQUESTS: u64 = 60_000;

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
    let named = arguments
        .iter()
        .skip_while(|argument| *argument != "--names");
    let mut extent = Extent {
        names: named
            .skip(1)
            .map(|count| count.parse())
            .next()
            .transpose()?
            .unwrap_or(1_000_000),
        idle: 10_000,
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
    let mut figures = lookups(&floors, &extent)?;
    let memory = flatness(&floors, &extent, &mut figures)?;
    let overload = overload()?;
    if json {
        let figures: Vec<_> = figures.iter().map(Figure::json).collect();
        let document = json!({
            "schema": 1, "figures": figures, "octets_of_a_name": memory, "goodput_of_peak": overload,
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
    println!(
        "goodput at three times the peak: {:.1} % of the peak",
        100.0 * overload
    );
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
    for round in 0..extent.rounds {
        rows[0].push(in_floors(&|| load(1_000, 1))?);
        rows[1].push(in_floors(&|| load(1_000, extent.idle))?);
        // A million names take minutes, and are asked for in a load of their own each time.
        if round * 2 < extent.rounds.max(2) - 1 {
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

/// The share of the peak that is still answered at three times the peak.
fn overload() -> Result<f64> {
    progress("overload");
    let document = lab(&[
        "--overload=3",
        "--seconds=5",
        "--suite=x25519",
        "--warm",
        "--http=2",
        "--connections=8",
        "--streams=1024",
        "--patience-ms=1000",
    ])?;
    document["goodput_of_peak"]
        .as_f64()
        .context("a share of the peak")
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
