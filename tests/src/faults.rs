//! Wires that go wrong as a script says: between two TCP ends, and before a resolver.
//!
//! A script counts octets and datagrams, never time, so a fault strikes at the same place in every run.

mod datagrams;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use socket2::SockRef;

pub use self::datagrams::{Datagram, Resolver};

/// For how long nothing may have passed before a wire counts as at rest: whatever an exchange leaves to be said on its
/// connection is said by then.
const REST: Duration = Duration::from_millis(40);

/// How long anything here is waited for: [`ATTEMPTS`] times [`PAUSE`].
const ATTEMPTS: u32 = 1_000;
const PAUSE: Duration = Duration::from_millis(5);

/// Which octets of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Those of who connected.
    Asking,
    /// Those of the server.
    Answering,
}

/// What happens to octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// They wait so long, once.
    Delay(Duration),
    /// They pass so many at a time, with a pause after each piece.
    Slow(usize, Duration),
    /// They wait until [`Wire::release_newest_first`].
    Hold,
    /// They go nowhere, and nobody is told: a path that has died, or a server that accepts and never speaks.
    Lose,
    /// Both ends see an orderly end, in the middle of whatever was said.
    End,
    /// Both ends see a reset.
    Reset,
}

/// An act, and where it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which octets.
    pub way: Way,
    /// Octets that still pass, from when the fault was laid, or the connection began after that.
    pub at: usize,
    /// What happens to those that follow.
    pub act: Act,
}

/// A wire to one server. It lasts as long as the test process.
#[derive(Clone)]
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    script: Vec<Fault>,
    /// How often the script was replaced.
    edition: u64,
    connections: Vec<Weak<Ends>>,
    /// Octets that have reached the server, for each connection.
    passed: Vec<Vec<u8>>,
    /// Octets that came from anybody.
    seen: usize,
    /// Connections that hold something back, the first first.
    held: Vec<usize>,
}

/// Both ends of one connection.
struct Ends {
    near: TcpStream,
    far: TcpStream,
    /// Whatever comes goes nowhere any more.
    is_over: AtomicBool,
    is_reset: AtomicBool,
}

impl Wire {
    /// Lays a wire to `server`, which need not be there yet.
    ///
    /// # Errors
    ///
    /// That loopback has no port left.
    pub fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free TCP port")?;
        let wire = Self {
            address: listener.local_addr()?,
            shared: Arc::default(),
        };
        let accepting = wire.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // A server that refuses leaves the client a closed connection.
                if let Ok(far) = TcpStream::connect(server) {
                    let _ = accepting.carry(near, far);
                }
            }
        });
        Ok(wire)
    }

    /// Where to connect instead of to the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has these faults strike from now on, each connection that there is and each that comes, in place of any before.
    ///
    /// # Errors
    ///
    /// That the wire does not come to rest, so that nobody could say what a fault would strike.
    pub fn lay(&self, faults: &[Fault]) -> Result<()> {
        self.rest()?;
        self.replace(faults);
        Ok(())
    }

    /// Has no fault strike any more. What was lost stays lost, so a connection that lost something is of no use.
    pub fn clear(&self) {
        self.replace(&[]);
    }

    /// Ends every connection, at rest.
    ///
    /// # Errors
    ///
    /// That the wire does not come to rest.
    pub fn end_all(&self) -> Result<()> {
        self.rest()?;
        let connections = self.shared.state().connections.clone();
        for ends in connections.iter().filter_map(Weak::upgrade) {
            ends.end();
        }
        self.rest()
    }

    /// How many connections there have been.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections.len()
    }

    /// Waits until so many connections hold something back, and lets them go, the newest first.
    ///
    /// # Errors
    ///
    /// That they do not come to be so many, or do not go.
    pub fn release_newest_first(&self, count: usize) -> Result<()> {
        let is_so = |wanted: usize| {
            (0..ATTEMPTS).any(|_| {
                thread::sleep(PAUSE);
                self.shared.state().held.len() == wanted
            })
        };
        ensure!(is_so(count), "not {count} connections hold something back");
        for left in (0..count).rev() {
            self.shared.state().held.pop();
            self.shared.changed.notify_all();
            ensure!(is_so(left), "more is held back meanwhile");
        }
        Ok(())
    }

    /// The content of each request with content that has reached the server whole, over plain HTTP/1.1.
    #[must_use]
    pub fn contents(&self) -> Vec<Vec<u8>> {
        let state = self.shared.state();
        state
            .passed
            .iter()
            .flat_map(|octets| split(octets))
            .collect()
    }

    fn rest(&self) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let before = self.shared.state().seen;
            thread::sleep(REST);
            if self.shared.state().seen == before {
                return Ok(());
            }
        }
        anyhow::bail!("the wire to {} does not come to rest", self.address)
    }

    fn replace(&self, faults: &[Fault]) {
        let mut state = self.shared.state();
        state.script = faults.to_vec();
        state.script.sort_by_key(|fault| fault.at);
        state.edition += 1;
    }

    fn carry(&self, near: TcpStream, far: TcpStream) -> io::Result<()> {
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let ends = Arc::new(Ends {
            near,
            far,
            is_over: AtomicBool::new(false),
            is_reset: AtomicBool::new(false),
        });
        let place = {
            let mut state = self.shared.state();
            state.connections.push(Arc::downgrade(&ends));
            state.passed.push(Vec::new());
            state.connections.len() - 1
        };
        for way in [Way::Asking, Way::Answering] {
            let pump = Pump {
                shared: Arc::clone(&self.shared),
                ends: Arc::clone(&ends),
                place,
                way,
                edition: 0,
                since: 0,
                faults: Vec::new(),
                pace: None,
                is_lost: false,
            };
            thread::spawn(move || pump.run());
        }
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        for end in [&self.near, &self.far] {
            // An end may have gone already. Reading goes on: octets that nobody reads would make it a reset.
            let _ = end.shutdown(Shutdown::Write);
        }
    }

    fn reset(&self) {
        self.is_reset.store(true, Ordering::SeqCst);
        for end in [&self.near, &self.far] {
            let end = SockRef::from(end);
            // With nothing to linger for, the close that follows is a reset.
            let _ = end.set_linger(Some(Duration::ZERO));
            let _ = end.shutdown(Shutdown::Read);
        }
    }
}

