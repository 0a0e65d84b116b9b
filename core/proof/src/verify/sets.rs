//! The records of a proof, sorted into RRsets and what may deny something.

use std::collections::BTreeMap;
use std::rc::Rc;

use data_encoding::BASE32HEX_NOPAD;

use super::crypto::Nsec3Hash;
use crate::name::Name;
use crate::rdata::{self, Nsec, Nsec3, Rrsig, TypeBitmap};
use crate::record::{CLASS_IN, Record, RecordType};

/// NSEC or NSEC3 records looked at per owner: a zone cut has one on either side.
const DENIALS_PER_OWNER: usize = 2;

/// The hash algorithm of NSEC3 that exists (RFC 5155 section 11).
const NSEC3_SHA1: u8 = 1;

/// An RRset of a proof, by its place in [`Sets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetId(usize);

/// One RRset and the RRSIGs that claim to cover it.
///
/// Each NSEC and NSEC3 record is a set of its own: on a zone cut the parent's and the child's
/// share owner and type, but no signature.
#[derive(Debug)]
pub(super) struct Set<'p> {
    pub(super) owner: &'p Name,
    pub(super) rtype: RecordType,
    /// Canonical RDATA in canonical order without duplicates (RFC 4034 section 6.3), each with
    /// the place of its record in the proof.
    pub(super) rdatas: Vec<(Box<[u8]>, usize)>,
    /// The lowest TTL of the records.
    pub(super) ttl: u32,
    pub(super) signatures: Rc<[Signature<'p>]>,
}

impl Set<'_> {
    /// Returns the canonical RDATA of the only record, or `None` where there are several.
    pub(super) fn single(&self) -> Option<&[u8]> {
        match &self.rdatas[..] {
            [(rdata, _)] => Some(rdata),
            _ => None,
        }
    }
}

/// One RRSIG of a proof.
#[derive(Debug)]
pub(super) struct Signature<'p> {
    /// Its place in the proof.
    pub(super) index: usize,
    pub(super) record: &'p Record,
    pub(super) rrsig: Rrsig<'p>,
}

/// What the records of one zone say about names that do not exist.
#[derive(Debug, Default)]
pub(super) struct Denials<'p> {
    pub(super) nsecs: Vec<NsecSet<'p>>,
    pub(super) nsec3s: Vec<Nsec3Chain<'p>>,
}

/// One NSEC record that lies in the zone with both its names.
#[derive(Debug)]
pub(super) struct NsecSet<'p> {
    pub(super) set: SetId,
    pub(super) owner: &'p Name,
    pub(super) next: Name,
    pub(super) types: TypeBitmap<'p>,
}

/// The NSEC3 records of one zone that share iterations and salt.
#[derive(Debug)]
pub(super) struct Nsec3Chain<'p> {
    pub(super) iterations: u16,
    pub(super) salt: &'p [u8],
    pub(super) sets: Vec<Nsec3Set<'p>>,
}

/// One NSEC3 record.
#[derive(Debug)]
pub(super) struct Nsec3Set<'p> {
    pub(super) set: SetId,
    pub(super) owner: Nsec3Hash,
    pub(super) next: Nsec3Hash,
    pub(super) opt_out: bool,
    pub(super) types: TypeBitmap<'p>,
}

/// Every RRset of class IN in a proof, RRSIGs aside.
#[derive(Debug)]
pub(super) struct Sets<'p> {
    /// In order of owner and type.
    sets: Vec<Set<'p>>,
    /// By the zone that claims to have signed them.
    denials: BTreeMap<Name, Denials<'p>>,
}

impl<'p> Sets<'p> {
    pub(super) fn new(records: &'p [Record]) -> Self {
        let signatures = signatures(records);
        let mut order: Vec<usize> = (0..records.len()).collect();
        let key = |index: usize| (&records[index].owner, records[index].rtype);
        order.retain(|&index| {
            records[index].class == CLASS_IN && records[index].rtype != RecordType::RRSIG
        });
        order.sort_by_key(|&index| key(index));

        let mut sets = Vec::new();
        for group in order.chunk_by(|&a, &b| key(a) == key(b)) {
            let (owner, rtype) = key(group[0]);
            let signatures = signatures.get(&(owner, rtype)).cloned().unwrap_or_default();
            let set = |rdatas: Vec<(Box<[u8]>, usize)>| Set {
                owner,
                rtype,
                ttl: rdatas
                    .iter()
                    .map(|&(_, at)| records[at].lifetime())
                    .min()
                    .unwrap_or(0),
                rdatas,
                signatures: Rc::clone(&signatures),
            };
            let rdatas = canonical_rdatas(records, rtype, group);
            if [RecordType::NSEC, RecordType::NSEC3].contains(&rtype) {
                let alone = rdatas.into_iter().take(DENIALS_PER_OWNER);
                sets.extend(alone.map(|rdata| set(vec![rdata])));
            } else {
                sets.push(set(rdatas));
            }
        }
        let denials = denials(records, &sets);
        Self { sets, denials }
    }

