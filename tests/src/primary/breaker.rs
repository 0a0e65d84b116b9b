//! A wire to a name server that breaks when an update has passed over it, before the answer comes back.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// How long a test waits for the break.
const PATIENCE: Duration = Duration::from_secs(60);

/// The opcode of an update, in the third octet of a message (RFC 2136 section 1.3).
const UPDATE: u8 = 5 << 3;

/// How the wire breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// The connection is closed; the next one is whole.
    Cut,
    /// The connection is closed, and so is every other.
    CutForGood,
    /// Nothing comes any more.
    Silence,
}

/// A wire that breaks once.
#[derive(Debug)]
pub struct Breaker {
    address: SocketAddr,
    broken: Receiver<()>,
}

impl Breaker {
    /// Lays a wire to `server` that breaks at the update of this number, counted from 1: the server gets it, and its answer is
    /// lost.
    ///
    /// # Errors
    ///
    /// That loopback has no port left.
    pub fn before(server: SocketAddr, update: usize, manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free TCP port")?;
        let address = listener.local_addr()?;
        let (sender, broken) = channel();
        thread::spawn(move || {
            let mut left = update;
            for client in listener.incoming().flatten() {
                // A connection that ends early is what this is for.
                let is_broken = carry(client, server, &mut left, manner, &sender).unwrap_or(false);
                if is_broken && manner == Manner::CutForGood {
                    return;
                }
            }
        });
        Ok(Self { address, broken })
    }

    /// Where to connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the wire has broken.
    ///
    /// # Errors
    ///
    /// That it does not.
    pub fn wait(&self) -> Result<()> {
        self.broken
            .recv_timeout(PATIENCE)
            .context("no such update came")
    }
}

/// Carries message by message, one answer for each, until either end closes or the wire breaks.
fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    left: &mut usize,
    manner: Manner,
    broken: &Sender<()>,
) -> io::Result<bool> {
    let mut server = TcpStream::connect(server)?;
    loop {
        let message = read(&mut client)?;
        server.write_all(&message)?;
        let answer = read(&mut server)?;
        if is_update(&message) {
            *left = left.wrapping_sub(1);
            if *left == 0 {
                // Nobody may be listening any more.
                let _ = broken.send(());
                if manner == Manner::Silence {
                    let _ = client.read(&mut [0]);
                }
                return Ok(true);
            }
        }
        client.write_all(&answer)?;
    }
}

/// Whether a message with its length in front is an update.
pub(super) fn is_update(message: &[u8]) -> bool {
    message.get(4).is_some_and(|octet| octet & 0x78 == UPDATE)
}

/// One message with its length in front.
pub(super) fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = length.to_vec();
    message.resize(2 + usize::from(u16::from_be_bytes(length)), 0);
    stream.read_exact(&mut message[2..])?;
    Ok(message)
}
