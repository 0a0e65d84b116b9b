//! What each NSEC and NSEC3 record of a verdict says about its question.

use data_encoding::BASE32HEX_NOPAD;

use super::Finding;
use crate::name::Name;
use crate::record::Question;
use crate::verify::denial::is_unsigned_delegation;
use crate::verify::nsec3::{chains, closest_match, covering, matching};
use crate::verify::sets::{Nsec3Chain, Nsec3Set, NsecSet, SetId};
use crate::verify::{Verifier, nsec};

/// What denials are about in one verdict.
pub(super) struct About {
    /// The question that is denied, or not answered; `None` where it was answered.
    pub(super) open: Option<Question>,
    /// The names that must not exist for a wildcard to apply, each with the wildcard.
    pub(super) next_closers: Vec<(Name, Name)>,
    /// The name that is shown to be unsigned.
    pub(super) unsigned: Option<Name>,
}

/// Returns where the span of a denial ends, and what it says; `None` for what is no denial of the
/// zone.
pub(super) fn read(
    verifier: &mut Verifier<'_>,
    zone: &Name,
    set: SetId,
    about: &About,
) -> Option<(String, Vec<Finding>)> {
    let nsecs = nsec::nsecs(verifier, zone);
    if let Some(nsec) = nsecs.iter().find(|nsec| nsec.set == set) {
        return Some((nsec.next.to_string(), by_nsec(nsecs, nsec, zone, about)));
    }
    let (chain, nsec3) = chains(verifier, zone).iter().find_map(|chain| {
        let nsec3 = chain.sets.iter().find(|nsec3| nsec3.set == set)?;
        Some((chain, nsec3))
    })?;
    let next = BASE32HEX_NOPAD.encode(&nsec3.next).to_ascii_lowercase();
    Some((next, by_nsec3(verifier, zone, chain, nsec3, about)))
}

fn by_nsec(nsecs: &[NsecSet<'_>], nsec: &NsecSet<'_>, zone: &Name, about: &About) -> Vec<Finding> {
    let covers = |name: &Name| nsec::covers(nsec, zone, name);
    let at = |question: &Question| {
        if *nsec.owner == question.name {
            return Some(Finding::Types {
                name: question.name.clone(),
                types: nsec.types.iter().collect(),
                lacks: question.rtype,
            });
        }
        (covers(&question.name) && nsec.next.is_below(&question.name))
            .then(|| Finding::EmptyNonTerminal(question.name.clone()))
    };
    let mut findings: Vec<_> = about
        .next_closers
        .iter()
        .filter(|(name, _)| covers(name))
        .map(applies)
        .collect();
    if let Some(unsigned) = &about.unsigned
        && nsec.owner == unsigned
        && is_unsigned_delegation(&nsec.types)
    {
        findings.push(Finding::NoDs(unsigned.clone()));
        return findings;
    }
    let Some(open) = &about.open else {
        return findings;
    };
    if let Some(finding) = at(open) {
        findings.push(finding);
    } else if covers(&open.name) {
        findings.push(Finding::Absent(open.name.clone()));
    }
    let Some(wildcard) = nsecs
        .iter()
        .find(|other| nsec::covers(other, zone, &open.name))
        .and_then(|other| nsec::wildcard_beside(other, &open.name))
    else {
        return findings;
    };
    let at_wildcard = Question {
        name: wildcard,
        rtype: open.rtype,
    };
    if let Some(finding) = at(&at_wildcard) {
        findings.push(finding);
    } else if covers(&at_wildcard.name) {
        findings.push(Finding::NoWildcard(at_wildcard.name));
    }
    findings
}

fn by_nsec3<'p>(
    verifier: &mut Verifier<'p>,
    zone: &Name,
    chain: &'p Nsec3Chain<'p>,
    nsec3: &Nsec3Set<'p>,
    about: &About,
) -> Vec<Finding> {
    if chain.iterations > verifier.limits.nsec3_iterations {
        return vec![Finding::Iterations(chain.iterations)];
    }
    let mut findings = Vec::new();
    for pair in &about.next_closers {
        if pair.0.is_below(zone)
            && relation(verifier, chain, nsec3, &pair.0) == Some(Relation::Covers)
        {
            findings.push(applies(pair));
        }
    }
    if let Some(unsigned) = &about.unsigned
        && unsigned.is_below(zone)
        && relation(verifier, chain, nsec3, unsigned) == Some(Relation::Matches)
        && is_unsigned_delegation(&nsec3.types)
    {
        findings.push(Finding::NoDs(unsigned.clone()));
        return findings;
    }
    let Some(open) = about
        .open
        .as_ref()
        .filter(|open| open.name.is_at_or_below(zone))
    else {
        return findings;
    };
    let Ok(Some((labels, encloser))) = closest_match(verifier, zone, chain, &open.name) else {
        return findings;
    };
    let types = |name: Name| Finding::Types {
        name,
        types: nsec3.types.iter().collect(),
        lacks: open.rtype,
    };
    if encloser.set == nsec3.set {
        findings.push(if labels == open.name.label_count() {
            types(open.name.clone())
        } else {
            Finding::Encloser(open.name.ancestor(labels))
        });
    }
    if labels == open.name.label_count() {
        return findings;
    }
    let absent = |name: Name, plain: fn(Name) -> Finding| {
        if nsec3.opt_out {
            Finding::OptOut(name)
        } else {
            plain(name)
        }
    };
    let next_closer = open.name.ancestor(labels + 1);
    if relation(verifier, chain, nsec3, &next_closer) == Some(Relation::Covers) {
        findings.push(absent(next_closer, Finding::Absent));
    }
    if let Ok(wildcard) = open.name.ancestor(labels).prepend(b"*") {
        match relation(verifier, chain, nsec3, &wildcard) {
            Some(Relation::Matches) => findings.push(types(wildcard)),
            Some(Relation::Covers) => findings.push(absent(wildcard, Finding::NoWildcard)),
            None => {}
        }
    }
    findings
}

/// How an NSEC3 record stands to a name.
#[derive(PartialEq)]
enum Relation {
    Matches,
    Covers,
}

/// Tells how the record stands to a name. The verdict has hashed every name that matters, so this
/// fails only where that did.
fn relation<'p>(
    verifier: &mut Verifier<'p>,
    chain: &'p Nsec3Chain<'p>,
    nsec3: &Nsec3Set<'p>,
    name: &Name,
) -> Option<Relation> {
    let hash = verifier.nsec3_hash(name, chain).ok()?;
    let is = |found: Option<&Nsec3Set<'_>>| found.is_some_and(|found| found.set == nsec3.set);
    if is(matching(chain, &hash)) {
        return Some(Relation::Matches);
    }
    is(covering(chain, &hash)).then_some(Relation::Covers)
}

fn applies((absent, wildcard): &(Name, Name)) -> Finding {
    Finding::WildcardApplies {
        absent: absent.clone(),
        wildcard: wildcard.clone(),
    }
}
