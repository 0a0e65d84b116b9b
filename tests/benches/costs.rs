//! What one lookup costs each party, in one run, each beside its floor.
//!
//! `cargo bench -p sotto-tests --bench costs` prints a table of CPU time; `-- --json` prints it for
//! programs. The ratios are what to believe: the machine's speed cancels out of them. Run it on an
//! otherwise idle machine.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

mod costs {
    pub(crate) mod clock;
    pub(crate) mod crypto;
    pub(crate) mod floors;
    pub(crate) mod forward;
    pub(crate) mod verify;
}

use std::io::{IsTerminal, stderr};

use serde_json::json;

/// One measured operation.
pub(crate) struct Row {
    /// What was measured.
    operation: &'static str,
    /// Its CPU time, microseconds.
    cost: f64,
    /// What nobody could do without.
    floor: &'static str,
    /// The floor's CPU time, microseconds.
    floor_cost: f64,
    /// The ratio that performance work aims at, if one is set.
    target: Option<f64>,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.cost / self.floor_cost
    }
}

fn main() -> anyhow::Result<()> {
    let json = std::env::args().any(|argument| argument == "--json");
    let progress = |what: &str| {
        if stderr().is_terminal() {
            eprintln!("measuring {what} ...");
        }
    };
    let mut rows = Vec::new();
    progress("seal and open");
    rows.extend(costs::crypto::rows()?);
    progress("verify");
    rows.extend(costs::verify::rows()?);
    progress("forward");
    rows.extend(costs::forward::rows()?);
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "operation": row.operation, "us": row.cost, "floor": row.floor,
                    "floor_us": row.floor_cost, "ratio": row.ratio(), "target": row.target,
                })
            })
            .collect();
        println!("{}", json!({ "schema": 1, "rows": rows }));
        return Ok(());
    }
    println!(
        "{:<46} {:>8}  {:<44} {:>8} {:>6} {:>7}",
        "operation", "us", "floor", "us", "ratio", "target"
    );
    for row in &rows {
        let target = row
            .target
            .map_or_else(String::new, |target| format!("{target:.1}"));
        println!(
            "{:<46} {:>8.1}  {:<44} {:>8.1} {:>6.2} {:>7}",
            row.operation,
            row.cost,
            row.floor,
            row.floor_cost,
            row.ratio(),
            target
        );
    }
    Ok(())
}
