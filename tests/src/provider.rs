//! A provider that has a directory and answers identifier queries, as draft-ietf-mimi-protocol-06 says in
//! sections 5.1 and 5.8. It reads and writes the octets of the draft by itself, and none of our code.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tempfile::TempDir;

use crate::ca;

/// The codes of an answer, and the types of a search.
const SUCCESS: u8 = 0;
const NOT_FOUND: u8 = 1;
const UNSUPPORTED_FIELD: u8 = 4;
const EMAIL: u8 = 3;
const PHONE: u8 = 4;

/// The provider. Its thread ends with the test process.
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    directory: TempDir,
}

impl Provider {
    /// Starts the provider of `domain`, at which each mailbox or phone has the account.
    ///
    /// # Errors
    ///
    /// That it cannot have a certificate or a port.
    pub fn start(domain: &str, accounts: &[(&str, &str)]) -> Result<Self> {
        let directory = TempDir::new()?;
        ca::issue(directory.path(), &["127.0.0.1", domain])?;
        let chain = CertificateDer::from_pem_file(directory.path().join(ca::CERTIFICATE))?;
        let key = PrivateKeyDer::from_pem_file(directory.path().join(ca::PRIVATE_KEY))?;
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let served = Served {
            domain: domain.to_owned(),
            accounts: accounts
                .iter()
                .map(|&(whom, account)| (whom.to_owned(), account.to_owned()))
                .collect(),
            tls: Arc::new(tls),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that breaks off is no concern of the next.
                let _ = served.serve(stream);
            }
        });
        Ok(Self { address, directory })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that vouches for it.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join(ca::AUTHORITY)
    }
}

struct Served {
    domain: String,
    accounts: BTreeMap<String, String>,
    tls: Arc<ServerConfig>,
}

impl Served {
    /// Answers the one request of a connection.
    fn serve(&self, stream: TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let connection = ServerConnection::new(Arc::clone(&self.tls))?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let mut request = String::new();
        stream.read_line(&mut request)?;
        let mut length = 0;
        loop {
            let mut field = String::new();
            stream.read_line(&mut field)?;
            match field.trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse()?;
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;

        let (status, answer) = self.answer(request.trim_end(), &body)?;
        let length = answer.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
        let stream = stream.get_mut();
        stream.write_all(&[head.as_bytes(), &answer].concat())?;
        stream.flush()?;
        Ok(())
    }

    fn answer(&self, request: &str, body: &[u8]) -> Result<(&'static str, Vec<u8>)> {
        let query = format!("POST /v1/identifierQuery/{} HTTP/1.1", self.domain);
        match request {
            "GET /.well-known/mimi-protocol-directory HTTP/1.1" => {
                Ok(("200 OK", self.directory().into_bytes()))
            }
            request if request == query => Ok(("200 OK", self.find(body)?)),
            _ => Ok(("404 Not Found", Vec::new())),
        }
    }

    fn directory(&self) -> String {
        let url = |endpoint: &str, variable: &str| {
            format!("https://{}/v1/{endpoint}/{{{variable}}}", self.domain)
        };
        json!({
            "keyMaterial": url("keyMaterial", "targetUser"),
            "update": url("update", "roomId"),
            "notify": url("notify", "roomId"),
            "submitMessage": url("submitMessage", "roomId"),
            "groupInfo": url("groupInfo", "roomId"),
            "requestConsent": url("requestConsent", "targetUser"),
            "updateConsent": url("updateConsent", "requesterUser"),
            "identifierQuery": url("identifierQuery", "domain"),
            "reportAbuse": url("reportAbuse", "roomId"),
            "proxyDownload": url("proxyDownload", "downloadUrl"),
        })
        .to_string()
    }

    /// Reads an `IdentifierRequest` with one element, and writes an `IdentifierResponse`.
    fn find(&self, request: &[u8]) -> Result<Vec<u8>> {
        let mut request = request;
        let mut elements = take_vector(&mut request)?;
        let extensions = take_vector(&mut request)?;
        ensure!(request.is_empty() && extensions.is_empty(), "more came");
        let (&search, rest) = elements.split_first().context("no element")?;
        elements = rest;
        let whom = str::from_utf8(take_vector(&mut elements)?)?;
        ensure!(elements.is_empty(), "more than one element");

        if !matches!(search, EMAIL | PHONE) {
            return Ok(vec![UNSUPPORTED_FIELD, 0, 0, 0]);
        }
        let Some(account) = self.accounts.get(whom) else {
            return Ok(vec![NOT_FOUND, 0, 0, 0]);
        };
        let uri = format!("mimi://{}/u/{account}", self.domain);
        let uris = short_vector(&short_vector(uri.as_bytes())?)?;
        Ok([&[SUCCESS][..], &uris, &[0, 0]].concat())
    }
}

/// Takes a vector of RFC 9420 section 2.1.2 of less than 16,384 octets.
fn take_vector<'a>(octets: &mut &'a [u8]) -> Result<&'a [u8]> {
    let (length, rest) = match octets {
        [one @ 0..0x40, rest @ ..] => (usize::from(*one), rest),
        [high @ 0x40..0x80, low, rest @ ..] => {
            (usize::from(high - 0x40) * 256 + usize::from(*low), rest)
        }
        _ => anyhow::bail!("no vector"),
    };
    let (content, rest) = rest.split_at_checked(length).context("a short vector")?;
    *octets = rest;
    Ok(content)
}

fn short_vector(content: &[u8]) -> Result<Vec<u8>> {
    let length = u8::try_from(content.len())?;
    ensure!(length < 0x40, "the test wants a short account");
    Ok([&[length], content].concat())
}
