//! The heap of events, and what happens at each.

use std::time::Duration;

use sotto_gateway::answer_time::leaves_after;
use sotto_relay::mixing::Policy;
use sotto_wire::{AnswerClass, REQUEST_BYTES};

use super::exchange::{Exchange, Rows, Way};
use super::gateway::{self, Gateway, Work};
use super::heap::Heap;
use super::keys::Keys;
use super::upstream::Upstream;
use super::workload::{Lookup, Workload};
use super::{Micros, SECOND, answer_octets, log_normal, micros, random, stream};
use crate::LabError;
use crate::population::Population;
use crate::scenario::{Scenario, ScenarioError};
use crate::views::{
    ClientAddress, ClientRelay, GatewayHost, GatewaySaw, RecordKind, Recording, RelayGateway,
    RelayHost, RelaySaw, Towards, Truth,
};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A lookup begins.
    Ask,
    /// A request reaches its relay.
    AtRelay(usize),
    /// The relay lets a request go.
    Forward(usize),
    /// A request reaches the gateway.
    AtGateway(usize),
    /// Something that the gateway waits for has come.
    Work(Work),
    /// An answer leaves the gateway.
    Leave(usize),
    /// An answer reaches the relay.
    Back(usize),
    /// The relay lets an answer go.
    Return(usize),
    /// An answer reaches its client.
    Told(usize),
}

/// A run.
pub struct Run<'a> {
    scenario: &'a Scenario,
    population: &'a Population,
    workload: Workload,
    upstream: Upstream<'a>,
    gateway: Gateway<'a>,
    keys: Keys,
    policy: Policy,
    there: Way,
    back: Way,
    /// The one-way delay of each client to its relay.
    distances: Vec<Micros>,
    heap: Heap<Event>,
    exchanges: Vec<Option<Exchange>>,
    free: Vec<usize>,
    begun: u64,
    recording: Recording,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Lookups recorded.
    pub lookups: u64,
    /// Simulated seconds from the first to the last event.
    pub simulated_seconds: f64,
    /// Lookups whose proof was at hand.
    pub cached: u64,
    /// Lookups whose answer left later than at the first step.
    pub late: u64,
    /// Lookups that the gateway gave up.
    pub gave_up: u64,
    /// Lookups for a name that has no record.
    pub absent: u64,
    /// Answers in the overflow class, or as many octets.
    pub overflow: u64,
    /// Milliseconds that a lookup took, on average.
    pub mean_ms: f64,
}

impl<'a> Run<'a> {
    /// Begins a run of a scenario.
    ///
    /// # Errors
    ///
    /// [`LabError::Scenario`] if the relays' mixing is none.
    pub fn new(
        scenario: &'a Scenario,
        population: &'a Population,
        seed: u64,
        recording: Recording,
    ) -> Result<Self, LabError> {
        let policy = scenario.relay.policy().map_err(ScenarioError::from)?;
        let mut there = Way {
            network: random(seed, stream::NETWORK),
            relay: random(seed, stream::RELAY),
        };
        let back = Way {
            network: random(seed, stream::NETWORK_BACK),
            relay: random(seed, stream::RELAY_BACK),
        };
        let network = &scenario.network;
        let distances = (0..scenario.clients.count)
            .map(|_| {
                let around = log_normal(network.client_relay_sigma, &mut there.network);
                micros(network.client_relay_ms * around)
            })
            .collect();
        Ok(Self {
            scenario,
            population,
            workload: Workload::new(scenario, population, random(seed, stream::WORKLOAD)),
            upstream: Upstream::new(scenario, population, random(seed, stream::UPSTREAM)),
            gateway: Gateway::new(scenario, population, random(seed, stream::GATEWAY)),
            keys: Keys::new(scenario, random(seed, stream::KEYS)),
            policy,
            there,
            back,
            distances,
            heap: Heap::default(),
            exchanges: Vec::new(),
            free: Vec::new(),
            begun: 0,
            recording,
        })
    }

    /// Runs to the end; `progress` is told of each lookup that ends.
    ///
    /// # Errors
    ///
    /// [`LabError::File`] if there is no room for the rows.
    pub fn complete(
        mut self,
        mut progress: impl FnMut(),
    ) -> Result<(Summary, Recording), LabError> {
        let mut summary = Summary::default();
        let mut total_ms = 0.0;
        let mut last = 0;
        let total = self.scenario.lookups + self.scenario.warm_up;
        let first = self.workload.draw();
        self.heap.push(first.at, 0, Event::Ask);
        let mut next = Some(first);
        while let Some((now, event)) = self.heap.pop() {
            match event {
                Event::Ask => {
                    if let Some(lookup) = next.take() {
                        self.ask(now, lookup)?;
                    }
                    if self.begun < total {
                        let lookup = self.workload.draw();
                        self.heap.push(lookup.at.max(now), 0, Event::Ask);
                        next = Some(lookup);
                    }
                }
                Event::AtRelay(slot) => self.at_relay(now, slot)?,
                Event::Forward(slot) => self.forward(now, slot)?,
                Event::AtGateway(slot) => self.at_gateway(now, slot)?,
                Event::Work(work) => self.work(now, work)?,
                Event::Leave(slot) => self.leave(now, slot)?,
                Event::Back(slot) => self.back(now, slot),
                Event::Return(slot) => self.hand_back(now, slot)?,
                Event::Told(slot) => {
                    if let Some(exchange) = self.exchanges[slot].take() {
                        last = now;
                        self.free.push(slot);
                        if exchange.number >= self.scenario.warm_up {
                            self.told(now, &exchange, &mut summary)?;
                            total_ms += (now - exchange.asked) as f64 / 1_000.0;
                        }
                        progress();
                    }
                }
            }
        }
        summary.simulated_seconds = last as f64 / SECOND as f64;
        summary.mean_ms = total_ms / (summary.lookups as f64).max(1.0);
        Ok((summary, self.recording))
    }

