//! Estimators of leakage: pure functions of what was seen, each with its interval and its baseline.
//!
//! - [`information`]: entropy, mutual information, what the best guess is right in, the size of the set that one hides in.
//! - [`roc`]: how well a score tells two kinds apart (AUC, true positives at a fixed share of false ones).
//! - [`resample`]: bootstrap intervals and permutation baselines, from a seed that is passed in.
//!
//! Each is tested against distributions whose values are known, and against vectors that SciPy and scikit-learn made
//! (`lab/tests/vectors/statistics.py`).

pub mod information;
pub mod resample;
pub mod roc;

pub use information::{Joint, effective_set, entropy};
pub use resample::{Baseline, Bootstrap, Interval, Permutation};
pub use roc::Roc;
