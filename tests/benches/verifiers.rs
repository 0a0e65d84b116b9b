//! Verifiers by turns on the same proofs: the CPU time of ours, of `dnssec-prover`, of hickory and of `domain`, each as
//! a ratio to the signature checks and hashes that the verdict needs; and what making the proofs costs.
//!
//! `cargo bench -p sotto-tests --bench verifiers` prints a table; `-- --json` prints it for programs. The ratios are
//! what to believe: each is taken within one round of turns, and its spread over the rounds is printed.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

#[path = "costs/clock.rs"]
mod clock;
mod verifiers {
    pub(crate) mod cases;
    pub(crate) mod floor;
    pub(crate) mod race;
}

use std::cell::RefCell;
use std::hint::black_box;
use std::io::{IsTerminal, stderr};

use anyhow::{Result, ensure};
use clock::median_us;
use serde_json::json;
use sotto_proof::{
    Limits, SignatureMemory, Verdict, Verification, encode, verify, verify_with_memory,
};
use sotto_tests::peers::domain::Domain;
use sotto_tests::peers::hickory::Hickory;
use sotto_tests::peers::{Opinion, prover};
use verifiers::cases::{Case, Origin, cases};
use verifiers::floor::Floor;
use verifiers::race::{Runner, Took, race};

const SOTTO: &str = "sotto";
const WARM: &str = "warm";
const DEFAULT: &str = "2 opinions";
const PROVER: &str = "dnssec-prover";
const HICKORY: &str = "hickory";
const DOMAIN: &str = "domain";
const COLUMNS: [&str; 6] = [SOTTO, WARM, DEFAULT, PROVER, HICKORY, DOMAIN];

/// Calls of the prover in one batch.
const CALLS: u32 = 20;

/// What one proof cost everybody.
struct Row {
    case: String,
    octets: usize,
    signatures: usize,
    /// Of these, signatures that a warm memory does not know.
    new_signatures: Option<usize>,
    floor_us: f64,
    took: Vec<Took>,
    /// CPU time to make the proof of responses that are there, microseconds.
    prove_us: Option<f64>,
}

fn main() -> Result<()> {
    let is_json = std::env::args().any(|argument| argument == "--json");
    let (hickory, domain) = (Hickory::new()?, Domain::new()?);
    let mut rows = Vec::new();
    for case in cases()? {
        if stderr().is_terminal() {
            eprintln!("measuring {} ...", case.title);
        }
        rows.push(measure(&case, &hickory, &domain)?);
    }
    if is_json {
        print_json(&rows);
    } else {
        print_table(&rows);
    }
    Ok(())
}

