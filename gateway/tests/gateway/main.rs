//! A whole gateway on loopback, with a scripted resolver behind it and a simulated clock.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod exchange;
mod holding;
mod online;
mod readiness;
mod resolver;
mod rotation;
mod start;
