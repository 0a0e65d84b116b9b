//! Walks what is known from a question to the root, and says what is missing.

use std::collections::{HashMap, HashSet};

use super::ProveError;
use super::reading;
use crate::message::{Response, rcode};
use crate::name::Name;
use crate::rdata::{Ds, key_tag};
use crate::record::{Question, Record, RecordType};

/// One walk over the responses known so far.
pub(super) struct Gathering<'a> {
    answers: &'a HashMap<Question, Response>,
    max_aliases: usize,
    /// Questions without whose responses the walk could not go on.
    pub(super) missing: Vec<Question>,
    kept: Vec<SignedSet<'a>>,
    zones: HashSet<Name>,
    walked: HashSet<Name>,
}

/// RRsets kept of one denial. An honest one has an SOA and at most three NSEC3, or two NSEC; what
/// follows more than these, and some for aliases made from wildcards, costs work and proves nothing.
const MAX_DENIAL_SETS: usize = 16;

/// An RRset of the proof and the signatures over it.
struct SignedSet<'a> {
    owner: Name,
    rtype: RecordType,
    records: Vec<&'a Record>,
    signatures: Vec<&'a Record>,
}

/// What became known of RRsets by keeping them.
#[derive(Default)]
struct Kept {
    /// The zones that signed them, each once. Empty: not signed, or by nobody who could.
    signers: Vec<Name>,
    /// True if one was made from a wildcard (RFC 4035 section 5.3.4).
    expanded: bool,
}

/// One step from a name.
enum Step {
    /// Nothing further is needed: an answer, or an alias in a zone that is not signed.
    End,
    /// A CNAME, or a DNAME above the name; the target, unless the DNAME makes it too long.
    Alias(Option<Name>),
    /// Neither.
    Denial,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(answers: &'a HashMap<Question, Response>, max_aliases: usize) -> Self {
        Self {
            answers,
            max_aliases,
            missing: Vec::new(),
            kept: Vec::new(),
            zones: HashSet::new(),
            walked: HashSet::new(),
        }
    }

    /// Walks from `question` over its aliases to an answer or a denial, and from each to the root.
    pub(super) fn prove(&mut self, question: &Question) -> Result<(), ProveError> {
        self.zone(&Name::root());
        let rtype = question.rtype;
        let mut name = question.name.clone();
        let Some(mut response) = self.response(&name, rtype) else {
            return Ok(());
        };
        // One more turn than aliases: the last is the answer.
        for _ in 0..=self.max_aliases {
            if name != question.name && !speaks_of(response, &name, rtype) {
                // The resolver stopped at an alias: what it points to is a question of its own.
                match self.response(&name, rtype) {
                    Some(own) => response = own,
                    None => return Ok(()),
                }
            }
            match self.step(response, &name, rtype) {
                Step::Alias(Some(target)) => name = target,
                // That the alias leads nowhere is proved by the DNAME itself (RFC 6672 section 2.2).
                Step::End | Step::Alias(None) => return Ok(()),
                Step::Denial => {
                    self.denial(response, &name);
                    return Ok(());
                }
            }
        }
        Err(ProveError::TooManyAliases(self.max_aliases))
    }

    /// The RRs kept, in the order of a proof.
    pub(super) fn into_records(mut self) -> Vec<Record> {
        self.drop_idle_signatures();
        // A stable sort: aliases, answer and denial stay in the order of the walk.
        self.kept.sort_by_key(|set| match set.rtype {
            RecordType::DS => (false, set.owner.label_count(), false),
            RecordType::DNSKEY => (false, set.owner.label_count(), true),
            _ => (true, 0, false),
        });
        self.kept
            .into_iter()
            .flat_map(|set| distinct(set.records).chain(distinct(set.signatures)))
            .collect()
    }

    /// Leaves out signatures that help nobody, where another one remains: by keys that their zone
    /// does not have, which make dnssec-prover refuse a proof; and over keys by one that the
    /// delegation does not name, as signers that sign them with every key add.
    fn drop_idle_signatures(&mut self) {
        let ids = |rtype: RecordType, id: fn(&[u8]) -> Option<u16>| -> HashSet<(Name, u16)> {
            self.kept
                .iter()
                .filter(|set| set.rtype == rtype)
                .flat_map(|set| &set.records)
                .filter_map(|record| Some((record.owner.clone(), id(&record.rdata)?)))
                .collect()
        };
        let keys = ids(RecordType::DNSKEY, |rdata| Some(key_tag(rdata)));
        let delegated = ids(RecordType::DS, |rdata| {
            Ds::parse(rdata).map(|ds| ds.key_tag)
        });
        for set in &mut self.kept {
            retain_if_any(&mut set.signatures, &keys);
            if set.rtype == RecordType::DNSKEY {
                retain_if_any(&mut set.signatures, &delegated);
            }
        }
    }

