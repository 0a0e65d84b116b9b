//! Somebody who asks through a relay over HTTP/1.1, a connection for each request, by our envelope and nothing else of ours.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use sotto_envelope::{KeyConfigList, ProofQuery, Suite, seal};
use sotto_wire::media;
use sotto_world::GATEWAY_HOST;

use crate::annex::Carrier;
use crate::raw::{RawConnection, RawResponse};

/// The way to the world's gateway.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Where the relay listens.
    pub relay: SocketAddr,
    /// What the wire to it carries.
    pub carrier: Carrier,
    /// A PEM file of who vouches for it.
    pub authority: PathBuf,
}

impl Asker {
    /// Asks for TXT at `name`, and returns the status inside the answer.
    ///
    /// # Errors
    ///
    /// That there is no answer, with the status line of what there is.
    pub fn ask(&self, name: &str) -> Result<u16> {
        let listed = self.exchange("GET", &[])?;
        let list = KeyConfigList::parse(&listed.body).context(listed.head)?;
        let key = list.config(Suite::XWing).context("no key for X-Wing")?;
        let (envelope, opener) = seal(&ProofQuery::new(name, "TXT")?, GATEWAY_HOST, &key)?;
        let answer = self.exchange("POST", &envelope.into_bytes())?;
        ensure!(answer.status() == Some(200), "{}", answer.head);
        Ok(opener.open(&answer.body)?.status)
    }

    fn exchange(&self, method: &str, content: &[u8]) -> Result<RawResponse> {
        let mut connection = match self.carrier {
            Carrier::Tls => RawConnection::open(self.relay, &self.authority)?,
            Carrier::Plain => RawConnection::plain(self.relay)?,
        };
        let head = format!(
            "{method} /{GATEWAY_HOST} HTTP/1.1\r\nHost: relay.test\r\nContent-Type: {}\r\n",
            media::OHTTP_REQUEST
        );
        connection.exchange(&head, content)
    }
}
