//! A small world of zones with an honest server for all of it, and what is true in it.

#![allow(unreachable_pub, reason = "each test binary has its own support")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use sotto_proof::message::{Response, rcode};
use sotto_proof::{Name, Question, Record, RecordType};

use crate::support::*;

/// How a zone denies.
#[derive(Clone, Copy)]
pub enum Denial {
    Nsec,
    /// Whole chains of NSEC3.
    Nsec3(Nsec3),
    /// NSEC3 records made on demand that cover one hash alone (RFC 7129 appendix B).
    Nsec3Narrow,
    /// RFC 9824.
    Compact,
    /// Not signed at all.
    Unsigned,
}

pub struct WorldZone {
    pub zone: Zone,
    pub denial: Denial,
    pub rrsets: BTreeMap<(Name, RecordType), Vec<Record>>,
}

/// What is true of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    Secure(Vec<Box<[u8]>>),
    NoData,
    NxDomain,
    Insecure,
}

pub struct World {
    pub zones: Vec<WorldZone>,
    /// Whether the resolver leaves it to its client to follow aliases.
    pub stops_at_aliases: Cell<bool>,
    signed: RefCell<HashMap<ToSign, Vec<Record>>>,
}

/// The place of a zone, an RRset of it, and the labels of the wildcard it was made from.
type ToSign = (usize, Vec<Record>, Option<u8>);

impl World {
    /// Makes a world of zones, parents first, each with its records but SOA, NS, DS and DNSKEY.
    pub fn new(plan: Vec<(&str, Denial, Vec<Record>)>) -> Self {
        let mut zones: Vec<WorldZone> = Vec::new();
        for (apex, denial, records) in plan {
            let zone = Zone::new(apex);
            let mut rrsets = BTreeMap::<_, Vec<Record>>::new();
            let ns = |owner: &str| record(owner, RecordType::NS, name("ns.nowhere.").as_wire());
            let mut all = records;
            all.push(soa(apex, 300));
            all.push(ns(apex));
            if !matches!(denial, Denial::Unsigned) {
                all.extend(zone.dnskey_records());
            }
            for record in all {
                let key = (record.owner.to_lowercase(), record.rtype);
                rrsets.entry(key).or_default().push(record);
            }
            let parent = zones
                .iter_mut()
                .filter(|parent| zone.name.is_below(&parent.zone.name))
                .max_by_key(|parent| parent.zone.name.label_count());
            if let Some(parent) = parent {
                let cut = zone.name.to_lowercase();
                parent
                    .rrsets
                    .insert((cut.clone(), RecordType::NS), vec![ns(apex)]);
                if !matches!(denial, Denial::Unsigned) {
                    parent.rrsets.insert((cut, RecordType::DS), vec![zone.ds()]);
                }
            }
            zones.push(WorldZone {
                zone,
                denial,
                rrsets,
            });
        }
        Self {
            zones,
            stops_at_aliases: Cell::new(false),
            signed: RefCell::default(),
        }
    }

    fn holder(&self, question: &Question) -> usize {
        let holds = |zone: &WorldZone| {
            let apex = &zone.zone.name;
            let own_ds = question.rtype == RecordType::DS && !apex.is_root();
            question.name.is_at_or_below(apex) && !(own_ds && question.name == *apex)
        };
        (0..self.zones.len())
            .filter(|&at| holds(&self.zones[at]))
            .max_by_key(|&at| self.zones[at].zone.name.label_count())
            .unwrap()
    }

    fn is_signed(&self, at: usize) -> bool {
        let apex = &self.zones[at].zone.name;
        self.zones
            .iter()
            .filter(|zone| apex.is_at_or_below(&zone.zone.name))
            .all(|zone| !matches!(zone.denial, Denial::Unsigned))
    }

    /// Signs an RRset as its server would: nothing at a cut but DS.
    fn sign(&self, at: usize, records: Vec<Record>, labels: Option<u8>) -> Vec<Record> {
        let zone = &self.zones[at];
        let is_cut = records[0].rtype == RecordType::NS && records[0].owner != zone.zone.name;
        if matches!(zone.denial, Denial::Unsigned) || is_cut {
            return records;
        }
        let key = (at, records.clone(), labels);
        let mut signed = self.signed.borrow_mut();
        signed
            .entry(key)
            .or_insert_with(|| {
                zone.zone.sign_as(records, |terms| {
                    terms.labels = labels.unwrap_or(terms.labels);
                })
            })
            .clone()
    }

