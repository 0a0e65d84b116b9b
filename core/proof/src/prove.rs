//! The prover: collects from a recursive resolver every RR that a verifier needs.
//!
//! A [`Prover`] does no I/O. It hands out questions, takes responses in any order, and in the end
//! has a [`Proof`]. It trusts nobody and checks no signature: a resolver that lies gets a proof
//! that its reader refuses. What it does promise is a bound on questions, aliases and octets.
//!
//! How it works: of each response the RRsets that can matter for its question are kept (see
//! `digest`), and after each one the whole of what is known is walked again from the question asked
//! (see `gather`). Where the walk lacks a response there is a new question; where it lacks none the
//! records that it passed are the proof. So nothing depends on the order of responses, no question
//! is asked twice, and no record of a response is looked at again after its arrival.

mod digest;
mod gather;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use crate::codec::{MAX_PROOF_BYTES, encode, encoded_len};
use crate::message::{Response, rcode};
use crate::name::Name;
use crate::record::{Question, Record, RecordType};
use digest::Digest;
use gather::Gathering;

/// Bounds on the work for one proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProverLimits {
    /// Questions asked in all. A chain of n zones costs 2n, an alias into another tree as much
    /// again, an unsigned name one more for each label; 64 leave room for every honest case.
    pub questions: usize,
    /// CNAME and DNAME steps followed: 8, which is what verifiers accept.
    pub aliases: usize,
    /// RRs of one response, and of the finished proof: 1,024, which is what verifiers accept.
    pub records: usize,
    /// Octets of the finished proof (RFC 9102 section 2.4 has a 16-bit length).
    pub bytes: usize,
    /// RRs of all responses together: 4,096, four times what a proof may have, since servers add
    /// name servers and denials that go into none.
    pub received_records: usize,
    /// Octets of those RRs, names not compressed: 262,140, likewise four times a proof's. One
    /// response of 65,535 octets may be far larger once its names are written out.
    pub received_bytes: usize,
    /// RRsets kept of one denial. An honest one has an SOA and at most three NSEC3, or two NSEC
    /// (RFC 5155 section 7.2, RFC 4035 section 3.1.3); 16 leave room for what resolvers add.
    pub denial_sets: usize,
    /// RRSIGs kept of one RRset: 16, twice what verifiers try.
    pub rrsigs_per_rrset: usize,
}

impl Default for ProverLimits {
    fn default() -> Self {
        Self {
            questions: 64,
            aliases: 8,
            records: 1_024,
            bytes: MAX_PROOF_BYTES,
            received_records: 4_096,
            received_bytes: 4 * MAX_PROOF_BYTES,
            denial_sets: 16,
            rrsigs_per_rrset: 16,
        }
    }
}

/// Why there is no proof.
///
/// The culprit is always the DNS or the resolver, never the one who asks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// A response to a question that is not open.
    #[error("a response came to {} {}, which was not asked", .0.name, .0.rtype)]
    NotAsked(Question),
    /// The resolver answered with an error.
    #[error("the resolver answered {} {} with response code {rcode}", .question.name, .question.rtype)]
    Refused {
        /// The question that failed.
        question: Question,
        /// The response code (RFC 6895 section 2.3).
        rcode: u16,
    },
    /// A truncated response has no sections to use; the driver has to ask over TCP.
    #[error("the response to {} {} is truncated", .0.name, .0.rtype)]
    Truncated(Question),
    /// [`ProverLimits::questions`] do not suffice.
    #[error("the chain needs more than {0} questions")]
    TooManyQuestions(usize),
    /// [`ProverLimits::aliases`] do not suffice, or the aliases form a loop.
    #[error("the name is an alias of more than {0} steps")]
    TooManyAliases(usize),
    /// A response or the proof has more RRs than [`ProverLimits::records`].
    #[error("a response or the proof has more than {0} records")]
    TooManyRecords(usize),
    /// The responses together have more than [`ProverLimits::received_records`] or
    /// [`ProverLimits::received_bytes`].
    #[error("the responses for one proof have more than {records} records or {bytes} octets")]
    TooMuchReceived {
        /// The RRs they may have.
        records: usize,
        /// The octets they may have.
        bytes: usize,
    },
    /// The proof is larger than [`ProverLimits::bytes`].
    #[error("the proof has {bytes} octets, more than {limit}")]
    TooLarge {
        /// The octets it would have.
        bytes: usize,
        /// The octets it may have.
        limit: usize,
    },
}

