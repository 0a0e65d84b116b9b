//! Attacks on what a run recorded: each takes the view of one observer, and the truth only to see whether it was right.
//!
//! Every figure comes with a bootstrap interval, with what chance alone would give (the labels dealt anew), and with what the protection costs in
//! octets and milliseconds. Every attack has controls: one that must leak, or the attack finds nothing that is there, and one that must
//! not, or it finds what is not there. [`Report::held`] is false if one of them came out otherwise, whatever the figures.

pub mod answer_time;
pub mod burst;
pub mod collusion;
pub mod enumeration;
pub mod intersection;
pub mod key_partition;
mod likelihood;
pub mod replay;
pub mod size;
pub mod timing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::LabError;
use crate::record::{Manifest, Progress, open};
use crate::scenario::Scenario;
use crate::statistics::{Baseline, Bootstrap, Interval, Permutation};
use crate::views::{Truth, View, read};

/// The version of what `--json` prints.
pub const SCHEMA: u32 = 1;

/// An attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// The relay, by how long the gateway takes: at hand or not, existing or not.
    AnswerTime,
    /// The network and the relay, by the octets of answers.
    Size,
    /// The network on both sides of a relay, by when messages come and leave.
    Timing,
    /// The gateway, by which key a request is sealed to.
    KeyPartition,
    /// The gateway, by which questions follow one another.
    Burst,
    /// The gateway and the network before the relays, by who was active each time that a name was asked for.
    Intersection,
    /// The relay, by sending an envelope again.
    Replay,
    /// Any client, by asking for every name that it can think of.
    Enumeration,
    /// Relay and gateway together: the upper bound.
    Collusion,
}

impl Attack {
    /// Every attack.
    pub const ALL: [Self; 9] = [
        Self::AnswerTime,
        Self::Size,
        Self::Timing,
        Self::KeyPartition,
        Self::Burst,
        Self::Intersection,
        Self::Replay,
        Self::Enumeration,
        Self::Collusion,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnswerTime => "answer-time",
            Self::Size => "size",
            Self::Timing => "timing",
            Self::KeyPartition => "key-partition",
            Self::Burst => "burst",
            Self::Intersection => "intersection",
            Self::Replay => "replay",
            Self::Enumeration => "enumeration",
            Self::Collusion => "collusion",
        }
    }
}

/// How thoroughly.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which attacks.
    pub attacks: Vec<Attack>,
    /// Where the generators begin.
    pub seed: u64,
    /// Lookups that are looked at, at most: a sample of the run.
    pub sample: usize,
    /// Samples of the bootstrap.
    pub resamples: usize,
    /// Rounds of the permutation.
    pub rounds: usize,
    /// Steps of the answer time to compare, in milliseconds.
    pub steps_ms: Vec<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attacks: Attack::ALL.to_vec(),
            seed: 1,
            sample: 20_000,
            resamples: 500,
            rounds: 500,
            steps_ms: vec![0, 50, 100, 250, 500, 1_000],
        }
    }
}

impl Options {
    pub(crate) const fn bootstrap(&self) -> Bootstrap {
        Bootstrap {
            resamples: self.resamples,
            seed: self.seed,
        }
    }

    pub(crate) const fn permutation(&self) -> Permutation {
        Permutation {
            rounds: self.rounds,
            // Not the draws of the bootstrap again.
            seed: self.seed ^ 0x5eed,
        }
    }
}

/// What an attack found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which attack.
    pub attack: Attack,
    /// Which run, by its directory.
    pub run: String,
    /// Whose view it takes.
    pub observer: &'static str,
    /// What it wants to know.
    pub target: String,
    /// Under which protection.
    pub condition: String,
    /// What is measured.
    pub metric: &'static str,
    /// The figure; absent if there is nothing to tell apart.
    pub value: Option<f64>,
    /// Its bootstrap interval, 95 %.
    pub interval: Option<Interval>,
    /// What chance alone gives.
    pub chance: Option<Baseline>,
    /// What the protection costs.
    pub cost: Cost,
    /// Figures beside it.
    pub beside: BTreeMap<&'static str, f64>,
    /// Lookups that it rests on.
    pub lookups: usize,
}

