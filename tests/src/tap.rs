//! A wire tap: a loopback TCP forwarder that counts what passes, as a network observer would.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Octets of one read: as much as the largest answer needs.
const READ_BYTES: usize = 128 * 1024;

/// Octets that have passed on one connection, by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Passed {
    /// From the connecting side.
    pub up: u64,
    /// To the connecting side.
    pub down: u64,
}

/// A running tap; the connections through it end with it.
pub struct Tap {
    address: SocketAddr,
    connections: Connections,
    task: JoinHandle<()>,
}

type Connections = Arc<Mutex<Vec<Passed>>>;

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

impl Tap {
    /// Listens on a loopback port and forwards every connection to `target`.
    ///
    /// # Panics
    ///
    /// If no loopback port can be had.
    pub async fn on(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a loopback port for the tap");
        let address = listener.local_addr().expect("a bound address");
        let connections = Connections::default();
        let seen = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target, Arc::clone(&seen)));
            }
        });
        Self {
            address,
            connections,
            task,
        }
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has passed so far, a row a connection in the order of their arrival.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        lock(&self.connections).clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(client: TcpStream, target: SocketAddr, seen: Connections) {
    let row = {
        let mut rows = lock(&seen);
        rows.push(Passed::default());
        rows.len() - 1
    };
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).ok();
    }
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    tokio::join!(
        pump(client_in, server_out, &seen, row, Direction::Up),
        pump(server_in, client_out, &seen, row, Direction::Down),
    );
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    seen: &Connections,
    row: usize,
    direction: Direction,
) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(octets) = from.read(&mut buffer).await {
        if octets == 0 {
            break;
        }
        {
            let passed = &mut lock(seen)[row];
            match direction {
                Direction::Up => passed.up += octets as u64,
                Direction::Down => passed.down += octets as u64,
            }
        }
        if to.write_all(&buffer[..octets]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
}

fn lock(rows: &Connections) -> std::sync::MutexGuard<'_, Vec<Passed>> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}