    fn ask(&mut self, now: Micros, lookup: Lookup) -> Result<(), LabError> {
        let number = self.begun;
        self.begun += 1;
        let relay = (lookup.client % u32::from(self.scenario.relay.count)) as u16;
        let exchange = Exchange {
            number,
            relay,
            key_id: self.keys.key_id(lookup.client, relay, now),
            lookup,
            asked: now,
            at_relay: 0,
            forwarded: 0,
            at_gateway: 0,
            ready: 0,
            cached: false,
            status: 200,
            left: 0,
            back: 0,
            rows: Rows::default(),
        };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.exchanges.push(None);
                self.exchanges.len() - 1
            }
        };
        let distance = self.distances[exchange.lookup.client as usize];
        self.exchanges[slot] = Some(exchange);
        let jitter = self.scenario.network.jitter_ms;
        let arrival = now + distance + self.there.queueing(jitter);
        self.heap.push(arrival, 0, Event::AtRelay(slot));
        Ok(())
    }

    fn at_relay(&mut self, now: Micros, slot: usize) -> Result<(), LabError> {
        let (leaves, rank) = self.there.hold(self.policy, now);
        let recorded = self.recorded(slot);
        if let Some(exchange) = &mut self.exchanges[slot] {
            exchange.at_relay = now;
            if recorded {
                exchange.rows.up = self.recording.client_relay.push(&ClientRelay {
                    at_us: now,
                    client: ClientAddress::new(exchange.lookup.client),
                    relay: RelayHost(exchange.relay),
                    towards: Towards::Relay,
                    octets: REQUEST_BYTES as u32,
                })?;
            }
        }
        self.heap.push(leaves, rank, Event::Forward(slot));
        Ok(())
    }

    fn forward(&mut self, now: Micros, slot: usize) -> Result<(), LabError> {
        let network = &self.scenario.network;
        let arrival =
            now + micros(network.relay_gateway_ms) + self.there.queueing(network.jitter_ms);
        let recorded = self.recorded(slot);
        if let Some(exchange) = &mut self.exchanges[slot] {
            exchange.forwarded = now;
            if recorded {
                exchange.rows.inward = self.recording.relay_gateway.push(&RelayGateway {
                    at_us: now,
                    relay: RelayHost(exchange.relay),
                    gateway: GatewayHost::Only,
                    towards: Towards::Gateway,
                    octets: REQUEST_BYTES as u32,
                })?;
            }
        }
        self.heap.push(arrival, 0, Event::AtGateway(slot));
        Ok(())
    }

    fn at_gateway(&mut self, now: Micros, slot: usize) -> Result<(), LabError> {
        let Some(exchange) = &mut self.exchanges[slot] else {
            return Ok(());
        };
        exchange.at_gateway = now;
        let person = exchange.lookup.name;
        let mut begun = Vec::new();
        if let Some(ready) = self.gateway.asked(now, person, slot, &mut begun) {
            self.ready(slot, ready, true, 200);
        }
        self.begin(now, begun)
    }

    /// Has the upstream asked for what the gateway wants to know.
    fn begin(&mut self, now: Micros, wanted: Vec<gateway::Wanted>) -> Result<(), LabError> {
        for want in wanted {
            let (at, work) = match want {
                gateway::Wanted::Question {
                    gathering,
                    step,
                    question,
                } => {
                    let recording =
                        (self.begun > self.scenario.warm_up).then_some(&mut self.recording);
                    let response = self.upstream.ask(now, question, recording)?;
                    let work = Work::Response {
                        gathering,
                        step,
                        left: response.left,
                    };
                    (response.at, work)
                }
                gateway::Wanted::Later { at, work } => (at, work),
            };
            self.heap.push(at, 0, Event::Work(work));
        }
        Ok(())
    }

    fn work(&mut self, now: Micros, work: Work) -> Result<(), LabError> {
        let mut wanted = Vec::new();
        let ready = self.gateway.worked(now, work, &mut wanted);
        for answer in ready {
            self.ready(answer.slot, answer.at, answer.cached, answer.status);
        }
        self.begin(now, wanted)
    }

    /// Has an answer leave by the gateway's own rule.
    fn ready(&mut self, slot: usize, ready: Micros, cached: bool, status: u16) {
        if let Some(exchange) = &mut self.exchanges[slot] {
            let elapsed = Duration::from_micros(ready - exchange.at_gateway);
            let (after, _) = leaves_after(elapsed, self.scenario.gateway.answer_step());
            exchange.ready = ready;
            exchange.cached = cached;
            exchange.status = status;
            exchange.left = exchange.at_gateway + after.as_micros() as Micros;
            let left = exchange.left;
            self.heap.push(left, 0, Event::Leave(slot));
        }
    }

    fn leave(&mut self, now: Micros, slot: usize) -> Result<(), LabError> {
        let network = &self.scenario.network;
        let arrival =
            now + micros(network.relay_gateway_ms) + self.back.queueing(network.jitter_ms);
        let recorded = self.recorded(slot);
        if let (true, Some(exchange)) = (recorded, &mut self.exchanges[slot]) {
            let person = &self.population.people[exchange.lookup.name];
            exchange.rows.gateway = self.recording.gateway.push(&GatewaySaw {
                gateway: GatewayHost::Only,
                relay: RelayHost(exchange.relay),
                key_id: exchange.key_id,
                name: person.name.clone(),
                rtype: RecordKind::TEXT,
                received_us: exchange.at_gateway,
                ready_us: exchange.ready,
                left_us: exchange.left,
                cached: exchange.cached,
                status: exchange.status,
                answer_octets: answer_octets(self.scenario, person, exchange.status),
            })?;
        }
        self.heap.push(arrival, 0, Event::Back(slot));
        Ok(())
    }

    fn back(&mut self, now: Micros, slot: usize) {
        let (leaves, rank) = self.back.hold(self.policy, now);
        if let Some(exchange) = &mut self.exchanges[slot] {
            exchange.back = now;
        }
        self.heap.push(leaves, rank, Event::Return(slot));
    }

    fn hand_back(&mut self, now: Micros, slot: usize) -> Result<(), LabError> {
        let recorded = self.recorded(slot);
        let mut distance = 0;
        if let Some(exchange) = &mut self.exchanges[slot] {
            distance = self.distances[exchange.lookup.client as usize];
            if recorded {
                let person = &self.population.people[exchange.lookup.name];
                let octets = answer_octets(self.scenario, person, exchange.status);
                let (relay, client) = (
                    RelayHost(exchange.relay),
                    ClientAddress::new(exchange.lookup.client),
                );
                exchange.rows.out = self.recording.relay_gateway.push(&RelayGateway {
                    at_us: exchange.back,
                    relay,
                    gateway: GatewayHost::Only,
                    towards: Towards::Relay,
                    octets,
                })?;
                exchange.rows.relay = self.recording.relay.push(&RelaySaw {
                    relay,
                    client,
                    gateway: GatewayHost::Only,
                    key_id: exchange.key_id,
                    received_us: exchange.at_relay,
                    forwarded_us: exchange.forwarded,
                    answered_us: exchange.back,
                    returned_us: now,
                    request_octets: REQUEST_BYTES as u32,
                    answer_octets: octets,
                })?;
                exchange.rows.down = self.recording.client_relay.push(&ClientRelay {
                    at_us: now,
                    client,
                    relay,
                    towards: Towards::Client,
                    octets,
                })?;
            }
        }
        let arrival = now + distance + self.back.queueing(self.scenario.network.jitter_ms);
        self.heap.push(arrival, 0, Event::Told(slot));
        Ok(())
    }

    fn told(
        &mut self,
        now: Micros,
        exchange: &Exchange,
        summary: &mut Summary,
    ) -> Result<(), LabError> {
        let person = &self.population.people[exchange.lookup.name];
        let work = exchange.ready - exchange.at_gateway;
        let step = self.scenario.gateway.answer_step();
        let (_, late) = leaves_after(Duration::from_micros(work), step);
        let octets = answer_octets(self.scenario, person, exchange.status);
        summary.lookups += 1;
        summary.cached += u64::from(exchange.cached);
        summary.late += u64::from(late);
        summary.gave_up += u64::from(exchange.status != 200);
        summary.absent += u64::from(!person.presence.exists());
        summary.overflow += u64::from(octets as usize > AnswerClass::Base.bytes());
        self.recording.truth.push(&Truth {
            lookup: exchange.number - self.scenario.warm_up,
            client: ClientAddress::new(exchange.lookup.client),
            name: person.name.clone(),
            rank: exchange.lookup.name as u32,
            zone: person.kind,
            presence: person.presence,
            proof_octets: person.proof_octets as u32,
            cached: exchange.cached,
            status: exchange.status,
            asked_us: exchange.asked,
            told_us: now,
            work_us: work,
            up_row: exchange.rows.up,
            down_row: exchange.rows.down,
            relay_row: exchange.rows.relay,
            in_row: exchange.rows.inward,
            out_row: exchange.rows.out,
            gateway_row: exchange.rows.gateway,
        })?;
        Ok(())
    }

    fn recorded(&self, slot: usize) -> bool {
        self.exchanges[slot]
            .as_ref()
            .is_some_and(|exchange| exchange.number >= self.scenario.warm_up)
    }
}
