//! DNS messages between the prover's driver and a recursive resolver (RFC 1035 section 4).
//!
//! Only what a gateway needs of a message: a query of one question with DO and CD set, and the
//! answer and authority sections of its response with every name decompressed.

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::name::{Name, NameError};
use crate::rdata::{Field, layout};
use crate::record::{CLASS_IN, Question, Record, RecordType};

/// Octets of the largest DNS message: the length prefix over TCP has 16 bits (RFC 1035 section 4.2.2).
pub const MAX_MESSAGE_BYTES: usize = 65_535;

/// Octets of a message header (RFC 1035 section 4.1.1).
const HEADER_BYTES: usize = 12;

/// Pointers followed in one name. A name has at most 127 labels and a pointer that adds no label
/// is of no use, so more than that is an attack.
const MAX_POINTERS: usize = 127;

const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
const FLAG_RECURSION_DESIRED: u16 = 0x0100;
const FLAG_CHECKING_DISABLED: u16 = 0x0010;
const OPCODE_MASK: u16 = 0x7800;
const RCODE_MASK: u16 = 0x000f;
/// DO, in the low half of the OPT record's TTL (RFC 3225 section 3).
const EDNS_DNSSEC_OK: u16 = 0x8000;
/// The option code of Padding (RFC 7830 section 3).
const EDNS_PADDING: u16 = 12;
/// Octets of the code and length of an EDNS option (RFC 6891 section 6.1.2).
const OPTION_HEAD_BYTES: usize = 4;
/// Octets of the largest block that a query is padded to.
const PADDING_BLOCK_MAX_BYTES: usize = 4_096;

/// Response codes that the prover tells apart (RFC 6895 section 2.3).
pub mod rcode {
    /// No error.
    pub const NOERROR: u16 = 0;
    /// The server could not get an answer.
    pub const SERVFAIL: u16 = 2;
    /// The name does not exist.
    pub const NXDOMAIN: u16 = 3;
    /// A DNAME made a name that is too long (RFC 6672 section 2.2).
    pub const YXDOMAIN: u16 = 6;
}

/// What a response says, as far as a proof can use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The response code, extended by EDNS where there is an OPT record (RFC 6891 section 6.1.3).
    pub rcode: u16,
    /// True if the sections did not fit: both are then empty here, and TCP is to be tried.
    pub truncated: bool,
    /// The answer section, class IN only, RDATA without compression.
    pub answer: Vec<Record>,
    /// The authority section, likewise.
    pub authority: Vec<Record>,
}

/// Why bytes are not the response to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Fewer octets than a header has, or more than a message can have.
    #[error("a DNS message of {0} octets is not possible")]
    Length(usize),
    /// The message is a query.
    #[error("the message is not a response")]
    NotAResponse,
    /// The identifier is not that of the query: somebody else's answer, or a forged one.
    #[error("the identifier of the response is not that of the query")]
    WrongId,
    /// Another question is answered, or none.
    #[error("the response repeats another question than the one asked")]
    WrongQuestion,
    /// The message ends inside a record.
    #[error("the message ends inside a record")]
    Truncated,
    /// A name is not well formed, or its compression does not point backwards.
    #[error("a name in the message is malformed")]
    Name,
    /// RDATA is shorter or longer than its type allows.
    #[error("the data of a record of type {0} is malformed")]
    Rdata(RecordType),
}

impl MessageError {
    /// True if the message cannot have been meant for the query at all, so that a receiver goes on
    /// waiting for the right one (RFC 5452 section 9.1).
    #[must_use]
    pub const fn is_unrelated(self) -> bool {
        matches!(
            self,
            Self::Length(_) | Self::NotAResponse | Self::WrongId | Self::WrongQuestion
        )
    }
}

/// Writes a query: RD, CD and DO set, EDNS version 0 without options, so no client subnet.
///
/// `udp_payload` is the largest response in octets that the sender takes over UDP.
#[must_use]
pub fn query(id: u16, question: &Question, udp_payload: u16) -> Vec<u8> {
    let name = question.name.as_wire();
    let mut message = Vec::with_capacity(HEADER_BYTES + name.len() + 4 + 11);
    push_u16(&mut message, id);
    push_u16(
        &mut message,
        FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED,
    );
    for count in [1, 0, 0, 1] {
        push_u16(&mut message, count);
    }
    message.extend_from_slice(name);
    push_u16(&mut message, question.rtype.0);
    push_u16(&mut message, CLASS_IN);

    message.push(0);
    push_u16(&mut message, RecordType::OPT.0);
    push_u16(&mut message, udp_payload);
    // Extended RCODE and version, both zero, then the flags.
    push_u16(&mut message, 0);
    push_u16(&mut message, EDNS_DNSSEC_OK);
    push_u16(&mut message, 0);
    message
}

