//! What the authority of one zone answers (RFC 1034 section 4.3.2, RFC 4035 section 3.1,
//! RFC 5155 section 7.2, RFC 6672).

use domain::base::iana::{Rcode, Rtype};

use super::zone::{Denial, Rrset, TTL, Zone};
use super::{Name, rdata, suffixes, wildcard_below};

/// An RRset in a response, with the owner it has there (for a wildcard, the name asked for).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The owner in the response.
    pub owner: Name,
    /// The records and their signatures.
    pub rrset: Rrset,
}

/// An authority's answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What kind of answer it is.
    pub kind: Kind,
    /// The answer section.
    pub answer: Vec<Entry>,
    /// The authority section: SOA and denial, or a delegation.
    pub authority: Vec<Entry>,
}

/// The kinds of an authority's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The RRset asked for.
    Answer,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Another zone knows: its name, and its name servers' names.
    Referral {
        /// The delegation point.
        cut: Name,
        /// The hosts to ask.
        servers: Vec<Name>,
    },
    /// A CNAME, or a DNAME and the CNAME made from it, leads to this name.
    Alias(Name),
    /// The name made from a DNAME is too long (RFC 6672 section 2.2).
    TooLong,
}

impl Kind {
    /// The response code.
    #[must_use]
    pub const fn rcode(&self) -> Rcode {
        match self {
            Self::NxDomain => Rcode::NXDOMAIN,
            Self::TooLong => Rcode::YXDOMAIN,
            _ => Rcode::NOERROR,
        }
    }
}

impl Reply {
    fn new(kind: Kind, answer: Vec<Entry>, authority: Vec<Entry>) -> Self {
        Self {
            kind,
            answer,
            authority,
        }
    }
}

/// Answers a question for `qname`, which lies at or below the zone's apex.
#[must_use]
pub fn answer(zone: &Zone, qname: &Name, qtype: Rtype) -> Reply {
    let mut path: Vec<Name> = suffixes(qname)
        .take_while(|name| name.ends_with(zone.apex()))
        .collect();
    path.reverse();

    for name in &path {
        let at_question = name == qname;
        // The parent's side of a cut answers for DS (RFC 4035 section 3.1.4.1).
        if zone.is_cut(name) && !(at_question && qtype == Rtype::DS) {
            return referral(zone, name);
        }
        if let (false, Some(dname)) = (at_question, zone.rrset(name, Rtype::DNAME)) {
            return renamed(name, dname, qname);
        }
    }
    if zone.exists(qname) {
        return at_node(zone, qname, qname, qtype, Vec::new());
    }
    missing(zone, &path, qname, qtype)
}

/// Answers from the records that `source` owns; `proof` shows why a wildcard may speak.
fn at_node(zone: &Zone, source: &Name, qname: &Name, qtype: Rtype, proof: Vec<Entry>) -> Reply {
    let entry = |rrset: &Rrset| Entry {
        owner: qname.clone(),
        rrset: rrset.clone(),
    };
    if let Some(rrset) = zone.rrset(source, qtype) {
        return Reply::new(Kind::Answer, vec![entry(rrset)], proof);
    }
    if let Some(cname) = zone.rrset(source, Rtype::CNAME)
        && let Some(target) = sole_target(cname)
    {
        return Reply::new(Kind::Alias(target), vec![entry(cname)], proof);
    }
    let mut authority = soa(zone);
    authority.extend(proof);
    match zone.denial() {
        None => {}
        Some(Denial::Nsec) => extend(&mut authority, zone.nsec_for(source)),
        Some(Denial::Nsec3 | Denial::Nsec3OptOut) => no_data_nsec3(zone, source, &mut authority),
    }
    Reply::new(Kind::NoData, Vec::new(), authority)
}

