//! The resolver on loopback sockets, UDP and TCP, and the record of what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::{AdditionalBuilder, PushError, TreeCompressor};
use domain::base::rdata::UnknownRecordData;
use domain::base::{Message, MessageBuilder, Record, ToName, Ttl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::Name;
use super::resolver::{Internet, Resolution};
use super::responder::Entry;

/// The largest UDP response sent, whatever the asker would take: the flag day value of 2020, which
/// fits every path without fragments.
const MAX_UDP_BYTES: u16 = 1_232;

/// The UDP payload of an asker without EDNS (RFC 1035 section 4.2.1).
const CLASSIC_UDP_BYTES: u16 = 512;

/// Attempts to find a port that is free for both transports.
const BIND_ATTEMPTS: usize = 32;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A connection.
    Tcp,
}

/// One question as the resolver saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverView {
    /// Who asked: the gateway's address.
    pub asker: SocketAddr,
    /// How.
    pub transport: Transport,
    /// The name asked for, absolute.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: String,
    /// Whether DNSSEC records were wanted (DO) and checking was not (CD).
    pub dnssec: bool,
    /// The mnemonic of the response code.
    pub rcode: String,
    /// Octets of the response.
    pub answer_bytes: usize,
    /// Whether the response was cut to fit a datagram.
    pub truncated: bool,
    /// The authorities that were asked to find the answer.
    pub asked: Vec<String>,
}

/// The views recorded since the last look.
#[derive(Clone, Debug, Default)]
pub struct ResolverLog(Arc<Mutex<Vec<ResolverView>>>);

impl ResolverLog {
    /// Takes out what has been recorded.
    #[must_use]
    pub fn take(&self) -> Vec<ResolverView> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, view: ResolverView) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(view);
    }
}

/// A resolver that answers until it is dropped.
pub struct ResolverServer {
    address: SocketAddr,
    log: ResolverLog,
    _tasks: JoinSet<()>,
}

impl ResolverServer {
    /// Answers from `internet` on `address`, over UDP and TCP; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The system's error if the address cannot be bound.
    pub async fn start(internet: Arc<Internet>, address: SocketAddr) -> std::io::Result<Self> {
        let (udp, tcp) = bind_both(address).await?;
        let address = udp.local_addr()?;
        let log = ResolverLog::default();
        let desk = Desk { internet, log: log.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, desk.clone()));
        tasks.spawn(serve_tcp(tcp, desk));
        Ok(Self { address, log, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked.
    #[must_use]
    pub fn log(&self) -> &ResolverLog {
        &self.log
    }
}

async fn bind_both(address: SocketAddr) -> std::io::Result<(UdpSocket, TcpListener)> {
    let mut attempts = 0;
    loop {
        let tcp = TcpListener::bind(address).await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) if attempts == BIND_ATTEMPTS || address.port() != 0 => return Err(error),
            Err(_) => attempts += 1,
        }
    }
}

async fn serve_udp(socket: UdpSocket, desk: Desk) {
    let mut buffer = [0; 4_096];
    loop {
        // An error here is an ICMP message about an earlier answer: the asker has gone.
        let Ok((length, asker)) = socket.recv_from(&mut buffer).await else { continue };
        if let Some(response) = desk.respond(&buffer[..length], asker, Transport::Udp) {
            let _ = socket.send_to(&response, asker).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, desk: Desk) {
    let mut connections = JoinSet::new();
    while let Ok((stream, asker)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let desk = desk.clone();
        connections.spawn(async move {
            // The asker may close whenever it likes.
            let _ = serve_connection(stream, asker, desk).await;
        });
    }
}

async fn serve_connection(mut stream: TcpStream, asker: SocketAddr, desk: Desk) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        let Some(response) = desk.respond(&query, asker, Transport::Tcp) else { return Ok(()) };
        let mut framed = (response.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(&response);
        stream.write_all(&framed).await?;
    }
}

/// Answers single messages and notes each.
#[derive(Clone)]
struct Desk {
    internet: Arc<Internet>,
    log: ResolverLog,
}

impl Desk {
    fn respond(&self, query: &[u8], asker: SocketAddr, transport: Transport) -> Option<Vec<u8>> {
        let (response, resolution, question) = respond(&self.internet, query, transport)?;
        if let Some((name, rtype, dnssec)) = question {
            self.log.push(ResolverView {
                asker,
                transport,
                name: name.fmt_with_dot().to_string(),
                rtype: rtype.to_string(),
                dnssec,
                rcode: resolution.rcode.to_string(),
                answer_bytes: response.len(),
                truncated: Message::from_octets(&response).is_ok_and(|m| m.header().tc()),
                asked: resolution.asked.iter().map(|host| host.fmt_with_dot().to_string()).collect(),
            });
        }
        Some(response)
    }
}

type Asked = (Name, Rtype, bool);

/// The response to a query message, with what it was made from; `None` if it deserves none.
fn respond(
    internet: &Internet,
    query: &[u8],
    transport: Transport,
) -> Option<(Vec<u8>, Resolution, Option<Asked>)> {
    let query = Message::from_octets(query).ok().filter(|message| !message.header().qr())?;
    let opt = query.opt();
    let mut resolution = Resolution::empty(Rcode::FORMERR);
    let mut question = None;
    if query.header().opcode() != Opcode::QUERY {
        resolution.rcode = Rcode::NOTIMP;
    } else if let Ok(asked) = query.sole_question() {
        if asked.qclass() == Class::IN && asked.qtype() != Rtype::ANY {
            let name: Name = asked.qname().to_vec();
            resolution = internet.resolve(&name, asked.qtype());
            let dnssec = opt.as_ref().is_some_and(|opt| opt.dnssec_ok()) && query.header().cd();
            question = Some((name, asked.qtype(), dnssec));
        } else {
            resolution.rcode = Rcode::REFUSED;
        }
    }
    let limit = match transport {
        Transport::Tcp => usize::from(u16::MAX),
        Transport::Udp => usize::from(opt.as_ref().map_or(CLASSIC_UDP_BYTES, |opt| {
            opt.udp_payload_size().clamp(CLASSIC_UDP_BYTES, MAX_UDP_BYTES)
        })),
    };
    let with_opt = opt.is_some();
    let dnssec_ok = opt.is_some_and(|opt| opt.dnssec_ok());
    let response = encode(&query, &resolution, with_opt, dnssec_ok)
        .ok()
        .filter(|response| response.len() <= limit)
        .or_else(|| {
            let empty = Resolution::empty(resolution.rcode);
            let mut response = encode(&query, &empty, with_opt, dnssec_ok).ok()?;
            // The TC bit (RFC 1035 section 4.1.1).
            response[2] |= 0x02;
            Some(response)
        })?;
    Some((response, resolution, question))
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
    let mut builder: AdditionalBuilder<_> = builder.additional();
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
    let wanted = entries.iter().filter(move |entry| {
        dnssec_ok || !matches!(entry.rrset.rtype, Rtype::NSEC | Rtype::NSEC3)
    });
    wanted.flat_map(move |entry| {
        let rrset = &entry.rrset;
        let plain = rrset.rdatas.iter().map(|rdata| (rrset.rtype, rdata));
        let signatures = rrset.signatures.iter().map(|rdata| (Rtype::RRSIG, rdata));
        plain.chain(signatures.filter(move |_| dnssec_ok)).filter_map(|(rtype, rdata)| {
            let data = UnknownRecordData::from_octets(rtype, rdata.as_slice()).ok()?;
            Some(Record::new(&entry.owner, Class::IN, Ttl::from_secs(rrset.ttl), data))
        })
    })
}
