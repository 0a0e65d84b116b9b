//! From a scenario and a seed to a directory: the population, the run, every view, and a manifest that says what is in them.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::LabError;
use crate::population::Population;
use crate::sample::{Sealed, seal_some};
use crate::scenario::Scenario;
use crate::simulate::{Run, Summary, random, stream};
use crate::views::{FileDigest, Format, Recording};

/// The version of what a directory holds.
pub const SCHEMA: u32 = 1;

/// The manifest's file.
pub const MANIFEST: &str = "manifest.json";

/// The copy of the scenario.
pub const SCENARIO: &str = "scenario.toml";

/// What a directory holds, and how to make it again. It tells no time: equal scenarios and seeds make equal directories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of sotto-lab that recorded it.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// What the scenario calls itself.
    pub title: String,
    /// SHA-256 of the scenario's text, hexadecimal.
    pub scenario_sha256: String,
    /// What the run came to.
    pub summary: Summary,
    /// Who could be asked for.
    pub names: Census,
    /// What showed that the sizes are right.
    pub sealed: Sealed,
    /// The files of the views.
    pub files: Vec<FileDigest>,
}

/// Who could be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Names.
    pub names: usize,
    /// Names that have no record.
    pub absent: usize,
    /// Zones' servers.
    pub authorities: usize,
    /// Questions that the proofs of all take.
    pub questions: usize,
    /// Octets of the shortest, the median and the longest proof.
    pub proof_octets: [usize; 3],
}

/// What a long job tells while it runs.
pub trait Progress {
    /// A part of so many steps begins.
    fn begin(&mut self, part: &'static str, steps: u64);
    /// A step is done.
    fn step(&mut self);
}

/// Records a run into a directory, which is made and must not be there.
///
/// # Errors
///
/// [`LabError`]: the scenario, the directory, or no room.
pub fn record(
    scenario: &Path,
    seed: u64,
    directory: &Path,
    format: Format,
    progress: &mut impl Progress,
) -> Result<Manifest, LabError> {
    let (scenario, text) = Scenario::read(scenario)?;
    if directory.exists() {
        return Err(LabError::Exists(directory.to_owned()));
    }
    fs::create_dir_all(directory).map_err(LabError::file(directory))?;
    write(&directory.join(SCENARIO), text.as_bytes())?;

    progress.begin("Proving names", u64::from(scenario.names.count));
    let mut draws = random(seed, stream::POPULATION);
    let population = Population::new(&scenario, &mut draws, || progress.step())?;
    let sealed = seal_some(&scenario, &population)?;
    let recording = Recording::create(directory, format)?;
    let run = Run::new(&scenario, &population, seed, recording)?;
    progress.begin("Looking up", scenario.lookups + scenario.warm_up);
    let (summary, recording) = run.complete(|| progress.step())?;
    let manifest = Manifest {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed,
        title: scenario.title.clone(),
        scenario_sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes())),
        summary,
        names: census(&population),
        sealed,
        files: recording.finish()?,
    };
    let path = directory.join(MANIFEST);
    let mut json = serde_json::to_string_pretty(&manifest)
        .map_err(|error| LabError::Contradiction(error.to_string()))?;
    json.push('\n');
    write(&path, json.as_bytes())?;
    Ok(manifest)
}

/// Reads the manifest of a directory, and its scenario.
///
/// # Errors
///
/// [`LabError`] if they are not there, or of another version.
pub fn open(directory: &Path) -> Result<(Manifest, Scenario), LabError> {
    let path = directory.join(MANIFEST);
    let text = fs::read(&path).map_err(LabError::file(&path))?;
    let schema = serde_json::from_slice::<Versioned>(&text).map_or(0, |read| read.schema);
    if schema != SCHEMA {
        return Err(LabError::Schema {
            path,
            found: schema,
            expected: SCHEMA,
        });
    }
    let manifest = serde_json::from_slice(&text).map_err(|error| LabError::Row {
        path: path.clone(),
        row: error.line(),
        reason: error.to_string(),
    })?;
    let (scenario, _) = Scenario::read(&directory.join(SCENARIO))?;
    Ok((manifest, scenario))
}

#[derive(Deserialize)]
struct Versioned {
    schema: u32,
}

fn census(population: &Population) -> Census {
    let mut octets: Vec<usize> = population
        .people
        .iter()
        .map(|person| person.proof_octets)
        .collect();
    octets.sort_unstable();
    let exists = |person: &&crate::population::Person| person.presence.exists();
    Census {
        names: population.people.len(),
        absent: population.people.len() - population.people.iter().filter(exists).count(),
        authorities: population.authorities.len(),
        questions: population.questions.len(),
        proof_octets: [
            octets[0],
            octets[octets.len() / 2],
            octets[octets.len() - 1],
        ],
    }
}

fn write(path: &Path, octets: &[u8]) -> Result<(), LabError> {
    fs::write(path, octets).map_err(LabError::file(path))
}