/// [`query`] with the Padding option (RFC 7830), so that its length is a multiple of `block` octets and says little of the
/// name: for a transport that encrypts (RFC 8467 section 4.1).
#[must_use]
pub fn padded_query(id: u16, question: &Question, udp_payload: u16, block: usize) -> Vec<u8> {
    let mut message = query(id, question, udp_payload);
    let bare = message.len() + OPTION_HEAD_BYTES;
    let padding = bare.next_multiple_of(block.clamp(1, PADDING_BLOCK_MAX_BYTES)) - bare;
    let padding = u16::try_from(padding).unwrap_or_else(|_| unreachable!("less than a block"));
    // RDLENGTH of the OPT record, which is empty and last.
    message.truncate(message.len() - 2);
    push_u16(&mut message, padding + OPTION_HEAD_BYTES as u16);
    push_u16(&mut message, EDNS_PADDING);
    push_u16(&mut message, padding);
    message.resize(message.len() + usize::from(padding), 0);
    message
}

/// Reads the response to the query with `id` and `question`.
///
/// # Errors
///
/// [`MessageError`] says what is wrong; [`MessageError::is_unrelated`] tells a stray message from
/// a broken one.
pub fn parse(bytes: &[u8], id: u16, question: &Question) -> Result<Response, MessageError> {
    if !(HEADER_BYTES..=MAX_MESSAGE_BYTES).contains(&bytes.len()) {
        return Err(MessageError::Length(bytes.len()));
    }
    let mut reader = Reader { bytes, at: 0 };
    if reader.u16()? != id {
        return Err(MessageError::WrongId);
    }
    let flags = reader.u16()?;
    if flags & FLAG_RESPONSE == 0 || flags & OPCODE_MASK != 0 {
        return Err(MessageError::NotAResponse);
    }
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let [questions, answers, authorities, additionals] = counts;

    let mut response = Response {
        rcode: flags & RCODE_MASK,
        truncated: flags & FLAG_TRUNCATED != 0,
        answer: Vec::new(),
        authority: Vec::new(),
    };
    match questions {
        1 => {
            let same = reader.name().is_ok_and(|name| name == question.name)
                && reader.u16() == Ok(question.rtype.0)
                && reader.u16() == Ok(CLASS_IN);
            if !same {
                return Err(MessageError::WrongQuestion);
            }
        }
        // Servers that cannot read a query need not repeat it (RFC 1035 section 4.1.1, FORMERR).
        0 if response.rcode != rcode::NOERROR && answers == 0 && authorities == 0 => {
            return Ok(response);
        }
        _ => return Err(MessageError::WrongQuestion),
    }
    if response.truncated {
        return Ok(response);
    }

    response.answer = reader.section(answers)?;
    response.authority = reader.section(authorities)?;
    for _ in 0..additionals {
        let header = reader.record_header()?;
        if header.rtype == RecordType::OPT {
            response.rcode |= u16::from((header.ttl >> 24) as u8) << 4;
        }
        reader.take(header.rdata_bytes)?;
    }
    Ok(response)
}

/// The codes of the EDNS options in a message (RFC 6891 section 6.1.2), in their order; none where there is no OPT record.
///
/// # Errors
///
/// [`MessageError`], where the message cannot be read to its end.
pub fn edns_options(bytes: &[u8]) -> Result<Vec<u16>, MessageError> {
    let mut reader = Reader { bytes, at: 4 };
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let [questions, answers, authorities, additionals] = counts.map(u32::from);
    for _ in 0..questions {
        reader.name()?;
        reader.take(4)?;
    }
    let mut codes = Vec::new();
    for _ in 0..answers + authorities + additionals {
        let header = reader.record_header()?;
        let rdata = reader.take(header.rdata_bytes)?;
        if header.rtype != RecordType::OPT {
            continue;
        }
        let mut options = Reader {
            bytes: rdata,
            at: 0,
        };
        while options.at < rdata.len() {
            codes.push(options.u16()?);
            let length = options.u16()?;
            options.take(usize::from(length))?;
        }
    }
    Ok(codes)
}

fn push_u16(message: &mut Vec<u8>, value: u16) {
    message.extend_from_slice(&value.to_be_bytes());
}

