//! One proof of each name, and what the prover asked for it.

use std::collections::HashMap;

use domain::base::iana::Rtype;
use sotto_envelope::Answer;
use sotto_proof::{
    Limits, Name, Progress, Prover, ProverLimits, RecordType, SignatureMemory, Verdict, message,
    verify_with_memory,
};
use sotto_wire::{AnswerClass, Problem, ProblemType};
use sotto_world::dns;
use sotto_world::dns::message::{Transport, respond};

use super::zones::Town;
use super::{Drawn, Person, Population, Presence, host};
use crate::LabError;
use crate::scenario::{Padding, Scenario};
use crate::views::{Host, OwnerName, RecordKind};

/// Good signature checks remembered while a population is proved: every zone's, many times over.
const REMEMBERED_SIGNATURES: usize = 1 << 20;

/// The UDP payload that a resolver takes (RFC 9715): what is longer is asked for again over TCP.
const UDP_OCTETS: u16 = 1_232;

/// Octets of an encapsulated response beside its content: the response nonce and the tag of AES-128-GCM (RFC 9458 section 4.4).
const SEALING_OCTETS: usize = 16 + 16;

/// Octets of a Binary HTTP response beside its content, for a proof: framing, status, and the content type (RFC 9292).
const MESSAGE_OCTETS: usize = 45;

/// The zones that every resolver's users keep alive.
const TOP: [&str; 5] = [".", "com.", "test.", "cc.", "co.cc."];

/// A question that some proof takes.
#[derive(Clone, Debug)]
pub struct Question {
    /// The name asked for.
    pub name: OwnerName,
    /// The type asked for.
    pub rtype: RecordKind,
    /// Whether it asks for keys or a delegation, which the gateway keeps apart from proofs.
    pub about_zone: bool,
    /// Whether the root, a top-level domain or a country code's second level answers for it, which every resolver's users keep alive.
    pub is_top: bool,
    /// The authorities asked from the root down if nothing is known, by their number.
    pub path: Vec<u16>,
    /// Octets of the response.
    pub octets: usize,
    /// Whether the response takes TCP.
    pub over_tcp: bool,
    /// Seconds that the response may be kept.
    pub ttl: u64,
}

/// One question of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number among [`Population::questions`].
    pub question: u32,
    /// The step whose response brings it about; asked at once if absent.
    pub after: Option<u16>,
}

/// Questions asked so far, each once.
struct Book<'a> {
    town: &'a Town,
    numbers: HashMap<sotto_proof::Question, u32>,
    questions: Vec<Question>,
    responses: Vec<message::Response>,
    hosts: HashMap<dns::Name, u16>,
    authorities: Vec<Host>,
}

/// Proves everybody.
pub(super) fn prove(
    drawn: &[Drawn],
    town: &Town,
    scenario: &Scenario,
    mut progress: impl FnMut(),
) -> Result<Population, LabError> {
    let mut book = Book {
        town,
        numbers: HashMap::new(),
        questions: Vec::new(),
        responses: Vec::new(),
        hosts: HashMap::new(),
        authorities: Vec::new(),
    };
    let mut memory = SignatureMemory::new(REMEMBERED_SIGNATURES);
    let mut people = Vec::with_capacity(drawn.len());
    for (drawn, owner) in drawn.iter().zip(&town.owners) {
        let question = sotto_proof::Question {
            name: Name::from_wire(owner.as_slice()).map_err(contradiction)?,
            rtype: RecordType::TXT,
        };
        let (proof, steps) = gather(&mut book, &question)?;
        let limits = Limits::default();
        let now = scenario.start;
        let judged =
            verify_with_memory(&proof, &question, &town.anchors, now, &limits, &mut memory);
        let as_drawn = match judged.verdict {
            Verdict::Secure(_) => drawn.presence.exists(),
            Verdict::NxDomain | Verdict::NoData => drawn.presence == Presence::Absent,
            _ => false,
        };
        if !as_drawn {
            return Err(contradiction(format!(
                "{}: {:?}",
                question.name, judged.verdict
            )));
        }
        let proof_octets = proof.len();
        let octets = answer_octets(scenario.gateway.padding, proof_octets);
        let sealed = Answer::proof(proof).class().map(AnswerClass::bytes);
        if scenario.gateway.padding == Padding::Classes && sealed != Some(octets) {
            return Err(contradiction(format!(
                "{}: sealed {sealed:?}",
                question.name
            )));
        }
        people.push(Person {
            name: shown(&question.name),
            kind: drawn.kind,
            presence: drawn.presence,
            proof_octets,
            answer_octets: octets,
            ttl: judged.cache_ttl.map_or(0, u64::from),
            steps,
        });
        progress();
    }
    let is_top = |host: &Host| TOP.contains(&host.zone().as_str());
    Ok(Population {
        people,
        questions: book.questions,
        top: book.authorities.iter().map(is_top).collect(),
        authorities: book.authorities,
        valid_until: town.valid_until,
        skew: scenario.names.skew,
    })
}

