//! A gateway and whoever sees the network before the relays, over days: whoever was active each time that a name was asked for is who asks for it.
//!
//! Looked at are names that one client alone asks for. Each time, the clients are noted whose requests reached the relay within the time that
//! the relay may hold them; after so many times, those are left that were noted every time.

use std::collections::BTreeMap;

use rand::RngExt;

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::simulate::{Micros, micros, random};
use crate::statistics::resample;
use crate::views::{ClientRelay, GatewaySaw, Towards};

/// After how many times it is counted who is left.
const TIMES: [usize; 3] = [1, 3, 10];

/// What the network may add to the way from relay to gateway, in means of its queues.
const QUEUES: f64 = 12.0;

const SAMPLE: u64 = 161;
const ELSEWHERE: u64 = 162;

/// A name that one client alone asks for: who, and when its questions reached the gateway.
struct Lone {
    client: u32,
    asked: Vec<Micros>,
}

/// Requests on the network before the relays, in the order of their time.
struct Traffic {
    requests: Vec<(Micros, u32)>,
    /// How long before its arrival at the gateway a request may have passed.
    window: Micros,
}

impl Traffic {
    /// The clients that were active each time.
    fn left(&self, times: &[Micros]) -> Vec<u32> {
        let mut left: Option<Vec<u32>> = None;
        for time in times {
            let mut active: Vec<u32> = self.active(*time).collect();
            active.sort_unstable();
            active.dedup();
            left = Some(match left {
                None => active,
                Some(left) => left
                    .into_iter()
                    .filter(|client| active.binary_search(client).is_ok())
                    .collect(),
            });
        }
        left.unwrap_or_default()
    }

    fn active(&self, time: Micros) -> impl Iterator<Item = u32> + '_ {
        let first = time.saturating_sub(self.window);
        let from = self.requests.partition_point(|request| request.0 < first);
        let to = self.requests.partition_point(|request| request.0 <= time);
        self.requests[from..to].iter().map(|request| request.1)
    }
}

/// Judges how many times it takes to know who asks for a name.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let near: Vec<ClientRelay> = recorded.view()?;
    let mut requests: Vec<(Micros, u32)> = near
        .iter()
        .filter(|row| row.towards == Towards::Relay)
        .map(|row| (row.at_us, row.client.number()))
        .collect();
    requests.sort_unstable();
    let network = &recorded.scenario.network;
    let way = micros(network.relay_gateway_ms + QUEUES * network.jitter_ms);
    let held = micros(f64::from(recorded.scenario.relay.mixing.longest_ms()));
    let traffic = Traffic {
        requests,
        window: way + held,
    };
    let lone = lone(recorded)?;
    let mut found = Found::default();
    for times in TIMES {
        let mut draws = random(options.seed, SAMPLE);
        let enough: Vec<&Lone> = lone
            .iter()
            .filter(|lone| lone.asked.len() >= times)
            .collect();
        let sample = resample::sample(enough.len(), options.sample, &mut draws);
        let names: Vec<&Lone> = sample.into_iter().map(|place| enough[place]).collect();
        if !names.is_empty() {
            found
                .findings
                .push(measure(recorded, &traffic, &names, times, options));
        }
    }
    found.controls = controls(recorded, &traffic, &lone, options);
    Ok(found)
}

fn lone(recorded: &Recorded) -> Result<Vec<Lone>, LabError> {
    let gateway: Vec<GatewaySaw> = recorded.view()?;
    let mut names: BTreeMap<u32, Vec<(Micros, u32)>> = BTreeMap::new();
    for truth in &recorded.truth {
        let saw = recorded.row(&gateway, truth.gateway_row)?;
        let asked = names.entry(truth.rank).or_default();
        asked.push((saw.received_us, truth.client.number()));
    }
    let lone = names.into_values().filter_map(|mut asked| {
        asked.sort_unstable();
        let client = asked.first()?.1;
        asked.iter().all(|one| one.1 == client).then(|| Lone {
            client,
            asked: asked.iter().map(|one| one.0).collect(),
        })
    });
    Ok(lone.collect())
}

