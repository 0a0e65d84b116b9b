//! Walks what is known from a question to the root, and says what is missing.

use std::collections::{HashMap, HashSet};

use super::digest::{Digest, SignedSet, Step};
use super::{ProveError, ProverLimits, reading};
use crate::name::Name;
use crate::rdata::{Ds, key_tag};
use crate::record::{Question, Record, RecordType};

/// One walk over the responses known so far.
pub(super) struct Gathering<'a> {
    answers: &'a HashMap<Question, Digest>,
    limits: &'a ProverLimits,
    /// Questions without whose responses the walk could not go on.
    pub(super) missing: Vec<Question>,
    /// Responses looked up, labels passed and RRsets kept.
    pub(super) work: usize,
    kept: Vec<&'a SignedSet>,
    /// The signers of each RRset kept.
    signers: HashMap<(&'a Name, RecordType), HashSet<&'a Name>>,
    zones: HashSet<Name>,
    /// The names that a walk came to, and whether the signed tree ends there.
    walked: HashMap<Name, bool>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(answers: &'a HashMap<Question, Digest>, limits: &'a ProverLimits) -> Self {
        Self {
            answers,
            limits,
            missing: Vec::new(),
            work: 0,
            kept: Vec::new(),
            signers: HashMap::new(),
            zones: HashSet::new(),
            walked: HashMap::new(),
        }
    }

    /// Walks from `question` over its aliases to an answer or a denial, and from each to the root.
    pub(super) fn prove(&mut self, question: &Question) -> Result<(), ProveError> {
        self.zone(&Name::root());
        let mut name = question.name.clone();
        let mut further = [].iter();
        // One more turn than aliases: the last is the answer.
        for _ in 0..=self.limits.aliases {
            let step = match further.next() {
                Some(step) => step,
                // The resolver stopped at an alias: what it points to is a question of its own.
                None => match self.response(&name, question.rtype) {
                    Some(own) => {
                        further = own.further.iter();
                        &own.first
                    }
                    None => return Ok(()),
                },
            };
            self.step(step);
            match &step.target {
                Some(target) => name.clone_from(target),
                None => return Ok(()),
            }
        }
        Err(ProveError::TooManyAliases(self.limits.aliases))
    }

    /// The RRs kept, in the order of a proof.
    pub(super) fn into_records(mut self) -> Vec<Record> {
        // A stable sort: aliases, answer and denial stay in the order of the walk.
        self.kept.sort_by_key(|set| match set.rtype {
            RecordType::DS => (false, set.owner.label_count(), false),
            RecordType::DNSKEY => (false, set.owner.label_count(), true),
            _ => (true, 0, false),
        });
        let signatures = self.busy_signatures();
        self.kept
            .into_iter()
            .zip(signatures)
            .flat_map(|(set, signatures)| distinct(&set.records).chain(distinct(signatures)))
            .cloned()
            .collect()
    }

    /// The signatures over each set kept, without those that help nobody where another one remains:
    /// by keys that their zone does not have, which make dnssec-prover refuse a proof; and over
    /// keys by one that the delegation does not name, as signers that sign them with every key add.
    fn busy_signatures(&self) -> Vec<Vec<&'a Record>> {
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
        let busy = |set: &&'a SignedSet| {
            let mut signatures = set.signatures.iter().collect();
            retain_if_any(&mut signatures, &keys);
            if set.rtype == RecordType::DNSKEY {
                retain_if_any(&mut signatures, &delegated);
            }
            signatures
        };
        self.kept.iter().map(busy).collect()
    }

    /// The response to a question, or `None` and a note that it is missing.
    fn response(&mut self, name: &Name, rtype: RecordType) -> Option<&'a Digest> {
        self.work += 1;
        let question = Question {
            name: name.clone(),
            rtype,
        };
        let response = self.answers.get(&question);
        // One more than may be asked will do to say that they are too many.
        if response.is_none()
            && self.missing.len() <= self.limits.questions
            && !self.missing.contains(&question)
        {
            self.missing.push(question);
        }
        response
    }

    /// Keeps what a response has for one name, with what proves it.
    fn step(&mut self, step: &'a Step) {
        if let Some(found) = &step.found {
            self.keep(found);
        }
        self.keep_denial(step);
        match &step.found {
            Some(found) => self.chain(&found.signers, &found.owner),
            None => self.chain(&step.denial_signers, &step.name),
        }
    }

    /// Leads from the signers of something at `owner` to the root; without any, to the place where
    /// the signed part of the tree ends.
    fn chain<'s>(&mut self, signers: impl IntoIterator<Item = &'s Name>, owner: &Name) {
        let mut signers = signers.into_iter().peekable();
        if signers.peek().is_none() {
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
        if let Some(keys) = keys.and_then(|keys| keys.first.of_type(RecordType::DNSKEY)) {
            self.keep(keys);
        }
        let Some(Digest { first, .. }) = delegation else {
            return;
        };
        let signers = if let Some(ds) = first.of_type(RecordType::DS) {
            self.keep(ds);
            &ds.signers
        } else {
            self.keep_denial(first);
            &first.denial_signers
        };
        // The parent speaks of a delegation; a signature by the zone itself says nothing of it.
        let parents: Vec<&Name> = signers.iter().filter(|signer| *signer != zone).collect();
        self.chain(parents, zone);
    }

    /// Goes down from the root to `name`, label by label, and keeps the first proof that the tree
    /// is not signed from there on. Questions are asked one after another, since the first denial
    /// of a delegation ends the walk and lies high up in the tree.
    fn walk(&mut self, name: &Name) {
        for count in 1..=name.label_count() {
            self.work += 1;
            let at = name.ancestor(count);
            if let Some(&ends) = self.walked.get(&at) {
                if ends {
                    return;
                }
                continue;
            }
            let Some(response) = self.response(&at, RecordType::DS) else {
                return;
            };
            self.walked.insert(at.clone(), response.ends_tree);
            if response.first.of_type(RecordType::DS).is_some() {
                self.zone(&at);
            }
            // An alias is no delegation, and most labels have neither.
            if response.ends_tree {
                self.keep_denial(&response.first);
                for signer in &response.first.denial_signers {
                    self.zone(signer);
                }
                return;
            }
        }
    }

    /// Keeps one RRset and its signatures.
    ///
    /// One may come in several responses, an NSEC for instance: the first one stays. But the NSEC on
    /// either side of a zone cut are two (RFC 4035 section 2.3): they differ in their signers.
    fn keep(&mut self, set: &'a SignedSet) {
        self.work += 1;
        let is_new = !self.signers.contains_key(&(&set.owner, set.rtype));
        let known = self.signers.entry((&set.owner, set.rtype)).or_default();
        let before = known.len();
        known.extend(&set.signers);
        if is_new || known.len() > before {
            self.kept.push(set);
        }
    }

    fn keep_denial(&mut self, step: &'a Step) {
        for set in &step.denial {
            self.keep(set);
        }
    }
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

/// `records` without repetitions, in their order.
fn distinct<'a>(records: impl IntoIterator<Item = &'a Record>) -> impl Iterator<Item = &'a Record> {
    let mut seen = HashSet::new();
    records
        .into_iter()
        .filter(move |record| seen.insert(&record.rdata))
}