fn measure(case: &Case, hickory: &Hickory, domain: &Domain) -> Result<Row> {
    let Case {
        title,
        question,
        anchors,
        at,
        proof,
        origin,
    } = case;
    let limits = Limits::default();
    let judge = |proof: &[u8]| verify(proof, question, anchors, *at, &limits);
    let honest = judge(proof);
    ensure!(
        !matches!(honest.verdict, Verdict::Bogus(_)),
        "{title}: {:?}",
        honest.verdict
    );
    // Everybody gets what the verdict rests on, so that nobody checks a signature more.
    let proof = encode(&honest.used);
    let ours = Opinion::ours(&honest);
    let floor = Floor::of(&honest)?;
    let memory = origin.as_ref().map(|origin| filled(case, origin));
    let current = RefCell::new(memory.clone());
    let mut runners = vec![
        Runner::new("floor", || {
            black_box(floor.run());
        }),
        Runner::new(SOTTO, || {
            let _ = black_box(judge(&proof));
        }),
    ];

    let opinion = || prover::opinion(&proof, question, *at);
    if opinion() == ours {
        runners.push(Runner::new(PROVER, || {
            black_box(opinion());
        }));
        // What the client does where both can read the proof.
        runners.push(Runner::new(DEFAULT, || {
            let verification = judge(&proof);
            black_box(prover::opinion(&encode(&verification.used), question, *at));
        }));
    }
    if let Some(memory) = &memory {
        runners.push(
            Runner::new(WARM, || {
                if let Some(memory) = &mut *current.borrow_mut() {
                    let _ = black_box(recall(case, &proof, memory));
                }
            })
            .with_reset(|| *current.borrow_mut() = Some(memory.clone())),
        );
    }
    if let Some(Origin { transit, tree, .. }) = origin {
        let with_hickory = || hickory.opinion(transit, question, &tree.root_key).ok();
        if with_hickory().as_ref() == Some(&ours) {
            runners.push(Runner::new(HICKORY, move || {
                black_box(with_hickory());
            }));
        }
        let with_domain = || domain.opinion(transit, question, &tree.anchor).ok();
        if with_domain().as_ref() == Some(&ours) {
            runners.push(Runner::new(DOMAIN, move || {
                black_box(with_domain());
            }));
        }
    }
    let mut took = race(runners);
    let floor_us = took.remove(0).us;
    let new_signatures = memory.as_ref().map(|memory| {
        let cost = recall(case, &proof, &mut memory.clone()).cost;
        cost.signature_checks - cost.remembered_checks
    });
    Ok(Row {
        case: title.clone(),
        octets: proof.len(),
        signatures: floor.signatures(),
        new_signatures,
        floor_us,
        took,
        prove_us: origin.as_ref().map(|origin| {
            median_us(CALLS, || {
                let _ = black_box(origin.prove(question));
            })
        }),
    })
}

/// A memory that has seen another name of the zone.
fn filled(case: &Case, origin: &Origin) -> SignatureMemory {
    let mut memory = SignatureMemory::default();
    let (question, proof) = &origin.neighbour;
    let limits = Limits::default();
    let _ = verify_with_memory(
        proof,
        question,
        &case.anchors,
        case.at,
        &limits,
        &mut memory,
    );
    memory
}

fn recall(case: &Case, proof: &[u8], memory: &mut SignatureMemory) -> Verification {
    let limits = Limits::default();
    verify_with_memory(
        proof,
        &case.question,
        &case.anchors,
        case.at,
        &limits,
        memory,
    )
}

fn print_json(rows: &[Row]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let took: Vec<_> = row
                .took
                .iter()
                .map(|took| {
                    json!({
                        "verifier": took.name, "us": took.us, "ratio": took.ratio,
                        "ratio_quartiles": [took.low, took.high],
                    })
                })
                .collect();
            json!({
                "proof": row.case, "bytes": row.octets, "signatures": row.signatures,
                "new_signatures": row.new_signatures, "floor_us": row.floor_us,
                "verifiers": took, "prove_us": row.prove_us,
            })
        })
        .collect();
    println!("{}", json!({ "schema": 1, "rows": rows }));
}

fn print_table(rows: &[Row]) {
    print!(
        "{:<26} {:>6} {:>7} {:>8}",
        "proof", "bytes", "sigs", "floor us"
    );
    for column in COLUMNS {
        print!(" {column:>19}");
    }
    println!(" {:>8}", "prove us");
    for row in rows {
        let new = row.new_signatures;
        let signatures = new.map_or_else(
            || row.signatures.to_string(),
            |new| format!("{} ({new})", row.signatures),
        );
        print!(
            "{:<26} {:>6} {signatures:>7} {:>8.1}",
            row.case, row.octets, row.floor_us
        );
        for column in COLUMNS {
            let took = row.took.iter().find(|took| took.name == column);
            let cell = took.map_or_else(
                || "-".into(),
                |took| format!("{:.2} ({:.2}-{:.2})", took.ratio, took.low, took.high),
            );
            print!(" {cell:>19}");
        }
        let prove = row
            .prove_us
            .map_or_else(|| "-".into(), |us| format!("{us:.0}"));
        println!(" {prove:>8}");
    }
}