    pub(super) fn get(&self, id: SetId) -> &Set<'p> {
        &self.sets[id.0]
    }

    /// Returns the RRset of that owner and type.
    pub(super) fn find(&self, owner: &Name, rtype: RecordType) -> Option<SetId> {
        self.find_all(owner, rtype).next()
    }

    /// Returns every set of that owner and type: several only for NSEC and NSEC3.
    pub(super) fn find_all(
        &self,
        owner: &Name,
        rtype: RecordType,
    ) -> impl Iterator<Item = SetId> + use<> {
        let key = (owner, rtype);
        let start = self
            .sets
            .partition_point(|set| (set.owner, set.rtype) < key);
        let count = self.sets[start..]
            .iter()
            .take_while(|set| (set.owner, set.rtype) == key)
            .count();
        (start..start + count).map(SetId)
    }

    /// Returns what claims to deny something in the zone.
    pub(super) fn denials(&self, zone: &Name) -> Option<&Denials<'p>> {
        self.denials.get(zone)
    }

    /// Returns every RRSIG that covers some RRset of the proof.
    pub(super) fn signatures(&self) -> impl Iterator<Item = &Signature<'p>> {
        self.sets.iter().flat_map(|set| set.signatures.iter())
    }
}

/// Sorts the readable RRSIGs by the owner and type that they cover.
fn signatures(records: &[Record]) -> BTreeMap<(&Name, RecordType), Rc<[Signature<'_>]>> {
    let mut sorted = BTreeMap::<_, Vec<_>>::new();
    for (index, record) in records.iter().enumerate() {
        if record.class == CLASS_IN
            && record.rtype == RecordType::RRSIG
            && let Some(rrsig) = Rrsig::parse(&record.rdata)
        {
            let key = (&record.owner, rrsig.covered);
            sorted.entry(key).or_default().push(Signature {
                index,
                record,
                rrsig,
            });
        }
    }
    sorted
        .into_iter()
        .map(|(key, list)| (key, list.into()))
        .collect()
}

fn canonical_rdatas(
    records: &[Record],
    rtype: RecordType,
    group: &[usize],
) -> Vec<(Box<[u8]>, usize)> {
    let canonical = |&at: &usize| {
        let rdata = &records[at].rdata;
        let canonical = rdata::canonical(rtype, rdata).unwrap_or_else(|_| rdata.clone());
        (canonical, at)
    };
    let mut rdatas: Vec<_> = group.iter().map(canonical).collect();
    rdatas.sort();
    rdatas.dedup_by(|(later, _), (earlier, _)| later == earlier);
    rdatas
}

fn denials<'p>(records: &'p [Record], sets: &[Set<'p>]) -> BTreeMap<Name, Denials<'p>> {
    let mut denials = BTreeMap::<Name, Denials<'p>>::new();
    for (place, set) in sets.iter().enumerate() {
        let rdata = &records[set.rdatas[0].1].rdata;
        let mut zones: Vec<_> = set.signatures.iter().map(|s| &s.rrsig.signer).collect();
        zones.sort();
        zones.dedup();
        for zone in zones {
            match set.rtype {
                RecordType::NSEC => {
                    if let Some(nsec) = nsec_set(SetId(place), set.owner, rdata, zone) {
                        denials.entry(zone.clone()).or_default().nsecs.push(nsec);
                    }
                }
                RecordType::NSEC3 => {
                    if let Some((nsec3, chain)) = nsec3_set(SetId(place), set.owner, rdata, zone) {
                        let chains = &mut denials.entry(zone.clone()).or_default().nsec3s;
                        add_to_chain(chains, nsec3.iterations, nsec3.salt, chain);
                    }
                }
                _ => {}
            }
        }
    }
    denials
}

fn nsec_set<'p>(set: SetId, owner: &'p Name, rdata: &'p [u8], zone: &Name) -> Option<NsecSet<'p>> {
    let Nsec { next, types } = Nsec::parse(rdata)?;
    let inside = owner.is_at_or_below(zone) && next.is_at_or_below(zone);
    inside.then_some(NsecSet {
        set,
        owner,
        next,
        types,
    })
}

/// Reads an NSEC3 record, unless it must be ignored: unknown hash algorithm (RFC 5155 section
/// 8.1), unknown flags (section 8.2), or an owner that is no hash directly below its zone.
fn nsec3_set<'p>(
    set: SetId,
    owner: &Name,
    rdata: &'p [u8],
    zone: &Name,
) -> Option<(Nsec3<'p>, Nsec3Set<'p>)> {
    let nsec3 = Nsec3::parse(rdata)?;
    if nsec3.hash_algorithm != NSEC3_SHA1 || nsec3.has_unknown_flags() {
        return None;
    }
    if owner.parent().as_ref() != Some(zone) {
        return None;
    }
    let label = owner.labels().next()?.to_ascii_uppercase();
    let hashed = BASE32HEX_NOPAD.decode(&label).ok()?;
    let entry = Nsec3Set {
        set,
        owner: hashed.try_into().ok()?,
        next: nsec3.next.try_into().ok()?,
        opt_out: nsec3.is_opt_out(),
        types: nsec3.types,
    };
    Some((nsec3, entry))
}

fn add_to_chain<'p>(
    chains: &mut Vec<Nsec3Chain<'p>>,
    iterations: u16,
    salt: &'p [u8],
    set: Nsec3Set<'p>,
) {
    let known = chains
        .iter_mut()
        .find(|chain| chain.iterations == iterations && chain.salt == salt);
    match known {
        Some(chain) => chain.sets.push(set),
        None => chains.push(Nsec3Chain {
            iterations,
            salt,
            sets: vec![set],
        }),
    }
}