struct RecordHeader {
    owner: Name,
    rtype: RecordType,
    class: u16,
    ttl: u32,
    rdata_bytes: usize,
}

/// A cursor over a whole message: names may point back to any place before them.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], MessageError> {
        let end = self.at.checked_add(count).ok_or(MessageError::Truncated)?;
        let taken = self
            .bytes
            .get(self.at..end)
            .ok_or(MessageError::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, MessageError> {
        let octets = self.take(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }

    fn u32(&mut self) -> Result<u32, MessageError> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    /// Reads a name and follows its pointers, each of which must point before the previous one.
    fn name(&mut self) -> Result<Name, MessageError> {
        let mut wire = Vec::new();
        let mut at = self.at;
        let mut before = self.at;
        let mut resume = None;
        for _ in 0..=MAX_POINTERS {
            loop {
                let length = usize::from(*self.bytes.get(at).ok_or(MessageError::Truncated)?);
                match length {
                    0 => {
                        wire.push(0);
                        self.at = resume.unwrap_or(at + 1);
                        return Name::from_wire(&wire).map_err(|_: NameError| MessageError::Name);
                    }
                    1..=63 => {
                        let label = self
                            .bytes
                            .get(at..at + 1 + length)
                            .ok_or(MessageError::Truncated)?;
                        // 255 octets with the root: `Name` checks it too, but only after we stored them.
                        if wire.len() + label.len() > 254 {
                            return Err(MessageError::Name);
                        }
                        wire.extend_from_slice(label);
                        at += 1 + length;
                    }
                    0xc0..=0xff => break,
                    _ => return Err(MessageError::Name),
                }
            }
            let pointer = self.bytes.get(at..at + 2).ok_or(MessageError::Truncated)?;
            let target = usize::from(u16::from_be_bytes([pointer[0], pointer[1]]) & 0x3fff);
            if target >= before {
                return Err(MessageError::Name);
            }
            resume = resume.or(Some(at + 2));
            before = target;
            at = target;
        }
        Err(MessageError::Name)
    }

    fn record_header(&mut self) -> Result<RecordHeader, MessageError> {
        Ok(RecordHeader {
            owner: self.name()?,
            rtype: RecordType(self.u16()?),
            class: self.u16()?,
            ttl: self.u32()?,
            rdata_bytes: usize::from(self.u16()?),
        })
    }

    fn section(&mut self, count: u16) -> Result<Vec<Record>, MessageError> {
        let mut records = Vec::new();
        for _ in 0..count {
            let header = self.record_header()?;
            let rdata = self.rdata(header.rtype, header.rdata_bytes)?;
            if header.class == CLASS_IN {
                records.push(Record {
                    owner: header.owner,
                    rtype: header.rtype,
                    class: header.class,
                    ttl: header.ttl,
                    rdata: rdata.into(),
                });
            }
        }
        Ok(records)
    }

    /// Reads RDATA and decompresses the names in it: RFC 3597 section 4 asks that of receivers even
    /// for types whose names senders must not compress.
    fn rdata(&mut self, rtype: RecordType, count: usize) -> Result<Vec<u8>, MessageError> {
        let end = self.at + count;
        if end > self.bytes.len() {
            return Err(MessageError::Truncated);
        }
        let Some(fields) = layout(rtype) else {
            return Ok(self.take(count)?.to_vec());
        };
        // A reader that ends where the record does; pointers lead backwards, so it has all it needs.
        let mut inner = Reader {
            bytes: &self.bytes[..end],
            at: self.at,
        };
        let rdata = inner.fields(fields).map_err(|error| match error {
            MessageError::Truncated => MessageError::Rdata(rtype),
            other => other,
        })?;
        // A record that grew past its own length field could not be written again.
        if inner.at != end || rdata.len() > usize::from(u16::MAX) {
            return Err(MessageError::Rdata(rtype));
        }
        self.at = end;
        Ok(rdata)
    }

    fn fields(&mut self, fields: &[Field]) -> Result<Vec<u8>, MessageError> {
        let mut rdata = Vec::new();
        for field in fields {
            let count = match field {
                Field::Name | Field::NameAsIs => {
                    rdata.extend_from_slice(self.name()?.as_wire());
                    continue;
                }
                Field::Octets(count) => *count,
                Field::Text => {
                    1 + usize::from(*self.bytes.get(self.at).ok_or(MessageError::Truncated)?)
                }
                Field::Rest => self.bytes.len() - self.at,
            };
            rdata.extend_from_slice(self.take(count)?);
        }
        Ok(rdata)
    }
}
