//! Relay and gateway that pool their logs: the upper bound, against which nothing but the choice of operators protects.
//!
//! Whoever has the octets of the envelope from both joins them outright. What is measured is how far the times alone go, for logs that
//! keep no envelopes: requests are joined in the order in which they left the relay and reached the gateway.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::simulate::random;
use crate::statistics::Baseline;
use crate::views::{GatewaySaw, RelayHost, RelaySaw};

const SHUFFLE: u64 = 141;

/// A request on both sides: when it left the relay, when it reached the gateway.
type Times = (u64, u64);

/// Judges how many clients and names can be joined.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let relay: Vec<RelaySaw> = recorded.view()?;
    let gateway: Vec<GatewaySaw> = recorded.view()?;
    let mut by_relay: BTreeMap<RelayHost, Vec<Times>> = BTreeMap::new();
    for truth in &recorded.truth {
        let left = recorded.row(&relay, truth.relay_row)?;
        let reached = recorded.row(&gateway, truth.gateway_row)?;
        let requests = by_relay.entry(left.relay).or_default();
        requests.push((left.forwarded_us, reached.received_us));
    }
    let joined: Vec<bool> = by_relay
        .values()
        .flat_map(|requests| join(requests))
        .collect();
    let clusters: Vec<u32> = (0..).take(joined.len()).collect();
    let share = |joined: &[bool]| {
        joined.iter().filter(|right| **right).count() as f64 / (joined.len() as f64).max(1.0)
    };
    // Whoever joins at random is right once for each relay, on average.
    let by_chance = by_relay.len() as f64 / (joined.len() as f64).max(1.0);
    let finding = |condition: &str, value, interval| Finding {
        attack: Attack::Collusion,
        run: recorded.run.clone(),
        observer: "relay and gateway together",
        target: "who asks for whom".to_owned(),
        condition: condition.to_owned(),
        metric: "top-1",
        value: Some(value),
        interval,
        chance: Some(Baseline {
            mean: by_chance,
            low: 0.0,
            high: 4.0 * by_chance,
            p: 0.0,
        }),
        cost: Cost::default(),
        beside: BTreeMap::new(),
        lookups: joined.len(),
    };
    let interval = options.bootstrap().interval(&clusters, |weights| {
        let right = joined.iter().zip(weights).filter(|(right, _)| **right);
        let sum: u64 = right.map(|(_, weight)| u64::from(*weight)).sum();
        Some(sum as f64 / joined.len() as f64)
    });
    let measured = share(&joined);
    let findings = vec![
        finding("by the envelope", 1.0, None),
        finding("by time alone", measured, interval),
    ];
    let mut shuffled: Vec<bool> = Vec::new();
    for requests in by_relay.values() {
        let mut reached: Vec<u64> = requests.iter().map(|times| times.1).collect();
        reached.shuffle(&mut random(options.seed, SHUFFLE));
        let dealt: Vec<Times> = requests
            .iter()
            .zip(reached)
            .map(|(times, at)| (times.0, at))
            .collect();
        shuffled.extend(join(&dealt));
    }
    let control = |what, must_leak, value, held| Control {
        attack: Attack::Collusion,
        run: recorded.run.clone(),
        what,
        must_leak,
        value: Some(value),
        held,
    };
    let controls = vec![
        control("pooled logs, by time alone", true, measured, measured > 0.5),
        control(
            "the gateway's log in another order",
            false,
            share(&shuffled),
            share(&shuffled) < 20.0 * by_chance,
        ),
    ];
    Ok(Found { findings, controls })
}

/// Joins in order; whether each request was joined with itself.
fn join(requests: &[Times]) -> Vec<bool> {
    let order = |key: fn(&Times) -> u64| {
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|place| key(&requests[*place]));
        order
    };
    let (left, reached) = (order(|times| times.0), order(|times| times.1));
    left.iter().zip(&reached).map(|(a, b)| a == b).collect()
}
