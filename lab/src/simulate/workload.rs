//! Who asks for whom, and when.

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp};

use super::{Micros, micros};
use crate::population::{Population, popular};
use crate::scenario::{Arrivals, Clients, Scenario};

/// Somebody asks for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// When.
    pub at: Micros,
    /// Which client, counted from 0.
    pub client: u32,
    /// Who is asked for, by their place in [`Population::people`].
    pub name: usize,
}

/// Lookups without end, in the order of their time.
pub struct Workload {
    clients: Clients,
    /// Names that each client asks for; empty if it may be any.
    contacts: Vec<Vec<u32>>,
    names: usize,
    skew: f64,
    now_ms: f64,
    /// What bursts that have begun have yet to send.
    waiting: VecDeque<Lookup>,
    random: ChaCha8Rng,
}

impl Workload {
    /// The lookups of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario, population: &Population, mut random: ChaCha8Rng) -> Self {
        let clients = scenario.clients.clone();
        let contacts = if clients.contacts == 0 {
            Vec::new()
        } else {
            (0..clients.count)
                .map(|_| {
                    let draw = |_| population.pick(&mut random) as u32;
                    (0..clients.contacts).map(draw).collect()
                })
                .collect()
        };
        Self {
            clients,
            contacts,
            names: population.people.len(),
            skew: scenario.names.skew,
            now_ms: 0.0,
            waiting: VecDeque::new(),
            random,
        }
    }

    /// The next lookup.
    pub fn draw(&mut self) -> Lookup {
        match self.clients.arrivals {
            Arrivals::Poisson => {
                self.wait(1.0);
                let client = self.client();
                self.by(client, micros(self.now_ms))
            }
            Arrivals::Bursts { size, gap_ms } => loop {
                // A burst may begin before another has ended, so what comes first is only known once the next has begun.
                let due = self.waiting.front().map(|lookup| lookup.at);
                if due.is_some_and(|due| due <= micros(self.now_ms))
                    && let Some(lookup) = self.waiting.pop_front()
                {
                    return lookup;
                }
                self.wait(f64::from(size));
                let client = self.client();
                for number in 0..size {
                    let at = micros(self.now_ms + f64::from(number) * gap_ms);
                    let lookup = self.by(client, at);
                    let place = self.waiting.partition_point(|other| other.at <= at);
                    self.waiting.insert(place, lookup);
                }
            },
        }
    }

    /// Lets the time pass until the next arrival, of so many lookups at once.
    fn wait(&mut self, lookups: f64) {
        let rate = self.clients.lookups_per_second / 1_000.0 / lookups;
        self.now_ms += Exp::new(rate).map_or(0.0, |gap| gap.sample(&mut self.random));
    }

    fn client(&mut self) -> u32 {
        popular(
            self.clients.count as usize,
            self.clients.skew,
            &mut self.random,
        ) as u32
    }

    fn by(&mut self, client: u32, at: Micros) -> Lookup {
        let name = match self.contacts.get(client as usize) {
            Some(contacts) => contacts[self.random.random_range(0..contacts.len())] as usize,
            None => popular(self.names, self.skew, &mut self.random),
        };
        Lookup { at, client, name }
    }
}
