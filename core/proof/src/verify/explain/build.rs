//! Arranges what the verifier knows.

use std::collections::BTreeSet;

use super::denial::{self, About};
use super::{
    Delegation, Denied, Explanation, Finding, Key, Role, Set, Signature, State, Step, StepOutcome,
    Weakness, Zone, report,
};
use crate::name::Name;
use crate::rdata::{Dnskey, Ds, key_tag};
use crate::record::{Question, RecordType};
use crate::verify::crypto::{Algorithm, PublicKey};
use crate::verify::sets::{self, SetId};
use crate::verify::signature::{self, SignatureId};
use crate::verify::zone::is_usable_ds;
use crate::verify::{Code, Reason, Stop, Validity, Verdict, Verification, Verifier};

/// A set under way: what will be shown, and whence it came.
struct Draft {
    id: Option<SetId>,
    zone: Name,
    set: Set,
    /// The labels of the closest encloser of the wildcard that it was made from.
    encloser: Option<usize>,
}

pub(super) fn explanation(
    verifier: Option<&mut Verifier<'_>>,
    question: &Question,
    now: u64,
    verification: Verification,
) -> Explanation {
    let mut explanation = Explanation {
        question: question.clone(),
        now,
        verification,
        zones: Vec::new(),
        steps: Vec::new(),
    };
    let verification = &explanation.verification;
    let Some(verifier) = verifier else {
        explanation.steps = steps(&mut [], question, verification, 0).0;
        return explanation;
    };
    look_closer(verifier, verification);
    let mut drafts = drafts(verifier, verification);
    let limit = verifier.limits.aliases;
    let (steps, open) = steps(&mut drafts, question, verification, limit);
    explanation.steps = steps;
    read_denials(verifier, &mut drafts, open, verification);
    settle(&mut explanation.steps, &drafts);
    explanation.zones = zones(verifier, drafts, verification);
    explanation
}

fn is_bogus(verification: &Verification) -> bool {
    matches!(verification.verdict, Verdict::Bogus(_))
}

/// Checks what a `Bogus` verdict had no use for: the zone of the anchor, so that there is a
/// beginning, and where a denial is missing those that are there, so that it can be told what they
/// say. The limits of the verification go on to count.
fn look_closer(verifier: &mut Verifier<'_>, verification: &Verification) {
    let Verdict::Bogus(reason) = &verification.verdict else {
        return;
    };
    if let Some(anchor) = verifier.anchors.nearest(&reason.name) {
        // A failure is kept, and shown.
        let _ = verifier.zone(anchor);
    }
    if ![Code::DenialIncomplete, Code::WildcardUnproved].contains(&reason.code) {
        return;
    }
    let sets = verifier.sets;
    let zones: Vec<Name> = verifier.zones.keys().cloned().collect();
    for zone in zones {
        let Some(denials) = sets.denials(&zone) else {
            continue;
        };
        let nsecs = denials.nsecs.iter().map(|nsec| nsec.set);
        let nsec3s = denials.nsec3s.iter().flat_map(|chain| &chain.sets);
        for set in nsecs.chain(nsec3s.map(|nsec3| nsec3.set)) {
            // One that does not verify is shown as such.
            let _ = verifier.authenticate_in(set, &zone);
        }
    }
}

/// Every RRset that the verdict rests on; for `Bogus`, all that were tried.
fn drafts(verifier: &Verifier<'_>, verification: &Verification) -> Vec<Draft> {
    let bogus = is_bogus(verification);
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
    if let Verdict::Bogus(reason) = &verification.verdict {
        add_failures(verifier, reason, &mut drafts);
    }
    drafts
}

/// Adds the RRsets whose signatures did not verify, and marks where the chain breaks.
fn add_failures(verifier: &Verifier<'_>, verdict: &Reason, drafts: &mut Vec<Draft>) {
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
        let blamed = verdict.code == Code::WildcardUnproved && draft.set.owner == verdict.name;
        draft.set.state = match blamed {
            true => State::Broken(verdict.clone()),
            false => State::Unreached,
        };
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

fn draft_set(verifier: &Verifier<'_>, id: SetId, state: State) -> Set {
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
        rtype: Some(set.rtype),
        records: set.rdatas.len(),
        signature: None,
        claimed: None,
        state,
        wildcard: None,
        role,
    }
}

/// Follows the aliases from the question on, and tells what is open at the end.
fn steps(
    drafts: &mut [Draft],
    question: &Question,
    verification: &Verification,
    limit: usize,
) -> (Vec<Step>, Option<Question>) {
    let mut steps = Vec::new();
    let mut current = Question {
        name: question.name.to_lowercase(),
        rtype: question.rtype,
    };
    let answered = match &verification.verdict {
        Verdict::Secure(secure) => Some(&secure.owner),
        _ => None,
    };
    while answered != Some(&current.name) && steps.len() <= limit {
        let Some((step, target)) = alias(drafts, &current) else {
            break;
        };
        steps.push(step);
        current.name = target;
    }
    let outcome = match &verification.verdict {
        Verdict::Secure(secure) => {
            let answer = drafts.iter_mut().find(|draft| {
                draft.set.owner == secure.owner && draft.set.rtype == Some(secure.rtype)
            });
            StepOutcome::Answer {
                records: secure.rdatas.len(),
                wildcard: answer.and_then(|draft| {
                    draft.set.role = Role::Answer;
                    draft.set.wildcard.clone()
                }),
            }
        }
        // What exactly is settled once the denials are read.
        Verdict::NoData => StepOutcome::Denied(Denied::NoType),
        Verdict::NxDomain => StepOutcome::Denied(Denied::NoName),
        Verdict::Insecure(reason) => StepOutcome::Unsigned(reason.clone()),
        Verdict::Bogus(reason) => StepOutcome::Broken(reason.clone()),
    };
    let open = answered.is_none().then(|| current.clone());
    steps.push(Step {
        name: current.name,
        outcome,
    });
    (steps, open)
}

