//! The RRsets of a verdict, each with what signed it and what it does.

use crate::name::Name;
use crate::rdata::Ds;
use crate::record::RecordType;
use crate::verify::explain::{Delegation, Role, Set, Signature, State};
use crate::verify::sets::{self, SetId};
use crate::verify::signature::{self, SignatureId};
use crate::verify::zone::is_usable_ds;
use crate::verify::{Stop, Validity, Verdict, Verification, Verifier, report};

/// A set under way: what will be shown, and whence it came.
pub(super) struct Draft {
    pub(super) id: Option<SetId>,
    pub(super) zone: Name,
    pub(super) set: Set,
    /// The labels of the closest encloser of the wildcard that it was made from.
    pub(super) encloser: Option<usize>,
}

/// Every RRset that the verdict rests on; for `Bogus`, all that were tried.
pub(super) fn drafts(verifier: &Verifier<'_>, verification: &Verification) -> Vec<Draft> {
    let bogus = matches!(verification.verdict, Verdict::Bogus(_));
    let mut drafts: Vec<Draft> = Vec::new();
    for at in 0..verifier.verified.len() {
        let link = report::link(verifier, SignatureId(at));
        if !bogus && !verification.chain.contains(&link) {
            continue;
        }
        let verified = &verifier.verified[at];
        let mut set = draft_set(verifier, verified.set, State::Held);
        set.signature = Some(Signature {
            key_tag: link.key_tag,
            algorithm: link.algorithm,
            validity: link.validity,
        });
        set.wildcard = verified.wildcard_labels.and_then(|labels| {
            let encloser = link.owner.to_lowercase().ancestor(labels);
            encloser.prepend(b"*").ok()
        });
        drafts.push(Draft {
            id: Some(verified.set),
            zone: link.zone,
            set,
            encloser: verified.wildcard_labels,
        });
    }
    if bogus {
        add_failures(verifier, &mut drafts);
    }
    drafts
}

/// Adds the RRsets whose signatures did not verify, and marks where they break.
fn add_failures(verifier: &Verifier<'_>, drafts: &mut Vec<Draft>) {
    for (&(id, place), result) in &verifier.checked {
        let Err(Stop::Bogus(reason)) = result else {
            continue;
        };
        let signature = &verifier.sets.get(id).signatures[place];
        let zone = signature.rrsig.signer.to_lowercase();
        if drafts
            .iter()
            .any(|draft| draft.id == Some(id) && draft.zone == zone)
        {
            continue;
        }
        let set = draft_set(verifier, id, State::Unreached);
        let own = set.owner == reason.name && set.rtype == reason.rtype;
        drafts.push(Draft {
            id: Some(id),
            zone,
            set: Set {
                state: if own {
                    State::Broken(reason.clone())
                } else {
                    State::Unreached
                },
                claimed: Some(claimed(verifier, signature)),
                ..set
            },
            encloser: None,
        });
    }
    for (zone, result) in &verifier.zones {
        // The zone itself is marked as broken; its keys show what they are said to be signed with.
        if matches!(result, Err(Stop::Bogus(reason)) if reason.name == *zone)
            && let Some(id) = verifier.sets.find(zone, RecordType::DNSKEY)
            && !drafts.iter().any(|draft| draft.id == Some(id))
        {
            let signatures = &verifier.sets.get(id).signatures;
            let own = signatures
                .iter()
                .find(|signature| signature.rrsig.signer == *zone);
            drafts.push(Draft {
                id: Some(id),
                zone: zone.clone(),
                set: Set {
                    claimed: own.map(|signature| claimed(verifier, signature)),
                    ..draft_set(verifier, id, State::Unreached)
                },
                encloser: None,
            });
        }
    }
    // What a wildcard made counts only with a proof that it applies, which no verdict confirms.
    for draft in drafts.iter_mut().filter(|draft| draft.encloser.is_some()) {
        draft.set.state = State::Unreached;
    }
}

/// Tells what a signature says of itself.
fn claimed(verifier: &Verifier<'_>, signature: &sets::Signature<'_>) -> Signature {
    let at = |time| {
        let difference = signature::serial_difference(time, verifier.now);
        verifier.now.saturating_add_signed(difference)
    };
    let rrsig = &signature.rrsig;
    Signature {
        key_tag: rrsig.key_tag,
        algorithm: rrsig.algorithm,
        validity: Validity {
            from: at(rrsig.inception),
            until: at(rrsig.expiration),
        },
    }
}

pub(super) fn draft_set(verifier: &Verifier<'_>, id: SetId, state: State) -> Set {
    let set = verifier.sets.get(id);
    let role = match set.rtype {
        RecordType::DNSKEY => Role::Keys,
        RecordType::DS => {
            let ds = set.rdatas.iter().filter_map(|(rdata, _)| {
                let ds = Ds::parse(rdata)?;
                Some(Delegation {
                    key_tag: ds.key_tag,
                    algorithm: ds.algorithm,
                    digest_type: ds.digest_type,
                    supported: is_usable_ds(rdata),
                })
            });
            Role::Delegation(ds.collect())
        }
        RecordType::SOA => Role::Lifetime,
        RecordType::CNAME | RecordType::DNAME => set
            .single()
            .and_then(|rdata| Name::from_wire(rdata).ok())
            .map_or(Role::Other, Role::Alias),
        _ => Role::Other,
    };
    Set {
        owner: set.owner.clone(),
        rtype: set.rtype,
        records: set.rdatas.len(),
        signature: None,
        claimed: None,
        state,
        wildcard: None,
        role,
    }
}
