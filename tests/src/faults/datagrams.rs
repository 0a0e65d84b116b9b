//! A resolver whose datagrams get lost, come twice, out of order, or short.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::ports;
use crate::tap::Tap;

/// Octets of the longest message over UDP.
const MESSAGE_MAX_BYTES: usize = 4_096;

/// How long the resolver behind has for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What happens to the answer to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// It comes.
    Pass,
    /// It does not come.
    Lose,
    /// It comes twice.
    Twice,
    /// It comes after the answer to the next query, and not at all if there is none.
    AfterTheNext,
    /// So many octets of it come.
    Cut(usize),
}

/// One before a resolver, as long as the test process lasts. Over TCP all passes.
#[derive(Clone, Debug)]
pub struct Resolver {
    address: SocketAddr,
    script: Arc<Mutex<VecDeque<Datagram>>>,
}

impl Resolver {
    /// Puts one before `resolver`.
    ///
    /// # Errors
    ///
    /// That loopback has no port left.
    pub fn before(resolver: SocketAddr) -> Result<Self> {
        let address = ports::free()?;
        Tap::at(address, resolver)?;
        let socket = UdpSocket::bind(address)?;
        let faulty = Self {
            address,
            script: Arc::default(),
        };
        let passing = faulty.clone();
        thread::spawn(move || passing.pass(&socket, resolver));
        Ok(faulty)
    }

    /// Where to ask instead of the resolver.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens to the answers to the coming queries, one after the other. All others pass.
    pub fn lay(&self, script: impl IntoIterator<Item = Datagram>) {
        *self.script() = script.into_iter().collect();
    }

    /// How much of the script is left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.script().len()
    }

    fn pass(&self, socket: &UdpSocket, resolver: SocketAddr) {
        // Who asked may have gone.
        let send = |(octets, asker): &(Vec<u8>, SocketAddr)| _ = socket.send_to(octets, asker);
        let mut late = None;
        while let Ok(mut answer) = exchange(socket, resolver) {
            let earlier = late.take();
            match self.script().pop_front().unwrap_or(Datagram::Pass) {
                Datagram::Pass => send(&answer),
                Datagram::Lose => {}
                Datagram::Twice => {
                    send(&answer);
                    send(&answer);
                }
                Datagram::AfterTheNext => late = Some(answer),
                Datagram::Cut(octets) => {
                    answer.0.truncate(octets);
                    send(&answer);
                }
            }
            if let Some(answer) = earlier {
                send(&answer);
            }
        }
    }

    fn script(&self) -> MutexGuard<'_, VecDeque<Datagram>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the next query answered by the resolver.
fn exchange(socket: &UdpSocket, resolver: SocketAddr) -> Result<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; MESSAGE_MAX_BYTES];
    let (length, asker) = socket.recv_from(&mut buffer)?;
    let onward = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    onward.set_read_timeout(Some(PATIENCE))?;
    onward.send_to(&buffer[..length], resolver)?;
    let length = onward.recv(&mut buffer)?;
    Ok((buffer[..length].to_vec(), asker))
}