/// The chance to guess the right one of those who are left.
fn right(left: &[u32], client: u32) -> f64 {
    if left.contains(&client) {
        1.0 / left.len() as f64
    } else {
        0.0
    }
}

fn measure(
    recorded: &Recorded,
    traffic: &Traffic,
    names: &[&Lone],
    times: usize,
    options: &Options,
) -> Finding {
    let count = names.len() as f64;
    let left: Vec<Vec<u32>> = names
        .iter()
        .map(|lone| traffic.left(&lone.asked[..times]))
        .collect();
    let guesses: Vec<f64> = left
        .iter()
        .zip(names)
        .map(|(left, lone)| right(left, lone.client))
        .collect();
    let clients: Vec<u32> = names.iter().map(|lone| lone.client).collect();
    let value = guesses.iter().sum::<f64>() / count;
    let interval = options.bootstrap().interval(&clients, |weights| {
        let sum: f64 = guesses
            .iter()
            .zip(weights)
            .map(|(guess, weight)| guess * f64::from(*weight))
            .sum();
        let drawn: u32 = weights.iter().sum();
        (drawn > 0).then(|| sum / f64::from(drawn))
    });
    let chance = options.permutation().baseline(&clients, value, |dealt| {
        let sum: f64 = left
            .iter()
            .zip(dealt)
            .map(|(left, client)| right(left, *client))
            .sum();
        Some(sum / count)
    });
    Finding {
        attack: Attack::Intersection,
        run: recorded.run.clone(),
        observer: "gateway and network before the relays",
        target: "who asks for a name that nobody else asks for".to_owned(),
        condition: format!("after {times} times"),
        metric: "top-1",
        value: Some(value),
        interval,
        chance,
        cost: Cost::default(),
        beside: BTreeMap::from([(
            "clients_left",
            left.iter().map(|left| left.len() as f64).sum::<f64>() / count,
        )]),
        lookups: names.len(),
    }
}

/// Where every request is seen as it leaves its relay nobody else is left; at times that have nothing to do with the name nobody is found.
fn controls(
    recorded: &Recorded,
    traffic: &Traffic,
    lone: &[Lone],
    options: &Options,
) -> Vec<Control> {
    let times = TIMES[1];
    let names: Vec<&Lone> = lone
        .iter()
        .filter(|lone| lone.asked.len() >= times)
        .collect();
    let Some(last) = traffic.requests.last().filter(|_| names.len() >= 20) else {
        return Vec::new();
    };
    let count = names.len() as f64;
    let mut draws = random(options.seed, ELSEWHERE);
    let elsewhere: f64 = names
        .iter()
        .map(|lone| {
            let other: Vec<Micros> = (0..times).map(|_| draws.random_range(0..=last.0)).collect();
            right(&traffic.left(&other), lone.client)
        })
        .sum();
    // The same traffic, each name's own requests passing alone.
    let alone: f64 = names
        .iter()
        .map(|lone| {
            let requests = lone.asked.iter().map(|time| (*time, lone.client)).collect();
            let traffic = Traffic {
                requests,
                window: traffic.window,
            };
            right(&traffic.left(&lone.asked[..times]), lone.client)
        })
        .sum();
    let control = |what, must_leak, value, held| Control {
        attack: Attack::Intersection,
        run: recorded.run.clone(),
        what,
        must_leak,
        value: Some(value),
        held,
    };
    let most = 1.0 / f64::from(recorded.scenario.clients.count) + 3.0 / count.sqrt();
    vec![
        control(
            "nobody else is active",
            true,
            alone / count,
            alone / count > 0.99,
        ),
        control(
            "times that have nothing to do with the name",
            false,
            elsewhere / count,
            elsewhere / count < most,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_are_left_who_were_active_each_time() {
        let traffic = Traffic {
            requests: vec![(10, 1), (12, 2), (100, 2), (105, 3), (200, 2)],
            window: 10,
        };
        assert_eq!(traffic.left(&[15]), [1, 2]);
        assert_eq!(traffic.left(&[15, 106]), [2]);
        assert!(traffic.left(&[15, 106, 300]).is_empty());
        assert_eq!(right(&[1, 2], 2), 0.5);
        assert_eq!(right(&[1], 2), 0.0);
    }
}
