//! The relay's key document, or what the caller pins in its place -> one believed key configuration.
//!
//! The client never asks the gateway, which would show its address. A relay cannot swap the keys:
//! the digest of each epoch's list stands in the gateway operator's own zone, under DNSSEC, and
//! the document carries the proof.

mod seen;

use std::sync::Arc;

use sotto_envelope::{Epoch, KeyConfig, KeyConfigList, KeyDocument, KeyRecord, KeyRecords, Suite};
use sotto_proof::{self as proof, Limits, Question, RecordType, Secure};
use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES, KEY_RECORD_LABEL, media};

pub(crate) use self::seen::SIGHTING_SECONDS;
pub use self::seen::{KeySighting, KeysSeen};
use crate::operators::{Operator, Source};
use crate::outcome::{Code, Detail, Outcome, Unavailable};
use crate::relay::RelayFacts;
use crate::response::Response;
use crate::setup::{GatewayEntry, KeySource, Setup};
use crate::url::RelayUrl;
use crate::verdict::{Judged, Proved};

/// A key configuration of the gateway, and why it is believed.
#[derive(Clone, Debug)]
pub(crate) struct GatewayKey {
    /// What requests are sealed to.
    pub(crate) config: KeyConfig,
    /// The SHA-256 of the list it came in.
    pub(crate) digest: [u8; 32],
    /// The digest of every epoch that the DNS proves; empty for a pinned list.
    pub(crate) proved: Arc<[(Epoch, [u8; 32])]>,
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
        gateway: &GatewayEntry,
        setup: &Setup,
        newer_than: Option<Epoch>,
        now: u64,
    ) -> Result<Self, Unavailable> {
        let mut document = KeyDocument::decode(document).map_err(unproved)?;
        let question = Question {
            name: KeyRecord::owner_name(&gateway.host)
                .parse()
                .map_err(unproved)?,
            rtype: RecordType::TXT,
        };
        let judged = Judged::new(&document.proof, &question, setup, now);
        let records = key_records(&judged, now).map_err(|why| {
            if why.code == Code::GatewayKeysUnproved {
                another_gateway(&document.proof, &question, setup.limits()).unwrap_or(why)
            } else {
                why
            }
        })?;
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
            proved: records
                .epochs()
                .filter_map(|epoch| Some((epoch, records.digest(epoch)?)))
                .collect(),
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

    /// The key of the caller's own, if the setup has one; `None` if the relay is to be asked.
    pub(crate) fn held(
        gateway: &GatewayEntry,
        setup: &Setup,
        now: u64,
    ) -> Result<Option<Self>, Unavailable> {
        match &gateway.keys {
            KeySource::Relay | KeySource::PinnedDigest(_) => Ok(None),
            KeySource::Document(document) => {
                Self::from_document(document, gateway, setup, None, now).map(Some)
            }
            KeySource::List(list) => Self::from_pinned(list, None).map(Some),
        }
    }

    /// Reads what a relay answered to [`KeyRequest`].
    pub(crate) fn read(
        response: Response,
        gateway: &GatewayEntry,
        setup: &Setup,
        newer_than: Option<Epoch>,
        now: u64,
    ) -> Result<Self, Unavailable> {
        if let KeySource::PinnedDigest(digest) = &gateway.keys {
            let list =
                response.content(media::OHTTP_KEYS, KEY_LIST_MAX_BYTES, Code::KeysMissing)?;
            return Self::from_pinned(&list, Some(*digest));
        }
        let document = response.content(
            media::KEY_DOCUMENT,
            KEY_DOCUMENT_MAX_BYTES,
            Code::KeysMissing,
        )?;
        Self::from_document(&document, gateway, setup, newer_than, now)
    }

    /// What was proved over `relay`, to be compared with what others prove.
    pub(crate) fn sightings(&self, gateway: &str, relay: &str, at: u64) -> Vec<KeySighting> {
        let sighting = |(epoch, digest): &(Epoch, [u8; 32])| KeySighting {
            gateway: gateway.to_owned(),
            relay: relay.to_owned(),
            epoch: epoch.0,
            digest: *digest,
            at,
        };
        self.proved.iter().map(sighting).collect()
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
            proved: Arc::default(),
            epoch: None,
            operator: None,
            until: u64::MAX,
        })
    }
}