/// What is to be done after a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// These questions are to be asked, all at once if the driver can.
    Ask(Vec<Question>),
    /// Other responses are still awaited.
    Wait,
    /// The proof is complete; nothing is awaited any more.
    Done(Proof),
}

/// The RRs that prove an answer, or its absence, or that its zone is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    records: Vec<Record>,
    bytes: Vec<u8>,
}

impl Proof {
    /// The RRs: keys and delegations from the root down, then aliases and answer, then denial.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The RFC 9102 sequence of RRs.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The RFC 9102 sequence of RRs.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A proof in the making, for one question. No I/O.
#[derive(Clone, Debug)]
pub struct Prover {
    question: Question,
    limits: ProverLimits,
    pending: HashSet<Question>,
    answers: HashMap<Question, Digest>,
    received_records: usize,
    received_bytes: usize,
    work: usize,
}

impl Prover {
    /// Begins a proof and returns the questions to ask now, in parallel.
    #[must_use]
    pub fn start(question: Question, limits: ProverLimits) -> (Self, Vec<Question>) {
        let root_keys = Question {
            name: Name::root(),
            rtype: RecordType::DNSKEY,
        };
        let mut first = vec![question.clone()];
        if question != root_keys {
            first.push(root_keys);
        }
        let prover = Self {
            question,
            limits,
            pending: first.iter().cloned().collect(),
            answers: HashMap::new(),
            received_records: 0,
            received_bytes: 0,
            work: 0,
        };
        (prover, first)
    }

    /// Takes the response to a question that [`Self::start`] or an earlier call gave out.
    ///
    /// # Errors
    ///
    /// [`ProveError`]; the prover is of no further use then.
    pub fn respond(
        &mut self,
        asked: &Question,
        response: &Response,
    ) -> Result<Progress, ProveError> {
        if !self.pending.remove(asked) {
            return Err(ProveError::NotAsked(asked.clone()));
        }
        if response.truncated {
            return Err(ProveError::Truncated(asked.clone()));
        }
        if !matches!(
            response.rcode,
            rcode::NOERROR | rcode::NXDOMAIN | rcode::YXDOMAIN
        ) {
            return Err(ProveError::Refused {
                question: asked.clone(),
                rcode: response.rcode,
            });
        }
        if response.answer.len() + response.authority.len() > self.limits.records {
            return Err(ProveError::TooManyRecords(self.limits.records));
        }
        self.receive(response)?;
        // Aliases of keys and delegations lead nowhere, unless it is those that are to be proved.
        let aliases = if asked.rtype == self.question.rtype {
            self.limits.aliases
        } else {
            0
        };
        let (digest, work) = Digest::of(asked, response, aliases, &self.limits);
        self.work += work;
        self.answers.insert(asked.clone(), digest);

        let mut gathering = Gathering::new(&self.answers, &self.limits);
        let walked = gathering.prove(&self.question);
        self.work += gathering.work;
        walked?;
        let new: Vec<Question> = gathering
            .missing
            .iter()
            .filter(|question| !self.pending.contains(question))
            .cloned()
            .collect();
        if !new.is_empty() {
            if self.answers.len() + self.pending.len() + new.len() > self.limits.questions {
                return Err(ProveError::TooManyQuestions(self.limits.questions));
            }
            self.pending.extend(new.iter().cloned());
            return Ok(Progress::Ask(new));
        }
        if !self.pending.is_empty() {
            return Ok(Progress::Wait);
        }

        let records = gathering.into_records();
        if records.len() > self.limits.records {
            return Err(ProveError::TooManyRecords(self.limits.records));
        }
        let bytes = encode(&records);
        if bytes.len() > self.limits.bytes {
            return Err(ProveError::TooLarge {
                bytes: bytes.len(),
                limit: self.limits.bytes,
            });
        }
        Ok(Progress::Done(Proof { records, bytes }))
    }

    /// How often a record, a response or a name was looked at so far: what the proof costs, counted
    /// rather than timed.
    #[must_use]
    pub const fn work(&self) -> usize {
        self.work
    }

    /// Counts what came.
    fn receive(&mut self, response: &Response) -> Result<(), ProveError> {
        let records = || response.answer.iter().chain(&response.authority);
        self.received_records += records().count();
        self.received_bytes += records().map(encoded_len).sum::<usize>();
        if self.received_records > self.limits.received_records
            || self.received_bytes > self.limits.received_bytes
        {
            return Err(ProveError::TooMuchReceived {
                records: self.limits.received_records,
                bytes: self.limits.received_bytes,
            });
        }
        Ok(())
    }
}
