//! The verifier: from the trust anchor down to a verdict on one question.
//!
//! Reading order: [`verify`], `answer` (the question, its aliases), `zone` (anchor and DS to keys),
//! `signature` (one RRSIG), `denial` with `nsec` and `nsec3`, `report` (what a verdict carries),
//! `memory` (what need not be checked twice), `explain` (the verdict for a person: it decides
//! nothing).
//!
//! Architecture invariant: nothing here knows where the zone cuts are but by signatures. A zone is
//! what the signer's names say, so a label without a cut costs nothing; and only a DS denial that
//! a secure zone signed makes something insecure.

mod answer;
pub(crate) mod crypto;
mod denial;
pub mod explain;
mod memory;
mod nsec;
mod nsec3;
mod reason;
mod report;
mod sets;
mod signature;
mod verdict;
mod zone;

use std::collections::BTreeMap;

pub use explain::{Explanation, explain};
pub use memory::SignatureMemory;
pub use reason::{Code, Reason};
pub use verdict::{
    ClockHint, Cost, Link, PathStep, Secure, Statement, Utc, Validity, Verdict, Verification,
};

use self::crypto::Nsec3Hash;
use self::sets::{Set, SetId, Sets};
use self::signature::{SignatureId, Verified, fault};
use self::zone::Zone;
use crate::anchors::Anchors;
use crate::codec::decode;
use crate::limits::Limits;
use crate::name::Name;
use crate::record::{Question, Record, RecordType};

/// Verifies a proof: what do these octets show about this question, given these trust anchors, at
/// this time?
///
/// `proof` is a sequence of records (RFC 9102 section 2.1) in any order; records that the verdict
/// does not need are ignored. `now` is in Unix seconds. Signatures carry 32 bits of it, compared as
/// serial numbers (RFC 4034 section 3.1.5): what is valid at a time is so again 2^32 seconds later,
/// and more than 2^31 seconds from it nothing tells before from after. Whatever the octets are, the result is a
/// verdict; it depends on nothing but the arguments, and its cost is bounded by `limits`.
pub fn verify(
    proof: &[u8],
    question: &Question,
    anchors: &Anchors,
    now: u64,
    limits: &Limits,
) -> Verification {
    judge(proof, question, anchors, now, limits, None, verdict_alone)
}

/// Verifies a proof as [`verify`] does, but checks no signature that `memory` knows to be good, and
/// remembers those that it finds good.
///
/// Whatever is remembered, the result is that of [`verify`] but for
/// [`Cost::remembered_checks`](Cost). The limits count remembered checks like others.
pub fn verify_with_memory(
    proof: &[u8],
    question: &Question,
    anchors: &Anchors,
    now: u64,
    limits: &Limits,
    memory: &mut SignatureMemory,
) -> Verification {
    let memory = Some(memory);
    judge(proof, question, anchors, now, limits, memory, verdict_alone)
}

fn verdict_alone(_: Option<&mut Verifier<'_>>, verification: Verification) -> Verification {
    verification
}

/// Verifies a proof, and lets `finish` see what the verifier knows; `None` where the proof was not
/// even looked into.
fn judge<T>(
    proof: &[u8],
    question: &Question,
    anchors: &Anchors,
    now: u64,
    limits: &Limits,
    memory: Option<&mut SignatureMemory>,
    finish: impl FnOnce(Option<&mut Verifier<'_>>, Verification) -> T,
) -> T {
    let records = match decode(proof, limits) {
        Ok(records) => records,
        Err(error) => {
            let reason = match error.culprit(proof) {
                Some((owner, rtype)) => Reason::new(Code::Malformed, &owner, rtype),
                None => Reason::new(Code::Malformed, &question.name, question.rtype),
            };
            return finish(None, report::bogus(reason));
        }
    };
    if question.rtype.is_unprovable() {
        let reason = Reason::new(Code::UnprovableType, &question.name, question.rtype);
        return finish(None, report::bogus(reason));
    }
    let sets = Sets::new(&records);
    let mut verifier = Verifier::new(&records, &sets, anchors, now, limits, memory);
    let conclusion = answer::conclude(&mut verifier, question);
    let verification = report::report(&verifier, conclusion);
    finish(Some(&mut verifier), verification)
}

/// Why a step did not lead to a proved answer.
#[derive(Debug, Clone)]
enum Stop {
    /// It is proved that nothing can be proved here.
    Insecure(Reason, Evidence),
    /// Something is wrong or missing.
    Bogus(Reason),
}

/// The signatures that a verdict rests on, those of the chain above them aside.
#[derive(Debug, Clone, Default)]
struct Evidence {
    /// Over the final RRset, aliases, NSEC and NSEC3 records: those whose age counts.
    leaves: Vec<SignatureId>,
    /// Over the rest: SOA, and a DS RRset of unsupported algorithms.
    others: Vec<SignatureId>,
}

impl Stop {
    /// Keeps the most telling of several failures: the first, unless one proves insecurity.
    fn keep_in(self, kept: &mut Option<Self>) {
        match (&kept, &self) {
            (None, _) | (Some(Self::Bogus(_)), Self::Insecure(..)) => *kept = Some(self),
            _ => {}
        }
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Bogus(reason)
    }
}

/// What an NSEC3 hash is of: a name in canonical form, iterations and salt.
type Hashed<'p> = (Box<[u8]>, u16, &'p [u8]);