/// One direction of one connection.
struct Pump {
    shared: Arc<Shared>,
    ends: Arc<Ends>,
    place: usize,
    way: Way,
    edition: u64,
    /// Octets since the script's edition.
    since: usize,
    faults: Vec<Fault>,
    pace: Option<(usize, Duration)>,
    is_lost: bool,
}

impl Pump {
    fn run(mut self) {
        let mut buffer = [0; 16_384];
        while let Ok(read @ 1..) = self.from().read(&mut buffer) {
            if self.pass(&buffer[..read]).is_err() {
                break;
            }
        }
        // Nobody tells of an end on a path that has died.
        if !self.is_lost && !self.ends.is_reset.load(Ordering::SeqCst) {
            let _ = self.to().shutdown(Shutdown::Write);
        }
    }

    fn pass(&mut self, mut octets: &[u8]) -> io::Result<()> {
        self.read_script(octets.len());
        while let Some(fault) = self.faults.first().copied() {
            let room = fault.at.saturating_sub(self.since);
            if room >= octets.len() {
                break;
            }
            let (before, after) = octets.split_at(room);
            self.write(before)?;
            octets = after;
            self.faults.remove(0);
            match fault.act {
                Act::Delay(time) => thread::sleep(time),
                Act::Slow(piece, pause) => self.pace = Some((piece, pause)),
                Act::Hold => self.hold(),
                Act::Lose => self.is_lost = true,
                Act::End => self.ends.end(),
                Act::Reset => {
                    self.ends.reset();
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
            }
        }
        self.write(octets)
    }

    /// Notes what has come, and takes up a new script.
    fn read_script(&mut self, came: usize) {
        let mut state = self.shared.state();
        state.seen += came;
        if state.edition == self.edition {
            return;
        }
        self.edition = state.edition;
        self.since = 0;
        self.pace = None;
        let mine = |fault: &&Fault| fault.way == self.way;
        self.faults = state.script.iter().filter(mine).copied().collect();
    }

    fn hold(&self) {
        let mut state = self.shared.state();
        state.held.push(self.place);
        let is_held = |state: &mut State| state.held.contains(&self.place);
        let released = self.shared.changed.wait_while(state, is_held);
        drop(released.unwrap_or_else(PoisonError::into_inner));
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.since += octets.len();
        if self.is_lost || self.ends.is_over.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (piece, pause) = self.pace.unwrap_or((octets.len().max(1), Duration::ZERO));
        for piece in octets.chunks(piece) {
            if self.way == Way::Asking {
                self.shared.state().passed[self.place].extend_from_slice(piece);
            }
            self.to().write_all(piece)?;
            thread::sleep(pause);
        }
        Ok(())
    }

    fn from(&self) -> &TcpStream {
        match self.way {
            Way::Asking => &self.ends.near,
            Way::Answering => &self.ends.far,
        }
    }

    fn to(&self) -> &TcpStream {
        match self.way {
            Way::Asking => &self.ends.far,
            Way::Answering => &self.ends.near,
        }
    }
}

/// The contents, where there are any, of the HTTP/1.1 requests in `octets`.
fn split(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    while let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") {
        let (head, rest) = octets.split_at(end + 4);
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        let Some(content) = rest.get(..length) else {
            break;
        };
        if length > 0 {
            contents.push(content.to_vec());
        }
        octets = &rest[length..];
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_told_from_heads_and_from_what_is_cut_short() {
        let octets = b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiPOST /c HTTP/1.1\r\ncontent-length: 3\r\n\r\nno";
        assert_eq!(split(octets), [b"hi".to_vec()]);
    }
}
