//! A lookup that is not over: the protocol, and what is known so far.

use std::mem;

use sotto_envelope::{Epoch, Opener, ProofQuery, SealError, seal};
use sotto_proof::Question;
use sotto_wire::{AnswerClass, KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES, media};

use super::Knowledge;
use crate::keys::GatewayKey;
use crate::operators::Operators;
use crate::outcome::{Code, Detail, Outcome, Unavailable};
use crate::reader::Reader;
use crate::relay::{DESCRIPTION_MAX_BYTES, RelayFacts};
use crate::report::{Contact, Report, learnt};
use crate::response::{Response, is_of_type, sealed_status};
use crate::second_opinion::SecondOpinion;
use crate::setup::{KeySource, Setup};
use crate::step::{Event, Sent, Step, TransportProblem, TransportProblemKind};
use crate::url::RelayUrl;
use crate::verdict::Judged;

/// How often one relay is tried, each time only because nothing was sent the time before.
const TRIES_PER_RELAY: usize = 2;

/// Seconds of pause before a relay that could not be reached is tried again.
const PAUSE_SECONDS: u64 = 1;

/// A lookup that is not over.
pub(super) struct Running {
    setup: Setup,
    reader: Reader,
    question: Question,
    query: ProofQuery,
    /// Which relay is in use, and what is known of it.
    relay_index: usize,
    relay: Option<RelayFacts>,
    key: Option<GatewayKey>,
    /// Who ran the two when the question was last sealed.
    asked_of: Operators,
    /// The day whose key the gateway refused, once it has.
    refused: Option<Epoch>,
    /// Until when what an earlier lookup learnt may be used, if this one builds on it.
    known_until: Option<u64>,
    phase: Phase,
    /// How many tries came to nothing because nothing was sent.
    unsent: usize,
    /// One for each relay of the setup.
    contacts: Vec<Contact>,
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
    /// Begins, on `knowledge` if it is still good and of this setup.
    pub(super) fn new(
        knowledge: Option<&Knowledge>,
        setup: &Setup,
        reader: Reader,
        question: Question,
        query: ProofQuery,
        now: u64,
    ) -> Self {
        let known = knowledge.filter(|known| known.is_good_for(setup, now));
        let mut running = Self {
            setup: setup.clone(),
            reader,
            question,
            query,
            relay_index: known.map_or(0, |known| known.relay_index),
            relay: None,
            key: known.map(|known| known.key.clone()),
            asked_of: Operators::default(),
            refused: None,
            known_until: known.map(|known| known.until),
            phase: Phase::Idle,
            unsent: 0,
            contacts: setup.relay_hosts().map(Contact::new).collect(),
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
        // First, so that keys of the caller's own that are of no use bother nobody.
        let key = self.believed_key(now)?;
        let Some(relay) = self.relay.clone() else {
            return Ok(self.describe());
        };
        let Some(key) = key else {
            return Ok(self.fetch_keys(&relay));
        };
        if self.setup.is_private() {
            let operators = self.operators();
            operators.agree_with(&self.setup)?;
            operators.check()?;
        }
        let (envelope, opener) =
            seal(&self.query, self.setup.gateway(), &key.config).map_err(|error| {
                let code = match error {
                    SealError::Encapsulation => Code::GatewayKeysUnusable,
                    _ => Code::NameNotCarried,
                };
                Unavailable::with(code, Detail::Cause(error.to_string()))
            })?;
        self.asked_of = self.operators();
        self.phase = Phase::Asking(Box::new(opener));
        Ok(Step::Post {
            url: self.url().at(&relay.resource),
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
            (Event::Failed { sent, what }, _) => return self.failed(sent, what, now),
            (
                Event::Response {
                    status,
                    media_type,
                    body,
                },
                _,
            ) => Response {
                status,
                media_type,
                body,
            },
        };
        let phase = mem::replace(&mut self.phase, Phase::Idle);
        self.reached(matches!(phase, Phase::Asking(_)));
        self.contact().answered = true;
        match phase {
            Phase::Asking(opener) => self.answered(*opener, response, now),
            Phase::FetchingKeys => {
                self.key = Some(self.read_keys(response, now)?);
                self.proceed(now)
            }
            Phase::Describing => {
                self.know_relay(RelayFacts::read(response, self.url(), &self.setup)?);
                self.proceed(now)
            }
            Phase::Pausing | Phase::Idle => Err(Unavailable::new(Code::Misused).into()),
        }
    }

    /// Opens the answer, verifies the proof in it, and reads what it proves.
    fn answered(&mut self, opener: Opener, response: Response, now: u64) -> Result<Step, Outcome> {
        if response.refuses_key() {
            return self.renew_key(now);
        }
        let max_bytes = AnswerClass::Overflow.bytes();
        let sealed = response.content(
            media::OHTTP_RESPONSE,
            max_bytes,
            Code::GatewayUnknownToRelay,
        )?;
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
        let settled = judged.settle(self.setup.max_age(), now);
        self.proof = Some(answer.body);
        self.judged = Some(judged);
        Err(self.reader.read(settled?, &self.setup))
    }

    /// The gateway does not take its key (any more): one more try, with a newer one if there is any.
    fn renew_key(&mut self, now: u64) -> Result<Step, Outcome> {
        let epoch = self.key.as_ref().and_then(|key| key.epoch);
        if self.refused.is_some()
            || epoch.is_none()
            || !matches!(self.setup.keys(), KeySource::Relay)
        {
            return Err(Unavailable::new(Code::GatewayKeyRefused).into());
        }
        self.refused = epoch;
        self.known_until = None;
        self.key = None;
        self.proceed(now)
    }

    /// Tries again, here or at the next relay, if the request reached nobody.
    fn failed(&mut self, sent: Sent, what: TransportProblem, now: u64) -> Result<Step, Outcome> {
        let kind = what.kind;
        let asked = matches!(self.phase, Phase::Asking(_));
        self.phase = Phase::Idle;
        if sent == Sent::Maybe {
            self.reached(asked);
            return Err(self.unreached(&what));
        }
        self.unsent += 1;
        let relays = self.setup.relays().len();
        let tries = match kind {
            TransportProblemKind::Certificate | TransportProblemKind::CertificateTime => 1,
            _ => TRIES_PER_RELAY,
        };
        if self.unsent >= relays * tries {
            return Err(self.unreached(&what));
        }
        if relays > 1 {
            self.relay_index = (self.relay_index + 1) % relays;
            self.relay = None;
        }
        // A connection that was refused needs time; one that had ended unnoticed does not.
        if kind == TransportProblemKind::Connect && self.unsent.is_multiple_of(relays) {
            self.phase = Phase::Pausing;
            return Ok(Step::Wait {
                until: now.saturating_add(PAUSE_SECONDS),
            });
        }
        self.proceed(now)
    }

    fn unreached(&self, what: &TransportProblem) -> Outcome {
        Unavailable::on_the_way_to(self.url().authority(), what).into()
    }

    fn describe(&mut self) -> Step {
        self.phase = Phase::Describing;
        Step::Get {
            url: self.url().description(),
            accept: media::JSON,
            max_bytes: DESCRIPTION_MAX_BYTES,
        }
    }

    /// The key to seal to, if there is one without asking the relay.
    fn believed_key(&mut self, now: u64) -> Result<Option<GatewayKey>, Unavailable> {
        if self.key.is_none() {
            self.key = match self.setup.keys() {
                KeySource::Relay | KeySource::PinnedDigest(_) => None,
                KeySource::Document(document) => {
                    Some(GatewayKey::from_document(document, &self.setup, None, now)?)
                }
                KeySource::List(list) => Some(GatewayKey::from_pinned(list, None)?),
            };
        }
        Ok(self.key.clone())
    }

    fn fetch_keys(&mut self, relay: &RelayFacts) -> Step {
        self.phase = Phase::FetchingKeys;
        if let KeySource::PinnedDigest(_) = self.setup.keys() {
            return Step::Get {
                url: self.url().at(&relay.resource),
                accept: media::OHTTP_KEYS,
                max_bytes: KEY_LIST_MAX_BYTES,
            };
        }
        Step::Get {
            url: self.url().keys_at(&relay.resource),
            accept: media::KEY_DOCUMENT,
            max_bytes: KEY_DOCUMENT_MAX_BYTES,
        }
    }

    fn read_keys(&self, response: Response, now: u64) -> Result<GatewayKey, Unavailable> {
        if let KeySource::PinnedDigest(digest) = self.setup.keys() {
            let list =
                response.content(media::OHTTP_KEYS, KEY_LIST_MAX_BYTES, Code::KeysMissing)?;
            return GatewayKey::from_pinned(&list, Some(*digest));
        }
        let document = response.content(
            media::KEY_DOCUMENT,
            KEY_DOCUMENT_MAX_BYTES,
            Code::KeysMissing,
        )?;
        GatewayKey::from_document(&document, &self.setup, self.refused, now)
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

    /// The contact with the relay in use.
    fn contact(&mut self) -> &mut Contact {
        &mut self.contacts[self.relay_index]
    }

    fn url(&self) -> &RelayUrl {
        &self.setup.relays()[self.relay_index]
    }

    fn operators(&self) -> Operators {
        Operators {
            relay: self.relay.as_ref().and_then(|relay| relay.operator.clone()),
            gateway: self
                .key
                .as_ref()
                .and_then(|key| key.operator.as_ref())
                .or(self.setup.gateway_operator())
                .cloned(),
        }
    }

    pub(super) fn report(self, outcome: Outcome, now: u64) -> Report {
        // A key that was refused, or a relay that was left, does not unask the question.
        let operators = self.operators().or(&self.asked_of);
        let learnt = learnt(
            &self.contacts,
            self.setup.gateway(),
            operators.gateway.as_ref(),
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
                relay_index: self.relay_index,
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
            key_digest: self.key.map(|key| key.digest),
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