/// Finds the alias that holds at a name: its CNAME, or the highest DNAME above it.
fn alias(drafts: &mut [Draft], current: &Question) -> Option<(Step, Name)> {
    let holds = |draft: &Draft, owner: &Name, rtype: RecordType| {
        draft.set.state == State::Held
            && draft.set.owner == *owner
            && draft.set.rtype == Some(rtype)
    };
    let name = &current.name;
    let cname_counts = ![RecordType::CNAME, RecordType::NSEC].contains(&current.rtype);
    let at = drafts
        .iter()
        .position(|draft| cname_counts && holds(draft, name, RecordType::CNAME))
        .or_else(|| {
            (0..name.label_count()).find_map(|labels| {
                let above = name.ancestor(labels);
                drafts
                    .iter()
                    .position(|draft| holds(draft, &above, RecordType::DNAME))
            })
        })?;
    let draft = &mut drafts[at];
    let Role::Alias(points_to) = draft.set.role.clone() else {
        return None;
    };
    let rtype = draft.set.rtype?;
    let owner = draft.set.owner.clone();
    let target = match rtype {
        RecordType::CNAME => points_to,
        _ => name.rebase(&owner, &points_to)?.ok()?,
    }
    .to_lowercase();
    let step = Step {
        name: name.clone(),
        outcome: StepOutcome::Alias {
            rtype,
            owner,
            wildcard: draft.set.wildcard.clone(),
            target: target.clone(),
        },
    };
    Some((step, target))
}

fn read_denials(
    verifier: &mut Verifier<'_>,
    drafts: &mut [Draft],
    open: Option<Question>,
    verification: &Verification,
) {
    let about = About {
        open,
        next_closers: drafts
            .iter()
            .filter_map(|draft| {
                let next_closer = draft.set.owner.ancestor(draft.encloser? + 1);
                Some((next_closer.to_lowercase(), draft.set.wildcard.clone()?))
            })
            .collect(),
        unsigned: match &verification.verdict {
            Verdict::Insecure(reason) => Some(reason.name.clone()),
            _ => None,
        },
    };
    for draft in drafts {
        if draft.set.state == State::Held
            && draft.set.role == Role::Other
            && let Some(id) = draft.id
            && let Some((next, findings)) = denial::read(verifier, &draft.zone, id, &about)
        {
            draft.set.role = Role::Denial { next, findings };
        }
    }
}

/// Tells the kinds of denial apart, now that it is known what each record says.
fn settle(steps: &mut [Step], drafts: &[Draft]) {
    let Some(Step {
        name,
        outcome: StepOutcome::Denied(denied),
    }) = steps.last_mut()
    else {
        return;
    };
    let findings = || {
        drafts.iter().flat_map(|draft| match &draft.set.role {
            Role::Denial { findings, .. } => &findings[..],
            _ => &[],
        })
    };
    let found = |test: &dyn Fn(&Finding) -> bool| findings().any(test);
    let compact = |finding: &Finding| matches!(finding, Finding::Types { types, .. } if types.contains(&RecordType::NXNAME));
    let at_wildcard = |finding: &Finding| match finding {
        Finding::Types { name: at, .. } | Finding::EmptyNonTerminal(at) => at != name,
        _ => false,
    };
    *denied = match *denied {
        Denied::NoName if found(&compact) => Denied::Compact,
        Denied::NoType if found(&at_wildcard) => Denied::WildcardNoType,
        Denied::NoType if found(&|finding| matches!(finding, Finding::EmptyNonTerminal(_))) => {
            Denied::EmptyNonTerminal
        }
        kept => kept,
    };
}

fn zones(
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
    if let Verdict::Bogus(reason) = &verification.verdict {
        show_break(reason, &zones, &mut drafts);
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
                && (reason.rtype != Some(RecordType::DS) || reason.code == Code::MissingDs) =>
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

/// Makes sure that the place of the break is seen, where nothing shown so far is to blame: what is
/// missing has no signature that could have been tried.
fn show_break(reason: &Reason, zones: &[Zone], drafts: &mut Vec<Draft>) {
    let blamed = |state: &State| matches!(state, State::Broken(_));
    let zone_is_blamed = |zone: &Zone| blamed(&zone.state) && zone.name == reason.name;
    let set_is_blamed = |draft: &Draft| {
        blamed(&draft.set.state)
            && draft.set.owner == reason.name
            && (reason.rtype.is_none() || draft.set.rtype == reason.rtype)
    };
    if zones.iter().any(zone_is_blamed) || drafts.iter().any(set_is_blamed) {
        return;
    }
    let parent = reason.name.parent();
    let holder = match (&reason.rtype, &parent) {
        (Some(RecordType::DS), Some(parent)) => parent,
        _ => &reason.name,
    };
    let above = |name: &Name| zones.iter().rfind(|zone| name.is_at_or_below(&zone.name));
    let Some(zone) = above(holder).or_else(|| zones.first()) else {
        return;
    };
    drafts.push(Draft {
        id: None,
        zone: zone.name.clone(),
        set: Set {
            owner: reason.name.clone(),
            rtype: reason.rtype,
            records: 0,
            signature: None,
            claimed: None,
            state: State::Broken(reason.clone()),
            wildcard: None,
            role: Role::Other,
        },
        encloser: None,
    });
}
