//! The question: answered, followed through its aliases, or denied (RFC 4035 section 5.3, RFC
//! 6672).

use super::denial::{self, Absence, Denial};
use super::reason::{Code, Reason};
use super::sets::SetId;
use super::signature::{SignatureId, fault};
use super::verdict::{PathStep, Secure, Verdict};
use super::{Evidence, Stop, Verifier};
use crate::name::Name;
use crate::record::{Question, RecordType};

/// A verdict with what it rests on.
pub(super) struct Conclusion {
    pub(super) verdict: Verdict,
    pub(super) evidence: Evidence,
    /// What was said of each name on the way, if the verdict is a proved one.
    pub(super) statements: Vec<Said>,
    /// The MINIMUM of a validated SOA, which bounds how long a denial may be kept.
    pub(super) negative_ttl: Option<u32>,
}

/// What one signature says of one name: that an RRset is there, or none of the type asked for.
pub(super) struct Said {
    pub(super) name: Name,
    pub(super) set: Option<SetId>,
    pub(super) signature: SignatureId,
}

/// An RRset that is proved to be at a name.
struct Proved {
    set: SetId,
    signature: SignatureId,
    /// The wildcard that made the RRset, with the signature that shows nothing closer to exist.
    wildcard: Option<(Name, SignatureId)>,
}

/// What the proof says about one name.
enum Step {
    Answer(Proved),
    Alias(Proved, Name),
    Denied(Denial),
}

/// What the aliases on the way have added up to.
#[derive(Default)]
struct Trail {
    aliases: Vec<Name>,
    wildcards: Vec<Name>,
    path: Vec<PathStep>,
    evidence: Evidence,
    statements: Vec<Said>,
}

/// Answers the question from the proof.
pub(super) fn conclude(verifier: &mut Verifier<'_>, question: &Question) -> Conclusion {
    let mut trail = Trail::default();
    let concluded = follow(verifier, question, &mut trail);
    match (verifier.exhausted.clone(), concluded) {
        (Some(reason), _) | (None, Err(Stop::Bogus(reason))) => Conclusion {
            verdict: Verdict::Bogus(reason),
            evidence: Evidence::default(),
            statements: Vec::new(),
            negative_ttl: None,
        },
        (None, Err(Stop::Insecure(reason, evidence))) => {
            trail.evidence.leaves.extend(evidence.leaves);
            trail.evidence.others.extend(evidence.others);
            let verdict = Verdict::Insecure(reason);
            Conclusion {
                verdict,
                evidence: trail.evidence,
                statements: Vec::new(),
                negative_ttl: None,
            }
        }
        (None, Ok(conclusion)) => conclusion,
    }
}

fn follow(
    verifier: &mut Verifier<'_>,
    question: &Question,
    trail: &mut Trail,
) -> Result<Conclusion, Stop> {
    let mut current = question.clone();
    loop {
        match step(verifier, &current)? {
            Step::Answer(proved) => {
                trail.add(verifier, &current.name, &proved);
                return Ok(secure(verifier, current, &proved, std::mem::take(trail)));
            }
            Step::Denied(denial) => {
                trail.evidence.leaves.extend(denial.leaves);
                trail
                    .statements
                    .extend(denial.absent.into_iter().map(|(name, signature)| Said {
                        name,
                        set: None,
                        signature,
                    }));
                let verdict = match denial.absence {
                    Absence::NoData => Verdict::NoData,
                    Absence::NxDomain => Verdict::NxDomain,
                };
                trail
                    .evidence
                    .others
                    .extend(denial.soa.map(|(signature, _)| signature));
                return Ok(Conclusion {
                    verdict,
                    evidence: std::mem::take(&mut trail.evidence),
                    statements: std::mem::take(&mut trail.statements),
                    negative_ttl: denial.soa.map(|(_, minimum)| minimum),
                });
            }
            Step::Alias(proved, target) => {
                trail.add(verifier, &current.name, &proved);
                trail.aliases.push(current.name);
                let alias = verifier.sets.get(proved.set);
                if trail.aliases.contains(&target) {
                    return Err(fault(Code::AliasLoop, alias).into());
                }
                if trail.aliases.len() > verifier.limits.aliases {
                    return Err(fault(Code::TooManyAliases, alias).into());
                }
                current = Question {
                    name: target,
                    rtype: current.rtype,
                };
            }
        }
    }
}

impl Trail {
    fn add(&mut self, verifier: &Verifier<'_>, name: &Name, proved: &Proved) {
        self.evidence.leaves.push(proved.signature);
        let mut owner = verifier.sets.get(proved.set).owner;
        let mut said_of = name;
        if let Some((wildcard, nothing_closer)) = &proved.wildcard {
            self.wildcards.push(wildcard.clone());
            self.evidence.leaves.push(*nothing_closer);
            self.statements.push(Said {
                name: name.clone(),
                set: None,
                signature: *nothing_closer,
            });
            (owner, said_of) = (wildcard, wildcard);
        }
        self.statements.push(Said {
            name: said_of.clone(),
            set: Some(proved.set),
            signature: proved.signature,
        });
        self.path.push(PathStep {
            name: name.clone(),
            owner: owner.clone(),
            from_wildcard: proved.wildcard.is_some(),
        });
    }
}

fn secure(verifier: &Verifier<'_>, found: Question, proved: &Proved, trail: Trail) -> Conclusion {
    let rdatas = &verifier.sets.get(proved.set).rdatas;
    let verdict = Verdict::Secure(Secure {
        owner: found.name,
        rtype: found.rtype,
        ttl: verifier.verified[proved.signature.0].ttl,
        rdatas: rdatas.iter().map(|(rdata, _)| rdata.clone()).collect(),
        wildcards: trail.wildcards,
        aliases: trail.aliases,
        path: trail.path,
    });
    Conclusion {
        verdict,
        evidence: trail.evidence,
        statements: trail.statements,
        negative_ttl: None,
    }
}

