//! A wire to a name server that closes each connection after so many messages, as some servers and proxies do.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result};

use super::breaker::{is_update, read};

/// Lays a wire to `server` for `messages` of each connection, and gives where to connect. Before the server gets an update,
/// `on_update` is given its number, from 1. What else has come when a connection is closed is thrown away, and with it
/// answers that nobody has read.
///
/// # Errors
///
/// That loopback has no port left.
pub fn limit(
    server: SocketAddr,
    messages: usize,
    mut on_update: impl FnMut(usize) + Send + 'static,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free TCP port")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let mut updates = 0;
        for client in listener.incoming().flatten() {
            // That the other end closes first is no fault.
            let _ = carry(client, server, messages, || {
                updates += 1;
                on_update(updates);
            });
        }
    });
    Ok(address)
}

fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    messages: usize,
    mut on_update: impl FnMut(),
) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    for _ in 0..messages {
        let message = read(&mut client)?;
        if is_update(&message) {
            on_update();
        }
        server.write_all(&message)?;
        let answer = read(&mut server)?;
        client.write_all(&answer)?;
    }
    Ok(())
}
