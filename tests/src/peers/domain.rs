//! `domain`'s validator. It reads the system's clock, so its verdicts are independent of when they are asked for only
//! where signatures hold for decades, as those of [`super::zoo`] do.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use domain::base::Message;
use domain::dnssec::validator::anchor::TrustAnchors;
use domain::dnssec::validator::context::{ValidationContext, ValidationState};
use domain::net::client::request::{
    ComposeRequest, Error, GetResponse, RequestMessage, SendRequest,
};
use sotto_proof::Question;
use tokio::runtime::{Builder, Runtime};

use super::transit::{Transit, query, read};
use super::{Answer, Opinion, taken};

/// The validator and a runtime; it keeps nothing between questions.
pub struct Domain {
    runtime: Runtime,
}

impl Domain {
    /// Makes the runtime.
    ///
    /// # Errors
    ///
    /// That it cannot be made.
    pub fn new() -> Result<Self> {
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// What it says of the question over that resolver, given a trust anchor in the form of a zone file.
    ///
    /// # Errors
    ///
    /// That the anchor cannot be read.
    pub fn opinion(
        &self,
        transit: &Arc<Transit>,
        question: &Question,
        anchor: &str,
    ) -> Result<Opinion> {
        let anchors = TrustAnchors::from_u8(anchor.as_bytes())
            .ok()
            .context("domain does not read the trust anchor")?;
        let context = ValidationContext::new(anchors, Upstream(Arc::clone(transit)));
        let Some(response) = transit.respond(&query(question)) else {
            return Ok(Opinion::Refused);
        };
        let Ok(mut response) = Message::from_octets(Bytes::from(response)) else {
            return Ok(Opinion::Refused);
        };
        let state = self
            .runtime
            .block_on(context.validate_msg::<Bytes, Vec<u8>>(&mut response));
        Ok(match state {
            Ok((ValidationState::Secure, _)) => {
                let found = taken(question, &section(&response, question));
                if found.is_empty() {
                    Opinion::Absent
                } else {
                    Opinion::Secure(found)
                }
            }
            Ok((ValidationState::Insecure, _)) => Opinion::Insecure,
            _ => Opinion::Refused,
        })
    }
}

/// The answer section, which the validator may have written anew, with compression.
fn section(response: &Message<Bytes>, question: &Question) -> Vec<Answer> {
    let records = read(response.as_slice(), question).map(|response| response.answer);
    let records = records.unwrap_or_default().into_iter();
    records
        .map(|record| Answer {
            owner: record.owner,
            rtype: record.rtype,
            rdata: record.rdata.into(),
        })
        .collect()
}

struct Upstream(Arc<Transit>);

impl SendRequest<RequestMessage<Vec<u8>>> for Upstream {
    fn send_request(&self, request: RequestMessage<Vec<u8>>) -> Box<dyn GetResponse + Send + Sync> {
        let query = request.to_vec().ok();
        let response = query.and_then(|query| self.0.respond(&query));
        Box::new(Responded(response.map(Bytes::from)))
    }
}

/// A response that is there already; `None` if the query was none.
struct Responded(Option<Bytes>);

impl fmt::Debug for Responded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Responded")
    }
}

type Response<'a> = Pin<Box<dyn Future<Output = Result<Message<Bytes>, Error>> + Send + Sync + 'a>>;

impl GetResponse for Responded {
    fn get_response(&mut self) -> Response<'_> {
        let message = self.0.clone().ok_or(Error::FormError);
        let message = message
            .and_then(|octets| Message::from_octets(octets).map_err(|_| Error::ShortMessage));
        Box::pin(ready(message))
    }
}