/// Settles one name: by its RRset, an alias, a denial, or the proof that it is unsigned.
fn step(verifier: &mut Verifier<'_>, question: &Question) -> Result<Step, Stop> {
    let mut failure = None;
    for attempt in [answer, cname, dname, denied] {
        match attempt(verifier, question) {
            Ok(Some(step)) => return Ok(step),
            Ok(None) => {}
            Err(insecure @ Stop::Insecure(..)) => return Err(insecure),
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    unsigned(verifier, question)?;
    let nothing = || Reason::new(Code::NoAnswer, &question.name, question.rtype).into();
    Err(failure.unwrap_or_else(nothing))
}

fn answer(verifier: &mut Verifier<'_>, question: &Question) -> Result<Option<Step>, Stop> {
    let mut failure = None;
    for set in verifier.sets.find_all(&question.name, question.rtype) {
        if is_parental_nsec(verifier, set) {
            continue;
        }
        match prove(verifier, set) {
            Ok(proved) => return Ok(Some(Step::Answer(proved))),
            Err(stop) => stop.keep_in(&mut failure),
        }
    }
    failure.map_or(Ok(None), Err)
}

/// Tells whether the set is the NSEC that the parent holds at a zone cut: the child's is what a
/// question for NSEC asks for.
fn is_parental_nsec(verifier: &Verifier<'_>, set: SetId) -> bool {
    let set = verifier.sets.get(set);
    set.rtype == RecordType::NSEC
        && set
            .single()
            .and_then(crate::rdata::Nsec::parse)
            .is_some_and(|nsec| denial::is_delegation(&nsec.types))
}

fn cname(verifier: &mut Verifier<'_>, question: &Question) -> Result<Option<Step>, Stop> {
    // A CNAME stands beside NSEC, and is no alias for it (RFC 4034 section 4).
    if [RecordType::CNAME, RecordType::NSEC].contains(&question.rtype) {
        return Ok(None);
    }
    let Some(set) = verifier.sets.find(&question.name, RecordType::CNAME) else {
        return Ok(None);
    };
    let proved = prove(verifier, set)?;
    let target = alias_target(verifier, set)?;
    Ok(Some(Step::Alias(proved, target)))
}

/// Follows the highest DNAME above the name, which hides all others. The CNAME that a server makes
/// of it is not needed (RFC 6672 section 5.3.1).
fn dname(verifier: &mut Verifier<'_>, question: &Question) -> Result<Option<Step>, Stop> {
    let mut failure = None;
    for labels in 0..question.name.label_count() {
        let above = question.name.ancestor(labels);
        let Some(set) = verifier.sets.find(&above, RecordType::DNAME) else {
            continue;
        };
        let proved = match prove(verifier, set) {
            Ok(proved) => proved,
            Err(stop) => {
                stop.keep_in(&mut failure);
                continue;
            }
        };
        let target = alias_target(verifier, set)?;
        let Some(Ok(renamed)) = question.name.rebase(&above, &target) else {
            return Err(fault(Code::AliasTooLong, verifier.sets.get(set)).into());
        };
        return Ok(Some(Step::Alias(proved, renamed)));
    }
    failure.map_or(Ok(None), Err)
}

fn denied(verifier: &mut Verifier<'_>, question: &Question) -> Result<Option<Step>, Stop> {
    Ok(denial::deny(verifier, question)?.map(Step::Denied))
}

/// Fails with the proof that the name lies in an unsigned part of the tree, if there is one.
fn unsigned(verifier: &mut Verifier<'_>, question: &Question) -> Result<(), Stop> {
    let parent = question
        .name
        .parent()
        .filter(|_| question.rtype == RecordType::DS);
    let name = parent.as_ref().unwrap_or(&question.name);
    if verifier.sets.find(name, RecordType::DS).is_some() {
        match verifier.zone(name) {
            Err(insecure @ Stop::Insecure(..)) => return Err(insecure),
            // A zone that is shown to be secure is so whatever its parent also says, if only that
            // it hashes too often (RFC 9276 section 3.2).
            Ok(_) => return Ok(()),
            Err(Stop::Bogus(_)) => {}
        }
    }
    denial::unsigned_at_or_above(verifier, name)
}

/// Proves that an RRset is at its owner: by its signature, and for a wildcard by the proof that
/// nothing closer exists.
fn prove(verifier: &mut Verifier<'_>, id: SetId) -> Result<Proved, Stop> {
    let signature = verifier.authenticate(id)?;
    let verified = &verifier.verified[signature.0];
    let Some(labels) = verified.wildcard_labels else {
        return Ok(Proved {
            set: id,
            signature,
            wildcard: None,
        });
    };
    let zone = verified.zone.clone();
    let owner = verifier.sets.get(id).owner;
    let nothing_closer = denial::deny_closer_match(verifier, &zone, id, labels)?;
    let wildcard = owner
        .to_lowercase()
        .ancestor(labels)
        .prepend(b"*")
        .map_err(|_| fault(Code::UnexpectedWildcard, verifier.sets.get(id)))?;
    Ok(Proved {
        set: id,
        signature,
        wildcard: Some((wildcard, nothing_closer)),
    })
}

fn alias_target(verifier: &Verifier<'_>, id: SetId) -> Result<Name, Reason> {
    let set = verifier.sets.get(id);
    set.single()
        .and_then(|rdata| Name::from_wire(rdata).ok())
        .ok_or_else(|| fault(Code::SeveralAliases, set))
}
