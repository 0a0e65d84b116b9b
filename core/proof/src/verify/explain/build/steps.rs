//! What each name on the way from the question turned out to be.

use super::drafts::Draft;
use crate::name::Name;
use crate::record::{Question, RecordType};
use crate::verify::explain::{Denied, Finding, Role, State, Step, StepOutcome};
use crate::verify::{Verdict, Verification};

/// Follows the aliases from the question on, and tells what is open at the end.
pub(super) fn steps(
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
            let answer = drafts
                .iter_mut()
                .find(|draft| draft.set.owner == secure.owner && draft.set.rtype == secure.rtype);
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
        draft.set.state == State::Held && draft.set.owner == *owner && draft.set.rtype == rtype
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
    let rtype = draft.set.rtype;
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

/// Tells the kinds of denial apart, now that it is known what each record says.
pub(super) fn settle(steps: &mut [Step], drafts: &[Draft]) {
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
