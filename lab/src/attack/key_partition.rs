//! A gateway that looks at which key a request is sealed to: whoever holds another key than the rest is another person.
//!
//! The secret is the client. While all use one key the key identifier tells nothing. At midnight relays and clients fetch the new document at
//! times of their own, and for as long as that takes there are two groups.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::simulate::random;
use crate::statistics::{Joint, resample};
use crate::views::GatewaySaw;

/// Microseconds of the spans that are looked at by themselves: ten minutes.
const SPAN_US: u64 = 600_000_000;

/// Groups of the gateway that gives away what it should not, for the control.
const GROUPS: u32 = 16;

const SAMPLE: u64 = 121;
const SHUFFLE: u64 = 122;

/// A client and the key that it sealed to.
type Pair = (u32, u8);

/// Judges how much the keys of a run tell.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let gateway: Vec<GatewaySaw> = recorded.view()?;
    let mut spans: BTreeMap<u64, Vec<Pair>> = BTreeMap::new();
    for truth in &recorded.truth {
        let saw = recorded.row(&gateway, truth.gateway_row)?;
        let span = spans.entry(saw.received_us / SPAN_US).or_default();
        span.push((truth.client.number(), saw.key_id));
    }
    let keys = |pairs: &[Pair]| {
        pairs
            .iter()
            .map(|pair| pair.1)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let information = |pairs: &Vec<Pair>| Joint::new(pairs).mutual_information();
    let mut draws = random(options.seed, SAMPLE);
    let mut sampled = |pairs: &Vec<Pair>| -> Vec<Pair> {
        resample::sample(pairs.len(), options.sample, &mut draws)
            .into_iter()
            .map(|place| pairs[place])
            .collect()
    };
    let steady = spans
        .values()
        .filter(|pairs| keys(pairs) == 1)
        .max_by_key(|pairs| pairs.len());
    let turning = spans
        .values()
        .filter(|pairs| keys(pairs) > 1)
        .max_by(|a, b| information(a).total_cmp(&information(b)));
    let mut found = Found::default();
    for (condition, pairs) in [
        ("ten minutes with one key for all", steady),
        ("the ten minutes of midnight that tell most", turning),
    ] {
        let Some(pairs) = pairs else {
            continue;
        };
        found
            .findings
            .push(measure(recorded, &sampled(pairs), condition, options));
    }
    let all: Vec<Pair> = spans.into_values().flatten().collect();
    found.controls = controls(recorded, &sampled(&all), options);
    Ok(found)
}

fn measure(recorded: &Recorded, pairs: &[Pair], condition: &str, options: &Options) -> Finding {
    let joint = Joint::new(pairs);
    let value = joint.mutual_information();
    let keys: BTreeSet<u8> = pairs.iter().map(|pair| pair.1).collect();
    let clusters: Vec<u32> = pairs.iter().map(|pair| pair.0).collect();
    Finding {
        attack: Attack::KeyPartition,
        run: recorded.run.clone(),
        observer: "gateway",
        target: "the client".to_owned(),
        condition: condition.to_owned(),
        metric: "bits",
        value: Some(value),
        interval: options.bootstrap().interval(&clusters, |weights| {
            Some(joint.weighted_information(weights))
        }),
        chance: options
            .permutation()
            .baseline(joint.observations(), value, |dealt| {
                Some(joint.with_observations(dealt).mutual_information())
            }),
        cost: Cost::default(),
        beside: BTreeMap::from([
            ("live_keys", keys.len() as f64),
            ("client_bits", joint.secret_entropy()),
        ]),
        lookups: pairs.len(),
    }
}

/// A gateway that gives every sixteenth client a key of its own must show, keys dealt anew must not.
fn controls(recorded: &Recorded, pairs: &[Pair], options: &Options) -> Vec<Control> {
    let split: Vec<Pair> = pairs
        .iter()
        .map(|(client, _)| (*client, (client % GROUPS) as u8))
        .collect();
    let mut dealt: Vec<u8> = split.iter().map(|pair| pair.1).collect();
    dealt.shuffle(&mut random(options.seed, SHUFFLE));
    let shuffled: Vec<Pair> = split
        .iter()
        .zip(dealt)
        .map(|(pair, key)| (pair.0, key))
        .collect();
    let chance = |pairs: &[Pair]| {
        let joint = Joint::new(pairs);
        let value = joint.mutual_information();
        let baseline = options
            .permutation()
            .baseline(joint.observations(), value, |dealt| {
                Some(joint.with_observations(dealt).mutual_information())
            });
        (value, baseline)
    };
    let control = |what, must_leak, value, held| Control {
        attack: Attack::KeyPartition,
        run: recorded.run.clone(),
        what,
        must_leak,
        value: Some(value),
        held,
    };
    let (leak, by_chance) = chance(&split);
    let held = by_chance.is_some_and(|chance| leak > chance.high + 0.5);
    let (nothing, none) = chance(&shuffled);
    let unlikely = 1.0 / (options.rounds as f64 + 1.0) + f64::EPSILON;
    vec![
        control(
            "sixteen keys at once, each client to its own",
            true,
            leak,
            held,
        ),
        control(
            "those keys dealt anew",
            false,
            nothing,
            none.is_some_and(|chance| chance.p > unlikely),
        ),
    ]
}
