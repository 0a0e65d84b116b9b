//! HTTP/1.1, over TLS or plain, with every octet of the answer in view.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// Octets of the longest header section we read.
const HEAD_MAX_BYTES: usize = 16_384;

/// One answer, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    /// Status line and header section, with the empty line.
    pub head: String,
    /// The content.
    pub body: Vec<u8>,
}

impl RawResponse {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.head.split(' ').nth(1)?.parse().ok()
    }

    /// The octets of the whole answer.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// A connection that stays open.
pub struct RawConnection(Box<dyn Stream>);

trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

impl fmt::Debug for RawConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawConnection").finish_non_exhaustive()
    }
}

impl RawConnection {
    /// Connects to `server`, whose certificate `authority` vouches for.
    ///
    /// # Errors
    ///
    /// That there is no server, or not the one vouched for.
    pub fn open(server: SocketAddr, authority: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::IpAddress(server.ip().into());
        let connection = ClientConnection::new(Arc::new(config), name)?;
        let stream = connect(server)?;
        Ok(Self(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Connects to `server` over plain TCP.
    ///
    /// # Errors
    ///
    /// That there is no server.
    pub fn plain(server: SocketAddr) -> Result<Self> {
        Ok(Self(Box::new(connect(server)?)))
    }

    /// Sends a request and reads its answer. `head` is the request line and what fields are wanted, each ended
    /// with CR LF; Content-Length is added.
    ///
    /// # Errors
    ///
    /// That the connection ended, or the answer has no Content-Length.
    pub fn exchange(&mut self, head: &str, body: &[u8]) -> Result<RawResponse> {
        let request = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        self.0.write_all(&[request.as_bytes(), body].concat())?;
        self.0.flush()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_MAX_BYTES {
            let mut octet = [0];
            self.0.read_exact(&mut octet)?;
            head.extend_from_slice(&octet);
        }
        let head = String::from_utf8(head)?;
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .with_context(|| format!("no Content-Length in {head}"))?;
        let mut body = vec![0; length.1.trim().parse()?];
        self.0.read_exact(&mut body)?;
        Ok(RawResponse { head, body })
    }
}

fn connect(server: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}
