//! A relay that sends an envelope again, to see by the answer's time whether its name is kept by now.
//!
//! Every request of the run, and each of a sample once more after some time, goes through the gateway's own replay window.

use std::collections::BTreeMap;

use sotto_gateway::replays::{Replays, WINDOW_SECONDS};

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::simulate::random;
use crate::statistics::resample;
use crate::views::GatewaySaw;

/// After how many seconds an envelope is sent again: at once, just within what the window promises, beyond what it holds at most.
const AFTER: [u64; 4] = [1, 60, WINDOW_SECONDS - 1, 2 * WINDOW_SECONDS + 1];

const SAMPLE: u64 = 171;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// Judges how many envelopes are answered twice.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let gateway: Vec<GatewaySaw> = recorded.view()?;
    let start = recorded.scenario.start;
    let mut arrivals: Vec<u64> = gateway
        .iter()
        .map(|row| start + row.received_us / SECOND)
        .collect();
    arrivals.sort_unstable();
    let mut draws = random(options.seed, SAMPLE);
    let sample = resample::sample(arrivals.len(), options.sample, &mut draws);
    let entries = sotto_gateway::config::Privacy::default().replay_entries;
    let mut findings = Vec::new();
    for after in AFTER {
        let accepted = accepted(&arrivals, &sample, after, &window(entries)?, None);
        findings.push(finding(recorded, options, after, &accepted));
    }
    let share = |accepted: &[bool]| {
        accepted.iter().filter(|accepted| **accepted).count() as f64
            / (accepted.len() as f64).max(1.0)
    };
    let elsewhere = accepted(
        &arrivals,
        &sample,
        1,
        &window(entries)?,
        Some(&window(entries)?),
    );
    let forgetful = accepted(&arrivals, &sample, 1, &window(0)?, None);
    let within = accepted(&arrivals, &sample, 1, &window(entries)?, None);
    let control = |what, must_leak, value, held| Control {
        attack: Attack::Replay,
        run: recorded.run.clone(),
        what,
        must_leak,
        value: Some(value),
        held,
    };
    let controls = vec![
        control(
            "a window of no entries",
            true,
            share(&forgetful),
            share(&forgetful) == 1.0,
        ),
        control(
            "another instance",
            true,
            share(&elsewhere),
            share(&elsewhere) == 1.0,
        ),
        control(
            "a second later",
            false,
            share(&within),
            share(&within) == 0.0,
        ),
    ];
    Ok(Found { findings, controls })
}

fn window(entries: usize) -> Result<Replays, LabError> {
    Replays::new(entries)
        .ok_or_else(|| LabError::Contradiction("the system gives no randomness".to_owned()))
}

/// Whether each of a sample is answered when it is sent again, there or `elsewhere`.
fn accepted(
    arrivals: &[u64],
    sample: &[usize],
    after: u64,
    window: &Replays,
    elsewhere: Option<&Replays>,
) -> Vec<bool> {
    // At one second a request comes before what is sent again.
    let first = arrivals
        .iter()
        .enumerate()
        .map(|(number, at)| (*at, false, number));
    let again = sample
        .iter()
        .map(|number| (arrivals[*number] + after, true, *number));
    let mut events: Vec<(u64, bool, usize)> = first.chain(again).collect();
    events.sort_unstable();
    let mut accepted = Vec::with_capacity(sample.len());
    for (now, is_again, number) in events {
        let key = (number as u64).to_be_bytes();
        if is_again {
            let window = elsewhere.unwrap_or(window);
            accepted.push(!window.has_seen(&key, now));
        } else {
            window.remember(&key, now);
        }
    }
    accepted
}

fn finding(recorded: &Recorded, options: &Options, after: u64, accepted: &[bool]) -> Finding {
    let count = (accepted.len() as f64).max(1.0);
    let places: Vec<u32> = (0..).take(accepted.len()).collect();
    let interval = options.bootstrap().interval(&places, |weights| {
        let answered = accepted
            .iter()
            .zip(weights)
            .filter(|(accepted, _)| **accepted);
        Some(answered.map(|(_, weight)| f64::from(*weight)).sum::<f64>() / count)
    });
    Finding {
        attack: Attack::Replay,
        run: recorded.run.clone(),
        observer: "relay",
        target: "whether a name is kept by now, by its envelope sent again".to_owned(),
        condition: format!("after {after} s"),
        metric: "share answered",
        value: Some(accepted.iter().filter(|accepted| **accepted).count() as f64 / count),
        interval,
        chance: None,
        cost: Cost::default(),
        beside: BTreeMap::new(),
        lookups: accepted.len(),
    }
}
