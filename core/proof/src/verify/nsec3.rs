//! Denial by NSEC3 (RFC 5155 section 8), with the limit of RFC 9276 on iterations.

use super::crypto::{self, Nsec3Hash};
use super::denial::{
    Absence, Denial, ends_authority, insecure, is_unsigned_delegation, types_deny,
};
use super::reason::{Code, Reason};
use super::sets::{Nsec3Chain, Nsec3Set};
use super::signature::SignatureId;
use super::{Stop, Verifier};
use crate::name::Name;
use crate::record::{Question, RecordType};

/// Returns the NSEC3 chains that claim to be of the zone.
pub(super) fn chains<'p>(verifier: &Verifier<'p>, zone: &Name) -> &'p [Nsec3Chain<'p>] {
    verifier
        .sets
        .denials(zone)
        .map_or(&[], |denials| &denials.nsec3s)
}

/// Tries each chain of the zone until one decides.
fn each_chain<'p, T>(
    verifier: &mut Verifier<'p>,
    zone: &Name,
    decide: impl Fn(&mut Verifier<'p>, &'p Nsec3Chain<'p>) -> Result<Option<T>, Stop>,
) -> Result<Option<T>, Stop> {
    let mut failure = None;
    for chain in chains(verifier, zone) {
        let decided =
            refuse_iterations(verifier, zone, chain).and_then(|()| decide(verifier, chain));
        match decided {
            Ok(None) => {}
            Ok(decided) => return Ok(decided),
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    failure.map_or(Ok(None), Err)
}

/// Fails with the proof that the zone hashes too often, if it does: the count is believed only
/// when a signature covers it, or a forged one would be a downgrade (RFC 9276 section 3.2).
fn refuse_iterations(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    chain: &Nsec3Chain<'_>,
) -> Result<(), Stop> {
    if chain.iterations <= verifier.limits.nsec3_iterations {
        return Ok(());
    }
    let mut failure = None;
    for nsec3 in &chain.sets {
        match verifier.authenticate_in(nsec3.set, zone) {
            Ok(signature) => {
                let reason = Reason::new(Code::TooManyIterations, zone, RecordType::NSEC3);
                return Err(insecure(reason, vec![signature]));
            }
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Makes the reason that an opt-out span leaves it open whether `name` is a delegation.
fn opt_out(name: &Name) -> Reason {
    Reason::new(Code::OptOut, name, RecordType::NSEC3)
}

/// Denies a question at or below the zone.
pub(super) fn deny(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    question: &Question,
) -> Result<Option<Denial>, Stop> {
    each_chain(verifier, zone, |verifier, chain| {
        let name = &question.name;
        let Some((labels, nsec3)) = closest_match(verifier, zone, chain, name)? else {
            return Ok(None);
        };
        if labels < name.label_count() {
            return deny_name(verifier, zone, chain, (labels, nsec3), question);
        }
        let Some(absence) = types_deny(&nsec3.types, question) else {
            return Ok(None);
        };
        let signature = verifier.authenticate_in(nsec3.set, zone)?;
        let absent = vec![(name.clone(), signature)];
        Ok(Some(Denial::new(absence, absent)))
    })
}

/// Denies a name below its closest encloser, and the wildcard there (RFC 5155 sections 8.4, 8.6
/// and 8.7).
fn deny_name<'p>(
    verifier: &mut Verifier<'p>,
    zone: &Name,
    chain: &'p Nsec3Chain<'p>,
    (labels, encloser): (usize, &'p Nsec3Set<'p>),
    question: &Question,
) -> Result<Option<Denial>, Stop> {
    let name = &question.name;
    let Some([encloser, covering_name]) =
        below_encloser(verifier, zone, chain, (labels, encloser), name)?
    else {
        return Ok(None);
    };
    let Ok(wildcard) = name.ancestor(labels).prepend(b"*") else {
        return Ok(None);
    };
    let hash = verifier.nsec3_hash(&wildcard, chain)?;
    let at_wildcard = Question {
        name: wildcard,
        rtype: question.rtype,
    };
    if let Some(matching) = matching(chain, &hash) {
        let denied = types_deny(&matching.types, &at_wildcard);
        if denied != Some(Absence::NoData) {
            return Ok(None);
        }
        let signature = verifier.authenticate_in(matching.set, zone)?;
        let absent = vec![(name.clone(), covering_name), (at_wildcard.name, signature)];
        return Ok(Some(denial_below(encloser, Absence::NoData, absent)));
    }
    let Some(covering) = covering(chain, &hash) else {
        return Ok(None);
    };
    let signature = verifier.authenticate_in(covering.set, zone)?;
    if covering.opt_out {
        let leaves = vec![encloser, covering_name, signature];
        return Err(insecure(opt_out(name), leaves));
    }
    let absent = vec![(name.clone(), covering_name), (at_wildcard.name, signature)];
    Ok(Some(denial_below(encloser, Absence::NxDomain, absent)))
}

/// Makes a denial that rests on a closest encloser too.
fn denial_below(
    encloser: SignatureId,
    absence: Absence,
    absent: Vec<(Name, SignatureId)>,
) -> Denial {
    let mut denial = Denial::new(absence, absent);
    denial.leaves.insert(0, encloser);
    denial
}

/// Proves that the name one label below the closest encloser does not exist (RFC 5155 section
/// 8.3), and fails with the proof of insecurity where an opt-out span is all that covers it
/// (section 9.2).
fn below_encloser<'p>(
    verifier: &mut Verifier<'p>,
    zone: &Name,
    chain: &'p Nsec3Chain<'p>,
    (labels, encloser): (usize, &'p Nsec3Set<'p>),
    name: &Name,
) -> Result<Option<[SignatureId; 2]>, Stop> {
    if ends_authority(&encloser.types) {
        return Ok(None);
    }
    let hash = verifier.nsec3_hash(&name.ancestor(labels + 1), chain)?;
    let Some(covering) = covering(chain, &hash) else {
        return Ok(None);
    };
    let leaves = [
        verifier.authenticate_in(encloser.set, zone)?,
        verifier.authenticate_in(covering.set, zone)?,
    ];
    if covering.opt_out {
        let reason = opt_out(&name.ancestor(labels + 1));
        return Err(insecure(reason, leaves.to_vec()));
    }
    Ok(Some(leaves))
}

/// Proves that neither `name` nor anything below it exists, given that its parent does.
pub(super) fn deny_subtree(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    name: &Name,
) -> Result<Option<SignatureId>, Stop> {
    each_chain(verifier, zone, |verifier, chain| {
        let hash = verifier.nsec3_hash(name, chain)?;
        let Some(covering) = covering(chain, &hash) else {
            return Ok(None);
        };
        let signature = verifier.authenticate_in(covering.set, zone)?;
        if covering.opt_out {
            return Err(insecure(opt_out(name), vec![signature]));
        }
        Ok(Some(signature))
    })
}

/// Fails with the proof that a delegation at or above `name` has no DS, or may be hidden by
/// opt-out, if there is one.
pub(super) fn show_unsigned(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    name: &Name,
) -> Result<(), Stop> {
    each_chain(verifier, zone, |verifier, chain| {
        for labels in zone.label_count() + 1..=name.label_count() {
            let above = name.ancestor(labels);
            let hash = verifier.nsec3_hash(&above, chain)?;
            if let Some(nsec3) = matching(chain, &hash)
                && is_unsigned_delegation(&nsec3.types)
            {
                let signature = verifier.authenticate_in(nsec3.set, zone)?;
                let reason = Reason::new(Code::NoDs, &above, RecordType::DS);
                return Err(insecure(reason, vec![signature]));
            }
        }
        if let Some((labels, encloser)) = closest_match(verifier, zone, chain, name)?
            && labels < name.label_count()
        {
            below_encloser(verifier, zone, chain, (labels, encloser), name)?;
        }
        Ok(None::<()>)
    })
    .map(|_| ())
}

/// Returns the deepest of `name` and its ancestors within the zone that an NSEC3 matches.
pub(super) fn closest_match<'p>(
    verifier: &mut Verifier<'p>,
    zone: &Name,
    chain: &'p Nsec3Chain<'p>,
    name: &Name,
) -> Result<Option<(usize, &'p Nsec3Set<'p>)>, Stop> {
    for labels in (zone.label_count()..=name.label_count()).rev() {
        let hash = verifier.nsec3_hash(&name.ancestor(labels), chain)?;
        if let Some(nsec3) = matching(chain, &hash) {
            return Ok(Some((labels, nsec3)));
        }
    }
    Ok(None)
}

pub(super) fn matching<'p>(
    chain: &'p Nsec3Chain<'p>,
    hash: &Nsec3Hash,
) -> Option<&'p Nsec3Set<'p>> {
    chain.sets.iter().find(|nsec3| nsec3.owner == *hash)
}

pub(super) fn covering<'p>(
    chain: &'p Nsec3Chain<'p>,
    hash: &Nsec3Hash,
) -> Option<&'p Nsec3Set<'p>> {
    chain.sets.iter().find(|nsec3| {
        if nsec3.owner < nsec3.next {
            nsec3.owner < *hash && *hash < nsec3.next
        } else {
            // The last of the chain, or the only one.
            nsec3.owner < *hash || *hash < nsec3.next
        }
    })
}

impl<'p> Verifier<'p> {
    /// Hashes a name once, within the limits on looking for names and on hashing.
    pub(super) fn nsec3_hash(
        &mut self,
        name: &Name,
        chain: &Nsec3Chain<'p>,
    ) -> Result<Nsec3Hash, Stop> {
        let first = self.sets.get(chain.sets[0].set);
        self.charge_nsec3_lookup(first)?;
        let canonical = name.as_wire().to_ascii_lowercase().into_boxed_slice();
        let key = (canonical, chain.iterations, chain.salt);
        if let Some(known) = self.hashes.get(&key) {
            return Ok(*known);
        }
        self.charge_nsec3_hashes(first, usize::from(chain.iterations) + 1)?;
        let hash = crypto::nsec3_hash(&key.0, chain.salt, chain.iterations);
        self.hashes.insert(key, hash);
        Ok(hash)
    }
}
