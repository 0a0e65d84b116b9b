//! The connection to the name server: TCP, which no third party can answer for, and which has no size limit.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use sotto_publish::update::{ROUND_TARGETS, Round, Step, Stop};
use thiserror::Error;

/// The port of the DNS.
const PORT: u16 = 53;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server may take for an answer: one that signs a large zone takes its time for an update.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How often in one round a connection that was lost before it brought an answer is made anew, and how long to wait before
/// that: a server that is started again is back within seconds.
const RECONNECTIONS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(4),
];

/// By how much fewer messages are under way at once when a connection was lost before it brought an answer: a server that
/// closes after so many takes the answers that were not yet read with it. Two losses lead from a whole round to single
/// messages, which leaves one of [`RECONNECTIONS`].
const WINDOW_DIVISOR: usize = 16;

/// A name server's address: an IP address or a host name, with a port or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    host: String,
    port: u16,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            // What stands behind the bracket without a colon is no port, and is refused as one.
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or(":"))),
            // An IPv6 address without brackets has more than one colon, and no port.
            None => match text.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (text, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse);
        match port {
            Ok(port @ 1..) if !host.is_empty() && !host.contains(['[', ']']) => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(String::from(
                "write it as in 192.0.2.1, [2001:db8::1]:53 or ns.example.com:53",
            )),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

/// Why a round was not driven to its end.
#[derive(Debug, Error)]
pub enum Halt {
    /// The server cannot be talked to about this zone.
    #[error("{0}")]
    Stop(Stop),
    /// The server cannot be reached, or is lost again and again.
    #[error("cannot be talked to over TCP: {0}")]
    Unreachable(io::Error),
}

impl Halt {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Stop(stop) => stop.remedy(),
            Self::Unreachable(_) => {
                "see that it runs, listens on TCP there, and that no firewall is between; then run the same command again"
            }
        }
    }
}

/// A connection that is made when it is needed, and anew when it is lost.
#[derive(Debug)]
pub struct Connection {
    server: Server,
    stream: Option<TcpStream>,
    /// Whether there ever was one: a server that was never reached is not waited for.
    was_open: bool,
    /// Messages that may be under way at once.
    window: usize,
    /// Whether one was lost: then every step gets a new one, since the server may count the messages of each.
    is_short_lived: bool,
}

impl Connection {
    /// A connection to `server` that is not made yet.
    #[must_use]
    pub const fn new(server: Server) -> Self {
        Self {
            server,
            stream: None,
            was_open: false,
            window: ROUND_TARGETS + 1, // the zone is asked for, too
            is_short_lived: false,
        }
    }

    /// Drives `round` to its end, `now` being the clock, in Unix seconds. Blocks for as long as the server takes.
    ///
    /// # Errors
    ///
    /// [`Halt`]; [`Round::finish`] tells what was done.
    pub fn drive(&mut self, round: &mut Round<'_>, now: fn() -> u64) -> Result<(), Halt> {
        let mut pauses = RECONNECTIONS.iter();
        loop {
            let messages = match round.step(now()) {
                Step::Send(messages) => messages,
                Step::Wait(pause) => {
                    thread::sleep(pause);
                    continue;
                }
                Step::Done => return Ok(()),
            };
            if self.is_short_lived {
                self.stream = None;
            }
            let mut answers = 0;
            let exchanged = self.exchange(&messages, |answer| {
                answers += 1;
                round.receive(answer, now())
            });
            match exchanged {
                Ok(taken) => taken.map_err(Halt::Stop)?,
                Err(error) => {
                    self.stream = None;
                    self.is_short_lived = true;
                    round.lost();
                    if answers > 0 {
                        // The next one has fewer to ask for.
                        continue;
                    }
                    let Some(pause) = pauses.next().filter(|_| self.was_open) else {
                        return Err(Halt::Unreachable(error));
                    };
                    if messages.len() > 1 {
                        let under_way = self.window.min(messages.len());
                        self.window = (under_way / WINDOW_DIVISOR).max(1);
                    }
                    thread::sleep(*pause);
                }
            }
        }
    }

    /// Sends all messages, no more at once than may be under way, and reads as many answers.
    fn exchange(
        &mut self,
        messages: &[Vec<u8>],
        mut take: impl FnMut(&[u8]) -> Result<(), Stop>,
    ) -> io::Result<Result<(), Stop>> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(connect(&self.server)?),
        };
        self.was_open = true;
        for messages in messages.chunks(self.window) {
            let mut framed = Vec::new();
            for message in messages {
                // A message is no longer than this field can say.
                framed.extend_from_slice(&(message.len() as u16).to_be_bytes());
                framed.extend_from_slice(message);
            }
            stream.write_all(&framed)?;
            for _ in messages {
                let mut length = [0; 2];
                stream.read_exact(&mut length)?;
                let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut answer)?;
                if let Err(stop) = take(&answer) {
                    return Ok(Err(stop));
                }
            }
        }
        Ok(Ok(()))
    }
}

fn connect(server: &Server) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (server.host.as_str(), server.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
                stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_port_or_the_usual_one() {
        for (text, shown) in [
            ("192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]", "[2001:db8::1]:53"),
            ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
            ("ns.example.com:53", "ns.example.com:53"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            ":53",
            "ns:",
            "ns:0",
            "ns:65536",
            "[::1]:x",
            "[::1]:",
            "[::1]5353",
            "[::1",
        ] {
            assert!(text.parse::<Server>().is_err(), "{text:?}");
        }
    }
}
