//! Ports that the system has just had free.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use anyhow::{Context, Result};

/// Attempts to find a port free for both TCP and UDP.
const ATTEMPTS: usize = 32;

/// A loopback address whose port was free a moment ago, for TCP and for UDP.
///
/// The port is released before the server binds it. The system hands out ephemeral ports in no
/// simple order, so another process is unlikely to be given the same one in between.
pub(crate) fn free() -> Result<SocketAddr> {
    for _ in 0..ATTEMPTS {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free TCP port")?;
        let address = tcp.local_addr()?;
        if UdpSocket::bind(address).is_ok() {
            return Ok(address);
        }
    }
    anyhow::bail!("no port is free for both TCP and UDP on loopback")
}