/// How a relay is asked for a gateway's keys.
#[derive(Debug)]
pub(crate) struct KeyRequest {
    pub(crate) url: String,
    pub(crate) accept: &'static str,
    pub(crate) max_bytes: usize,
}

impl KeyRequest {
    /// The request for the keys of `gateway`, at the relay resource for it.
    pub(crate) fn new(gateway: &GatewayEntry, url: &RelayUrl, relay: &RelayFacts) -> Self {
        match gateway.keys {
            KeySource::PinnedDigest(_) => Self {
                url: url.at(&relay.resource),
                accept: media::OHTTP_KEYS,
                max_bytes: KEY_LIST_MAX_BYTES,
            },
            _ => Self {
                url: url.keys_at(&relay.resource),
                accept: media::KEY_DOCUMENT,
                max_bytes: KEY_DOCUMENT_MAX_BYTES,
            },
        }
    }
}

/// What the gateway's zone says of its keys, if that is proved.
fn key_records(judged: &Judged, now: u64) -> Result<KeyRecords, Unavailable> {
    match judged.settle(None, now) {
        // A wildcard speaks for hosts that its owner never thought of.
        Ok(Proved::Secure(Secure { wildcards, .. })) if !wildcards.is_empty() => {
            Err(unproved("the key record comes from a wildcard"))
        }
        // An alias lets another zone say what the keys are, and who runs the gateway.
        Ok(Proved::Secure(Secure { aliases, owner, .. })) if !aliases.is_empty() => {
            Err(Unavailable::with(
                Code::GatewayKeysAliased,
                Detail::Cause(format!("it leads to {owner}")),
            ))
        }
        Ok(Proved::Secure(secure)) => KeyRecords::read(&secure.rdatas).map_err(unproved),
        Ok(Proved::Absent(_)) => Err(unproved("the gateway's zone has no key record")),
        Err(Outcome::Unavailable(why)) if why.code == Code::Clock => Err(why),
        Err(Outcome::Insecure(reason)) => Err(Unavailable::with(
            Code::GatewayZoneUnsigned,
            Detail::Proof(reason),
        )),
        Err(Outcome::Bogus(reason)) => {
            let code = match reason.code {
                proof::Code::SignatureExpired => Code::GatewayKeysExpired,
                _ => Code::GatewayKeysUnproved,
            };
            Err(Unavailable::with(code, Detail::Proof(reason)))
        }
        Err(other) => Err(unproved(other.as_str())),
    }
}

/// Whose keys a proof is about, if not those of the gateway that was asked for.
fn another_gateway(proof: &[u8], question: &Question, limits: &Limits) -> Option<Unavailable> {
    let records = proof::decode(proof, limits).ok()?;
    let owner = records
        .iter()
        .filter(|record| record.rtype == RecordType::TXT && record.owner != question.name)
        .map(|record| record.owner.to_string())
        .find_map(|owner| {
            let host = owner.strip_prefix(KEY_RECORD_LABEL)?.strip_prefix('.')?;
            Some(host.trim_end_matches('.').to_owned())
        })?;
    Some(Unavailable::with(
        Code::GatewayKeysForeign,
        Detail::Domain(owner),
    ))
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
    Unavailable::new(Code::GatewayKeysSwapped)
}

fn is_near(epoch: Epoch, now: u64) -> bool {
    epoch.0.abs_diff(Epoch::at(now).0) <= 1
}

fn unproved(cause: impl ToString) -> Unavailable {
    Unavailable::with(Code::GatewayKeysUnproved, Detail::Cause(cause.to_string()))
}