    /// The response to a question, or `None` and a note that it is missing.
    fn response(&mut self, name: &Name, rtype: RecordType) -> Option<&'a Response> {
        let question = Question {
            name: name.clone(),
            rtype,
        };
        let response = self.answers.get(&question);
        if response.is_none() && !self.missing.contains(&question) {
            self.missing.push(question);
        }
        response
    }

    /// Keeps what `response` has for `name`, with what proves it, and says where it leads.
    fn step(&mut self, response: &'a Response, name: &Name, rtype: RecordType) -> Step {
        // The CNAME that a DNAME makes is not signed, even where it is what was asked for, and
        // whoever reads the proof makes it again (RFC 6672 section 5.3.1).
        let dname = dname_above(&response.answer, name);
        let made = rtype == RecordType::CNAME && dname.is_some();
        if has(&response.answer, name, rtype) && !made {
            self.positive(response, name, name, rtype);
            return Step::End;
        }
        if let Some((owner, target)) = dname {
            return if self.positive(response, &owner, name, RecordType::DNAME) {
                Step::Alias(name.rebase(&owner, &target).and_then(Result::ok))
            } else {
                Step::End
            };
        }
        match target_of(&response.answer, name, RecordType::CNAME) {
            Some(target) if self.positive(response, name, name, RecordType::CNAME) => {
                Step::Alias(Some(target))
            }
            Some(_) => Step::End,
            None => Step::Denial,
        }
    }

    /// Keeps the RRset at `owner`, which answers for `name`, and the chain above it. False if it is
    /// not signed.
    fn positive(
        &mut self,
        response: &'a Response,
        owner: &Name,
        name: &Name,
        rtype: RecordType,
    ) -> bool {
        let kept = self.keep(&response.answer, owner, rtype);
        if kept.expanded {
            // A wildcard counts only with the proof that the name itself does not exist.
            self.keep_denial(&response.authority, name);
        }
        self.chain(&kept.signers, owner);
        !kept.signers.is_empty()
    }

    /// Keeps the denial of `name`, and the chain above it.
    fn denial(&mut self, response: &'a Response, name: &Name) {
        let kept = self.keep_denial(&response.authority, name);
        self.chain(&kept.signers, name);
    }

    /// Leads from the signers of something at `owner` to the root; without any, to the place where
    /// the signed part of the tree ends.
    fn chain(&mut self, signers: &[Name], owner: &Name) {
        if signers.is_empty() {
            self.walk(owner);
        }
        for signer in signers {
            self.zone(signer);
        }
    }

    /// Keeps the keys of a zone and whatever its parent says of it.
    fn zone(&mut self, zone: &Name) {
        if !self.zones.insert(zone.clone()) {
            return;
        }
        // Both questions at once, before either answer is looked at.
        let keys = self.response(zone, RecordType::DNSKEY);
        let delegation = if zone.is_root() {
            None
        } else {
            self.response(zone, RecordType::DS)
        };
        if let Some(keys) = keys {
            self.keep(&keys.answer, zone, RecordType::DNSKEY);
        }
        let Some(delegation) = delegation else { return };
        let kept = if has(&delegation.answer, zone, RecordType::DS) {
            self.keep(&delegation.answer, zone, RecordType::DS)
        } else {
            self.keep_denial(&delegation.authority, zone)
        };
        // The parent speaks of a delegation; a signature by the zone itself says nothing of it.
        let parents: Vec<Name> = kept
            .signers
            .into_iter()
            .filter(|signer| signer != zone)
            .collect();
        self.chain(&parents, zone);
    }

    /// Goes down from the root to `name`, label by label, and keeps the first proof that the tree
    /// is not signed from there on. Questions are asked one after another, since the first denial
    /// of a delegation ends the walk and lies high up in the tree.
    fn walk(&mut self, name: &Name) {
        if !self.walked.insert(name.clone()) {
            return;
        }
        for count in 1..=name.label_count() {
            let at = name.ancestor(count);
            let Some(response) = self.response(&at, RecordType::DS) else {
                return;
            };
            if has(&response.answer, &at, RecordType::DS) {
                self.zone(&at);
                continue;
            }
            if has(&response.answer, &at, RecordType::CNAME) {
                // An alias is no delegation.
                continue;
            }
            let ends = response.rcode == rcode::NXDOMAIN
                || denial_sets(&response.authority, &at).is_empty()
                || reading::shows_unsigned_cut(&response.authority, &at);
            if ends {
                let kept = self.keep_denial(&response.authority, &at);
                for signer in kept.signers {
                    self.zone(&signer);
                }
                return;
            }
        }
    }

    /// Keeps one RRset and its signatures.
    fn keep(&mut self, section: &'a [Record], owner: &Name, rtype: RecordType) -> Kept {
        let mut kept = Kept::default();
        let mut set = SignedSet {
            owner: owner.clone(),
            rtype,
            records: Vec::new(),
            signatures: Vec::new(),
        };
        for record in section.iter().filter(|record| record.owner == *owner) {
            if record.rtype == rtype {
                set.records.push(record);
            }
            let Some(signature) = reading::signature_over(record, rtype) else {
                continue;
            };
            kept.expanded |= reading::is_expanded(&signature, owner);
            if !kept.signers.contains(&signature.signer) {
                kept.signers.push(signature.signer);
            }
            set.signatures.push(record);
        }
        // One RRset may come in several responses, an NSEC for instance: the first one stays. But
        // the NSEC on either side of a zone cut are two (RFC 4035 section 2.3): they differ in
        // their signers.
        let earlier = || {
            let same = |set: &&SignedSet<'_>| set.rtype == rtype && set.owner == *owner;
            self.kept.iter().filter(same)
        };
        let has_signed = |signer: &Name| {
            let mut signatures = earlier().flat_map(|set| &set.signatures);
            signatures.any(|record| reading::signature(record).is_some_and(|s| s.signer == *signer))
        };
        let is_kept = earlier().next().is_some() && kept.signers.iter().all(has_signed);
        if !set.records.is_empty() && !is_kept {
            self.kept.push(set);
        }
        kept
    }

    /// Keeps SOA, NSEC and NSEC3 as far as they can deny `name` or a wildcard above it.
    ///
    /// Some resolvers add other ones. What is not signed proves nothing and stays out.
    fn keep_denial(&mut self, section: &'a [Record], name: &Name) -> Kept {
        let mut kept = Kept::default();
        for (owner, rtype) in denial_sets(section, name) {
            for signer in self.keep(section, owner, rtype).signers {
                if !kept.signers.contains(&signer) {
                    kept.signers.push(signer);
                }
            }
        }
        kept
    }
}

