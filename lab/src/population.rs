//! Who is asked for: people in signed zones, each with the proof that a gateway would give of them.
//!
//! The zones are signed by the world's signer and every name is proved once by the real prover and judged by the real
//! verifier, so that sizes, times to live and the questions that a proof takes are those of a gateway. Keys are new in each
//! run; nothing that is recorded depends on them.

mod proving;
mod zones;

use std::sync::Arc;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Zipf};
use serde::{Deserialize, Serialize};

use crate::LabError;
use crate::scenario::{Names, Scenario};
use crate::views::{Host, OwnerName};
pub use proving::{Question, Step};
pub(crate) use proving::{answer_octets, problem_octets};

/// How the zone of a name is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneKind {
    /// RSA with NSEC3 below an RSA top-level domain.
    Rsa,
    /// P-256 with NSEC below a P-256 top-level domain.
    P256,
    /// P-256 with NSEC3 below the RSA top-level domain.
    Nsec3,
    /// P-256 with NSEC3 below a country code's second level.
    Country,
    /// A phone number.
    Phone,
}

impl ZoneKind {
    /// Every kind, in the order of [`crate::scenario::Zones::shares`].
    pub const ALL: [Self; 5] = [
        Self::Rsa,
        Self::P256,
        Self::Nsec3,
        Self::Country,
        Self::Phone,
    ];
}

/// What a person publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Nothing.
    Absent,
    /// That they do not want to be reached.
    OptedOut,
    /// One service.
    One,
    /// Two to sixteen.
    Several,
}

impl Presence {
    /// Whether the name has a record.
    #[must_use]
    pub fn exists(self) -> bool {
        self != Self::Absent
    }
}

/// Somebody who may be asked for.
#[derive(Clone, Debug)]
pub struct Person {
    /// The owner name of their records.
    pub name: OwnerName,
    /// How their zone is signed.
    pub kind: ZoneKind,
    /// What they publish.
    pub presence: Presence,
    /// Octets of the proof.
    pub proof_octets: usize,
    /// Octets of the encapsulated response as a gateway sends it.
    pub answer_octets: usize,
    /// Seconds that the proof may be kept if everything in it is new.
    pub ttl: u64,
    /// What the prover asks, and what each question waits for.
    pub steps: Vec<Step>,
}

/// Everybody, and what the DNS says of them.
#[derive(Debug)]
pub struct Population {
    /// The most popular first, as far as popularity differs.
    pub people: Vec<Person>,
    /// Every question that any proof takes.
    pub questions: Vec<Question>,
    /// The authorities, by the numbers that [`Question::path`] holds; the root's is the first.
    pub authorities: Vec<Host>,
    /// Unix seconds until which every signature is valid.
    pub valid_until: u64,
    /// Whether each authority serves a zone that every resolver's users keep alive.
    top: Vec<bool>,
    skew: f64,
}

impl Population {
    /// Makes zones and proofs for a scenario; `progress` is told of each person proved. Milliseconds for each person, and
    /// half a second of RSA.
    ///
    /// # Errors
    ///
    /// [`LabError`] if the cryptographic library refuses, or if a name does not prove as it should.
    pub fn new(
        scenario: &Scenario,
        random: &mut impl Rng,
        progress: impl FnMut(),
    ) -> Result<Self, LabError> {
        let drawn = draw(&scenario.names, random);
        let town = zones::Town::build(&drawn, scenario.start)?;
        proving::prove(&drawn, &town, scenario, progress)
    }

    /// Whether an authority, by its number, serves a zone that every resolver's users keep alive.
    #[must_use]
    pub fn is_top(&self, authority: u16) -> bool {
        self.top[authority as usize]
    }

    /// Draws somebody by popularity.
    pub fn pick(&self, random: &mut impl Rng) -> usize {
        popular(self.people.len(), self.skew, random)
    }
}

