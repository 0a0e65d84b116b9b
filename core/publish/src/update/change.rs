//! From what stands to what is wanted: the smallest change, and what must hold for it to be made.

use sotto_proof::{CLASS_IN, RecordType};

use super::target::{Standing, Target};
use super::wire::{CLASS_NONE, Section};

/// What a change does to the RRs that are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There were none.
    Add,
    /// Some are exchanged, or get another TTL.
    Replace,
    /// None is left.
    Remove,
}

/// What one update does at one name: whole or not at all, and only if nobody else changed it in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What becomes of ours.
    pub kind: Kind,
    /// The TTL that the RRset has afterwards, seconds.
    pub ttl: u32,
    /// The RDATA of each RR that goes, or gets another TTL.
    pub deleted: Vec<Box<[u8]>>,
    /// The RDATA of each RR that comes, or gets another TTL.
    pub added: Vec<Vec<u8>>,
    /// The RRs beside ours, which stay.
    pub foreign: usize,
    pub(super) prerequisites: Section,
    pub(super) updates: Section,
}

impl Change {
    /// The change from `standing` to `target`; `None` if there is nothing to do.
    ///
    /// It is bound to `standing` by prerequisites (RFC 2136 section 2.4): the RRset must still be that one.
    #[must_use]
    pub fn plan(target: &Target, standing: &Standing) -> Option<Self> {
        let (ours, foreign): (Vec<_>, Vec<_>) = standing
            .rdatas
            .iter()
            .partition(|rdata| (target.is_ours)(rdata));
        let mut wanted = target.rdatas.clone();
        wanted.sort_unstable();
        wanted.dedup();

        let stands = |rdata: &[u8]| {
            standing
                .rdatas
                .iter()
                .any(|standing| standing[..] == *rdata)
        };
        let ttl = if foreign.is_empty() {
            target.ttl
        } else {
            standing.ttl
        };
        let retimed = ttl != standing.ttl;
        let deleted: Vec<Box<[u8]>> = ours
            .iter()
            // Knot keeps the TTL of an RR that is added again unless it goes first.
            .filter(|rdata| retimed || !wanted.iter().any(|wanted| wanted[..] == rdata[..]))
            .map(|rdata| (*rdata).clone())
            .collect();
        let is_last = wanted.is_empty();
        wanted.retain(|rdata| retimed || !stands(rdata));
        if deleted.is_empty() && wanted.is_empty() {
            return None;
        }
        let kind = match (ours.is_empty(), is_last) {
            (_, true) => Kind::Remove,
            (true, false) => Kind::Add,
            (false, false) => Kind::Replace,
        };

        let (owner, rtype) = (&target.owner, target.rtype);
        let mut prerequisites = Section::default();
        if standing.rdatas.is_empty() {
            // A server would drop without a word what is added beside a CNAME (RFC 2136 section 3.4.2.2).
            prerequisites.push(owner, rtype, CLASS_NONE, 0, &[]);
            prerequisites.push(owner, RecordType::CNAME, CLASS_NONE, 0, &[]);
        }
        for rdata in &standing.rdatas {
            prerequisites.push(owner, rtype, CLASS_IN, 0, rdata);
        }
        let mut updates = Section::default();
        for rdata in &deleted {
            updates.push(owner, rtype, CLASS_NONE, 0, rdata);
        }
        for rdata in &wanted {
            updates.push(owner, rtype, CLASS_IN, ttl, rdata);
        }
        Some(Self {
            kind,
            ttl,
            deleted,
            added: wanted,
            foreign: foreign.len(),
            prerequisites,
            updates,
        })
    }

    /// Octets that the change takes in an update.
    pub(super) fn octets(&self) -> usize {
        self.prerequisites.octets() + self.updates.octets()
    }
}
