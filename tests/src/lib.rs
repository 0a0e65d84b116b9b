//! The test world of real parts: what the tests in `tests/` stand on.
//!
//! [`Hierarchy`] is a DNS of its own on loopback: zones signed by BIND's and ldns's tools, served by
//! NSD and Knot, resolved by Unbound. [`Parties`] are a relay and a gateway as processes, TLS on both hops.
//! [`oracle`] asks software that is not ours what it thinks of a name.
//!
//! Nothing is skipped when a tool is missing: the test fails and says what to install. Every port
//! is given by the system, every file lies in a temporary directory, and every process ends with the test
//! process, however that ends.

pub mod annex;
pub mod asker;
pub mod authority;
pub mod balancer;
pub mod binaries;
mod ca;
pub mod contacts;
pub mod crowd;
mod dns;
pub mod faults;
mod hierarchy;
pub mod impostor;
pub mod nginx;
pub mod offline;
pub mod oracle;
pub mod pages;
mod parties;
pub mod peers;
mod ports;
pub mod primary;
pub mod provider;
pub mod raw;
mod service;
mod sign;
pub mod sotto;
pub mod taciturn;
pub mod tap;
pub mod tools;
mod zones;

pub use hierarchy::Hierarchy;
pub use parties::{GATEWAY_HOST, Parties, install_gateway};

use std::time::{SystemTime, UNIX_EPOCH};

/// The system's time in Unix seconds: the servers under test use it too, so signatures must hold now.
///
/// # Panics
///
/// If the clock stands before 1970.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the one clock of the test world")]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock stands after 1970")
        .as_secs()
}
