//! A lookup that is not over: the protocol, and what is known so far.

use std::mem;

use sotto_envelope::{Epoch, Opener, ProofQuery, SealError, seal};
use sotto_proof::{Question, Verification};
use sotto_wire::{AnswerClass, media};

use super::Memory;
use super::knowledge::Knowledge;
use super::retry::{Trouble, Way, permits, way};
use super::route::Route;
use crate::keys::{GatewayKey, KeyRequest, KeySighting, KeysSeen};
use crate::learnt::{Contact, Contacts};
use crate::operators::Operators;
use crate::outcome::{Code, Detail, Outcome, Unavailable};
use crate::reader::Reader;
use crate::relay::{DESCRIPTION_MAX_BYTES, RelayFacts};
use crate::report::Report;
use crate::response::{Response, is_of_type, sealed_status};
use crate::second_opinion::SecondOpinion;
use crate::setup::{GatewayEntry, RelayEntry, Setup};
use crate::step::{Event, Sent, Step, TransportProblem, TransportProblemKind};
use crate::verdict::Judged;
use crate::via::{Passed, Via};

/// Seconds of pause before a relay that could not be reached is tried again.
const PAUSE_SECONDS: u64 = 1;

/// A lookup that is not over.
pub(super) struct Running {
    setup: Setup,
    reader: Reader,
    question: Question,
    query: ProofQuery,
    /// Which relay and which gateway are in use, and which may come next.
    route: Route,
    /// Whether the pair in use is that of an earlier lookup.
    remembered: bool,
    /// The pairs that were of no use, and why.
    passed: Vec<Passed>,
    /// What is known of the relay in use, and the key that it gave for the gateway in use.
    relay: Option<RelayFacts>,
    key: Option<GatewayKey>,
    /// Which keys were proved before, and which now.
    seen: KeysSeen,
    sightings: Vec<KeySighting>,
    /// Who ran the two when the question was last sealed.
    asked_of: Operators,
    /// The day whose key the gateway refused, once it has.
    refused: Option<Epoch>,
    /// Until when what an earlier lookup learnt may be used, if this one builds on it.
    known_until: Option<u64>,
    /// When the time for the whole lookup is over, Unix seconds.
    ends: u64,
    phase: Phase,
    contacts: Contacts,
    proof: Option<Vec<u8>>,
    judged: Option<Judged>,
    /// Whether an answer came out of its seal.
    opened: bool,
}

/// What the step under way is for.
enum Phase {
    /// None is.
    Idle,
    Describing,
    FetchingKeys,
    Asking(Box<Opener>),
    Pausing,
}

impl Running {
    /// Begins, on what `memory` holds as far as it is still good and of this setup.
    pub(super) fn new(
        memory: &Memory,
        setup: &Setup,
        reader: Reader,
        question: Question,
        query: ProofQuery,
        now: u64,
    ) -> Self {
        let mut seen = memory.keys_seen().clone();
        if let Some(store) = setup.store() {
            seen.extend(store.keys_seen().iter().cloned());
        }
        let known = memory
            .knowledge()
            .filter(|known| known.is_good_for(setup, &seen, now));
        let mut running = Self {
            setup: setup.clone(),
            reader,
            question,
            query,
            route: Route::new(setup, known.map(|known| known.pair), now),
            remembered: known.is_some(),
            passed: Vec::new(),
            relay: None,
            key: known.map(|known| known.key.clone()),
            seen,
            sightings: Vec::new(),
            asked_of: Operators::default(),
            refused: None,
            known_until: known.map(|known| known.until),
            ends: now.saturating_add(setup.lookup_timeout()),
            phase: Phase::Idle,
            contacts: Contacts::default(),
            proof: None,
            judged: None,
            opened: false,
        };
        if let Some(known) = known {
            running.know_relay(known.relay.clone());
        }
        running
    }

    /// The protocol: know the relay, know the gateway's key, know that they are two, then ask.
    pub(super) fn proceed(&mut self, now: u64) -> Result<Step, Outcome> {
        self.ask(now).or_else(|outcome| match outcome {
            Outcome::Unavailable(why) => self.after_refusal(why, now),
            other => Err(other),
        })
    }

