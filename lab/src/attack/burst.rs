//! A gateway that looks at which questions follow one another: an address book that is gone through without a pause is one person's, and whom
//! somebody knows tells who they are.
//!
//! Of each two questions that came one after the other through one relay, the shorter the pause the likelier they are one client's.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::scenario::Arrivals;
use crate::simulate::random;
use crate::statistics::{Roc, resample};
use crate::views::{GatewaySaw, RelayHost};

const SAMPLE: u64 = 131;
const SHUFFLE: u64 = 132;

/// How much shorter the pauses of one client are made for the control.
const SHORTENED: f64 = 100.0;

/// Two questions, one after the other.
#[derive(Clone, Copy)]
struct Pair {
    pause_us: f64,
    one_client: bool,
    client: u32,
}

/// Judges how much the order of questions tells.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let pairs = pairs(recorded, options)?;
    let scored: Vec<(f64, bool)> = pairs
        .iter()
        .map(|pair| (-pair.pause_us, pair.one_client))
        .collect();
    let clients: Vec<u32> = pairs.iter().map(|pair| pair.client).collect();
    let roc = Roc::new(&scored);
    let value = roc.auc();
    let share =
        pairs.iter().filter(|pair| pair.one_client).count() as f64 / (pairs.len() as f64).max(1.0);
    let mut found = Found::default();
    found.findings.push(Finding {
        attack: Attack::Burst,
        run: recorded.run.clone(),
        observer: "gateway",
        target: "whether two questions are one client's".to_owned(),
        condition: shown(recorded.scenario.clients.arrivals),
        metric: "AUC",
        value,
        interval: value.and_then(|_| {
            options
                .bootstrap()
                .interval(&clients, |weights| roc.weighted_auc(weights))
        }),
        chance: chance(&roc, options),
        cost: Cost::default(),
        beside: BTreeMap::from([
            ("one_client_share", share),
            (
                "positives_at_1_in_1000",
                roc.true_positives_at(1e-3).unwrap_or(0.0),
            ),
        ]),
        lookups: pairs.len(),
    });
    if value.is_some() {
        found.controls = controls(recorded, &pairs, options);
    }
    Ok(found)
}

fn shown(arrivals: Arrivals) -> String {
    match arrivals {
        Arrivals::Poisson => "each by itself".to_owned(),
        Arrivals::Bursts { size, gap_ms } => format!("{size} on end, every {gap_ms} ms"),
    }
}

fn chance(roc: &Roc, options: &Options) -> Option<crate::statistics::Baseline> {
    let relabelled = |labels: &[bool]| roc.relabelled_auc(labels);
    options
        .permutation()
        .baseline(roc.labels(), roc.auc()?, relabelled)
}

fn pairs(recorded: &Recorded, options: &Options) -> Result<Vec<Pair>, LabError> {
    let gateway: Vec<GatewaySaw> = recorded.view()?;
    let mut by_relay: BTreeMap<RelayHost, Vec<(u64, u32)>> = BTreeMap::new();
    for truth in &recorded.truth {
        let saw = recorded.row(&gateway, truth.gateway_row)?;
        let questions = by_relay.entry(saw.relay).or_default();
        questions.push((saw.received_us, truth.client.number()));
    }
    let mut pairs = Vec::new();
    for questions in by_relay.values_mut() {
        questions.sort_unstable();
        pairs.extend(questions.windows(2).map(|two| Pair {
            pause_us: (two[1].0 - two[0].0) as f64,
            one_client: two[0].1 == two[1].1,
            client: two[0].1,
        }));
    }
    let mut draws = random(options.seed, SAMPLE);
    let sample = resample::sample(pairs.len(), options.sample, &mut draws);
    Ok(sample.into_iter().map(|place| pairs[place]).collect())
}

/// Shorter pauses within one client must show, clients dealt anew must not.
fn controls(recorded: &Recorded, pairs: &[Pair], options: &Options) -> Vec<Control> {
    let shortened: Vec<(f64, bool)> = pairs
        .iter()
        .map(|pair| {
            let divisor = if pair.one_client { SHORTENED } else { 1.0 };
            (-pair.pause_us / divisor, pair.one_client)
        })
        .collect();
    let mut labels: Vec<bool> = pairs.iter().map(|pair| pair.one_client).collect();
    labels.shuffle(&mut random(options.seed, SHUFFLE));
    let dealt: Vec<(f64, bool)> = pairs
        .iter()
        .map(|pair| -pair.pause_us)
        .zip(labels)
        .collect();
    let unlikely = 1.0 / (options.rounds as f64 + 1.0) + f64::EPSILON;
    [
        (
            "one client's pauses a hundred times shorter",
            shortened,
            true,
        ),
        ("clients dealt anew", dealt, false),
    ]
    .into_iter()
    .map(|(what, scored, must_leak)| {
        let roc = Roc::new(&scored);
        let value = roc.auc();
        let held = if must_leak {
            value.is_some_and(|value| value > 0.9)
        } else {
            chance(&roc, options).is_some_and(|chance| chance.p > unlikely)
        };
        Control {
            attack: Attack::Burst,
            run: recorded.run.clone(),
            what,
            must_leak,
            value,
            held,
        }
    })
    .collect()
}
