//! Why the laboratory cannot do what it was asked to.

use std::io;
use std::path::{Path, PathBuf};

use sotto_proof::ProveError;
use sotto_world::dns::DnsError;

use crate::scenario::ScenarioError;

/// Why a run or an attack did not come about. Nothing here is a finding.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The scenario is none.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A budget is none.
    #[error("{path} is no budget; lab/budgets/defaults.toml is one")]
    Budget {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A row of a recorded view is not one.
    #[error("{path}, row {row}: {reason}; record the run anew with this version of sotto-lab")]
    Row {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        row: usize,
        /// What is wrong.
        reason: String,
    },
    /// A recorded view is missing.
    #[error(
        "{0} holds neither {1}.jsonl nor {1}.csv: name the directory that `sotto-lab run --out` wrote"
    )]
    Missing(PathBuf, &'static str),
    /// The directory was recorded by another version of the format.
    #[error("{path} has schema {found}, this version reads schema {expected}: record the run anew")]
    Schema {
        /// The manifest.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What is read.
        expected: u32,
    },
    /// The directory is in use.
    #[error("{0} is there already: name another directory, or remove it first")]
    Exists(PathBuf),
    /// The population's zones could not be made.
    #[error("the zones could not be made")]
    Dns(#[from] DnsError),
    /// The population's names could not be proved.
    #[error("a name could not be proved")]
    Prove(#[from] ProveError),
    /// Something that the laboratory itself wrote is not what it should be.
    #[error("the laboratory contradicts itself: {0}")]
    Contradiction(String),
}

impl LabError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
