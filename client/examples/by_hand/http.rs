//! As much of HTTP/1.1 (RFC 9112) as a lookup needs: one request a connection, over TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use sotto_client::{Event, Sent, Step, TransportProblem, TransportProblemKind};

/// How long connecting may take, and how long each read and write.
const PATIENCE: Duration = Duration::from_secs(20);

/// Octets of the longest header section.
const HEAD_MAX_OCTETS: u64 = 16_384;

/// Octets of content that every step allows at the most, whatever it says: the larger class of answers, and a key
/// document.
const BODY_MAX_OCTETS: usize = 65_536;

/// Does the request that `step` wants, and says what came of it. The driver decides nothing: no redirect is
/// followed, nothing is tried again.
pub(crate) fn perform(step: &Step, tls: &Arc<ClientConfig>) -> Event {
    let (url, request, body, max_bytes) = match step {
        Step::Get {
            url,
            accept,
            max_bytes,
        } => (url, ("GET", "Accept", *accept), &[][..], *max_bytes),
        Step::Post {
            url,
            media_type,
            body,
            max_bytes,
        } => (
            url,
            ("POST", "Content-Type", *media_type),
            &body[..],
            *max_bytes,
        ),
        Step::Wait { .. } | Step::Done(_) => return Event::Woke,
    };
    let failed = |sent| {
        move |(kind, cause): (TransportProblemKind, io::Error)| Event::Failed {
            sent,
            what: TransportProblem::new(kind, cause.to_string()),
        }
    };
    let max_bytes = max_bytes.min(BODY_MAX_OCTETS);
    connect(url, tls)
        .map_err(|cause| (TransportProblemKind::Connect, cause))
        .map_err(failed(Sent::Nothing))
        .and_then(|(stream, host, path)| {
            exchange(stream, &host, &path, request, body, max_bytes).map_err(failed(Sent::Maybe))
        })
        .unwrap_or_else(|event| event)
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection on which TLS is done, the value of Host, and the request target.
fn connect(url: &str, tls: &Arc<ClientConfig>) -> io::Result<(Stream, String, String)> {
    let rest = url
        .strip_prefix("https://")
        .ok_or_else(|| io::Error::other("not https"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => {
            (name, port.parse().map_err(io::Error::other)?)
        }
        _ => (host, 443),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let address = (name, port).to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::other("no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok((
        StreamOwned::new(connection, stream),
        host.to_owned(),
        format!("/{path}"),
    ))
}

/// Sends one request and reads its answer.
fn exchange(
    mut stream: Stream,
    host: &str,
    path: &str,
    (method, field, value): (&str, &str, &str),
    body: &[u8],
    max_bytes: usize,
) -> Result<Event, (TransportProblemKind, io::Error)> {
    let lost = |cause| (TransportProblemKind::Lost, cause);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{field}: {value}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream
        .write_all(&[head.as_bytes(), body].concat())
        .and_then(|()| stream.flush())
        .map_err(lost)?;

    let mut stream = BufReader::new(stream);
    let mut head = stream.by_ref().take(HEAD_MAX_OCTETS);
    let mut line = || {
        let mut line = String::new();
        match head.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => Ok(line.trim_end().to_owned()),
            Ok(_) => Err(lost(io::ErrorKind::UnexpectedEof.into())),
            Err(cause) => Err(lost(cause)),
        }
    };
    let status = line()?.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| lost(io::Error::other("no status")))?;
    let (mut media_type, mut retry_after, mut length) = (None, None, None);
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-type" => media_type = Some(value.to_owned()),
            "retry-after" => retry_after = value.parse().ok(),
            "content-length" => length = value.parse::<usize>().ok(),
            _ => {}
        }
    }

    // Sotto's relays state a length. One who does not is not read.
    let length = length.ok_or_else(|| lost(io::Error::other("no Content-Length")))?;
    if length > max_bytes {
        let cause = io::Error::other(format!("{length} octets"));
        return Err((TransportProblemKind::TooLarge, cause));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).map_err(lost)?;
    Ok(Event::Response {
        status,
        media_type,
        retry_after,
        body,
    })
}