    fn ask(&mut self, now: u64) -> Result<Step, Outcome> {
        if now >= self.ends {
            return Err(self.timed_out().into());
        }
        // First, so that keys of the caller's own that are of no use bother nobody.
        if self.key.is_none() {
            self.key = GatewayKey::held(self.gateway(), &self.setup, now)?;
        }
        let Some(relay) = self.relay.clone() else {
            return Ok(self.describe());
        };
        let Some(key) = self.key.clone() else {
            return Ok(self.fetch_keys(&relay));
        };
        if self.setup.is_private() {
            let operators = self.operators();
            operators.agree_with(self.relay(), self.gateway())?;
            operators.check()?;
        }
        let (envelope, opener) =
            seal(&self.query, &self.gateway().host, &key.config).map_err(|error| {
                let code = match error {
                    SealError::Encapsulation => Code::GatewayKeysUnusable,
                    _ => Code::NameNotCarried,
                };
                Unavailable::with(code, Detail::Cause(error.to_string()))
            })?;
        self.asked_of = self.operators();
        let operator = self.asked_of.gateway.clone();
        self.contact().gateway_operator = operator;
        self.phase = Phase::Asking(Box::new(opener));
        Ok(Step::Post {
            url: self.relay().url.at(&relay.resource),
            media_type: media::OHTTP_REQUEST,
            body: envelope.into_bytes(),
            max_bytes: AnswerClass::Overflow.bytes(),
        })
    }

    /// Takes in what came of the step under way.
    pub(super) fn advance(&mut self, event: Event, now: u64) -> Result<Step, Outcome> {
        let response = match (event, &self.phase) {
            (Event::Woke, Phase::Pausing) => return self.proceed(now),
            (Event::Woke, _) | (_, Phase::Pausing | Phase::Idle) => {
                return Err(Unavailable::new(Code::Misused).into());
            }
            (Event::Failed { sent, what }, _) => return self.failed(sent, &what, now),
            (
                Event::Response {
                    status,
                    media_type,
                    retry_after,
                    body,
                },
                _,
            ) => Response {
                status,
                media_type,
                retry_after,
                body,
            },
        };
        let phase = mem::replace(&mut self.phase, Phase::Idle);
        self.reached(matches!(phase, Phase::Asking(_)));
        self.contact().answered = true;
        let known = match phase {
            Phase::Asking(opener) => return self.answered(*opener, response, now),
            Phase::FetchingKeys => self.read_keys(response, now),
            Phase::Describing => RelayFacts::read(response, self.relay(), &self.gateway().host)
                .map(|facts| self.know_relay(facts)),
            Phase::Pausing | Phase::Idle => Err(Unavailable::new(Code::Misused)),
        };
        match known {
            Ok(()) => self.proceed(now),
            Err(why) => self.after_refusal(why, now),
        }
    }

    /// Opens the answer, verifies the proof in it, and reads what it proves.
    fn answered(&mut self, opener: Opener, response: Response, now: u64) -> Result<Step, Outcome> {
        if response.refuses_key() {
            return self.renew_key(now);
        }
        let max_bytes = AnswerClass::Overflow.bytes();
        let sealed = match response.content(
            media::OHTTP_RESPONSE,
            max_bytes,
            Code::GatewayUnknownToRelay,
        ) {
            Ok(sealed) => sealed,
            Err(why) => return self.after_refusal(why, now),
        };
        // From here on nothing is asked again: what came may have been read by the gateway.
        let Some(class) = AnswerClass::of_size(sealed.len()) else {
            return Err(Unavailable::with(Code::AnswerSize, Detail::Size(sealed.len())).into());
        };
        self.contact().answer = Some(class);
        let answer = opener.open(&sealed).map_err(|error| {
            Unavailable::with(Code::AnswerUnreadable, Detail::Cause(error.to_string()))
        })?;
        self.opened = true;
        self.contact().sealed_status = Some(answer.status);
        if answer.status != 200 {
            return Err(Unavailable::with(
                sealed_status(answer.status),
                Detail::Status(answer.status),
            )
            .into());
        }
        if answer.body.is_empty() {
            return Err(Unavailable::new(Code::NoProof).into());
        }
        if !is_of_type(answer.media_type.as_deref(), media::PROOF) {
            return Err(Unavailable::with(
                Code::GatewayProtocol,
                Detail::MediaType(answer.media_type),
            )
            .into());
        }
        let judged = Judged::new(&answer.body, &self.question, &self.setup, now);
        let outcome = match judged.settle(self.setup.max_age(), now) {
            Ok(proved) => self.reader.read(proved, &self.setup),
            Err(outcome) => outcome,
        };
        let kept = self.keep(&outcome, &answer.body, &judged.verification, now);
        self.proof = Some(answer.body);
        self.judged = Some(judged);
        kept?;
        Err(outcome)
    }