/// Octets of the encapsulated response that holds a proof, under a padding.
pub(crate) fn answer_octets(padding: Padding, proof_octets: usize) -> usize {
    let bare = proof_octets + MESSAGE_OCTETS;
    let fits = |class: &&AnswerClass| bare + SEALING_OCTETS <= class.bytes();
    let class = AnswerClass::ALL
        .iter()
        .find(fits)
        .unwrap_or(&AnswerClass::Overflow);
    padded(padding, bare, class.bytes())
}

/// Octets of the encapsulated response under a padding.
fn padded(padding: Padding, message_octets: usize, class_octets: usize) -> usize {
    match padding {
        Padding::Classes => class_octets,
        Padding::None => message_octets + SEALING_OCTETS,
        Padding::Block(block) => (message_octets + SEALING_OCTETS).next_multiple_of(block as usize),
    }
}

/// Octets of the encapsulated response to a question that was given up: of the base class, or about as many as the problem has.
pub(crate) fn problem_octets(padding: Padding) -> usize {
    let problem = Problem::new(
        ProblemType::Blank,
        504,
        "the resolver did not answer in time",
    );
    padded(
        padding,
        problem.to_json().len() + MESSAGE_OCTETS,
        AnswerClass::Base.bytes(),
    )
}

/// Drives the prover, in the order of the questions.
fn gather(
    book: &mut Book<'_>,
    question: &sotto_proof::Question,
) -> Result<(Vec<u8>, Vec<Step>), LabError> {
    let (mut prover, first) = Prover::start(question.clone(), ProverLimits::default());
    let mut asked: Vec<_> = first.into_iter().map(|question| (question, None)).collect();
    let mut steps = Vec::new();
    while let Some((question, after)) = asked.get(steps.len()).cloned() {
        let number = book.number(&question)?;
        let place = steps.len() as u16;
        steps.push(Step {
            question: number,
            after,
        });
        let response = &book.responses[number as usize];
        match prover.respond(&question, response)? {
            Progress::Ask(more) => {
                asked.extend(more.into_iter().map(|question| (question, Some(place))));
            }
            Progress::Wait => {}
            Progress::Done(proof) => return Ok((proof.into_bytes(), steps)),
        }
    }
    Err(contradiction("the prover waits for nothing"))
}

impl Book<'_> {
    fn number(&mut self, question: &sotto_proof::Question) -> Result<u32, LabError> {
        if let Some(number) = self.numbers.get(question) {
            return Ok(*number);
        }
        let query = message::query(1, question, UDP_OCTETS);
        let sent = respond(&self.town.internet, &query, Transport::Tcp)
            .ok_or_else(|| contradiction("the resolver is silent"))?;
        let response = message::parse(&sent.bytes, 1, question).map_err(contradiction)?;
        let owner =
            dns::Name::from_octets(question.name.as_wire().to_vec()).map_err(contradiction)?;
        let rtype = Rtype::from_int(question.rtype.0);
        let resolution = self.town.internet.resolve(&owner, rtype);
        let mut path: Vec<u16> = Vec::new();
        for name in &resolution.asked {
            path.push(self.authority(name));
        }
        let records = response.answer.iter().chain(&response.authority);
        let ttl = records.map(sotto_proof::Record::lifetime).min();
        let about_zone = matches!(question.rtype, RecordType::DNSKEY | RecordType::DS);
        let number = self.questions.len() as u32;
        self.questions.push(Question {
            name: shown(&question.name),
            rtype: RecordKind::of(question.rtype.0),
            about_zone,
            is_top: about_zone && TOP.contains(&question.name.to_string().as_str()),
            path,
            octets: sent.bytes.len(),
            over_tcp: sent.bytes.len() > usize::from(UDP_OCTETS),
            ttl: ttl.map_or(0, u64::from),
        });
        self.responses.push(response);
        self.numbers.insert(question.clone(), number);
        Ok(number)
    }

    fn authority(&mut self, name: &dns::Name) -> u16 {
        let next = self.authorities.len() as u16;
        let number = *self.hosts.entry(name.clone()).or_insert(next);
        if number == next {
            self.authorities.push(host(&format!("{name}.")));
        }
        number
    }
}

fn shown(name: &Name) -> OwnerName {
    OwnerName::new(name.to_string().into())
}

fn contradiction(what: impl ToString) -> LabError {
    LabError::Contradiction(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_padded_has_the_octets_that_the_gateway_would_seal() {
        // The largest content that still fits the base class tells what is added to it.
        let fits =
            |octets: usize| Answer::proof(vec![0; octets]).class() == Some(AnswerClass::Base);
        let most = (0..8_192).rev().find(|octets| fits(*octets)).unwrap();
        assert_eq!(padded(Padding::None, most + MESSAGE_OCTETS, 0), 8_192);
        assert_eq!(padded(Padding::Block(468), 400, 0), 468);
        assert_eq!(padded(Padding::Block(468), 468, 0), 936);
        assert_eq!(padded(Padding::Classes, 400, 8_192), 8_192);
    }
}
