//! What the laboratory of Sotto measures with: a simulated population whose every party's view is recorded, and
//! attacks on those views.
//!
//! - [`statistics`]: pure estimators of leakage.

pub mod statistics;
