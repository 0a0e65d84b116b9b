//! A gateway in simulated time: its caches of proofs and of what zones say, which age by the gateway's own rules, and the proofs being
//! gathered, each once for all who wait for it.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use sotto_gateway::ageing::{Age, Life, Span};

use super::{Micros, SECOND};
use crate::population::Population;
use crate::scenario::Scenario;

/// The share of a computation's time that varies with what else the machine does.
const UNSTEADY: f64 = 0.25;

/// Something that the gateway waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A response to a question of a proof.
    Response {
        /// Whose proof, by their place in [`Population::people`], and which attempt.
        gathering: (usize, u64),
        /// Which of its questions.
        step: u16,
        /// Seconds that the response may still be kept.
        left: u64,
    },
    /// A proof is verified.
    Verified {
        /// Whose, and which attempt.
        gathering: (usize, u64),
    },
    /// Nobody waits for a proof any longer.
    GivenUp {
        /// Whose, and which attempt.
        gathering: (usize, u64),
    },
}

/// Something that the gateway wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A question asked.
    Question {
        /// Whose proof, and which attempt.
        gathering: (usize, u64),
        /// Which of its questions.
        step: u16,
        /// The question, by its place in [`Population::questions`].
        question: u32,
    },
    /// To go on with something at a later time.
    Later {
        /// When.
        at: Micros,
        /// With what.
        work: Work,
    },
}

/// An answer that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Whose.
    pub slot: usize,
    /// When.
    pub at: Micros,
    /// Whether the proof was at hand.
    pub cached: bool,
    /// The sealed status.
    pub status: u16,
}

/// A proof being gathered.
struct Gathering {
    attempt: u64,
    waiting: Vec<usize>,
    /// Steps asked for that have no response yet.
    open: usize,
    /// The shortest that any response may still be kept.
    left: u64,
    /// Responses about zones that were asked for, and how long they may be kept.
    zones: Vec<(u32, u64)>,
}

/// The gateway.
pub struct Gateway<'a> {
    population: &'a Population,
    start: u64,
    valid_until: u64,
    open_us: f64,
    verify_us: f64,
    patience: Micros,
    proofs: HashMap<usize, Span>,
    /// Until when what is said of a zone may be kept, beside its span.
    zones: HashMap<u32, Span>,
    gathering: HashMap<usize, Gathering>,
    attempts: u64,
    random: ChaCha8Rng,
}

impl<'a> Gateway<'a> {
    /// A gateway that has just started.
    #[must_use]
    pub fn new(scenario: &Scenario, population: &'a Population, random: ChaCha8Rng) -> Self {
        Self {
            population,
            start: scenario.start,
            valid_until: population.valid_until,
            open_us: scenario.gateway.open_us,
            verify_us: scenario.gateway.verify_us,
            patience: scenario.gateway.patience_ms * 1_000,
            proofs: HashMap::new(),
            zones: HashMap::new(),
            gathering: HashMap::new(),
            attempts: 0,
            random,
        }
    }

    /// Takes a question; when the answer is ready if the proof is at hand.
    pub fn asked(
        &mut self,
        now: Micros,
        person: usize,
        slot: usize,
        wanted: &mut Vec<Wanted>,
    ) -> Option<Micros> {
        match self.kept(person, now) {
            Some(age) if age.is_fresh => {
                if age.is_due && !self.gathering.contains_key(&person) {
                    self.gather(now, person, wanted);
                }
                Some(now + self.takes(self.open_us))
            }
            _ => {
                if !self.gathering.contains_key(&person) {
                    self.gather(now, person, wanted);
                }
                if let Some(gathering) = self.gathering.get_mut(&person) {
                    gathering.waiting.push(slot);
                }
                None
            }
        }
    }

    /// Goes on with what has come; the answers that are ready by it.
    pub fn worked(&mut self, now: Micros, work: Work, wanted: &mut Vec<Wanted>) -> Vec<Ready> {
        match work {
            Work::Response {
                gathering: id,
                step,
                left,
            } => {
                self.response(now, id, step, left, wanted);
                Vec::new()
            }
            Work::Verified { gathering: id } => match self.take(id) {
                Some(gathering) => {
                    self.keep(now, id.0, &gathering);
                    self.tell(now, gathering.waiting, false, 200)
                }
                None => Vec::new(),
            },
            Work::GivenUp { gathering: id } => match self.take(id) {
                Some(gathering) => {
                    let stale = self.kept(id.0, now).is_some();
                    let status = if stale { 200 } else { 504 };
                    self.tell(now, gathering.waiting, stale, status)
                }
                None => Vec::new(),
            },
        }
    }

