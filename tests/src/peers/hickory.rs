//! `hickory-net`'s validator. It reads the system's clock, so its verdicts are independent of when they are asked for
//! only where signatures hold for decades, as those of [`super::zoo`] do.

use std::future::{Ready, ready};
use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::stream::{Once, once};
use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::proto::dnssec::{Algorithm, Proof, PublicKeyBuf, TrustAnchors};
use hickory_net::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Query};
use hickory_net::proto::rr::{Name, Record, RecordType};
use hickory_net::proto::serialize::binary::BinEncodable;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::{DnsHandle, FirstAnswer};
use hickory_net::{DnsError, NetError};
use sotto_proof::Question;
use tokio::runtime::{Builder, Runtime};

use super::transit::Transit;
use super::{Answer, Opinion, taken};

/// Octets of DNSKEY RDATA before the key (RFC 4034 section 2.1).
const DNSKEY_FIXED: usize = 4;

/// The validator and a runtime; it keeps nothing between questions.
pub struct Hickory {
    runtime: Runtime,
}

impl Hickory {
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

    /// What it says of the question over that resolver, given the DNSKEY RDATA of the root.
    ///
    /// # Errors
    ///
    /// That this is no DNSKEY RDATA.
    pub fn opinion(
        &self,
        transit: &Arc<Transit>,
        question: &Question,
        root_key: &[u8],
    ) -> Result<Opinion> {
        let (fixed, key) = root_key
            .split_at_checked(DNSKEY_FIXED)
            .context("the root's DNSKEY is too short")?;
        let algorithm = Algorithm::from_u8(fixed[DNSKEY_FIXED - 1]);
        let mut anchors = TrustAnchors::empty();
        anchors.insert(&PublicKeyBuf::new(key.to_vec(), algorithm));
        let handle = Handle(Arc::clone(transit));
        let validator = DnssecDnsHandle::with_trust_anchor(handle, Arc::new(anchors));
        let Ok(name) = Name::from_ascii(question.name.to_string()) else {
            return Ok(Opinion::Refused);
        };
        let query = Query::query(name, RecordType::from(question.rtype.0));
        let options = DnsRequestOptions::default();
        let found = self
            .runtime
            .block_on(validator.lookup(query, options).first_answer());
        Ok(match found {
            Ok(response) => read(question, &response),
            Err(NetError::Dns(DnsError::Nsec {
                proof: Proof::Insecure,
                ..
            })) => Opinion::Insecure,
            Err(_) => Opinion::Refused,
        })
    }
}

/// The validator marks records one by one; what counts is the weakest mark.
fn read(question: &Question, response: &DnsResponse) -> Opinion {
    let section: Option<Vec<_>> = response.answers.iter().map(answer).collect();
    let found = taken(question, &section.unwrap_or_default());
    let is_absent = found.is_empty();
    let marks: Vec<_> = if is_absent {
        response.all_sections().map(|record| record.proof).collect()
    } else {
        response.answers.iter().map(|record| record.proof).collect()
    };
    let all = |proof| !marks.is_empty() && marks.iter().all(|mark| *mark == proof);
    let any = |proof| marks.contains(&proof);
    if any(Proof::Bogus) || any(Proof::Indeterminate) || marks.is_empty() {
        Opinion::Refused
    } else if !all(Proof::Secure) {
        Opinion::Insecure
    } else if is_absent {
        Opinion::Absent
    } else {
        Opinion::Secure(found)
    }
}

fn answer(record: &Record) -> Option<Answer> {
    Some(Answer {
        owner: sotto_proof::Name::from_wire(&record.name.to_bytes().ok()?).ok()?,
        rtype: sotto_proof::RecordType(record.record_type().into()),
        rdata: record.data.to_bytes().ok()?,
    })
}

#[derive(Clone)]
struct Handle(Arc<Transit>);

impl DnsHandle for Handle {
    type Response = Once<Ready<Result<DnsResponse, NetError>>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let response = request
            .to_bytes()
            .map_err(NetError::from)
            .and_then(|query| self.0.respond(&query).ok_or("no query".into()))
            .and_then(|octets| DnsResponse::from_buffer(octets).map_err(NetError::from));
        once(ready(response))
    }
}
