//! One question to one resolver, over each transport.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use sotto_proof::{
    Question,
    message::{self, MessageError, Response},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::Instant,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{ResolveError, timed};
use crate::clock;

/// Octets of the largest response asked for over UDP: what crosses any path unfragmented, as all
/// large implementations agreed for the DNS flag day of 2020.
pub(super) const UDP_PAYLOAD: u16 = 1_232;

/// Octets read of a datagram: room for those who send more than asked for.
const UDP_BUFFER: usize = 4_096;

/// Datagrams that are not the response, after which the question goes over TCP: somebody guesses
/// (RFC 5452 section 9.3), and guessing a TCP connection is much harder.
pub(super) const MAX_STRAYS: usize = 8;

/// Connections over TLS that rest between questions.
const MAX_IDLE: usize = 64;

/// How long a connection over TLS rests at most: resolvers close them after some ten seconds themselves.
const IDLE: Duration = Duration::from_secs(8);

/// The multiple of octets that a question over TLS is padded to (RFC 8467 section 4.1).
const PADDING_BLOCK: usize = 128;

pub(super) async fn over_udp(
    server: SocketAddr,
    question: &Question,
) -> Result<Response, ResolveError> {
    let id = random_id()?;
    let query = message::query(id, question, UDP_PAYLOAD);
    exchange_datagrams(server, id, &query, question, |_| {}).await
}

/// Sends `query`, which has `id` and `question`, and shows the octets of its response to `see`.
pub(super) async fn exchange_datagrams(
    server: SocketAddr,
    id: u16,
    query: &[u8],
    question: &Question,
    see: impl FnOnce(&[u8]),
) -> Result<Response, ResolveError> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Port 0: the kernel draws one at random. A connected socket hears its peer alone.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(query).await?;

    let mut buffer = [0; UDP_BUFFER];
    for _ in 0..MAX_STRAYS {
        let count = socket.recv(&mut buffer).await?;
        match message::parse(&buffer[..count], id, question) {
            Err(error) if error.is_unrelated() => {}
            read => {
                see(&buffer[..count]);
                return Ok(read?);
            }
        }
    }
    Err(MessageError::WrongId.into())
}

pub(super) async fn over_tcp(
    server: SocketAddr,
    question: &Question,
) -> Result<Response, ResolveError> {
    let mut stream = TcpStream::connect(server).await?;
    let id = random_id()?;
    exchange(
        &mut stream,
        id,
        &message::query(id, question, UDP_PAYLOAD),
        question,
        |_| {},
    )
    .await
}

/// One question and its response over a stream (RFC 1035 section 4.2.2), whose octets are shown to `see`.
pub(super) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    id: u16,
    query: &[u8],
    question: &Question,
    see: impl FnOnce(&[u8]),
) -> Result<Response, ResolveError> {
    let length = u16::try_from(query.len()).map_err(|_| MessageError::Length(query.len()))?;
    // In one write: some servers refuse a length that comes alone (RFC 7766 section 8).
    stream
        .write_all(&[&length.to_be_bytes()[..], query].concat())
        .await?;
    stream.flush().await?;
    let length = stream.read_u16().await?;
    let mut response = vec![0; usize::from(length)];
    stream.read_exact(&mut response).await?;
    see(&response);
    Ok(message::parse(&response, id, question)?)
}

/// The way to one resolver over TLS.
pub(super) struct Secure {
    address: SocketAddr,
    name: ServerName<'static>,
    connector: TlsConnector,
    /// Connections that rest, and since when; the last is the freshest.
    idle: Mutex<Vec<(TlsStream<TcpStream>, Instant)>>,
}

impl Secure {
    pub(super) fn new(address: SocketAddr, name: ServerName<'static>, tls: &ClientConfig) -> Self {
        Self {
            address,
            name,
            connector: TlsConnector::from(Arc::new(tls.clone())),
            idle: Mutex::default(),
        }
    }

    /// Asks over a connection that rests, or a new one. A resolver may have closed one that rests at any time, so a
    /// failure there is none.
    pub(super) async fn ask(
        &self,
        question: &Question,
        patience: Duration,
    ) -> Result<Response, ResolveError> {
        if let Some(stream) = self.take()
            && let Ok(response) = timed(patience, self.over(stream, question)).await
        {
            return Ok(response);
        }
        timed(patience, async {
            let stream = self.connect().await?;
            self.over(stream, question).await
        })
        .await
    }

    async fn over(
        &self,
        mut stream: TlsStream<TcpStream>,
        question: &Question,
    ) -> Result<Response, ResolveError> {
        let id = random_id()?;
        let query = message::padded_query(id, question, UDP_PAYLOAD, PADDING_BLOCK);
        let response = exchange(&mut stream, id, &query, question, |_| {}).await?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push((stream, clock::instant()));
        }
        Ok(response)
    }

    fn take(&self) -> Option<TlsStream<TcpStream>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(stream, _)| stream)
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, ResolveError> {
        connect_tls(self.address, self.name.clone(), &self.connector).await
    }
}

pub(super) async fn connect_tls(
    address: SocketAddr,
    name: ServerName<'static>,
    connector: &TlsConnector,
) -> Result<TlsStream<TcpStream>, ResolveError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let connecting = connector.connect(name, stream);
    connecting.await.map_err(|_| ResolveError::Tls)
}

pub(super) fn random_id() -> Result<u16, ResolveError> {
    let mut octets = [0; 2];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| ResolveError::Randomness)?;
    Ok(u16::from_be_bytes(octets))
}
