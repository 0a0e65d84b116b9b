//! The key document: our lists, and the proof that the DNS vouches for them.
//!
//! Pure: the proof was gathered elsewhere, the time is an argument.

use bytes::Bytes;
use sotto_envelope::{Epoch, KeyDocument, KeyRecord, KeyRecordError, KeyRecords};
use sotto_proof::{Anchors, Limits, Name, Question, Reason, RecordType, Verdict, verify};
use sotto_wire::{EPOCH_SECONDS, KEY_DOCUMENT_MAX_BYTES};

use crate::keys::{ActiveKeys, KeyList};

/// Seconds before the proof expires by which another must be there.
const EXPIRY_MARGIN: u64 = 3_600;

/// Seconds after its end for which the newest published epoch is still offered if the DNS carries neither today's nor the next:
/// 23 hours. Clients accept the epoch before their own (docs/protocol.md, section 7), so all but the last hour of the day: for that long
/// they, and relays, may build on what they have fetched, and clocks differ.
pub const GRACE_SECONDS: u64 = EPOCH_SECONDS - 3_600;

/// A key document, and what it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Its octets.
    pub(crate) document: Bytes,
    /// The epoch that is offered though it is over, since the DNS carries no later one.
    pub(crate) over: Option<Epoch>,
}

/// The key record as the DNS proves it at one time.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    records: KeyRecords,
    proof: Vec<u8>,
    /// Unix seconds until which every signature of the proof is valid.
    pub(crate) valid_until: u64,
    /// Unix seconds from which the DNS should be asked again: what was asked has outlived its TTL or is about to expire.
    pub(crate) stale_from: u64,
}

/// Why what the DNS carries does not vouch for our keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicationError {
    /// No record at all, provably.
    #[error(
        "the DNS carries no key record at {owner}; publish what `sotto-gateway keys publish` prints in its zone"
    )]
    Absent {
        /// Where it should be.
        owner: String,
    },
    /// A record that is not signed.
    #[error(
        "the key record at {owner} is not signed ({reason}); sign the zone with DNSSEC and give its parent the DS"
    )]
    Insecure {
        /// Where it is.
        owner: String,
        /// Which link is missing.
        reason: Reason,
    },
    /// A record that does not verify.
    #[error(
        "the key record at {owner} does not verify ({reason}); check the zone's signatures, this machine's clock \
         and the anchor in the configuration"
    )]
    Bogus {
        /// Where it is.
        owner: String,
        /// Which check failed.
        reason: Reason,
    },
    /// A wildcard in its place.
    #[error("at {owner} the DNS answers from a wildcard; publish the key record at the exact name")]
    Wildcard {
        /// Where the record should be.
        owner: String,
    },
    /// An alias in its place: clients do not let another zone say what the keys are.
    #[error(
        "at {owner} the DNS answers with an alias that leads to {target}, which no client follows; publish the key record at {owner} itself"
    )]
    Alias {
        /// Where the record should be.
        owner: String,
        /// Where the alias leads.
        target: String,
    },
    /// TXT records that are not a key record, or a broken one.
    #[error(
        "the key record at {owner} cannot be used: {why}; replace it by what `sotto-gateway keys publish` prints"
    )]
    Unusable {
        /// Where it is.
        owner: String,
        /// What is wrong with it.
        why: KeyRecordError,
    },
    /// Somebody else's record.
    #[error(
        "the key record at {owner} names the operator {published}, the configuration {configured}; correct one of them"
    )]
    Operator {
        /// Where the record is.
        owner: String,
        /// The operator there.
        published: String,
        /// The operator in the configuration.
        configured: String,
    },
    /// The gateway's host is not a name in the DNS.
    #[error("there can be no key record at {owner}: the name is too long; choose a shorter host")]
    Host {
        /// The name.
        owner: String,
    },
}

/// Why there is nothing that a client would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// No epoch of ours is published.
    #[error(
        "the DNS carries no digest of our keys for epoch {} or the next; publish what `sotto-gateway keys publish` prints",
        .0.0
    )]
    NotPublished(Epoch),
    /// The published digest is of other keys.
    #[error(
        "the DNS carries another digest for epoch {} than this state file's keys have; restore the state file that was published, \
         or publish what `sotto-gateway keys publish` prints",
        .0.0
    )]
    OtherKeys(Epoch),
    /// The signatures have expired.
    #[error(
        "the proof of the key record expired at {0}; check that the resolver answers and the zone is signed anew"
    )]
    Expired(u64),
    /// Too large to be handed out.
    #[error(
        "the proof of the key record is too large for a key document of {KEY_DOCUMENT_MAX_BYTES} octets; use smaller keys or fewer records"
    )]
    TooLarge,
}

