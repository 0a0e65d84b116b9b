//! The zones on the way, their keys, and where a chain ends or breaks.

use std::collections::BTreeSet;

use super::drafts::{Draft, draft_set};
use crate::name::Name;
use crate::rdata::{Dnskey, key_tag};
use crate::record::RecordType;
use crate::verify::crypto::{Algorithm, PublicKey};
use crate::verify::explain::{Finding, Key, Role, Set, Signature, State, Weakness, Zone};
use crate::verify::{Code, Reason, Stop, Verdict, Verification, Verifier};

pub(super) fn zones(
    verifier: &Verifier<'_>,
    mut drafts: Vec<Draft>,
    verification: &Verification,
) -> Vec<Zone> {
    let mut names: BTreeSet<Name> = drafts.iter().map(|draft| draft.zone.clone()).collect();
    match &verification.verdict {
        Verdict::Bogus(_) => names.extend(verifier.zones.keys().cloned()),
        Verdict::Insecure(reason) => {
            names.insert(reason.name.clone());
        }
        _ => {}
    }
    // In canonical order, so that a zone stands behind those above it.
    let names: Vec<Name> = names.into_iter().collect();
    let mut zones: Vec<Zone> = names
        .iter()
        .map(|name| zone(verifier, &names, name, verification))
        .collect();
    match &verification.verdict {
        Verdict::Bogus(reason) => show_break(verifier, reason, &zones, &mut drafts),
        Verdict::Insecure(reason) => show_end(reason, &mut drafts),
        _ => {}
    }
    for Draft { zone, set, .. } in drafts {
        if let Some(zone) = zones.iter_mut().find(|shown| shown.name == zone) {
            zone.keys.iter_mut().for_each(|key| {
                let made = |signature: &Signature| {
                    (signature.key_tag, signature.algorithm) == (key.tag, key.algorithm)
                };
                let signs = set.signature.as_ref().is_some_and(made);
                let blamed = matches!(set.state, State::Broken(_));
                key.signs |= blamed && set.claimed.as_ref().is_some_and(made);
                key.signs |= signs;
                key.entry |= signs && set.role == Role::Keys;
            });
            zone.sets.push(set);
        }
    }
    zones
}

fn zone(verifier: &Verifier<'_>, names: &[Name], name: &Name, verification: &Verification) -> Zone {
    let known = verifier.zones.get(name);
    let state = match (known, &verification.verdict) {
        (Some(Ok(_)), _) => State::Held,
        (Some(Err(Stop::Insecure(reason, _))), _) => State::Unsigned(reason.clone()),
        // A DS RRset that does not hold is shown where it is: in the zone above.
        (Some(Err(Stop::Bogus(reason))), _)
            if reason.name == *name
                && (reason.rtype != RecordType::DS || reason.code == Code::MissingDs) =>
        {
            State::Broken(reason.clone())
        }
        (None, Verdict::Insecure(reason)) if reason.name == *name => {
            State::Unsigned(reason.clone())
        }
        _ => State::Unreached,
    };
    let anchors = verifier.anchors.tags_of(name);
    let signer = match known {
        Some(Ok(zone)) => zone.ds.map(|ds| &verifier.verified[ds.0].zone),
        _ => None,
    };
    let parent = match signer {
        _ if !anchors.is_empty() => None,
        Some(signer) => names.iter().position(|other| other == signer),
        None => names.iter().rposition(|other| name.is_below(other)),
    };
    Zone {
        name: name.clone(),
        parent,
        anchors,
        keys: keys(verifier, name),
        sets: Vec::new(),
        state,
    }
}

fn keys(verifier: &Verifier<'_>, zone: &Name) -> Vec<Key> {
    let Some(id) = verifier.sets.find(zone, RecordType::DNSKEY) else {
        return Vec::new();
    };
    let rdatas = &verifier.sets.get(id).rdatas;
    rdatas
        .iter()
        .filter_map(|(rdata, _)| {
            let dnskey = Dnskey::parse(rdata)?;
            Some(Key {
                tag: key_tag(rdata),
                algorithm: dnskey.algorithm,
                weakness: weakness(&dnskey),
                secure_entry_point: dnskey.is_secure_entry_point(),
                entry: false,
                signs: false,
            })
        })
        .collect()
}

fn weakness(dnskey: &Dnskey<'_>) -> Option<Weakness> {
    if !dnskey.is_zone_key() {
        return Some(Weakness::NoZoneKey);
    }
    let Some(algorithm) = Algorithm::from_number(dnskey.algorithm) else {
        return Some(Weakness::Unsupported);
    };
    match PublicKey::parse(algorithm, dnskey.key) {
        None => Some(Weakness::Unusable),
        Some(key) => key.weak_bits().map(Weakness::Bits),
    }
}

/// Shows where a secure zone says too little: its NSEC3 records that are hashed too often.
fn show_end(reason: &Reason, drafts: &mut [Draft]) {
    let says = |draft: &&mut Draft| match &draft.set.role {
        Role::Denial { findings, .. } => findings.iter().any(is_iterations),
        _ => false,
    };
    for draft in drafts.iter_mut().filter(says) {
        draft.set.state = State::Unsigned(reason.clone());
    }
}

fn is_iterations(finding: &Finding) -> bool {
    matches!(finding, Finding::Iterations(_))
}

/// Makes sure that the place of the break is seen: at the zone or RRset to blame where it is shown
/// already, otherwise as one that is missing, or has no signature that could have been tried.
fn show_break(verifier: &Verifier<'_>, reason: &Reason, zones: &[Zone], drafts: &mut Vec<Draft>) {
    let blamed = |state: &State| matches!(state, State::Broken(_));
    if zones
        .iter()
        .any(|zone| blamed(&zone.state) && zone.name == reason.name)
    {
        return;
    }
    let broken = State::Broken(reason.clone());
    let mut shown = drafts
        .iter_mut()
        .filter(|draft| draft.set.owner == reason.name && draft.set.rtype == reason.rtype);
    if let Some(first) = shown.next() {
        let known = blamed(&first.set.state) || shown.any(|draft| blamed(&draft.set.state));
        if !known {
            first.set.state = broken;
        }
        return;
    }
    let parent = reason.name.parent();
    let holder = match (reason.rtype, &parent) {
        (RecordType::DS, Some(parent)) => parent,
        _ => &reason.name,
    };
    let above = |name: &Name| zones.iter().rfind(|zone| name.is_at_or_below(&zone.name));
    let Some(zone) = above(holder).or_else(|| zones.first()) else {
        return;
    };
    let set = match verifier.sets.find(&reason.name, reason.rtype) {
        Some(id) => draft_set(verifier, id, broken),
        None => Set {
            owner: reason.name.clone(),
            rtype: reason.rtype,
            records: 0,
            signature: None,
            claimed: None,
            state: broken,
            wildcard: None,
            role: Role::Other,
        },
    };
    drafts.push(Draft {
        id: None,
        zone: zone.name.clone(),
        set,
        encloser: None,
    });
}
