//! Denial of existence (RFC 4035 section 5.4): which zone may deny, and what follows from it.

use super::reason::{Code, Reason};
use super::sets::SetId;
use super::signature::{SignatureId, fault};
use super::{Evidence, Stop, Verifier, nsec, nsec3};
use crate::name::Name;
use crate::rdata::{TypeBitmap, soa_minimum};
use crate::record::{Question, RecordType};

/// What is proved to be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// The type at the name.
    NoData,
    /// The name.
    NxDomain,
}

/// A proved denial.
#[derive(Debug)]
pub(super) struct Denial {
    pub(super) absence: Absence,
    /// The signatures over the NSEC or NSEC3 records that deny.
    pub(super) leaves: Vec<SignatureId>,
    /// The name, and where it matters the wildcard that could have made it, each with the one of
    /// these signatures that shows the type not to be there.
    pub(super) absent: Vec<(Name, SignatureId)>,
    /// The signature over the SOA of the zone and its MINIMUM, where the proof has it.
    pub(super) soa: Option<(SignatureId, u32)>,
}

impl Denial {
    pub(super) fn new(absence: Absence, absent: Vec<(Name, SignatureId)>) -> Self {
        Self {
            absence,
            leaves: absent.iter().map(|(_, signature)| *signature).collect(),
            absent,
            soa: None,
        }
    }
}

/// Denies a question, or says what is missing.
///
/// `Ok(None)` means that nothing in the proof even tries.
pub(super) fn deny(
    verifier: &mut Verifier<'_>,
    question: &Question,
) -> Result<Option<Denial>, Stop> {
    // The parent answers for DS; only the root has none.
    let parent = question
        .name
        .parent()
        .filter(|_| question.rtype == RecordType::DS);
    let scope = parent.as_ref().unwrap_or(&question.name);
    let Some(anchor) = verifier.anchors.nearest(scope) else {
        return Err(Reason::new(Code::NoAnchor, &question.name, question.rtype).into());
    };
    let Some(zone) = denying_zone(verifier, scope, anchor)? else {
        return Ok(None);
    };
    let denied = match nsec::deny(verifier, &zone, question) {
        Ok(None) => nsec3::deny(verifier, &zone, question),
        failed @ Err(Stop::Bogus(_)) => match nsec3::deny(verifier, &zone, question) {
            Ok(None) => failed,
            decided => decided,
        },
        decided => decided,
    };
    match denied? {
        Some(mut denial) => {
            denial.soa = soa(verifier, &zone);
            Ok(Some(denial))
        }
        None => Err(Reason::new(Code::DenialIncomplete, &question.name, question.rtype).into()),
    }
}