/// The question whose proof vouches for the keys of the gateway `host`.
///
/// # Errors
///
/// [`PublicationError::Host`].
pub(crate) fn question(host: &str) -> Result<Question, PublicationError> {
    let owner = KeyRecord::owner_name(host);
    match owner.parse::<Name>() {
        Ok(name) => Ok(Question {
            name,
            rtype: RecordType::TXT,
        }),
        Err(_) => Err(PublicationError::Host { owner }),
    }
}

impl Publication {
    /// Reads what `proof` says of the keys of the gateway `host` at the time `now`.
    ///
    /// # Errors
    ///
    /// [`PublicationError`].
    pub(crate) fn read(
        proof: Vec<u8>,
        host: &str,
        operator: &str,
        anchors: &Anchors,
        now: u64,
    ) -> Result<Self, PublicationError> {
        let question = question(host)?;
        let owner = || question.name.to_string();
        let verification = verify(&proof, &question, anchors, now, &Limits::default());
        let secure = match verification.verdict {
            Verdict::Secure(secure) if !secure.wildcards.is_empty() => {
                return Err(PublicationError::Wildcard { owner: owner() });
            }
            Verdict::Secure(secure) if !secure.aliases.is_empty() => {
                return Err(PublicationError::Alias {
                    owner: owner(),
                    target: secure.owner.to_string(),
                });
            }
            Verdict::Secure(secure) => secure,
            Verdict::NoData | Verdict::NxDomain => {
                return Err(PublicationError::Absent { owner: owner() });
            }
            Verdict::Insecure(reason) => {
                return Err(PublicationError::Insecure {
                    owner: owner(),
                    reason,
                });
            }
            Verdict::Bogus(reason) => {
                return Err(PublicationError::Bogus {
                    owner: owner(),
                    reason,
                });
            }
        };
        let records =
            KeyRecords::read(&secure.rdatas).map_err(|why| PublicationError::Unusable {
                owner: owner(),
                why,
            })?;
        if records.operator() != operator {
            return Err(PublicationError::Operator {
                owner: owner(),
                published: records.operator().to_owned(),
                configured: operator.to_owned(),
            });
        }
        let valid_until = verification.validity.map_or(now, |validity| validity.until);
        let ttl = verification.cache_ttl.map_or(0, u64::from);
        Ok(Self {
            records,
            proof,
            valid_until,
            stale_from: now
                .saturating_add(ttl)
                .min(valid_until.saturating_sub(EXPIRY_MARGIN)),
        })
    }

    /// What the DNS carries.
    #[must_use]
    pub(crate) fn records(&self) -> &KeyRecords {
        &self.records
    }

    /// The newest epoch that the DNS carries.
    #[must_use]
    pub(crate) fn newest(&self) -> Option<Epoch> {
        self.records.epochs().next_back()
    }

    /// The key document for the time `now`: the lists of the current and the next epoch, as far as the DNS vouches for them; if it
    /// carries neither, for [`GRACE_SECONDS`], that of the epoch before.
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    pub(crate) fn document(&self, keys: &ActiveKeys, now: u64) -> Result<Offer, DocumentError> {
        if now > self.valid_until {
            return Err(DocumentError::Expired(self.valid_until));
        }
        // By the clock, which the keys in use may have been unable to follow.
        let current = Epoch::at(now);
        let mut lists = Vec::with_capacity(2);
        let mut other = None;
        for list in keys.lists.iter().filter(|list| list.epoch >= current) {
            match self.vouches_for(list) {
                Some(true) => lists.push((list.epoch, list.list.to_vec())),
                Some(false) => other = other.or(Some(list.epoch)),
                None => {}
            }
        }
        if let (true, Some(epoch)) = (lists.is_empty(), other) {
            return Err(DocumentError::OtherKeys(epoch));
        }
        let mut over = None;
        if lists.is_empty() {
            let last = keys
                .list(current.previous())
                .filter(|list| self.vouches_for(list) == Some(true))
                .filter(|list| now < list.epoch.end().saturating_add(GRACE_SECONDS))
                .ok_or(DocumentError::NotPublished(current))?;
            lists.push((last.epoch, last.list.to_vec()));
            over = Some(last.epoch);
        }
        let document = KeyDocument {
            lists,
            proof: self.proof.clone(),
        };
        let octets = document.encode().map_err(|_| DocumentError::TooLarge)?;
        Ok(Offer {
            document: octets.into(),
            over,
        })
    }

    /// Whether the DNS carries the digest of `list`; `None` if it carries none of its epoch.
    fn vouches_for(&self, list: &KeyList) -> Option<bool> {
        self.records
            .digest(list.epoch)
            .map(|digest| digest == list.digest)
    }
}
