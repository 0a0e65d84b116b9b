//! What forwarding costs a relay, beside a reverse proxy that does nothing else and beside relays of others, in one run.
//!
//! `cargo bench -p sotto-tests --bench relays` prints a table of CPU time; `-- --json` prints it for programs. Every peer is a
//! process of its own, measured by what the system says that it has run; client and gateway are the same for all, stay in
//! this process and are not counted. The ratios are what to believe. nginx is one of the test tools; payjoin's relay is measured
//! if `cargo install ohttp-relay --version 0.0.11 --locked` has put it where programs are found.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

mod relays {
    pub(crate) mod load;
    pub(crate) mod peer;
}

use std::io::{IsTerminal, stderr};

use anyhow::{Context as _, Result};
use relays::{
    load::{self, Load},
    peer::{self, Kind, Peer},
};
use serde_json::json;

/// Requests of one round; the peers take turns.
const REQUESTS: u64 = 500;
const ROUNDS: usize = 21;

/// Requests under way at a time.
const CONCURRENCY: [usize; 2] = [1, 32];

/// What one peer spends on one request.
struct Row {
    kind: Kind,
    measured: Vec<Measured>,
}

/// Medians over the rounds of one concurrency.
struct Measured {
    /// CPU time, in microseconds.
    cost: f64,
    /// The cost to that of the floor in the same round.
    ratio: f64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, origin] = &arguments[..]
        && let Some(kind) = Kind::served_here(role)
    {
        return peer::serve(kind, origin.parse()?);
    }
    let json = arguments.iter().any(|argument| argument == "--json");
    let load = Load::start()?;
    let (mut peers, mut missing) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        match Peer::start(kind, load.origin()) {
            Ok(peer) => peers.push(peer),
            Err(error) => missing.push(format!("{}: {error:#}", kind.name())),
        }
    }
    let mut rows: Vec<Row> = peers
        .iter()
        .map(|peer| Row {
            kind: peer.kind(),
            measured: Vec::new(),
        })
        .collect();
    let floor = peers.iter().position(|peer| peer.kind() == Kind::Bare);
    let floor = floor.context("the floor cannot be measured")?;
    for concurrency in CONCURRENCY {
        let mut costs = vec![Vec::new(); peers.len()];
        for round in 0..=ROUNDS {
            if stderr().is_terminal() {
                eprintln!("{concurrency} at a time, round {round} of {ROUNDS} ...");
            }
            for (peer, costs) in peers.iter().zip(&mut costs) {
                let before = peer.spent()?;
                load.round(peer.url(), REQUESTS, concurrency)
                    .with_context(|| peer.kind().name())?;
                let spent = peer.spent()? - before;
                // The first round warms up.
                if round > 0 {
                    costs.push(spent.as_secs_f64() * 1e6 / load::as_f64(REQUESTS));
                }
            }
        }
        for (row, own) in rows.iter_mut().zip(&costs) {
            let ratios = own
                .iter()
                .zip(&costs[floor])
                .map(|(own, floor)| own / floor);
            row.measured.push(Measured {
                cost: median(own.clone()),
                ratio: median(ratios.collect()),
            });
        }
    }
    print(&rows, &missing, json);
    Ok(())
}

fn print(rows: &[Row], missing: &[String], json: bool) {
    if json {
        let rows: Vec<_> = rows
            .iter()
            .flat_map(|row| {
                let measured = CONCURRENCY.iter().zip(&row.measured);
                measured.map(|(concurrency, Measured { cost, ratio })| {
                    json!({
                        "relay": row.kind.name(), "concurrency": concurrency, "us": cost,
                        "ratio": ratio, "target": row.kind.target(),
                    })
                })
            })
            .collect();
        println!(
            "{}",
            json!({ "schema": 1, "rows": rows, "not_measured": missing })
        );
        return;
    }
    print!("{:<36}", "relay");
    for concurrency in CONCURRENCY {
        print!(
            " {:>14} {:>6}",
            format!("us, {concurrency} at once"),
            "ratio"
        );
    }
    println!(" {:>7}", "target");
    for row in rows {
        print!("{:<36}", row.kind.name());
        for Measured { cost, ratio } in &row.measured {
            print!(" {cost:>14.1} {ratio:>6.2}");
        }
        let target = row.kind.target();
        println!(
            " {:>7}",
            target.map_or_else(String::new, |target| format!("{target:.1}"))
        );
    }
    for peer in missing {
        println!("not measured: {peer}");
    }
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}
