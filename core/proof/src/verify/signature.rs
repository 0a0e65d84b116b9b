//! One signature over one RRset (RFC 4035 section 5.3).

use super::crypto::{Algorithm, PublicKey};
use super::memory::Checked;
use super::reason::{Code, Reason};
use super::sets::{Set, SetId, Signature};
use super::verdict::Validity;
use super::{Stop, Verifier};
use crate::name::Name;
use crate::rdata::Rrsig;
use crate::record::{CLASS_IN, RecordType};

/// A signature that verified, by its place in [`Verifier::verified`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SignatureId(pub(super) usize);

/// A signature that verified.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) set: SetId,
    /// The place of the RRSIG in the proof.
    pub(super) rrsig: usize,
    /// The zone that signed.
    pub(super) zone: Name,
    pub(super) key_tag: u16,
    pub(super) algorithm: u8,
    pub(super) weak_bits: Option<usize>,
    pub(super) validity: Validity,
    /// The lower of the TTL received and the original one.
    pub(super) ttl: u32,
    /// Seconds for which the RRset may be kept (RFC 4035 section 5.3.3).
    pub(super) cache_ttl: u32,
    /// The labels of the closest encloser, when the RRset was made from a wildcard below it.
    pub(super) wildcard_labels: Option<usize>,
}

/// A key of a zone that may verify signatures.
#[derive(Debug, Clone)]
pub(super) struct ZoneKey<'p> {
    pub(super) tag: u16,
    pub(super) algorithm: Algorithm,
    /// The key as its DNSKEY record holds it.
    pub(super) octets: &'p [u8],
    /// `None` for a key of a size that does not count.
    pub(super) public: Option<PublicKey<'p>>,
}

impl<'p> Verifier<'p> {
    /// Finds a signature over the RRset that verifies, by any zone that can hold the RRset.
    pub(super) fn authenticate(&mut self, id: SetId) -> Result<SignatureId, Stop> {
        self.authenticate_if(id, |_| true)
    }

    /// Finds a signature over the RRset by `zone` that verifies.
    pub(super) fn authenticate_in(&mut self, id: SetId, zone: &Name) -> Result<SignatureId, Stop> {
        self.authenticate_if(id, |signer| signer == zone)
    }

    fn authenticate_if(
        &mut self,
        id: SetId,
        accept: impl Fn(&Name) -> bool,
    ) -> Result<SignatureId, Stop> {
        let sets = self.sets;
        let set = sets.get(id);
        let (mut failure, mut tried) = (None::<Stop>, 0);
        for (place, signature) in set.signatures.iter().enumerate() {
            if !accept(&signature.rrsig.signer) {
                continue;
            }
            if tried == self.limits.rrsigs_per_rrset {
                break;
            }
            let before = self.cost.signature_checks;
            match self.check(id, set, place) {
                Ok(verified) => return Ok(verified),
                Err(stop) => stop.keep_in(&mut failure),
            }
            tried += usize::from(self.cost.signature_checks > before);
        }
        Err(failure.unwrap_or_else(|| fault(Code::MissingSignature, set).into()))
    }

    /// Checks one signature over one RRset, once.
    fn check(&mut self, id: SetId, set: &Set<'p>, place: usize) -> Result<SignatureId, Stop> {
        if let Some(known) = self.checked.get(&(id, place)) {
            return known.clone();
        }
        let result = self.check_anew(id, set, place);
        self.checked.insert((id, place), result.clone());
        result
    }

    fn check_anew(&mut self, id: SetId, set: &Set<'p>, place: usize) -> Result<SignatureId, Stop> {
        let signature = &set.signatures[place];
        self.check_form(set, signature)?;
        let zone = self.zone(&signature.rrsig.signer)?;
        let keys = std::rc::Rc::clone(&zone.keys);
        Ok(self.check_with(id, set, signature, &keys)?)
    }

