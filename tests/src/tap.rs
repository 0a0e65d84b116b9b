//! A wire with an ear on it: forwards TCP octets and notes how many went each way.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

/// What the addresses begin with that servers behind a tap see: each connection of this process comes
/// from an address of its own that nobody has, so that a trace of it anywhere is a trace of this client.
pub const CLIENTS: &str = "127.83.";

/// One connection that went over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The address that the server saw as its client's.
    pub client: SocketAddr,
    /// Octets from client to server so far.
    pub sent: usize,
    /// Octets from server to client so far.
    pub received: usize,
}

/// A tapped wire to one server. It lasts as long as the test process.
#[derive(Clone, Debug)]
pub struct Tap {
    address: SocketAddr,
    flows: Arc<Mutex<Vec<Flow>>>,
}

impl Tap {
    /// Lays a wire to `server`.
    ///
    /// # Errors
    ///
    /// That loopback has no port left.
    pub fn on(server: SocketAddr) -> Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), server)
    }

    /// Lays a wire from `address` to `server`.
    ///
    /// # Errors
    ///
    /// That the address is not free.
    pub(crate) fn at(address: SocketAddr, server: SocketAddr) -> Result<Self> {
        let listener =
            TcpListener::bind(address).with_context(|| format!("{address} is not free for TCP"))?;
        let tap = Self {
            address: listener.local_addr()?,
            flows: Arc::default(),
        };
        let accepting = tap.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that refuses leaves the client a closed connection, as without the tap.
                if let Ok(server) = connect(server) {
                    let _ = accepting.forward(client, server);
                }
            }
        });
        Ok(tap)
    }

    /// Where to connect instead of to the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every connection so far, in the order of their beginning.
    #[must_use]
    pub fn flows(&self) -> Vec<Flow> {
        self.flows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn forward(&self, client: TcpStream, server: TcpStream) -> std::io::Result<()> {
        // Octets pass on as they come; the ends decide what goes together.
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let place = {
            let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
            flows.push(Flow {
                client: server.local_addr()?,
                sent: 0,
                received: 0,
            });
            flows.len() - 1
        };
        self.pump(client.try_clone()?, server.try_clone()?, place, |flow| {
            &mut flow.sent
        });
        self.pump(server, client, place, |flow| &mut flow.received);
        Ok(())
    }

    fn pump(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        place: usize,
        count: fn(&mut Flow) -> &mut usize,
    ) {
        let flows = Arc::clone(&self.flows);
        thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                // Noted before it is passed on: whoever has an answer finds it noted, and the request too.
                *count(&mut flows.lock().unwrap_or_else(PoisonError::into_inner)[place]) += read;
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            // Either end may have gone already.
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}

/// Connects from an address that no other connection of this process has had.
fn connect(server: SocketAddr) -> std::io::Result<TcpStream> {
    static VISITORS: AtomicU16 = AtomicU16::new(1);
    let [high, low] = VISITORS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 83, high, low)), 0);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&source.into())?;
    socket.connect(&server.into())?;
    Ok(socket.into())
}
