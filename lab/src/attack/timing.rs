//! Whoever sees both networks of a relay, and joins what comes with what leaves by time.
//!
//! **One way**: which request that came is the one that leaves now? Where delays are exponential they have no memory, so each of the
//! messages that the relay holds is as likely to leave next as any other; how many it holds is seen from outside. Hence the chance that
//! a message leaves at a given departure: that no departure since it came was its own, each with one in as many as were held, and that this
//! one is. Where messages leave in batches all of a batch are alike.
//!
//! **Both ways**: a client's request and answer against the gateway's, whose request and answer the observer is given as joined already, which is more than it
//! sees: the chances of both ways multiplied.

mod pool;

use std::collections::BTreeMap;

use rand::RngExt;

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::simulate::{Micros, random};
use crate::statistics::{Baseline, Interval, Roc, effective_set, resample};
use crate::views::{ClientRelay, RelayGateway, RelayHost};
use pool::Pool;
use sotto_wire::Mixing;

/// Lookups that are joined, as a share of the sample of other attacks: each is set against all that pass at its time.
const SAMPLE_DIVISOR: usize = 10;

/// Microseconds by which an exchange may be off a lookup and still be set against it.
const WINDOW_US: Micros = 250_000;

const SAMPLE: u64 = 151;
const GUESS: u64 = 152;

/// A lookup on both networks: when the request came and left, when the answer came and left.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    up: Micros,
    inward: Micros,
    out: Micros,
    down: Micros,
}

/// What one lookup looked like against all that passed at its time.
struct Matched {
    /// How much speaks for each candidate, and whether it is the right one.
    candidates: Vec<(f64, bool)>,
}

impl Matched {
    /// The chance that the likeliest is right, ties drawn by lot.
    fn top_one(&self) -> f64 {
        let best = self
            .candidates
            .iter()
            .map(|(weight, _)| *weight)
            .fold(0.0, f64::max);
        let likeliest = self.candidates.iter().filter(|(weight, _)| *weight == best);
        let (count, right) = likeliest.fold((0.0, 0.0), |(count, right), (_, is_right)| {
            (count + 1.0, right + f64::from(u8::from(*is_right)))
        });
        if count == 0.0 { 0.0 } else { right / count }
    }

    /// Bits of doubt that are left.
    fn doubt(&self) -> f64 {
        let total: f64 = self.candidates.iter().map(|(weight, _)| weight).sum();
        -self
            .candidates
            .iter()
            .map(|(weight, _)| weight / total)
            .filter(|share| *share > 0.0)
            .map(|share| share * share.log2())
            .sum::<f64>()
            .min(0.0)
    }
}

/// Judges how many requests can be joined across the relays of a run.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let relays = exchanges(recorded)?;
    let mixing = recorded.scenario.relay.mixing;
    let mut found = Found::default();
    let (mut one, mut both, mut unmixed) = (Vec::new(), Vec::new(), Vec::new());
    let mut held_us = 0.0;
    let all = relays.values().map(Vec::len).sum::<usize>();
    let mut draws = random(options.seed, SAMPLE);
    for exchanges in relays.values() {
        let there = Pool::new(exchanges.iter().map(|e| (e.up, e.inward)).collect(), mixing);
        let back = Pool::new(exchanges.iter().map(|e| (e.out, e.down)).collect(), mixing);
        let off = Pool::new(
            exchanges.iter().map(|e| (e.up, e.up)).collect(),
            Mixing::Off,
        );
        let share = options.sample / SAMPLE_DIVISOR * exchanges.len() / all.max(1);
        for place in resample::sample(exchanges.len(), share.max(1), &mut draws) {
            one.push(one_way(&there, place));
            unmixed.push(one_way(&off, place));
            both.push(both_ways(exchanges, &there, &back, place));
        }
        held_us += exchanges
            .iter()
            .map(|e| (e.inward - e.up + e.down - e.out) as f64)
            .sum::<f64>();
    }
    let cost = Cost {
        octets: 0.0,
        milliseconds: held_us / 1_000.0 / (all as f64).max(1.0),
    };
    for (target, matched) in [("one way", &one), ("both ways", &both)] {
        found
            .findings
            .extend(measure(recorded, target, matched, cost, options));
    }
    found.controls = controls(recorded, &unmixed, &one, options);
    Ok(found)
}

fn exchanges(recorded: &Recorded) -> Result<BTreeMap<RelayHost, Vec<Exchange>>, LabError> {
    let near: Vec<ClientRelay> = recorded.view()?;
    let far: Vec<RelayGateway> = recorded.view()?;
    let mut relays: BTreeMap<RelayHost, Vec<Exchange>> = BTreeMap::new();
    for truth in &recorded.truth {
        let up = recorded.row(&near, truth.up_row)?;
        relays.entry(up.relay).or_default().push(Exchange {
            up: up.at_us,
            inward: recorded.row(&far, truth.in_row)?.at_us,
            out: recorded.row(&far, truth.out_row)?.at_us,
            down: recorded.row(&near, truth.down_row)?.at_us,
        });
    }
    Ok(relays)
}

/// A departure against all arrivals that it may have been.
fn one_way(pool: &Pool, place: usize) -> Matched {
    let candidates = pool
        .arrivals_for(place)
        .map(|other| (pool.chance(other, place), other == place))
        .collect();
    Matched { candidates }
}

