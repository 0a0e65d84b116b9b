//! One conversation with the primary server of one zone: its key, its identifiers, and what the zone was seen to be.

use std::collections::HashMap;

use sotto_proof::message::{self, MAX_MESSAGE_BYTES, MessageError, Response};
use sotto_proof::{Name, Question, RecordType};

use super::key::TsigKey;
use super::obstacle::Stop;
use super::tsig::{self, RequestMac, TsigError};
use super::wire::{self, Header, Section};

/// Targets of one round. A round costs three round trips and one update, and what it asks and is answered waits in
/// the buffers of one connection: some 300 KiB.
pub const ROUND_TARGETS: usize = 100;

/// Octets of prerequisites and updates after which an update is full: with all that surrounds them they fit the 65,535
/// octets of a message (RFC 1035 section 4.2.2).
const BATCH_OCTETS: usize = 49_152;

/// Octets from the end of an SOA record's data to its serial: five numbers of 32 bits (RFC 1035 section 3.3.13).
const SERIAL_FROM_END: usize = 20;

/// What the zone's SOA RRset says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneState {
    /// The serial.
    pub serial: u32,
    /// Whether the zone is signed: there is a signature over its SOA RRset.
    pub is_signed: bool,
}

/// The response code of a signature that is not accepted (RFC 8945 section 5.2), and of an update to a zone that the server
/// does not serve (RFC 2136 section 2.2).
const NOTAUTH: u16 = 9;

/// What a server says of an update whose prerequisites do not hold: YXDOMAIN, YXRRSET, NXRRSET and NXDOMAIN (RFC 2136
/// section 2.2). To a query, the last says that nothing stands there.
pub(super) const NOT_AS_READ: [u16; 4] = [6, 7, 8, 3];

/// One conversation with the primary server of one zone.
#[derive(Debug)]
pub struct Session {
    zone: Name,
    key: TsigKey,
    next_id: u16,
    first: Option<ZoneState>,
    latest: Option<ZoneState>,
    pending: HashMap<u16, (RequestMac, Asked)>,
}

/// What a message asked.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// For the zone's SOA RRset.
    Zone,
    /// For what stands at the target of this number.
    Standing(usize, Question),
    /// To change the targets of these numbers.
    Update(Vec<usize>),
}

/// What came of a message.
#[derive(Debug)]
pub(super) enum Answer {
    /// The zone is there.
    Zone,
    /// What the server says of a target.
    Standing(usize, Header, Response),
    /// What became of an update.
    Update {
        numbers: Vec<usize>,
        rcode: u16,
        tsig: Option<TsigError>,
    },
}

impl Session {
    /// A conversation about `zone`, signed with `key`. Identifiers of messages count from `first_id`, which should not be
    /// guessable.
    #[must_use]
    pub fn new(zone: Name, key: TsigKey, first_id: u16) -> Self {
        Self {
            zone,
            key,
            next_id: first_id,
            first: None,
            latest: None,
            pending: HashMap::new(),
        }
    }

    /// The zone.
    #[must_use]
    pub const fn zone(&self) -> &Name {
        &self.zone
    }

    /// The zone as it was seen first and as it was seen last; `None` before the first answer.
    #[must_use]
    pub fn states(&self) -> Option<(ZoneState, ZoneState)> {
        Some((self.first?, self.latest?))
    }

    pub(super) fn is_signed(&self) -> bool {
        self.latest.is_some_and(|state| state.is_signed)
    }

    /// Octets of prerequisites and updates after which an update is full.
    pub(super) const fn batch_octets() -> usize {
        BATCH_OCTETS
    }

    /// Octets of the largest prerequisites and updates that fit a message at all.
    pub(super) fn update_capacity(&self) -> usize {
        MAX_MESSAGE_BYTES - wire::update_overhead(&self.zone) - tsig::signature_octets(&self.key)
    }

