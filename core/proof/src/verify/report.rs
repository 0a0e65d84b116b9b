//! What a verdict carries: validity, cache life, ages, the chain, and the records used.

use std::collections::BTreeSet;

use super::Verifier;
use super::answer::Conclusion;
use super::crypto::sha256;
use super::reason::{Code, Reason};
use super::sets::SetId;
use super::signature::SignatureId;
use super::signature::serial_difference;
use super::verdict::{ClockHint, Cost, Link, Statement, Validity, Verdict, Verification};

/// Reports on a proof that was not even looked into.
pub(super) fn bogus(reason: Reason) -> Verification {
    Verification {
        verdict: Verdict::Bogus(reason),
        validity: None,
        cache_ttl: None,
        leaf_inception: None,
        statements: Vec::new(),
        clock: None,
        chain: Vec::new(),
        used: Vec::new(),
        cost: Cost::default(),
    }
}

/// Reports a conclusion with what it rests on.
pub(super) fn report(verifier: &Verifier<'_>, conclusion: Conclusion) -> Verification {
    let Conclusion {
        verdict,
        evidence,
        statements,
        negative_ttl,
    } = conclusion;
    let mut chain = Vec::new();
    for &signature in evidence.leaves.iter().chain(&evidence.others) {
        add_with_chain(verifier, signature, &mut chain);
    }
    let used = || chain.iter().map(|id| &verifier.verified[id.0]);
    let validity = used()
        .map(|verified| verified.validity)
        .reduce(Validity::intersection);
    let cache_ttl = used()
        .map(|verified| verified.cache_ttl)
        .chain(negative_ttl)
        .min();
    let leaf_inception = evidence
        .leaves
        .iter()
        .map(|id| verifier.verified[id.0].validity.from)
        .min();
    let clock = match &verdict {
        Verdict::Bogus(_) => clock_hint(verifier),
        _ => None,
    };
    Verification {
        verdict,
        validity,
        cache_ttl,
        leaf_inception,
        statements: statements
            .into_iter()
            .map(|said| Statement {
                name: said.name.to_lowercase(),
                content: said.set.map(|set| content(verifier, set)),
                signature: link(verifier, said.signature),
            })
            .collect(),
        clock,
        chain: chain.iter().map(|&id| link(verifier, id)).collect(),
        used: used_records(verifier, &chain)
            .map(|at| verifier.records[at].clone())
            .collect(),
        cost: verifier.cost,
    }
}

/// Adds a signature behind those that its key rests on.
fn add_with_chain(verifier: &Verifier<'_>, id: SignatureId, chain: &mut Vec<SignatureId>) {
    if chain.contains(&id) {
        return;
    }
    let zone = &verifier.verified[id.0].zone;
    if let Some(Ok(zone)) = verifier.zones.get(zone)
        && zone.dnskey != id
    {
        if let Some(ds) = zone.ds {
            add_with_chain(verifier, ds, chain);
        }
        if !chain.contains(&zone.dnskey) {
            chain.push(zone.dnskey);
        }
    }
    chain.push(id);
}

pub(super) fn link(verifier: &Verifier<'_>, id: SignatureId) -> Link {
    let verified = &verifier.verified[id.0];
    let set = verifier.sets.get(verified.set);
    Link {
        owner: set.owner.clone(),
        rtype: set.rtype,
        zone: verified.zone.clone(),
        key_tag: verified.key_tag,
        algorithm: verified.algorithm,
        weak_bits: verified.weak_bits,
        validity: verified.validity,
    }
}

/// Returns what tells one RRset at a name from another: not its TTL, which ages on the way.
fn content(verifier: &Verifier<'_>, set: SetId) -> [u8; 32] {
    let set = verifier.sets.get(set);
    let mut octets = set.rtype.0.to_be_bytes().to_vec();
    for (rdata, _) in &set.rdatas {
        // RDATA came with a length of 16 bits, and its canonical form is as long.
        octets.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        octets.extend_from_slice(rdata);
    }
    sha256(&[&octets])
}

/// Returns the places in the proof of every record used, in order of the chain.
fn used_records<'v>(
    verifier: &'v Verifier<'_>,
    chain: &'v [SignatureId],
) -> impl Iterator<Item = usize> + 'v {
    let mut seen = BTreeSet::new();
    chain
        .iter()
        .flat_map(|id| {
            let verified = &verifier.verified[id.0];
            let rdatas = &verifier.sets.get(verified.set).rdatas;
            rdatas.iter().map(|&(_, at)| at).chain([verified.rrsig])
        })
        .filter(move |&at| seen.insert(at))
}

/// Tells how the clock disagrees with every signature of the proof, if it does.
fn clock_hint(verifier: &Verifier<'_>) -> Option<ClockHint> {
    let at = |time| {
        verifier
            .now
            .saturating_add_signed(serial_difference(time, verifier.now))
    };
    let signatures = || verifier.sets.signatures();
    signatures().next()?;
    if signatures().all(|s| verifier.in_time(s) == Err(Code::SignatureExpired)) {
        let signed_until = signatures().map(|s| at(s.rrsig.expiration)).min()?;
        return Some(ClockHint::Ahead { signed_until });
    }
    if signatures().all(|s| verifier.in_time(s) == Err(Code::SignatureNotYetValid)) {
        let signed_from = signatures().map(|s| at(s.rrsig.inception)).max()?;
        return Some(ClockHint::Behind { signed_from });
    }
    None
}