    /// Answers like a recursive resolver with CD set, and tells what is true.
    pub fn answer(&self, question: &Question) -> (Response, Truth) {
        let mut answer = Vec::new();
        let mut authority = Vec::new();
        let mut current = question.clone();
        let mut insecure = false;
        for _ in 0..9 {
            let at = self.holder(&current);
            insecure |= !self.is_signed(at);
            let zone = &self.zones[at];
            let apex = &zone.zone.name;
            let labels = current.name.label_count();
            let above = (apex.label_count()..labels)
                .map(|count| current.name.ancestor(count))
                .find_map(|above| zone.rrsets.get(&(above, RecordType::DNAME)));
            if let Some(set) = above {
                let target = Name::from_wire(&set[0].rdata).unwrap();
                let renamed = current
                    .name
                    .rebase(&set[0].owner, &target)
                    .unwrap()
                    .unwrap();
                answer.extend(self.sign(at, set.clone(), None));
                answer.push(cname(&current.name.to_string(), &renamed.to_string()));
                current.name = renamed;
                if self.stops_at_aliases.get() {
                    return (response(rcode::NOERROR, answer, authority), Truth::NoData);
                }
                continue;
            }
            let exists = |name: &Name| {
                zone.rrsets
                    .keys()
                    .any(|(owner, _)| owner.is_at_or_below(name))
            };
            let mut source = current.name.to_lowercase();
            let (mut expanded, mut via) = (None, None);
            if !exists(&source) {
                let encloser = (0..labels)
                    .rev()
                    .map(|c| source.ancestor(c))
                    .find(|n| exists(n))
                    .unwrap();
                let wildcard = encloser.prepend(b"*").unwrap();
                let span_is_open;
                if exists(&wildcard) {
                    span_is_open = self.deny(at, &current, Some(&wildcard), &mut authority);
                    let is_compact = matches!(zone.denial, Denial::Compact);
                    expanded = (!is_compact).then_some(encloser.label_count() as u8);
                    via = Some(wildcard.clone());
                    source = wildcard;
                } else {
                    authority.extend(self.soa(at));
                    span_is_open = self.deny(at, &current, None, &mut authority);
                    let truth = if insecure || span_is_open {
                        Truth::Insecure
                    } else {
                        Truth::NxDomain
                    };
                    return (response(rcode::NXDOMAIN, answer, authority), truth);
                }
                insecure |= span_is_open;
            }
            let expand = |set: &Vec<Record>| -> Vec<Record> {
                let moved = |record: &Record| Record {
                    owner: current.name.clone(),
                    ..record.clone()
                };
                set.iter().map(moved).collect()
            };
            if let Some(set) = zone.rrsets.get(&(source.clone(), current.rtype)) {
                answer.extend(self.sign(at, expand(set), expanded));
                let mut rdatas: Vec<_> = set.iter().map(|record| record.rdata.clone()).collect();
                rdatas.sort();
                let truth = if insecure {
                    Truth::Insecure
                } else {
                    Truth::Secure(rdatas)
                };
                return (response(rcode::NOERROR, answer, authority), truth);
            }
            if let Some(set) = zone.rrsets.get(&(source.clone(), RecordType::CNAME)) {
                answer.extend(self.sign(at, expand(set), expanded));
                current.name = Name::from_wire(&set[0].rdata).unwrap();
                if self.stops_at_aliases.get() {
                    return (response(rcode::NOERROR, answer, authority), Truth::NoData);
                }
                continue;
            }
            authority.extend(self.soa(at));
            insecure |= self.deny(at, &current, via.as_ref(), &mut authority);
            let truth = if insecure {
                Truth::Insecure
            } else {
                Truth::NoData
            };
            return (response(rcode::NOERROR, answer, authority), truth);
        }
        panic!("the world has loops");
    }

    fn soa(&self, at: usize) -> Vec<Record> {
        let zone = &self.zones[at];
        let key = (zone.zone.name.to_lowercase(), RecordType::SOA);
        self.sign(at, zone.rrsets[&key].clone(), None)
    }

    fn types(&self, at: usize, owner: &Name, extra: &str) -> String {
        let here = self.zones[at]
            .rrsets
            .keys()
            .filter(|(name, _)| name == owner);
        let mut types: Vec<_> = here.map(|(_, rtype)| rtype.to_string()).collect();
        types.extend(extra.split_whitespace().map(str::to_owned));
        types.join(" ")
    }

