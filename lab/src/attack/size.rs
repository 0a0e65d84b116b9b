//! Whoever sees the octets of answers: the networks on both sides of a relay, and the relay.
//!
//! The secret is the name asked for. The run's own padding is attacked as recorded, others by the octets that the same answers would
//! have had.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::population::answer_octets;
use crate::scenario::Padding;
use crate::simulate::random;
use crate::statistics::{Joint, resample};
use crate::views::{RelaySaw, Truth};
use sotto_wire::AnswerClass;

/// Paddings that are compared: none, those of the published reference rows, and what a gateway does.
const PADDINGS: [Padding; 6] = [
    Padding::None,
    Padding::Block(128),
    Padding::Block(468),
    Padding::Block(1_024),
    Padding::Block(4_096),
    Padding::Classes,
];

const SAMPLE: u64 = 111;
const SHUFFLE: u64 = 112;

/// Judges how much the sizes of a run tell.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let relay: Vec<RelaySaw> = recorded.view()?;
    let mut draws = random(options.seed, SAMPLE);
    let sample = resample::sample(recorded.truth.len(), options.sample, &mut draws);
    let lookups: Vec<&Truth> = sample.iter().map(|place| &recorded.truth[*place]).collect();
    let seen = lookups
        .iter()
        .map(|truth| Ok(recorded.row(&relay, truth.relay_row)?.answer_octets as usize))
        .collect::<Result<Vec<_>, LabError>>()?;
    let own = format!("as recorded: {}", shown(recorded.scenario.gateway.padding));
    let mut found = Found::default();
    found
        .findings
        .push(measure(recorded, &lookups, &seen, own, options));
    for padding in PADDINGS {
        let octets = octets(&lookups, padding);
        let finding = measure(recorded, &lookups, &octets, shown(padding), options);
        found.findings.push(finding);
    }
    found.controls = controls(recorded, &lookups, options);
    Ok(found)
}

fn shown(padding: Padding) -> String {
    match padding {
        Padding::Classes => "classes of 8,192 and 65,536".to_owned(),
        Padding::None => "none".to_owned(),
        Padding::Block(block) => format!("multiples of {block}"),
    }
}

fn octets(lookups: &[&Truth], padding: Padding) -> Vec<usize> {
    let octets = |truth: &&Truth| answer_octets(padding, truth.proof_octets as usize);
    lookups.iter().map(octets).collect()
}

fn joint(lookups: &[&Truth], octets: &[usize]) -> Joint {
    let pairs: Vec<(u32, usize)> = lookups
        .iter()
        .zip(octets)
        .map(|(truth, octets)| (truth.rank, *octets))
        .collect();
    Joint::new(&pairs)
}

fn measure(
    recorded: &Recorded,
    lookups: &[&Truth],
    seen: &[usize],
    condition: String,
    options: &Options,
) -> Finding {
    let joint = joint(lookups, seen);
    let value = joint.mutual_information();
    let clusters: Vec<u32> = (0..).take(lookups.len()).collect();
    let chance = options
        .permutation()
        .baseline(joint.observations(), value, |dealt| {
            Some(joint.with_observations(dealt).mutual_information())
        });
    let count = (lookups.len() as f64).max(1.0);
    let bare: usize = octets(lookups, Padding::None).iter().sum();
    let overflow = seen
        .iter()
        .filter(|octets| **octets > AnswerClass::Base.bytes());
    Finding {
        attack: Attack::Size,
        run: recorded.run.clone(),
        observer: "network and relay",
        target: "the name".to_owned(),
        condition,
        metric: "bits",
        value: Some(value),
        interval: options.bootstrap().interval(&clusters, |weights| {
            Some(joint.weighted_information(weights))
        }),
        chance,
        cost: Cost {
            octets: (seen.iter().sum::<usize>() as f64 - bare as f64) / count,
            milliseconds: 0.0,
        },
        beside: BTreeMap::from([
            ("name_bits", joint.secret_entropy()),
            ("top_one", joint.top_one()),
            ("top_one_blind", joint.top_one_blind()),
            ("effective_set", joint.effective_set()),
            ("overflow_share", overflow.count() as f64 / count),
        ]),
        lookups: lookups.len(),
    }
}

/// Sizes that are not padded must tell, sizes that are all alike must not, nor sizes that were dealt anew.
fn controls(recorded: &Recorded, lookups: &[&Truth], options: &Options) -> Vec<Control> {
    let bare = octets(lookups, Padding::None);
    let joint_bare = joint(lookups, &bare);
    let mut dealt = joint_bare.observations().to_vec();
    dealt.shuffle(&mut random(options.seed, SHUFFLE));
    let shuffled = joint_bare.with_observations(&dealt);
    let chance = |joint: &Joint| {
        let value = joint.mutual_information();
        options
            .permutation()
            .baseline(joint.observations(), value, |dealt| {
                Some(joint.with_observations(dealt).mutual_information())
            })
    };
    let unlikely = 1.0 / (options.rounds as f64 + 1.0) + f64::EPSILON;
    let alike = joint(lookups, &vec![AnswerClass::Base.bytes(); lookups.len()]);
    let control = |what, must_leak, value, held| Control {
        attack: Attack::Size,
        run: recorded.run.clone(),
        what,
        must_leak,
        value: Some(value),
        held,
    };
    let leaks = chance(&joint_bare).is_some_and(|chance| {
        let value = joint_bare.mutual_information();
        value > chance.high && value > joint_bare.secret_entropy() / 4.0
    });
    vec![
        control("no padding", true, joint_bare.mutual_information(), leaks),
        control(
            "one size for all",
            false,
            alike.mutual_information(),
            alike.mutual_information() == 0.0,
        ),
        control(
            "sizes dealt anew",
            false,
            shuffled.mutual_information(),
            chance(&shuffled).is_some_and(|chance| chance.p > unlikely),
        ),
    ]
}
