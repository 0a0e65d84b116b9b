//! A gateway that looks at which questions follow one another: an address book that is gone through without a pause is one person's, and whom
//! somebody knows tells who they are.
//!
//! Two figures. How often a question is the same client's as the one before through the same relay, which a gateway need only guess. And
//! how well the pause between the two tells whether it is, as learnt from half of the clients.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::likelihood::Judge;
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

/// Pairs of each kind without which nothing is said of pauses.
const LEAST: usize = 100;

/// Two questions, one after the other.
#[derive(Clone, Copy)]
struct Pair {
    pause_us: f64,
    one_client: bool,
    client: u32,
    /// Whose question the second is.
    follower: u32,
}

/// Judges how much the order of questions tells.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let pairs = pairs(recorded, options)?;
    let count = (pairs.len() as f64).max(1.0);
    let right = |weight: &dyn Fn(usize) -> u32| {
        let same = pairs.iter().enumerate().filter(|(_, pair)| pair.one_client);
        same.map(|(place, _)| f64::from(weight(place))).sum::<f64>() / count
    };
    let clients: Vec<u32> = pairs.iter().map(|pair| pair.client).collect();
    let places: Vec<u32> = (0..).take(pairs.len()).collect();
    let finding = |target: &str, metric, value, interval, chance, lookups| Finding {
        attack: Attack::Burst,
        run: recorded.run.clone(),
        observer: "gateway",
        target: target.to_owned(),
        condition: shown(recorded.scenario.clients.arrivals),
        metric,
        value,
        interval,
        chance,
        cost: Cost::default(),
        beside: BTreeMap::new(),
        lookups,
    };
    let share = right(&|_| 1);
    let followers: Vec<u32> = pairs.iter().map(|pair| pair.follower).collect();
    let by_chance = options.permutation().baseline(&followers, share, |dealt| {
        let same = clients
            .iter()
            .zip(dealt)
            .filter(|(client, other)| client == other);
        Some(same.count() as f64 / count)
    });
    let interval = options
        .bootstrap()
        .interval(&places, |weights| Some(right(&|place| weights[place])));
    let scored: Vec<(f64, bool)> = pairs
        .iter()
        .map(|pair| (pair.pause_us, pair.one_client))
        .collect();
    let (roc, owners) = curve(&scored, &clients);
    let value = roc.auc().filter(|_| is_enough(&scored));
    let area = value.and_then(|_| {
        options
            .bootstrap()
            .interval(&owners, |weights| roc.weighted_auc(weights))
    });
    let findings = vec![
        finding(
            "that a question is the same client's as the one before",
            "top-1",
            Some(share),
            interval,
            by_chance,
            pairs.len(),
        ),
        finding(
            "the same, by the pause between the two",
            "AUC",
            value,
            area,
            value.and_then(|_| chance(&roc, options)),
            owners.len(),
        ),
    ];
    let controls = match value {
        Some(_) => controls(recorded, &pairs, options),
        None => Vec::new(),
    };
    Ok(Found { findings, controls })
}

/// Whether there are pairs enough of both kinds to learn from some and judge the others.
fn is_enough(scored: &[(f64, bool)]) -> bool {
    let positives = scored.iter().filter(|(_, one_client)| *one_client).count();
    positives.min(scored.len() - positives) >= LEAST
}

/// The curve of pauses among the clients that were not learnt from, and the clients.
fn curve(pauses: &[(f64, bool)], clients: &[u32]) -> (Roc, Vec<u32>) {
    let is_example = |place: &usize| clients[*place].is_multiple_of(2);
    let (examples, tests): (Vec<usize>, Vec<usize>) = (0..pauses.len()).partition(is_example);
    let examples: Vec<_> = examples.into_iter().map(|place| pauses[place]).collect();
    let judge = Judge::learn(&examples);
    let scored: Vec<_> = tests
        .iter()
        .map(|place| (judge.score(pauses[*place].0), pauses[*place].1))
        .collect();
    let owners = tests.iter().map(|place| clients[*place]).collect();
    (Roc::new(&scored), owners)
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
            follower: two[1].1,
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
            (pair.pause_us / divisor, pair.one_client)
        })
        .collect();
    let mut labels: Vec<bool> = pairs.iter().map(|pair| pair.one_client).collect();
    labels.shuffle(&mut random(options.seed, SHUFFLE));
    let dealt: Vec<(f64, bool)> = pairs.iter().map(|pair| pair.pause_us).zip(labels).collect();
    let clients: Vec<u32> = pairs.iter().map(|pair| pair.client).collect();
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
        let (roc, _) = curve(&scored, &clients);
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