    fn seconds(&self, now: Micros) -> u64 {
        self.start + now / SECOND
    }

    fn kept(&self, person: usize, now: Micros) -> Option<Age> {
        self.proofs.get(&person)?.at(self.seconds(now))
    }

    /// Microseconds of a computation.
    fn takes(&mut self, microseconds: f64) -> Micros {
        let unsteady: f64 = Exp1.sample(&mut self.random);
        (microseconds * (1.0 - UNSTEADY + UNSTEADY * unsteady)).round() as Micros
    }

    fn gather(&mut self, now: Micros, person: usize, wanted: &mut Vec<Wanted>) {
        self.attempts += 1;
        let attempt = self.attempts;
        self.gathering.insert(
            person,
            Gathering {
                attempt,
                waiting: Vec::new(),
                open: 0,
                left: self.population.people[person].ttl,
                zones: Vec::new(),
            },
        );
        let id = (person, attempt);
        wanted.push(Wanted::Later {
            at: now + self.patience,
            work: Work::GivenUp { gathering: id },
        });
        self.ask(now, id, None, wanted);
    }

    /// Asks what the response to a step brings about.
    fn ask(&mut self, now: Micros, id: (usize, u64), after: Option<u16>, wanted: &mut Vec<Wanted>) {
        let seconds = self.seconds(now);
        let steps = &self.population.people[id.0].steps;
        let Some(gathering) = self.gathering.get_mut(&id.0) else {
            return;
        };
        for (place, step) in steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.after == after)
        {
            gathering.open += 1;
            let kept = self.zones.get(&step.question);
            let fresh = kept.and_then(|span| Some((span, span.at(seconds)?)));
            wanted.push(match fresh.filter(|(_, age)| !age.is_due) {
                Some((span, age)) => Wanted::Later {
                    at: now,
                    work: Work::Response {
                        gathering: id,
                        step: place as u16,
                        left: span.seconds() - age.seconds,
                    },
                },
                None => Wanted::Question {
                    gathering: id,
                    step: place as u16,
                    question: step.question,
                },
            });
        }
    }

    fn response(
        &mut self,
        now: Micros,
        id: (usize, u64),
        step: u16,
        left: u64,
        wanted: &mut Vec<Wanted>,
    ) {
        let population = self.population;
        let number = population.people[id.0].steps[step as usize].question;
        let Some(gathering) = self.gathering.get_mut(&id.0) else {
            return;
        };
        if gathering.attempt != id.1 {
            return;
        }
        gathering.open -= 1;
        gathering.left = gathering.left.min(left);
        if population.questions[number as usize].about_zone {
            gathering.zones.push((number, left));
        }
        self.ask(now, id, Some(step), wanted);
        if self
            .gathering
            .get(&id.0)
            .is_some_and(|gathering| gathering.open == 0)
        {
            let at = now + self.takes(self.verify_us);
            wanted.push(Wanted::Later {
                at,
                work: Work::Verified { gathering: id },
            });
        }
    }

    fn take(&mut self, (person, attempt): (usize, u64)) -> Option<Gathering> {
        let is_this = self.gathering.get(&person)?.attempt == attempt;
        is_this.then(|| self.gathering.remove(&person)).flatten()
    }

    /// Keeps a proof, and what it says of zones unless that was kept already.
    fn keep(&mut self, now: Micros, person: usize, gathering: &Gathering) {
        let seconds = self.seconds(now);
        let valid = self.valid_until.saturating_sub(seconds);
        for (zone, left) in &gathering.zones {
            let at_hand = self.zones.get(zone).and_then(|span| span.at(seconds));
            if at_hand.is_none_or(|age| age.is_due) {
                let life = Life::of_zone(*left, valid);
                self.zones.insert(*zone, Span::new(seconds, life));
            }
        }
        let life = Life::of_proof(gathering.left, valid);
        self.proofs.insert(person, Span::new(seconds, life));
    }

    fn tell(&mut self, now: Micros, waiting: Vec<usize>, cached: bool, status: u16) -> Vec<Ready> {
        waiting
            .into_iter()
            .map(|slot| Ready {
                slot,
                at: now + self.takes(self.open_us),
                cached,
                status,
            })
            .collect()
    }
}
