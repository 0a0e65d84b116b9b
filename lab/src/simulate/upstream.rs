//! The gateway's resolver, and the authorities far away behind it.
//!
//! What a question costs: nothing but the way to the resolver if the response is in its cache; else one exchange with each
//! authority from the deepest one that it knows to be asked down to the one that answers. An exchange takes the round trip to that
//! authority, more if the response takes TCP, and more for every datagram lost (the module `delay`).

use std::collections::HashMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::delay::{distance, exchange};
use super::{Micros, SECOND, micros};
use crate::LabError;
use crate::population::{Population, Question};
use crate::scenario::{Resolver, Scenario};
use crate::views::{AuthoritySaw, GatewayHost, RecordKind, Recording, ResolverSaw, Transport};

/// Seconds that a delegation may be kept: the TTL of the world's NS records.
const DELEGATION_SECONDS: u64 = sotto_world::dns::zone::TTL as u64;

/// What was learnt, and until when it is good.
#[derive(Clone, Copy, Debug)]
struct Known {
    from: Micros,
    until: Micros,
}

/// A response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// When the gateway has it.
    pub at: Micros,
    /// Seconds that it may still be kept.
    pub left: u64,
}

/// The resolver and what is behind it.
pub struct Upstream<'a> {
    resolver: Resolver,
    population: &'a Population,
    /// The round trip to each authority, in milliseconds.
    distances: Vec<f64>,
    responses: HashMap<u32, Known>,
    delegations: HashMap<u16, Known>,
    random: ChaCha8Rng,
}

impl<'a> Upstream<'a> {
    /// A resolver that knows nothing, but for what its other users keep in its cache.
    #[must_use]
    pub fn new(scenario: &Scenario, population: &'a Population, mut random: ChaCha8Rng) -> Self {
        let resolver = scenario.resolver;
        let authorities = population.authorities.iter();
        let distances = authorities
            .map(|_| distance(&resolver, &mut random))
            .collect();
        Self {
            resolver,
            population,
            distances,
            responses: HashMap::new(),
            delegations: HashMap::new(),
            random,
        }
    }

    /// Asks a question at `now`.
    ///
    /// # Errors
    ///
    /// [`LabError::File`] if there is no room for the rows.
    pub fn ask(
        &mut self,
        now: Micros,
        number: u32,
        mut recording: Option<&mut Recording>,
    ) -> Result<Response, LabError> {
        let question = &self.population.questions[number as usize];
        let half = micros(self.resolver.round_trip_ms / 2.0);
        let asked = now + half;
        let (known, cached) = match self.known(number, question, asked) {
            Some(known) => (known, known.from <= asked),
            None => {
                let from = self.resolve(asked, question, recording.as_deref_mut())?;
                let until = from + question.ttl * SECOND;
                let known = Known { from, until };
                self.responses.insert(number, known);
                (known, false)
            }
        };
        let answered = known.from.max(asked);
        if let Some(recording) = recording {
            recording.resolver.push(&ResolverSaw {
                at_us: asked,
                gateway: GatewayHost::Only,
                name: question.name.clone(),
                rtype: question.rtype,
                cached,
                answered_us: answered,
                octets: question.octets as u32,
            })?;
        }
        // A response that is too long for a datagram is asked for twice on this way too.
        let ways = if question.over_tcp { 5 } else { 1 };
        Ok(Response {
            at: answered + ways * half,
            left: known.until.saturating_sub(answered) / SECOND,
        })
    }

    /// What the cache has, or will have once somebody else's question is answered.
    fn known(&mut self, number: u32, question: &Question, now: Micros) -> Option<Known> {
        if let Some(known) = self
            .responses
            .get(&number)
            .filter(|known| now < known.until)
        {
            return Some(*known);
        }
        if !(self.resolver.knows_top && question.is_top) {
            return None;
        }
        // Somebody else has asked for it, at any time of its life.
        let left = self.random.random_range(1..=question.ttl.max(1));
        let known = Known {
            from: 0,
            until: now + left * SECOND,
        };
        self.responses.insert(number, known);
        Some(known)
    }

    /// Asks authorities; when the last has answered.
    fn resolve(
        &mut self,
        now: Micros,
        question: &Question,
        mut recording: Option<&mut Recording>,
    ) -> Result<Micros, LabError> {
        let path = &question.path;
        // The first is the root's, which a resolver always knows.
        let deepest = (1..path.len())
            .rev()
            .find(|place| self.knows(path[*place], now))
            .unwrap_or(0);
        let mut time = now.max(
            self.delegations
                .get(&path[deepest])
                .map_or(0, |known| known.from),
        );
        for place in deepest..path.len() {
            let authority = path[place];
            let is_last = place + 1 == path.len();
            let over_tcp = is_last && question.over_tcp;
            let distance = self.distances[authority as usize];
            let taken = exchange(&self.resolver, distance, over_tcp, &mut self.random);
            time += micros(taken.milliseconds);
            let host = &self.population.authorities[authority as usize];
            let (name, rtype) = if is_last {
                (question.name.clone(), question.rtype)
            } else {
                let next = path[place + 1];
                let known = Known {
                    from: time,
                    until: time + DELEGATION_SECONDS * SECOND,
                };
                self.delegations.insert(next, known);
                let below = &self.population.authorities[next as usize];
                (below.zone(), RecordKind::ADDRESS)
            };
            if let Some(recording) = &mut recording {
                recording.authority.push(&AuthoritySaw {
                    at_us: time,
                    authority: host.clone(),
                    name,
                    rtype,
                    transport: if over_tcp {
                        Transport::Tcp
                    } else {
                        Transport::Udp
                    },
                })?;
            }
        }
        Ok(time)
    }

    fn knows(&self, authority: u16, now: Micros) -> bool {
        let known = self.delegations.get(&authority);
        known.is_some_and(|known| now < known.until)
            || (self.resolver.knows_top && self.population.is_top(authority))
    }
}
