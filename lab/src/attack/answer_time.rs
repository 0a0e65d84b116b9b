//! A relay that measures how long the gateway takes with each request.
//!
//! It knows when it sent a request on and when the answer came, and so the gateway's time but for what the network adds. It learns
//! from half of the names, which it may ask for itself, how long answers of each kind take, and judges the other half by the likelihood
//! ratio. The figure is the area under the curve (AUC): 0.5 tells nothing, 1 everything.
//!
//! The step of the run itself is attacked as recorded. For other steps, what the relay would have measured is made of the run: when the
//! answer was ready, the gateway's own rule for when it leaves, and what the network added. Nothing in a run depends on when
//! answers leave, so this is what a run with that step records.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use sotto_gateway::answer_time::leaves_after;

use super::likelihood::Judge;
use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::simulate::random;
use crate::statistics::{Interval, Roc, resample};
use crate::views::RelaySaw;

/// The generator's streams of this attack.
const SAMPLE: u64 = 101;
const COINS: u64 = 102;

/// A lookup as the attack needs it.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// From the request's arrival at the gateway until the answer was ready.
    work: Duration,
    /// What the network added to what the relay measured, in microseconds.
    added: f64,
    cached: bool,
    exists: bool,
    /// The name, by its popularity.
    name: u32,
    coin: bool,
}

/// What the relay wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Cached,
    Exists,
    ExistsUncached,
    Coin,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Cached => "at hand or not",
            Self::Exists => "existing or not",
            Self::ExistsUncached => "existing or not, of those not at hand",
            Self::Coin => "a coin",
        }
    }

    fn label(self, case: &Case) -> Option<bool> {
        match self {
            // Positive are those that take longer, as a rule.
            Self::Cached => Some(!case.cached),
            Self::Exists => Some(case.exists),
            Self::ExistsUncached => (!case.cached).then_some(case.exists),
            Self::Coin => Some(case.coin),
        }
    }
}

/// Judges how much the times of a run tell.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let cases = cases(recorded, options)?;
    let own = recorded.scenario.gateway.answer_step_ms;
    let rows = options
        .steps_ms
        .iter()
        .map(|step| (*step, format!("D = {step} ms")));
    let rows: Vec<(u64, String)> = std::iter::once((own, "as recorded".to_owned()))
        .chain(rows)
        .collect();
    let mut found = Found::default();
    for target in [Target::Cached, Target::Exists, Target::ExistsUncached] {
        for (step, condition) in &rows {
            let row = (Duration::from_millis(*step), condition.as_str());
            let finding = measure(recorded, &cases, row, target, options);
            found.findings.push(finding);
        }
    }
    found.controls = controls(recorded, &cases, options);
    Ok(found)
}

fn cases(recorded: &Recorded, options: &Options) -> Result<Vec<Case>, LabError> {
    let relay: Vec<RelaySaw> = recorded.view()?;
    let step = recorded.scenario.gateway.answer_step();
    let mut draws = random(options.seed, SAMPLE);
    let mut coins = random(options.seed, COINS);
    resample::sample(recorded.truth.len(), options.sample, &mut draws)
        .into_iter()
        .map(|place| {
            let truth = &recorded.truth[place];
            let saw = recorded.row(&relay, truth.relay_row)?;
            let work = Duration::from_micros(truth.work_us);
            let (after, _) = leaves_after(work, step);
            let measured = (saw.answered_us - saw.forwarded_us) as f64;
            Ok(Case {
                work,
                added: measured - after.as_micros() as f64,
                cached: truth.cached,
                exists: truth.presence.exists(),
                name: truth.rank,
                coin: coins.random(),
            })
        })
        .collect()
}

/// What the relay measures with a step, in microseconds.
fn measured(case: &Case, step: Duration) -> f64 {
    leaves_after(case.work, step).0.as_micros() as f64 + case.added
}

