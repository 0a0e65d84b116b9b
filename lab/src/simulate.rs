//! A run in simulated time: every message of every lookup, and what each party saw of it.
//!
//! [`Run`] owns a heap of events and nothing else moves time. Parties are values that are told the time and answer with times:
//! [`upstream`] is the resolver with the authorities behind it, [`gateway`] the gateway, whose caches age and whose answers leave
//! by the gateway's own rules (`sotto_gateway::ageing`, `sotto_gateway::answer_time`); relays hold messages by the relay's own
//! policy (`sotto_relay::mixing`). [`workload`] says who asks for whom and when.
//!
//! Each of them, and each way of the network, draws from a stream of its own of one seeded generator, so that a change in one, the
//! step of the answers say, leaves what the others draw as it was. Equal scenarios and seeds give equal rows.
//!
//! # Limitations
//!
//! No envelope is sealed for each lookup: a sample is, with the real keys, and the sizes of the rest are taken from it
//! ([`crate::sample`]). The questions of a proof are asked in the order in which the prover asked them when responses came in
//! the order of the questions. Caches are as large as they need to be. Loss happens to datagrams between resolver and
//! authorities alone; HTTP connections neither break nor stall.

mod delay;
mod exchange;
pub mod gateway;
mod heap;
mod keys;
mod run;
pub mod upstream;
pub mod workload;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use crate::population::{Person, problem_octets};
use crate::scenario::Scenario;
pub use run::{Run, Summary};

/// Microseconds since the run began.
pub type Micros = u64;

/// Microseconds of a second.
const SECOND: Micros = 1_000_000;

/// Streams of the generator, one for each purpose.
pub(crate) mod stream {
    pub(crate) const POPULATION: u64 = 1;
    pub(super) const WORKLOAD: u64 = 2;
    pub(super) const NETWORK: u64 = 3;
    pub(super) const RELAY: u64 = 4;
    pub(super) const UPSTREAM: u64 = 5;
    pub(super) const GATEWAY: u64 = 6;
    pub(super) const KEYS: u64 = 7;
    pub(super) const NETWORK_BACK: u64 = 8;
    pub(super) const RELAY_BACK: u64 = 9;
}

/// The generator of one purpose.
pub(crate) fn random(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}

/// A simulated time from one in milliseconds.
pub(crate) fn micros(milliseconds: f64) -> Micros {
    (milliseconds * 1_000.0).round() as Micros
}

/// Octets of the encapsulated response: what is given up has no proof in it.
fn answer_octets(scenario: &Scenario, person: &Person, status: u16) -> u32 {
    if status == 200 {
        person.answer_octets as u32
    } else {
        problem_octets(scenario.gateway.padding) as u32
    }
}

/// A factor whose logarithm is normally distributed around zero.
pub(crate) fn log_normal(sigma: f64, random: &mut impl Rng) -> f64 {
    LogNormal::new(0.0, sigma).map_or(1.0, |distribution| distribution.sample(random))
}
