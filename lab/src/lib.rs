//! What the laboratory of Sotto measures with: a simulated population whose every party's view is recorded, and
//! attacks on those views.
//!
//! - [`scenario`]: what is simulated, as a file. [`population`]: who is asked for, with real proofs.
//! - [`simulate`]: every message of every lookup, in simulated time, by the gateway's and the relay's own rules.
//!   [`sample`] seals some of them with real keys; [`record`](mod@record) writes it all to a directory.
//! - [`views`]: what each party saw, typed so that none can hold what its party must not know.
//! - [`attack`](mod@attack): what each of them can make of it, with intervals, baselines and controls.
//!   [`budget`]: what may leak at most. [`report`]: all of it as a page to publish.
//! - [`statistics`]: pure estimators of leakage.

pub mod attack;
pub mod budget;
mod error;
pub mod population;
pub mod record;
pub mod report;
pub mod sample;
pub mod scenario;
pub mod simulate;
pub mod statistics;
pub mod views;

pub use error::LabError;
