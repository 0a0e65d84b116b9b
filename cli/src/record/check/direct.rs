//! Asking one server in the open, over UDP, and over TCP where UDP does not do (RFC 1035 section 4.2).
//!
//! What guards against forged responses (RFC 5452): a fresh socket and a random identifier for each question. That is
//! enough here: what has a chain is verified, and what has none says so.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use sotto_proof::message::{self, MessageError, Response};
use sotto_proof::{Progress, ProveError, Prover, ProverLimits, Question};

/// How long one attempt may take: resolvers wait as long for a server that is far away.
const PATIENCE: Duration = Duration::from_secs(3);

/// Times a question is sent over UDP.
const ATTEMPTS: usize = 2;

/// Octets of the largest response asked for over UDP: what crosses any path unfragmented (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1_232;

/// Octets read of a datagram: room for those who send more than asked for.
const UDP_BUFFER: usize = 4_096;

/// Datagrams that are not the response, after which the question goes over TCP (RFC 5452 section 9.3).
const STRAYS_MAX: usize = 8;

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("{0} did not answer in time")]
    TimedOut(SocketAddr),
    #[error("{0} cannot be asked: {1}")]
    Io(SocketAddr, io::Error),
    #[error("{0} sent a response that cannot be read: {1}")]
    Message(SocketAddr, MessageError),
    #[error("the system gives no randomness")]
    Randomness,
}

/// A name server or resolver, and what it has said.
pub(super) struct Server {
    address: SocketAddr,
    said: HashMap<Question, Response>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoProof {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Prove(#[from] ProveError),
}

impl Server {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            said: HashMap::new(),
        }
    }

    /// Gathers the proof for `question`.
    pub(super) fn prove(&mut self, question: &Question) -> Result<Vec<u8>, NoProof> {
        let (mut prover, mut open) = Prover::start(question.clone(), ProverLimits::default());
        while let Some(asked) = open.pop() {
            let response = self.ask(&asked)?;
            match prover.respond(&asked, &response)? {
                Progress::Ask(more) => open.extend(more),
                Progress::Wait => {}
                Progress::Done(proof) => return Ok(proof.into_bytes()),
            }
        }
        // The prover always has a question open until it is done.
        Err(AskError::TimedOut(self.address).into())
    }

    /// Asks one question, once.
    pub(super) fn ask(&mut self, question: &Question) -> Result<Response, AskError> {
        if let Some(response) = self.said.get(question) {
            return Ok(response.clone());
        }
        let mut outcome = Err(AskError::TimedOut(self.address));
        for _ in 0..ATTEMPTS {
            outcome = self.over_udp(question);
            match &outcome {
                Ok(response) if !response.truncated => break,
                Ok(_) | Err(AskError::Message(..)) => {
                    outcome = self.over_tcp(question);
                    break;
                }
                Err(AskError::TimedOut(_)) => {}
                Err(_) => break,
            }
        }
        let response = outcome?;
        self.said.insert(question.clone(), response.clone());
        Ok(response)
    }

    fn over_udp(&self, question: &Question) -> Result<Response, AskError> {
        let any: IpAddr = match self.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let failed = |error| self.failed(error);
        // Port 0: the kernel draws one at random. A connected socket hears its peer alone.
        let socket = UdpSocket::bind((any, 0)).map_err(failed)?;
        socket.connect(self.address).map_err(failed)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let id = random_id()?;
        let query = message::query(id, question, UDP_PAYLOAD);
        socket.send(&query).map_err(failed)?;
        let mut buffer = [0; UDP_BUFFER];
        for _ in 0..STRAYS_MAX {
            let count = socket.recv(&mut buffer).map_err(failed)?;
            match message::parse(&buffer[..count], id, question) {
                Err(error) if error.is_unrelated() => {}
                read => return read.map_err(|error| AskError::Message(self.address, error)),
            }
        }
        Err(AskError::Message(self.address, MessageError::WrongId))
    }

    fn over_tcp(&self, question: &Question) -> Result<Response, AskError> {
        let failed = |error| self.failed(error);
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        let id = random_id()?;
        let query = message::query(id, question, UDP_PAYLOAD);
        // In one write: some servers refuse a length that comes alone (RFC 7766 section 8).
        let length = (query.len() as u16).to_be_bytes();
        stream
            .write_all(&[&length[..], &query].concat())
            .map_err(failed)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).map_err(failed)?;
        let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut octets).map_err(failed)?;
        message::parse(&octets, id, question)
            .map_err(|error| AskError::Message(self.address, error))
    }

    fn failed(&self, error: io::Error) -> AskError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => AskError::TimedOut(self.address),
            _ => AskError::Io(self.address, error),
        }
    }
}

fn random_id() -> Result<u16, AskError> {
    let mut octets = [0; 2];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| AskError::Randomness)?;
    Ok(u16::from_be_bytes(octets))
}
