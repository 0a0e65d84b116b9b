//! A balancer in front of several servers: by connection, in TCP, to those that let it connect.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};

/// A balancer, which ends with the test process.
#[derive(Clone, Debug)]
pub struct Balancer {
    address: SocketAddr,
    servers: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    /// One in front of `servers`.
    ///
    /// # Errors
    ///
    /// That it cannot listen.
    pub fn before(servers: Vec<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("the balancer cannot listen")?;
        let balancer = Self {
            address: listener.local_addr()?,
            servers: Arc::new(Mutex::new(servers)),
        };
        let accepting = balancer.clone();
        thread::spawn(move || {
            for (turn, near) in listener.incoming().enumerate() {
                let Ok(near) = near else { continue };
                // A client whose connection goes nowhere sees it end.
                if let Some(far) = accepting.connect(turn) {
                    thread::spawn(move || join(&near, &far));
                }
            }
        });
        Ok(balancer)
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has new connections go to `servers` from now on.
    pub fn turn_to(&self, servers: Vec<SocketAddr>) {
        *self.servers() = servers;
    }

    fn servers(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects to the server whose turn it is, or to the next that is there.
    fn connect(&self, turn: usize) -> Option<TcpStream> {
        let servers = self.servers().clone();
        let from = turn.checked_rem(servers.len())?;
        servers
            .iter()
            .cycle()
            .skip(from)
            .take(servers.len())
            .find_map(|server| TcpStream::connect(server).ok())
    }
}

/// Carries both ways until both have ended.
fn join(near: &TcpStream, far: &TcpStream) {
    let carry = |mut from: &TcpStream, mut to: &TcpStream| {
        // Whichever end breaks off, the other one learns so.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| carry(near, far));
        carry(far, near);
    });
}