/// A client's request and answer against all the gateway's that passed at its time.
fn both_ways(exchanges: &[Exchange], there: &Pool, back: &Pool, place: usize) -> Matched {
    let (up, down) = (exchanges[place].up, exchanges[place].down);
    let near = there
        .departures_between(up.saturating_sub(WINDOW_US), down + WINDOW_US)
        .filter(|other| exchanges[*other].out <= down + WINDOW_US);
    let candidates = near
        .map(|other| {
            let feasible = exchanges[other].inward >= up && exchanges[other].out <= down;
            let weight = if feasible {
                there.chance(place, other) * back.chance(other, place)
            } else {
                0.0
            };
            (weight, other == place)
        })
        .collect();
    Matched { candidates }
}

fn measure(
    recorded: &Recorded,
    target: &str,
    matched: &[Matched],
    cost: Cost,
    options: &Options,
) -> Vec<Finding> {
    let right: Vec<f64> = matched.iter().map(Matched::top_one).collect();
    let clusters: Vec<u32> = (0..).take(matched.len()).collect();
    let count = (matched.len() as f64).max(1.0);
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count;
    let (roc, owners) = curve(matched);
    let doubt = mean(&mut matched.iter().map(Matched::doubt));
    let beside = BTreeMap::from([
        ("effective_set", effective_set(doubt)),
        (
            "candidates",
            mean(&mut matched.iter().map(|one| one.candidates.len() as f64)),
        ),
    ]);
    let finding = |metric, value, interval, chance, beside| Finding {
        attack: Attack::Timing,
        run: recorded.run.clone(),
        observer: "network on both sides",
        target: format!("which request is whose, {target}"),
        condition: shown(recorded.scenario.relay.mixing),
        metric,
        value,
        interval,
        chance,
        cost,
        beside,
        lookups: matched.len(),
    };
    let top_one: Option<Interval> = options.bootstrap().interval(&clusters, |weights| {
        let sum: f64 = right
            .iter()
            .zip(weights)
            .map(|(right, weight)| right * f64::from(*weight))
            .sum();
        Some(sum / count)
    });
    let area = options
        .bootstrap()
        .interval(&owners, |weights| roc.weighted_auc(weights));
    let value = roc.auc();
    let by_chance = value.and_then(|value| {
        let relabelled = |labels: &[bool]| roc.relabelled_auc(labels);
        options
            .permutation()
            .baseline(roc.labels(), value, relabelled)
    });
    let positives = roc.true_positives_at(1e-3);
    let positives = positives.map(|share| ("positives_at_1_in_1000", share));
    vec![
        finding(
            "top-1",
            Some(mean(&mut right.iter().copied())),
            top_one,
            guessed(matched, options),
            beside,
        ),
        finding(
            "AUC",
            value,
            area,
            by_chance,
            positives.into_iter().collect(),
        ),
    ]
}

/// All candidates of all lookups, and whose each is.
fn curve(matched: &[Matched]) -> (Roc, Vec<u32>) {
    let mut scored = Vec::new();
    let mut owners = Vec::new();
    for (owner, one) in matched.iter().enumerate() {
        scored.extend_from_slice(&one.candidates);
        owners.resize(scored.len(), owner as u32);
    }
    (Roc::new(&scored), owners)
}

/// What guessing among the candidates gives.
fn guessed(matched: &[Matched], options: &Options) -> Option<Baseline> {
    let mut draws = random(options.seed, GUESS);
    let count = (matched.len() as f64).max(1.0);
    let seen = matched.iter().map(Matched::top_one).sum::<f64>() / count;
    let rounds: Vec<f64> = (0..options.rounds)
        .map(|_| {
            let right = |one: &&Matched| {
                let place = draws.random_range(0..one.candidates.len().max(1));
                one.candidates.get(place).is_some_and(|(_, right)| *right)
            };
            matched.iter().filter(right).count() as f64 / count
        })
        .collect();
    Baseline::of(rounds, seen)
}

fn shown(mixing: Mixing) -> String {
    match mixing {
        Mixing::Off => "no mixing".to_owned(),
        Mixing::Exponential { mean_ms, cap_ms } => {
            format!("exponential, mean {mean_ms} ms, at most {cap_ms} ms")
        }
        Mixing::Timed { period_ms } => format!("batches of {period_ms} ms"),
    }
}

/// Without mixing nearly all must be joined; candidates drawn by lot must not be told from the others.
fn controls(
    recorded: &Recorded,
    unmixed: &[Matched],
    one: &[Matched],
    options: &Options,
) -> Vec<Control> {
    let joined =
        unmixed.iter().map(Matched::top_one).sum::<f64>() / (unmixed.len() as f64).max(1.0);
    let mut draws = random(options.seed, GUESS + 1);
    let drawn: Vec<Matched> = one
        .iter()
        .filter(|one| one.candidates.len() > 1)
        .map(|one| {
            let right = draws.random_range(0..one.candidates.len());
            let candidates = one.candidates.iter().enumerate();
            Matched {
                candidates: candidates
                    .map(|(place, (weight, _))| (*weight, place == right))
                    .collect(),
            }
        })
        .collect();
    let control = |what, must_leak, value, held| Control {
        attack: Attack::Timing,
        run: recorded.run.clone(),
        what,
        must_leak,
        value,
        held,
    };
    let mut controls = vec![control("no mixing", true, Some(joined), joined > 0.95)];
    // Where there is never more than one candidate there is nothing to draw.
    let drawn_right =
        drawn.iter().map(Matched::top_one).sum::<f64>() / (drawn.len() as f64).max(1.0);
    if let Some(chance) = guessed(&drawn, options).filter(|_| drawn.len() > 100) {
        let spread = chance.high - chance.low;
        let held = (drawn_right - chance.mean).abs() <= 2.0 * spread;
        controls.push(control(
            "the right one drawn by lot",
            false,
            Some(drawn_right),
            held,
        ));
    }
    controls
}
