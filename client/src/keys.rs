//! The relay's key document, or what the caller pins in its place -> one believed key configuration.
//!
//! The client never asks the gateway, which would show its address. A relay cannot swap the keys:
//! the digest of each epoch's list stands in the gateway operator's own zone, under DNSSEC, and
//! the document carries the proof.

use sotto_envelope::{Epoch, KeyConfig, KeyConfigList, KeyDocument, KeyRecord, KeyRecords, Suite};
use sotto_proof::{Question, RecordType, Secure};

use crate::operators::{Operator, Source};
use crate::outcome::{Code, Detail, Outcome, Unavailable};
use crate::setup::Setup;
use crate::verdict::{Judged, Proved};

/// A key configuration of the gateway, and why it is believed.
#[derive(Clone, Debug)]
pub(crate) struct GatewayKey {
    /// What requests are sealed to.
    pub(crate) config: KeyConfig,
    /// The SHA-256 of the list it came in; relays compared by it show a partition.
    pub(crate) digest: [u8; 32],
    /// The day it is for; `None` for a pinned list.
    pub(crate) epoch: Option<Epoch>,
    /// Who runs the gateway, proved beside the key.
    pub(crate) operator: Option<Operator>,
    /// Unix seconds until which it may be used again without a new document.
    pub(crate) until: u64,
}

impl GatewayKey {
    /// The first key of `document` that the DNS proves, for a day within one of `now`'s.
    ///
    /// "First" in the document's order, not by the clock: everybody who holds the same document then
    /// uses the same key, and the choice says nothing of a client's clock. After the gateway
    /// refused the key of one day, only later ones count (`newer_than`).
    pub(crate) fn from_document(
        document: &[u8],
        setup: &Setup,
        newer_than: Option<Epoch>,
        now: u64,
    ) -> Result<Self, Unavailable> {
        let mut document = KeyDocument::decode(document).map_err(unproved)?;
        let question = Question {
            name: KeyRecord::owner_name(setup.gateway())
                .parse()
                .map_err(unproved)?,
            rtype: RecordType::TXT,
        };
        let judged = Judged::new(&document.proof, &question, setup, now);
        let records = key_records(&judged, now)?;
        if let Some(refused) = newer_than {
            document.lists.retain(|(epoch, _)| *epoch > refused);
            if document.lists.is_empty() {
                return Err(Unavailable::new(Code::GatewayKeyRefused));
            }
        }
        let (epoch, list) = document
            .usable(&records, now)
            .ok_or_else(|| why_none_is_usable(&document, &records, now))?;
        let cache_until = now.saturating_add(judged.verification.cache_ttl.unwrap_or(0).into());
        let valid_until = judged
            .verification
            .validity
            .map_or(now, |validity| validity.until);
        Ok(Self {
            epoch: Some(epoch),
            operator: Operator::new(records.operator(), Source::Proved),
            until: cache_until.min(valid_until),
            ..Self::from_list(&list)?
        })
    }

    /// The key of a list that the caller vouches for, by its octets or by its digest.
    pub(crate) fn from_pinned(list: &[u8], digest: Option<[u8; 32]>) -> Result<Self, Unavailable> {
        let list = KeyConfigList::parse(list).map_err(unproved)?;
        if digest.is_some_and(|digest| digest != list.digest()) {
            return Err(unproved("the list does not have the pinned digest"));
        }
        Self::from_list(&list)
    }

    /// Whether the key's day is within one of `now`'s, as the gateway will have it.
    pub(crate) fn is_near(&self, now: u64) -> bool {
        self.epoch.is_none_or(|epoch| is_near(epoch, now))
    }

    fn from_list(list: &KeyConfigList) -> Result<Self, Unavailable> {
        Ok(Self {
            config: list
                .config(Suite::XWing)
                .ok_or(Unavailable::new(Code::GatewayKeysUnusable))?,
            digest: list.digest(),
            epoch: None,
            operator: None,
            until: u64::MAX,
        })
    }
}

/// What the gateway's zone says of its keys, if that is proved.
fn key_records(judged: &Judged, now: u64) -> Result<KeyRecords, Unavailable> {
    match judged.settle(None, now) {
        // A wildcard speaks for hosts that its owner never thought of.
        Ok(Proved::Secure(Secure { wildcards, .. })) if !wildcards.is_empty() => {
            Err(unproved("the key record comes from a wildcard"))
        }
        Ok(Proved::Secure(secure)) => KeyRecords::read(&secure.rdatas).map_err(unproved),
        Ok(Proved::Absent(_)) => Err(unproved("the gateway's zone has no key record")),
        Err(Outcome::Unavailable(why)) if why.code == Code::Clock => Err(why),
        Err(Outcome::Insecure(reason) | Outcome::Bogus(reason)) => Err(Unavailable::with(
            Code::GatewayKeysUnproved,
            Detail::Proof(reason),
        )),
        Err(other) => Err(unproved(other.as_str())),
    }
}

/// Tells a document of other days from a swapped key.
fn why_none_is_usable(document: &KeyDocument, records: &KeyRecords, now: u64) -> Unavailable {
    let today = Epoch::at(now);
    if !document.lists.iter().any(|(epoch, _)| is_near(*epoch, now)) {
        let days: Vec<_> = document
            .lists
            .iter()
            .map(|(epoch, _)| epoch.to_string())
            .collect();
        let cause = format!("lists for epochs {}, now is {today}", days.join(", "));
        return Unavailable::with(Code::GatewayKeysStale, Detail::Cause(cause));
    }
    if !records.epochs().any(|epoch| is_near(epoch, now)) {
        return unproved("the gateway's zone has no digest for these days");
    }
    unproved("no list has the digest that the gateway's zone names for its day")
}

fn is_near(epoch: Epoch, now: u64) -> bool {
    epoch.0.abs_diff(Epoch::at(now).0) <= 1
}

fn unproved(cause: impl ToString) -> Unavailable {
    Unavailable::with(Code::GatewayKeysUnproved, Detail::Cause(cause.to_string()))
}
