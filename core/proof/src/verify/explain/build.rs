//! Arranges what the verifier knows: the RRsets that count (`drafts`), the names on the way from
//! the question (`steps`), and the zones that vouch for all of it (`zones`).

mod drafts;
mod steps;
mod zones;

use self::drafts::Draft;
use super::denial::{self, About};
use super::{Explanation, Role, State};
use crate::name::Name;
use crate::record::Question;
use crate::verify::{Code, Verdict, Verification, Verifier};

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
        explanation.steps = steps::steps(&mut [], question, verification, 0).0;
        return explanation;
    };
    look_closer(verifier, verification);
    let mut drafts = drafts::drafts(verifier, verification);
    let limit = verifier.limits.aliases;
    let (steps, open) = steps::steps(&mut drafts, question, verification, limit);
    explanation.steps = steps;
    read_denials(verifier, &mut drafts, open, verification);
    steps::settle(&mut explanation.steps, &drafts);
    explanation.zones = zones::zones(verifier, drafts, verification);
    explanation
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