    /// Checks whether the signer can hold the RRset at all, and the count of labels.
    fn check_form(&self, set: &Set<'p>, signature: &Signature<'p>) -> Result<(), Reason> {
        let signer = &signature.rrsig.signer;
        // The parent answers for DS, so its anchor decides too; and at a cut it has an NSEC of its
        // own beside the child's (RFC 4035 section 2.3).
        let parental = match set.rtype {
            RecordType::DS => true,
            RecordType::NSEC => set.owner != signer,
            _ => false,
        };
        let holder = if parental {
            let parent = set.owner.parent();
            parent.ok_or_else(|| fault(Code::WrongSigner, set))?
        } else {
            set.owner.clone()
        };
        let Some(anchor) = self.anchors.nearest(&holder) else {
            return Err(fault(Code::NoAnchor, set));
        };
        if !holder.is_at_or_below(signer) || !signer.is_at_or_below(anchor) {
            return Err(fault(Code::WrongSigner, set));
        }
        let labels = usize::from(signature.rrsig.labels);
        if labels > signed_labels(set.owner) {
            return Err(fault(Code::TooManyLabels, set));
        }
        if labels < signed_labels(set.owner) && !may_come_from_wildcard(set.rtype) {
            return Err(fault(Code::UnexpectedWildcard, set));
        }
        if labels < signer.label_count() {
            return Err(fault(Code::WrongSigner, set));
        }
        Ok(())
    }