/// One verification under way: the proof, what is known of it so far, and what that has cost.
struct Verifier<'p> {
    records: &'p [Record],
    sets: &'p Sets<'p>,
    anchors: &'p Anchors,
    now: u64,
    limits: &'p Limits,
    memory: Option<&'p mut SignatureMemory>,
    cost: Cost,
    /// Set once a limit is exceeded; the verdict is then `Bogus` for this reason.
    exhausted: Option<Reason>,
    /// Every signature that verified.
    verified: Vec<Verified>,
    checked: BTreeMap<(SetId, usize), Result<SignatureId, Stop>>,
    zones: BTreeMap<Name, Result<Zone<'p>, Stop>>,
    hashes: BTreeMap<Hashed<'p>, Nsec3Hash>,
}

impl<'p> Verifier<'p> {
    fn new(
        records: &'p [Record],
        sets: &'p Sets<'p>,
        anchors: &'p Anchors,
        now: u64,
        limits: &'p Limits,
        memory: Option<&'p mut SignatureMemory>,
    ) -> Self {
        Self {
            records,
            sets,
            anchors,
            now,
            limits,
            memory,
            cost: Cost::default(),
            exhausted: None,
            verified: Vec::new(),
            checked: BTreeMap::new(),
            zones: BTreeMap::new(),
            hashes: BTreeMap::new(),
        }
    }

    fn charge_signature_check(&mut self, set: &Set<'_>) -> Result<(), Reason> {
        self.refuse_when_exhausted()?;
        if self.cost.signature_checks >= self.limits.signature_checks {
            return Err(self.exhaust(fault(Code::TooManySignatureChecks, set)));
        }
        self.cost.signature_checks += 1;
        Ok(())
    }

    fn charge_failed_check(&mut self, set: &Set<'_>) -> Result<(), Reason> {
        self.cost.failed_checks += 1;
        if self.cost.failed_checks >= self.limits.failed_checks {
            return Err(self.exhaust(fault(Code::TooManySignatureChecks, set)));
        }
        Ok(())
    }

    fn charge_key_digest(&mut self, zone: &Name) -> Result<(), Reason> {
        self.refuse_when_exhausted()?;
        if self.cost.key_digests >= self.limits.key_digests {
            return Err(self.exhaust(Reason::new(Code::TooManyHashes, zone, RecordType::DNSKEY)));
        }
        self.cost.key_digests += 1;
        Ok(())
    }

    fn charge_zone(&mut self, zone: &Name) -> Result<(), Reason> {
        self.refuse_when_exhausted()?;
        if self.cost.zones >= self.limits.zones {
            let reason = Reason::new(Code::TooManySignatureChecks, zone, RecordType::DNSKEY);
            return Err(self.exhaust(reason));
        }
        self.cost.zones += 1;
        Ok(())
    }

    fn charge_nsec3_lookup(&mut self, set: &Set<'_>) -> Result<(), Reason> {
        self.refuse_when_exhausted()?;
        if self.cost.nsec3_lookups >= self.limits.nsec3_lookups {
            return Err(self.exhaust(fault(Code::TooManyHashes, set)));
        }
        self.cost.nsec3_lookups += 1;
        Ok(())
    }

    fn charge_nsec3_hashes(&mut self, set: &Set<'_>, count: usize) -> Result<(), Reason> {
        self.refuse_when_exhausted()?;
        if self.cost.nsec3_hashes + count > self.limits.nsec3_hashes {
            return Err(self.exhaust(fault(Code::TooManyHashes, set)));
        }
        self.cost.nsec3_hashes += count;
        Ok(())
    }

    /// Ends all work that costs, since the verdict is settled.
    fn refuse_when_exhausted(&self) -> Result<(), Reason> {
        self.exhausted.clone().map_or(Ok(()), Err)
    }

    fn exhaust(&mut self, reason: Reason) -> Reason {
        self.exhausted.get_or_insert(reason).clone()
    }
}
