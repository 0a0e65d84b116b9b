//! From a trust anchor to the keys of a zone (RFC 4035 section 5.2).

use std::rc::Rc;

use super::crypto::{Algorithm, DigestType, PublicKey};
use super::reason::{Code, Reason};
use super::sets::Set;
use super::signature::{SignatureId, ZoneKey, fault};
use super::{Evidence, Stop, Verifier, denial};
use crate::anchors::AnchorKey;
use crate::name::Name;
use crate::rdata::{Dnskey, Ds, key_tag};
use crate::record::RecordType;

/// A zone whose keys are trusted.
#[derive(Debug, Clone)]
pub(super) struct Zone<'p> {
    pub(super) keys: Rc<[ZoneKey<'p>]>,
    /// The signature over its DNSKEY RRset.
    pub(super) dnskey: SignatureId,
    /// The signature over its DS RRset, unless an anchor stands in its place.
    pub(super) ds: Option<SignatureId>,
}

/// A DNSKEY record that may be a zone key of a supported algorithm.
struct Candidate<'p> {
    rdata: &'p [u8],
    key: ZoneKey<'p>,
}

impl<'p> Verifier<'p> {
    /// Returns the trusted keys of a zone, worked out once.
    ///
    /// The zone that signed a DS RRset lies above the zone it is for, so the way up ends at an
    /// anchor or fails.
    pub(super) fn zone(&mut self, name: &Name) -> Result<Zone<'p>, Stop> {
        if let Some(known) = self.zones.get(name) {
            return known.clone();
        }
        self.charge_zone(name)?;
        let result = self.zone_anew(name);
        self.zones.insert(name.to_lowercase(), result.clone());
        result
    }

    fn zone_anew(&mut self, name: &Name) -> Result<Zone<'p>, Stop> {
        let anchors = self.anchors;
        if anchors.of(name).next().is_some() {
            let trusted = |key: &Candidate<'p>, verifier: &mut Self| {
                anchors.of(name).try_fold(false, |found, anchor| {
                    Ok(found
                        || match &anchor.key {
                            AnchorKey::Dnskey(rdata) => **rdata == *key.rdata,
                            AnchorKey::Ds(rdata) => verifier.ds_matches(name, rdata, key)?,
                        })
                })
            };
            return self.zone_by(name, trusted, None);
        }
        if anchors.nearest(name).is_none() {
            return Err(Reason::new(Code::NoAnchor, name, RecordType::DNSKEY).into());
        }
        let delegation = self
            .sets
            .find(name, RecordType::DS)
            .map(|set| (set, self.authenticate(set)));
        let (set, ds) = match delegation {
            Some((set, Ok(ds))) => (self.sets.get(set), ds),
            failed => {
                // A DS RRset that does not verify counts as little as none.
                denial::unsigned_at_or_above(self, name)?;
                return Err(match failed {
                    Some((_, Err(stop))) => stop,
                    _ => Reason::new(Code::MissingDs, name, RecordType::DS).into(),
                });
            }
        };
        let usable: Vec<&[u8]> = set
            .rdatas
            .iter()
            .map(|(rdata, _)| &**rdata)
            .filter(|rdata| is_usable_ds(rdata))
            .collect();
        if usable.is_empty() {
            let evidence = Evidence {
                leaves: Vec::new(),
                others: vec![ds],
            };
            return Err(Stop::Insecure(
                fault(Code::UnsupportedAlgorithm, set),
                evidence,
            ));
        }
        let trusted = |key: &Candidate<'p>, verifier: &mut Self| {
            usable.iter().try_fold(false, |found, rdata| {
                Ok(found || verifier.ds_matches(name, rdata, key)?)
            })
        };
        self.zone_by(name, trusted, Some(ds))
    }

    /// Verifies the DNSKEY RRset by one of the keys that `trusted` knows.
    fn zone_by(
        &mut self,
        name: &Name,
        trusted: impl Fn(&Candidate<'p>, &mut Self) -> Result<bool, Reason>,
        ds: Option<SignatureId>,
    ) -> Result<Zone<'p>, Stop> {
        let sets = self.sets;
        let id = sets
            .find(name, RecordType::DNSKEY)
            .ok_or_else(|| Reason::new(Code::MissingDnskey, name, RecordType::DNSKEY))?;
        let set = sets.get(id);
        let candidates: Vec<_> = set
            .rdatas
            .iter()
            .filter_map(|&(_, index)| self.candidate(index))
            .collect();
        let mut entry = Vec::new();
        for candidate in &candidates {
            let same_tag = |key: &&ZoneKey<'_>| key.tag == candidate.key.tag;
            let collides = entry.iter().filter(same_tag).count() >= self.limits.keys_per_tag;
            if !collides && trusted(candidate, self)? {
                entry.push(candidate.key.clone());
            }
        }
        if entry.is_empty() {
            return Err(fault(Code::NoMatchingKey, set).into());
        }
        let dnskey = self.authenticate_dnskey(id, set, &entry)?;
        let keys = candidates
            .into_iter()
            .map(|candidate| candidate.key)
            .collect();
        Ok(Zone { keys, dnskey, ds })
    }

    /// Finds a signature over a DNSKEY RRset by one of its own keys.
    fn authenticate_dnskey(
        &mut self,
        id: super::sets::SetId,
        set: &Set<'p>,
        keys: &[ZoneKey<'p>],
    ) -> Result<SignatureId, Reason> {
        let mut failure = fault(Code::MissingSignature, set);
        let own = set.signatures.iter().filter(|signature| {
            signature.rrsig.signer == *set.owner
                && usize::from(signature.rrsig.labels) == set.owner.label_count()
        });
        let mut tried = 0;
        for signature in own {
            if tried == self.limits.rrsigs_per_rrset {
                break;
            }
            let before = self.cost.signature_checks;
            match self.check_with(id, set, signature, keys) {
                Ok(verified) => return Ok(verified),
                // A zone may also sign its DNSKEY RRset with keys that its parent does not know;
                // that tells nothing.
                Err(reason)
                    if reason.code != Code::UnknownKey
                        || failure.code == Code::MissingSignature =>
                {
                    failure = reason;
                }
                Err(_) => {}
            }
            tried += usize::from(self.cost.signature_checks > before);
        }
        Err(failure)
    }

    fn candidate(&self, index: usize) -> Option<Candidate<'p>> {
        let rdata = &*self.records[index].rdata;
        let dnskey = Dnskey::parse(rdata).filter(Dnskey::is_zone_key)?;
        let algorithm = Algorithm::from_number(dnskey.algorithm)?;
        let public = PublicKey::parse(algorithm, dnskey.key);
        Some(Candidate {
            rdata,
            key: ZoneKey {
                tag: key_tag(rdata),
                algorithm,
                octets: dnskey.key,
                public,
            },
        })
    }

    /// Tells whether a DS record refers to the key (RFC 4034 section 5.1.4).
    fn ds_matches(
        &mut self,
        zone: &Name,
        ds: &[u8],
        candidate: &Candidate<'p>,
    ) -> Result<bool, Reason> {
        let Some(ds) = Ds::parse(ds) else {
            return Ok(false);
        };
        let Some(digest_type) = DigestType::from_number(ds.digest_type) else {
            return Ok(false);
        };
        if ds.key_tag != candidate.key.tag
            || Algorithm::from_number(ds.algorithm) != Some(candidate.key.algorithm)
        {
            return Ok(false);
        }
        self.charge_key_digest(zone)?;
        let owner = zone.to_lowercase();
        let digest = digest_type.digest(&[owner.as_wire(), candidate.rdata]);
        Ok(*digest == *ds.digest)
    }
}

/// Tells whether a DS record has a supported algorithm and digest type.
pub(super) fn is_usable_ds(rdata: &[u8]) -> bool {
    Ds::parse(rdata).is_some_and(|ds| {
        Algorithm::from_number(ds.algorithm).is_some()
            && DigestType::from_number(ds.digest_type).is_some()
    })
}