/// Answers for a name that does not exist: from a wildcard, or with a denial.
fn missing(zone: &Zone, path: &[Name], qname: &Name, qtype: Rtype) -> Reply {
    // The apex always exists, so there is a closest encloser and a name one label longer.
    let depth = path.iter().rposition(|name| zone.exists(name)).unwrap_or(0);
    let (encloser, next_closer) = (&path[depth], &path[depth + 1]);
    let wildcard = wildcard_below(encloser);
    let source = wildcard.as_ref().filter(|name| zone.exists(name));

    let mut proof = Vec::new();
    match zone.denial() {
        None => {}
        Some(Denial::Nsec) => extend(&mut proof, zone.nsec_for(qname)),
        Some(Denial::Nsec3 | Denial::Nsec3OptOut) => {
            let positive = source.is_some_and(|name| {
                zone.rrset(name, qtype)
                    .or(zone.rrset(name, Rtype::CNAME))
                    .is_some()
            });
            // The closest encloser of a wildcard answer shows in the RRSIG's labels field.
            if !positive {
                extend(&mut proof, zone.nsec3_matching(encloser));
            }
            extend(&mut proof, zone.nsec3_covering(next_closer));
        }
    }
    if let Some(source) = source {
        return at_node(zone, source, qname, qtype, proof);
    }
    let mut authority = soa(zone);
    authority.extend(proof);
    if let Some(wildcard) = wildcard {
        match zone.denial() {
            None => {}
            Some(Denial::Nsec) => extend(&mut authority, zone.nsec_for(&wildcard)),
            Some(_) => extend(&mut authority, zone.nsec3_covering(&wildcard)),
        }
    }
    Reply::new(Kind::NxDomain, Vec::new(), authority)
}

/// Sends the asker to the zone below `cut`, with its DS or the proof that it has none.
fn referral(zone: &Zone, cut: &Name) -> Reply {
    let entry = |rrset: &Rrset| Entry {
        owner: cut.clone(),
        rrset: rrset.clone(),
    };
    let mut authority = Vec::new();
    let mut servers = Vec::new();
    if let Some(ns) = zone.rrset(cut, Rtype::NS) {
        servers = ns
            .rdatas
            .iter()
            .filter_map(|rdata| Name::from_octets(rdata.clone()).ok())
            .collect();
        authority.push(entry(ns));
    }
    match (zone.rrset(cut, Rtype::DS), zone.denial()) {
        (Some(ds), _) => authority.push(entry(ds)),
        (None, None) => {}
        (None, Some(Denial::Nsec)) => extend(&mut authority, zone.nsec_for(cut)),
        (None, Some(_)) => no_data_nsec3(zone, cut, &mut authority),
    }
    Reply::new(
        Kind::Referral {
            cut: cut.clone(),
            servers,
        },
        Vec::new(),
        authority,
    )
}

/// Follows the DNAME at `owner` (RFC 6672 section 3.2).
fn renamed(owner: &Name, dname: &Rrset, qname: &Name) -> Reply {
    let mut answer = vec![Entry {
        owner: owner.clone(),
        rrset: dname.clone(),
    }];
    let kept = qname.len() - owner.len();
    let target = sole_target(dname).and_then(|target| {
        let mut wire = qname.as_slice()[..kept].to_vec();
        wire.extend_from_slice(target.as_slice());
        Name::from_octets(wire).ok()
    });
    let Some(target) = target else {
        return Reply::new(Kind::TooLong, answer, Vec::new());
    };
    let cname = Rrset::new(Rtype::CNAME, TTL, rdata::target(&target));
    answer.push(Entry {
        owner: qname.clone(),
        rrset: cname,
    });
    Reply::new(Kind::Alias(target), answer, Vec::new())
}

/// Shows by NSEC3 that `name`, which exists, lacks the type asked for. An unsigned delegation that
/// opt-out left out of the chain has no record of its own, so a span is shown instead (RFC 5155
/// section 7.2.4).
fn no_data_nsec3(zone: &Zone, name: &Name, authority: &mut Vec<Entry>) {
    if let Some(matching) = zone.nsec3_matching(name) {
        return extend(authority, Some(matching));
    }
    let mut next_closer = name.clone();
    for ancestor in suffixes(name).skip(1) {
        if let Some(encloser) = zone.nsec3_matching(&ancestor) {
            extend(authority, Some(encloser));
            return extend(authority, zone.nsec3_covering(&next_closer));
        }
        next_closer = ancestor;
    }
}

/// The SOA of a denial, which lives no longer than the denial itself (RFC 2308 section 3).
fn soa(zone: &Zone) -> Vec<Entry> {
    let soa = zone.rrset(zone.apex(), Rtype::SOA).map(|rrset| Entry {
        owner: zone.apex().clone(),
        rrset: Rrset {
            ttl: rrset.ttl.min(zone.negative_ttl()),
            ..rrset.clone()
        },
    });
    soa.into_iter().collect()
}

fn extend(entries: &mut Vec<Entry>, found: Option<(&Name, &Rrset)>) {
    if let Some((owner, rrset)) = found {
        let entry = Entry {
            owner: owner.clone(),
            rrset: rrset.clone(),
        };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
}

fn sole_target(rrset: &Rrset) -> Option<Name> {
    Name::from_octets(rrset.rdatas.first()?.clone()).ok()
}
