//! DNS messages as the resolver reads and writes them (RFC 1035, RFC 6891).

use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::{PushError, TreeCompressor};
use domain::base::opt::OptRecord;
use domain::base::rdata::UnknownRecordData;
use domain::base::{Message, MessageBuilder, Record, ToName, Ttl};

use super::Name;
use super::resolver::{Internet, Resolution};
use super::responder::Entry;

/// The largest UDP response sent, whatever the asker would take: the flag day value of 2020, which
/// fits every path without fragments (RFC 9715).
const MAX_UDP_BYTES: u16 = 1_232;

/// The UDP payload of an asker without EDNS (RFC 1035 section 4.2.1).
const CLASSIC_UDP_BYTES: u16 = 512;

/// The TC bit in the third octet of a message (RFC 1035 section 4.1.1).
const TRUNCATED: u8 = 0x02;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A connection.
    Tcp,
}

/// The question of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// Whether DNSSEC records were wanted (DO) and checking was not (CD).
    pub dnssec: bool,
}

/// A response message, and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The message.
    pub bytes: Vec<u8>,
    /// Whether it was cut to fit a datagram.
    pub truncated: bool,
    /// What was asked; `None` if the query was refused as such.
    pub question: Option<Asked>,
    /// What was found.
    pub resolution: Resolution,
}

/// Answers one query message from `internet`; `None` if it deserves no response (too short for a
/// header, or itself a response).
#[must_use]
pub fn respond(internet: &Internet, query: &[u8], transport: Transport) -> Option<Response> {
    let query = Message::from_octets(query)
        .ok()
        .filter(|message| !message.header().qr())?;
    let opt = query.opt();
    let dnssec_ok = opt.as_ref().is_some_and(OptRecord::dnssec_ok);
    let (question, resolution) = match read(&query, dnssec_ok) {
        Ok(asked) => {
            let resolution = internet.resolve(&asked.name, asked.rtype);
            (Some(asked), resolution)
        }
        Err(rcode) => (None, Resolution::empty(rcode)),
    };
    let limit = match (transport, &opt) {
        (Transport::Tcp, _) => u16::MAX,
        (Transport::Udp, None) => CLASSIC_UDP_BYTES,
        (Transport::Udp, Some(opt)) => opt
            .udp_payload_size()
            .clamp(CLASSIC_UDP_BYTES, MAX_UDP_BYTES),
    };
    let mut bytes = encode(&query, &resolution, opt.is_some(), dnssec_ok).ok()?;
    let truncated = bytes.len() > usize::from(limit);
    if truncated {
        bytes = encode(
            &query,
            &Resolution::empty(resolution.rcode),
            opt.is_some(),
            dnssec_ok,
        )
        .ok()?;
        bytes[2] |= TRUNCATED;
    }
    Some(Response {
        bytes,
        truncated,
        question,
        resolution,
    })
}

fn read(query: &Message<&[u8]>, dnssec_ok: bool) -> Result<Asked, Rcode> {
    if query.header().opcode() != Opcode::QUERY {
        return Err(Rcode::NOTIMP);
    }
    let question = query.sole_question().map_err(|_| Rcode::FORMERR)?;
    if question.qclass() != Class::IN || question.qtype() == Rtype::ANY {
        return Err(Rcode::REFUSED);
    }
    Ok(Asked {
        name: question.qname().to_vec(),
        rtype: question.qtype(),
        dnssec: dnssec_ok && query.header().cd(),
    })
}

fn encode(
    query: &Message<&[u8]>,
    resolution: &Resolution,
    with_opt: bool,
    dnssec_ok: bool,
) -> Result<Vec<u8>, PushError> {
    let builder = MessageBuilder::from_target(TreeCompressor::new(Vec::new()))
        .map_err(|_| PushError::ShortBuf)?;
    let mut builder = builder.start_error(query, resolution.rcode);
    builder.header_mut().set_ra(true);
    builder.header_mut().set_cd(query.header().cd());
    for record in records(&resolution.answer, dnssec_ok) {
        builder.push(record)?;
    }
    let mut builder = builder.authority();
    for record in records(&resolution.authority, dnssec_ok) {
        builder.push(record)?;
    }
    let mut builder = builder.additional();
    if with_opt {
        builder.opt(|opt| {
            opt.set_udp_payload_size(MAX_UDP_BYTES);
            opt.set_dnssec_ok(dnssec_ok);
            Ok(())
        })?;
    }
    Ok(builder.finish().into_target())
}

type WireRecord<'a> = Record<&'a Name, UnknownRecordData<&'a [u8]>>;

/// The records of a section; without DO, none of DNSSEC's own (RFC 4035 section 3.2.1).
fn records(entries: &[Entry], dnssec_ok: bool) -> impl Iterator<Item = WireRecord<'_>> {
    let wanted = entries
        .iter()
        .filter(move |entry| dnssec_ok || !matches!(entry.rrset.rtype, Rtype::NSEC | Rtype::NSEC3));
    wanted.flat_map(move |entry| {
        let rrset = &entry.rrset;
        let plain = rrset.rdatas.iter().map(|rdata| (rrset.rtype, rdata));
        let signatures = rrset.signatures.iter().map(|rdata| (Rtype::RRSIG, rdata));
        plain
            .chain(signatures.filter(move |_| dnssec_ok))
            .filter_map(|(rtype, rdata)| {
                let data = UnknownRecordData::from_octets(rtype, rdata.as_slice()).ok()?;
                Some(Record::new(
                    &entry.owner,
                    Class::IN,
                    Ttl::from_secs(rrset.ttl),
                    data,
                ))
            })
    })
}