    /// Adds what denies the question, or shows that a wildcard applies; true if opt-out leaves it
    /// open.
    fn deny(
        &self,
        at: usize,
        question: &Question,
        wildcard: Option<&Name>,
        out: &mut Vec<Record>,
    ) -> bool {
        let zone = &self.zones[at];
        let apex = zone.zone.name.to_lowercase();
        let owners: BTreeSet<Name> = zone.rrsets.keys().map(|(owner, _)| owner.clone()).collect();
        let asked = question.name.to_lowercase();
        match zone.denial {
            Denial::Unsigned => false,
            Denial::Compact => {
                // Made for the name alone; wildcards are answered as if the name were there.
                let types = match wildcard {
                    Some(wildcard) => self.types(at, wildcard, "RRSIG NSEC"),
                    None if owners.iter().any(|owner| owner.is_at_or_below(&asked)) => {
                        self.types(at, &asked, "RRSIG NSEC")
                    }
                    None => "RRSIG NSEC NXNAME".into(),
                };
                let next = asked.prepend(&[0]).unwrap();
                let denial = nsec(&asked.to_string(), &next.to_string(), &types);
                out.extend(self.sign(at, vec![denial], None));
                false
            }
            Denial::Nsec => {
                let encloser = self.encloser(at, &asked);
                let possible = encloser.prepend(b"*").unwrap();
                for wanted in [asked.clone(), possible] {
                    let owner = owners.range(..=wanted).next_back().unwrap();
                    let mut later = owners.range(owner.clone()..).skip(1);
                    let next = later.next().unwrap_or(&apex);
                    let types = self.types(at, owner, "RRSIG NSEC");
                    out.extend(self.sign(
                        at,
                        vec![nsec(&owner.to_string(), &next.to_string(), &types)],
                        None,
                    ));
                }
                false
            }
            Denial::Nsec3(_) | Denial::Nsec3Narrow => {
                let parameters = match zone.denial {
                    Denial::Nsec3(parameters) => parameters,
                    _ => Nsec3::PLAIN,
                };
                let is_unsigned_cut = |owner: &Name| {
                    *owner != apex
                        && zone.rrsets.contains_key(&(owner.clone(), RecordType::NS))
                        && !zone.rrsets.contains_key(&(owner.clone(), RecordType::DS))
                };
                let mut present = BTreeSet::new();
                for owner in &owners {
                    if parameters.opt_out && is_unsigned_cut(owner) {
                        continue;
                    }
                    for count in apex.label_count()..=owner.label_count() {
                        present.insert(owner.ancestor(count));
                    }
                }
                let chain: BTreeMap<Vec<u8>, &Name> = present
                    .iter()
                    .map(|owner| (parameters.hash(owner), owner))
                    .collect();
                let serve = |hash: Vec<u8>, out: &mut Vec<Record>| {
                    let matched = chain.get(&hash);
                    let (owner, next, types) = if matches!(zone.denial, Denial::Nsec3Narrow) {
                        let next = step(&hash, true);
                        let owner = if matched.is_some() {
                            hash.clone()
                        } else {
                            step(&hash, false)
                        };
                        (
                            owner,
                            next,
                            matched.map_or(String::new(), |n| self.types(at, n, "RRSIG")),
                        )
                    } else {
                        let (owner, holder) = chain
                            .range(..=hash.clone())
                            .next_back()
                            .or_else(|| chain.last_key_value())
                            .unwrap();
                        let next = chain
                            .range(owner.clone()..)
                            .nth(1)
                            .or_else(|| chain.first_key_value())
                            .unwrap()
                            .0;
                        (owner.clone(), next.clone(), self.types(at, holder, "RRSIG"))
                    };
                    let denial = parameters.record(&apex.to_string(), &owner, &next, &types);
                    out.extend(self.sign(at, vec![denial], None));
                    matched.is_none()
                };
                if present.contains(&asked) {
                    serve(parameters.hash(&asked), out);
                    return false;
                }
                let labels = (0..asked.label_count())
                    .rev()
                    .find(|&count| present.contains(&asked.ancestor(count)))
                    .unwrap();
                let encloser = asked.ancestor(labels);
                serve(parameters.hash(&encloser), out);
                serve(parameters.hash(&asked.ancestor(labels + 1)), out);
                serve(parameters.hash(&encloser.prepend(b"*").unwrap()), out);
                parameters.opt_out
            }
        }
    }

    fn encloser(&self, at: usize, asked: &Name) -> Name {
        let owners = || self.zones[at].rrsets.keys().map(|(owner, _)| owner);
        (0..=asked.label_count())
            .rev()
            .map(|count| asked.ancestor(count))
            .find(|above| owners().any(|owner| owner.is_at_or_below(above)))
            .unwrap()
    }
}

fn response(rcode: u16, answer: Vec<Record>, authority: Vec<Record>) -> Response {
    Response {
        rcode,
        truncated: false,
        answer,
        authority,
    }
}
