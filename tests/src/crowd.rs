//! A crowd of clients that hold a server up: each opens a connection and makes it last.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// How a client of the crowd spends the server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dawdling {
    /// It says nothing.
    Idle,
    /// It begins a TLS record and does not end it.
    Handshake,
    /// It begins a header section and does not end it.
    Headers,
    /// It ends the header section of a POST, and holds the content back.
    Content,
    /// It asks as often as it can, and reads no answer.
    Reading,
}

/// All there are.
pub const DAWDLING: [Dawdling; 5] = [
    Dawdling::Idle,
    Dawdling::Handshake,
    Dawdling::Headers,
    Dawdling::Content,
    Dawdling::Reading,
];

/// Where the crowd comes from: who shares its address may share its fate.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 86, 0, 1);

/// Requests that a client sends which reads no answer.
const UNREAD: usize = 16;

/// A crowd; it goes when dropped.
#[derive(Debug)]
pub struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Has `count` clients dawdle before `server`, in every way alike; those that send content send it to `path`, with the
    /// lines `fields` in their header section.
    ///
    /// # Errors
    ///
    /// That a connection cannot be opened. `server` has an IPv4 address.
    pub async fn gather(
        server: SocketAddr,
        count: usize,
        path: &str,
        fields: &str,
    ) -> Result<Self> {
        provide_descriptors(count)?;
        let mut clients = JoinSet::new();
        for dawdling in DAWDLING.into_iter().cycle().take(count) {
            let said = dawdling.says(path, fields);
            clients.spawn(async move {
                let socket = TcpSocket::new_v4()?;
                socket.bind((ADDRESS, 0).into())?;
                let mut stream = socket.connect(server).await?;
                // A server that has had enough already is what the crowd is there to see.
                let _ = stream.write_all(said.as_bytes()).await;
                Ok::<_, io::Error>(stream)
            });
        }
        let mut streams = Vec::with_capacity(count);
        while let Some(connected) = clients.join_next().await {
            streams.push(connected?.context("a client of the crowd cannot connect")?);
        }
        Ok(Self(streams))
    }

    /// How many of the clients the server has not sent away yet.
    #[must_use]
    pub fn staying(&self) -> usize {
        self.0.iter().filter(|stream| is_open(stream)).count()
    }
}

impl Dawdling {
    fn says(self, path: &str, fields: &str) -> String {
        match self {
            Self::Idle => String::new(),
            // A handshake record of 256 octets (RFC 8446 section 5.1).
            Self::Handshake => "\x16\x03\x01\x01\x00\x01".to_owned(),
            Self::Headers => "GET / HTTP/1.1\r\nhost: crowd.test\r\nx-begin: ".to_owned(),
            Self::Content => format!(
                "POST {path} HTTP/1.1\r\nhost: crowd.test\r\n{fields}content-length: 2048\r\n\r\nbegin"
            ),
            Self::Reading => "GET / HTTP/1.1\r\nhost: crowd.test\r\n\r\n".repeat(UNREAD),
        }
    }
}

/// Whether the other end has not closed: what it has sent is passed over.
fn is_open(stream: &TcpStream) -> bool {
    let mut passed_over = [0; 4_096];
    loop {
        match stream.try_read(&mut passed_over) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

/// Has this process open so many connections and what it needs beside.
fn provide_descriptors(connections: usize) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let wanted = connections as u64 + 256;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).context("the limit of open files cannot be raised")?;
    }
    Ok(())
}
