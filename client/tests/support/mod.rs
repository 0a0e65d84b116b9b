//! A world in memory: a root zone that holds every name and signs what it is told, a gateway that
//! opens and seals, a relay that hands out documents. No sockets, and one time that stands still.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary is a crate and uses its part"
)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

pub mod zone;

use sotto_client::mimi::{Identifier, RecordForm, TieBreak};
use sotto_client::proof::{Anchors, Question, RecordType};
use sotto_client::{
    Compared, Comparison, ComparisonStep, Event, Knowledge, Lookup, Memory, Report, Sent, Setup,
    SetupBuilder, Step, TransportProblem, TransportProblemKind,
};
use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, Epoch, EpochKeys, KeyDocument, KeyRecord, KeyRing, ProofQuery};
use sotto_wire::{GatewayEntry, Mixing, Problem, ProblemType, RelayDescription, media};

pub use zone::{NOW, Signing, Zone, txt};

pub const GATEWAY: &str = "gateway.test";
pub const RELAY: &str = "https://relay.test";
pub const RESOURCE: &str = "/gateway.test";
pub const GATEWAY_OPERATOR: &str = "gateway-operator.test";

/// What the gateway says to a question.
pub type Respond = Box<dyn Fn(&Zone, &ProofQuery) -> Answer>;

/// What a party answers with in place of the honest answer.
pub type Interfere = Box<dyn FnMut(&Step, usize) -> Option<Event>>;

pub struct World {
    pub zone: Zone,
    /// The day whose list comes first in the key document.
    pub epoch: Epoch,
    pub secret: [u8; 32],
    pub description: RelayDescription,
    /// The lists of the key document; `None`: those of `epoch` and the next.
    pub lists: Option<Vec<(Epoch, Vec<u8>)>>,
    /// The proof of the key record; `None`: an honest one.
    pub key_proof: Option<Vec<u8>>,
    /// What the gateway says to a question.
    pub answer: Respond,
    /// Asked before each honest answer, with the step and its number, counted from 0.
    pub interfere: Interfere,
    /// The method and URL of every request.
    pub requests: Vec<String>,
    /// Every encapsulated request.
    pub envelopes: Vec<Vec<u8>>,
    /// The times that the lookup waited for.
    pub waits: Vec<u64>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            zone: Zone::new(),
            epoch: Epoch::at(NOW),
            secret: [7; 32],
            description: RelayDescription {
                version: 1,
                operator: "relay-operator.test".to_owned(),
                contact: "mailto:noc@relay-operator.test".to_owned(),
                policy: None,
                gateways: vec![GatewayEntry {
                    host: GATEWAY.to_owned(),
                    resource: RESOURCE.to_owned(),
                }],
                mixing: Mixing::Off,
            },
            lists: None,
            key_proof: None,
            answer: Box::new(|zone, query| Answer::proof(zone.prove(&query.name, &query.rtype))),
            interfere: Box::new(|_, _| None),
            requests: Vec::new(),
            envelopes: Vec::new(),
            waits: Vec::new(),
        }
    }
}

impl World {
    /// A world whose zone holds `records` as TXT.
    pub fn with_txt(records: &[(&str, &[&str])]) -> Self {
        let mut world = Self::default();
        for (owner, texts) in records {
            world.zone.add(
                owner,
                RecordType::TXT,
                texts.iter().map(|text| txt(text)).collect(),
            );
        }
        world
    }

