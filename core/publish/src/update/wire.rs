//! Octets of DNS messages: the header, the records of an update, and where the last record of a response lies.

use std::ops::Range;

use sotto_proof::{CLASS_IN, Name, Question, RecordType, message};

/// Octets of a message header (RFC 1035 section 4.1.1).
pub(super) const HEADER_OCTETS: usize = 12;

/// UPDATE, in the place of the header's opcode (RFC 2136 section 1.3).
const OPCODE_UPDATE: u16 = 5 << 11;
const OPCODE_MASK: u16 = 0x7800;
const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_AUTHORITATIVE: u16 = 0x0400;
const RCODE_MASK: u16 = 0x000f;

/// A deleted RR, or an RRset that must not exist (RFC 2136 sections 2.5.4 and 2.4.3).
pub(super) const CLASS_NONE: u16 = 254;
/// The class of TSIG (RFC 8945 section 4.2).
pub(super) const CLASS_ANY: u16 = 255;

/// The header of a response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) id: u16,
    pub(super) is_update: bool,
    pub(super) is_authoritative: bool,
    pub(super) rcode: u16,
}

impl Header {
    /// Reads the header of a response; `None` if the message is too short, or none.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let mut reader = Reader(message.get(..HEADER_OCTETS)?);
        let (id, flags) = (reader.u16()?, reader.u16()?);
        (flags & FLAG_RESPONSE != 0).then_some(Self {
            id,
            is_update: flags & OPCODE_MASK == OPCODE_UPDATE,
            is_authoritative: flags & FLAG_AUTHORITATIVE != 0,
            rcode: flags & RCODE_MASK,
        })
    }
}

/// Records in the order of their section, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    octets: Vec<u8>,
    count: u16,
}

impl Section {
    pub(super) fn push(
        &mut self,
        owner: &Name,
        rtype: RecordType,
        class: u16,
        ttl: u32,
        rdata: &[u8],
    ) {
        self.octets.extend_from_slice(owner.as_wire());
        self.octets.extend_from_slice(&rtype.0.to_be_bytes());
        self.octets.extend_from_slice(&class.to_be_bytes());
        self.octets.extend_from_slice(&ttl.to_be_bytes());
        // RDATA longer than its length field can say makes a section too long for any message.
        self.octets
            .extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        self.octets.extend_from_slice(rdata);
        self.count += 1;
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.octets.extend_from_slice(&other.octets);
        self.count += other.count;
    }

    /// Octets.
    pub(super) fn octets(&self) -> usize {
        self.octets.len()
    }
}

/// Octets of an update without prerequisites and updates.
pub(super) fn update_overhead(zone: &Name) -> usize {
    HEADER_OCTETS + zone.as_wire().len() + 4
}

/// Writes an update (RFC 2136 section 2), without its TSIG.
pub(super) fn update(id: u16, zone: &Name, prerequisites: &Section, updates: &Section) -> Vec<u8> {
    let mut message = Vec::with_capacity(
        update_overhead(zone) + prerequisites.octets.len() + updates.octets.len(),
    );
    for field in [id, OPCODE_UPDATE, 1, prerequisites.count, updates.count, 0] {
        message.extend_from_slice(&field.to_be_bytes());
    }
    message.extend_from_slice(zone.as_wire());
    message.extend_from_slice(&RecordType::SOA.0.to_be_bytes());
    message.extend_from_slice(&CLASS_IN.to_be_bytes());
    message.extend_from_slice(&prerequisites.octets);
    message.extend_from_slice(&updates.octets);
    message
}

/// Writes a query that asks an authoritative server for an RRset with its signatures, without its TSIG.
pub(super) fn query(id: u16, question: &Question) -> Vec<u8> {
    // Over TCP the size that UDP would carry says nothing.
    message::query(id, question, 1_232)
}

/// Where the last record of a message's additional section lies.
pub(super) struct LastRecord {
    /// Where its owner name begins.
    pub(super) start: usize,
    pub(super) rtype: u16,
    pub(super) rdata: Range<usize>,
}

/// Finds the last record of the additional section, `Ok(None)` if that has none.
///
/// # Errors
///
/// `Err` if the message does not end where its records do.
pub(super) fn last_additional(message: &[u8]) -> Result<Option<LastRecord>, ()> {
    let mut reader = Reader(message.get(4..).ok_or(())?);
    let mut count = || reader.u16().map(usize::from).ok_or(());
    let (questions, others, additionals) = (count()?, count()? + count()?, count()?);
    let at = |reader: &Reader<'_>| message.len() - reader.0.len();
    for _ in 0..questions {
        reader.skip_name().ok_or(())?;
        reader.take(4).ok_or(())?;
    }
    let mut last = None;
    for _ in 0..others + additionals {
        let start = at(&reader);
        reader.skip_name().ok_or(())?;
        let rtype = reader.u16().ok_or(())?;
        reader.take(6).ok_or(())?;
        let length = usize::from(reader.u16().ok_or(())?);
        let data = at(&reader);
        reader.take(length).ok_or(())?;
        last = Some(LastRecord {
            start,
            rtype,
            rdata: data..data + length,
        });
    }
    if !reader.0.is_empty() {
        return Err(());
    }
    Ok(last.filter(|_| additionals > 0))
}

/// The octets that are left to be read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let octets = self.take(2)?.try_into().ok()?;
        Some(u16::from_be_bytes(octets))
    }

    /// A time in 48 bits (RFC 8945 section 4.2).
    pub(super) fn u48(&mut self) -> Option<u64> {
        let octets = self.take(6)?;
        Some(
            octets
                .iter()
                .fold(0, |time, octet| time << 8 | u64::from(*octet)),
        )
    }

    /// A name that is not compressed.
    pub(super) fn name(&mut self) -> Option<Name> {
        let (name, rest) = Name::split_from(self.0).ok()?;
        self.0 = rest;
        Some(name)
    }

    /// Steps over a name, which may end in a compression pointer.
    fn skip_name(&mut self) -> Option<()> {
        loop {
            match self.take(1)?[0] {
                0 => return Some(()),
                length @ 1..=63 => self.take(usize::from(length))?,
                0xc0.. => return self.take(1).map(|_| ()),
                _ => return None,
            };
        }
    }
}
