//! The resolver on loopback sockets, UDP and TCP, and the record of what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::message::{Transport, respond};
use super::resolver::Internet;

/// Attempts to find a port that is free for both transports.
const BIND_ATTEMPTS: usize = 32;

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
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(view);
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
        let desk = Desk {
            internet,
            log: log.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, desk.clone()));
        tasks.spawn(serve_tcp(tcp, desk));
        Ok(Self {
            address,
            log,
            _tasks: tasks,
        })
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
        let Ok((length, asker)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
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

async fn serve_connection(
    mut stream: TcpStream,
    asker: SocketAddr,
    desk: Desk,
) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        let Some(response) = desk.respond(&query, asker, Transport::Tcp) else {
            return Ok(());
        };
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
        let response = respond(&self.internet, query, transport)?;
        if let Some(question) = response.question {
            self.log.push(ResolverView {
                asker,
                transport,
                name: question.name.fmt_with_dot().to_string(),
                rtype: question.rtype.to_string(),
                dnssec: question.dnssec,
                rcode: response.resolution.rcode.to_string(),
                answer_bytes: response.bytes.len(),
                truncated: response.truncated,
                asked: response
                    .resolution
                    .asked
                    .iter()
                    .map(|host| host.fmt_with_dot().to_string())
                    .collect(),
            });
        }
        Some(response.bytes)
    }
}