/// The signed RRsets of `section` that can deny `name`, at most [`MAX_DENIAL_SETS`].
fn denial_sets<'a>(section: &'a [Record], name: &Name) -> Vec<(&'a Name, RecordType)> {
    let signed: HashSet<(&Name, RecordType)> = section
        .iter()
        .filter_map(|record| Some((&record.owner, reading::signature(record)?.covered)))
        .collect();
    let mut sets = Vec::new();
    for record in section {
        let set = (&record.owner, record.rtype);
        if signed.contains(&set) && !sets.contains(&set) && reading::may_deny(record, name) {
            sets.push(set);
            if sets.len() == MAX_DENIAL_SETS {
                break;
            }
        }
    }
    sets
}

/// Retains the signatures by one of `keys`, unless that would leave none.
fn retain_if_any(signatures: &mut Vec<&Record>, keys: &HashSet<(Name, u16)>) {
    let known = |record: &&Record| {
        reading::signature(record)
            .is_some_and(|signature| keys.contains(&(signature.signer, signature.key_tag)))
    };
    if signatures.iter().any(known) {
        signatures.retain(known);
    }
}

fn has(section: &[Record], owner: &Name, rtype: RecordType) -> bool {
    section
        .iter()
        .any(|record| record.rtype == rtype && record.owner == *owner)
}

/// True if `response` tells something of `name`, rather than having stopped at an alias for it.
fn speaks_of(response: &Response, name: &Name, rtype: RecordType) -> bool {
    has(&response.answer, name, rtype)
        || has(&response.answer, name, RecordType::CNAME)
        || dname_above(&response.answer, name).is_some()
        || response
            .authority
            .iter()
            .any(|record| record.rtype == RecordType::SOA && name.is_at_or_below(&record.owner))
}

/// The target of the alias of type `rtype` at `owner`.
fn target_of(section: &[Record], owner: &Name, rtype: RecordType) -> Option<Name> {
    let alias = section
        .iter()
        .find(|record| record.rtype == rtype && record.owner == *owner)?;
    Name::from_wire(&alias.rdata).ok()
}

/// The DNAME above `name`, with its target.
fn dname_above(section: &[Record], name: &Name) -> Option<(Name, Name)> {
    let dname = section
        .iter()
        .find(|record| record.rtype == RecordType::DNAME && name.is_below(&record.owner))?;
    Some((dname.owner.clone(), Name::from_wire(&dname.rdata).ok()?))
}

/// Copies of `records` without repetitions, in their order.
fn distinct(records: Vec<&Record>) -> impl Iterator<Item = Record> {
    let mut seen = HashSet::new();
    records
        .into_iter()
        .filter(move |record| seen.insert(&record.rdata))
        .cloned()
}
