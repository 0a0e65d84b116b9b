//! A resolver over an internet in memory, with somebody on the way who changes what it says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sotto_proof::message;
use sotto_proof::{Name, Question, Record, RecordType, encode};
use sotto_world::dns::message::{Transport, respond};
use sotto_world::dns::resolver::Internet;

/// The identifier of every query to the internet below, which has no network on which to guess it.
const ID: u16 = 1;

/// Octets of a header, and of type and class after the name of a question (RFC 1035 section 4.1).
const HEADER: usize = 12;
const QUESTION_TAIL: usize = 4;

/// A response, RD, RA and CD set.
const FLAGS: u16 = 0x8190;

/// An OPT record with DO set (RFC 6891 section 6.1.2, RFC 3225 section 3).
const OPT: [u8; 11] = [0, 0, 41, 0xff, 0xff, 0, 0, 0x80, 0, 0, 0];

/// What somebody on the way does to the records of a proof, wherever these appear.
#[derive(Debug, Clone, Default)]
pub struct Tampering {
    /// What becomes of a record, as octets of records: nothing, another, or several.
    pub replaced: Vec<(Record, Vec<Vec<u8>>)>,
    /// What is put into the authority section of the answer to the question that matters.
    pub added: Vec<Record>,
    /// Another question whose answer is given to the one that matters.
    pub misdirected: Option<Question>,
    /// Whether sections come in reverse.
    pub reversed: bool,
}

impl Tampering {
    /// The proof as it arrives.
    #[must_use]
    pub fn proof(&self, records: &[Record]) -> Vec<u8> {
        let mut octets = self.section(records, &self.added);
        if self.reversed {
            octets.reverse();
        }
        octets.concat()
    }

    /// Each record of a section as octets.
    fn section(&self, honest: &[Record], added: &[Record]) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        for record in honest {
            match self.replaced.iter().find(|(old, _)| is_same(old, record)) {
                Some((_, new)) => octets.extend_from_slice(new),
                None => octets.push(encode(std::slice::from_ref(record))),
            }
        }
        octets.extend(
            added
                .iter()
                .map(|record| encode(std::slice::from_ref(record))),
        );
        octets
    }
}

/// Whether two records are one but for their TTL.
fn is_same(left: &Record, right: &Record) -> bool {
    left.owner == right.owner && left.rtype == right.rtype && left.rdata == right.rdata
}

/// The resolver and who sits before it.
pub struct Transit {
    internet: Arc<Internet>,
    /// The question that matters.
    question: Question,
    tampering: Tampering,
    /// Responses without identifier: whoever measures a verifier does not measure the resolver.
    ready: Mutex<HashMap<(Name, RecordType), Vec<u8>>>,
}

impl Transit {
    /// A resolver whose every response suffers `tampering`.
    #[must_use]
    pub fn new(internet: Arc<Internet>, question: Question, tampering: Tampering) -> Self {
        Self {
            internet,
            question,
            tampering,
            ready: Mutex::default(),
        }
    }

    /// The response to a query message; `None` if that is none.
    #[must_use]
    pub fn respond(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = Name::split_from(query.get(HEADER..)?).ok()?;
        let rtype = RecordType(u16::from_be_bytes(*rest.first_chunk()?));
        let question_end = query.len() - rest.len() + QUESTION_TAIL;
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let tail = match ready.get(&(name.clone(), rtype)) {
            Some(tail) => tail,
            None => {
                let question = Question {
                    name: name.clone(),
                    rtype,
                };
                let tail = self.make(&question)?;
                ready.entry((name, rtype)).or_insert(tail)
            }
        };
        // The flags and counts, then what follows the question.
        let (head, sections) = tail.split_at(HEADER - 2);
        Some([&query[..2], head, &query[HEADER..question_end], sections].concat())
    }

    /// A response without identifier and question.
    fn make(&self, question: &Question) -> Option<Vec<u8>> {
        let is_it = *question == self.question;
        let asked = match &self.tampering.misdirected {
            Some(other) if is_it => other,
            _ => question,
        };
        let query = message::query(ID, asked, u16::MAX);
        let response = respond(&self.internet, &query, Transport::Tcp)?;
        let honest = message::parse(&response.bytes, ID, asked).ok()?;
        let added: &[Record] = if is_it { &self.tampering.added } else { &[] };
        let mut answer = self.tampering.section(&honest.answer, &[]);
        let mut authority = self.tampering.section(&honest.authority, added);
        if self.tampering.reversed {
            answer.reverse();
            authority.reverse();
        }
        let counts = [1, answer.len(), authority.len(), 1];
        let mut octets = (FLAGS | honest.rcode).to_be_bytes().to_vec();
        for count in counts {
            octets.extend(u16::try_from(count).ok()?.to_be_bytes());
        }
        octets.extend(answer.concat());
        octets.extend(authority.concat());
        octets.extend(OPT);
        Some(octets)
    }
}

/// A query message for the question, as a validator's stub asks.
#[must_use]
pub fn query(question: &Question) -> Vec<u8> {
    message::query(ID, question, u16::MAX)
}

/// Reads the response to such a query; `None` if it cannot be read.
#[must_use]
pub fn read(response: &[u8], question: &Question) -> Option<message::Response> {
    message::parse(response, ID, question).ok()
}