/// Proves that no name exists between a wildcard's closest encloser and the owner of the RRset that
/// it made, so that the wildcard applies (RFC 4035 section 5.3.4, RFC 5155 section 8.8).
pub(super) fn deny_closer_match(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    made: SetId,
    encloser_labels: usize,
) -> Result<SignatureId, Stop> {
    let made = verifier.sets.get(made);
    let next_closer = made.owner.ancestor(encloser_labels + 1);
    let mut failure = None;
    for proved in [nsec::deny_subtree, nsec3::deny_subtree] {
        match proved(verifier, zone, &next_closer) {
            Ok(Some(signature)) => return Ok(signature),
            Ok(None) => {}
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    Err(failure.unwrap_or_else(|| fault(Code::WildcardUnproved, made).into()))
}

/// Fails with the proof that `name` lies in an unsigned part of the tree, if there is one.
///
/// Only this decides that something is insecure: a secure zone that shows a delegation without
/// DS, hides it in an opt-out span, or hashes too often; or a DS RRset without a supported
/// algorithm.
pub(super) fn unsigned_at_or_above(verifier: &mut Verifier<'_>, name: &Name) -> Result<(), Stop> {
    let (Some(parent), Some(anchor)) = (name.parent(), verifier.anchors.nearest(name)) else {
        return Ok(());
    };
    // An anchor says that its zone is signed, whatever the zone's parent says.
    if anchor == name {
        return Ok(());
    }
    let zone = match denying_zone(verifier, &parent, anchor) {
        Ok(Some(zone)) => zone,
        Err(insecure @ Stop::Insecure(..)) => return Err(insecure),
        Ok(None) | Err(Stop::Bogus(_)) => return Ok(()),
    };
    for show in [nsec::show_unsigned, nsec3::show_unsigned] {
        if let Err(insecure @ Stop::Insecure(..)) = show(verifier, &zone, name) {
            return Err(insecure);
        }
    }
    Ok(())
}

/// Returns the deepest zone from `anchor` down to `scope` that the proof shows to be secure, if it
/// claims to deny anything; fails with the proof of insecurity where that comes first.
///
/// A zone above that one has nothing to say about `scope`: it has delegated it (RFC 6840 section
/// 4.1).
fn denying_zone(
    verifier: &mut Verifier<'_>,
    scope: &Name,
    anchor: &Name,
) -> Result<Option<Name>, Stop> {
    let sets = verifier.sets;
    let mut failure = None;
    for labels in (anchor.label_count()..=scope.label_count()).rev() {
        verifier.refuse_when_exhausted()?;
        let zone = scope.ancestor(labels);
        let denies = sets.denials(&zone).is_some();
        if !denies && sets.find(&zone, RecordType::DS).is_none() {
            continue;
        }
        match verifier.zone(&zone) {
            Ok(_) => return Ok(denies.then_some(zone)),
            Err(insecure @ Stop::Insecure(..)) => return Err(insecure),
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    failure.map_or(Ok(None), Err)
}

/// Returns the signature over the SOA of the zone and its MINIMUM, if the proof has it.
fn soa(verifier: &mut Verifier<'_>, zone: &Name) -> Option<(SignatureId, u32)> {
    let sets = verifier.sets;
    let id = sets.find(zone, RecordType::SOA)?;
    let signature = verifier.authenticate_in(id, zone).ok()?;
    Some((signature, soa_minimum(sets.get(id).single()?)?))
}

/// Tells what the types at a name that exists deny of a question.
pub(super) fn types_deny(types: &TypeBitmap<'_>, question: &Question) -> Option<Absence> {
    if question.rtype == RecordType::DS {
        // The child's apex cannot deny what only the parent holds (RFC 6840 section 4.1).
        if types.contains(RecordType::SOA) && !question.name.is_root() {
            return None;
        }
    } else if is_delegation(types) {
        // The parent's side of a cut denies nothing but DS (RFC 6840 section 4.1).
        return None;
    }
    // A CNAME would have been the answer (RFC 6840 section 4.3).
    if types.contains(question.rtype) || types.contains(RecordType::CNAME) {
        return None;
    }
    if !types.contains(RecordType::NXNAME) {
        return Some(Absence::NoData);
    }
    // RFC 9824 section 2: a name that does not exist has nothing but this.
    let compact = [RecordType::RRSIG, RecordType::NSEC, RecordType::NXNAME];
    types
        .iter()
        .all(|rtype| compact.contains(&rtype))
        .then_some(Absence::NxDomain)
}

/// Tells whether the types are those of the parent's side of a zone cut.
pub(super) fn is_delegation(types: &TypeBitmap<'_>) -> bool {
    types.contains(RecordType::NS) && !types.contains(RecordType::SOA)
}

/// Tells whether the types are those of a delegation that is proved to be unsigned (RFC 6840
/// section 4.4).
pub(super) fn is_unsigned_delegation(types: &TypeBitmap<'_>) -> bool {
    is_delegation(types) && !types.contains(RecordType::DS)
}

/// Tells whether the zone says nothing about names below one with these types: it has delegated
/// them, or moved them (RFC 6840 section 4.1, RFC 5155 section 8.3).
pub(super) fn ends_authority(types: &TypeBitmap<'_>) -> bool {
    is_delegation(types) || types.contains(RecordType::DNAME)
}

/// Makes the proof that something is insecure.
pub(super) fn insecure(reason: Reason, leaves: Vec<SignatureId>) -> Stop {
    Stop::Insecure(
        reason,
        Evidence {
            leaves,
            others: Vec::new(),
        },
    )
}