    /// Keeps an answer that stands, unless it is older than one that stood before.
    fn keep(
        &self,
        outcome: &Outcome,
        proof: &[u8],
        verification: &Verification,
        now: u64,
    ) -> Result<(), Unavailable> {
        let stands = !matches!(outcome, Outcome::Bogus(_) | Outcome::Unavailable(_));
        if let Some(store) = self.setup.store().filter(|_| stands) {
            store.refuse_older(&self.question, verification)?;
            store.keep(&self.question, proof, verification, now);
        }
        Ok(())
    }

    /// The gateway does not take its key (any more): one more try, with a newer one if there is any.
    fn renew_key(&mut self, now: u64) -> Result<Step, Outcome> {
        let epoch = self.key.as_ref().and_then(|key| key.epoch);
        if self.refused.is_some() || epoch.is_none() || !self.gateway().keys.is_relay() {
            return self.after_refusal(Unavailable::new(Code::GatewayKeyRefused), now);
        }
        self.refused = epoch;
        self.known_until = None;
        self.key = None;
        self.proceed(now)
    }

    /// Goes on where the request reached nobody.
    fn failed(&mut self, sent: Sent, what: &TransportProblem, now: u64) -> Result<Step, Outcome> {
        let asking = matches!(self.phase, Phase::Asking(_));
        self.phase = Phase::Idle;
        if sent == Sent::Maybe {
            self.reached(asking);
        }
        if now >= self.ends {
            return Err(self.timed_out().into());
        }
        let trouble = Trouble::Transport(sent, what.kind);
        let why = Unavailable::on_the_way(what);
        let way = way(trouble, self.contacts.asked(), self.setup.another_gateway());
        if way == Way::Over {
            return Err(why.into());
        }
        self.route.spend(way == Way::AnotherRelay);
        let passed = self.passing(&why);
        let Some(round_over) = self.route.next_relay() else {
            return Err(why.into());
        };
        self.leave_relay(passed);
        // A connection that was refused needs time; one that had ended unnoticed does not.
        if round_over.0 && what.kind == TransportProblemKind::Connect {
            self.phase = Phase::Pausing;
            return Ok(Step::Wait {
                until: now.saturating_add(PAUSE_SECONDS),
            });
        }
        self.proceed(now)
    }

    fn timed_out(&self) -> Unavailable {
        let seconds = self.setup.lookup_timeout();
        Unavailable::with(Code::LookupTimedOut, Detail::Seconds(seconds))
    }

    /// Goes on where the pair in use is of no use, if anywhere.
    fn after_refusal(&mut self, why: Unavailable, now: u64) -> Result<Step, Outcome> {
        let policy = self.setup.another_gateway();
        let way = way(Trouble::Refusal(why.code), self.contacts.asked(), policy);
        let passed = self.passing(&why);
        // Keys of the caller's own are the same over every relay.
        let by_relay = way == Way::AnotherRelay && !self.lacks_held_key() && {
            self.route.spend(true);
            self.route.next_relay().is_some()
        };
        let mut by_gateway = || {
            matches!(way, Way::AnotherRelay | Way::AnotherGateway)
                && permits(policy, self.contacts.asked())
                && self.route.next_gateway()
        };
        if !by_relay && !by_gateway() {
            return Err(why.into());
        }
        if !by_relay {
            self.refused = None;
            self.key = None;
        }
        self.leave_relay(passed);
        self.proceed(now)
    }

    /// Whether the key of the caller's own is missing, since it is of no use.
    fn lacks_held_key(&self) -> bool {
        self.gateway().keys.is_held() && self.key.is_none()
    }

    /// The pair in use, and why it is left.
    fn passing(&self, why: &Unavailable) -> Passed {
        Passed {
            relay: self.relay().url.authority().to_owned(),
            gateway: self.gateway().host.clone(),
            why: self.blamed(why.clone()),
        }
    }

    /// Forgets what was learnt of the relay that is left, the key that it gave included: over another relay only
    /// a key that everybody gets there may be used, or two parties could follow a client by its key.
    fn leave_relay(&mut self, passed: Passed) {
        self.passed.push(passed);
        self.relay = None;
        self.remembered = false;
        self.known_until = None;
        if self.gateway().keys.is_relay() {
            self.key = None;
        }
    }

    fn describe(&mut self) -> Step {
        self.phase = Phase::Describing;
        Step::Get {
            url: self.relay().url.description(),
            accept: media::JSON,
            max_bytes: DESCRIPTION_MAX_BYTES,
        }
    }

