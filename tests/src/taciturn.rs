//! A resolver that is silent about some names.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

use anyhow::Result;

use crate::ports;
use crate::tap::Tap;

/// Names with the label `hush` get no answer.
const UNSPOKEN: &[u8] = b"\x04hush";

/// Octets of the longest message over UDP.
const MESSAGE_MAX_BYTES: usize = 4_096;

/// Puts one before `resolver`. It lasts as long as the test process; it passes on over UDP and TCP whatever
/// is not about an unspoken name.
///
/// # Errors
///
/// That loopback has no port left.
pub fn before(resolver: SocketAddr) -> Result<SocketAddr> {
    let address = ports::free()?;
    // Over TCP as it comes: what gets no answer over UDP is not asked again over TCP.
    Tap::at(address, resolver)?;
    let socket = UdpSocket::bind(address)?;
    thread::spawn(move || while pass_on(&socket, resolver).is_ok() {});
    Ok(address)
}

fn pass_on(socket: &UdpSocket, resolver: SocketAddr) -> Result<()> {
    let mut buffer = [0; MESSAGE_MAX_BYTES];
    let (length, asker) = socket.recv_from(&mut buffer)?;
    let query = &buffer[..length];
    if query
        .windows(UNSPOKEN.len())
        .any(|octets| octets == UNSPOKEN)
    {
        return Ok(());
    }
    let onward = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    onward.send_to(query, resolver)?;
    let length = onward.recv(&mut buffer)?;
    // Who asked may have gone.
    let _ = socket.send_to(&buffer[..length], asker);
    Ok(())
}