/// One of `count`, the first the likeliest, by a Zipf distribution.
pub(crate) fn popular(count: usize, skew: f64, random: &mut impl Rng) -> usize {
    match Zipf::new(count as f64, skew) {
        // The distribution is over 1..=count.
        Ok(zipf) => (zipf.sample(random) as usize).clamp(1, count) - 1,
        Err(_) => random.random_range(0..count),
    }
}

/// What is drawn of a person before there are zones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    pub(crate) kind: ZoneKind,
    pub(crate) presence: Presence,
    /// Records published.
    pub(crate) services: usize,
    /// Which domain of its kind.
    pub(crate) domain: usize,
}

fn draw(names: &Names, random: &mut impl Rng) -> Vec<Drawn> {
    let shares = names.zones.shares();
    let mut members = [0_usize; 5];
    (0..names.count)
        .map(|_| {
            let kind = choose(&shares, random);
            let number = members[kind];
            members[kind] += 1;
            let presences = [names.absent, names.opted_out, names.several_services];
            let presence = match choose(&presences, random) {
                0 => Presence::Absent,
                1 => Presence::OptedOut,
                2 => Presence::Several,
                _ => Presence::One,
            };
            Drawn {
                kind: ZoneKind::ALL[kind],
                presence,
                services: match presence {
                    Presence::Absent => 0,
                    Presence::OptedOut | Presence::One => 1,
                    Presence::Several => random.random_range(2..=16),
                },
                domain: number / names.people_per_domain as usize,
            }
        })
        .collect()
}

/// Which of `shares` a uniform draw falls into; their number if into none.
fn choose(shares: &[f64], random: &mut impl Rng) -> usize {
    let mut left: f64 = random.random();
    for (place, share) in shares.iter().enumerate() {
        if left < *share {
            return place;
        }
        left -= share;
    }
    // Shares that add up to one do so to within a rounding error.
    if (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6 {
        shares.len() - 1
    } else {
        shares.len()
    }
}

/// A host by its name, shared.
pub(crate) fn host(name: &str) -> Host {
    Host::new(Arc::from(name))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn population(seed: u64) -> Population {
        let text = "title = 'few'\nlookups = 1\n[clients]\ncount = 1\nlookups_per_second = 1\n\
                    [names]\ncount = 60\nabsent = 0.3\nopted_out = 0.1\nseveral_services = 0.2\npeople_per_domain = 4";
        let scenario = Scenario::parse(text).unwrap();
        Population::new(&scenario, &mut ChaCha8Rng::seed_from_u64(seed), || {}).unwrap()
    }

    #[test]
    fn equal_seeds_give_equal_people_whatever_their_keys() {
        let told = |population: &Population| {
            let person = |person: &Person| format!("{person:?}");
            population.people.iter().map(person).collect::<Vec<_>>()
        };
        let (first, again, other) = (population(1), population(1), population(2));
        assert_eq!(told(&first), told(&again));
        assert_ne!(told(&first), told(&other));
        assert_eq!(first.people.len(), 60);
        for kind in ZoneKind::ALL {
            assert!(
                first.people.iter().any(|person| person.kind == kind),
                "{kind:?}"
            );
        }
        let absent = first
            .people
            .iter()
            .filter(|person| !person.presence.exists());
        for person in absent {
            assert_eq!(person.ttl, 300, "{person:?}");
        }
        // Every proof begins with the question itself and the root's keys.
        for person in &first.people {
            assert!(person.steps.len() >= 4 && person.steps[1].after.is_none());
            assert_eq!(person.answer_octets, 8_192);
        }
    }

    #[test]
    fn the_first_are_the_likeliest() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            counts[popular(10, 1.0, &mut random)] += 1;
        }
        // One in H(10) = 2.929.
        assert!((3_200..3_600).contains(&counts[0]), "{counts:?}");
        assert!(counts.is_sorted_by(|a, b| a > b), "{counts:?}");
        let mut even = [0_u32; 10];
        for _ in 0..10_000 {
            even[popular(10, 0.0, &mut random)] += 1;
        }
        assert!(
            even.iter().all(|count| (850..1_150).contains(count)),
            "{even:?}"
        );
    }
}