    /// Checks algorithm, time, key and signature, in this order.
    pub(super) fn check_with(
        &mut self,
        id: SetId,
        set: &Set<'p>,
        signature: &Signature<'p>,
        keys: &[ZoneKey<'p>],
    ) -> Result<SignatureId, Reason> {
        let rrsig = &signature.rrsig;
        let algorithm = Algorithm::from_number(rrsig.algorithm)
            .ok_or_else(|| fault(Code::UnsupportedSignature, set))?;
        let validity = self.in_time(signature).map_err(|code| fault(code, set))?;
        let matching = keys
            .iter()
            .filter(|key| key.tag == rrsig.key_tag && key.algorithm == algorithm)
            .take(self.limits.keys_per_tag);
        let mut failure = Code::UnknownKey;
        let mut message = None;
        for key in matching {
            let Some(public) = &key.public else {
                failure = Code::WeakKey;
                continue;
            };
            self.charge_signature_check(set)?;
            let message = message.get_or_insert_with(|| signed_data(set, signature));
            if self.holds(key, public, message, rrsig) {
                let ttl = set.ttl.min(rrsig.original_ttl);
                let left = u32::try_from(validity.until - self.now).unwrap_or(u32::MAX);
                let labels = usize::from(rrsig.labels);
                self.verified.push(Verified {
                    set: id,
                    rrsig: signature.index,
                    zone: rrsig.signer.to_lowercase(),
                    key_tag: key.tag,
                    algorithm: rrsig.algorithm,
                    weak_bits: public.weak_bits(),
                    validity,
                    ttl,
                    cache_ttl: ttl.min(signature.record.lifetime()).min(left),
                    wildcard_labels: (labels < signed_labels(set.owner)).then_some(labels),
                });
                return Ok(SignatureId(self.verified.len() - 1));
            }
            failure = Code::BadSignature;
            self.charge_failed_check(set)?;
        }
        Err(fault(failure, set))
    }

    /// Verifies a signature, unless it is remembered to be good.
    fn holds(
        &mut self,
        key: &ZoneKey<'p>,
        public: &PublicKey<'p>,
        message: &[u8],
        rrsig: &Rrsig<'p>,
    ) -> bool {
        let Some(memory) = &mut self.memory else {
            return public.verify(message, rrsig.signature);
        };
        let checked = Checked::new(rrsig.algorithm, key.octets, message, rrsig.signature);
        if memory.recalls(&checked) {
            self.cost.remembered_checks += 1;
            return true;
        }
        let good = public.verify(message, rrsig.signature);
        if good {
            memory.remember(&checked);
        }
        good
    }

    /// Returns when the signature is valid, if that includes now.
    pub(super) fn in_time(&self, signature: &Signature<'_>) -> Result<Validity, Code> {
        let since = serial_difference(signature.rrsig.inception, self.now);
        let left = serial_difference(signature.rrsig.expiration, self.now);
        match (since, left) {
            (_, left) if left < 0 => Err(Code::SignatureExpired),
            (since, _) if since > 0 => Err(Code::SignatureNotYetValid),
            _ => Ok(Validity {
                from: self.now.saturating_add_signed(since),
                until: self.now.saturating_add_signed(left),
            }),
        }
    }
}

/// Returns by how many seconds a time of 32 bits lies after `now`, in the serial arithmetic that
/// RFC 4034 section 3.1.5 asks for: within 68 years either way.
pub(super) fn serial_difference(time: u32, now: u64) -> i64 {
    i64::from(time.wrapping_sub(now as u32).cast_signed())
}

/// Returns the labels that count for the Labels field (RFC 4034 section 3.1.3).
fn signed_labels(owner: &Name) -> usize {
    owner.label_count() - usize::from(owner.is_wildcard())
}

/// Tells whether a wildcard may make an RRset of this type: not one that says something of its
/// own owner name, or of everything below it (RFC 4592 section 4, RFC 6672 section 3.3).
fn may_come_from_wildcard(rtype: RecordType) -> bool {
    use RecordType as T;
    ![T::NSEC, T::NSEC3, T::DNSKEY, T::DS, T::DNAME, T::SOA, T::NS].contains(&rtype)
}

/// Puts together what is signed (RFC 4035 section 5.3.2).
fn signed_data(set: &Set<'_>, signature: &Signature<'_>) -> Vec<u8> {
    let (record, rrsig) = (signature.record, &signature.rrsig);
    let labels = usize::from(rrsig.labels);
    let owner = set.owner.to_lowercase();
    let owner = if labels < signed_labels(set.owner) {
        [b"\x01*", owner.ancestor(labels).as_wire()].concat()
    } else {
        owner.as_wire().to_vec()
    };
    let before_signer = record.rdata.len() - rrsig.signature.len() - rrsig.signer.as_wire().len();
    let mut data = record.rdata[..before_signer].to_vec();
    data.extend_from_slice(rrsig.signer.to_lowercase().as_wire());
    for (rdata, _) in &set.rdatas {
        data.extend_from_slice(&owner);
        data.extend_from_slice(&set.rtype.0.to_be_bytes());
        data.extend_from_slice(&CLASS_IN.to_be_bytes());
        data.extend_from_slice(&rrsig.original_ttl.to_be_bytes());
        // RDATA came with a length of 16 bits, and its canonical form is as long.
        data.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        data.extend_from_slice(rdata);
    }
    data
}

/// Makes the reason that blames an RRset.
pub(super) fn fault(code: Code, set: &Set<'_>) -> Reason {
    Reason::new(code, set.owner, set.rtype)
}

#[cfg(test)]
mod examples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_wrap_as_serial_numbers() {
        assert_eq!(serial_difference(5, 10), -5);
        assert_eq!(serial_difference(0xffff_fff0, 0xffff_ffff), -15);
        // After 2106 the counter has wrapped once.
        let now = (1 << 32) + 100;
        assert_eq!(serial_difference(200, now), 100);
        assert_eq!(serial_difference(0xffff_ffff, now), -101);
    }

    #[test]
    fn an_asterisk_does_not_count_as_a_label() {
        let labels = |name: &str| signed_labels(&name.parse().unwrap());
        assert_eq!(labels("*.example.test"), 2);
        assert_eq!(labels("a.*.example.test"), 4);
        assert_eq!(labels("."), 0);
    }
}