    /// A world that answers every question in the same way.
    pub fn answering(answer: impl Fn(&Zone, &ProofQuery) -> Answer + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            ..Self::default()
        }
    }

    /// A world in which `event` takes the place of what step number `at` would have come to.
    pub fn interfering(at: usize, event: impl Fn() -> Event + 'static) -> Self {
        Self {
            interfere: Box::new(move |_, index| (index == at).then(&event)),
            ..Self::default()
        }
    }

    /// A world in which `event` takes the place of what every such step would have come to.
    pub fn at_every(step: fn(&Step) -> bool, event: impl Fn() -> Event + 'static) -> Self {
        Self {
            interfere: Box::new(move |asked, _| step(asked).then(&event)),
            ..Self::default()
        }
    }

    pub fn setup(&self) -> SetupBuilder {
        self.setup_over(RELAY)
    }

    pub fn setup_over(&self, relay: &str) -> SetupBuilder {
        Setup::builder(relay, GATEWAY)
            .anchors(Anchors::parse(&self.zone.anchor()).unwrap())
            .tie_break(TieBreak::new([1; 16]))
    }

    pub fn keys(&self, epoch: Epoch) -> EpochKeys {
        let standing = Epoch(Epoch::at(NOW).0 - 5);
        Ratchet::new(standing, self.secret).keys(epoch).unwrap()
    }

    pub fn key_records(&self) -> Vec<Vec<u8>> {
        (self.epoch.0..self.epoch.0 + 5)
            .map(|epoch| {
                let record = KeyRecord {
                    operator: GATEWAY_OPERATOR.to_owned(),
                    epoch: Epoch(epoch),
                    digest: self.keys(Epoch(epoch)).digest(),
                };
                record.to_rdata()
            })
            .collect()
    }

    pub fn key_document(&self) -> Vec<u8> {
        let lists = self.lists.clone().unwrap_or_else(|| {
            [self.epoch, self.epoch.next()]
                .map(|epoch| (epoch, self.keys(epoch).list().to_vec()))
                .to_vec()
        });
        let proof = self.key_proof.clone().unwrap_or_else(|| {
            let owner = KeyRecord::owner_name(GATEWAY);
            self.zone
                .signed(
                    &owner,
                    RecordType::TXT,
                    &self.key_records(),
                    &Signing::default(),
                )
                .into_proof()
        });
        KeyDocument { lists, proof }.encode().unwrap()
    }

    /// Looks up a mailbox or another identifier as TXT.
    pub fn lookup(&mut self, identifier: &str) -> Report {
        let setup = self.setup().build().unwrap();
        self.lookup_with(&setup, identifier)
    }

    pub fn lookup_with(&mut self, setup: &Setup, identifier: &str) -> Report {
        let identifier: Identifier = identifier.parse().unwrap();
        let started = Lookup::identifier(setup, identifier, RecordForm::Txt, NOW);
        self.drive(started, NOW)
    }

    pub fn lookup_knowing(
        &mut self,
        knowledge: &Knowledge,
        setup: &Setup,
        identifier: &str,
        now: u64,
    ) -> Report {
        self.lookup_remembering(&knowledge.clone().into(), setup, identifier, now)
    }

    pub fn lookup_remembering(
        &mut self,
        memory: &Memory,
        setup: &Setup,
        identifier: &str,
        now: u64,
    ) -> Report {
        let identifier: Identifier = identifier.parse().unwrap();
        let started = Lookup::identifier_knowing(memory, setup, identifier, RecordForm::Txt, now);
        self.drive(started, now)
    }

    pub fn query_with(&mut self, setup: &Setup, name: &str, rtype: &str) -> Report {
        let question = Question {
            name: name.parse().unwrap(),
            rtype: rtype.parse().unwrap(),
        };
        let started = Lookup::query(setup, question, NOW);
        self.drive(started, NOW)
    }

    /// Plays every other party until the lookup is over.
    pub fn drive(&mut self, (mut lookup, mut step): (Lookup, Step), now: u64) -> Report {
        let mut now = now;
        for index in 0..100 {
            let event = match (self.interfere)(&step, index) {
                Some(event) => {
                    self.note(&step);
                    event
                }
                None => self.honest(&step),
            };
            if let Step::Wait { until } = step {
                now = until;
            }
            if let Step::Done(report) = step {
                return *report;
            }
            step = lookup.next(event, now);
        }
        panic!("the lookup does not end");
    }

    /// Plays both relays until the comparison is over.
    pub fn compare(&mut self, setup: &Setup, memory: &Memory) -> Compared {
        let (mut comparison, mut step) = Comparison::start(setup, memory, NOW);
        for index in 0..100 {
            let step_of_lookup = match step {
                ComparisonStep::Get {
                    url,
                    accept,
                    max_bytes,
                } => Step::Get {
                    url,
                    accept,
                    max_bytes,
                },
                ComparisonStep::Done(compared) => return *compared,
            };
            let event = match (self.interfere)(&step_of_lookup, index) {
                Some(event) => {
                    self.note(&step_of_lookup);
                    event
                }
                None => self.honest(&step_of_lookup),
            };
            step = comparison.next(event, NOW);
        }
        panic!("the comparison does not end");
    }

    fn note(&mut self, step: &Step) {
        match step {
            Step::Get { url, .. } => self.requests.push(format!("GET {url}")),
            Step::Post { url, body, .. } => {
                self.requests.push(format!("POST {url}"));
                self.envelopes.push(body.clone());
            }
            Step::Wait { until } => self.waits.push(*until),
            Step::Done(_) => {}
        }
    }

    /// What the honest party answers to a step, for those who drive a lookup themselves.
    pub fn answer_to(&mut self, step: &Step) -> Event {
        self.honest(step)
    }

    fn honest(&mut self, step: &Step) -> Event {
        self.note(step);
        match step {
            Step::Get { accept, .. } => match *accept {
                media::JSON => ok(media::JSON, serde_json::to_vec(&self.description).unwrap()),
                media::KEY_DOCUMENT => ok(media::KEY_DOCUMENT, self.key_document()),
                media::OHTTP_KEYS => ok(media::OHTTP_KEYS, self.keys(self.epoch).list().to_vec()),
                other => panic!("nobody serves {other}"),
            },
            Step::Post { body, .. } => self.gateway(body),
            Step::Wait { .. } | Step::Done(_) => Event::Woke,
        }
    }

    /// The gateway, which accepts the keys of today, yesterday and tomorrow.
    pub fn gateway(&self, envelope: &[u8]) -> Event {
        let today = Epoch::at(NOW);
        let ring = KeyRing::new(Vec::from(
            [today.previous(), today, today.next()].map(|epoch| self.keys(epoch)),
        ));
        match ring.open(envelope) {
            Ok((request, sealer)) => {
                let answer = match request.query(GATEWAY) {
                    Ok(query) => (self.answer)(&self.zone, &query),
                    Err(problem) => Answer::problem(problem),
                };
                ok(media::OHTTP_RESPONSE, sealer.seal(&answer).unwrap())
            }
            Err(refusal) => problem(refusal.problem()),
        }
    }
}

pub fn ok(media_type: &str, body: Vec<u8>) -> Event {
    reply(200, Some(media_type), body)
}

pub fn reply(status: u16, media_type: Option<&str>, body: Vec<u8>) -> Event {
    Event::Response {
        status,
        media_type: media_type.map(str::to_owned),
        retry_after: None,
        body,
    }
}

pub fn problem(problem: Problem) -> Event {
    reply(
        problem.status,
        Some(media::PROBLEM),
        problem.to_json().into_bytes(),
    )
}

pub fn status(status: u16) -> Event {
    problem(Problem::new(ProblemType::Blank, status, "no"))
}

pub fn sealed_problem(status: u16) -> Answer {
    Answer::problem(Problem::new(ProblemType::Blank, status, "no"))
}

pub fn key_refusal() -> Event {
    problem(Problem::new(ProblemType::OhttpKey, 400, "no"))
}

pub fn failed(sent: Sent, kind: TransportProblemKind) -> Event {
    Event::Failed {
        sent,
        what: TransportProblem::new(kind, "simulated"),
    }
}