    fn fetch_keys(&mut self, relay: &RelayFacts) -> Step {
        self.phase = Phase::FetchingKeys;
        let KeyRequest {
            url,
            accept,
            max_bytes,
        } = KeyRequest::new(self.gateway(), &self.relay().url, relay);
        Step::Get {
            url,
            accept,
            max_bytes,
        }
    }

    fn read_keys(&mut self, response: Response, now: u64) -> Result<(), Unavailable> {
        let gateway = self.gateway();
        let key = GatewayKey::read(response, gateway, &self.setup, self.refused, now)?;
        if let (Some(store), Some(epoch)) = (self.setup.store(), key.epoch) {
            store.refuse_replayed_keys(&KeySighting {
                gateway: gateway.host.clone(),
                relay: self.relay().url.authority().to_owned(),
                epoch: epoch.0,
                digest: key.digest,
                at: now,
            })?;
        }
        for sighting in key.sightings(&gateway.host, self.relay().url.authority(), now) {
            self.seen.check(&sighting)?;
            self.seen.add(sighting.clone());
            self.sightings.push(sighting);
        }
        if let Some(store) = self.setup.store() {
            store.note_keys(&self.sightings);
        }
        self.key = Some(key);
        Ok(())
    }

    fn know_relay(&mut self, facts: RelayFacts) {
        self.contact().operator.clone_from(&facts.operator);
        self.relay = Some(facts);
    }

    /// Notes that the relay in use may have seen a request, and with it perhaps the question.
    fn reached(&mut self, asked: bool) {
        let contact = self.contact();
        contact.reached = true;
        contact.asked |= asked;
    }

    /// The contact with the pair in use.
    fn contact(&mut self) -> &mut Contact {
        let pair = self.route.pair();
        self.contacts.between(
            self.setup.relays()[pair.relay].url.host(),
            &self.setup.gateways()[pair.gateway].host,
        )
    }

    fn relay(&self) -> &RelayEntry {
        &self.setup.relays()[self.route.pair().relay]
    }

    fn gateway(&self) -> &GatewayEntry {
        &self.setup.gateways()[self.route.pair().gateway]
    }

    fn operators(&self) -> Operators {
        Operators {
            relay: self.relay.as_ref().and_then(|relay| relay.operator.clone()),
            gateway: self
                .key
                .as_ref()
                .and_then(|key| key.operator.as_ref())
                .or(self.gateway().operator.as_ref())
                .cloned(),
        }
    }

    /// What went wrong, with the relay and the gateway in use.
    fn blamed(&self, why: Unavailable) -> Unavailable {
        let relay = (!self.lacks_held_key()).then(|| self.relay().url.authority());
        why.between(relay, &self.gateway().host)
    }

    pub(super) fn report(self, outcome: Outcome, now: u64) -> Report {
        let (relay_url, gateway) = (self.relay().url.to_string(), self.gateway().host.clone());
        let outcome = match outcome {
            Outcome::Unavailable(why) => self.blamed(why).into(),
            other => other,
        };
        // A key that was refused, or a relay that was left, does not unask the question.
        let operators = self.operators().or(&self.asked_of);
        let learnt = self.contacts.learnt();
        let via = Via::new(
            &self.setup,
            self.route.pair(),
            self.remembered,
            self.passed,
            now,
        );
        let (verification, second_opinion) = self
            .judged
            .map_or((None, SecondOpinion::NotAsked), |judged| {
                (Some(judged.verification), judged.second_opinion)
            });
        // By the opening alone: what was inside the seal must not decide whether the next lookup fetches, or
        // the relay would learn it.
        let knowledge = match (self.opened, self.relay, &self.key) {
            (true, Some(relay), Some(key)) => Some(Knowledge {
                until: self
                    .known_until
                    .unwrap_or_else(|| Knowledge::until(key, now)),
                pair: self.route.pair(),
                relay_url,
                gateway,
                relay,
                key: key.clone(),
            }),
            _ => None,
        };
        Report {
            outcome,
            identifier: self.reader.into_identifier(),
            question: Some(self.question),
            at: now,
            proof: self.proof,
            verification,
            second_opinion,
            operators,
            via: Some(via),
            key_digest: self.key.map(|key| key.digest),
            keys: self.sightings,
            from_store: None,
            store_problem: None,
            learnt,
            knowledge,
        }
    }

    /// What is under way, in a word.
    pub(super) fn state(&self) -> &'static str {
        match self.phase {
            Phase::Idle => "idle",
            Phase::Describing => "describing the relay",
            Phase::FetchingKeys => "fetching keys",
            Phase::Asking(_) => "asking",
            Phase::Pausing => "pausing",
        }
    }
}