/// The curve of a target among the names that the relay has not learnt from, and the names.
fn curve(cases: &[Case], step: Duration, target: Target) -> (Roc, Vec<u32>) {
    let (mut examples, mut tests, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for case in cases {
        let Some(label) = target.label(case) else {
            continue;
        };
        // Every other name by popularity, so that both halves are alike.
        if case.name.is_multiple_of(2) {
            examples.push((measured(case, step), label));
        } else {
            tests.push((measured(case, step), label));
            names.push(case.name);
        }
    }
    let judge = Judge::learn(&examples);
    let scored: Vec<_> = tests
        .iter()
        .map(|(time, label)| (judge.score(*time), *label))
        .collect();
    (Roc::new(&scored), names)
}

fn measure(
    recorded: &Recorded,
    cases: &[Case],
    (step, condition): (Duration, &str),
    target: Target,
    options: &Options,
) -> Finding {
    let (roc, names) = curve(cases, step, target);
    let value = roc.auc();
    let interval = value.and_then(|_| interval(&roc, &names, options));
    let chance = value.and_then(|value| {
        let relabelled = |labels: &[bool]| roc.relabelled_auc(labels);
        options
            .permutation()
            .baseline(roc.labels(), value, relabelled)
    });
    let share = |part: &dyn Fn(&&Case) -> bool, of: &dyn Fn(&&Case) -> bool| {
        let of: Vec<_> = cases.iter().filter(of).collect();
        of.iter().copied().filter(part).count() as f64 / (of.len() as f64).max(1.0)
    };
    let late = |case: &&Case| leaves_after(case.work, step).1;
    let added_ms = cases
        .iter()
        .map(|case| (leaves_after(case.work, step).0 - case.work).as_secs_f64() * 1_000.0)
        .sum::<f64>()
        / (cases.len() as f64).max(1.0);
    let beside = BTreeMap::from([
        ("step_ms", step.as_millis() as f64),
        ("late_share", share(&late, &|_| true)),
        ("late_share_at_hand", share(&late, &|case| case.cached)),
        ("late_share_not_at_hand", share(&late, &|case| !case.cached)),
        ("at_hand_share", share(&|case| case.cached, &|_| true)),
        (
            "positives_at_1_in_1000",
            roc.true_positives_at(1e-3).unwrap_or(f64::NAN),
        ),
    ]);
    Finding {
        attack: Attack::AnswerTime,
        run: recorded.run.clone(),
        observer: "relay",
        target: target.name().to_owned(),
        condition: condition.to_owned(),
        metric: "AUC",
        value,
        interval,
        chance,
        cost: Cost {
            octets: 0.0,
            milliseconds: added_ms,
        },
        beside: beside
            .into_iter()
            .filter(|(_, figure)| figure.is_finite())
            .collect(),
        lookups: roc.labels().len(),
    }
}

fn interval(roc: &Roc, names: &[u32], options: &Options) -> Option<Interval> {
    options
        .bootstrap()
        .interval(names, |weights| roc.weighted_auc(weights))
}

/// At no step, what is at hand must show; a coin must not, nor anything where all answers leave at one step.
fn controls(recorded: &Recorded, cases: &[Case], options: &Options) -> Vec<Control> {
    let longest = cases.iter().map(|case| case.work).max().unwrap_or_default();
    let all_at_once = longest + Duration::from_millis(1);
    let rows = [
        (
            "no step: what is at hand",
            Duration::ZERO,
            Target::Cached,
            true,
        ),
        ("no step: a coin", Duration::ZERO, Target::Coin, false),
        (
            "a step longer than any work: what is at hand",
            all_at_once,
            Target::Cached,
            false,
        ),
        (
            "a step longer than any work: existence",
            all_at_once,
            Target::Exists,
            false,
        ),
    ];
    rows.into_iter()
        .filter_map(|(what, step, target, must_leak)| {
            let (roc, names) = curve(cases, step, target);
            let value = roc.auc()?;
            let held = if must_leak {
                interval(&roc, &names, options).is_some_and(|interval| interval.low > 0.9)
            } else {
                let relabelled = |labels: &[bool]| roc.relabelled_auc(labels);
                let chance = options
                    .permutation()
                    .baseline(roc.labels(), value, relabelled)?;
                // As far from chance as no round of chance came.
                chance.p > 1.0 / (options.rounds as f64 + 1.0) + f64::EPSILON
            };
            Some(Control {
                attack: Attack::AnswerTime,
                run: recorded.run.clone(),
                what,
                must_leak,
                value: Some(value),
                held,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: u32, work_ms: u64, cached: bool) -> Case {
        Case {
            work: Duration::from_millis(work_ms),
            added: f64::from(name % 7),
            cached,
            exists: true,
            name,
            coin: false,
        }
    }

    #[test]
    fn the_area_is_what_the_late_shares_make_it() {
        // A quarter of what is not at hand takes 300 ms, the rest 100; what is at hand takes one.
        let cases: Vec<Case> = (0..4_000)
            .map(|name| match name % 16 {
                0..8 => case(name, 1, true),
                8 | 9 => case(name, 300, false),
                _ => case(name, 100, false),
            })
            .collect();
        let area = |step_ms| {
            let (roc, _) = curve(&cases, Duration::from_millis(step_ms), Target::Cached);
            roc.auc().unwrap()
        };
        assert!(area(0) > 0.999);
        assert!(area(50) > 0.999);
        // 0.5 + (0.25 - 0) / 2, and nothing else to see but what the network adds to all alike.
        assert!((area(250) - 0.625).abs() < 0.03, "{}", area(250));
        assert!((area(500) - 0.5).abs() < 0.06, "{}", area(500));
    }
}