    /// Forgets what was asked and not answered, for the connection is gone; gives it.
    pub(super) fn forget(&mut self) -> impl Iterator<Item = Asked> + '_ {
        self.pending.drain().map(|(_, (_, asked))| asked)
    }

    /// Asks anew what is no update.
    pub(super) fn ask_again(&mut self, asked: Asked, now: u64) -> Option<Vec<u8>> {
        match asked {
            Asked::Zone => Some(self.ask_zone(now)),
            Asked::Standing(number, question) => Some(self.ask(number, question, now)),
            Asked::Update(_) => None,
        }
    }

    pub(super) fn ask_zone(&mut self, now: u64) -> Vec<u8> {
        let question = self.zone_question();
        let id = self.id();
        self.sign(wire::query(id, &question), id, Asked::Zone, now)
    }

    pub(super) fn ask(&mut self, number: usize, question: Question, now: u64) -> Vec<u8> {
        let id = self.id();
        let message = wire::query(id, &question);
        self.sign(message, id, Asked::Standing(number, question), now)
    }

    /// The prerequisites and updates fit [`Session::update_capacity`].
    pub(super) fn update(
        &mut self,
        numbers: Vec<usize>,
        prerequisites: &Section,
        updates: &Section,
        now: u64,
    ) -> Vec<u8> {
        let id = self.id();
        let message = wire::update(id, &self.zone, prerequisites, updates);
        self.sign(message, id, Asked::Update(numbers), now)
    }

    /// Reads the answer to one of the messages that are on their way.
    ///
    /// # Errors
    ///
    /// [`Stop`].
    pub(super) fn receive(&mut self, octets: &[u8], now: u64) -> Result<Answer, Stop> {
        let header = Header::read(octets).ok_or(MessageError::NotAResponse)?;
        let (mac, asked) = self.pending.remove(&header.id).ok_or(Stop::Unrelated)?;
        let answer = self.read(octets, header, &mac, &asked, now);
        if answer.is_err() {
            // What was asked is still not answered: of an update nobody knows what came of it.
            self.pending.insert(header.id, (mac, asked));
        }
        answer
    }

    /// Reads the answer to what was `asked` and signed with `mac`.
    fn read(
        &mut self,
        octets: &[u8],
        header: Header,
        mac: &RequestMac,
        asked: &Asked,
        now: u64,
    ) -> Result<Answer, Stop> {
        if header.is_update != matches!(asked, Asked::Update(_)) {
            return Err(Stop::Unrelated);
        }
        let tells_what_stands = NOT_AS_READ.contains(&header.rcode);
        let (signed, error) = match tsig::verify(octets, mac, &self.key, now) {
            Ok(signed) => (Some(signed), None),
            // Of a query this can only mean the signature (RFC 8945 section 5.2).
            Err(TsigError::Unsigned) if header.rcode == NOTAUTH && !header.is_update => {
                return Err(Stop::Tsig(TsigError::Unexplained));
            }
            // A server that cannot read a message cannot sign its answer. That one refuses is believed: to forge it
            // does no more than to cut the connection. What stands at a name only a signature can say.
            Err(TsigError::Unsigned) if header.rcode != 0 && !tells_what_stands => (None, None),
            // Said of an update by a server that took the key for a query: the key may not do it.
            Err(error @ (TsigError::BadKey | TsigError::Other(_)))
                if header.is_update && !tells_what_stands =>
            {
                (None, Some(error))
            }
            Err(error) => return Err(Stop::Tsig(error)),
        };
        let response = |question: &Question| match &signed {
            Some(signed) => match message::parse(signed, header.id, question)? {
                Response {
                    truncated: true, ..
                } => Err(MessageError::Truncated),
                response => Ok(response),
            },
            None => Ok(Response {
                rcode: header.rcode,
                truncated: false,
                answer: Vec::new(),
                authority: Vec::new(),
            }),
        };
        match asked {
            Asked::Zone => {
                let state = self.zone_state(header, &response(&self.zone_question())?)?;
                self.first.get_or_insert(state);
                self.latest = Some(state);
                Ok(Answer::Zone)
            }
            Asked::Standing(number, question) => {
                let response = response(question)?;
                Ok(Answer::Standing(*number, header, response))
            }
            Asked::Update(numbers) => Ok(Answer::Update {
                numbers: numbers.clone(),
                rcode: header.rcode,
                tsig: error,
            }),
        }
    }

    fn zone_state(&self, header: Header, response: &Response) -> Result<ZoneState, Stop> {
        let unknown = Stop::NotAuthoritative(response.rcode);
        if !header.is_authoritative {
            return Err(unknown);
        }
        let of_zone = |rtype| {
            let mut records = response.answer.iter();
            records.find(move |rr| rr.rtype == rtype && rr.owner == self.zone)
        };
        let soa = of_zone(RecordType::SOA).ok_or(unknown)?;
        let serial = soa.rdata.last_chunk::<SERIAL_FROM_END>();
        let [a, b, c, d, ..] = *serial.ok_or(MessageError::Rdata(RecordType::SOA))?;
        Ok(ZoneState {
            serial: u32::from_be_bytes([a, b, c, d]),
            is_signed: of_zone(RecordType::RRSIG).is_some(),
        })
    }

    fn zone_question(&self) -> Question {
        Question {
            name: self.zone.clone(),
            rtype: RecordType::SOA,
        }
    }

    fn id(&mut self) -> u16 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    fn sign(&mut self, message: Vec<u8>, id: u16, asked: Asked, now: u64) -> Vec<u8> {
        let (message, mac) = tsig::sign(message, &self.key, now);
        self.pending.insert(id, (mac, asked));
        message
    }
}
