//! Denial by NSEC (RFC 4035 section 5.4), compact denial included (RFC 9824).

use super::denial::{
    Absence, Denial, ends_authority, insecure, is_unsigned_delegation, types_deny,
};
use super::reason::{Code, Reason};
use super::sets::NsecSet;
use super::signature::SignatureId;
use super::{Stop, Verifier};
use crate::name::Name;
use crate::record::{Question, RecordType};

/// Returns the NSEC records that claim to be of the zone.
pub(super) fn nsecs<'p>(verifier: &Verifier<'p>, zone: &Name) -> &'p [NsecSet<'p>] {
    verifier
        .sets
        .denials(zone)
        .map_or(&[], |denials| &denials.nsecs)
}

/// Denies a question at or below the zone.
pub(super) fn deny(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    question: &Question,
) -> Result<Option<Denial>, Stop> {
    let mut failure = None;
    for nsec in nsecs(verifier, zone) {
        let denied = if nsec.owner == &question.name {
            deny_type(verifier, zone, nsec, question)
        } else if covers(nsec, zone, &question.name) {
            deny_name(verifier, zone, nsec, question)
        } else {
            continue;
        };
        match denied {
            Ok(Some(denial)) => return Ok(Some(denial)),
            Ok(None) => {}
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    failure.map_or(Ok(None), Err)
}

fn deny_type(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    nsec: &NsecSet<'_>,
    question: &Question,
) -> Result<Option<Denial>, Stop> {
    let Some(absence) = types_deny(&nsec.types, question) else {
        return Ok(None);
    };
    let signature = verifier.authenticate_in(nsec.set, zone)?;
    let absent = vec![(question.name.clone(), signature)];
    Ok(Some(Denial::new(absence, absent)))
}

/// Denies a name that one NSEC covers, and the wildcard that could have made it.
fn deny_name(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    nsec: &NsecSet<'_>,
    question: &Question,
) -> Result<Option<Denial>, Stop> {
    let name = &question.name;
    let covering = verifier.authenticate_in(nsec.set, zone)?;
    if nsec.next.is_below(name) {
        // An empty non-terminal: it exists because something below it does.
        let absent = vec![(name.clone(), covering)];
        return Ok(Some(Denial::new(Absence::NoData, absent)));
    }
    let Some(wildcard) = wildcard_beside(nsec, name) else {
        return Ok(None);
    };
    let at_wildcard = Question {
        name: wildcard,
        rtype: question.rtype,
    };
    let mut failure = None;
    for other in nsecs(verifier, zone) {
        let absence = if *other.owner == at_wildcard.name {
            types_deny(&other.types, &at_wildcard).filter(|&absence| absence == Absence::NoData)
        } else if !covers(other, zone, &at_wildcard.name) {
            None
        } else if other.next.is_below(&at_wildcard.name) {
            // The wildcard is an empty non-terminal, and matches with no data.
            Some(Absence::NoData)
        } else {
            Some(Absence::NxDomain)
        };
        let Some(absence) = absence else {
            continue;
        };
        match verifier.authenticate_in(other.set, zone) {
            Ok(signature) => {
                let absent = vec![(name.clone(), covering), (at_wildcard.name, signature)];
                return Ok(Some(Denial::new(absence, absent)));
            }
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    failure.map_or(Ok(None), Err)
}

/// Returns the wildcard that could have made `name`, which the NSEC covers.
pub(super) fn wildcard_beside(nsec: &NsecSet<'_>, name: &Name) -> Option<Name> {
    // Owner and next exist with all their ancestors, and nothing exists between them.
    let encloser = name
        .common_labels(nsec.owner)
        .max(name.common_labels(&nsec.next));
    name.ancestor(encloser).prepend(b"*").ok()
}

/// Proves that neither `name` nor anything below it exists.
pub(super) fn deny_subtree(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    name: &Name,
) -> Result<Option<SignatureId>, Stop> {
    let mut failure = None;
    for nsec in nsecs(verifier, zone) {
        if covers(nsec, zone, name) && !nsec.next.is_below(name) {
            match verifier.authenticate_in(nsec.set, zone) {
                Ok(signature) => return Ok(Some(signature)),
                Err(stop) => stop.keep_in(&mut failure),
            }
        }
    }
    failure.map_or(Ok(None), Err)
}

/// Fails with the proof that a delegation at or above `name` has no DS, if there is one.
pub(super) fn show_unsigned(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    name: &Name,
) -> Result<(), Stop> {
    for nsec in nsecs(verifier, zone) {
        if name.is_at_or_below(nsec.owner)
            && nsec.owner.is_below(zone)
            && is_unsigned_delegation(&nsec.types)
        {
            let signature = verifier.authenticate_in(nsec.set, zone)?;
            let reason = Reason::new(Code::NoDs, nsec.owner, RecordType::DS);
            return Err(insecure(reason, vec![signature]));
        }
    }
    Ok(())
}

/// Tells whether the NSEC says that no RRset exists at `name`, which it does not for its own
/// owner, nor for names whose authority ends at that owner.
pub(super) fn covers(nsec: &NsecSet<'_>, zone: &Name, name: &Name) -> bool {
    let last = nsec.next == *zone;
    let between = nsec.owner < name && (last || name < &nsec.next);
    between
        && name.is_at_or_below(zone)
        && !(name.is_below(nsec.owner) && ends_authority(&nsec.types))
}