/// What a protection costs each lookup, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Octets added to the answer.
    pub octets: f64,
    /// Milliseconds added.
    pub milliseconds: f64,
}

/// A figure that must come out one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    /// Of which attack.
    pub attack: Attack,
    /// On which run.
    pub run: String,
    /// What was done.
    pub what: &'static str,
    /// Whether it must leak.
    pub must_leak: bool,
    /// The figure.
    pub value: Option<f64>,
    /// Whether it came out as it must.
    pub held: bool,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The runs.
    pub runs: Vec<Source>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What had to come out one way.
    pub controls: Vec<Control>,
}

/// A run that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// The directory.
    pub run: String,
    /// What the scenario calls itself.
    pub title: String,
    /// The seed.
    pub seed: u64,
    /// SHA-256 of the scenario.
    pub scenario_sha256: String,
    /// The version that recorded it.
    pub version: String,
}

impl Report {
    /// Whether every control came out as it must.
    #[must_use]
    pub fn held(&self) -> bool {
        self.controls.iter().all(|control| control.held)
    }
}

/// A run, read back.
pub struct Recorded {
    directory: PathBuf,
    /// The directory, as it was named.
    pub run: String,
    /// What is in it.
    pub manifest: Manifest,
    /// What was simulated.
    pub scenario: Scenario,
    /// What nobody knows.
    pub truth: Vec<Truth>,
}

impl Recorded {
    /// Opens a run.
    ///
    /// # Errors
    ///
    /// [`LabError`] if the directory holds none.
    pub fn open(directory: &Path) -> Result<Self, LabError> {
        let (manifest, scenario) = open(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            run: directory.display().to_string(),
            manifest,
            scenario,
            truth: read(directory)?,
        })
    }

    /// Reads a view.
    ///
    /// # Errors
    ///
    /// [`LabError`] if it is not there.
    pub fn view<T: View>(&self) -> Result<Vec<T>, LabError> {
        read(&self.directory)
    }

    /// A row that the truth points to.
    pub(crate) fn row<'a, T: View>(&self, rows: &'a [T], number: u64) -> Result<&'a T, LabError> {
        rows.get(number as usize).ok_or_else(|| LabError::Row {
            path: self.directory.join(T::FILE),
            row: number as usize + 1,
            reason: "the truth points to it, and it is not there".to_owned(),
        })
    }
}

/// What one attack makes of one run.
#[derive(Default)]
pub struct Found {
    pub(crate) findings: Vec<Finding>,
    pub(crate) controls: Vec<Control>,
}

/// Makes attacks on runs.
///
/// # Errors
///
/// [`LabError`] if a run cannot be read. A control that fails is no error: [`Report::held`] tells.
pub fn attack(
    directories: &[PathBuf],
    options: &Options,
    progress: &mut impl Progress,
) -> Result<Report, LabError> {
    let mut report = Report {
        schema: SCHEMA,
        runs: Vec::new(),
        findings: Vec::new(),
        controls: Vec::new(),
    };
    for directory in directories {
        let recorded = Recorded::open(directory)?;
        progress.begin("Attacking", options.attacks.len() as u64);
        for attack in &options.attacks {
            let found = match attack {
                Attack::AnswerTime => answer_time::attack(&recorded, options),
                Attack::Size => size::attack(&recorded, options),
                Attack::Timing => timing::attack(&recorded, options),
                Attack::KeyPartition => key_partition::attack(&recorded, options),
                Attack::Burst => burst::attack(&recorded, options),
                Attack::Intersection => intersection::attack(&recorded, options),
                Attack::Replay => replay::attack(&recorded, options),
                Attack::Enumeration => enumeration::attack(&recorded, options),
                Attack::Collusion => collusion::attack(&recorded, options),
            }?;
            report.findings.extend(found.findings);
            report.controls.extend(found.controls);
            progress.step();
        }
        report.runs.push(Source {
            run: recorded.run,
            title: recorded.manifest.title,
            seed: recorded.manifest.seed,
            scenario_sha256: recorded.manifest.scenario_sha256,
            version: recorded.manifest.version,
        });
    }
    Ok(report)
}
