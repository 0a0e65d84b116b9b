//! What a response has that a proof can use, found once, when the response arrives.
//!
//! Each walk after that looks up RRsets by name and never at a record again, so that the cost of
//! junk is that of reading it, whatever else is asked.

use std::cell::Cell;
use std::collections::HashMap;

use super::{ProverLimits, reading};
use crate::message::{Response, rcode};
use crate::name::Name;
use crate::record::{Question, Record, RecordType};

/// An RRset and the signatures over it.
#[derive(Clone, Debug)]
pub(super) struct SignedSet {
    pub(super) owner: Name,
    pub(super) rtype: RecordType,
    pub(super) records: Vec<Record>,
    pub(super) signatures: Vec<Record>,
    /// The zones that signed it, each once. Empty: not signed, or by nobody who could.
    pub(super) signers: Vec<Name>,
}

/// What a response says of one name: of the one asked for, or of one that it is an alias of.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: Name,
    /// The answer, or the alias at the name or above it.
    pub(super) found: Option<SignedSet>,
    /// What denies the name, where nothing is found, or where it was made from a wildcard.
    pub(super) denial: Vec<SignedSet>,
    /// The signers of the denial, each once.
    pub(super) denial_signers: Vec<Name>,
    /// Where an alias leads. `None` too if it is not signed, or makes the name too long, which the
    /// DNAME itself proves (RFC 6672 section 2.2).
    pub(super) target: Option<Name>,
}

impl Step {
    /// What is found, if it is of this type.
    pub(super) fn of_type(&self, rtype: RecordType) -> Option<&SignedSet> {
        self.found.as_ref().filter(|set| set.rtype == rtype)
    }
}

/// A response to one question.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    pub(super) first: Step,
    /// The steps from alias to alias after it, as far as the response goes.
    pub(super) further: Vec<Step>,
    /// True of a denial of DS if nothing below the name can be signed.
    pub(super) ends_tree: bool,
}

impl Digest {
    /// Reads the response to `asked` and follows at most `aliases`; also says how often an RRset or a
    /// record was looked at.
    pub(super) fn of(
        asked: &Question,
        response: &Response,
        aliases: usize,
        limits: &ProverLimits,
    ) -> (Self, usize) {
        let most = limits.rrsigs_per_rrset;
        let reader = Reader {
            rtype: asked.rtype,
            answer: Sets::of(&response.answer, most),
            authority: Sets::of(&response.authority, most),
            denial_sets: limits.denial_sets,
            work: Cell::new(response.answer.len() + response.authority.len()),
        };
        let first = reader.step(&asked.name);
        let mut further = Vec::new();
        let mut target = first.target.clone();
        while let Some(name) = target.take()
            && further.len() < aliases
            && reader.speaks_of(&name)
        {
            let step = reader.step(&name);
            target.clone_from(&step.target);
            further.push(step);
        }
        let ends_tree = asked.rtype == RecordType::DS
            && first.found.is_none()
            && (response.rcode == rcode::NXDOMAIN
                || first.denial.is_empty()
                || reading::shows_unsigned_cut(&response.authority, &asked.name));
        let digest = Self {
            first,
            further,
            ends_tree,
        };
        (digest, reader.work.get())
    }
}

/// An RRset while the response is read.
struct Set<'a> {
    owner: &'a Name,
    rtype: RecordType,
    records: Vec<&'a Record>,
    signatures: Vec<&'a Record>,
    signers: Vec<Name>,
    /// True if it was made from a wildcard (RFC 4035 section 5.3.4).
    expanded: bool,
}

impl Set<'_> {
    fn to_signed(&self) -> SignedSet {
        let copies = |records: &[&Record]| records.iter().copied().cloned().collect();
        SignedSet {
            owner: self.owner.clone(),
            rtype: self.rtype,
            records: copies(&self.records),
            signatures: copies(&self.signatures),
            signers: self.signers.clone(),
        }
    }

    /// True if one of its records passes.
    fn any(&self, test: impl Fn(&Record) -> bool) -> bool {
        self.records.iter().any(|record| test(record))
    }
}

/// The RRsets of a section, in their order.
struct Sets<'a> {
    sets: Vec<Set<'a>>,
    places: HashMap<(&'a Name, RecordType), usize>,
    by_type: HashMap<RecordType, Vec<usize>>,
}

impl<'a> Sets<'a> {
    fn of(section: &'a [Record], most_signatures: usize) -> Self {
        let mut all = Self {
            sets: Vec::new(),
            places: HashMap::new(),
            by_type: HashMap::new(),
        };
        for record in section {
            all.entry(&record.owner, record.rtype).records.push(record);
            let Some(signature) = reading::signature(record) else {
                continue;
            };
            let set = all.entry(&record.owner, signature.covered);
            if set.signatures.len() < most_signatures {
                set.expanded |= reading::is_expanded(&signature, &record.owner);
                if !set.signers.contains(&signature.signer) {
                    set.signers.push(signature.signer);
                }
                set.signatures.push(record);
            }
        }
        all
    }

    fn entry(&mut self, owner: &'a Name, rtype: RecordType) -> &mut Set<'a> {
        let place = *self.places.entry((owner, rtype)).or_insert_with(|| {
            self.sets.push(Set {
                owner,
                rtype,
                records: Vec::new(),
                signatures: Vec::new(),
                signers: Vec::new(),
                expanded: false,
            });
            let place = self.sets.len() - 1;
            self.by_type.entry(rtype).or_default().push(place);
            place
        });
        &mut self.sets[place]
    }

    fn get(&self, owner: &Name, rtype: RecordType) -> Option<&Set<'a>> {
        let place = *self.places.get(&(owner, rtype))?;
        // Signatures may be there without what they cover.
        Some(&self.sets[place]).filter(|set| !set.records.is_empty())
    }
}

/// A response being read, and the work that it made.
struct Reader<'a> {
    /// The type that was asked for.
    rtype: RecordType,
    answer: Sets<'a>,
    authority: Sets<'a>,
    denial_sets: usize,
    work: Cell<usize>,
}

impl<'a> Reader<'a> {
    /// True if the response tells something of `name`, rather than having stopped at an alias for it.
    fn speaks_of(&self, name: &Name) -> bool {
        self.answer.get(name, self.rtype).is_some()
            || self.answer.get(name, RecordType::CNAME).is_some()
            || self.dname_above(name).is_some()
            || self
                .each(&self.authority, RecordType::SOA)
                .any(|soa| name.is_at_or_below(soa.owner))
    }

    fn step(&self, name: &Name) -> Step {
        let (found, target) = self.find(name);
        let target = target.filter(|_| found.is_some_and(|set| !set.signers.is_empty()));
        // A wildcard counts only with the proof that the name itself does not exist.
        let denial = if found.is_none_or(|set| set.expanded) {
            self.denial(name)
        } else {
            Vec::new()
        };
        let mut denial_signers = Vec::new();
        for signer in denial.iter().flat_map(|set| &set.signers) {
            if !denial_signers.contains(signer) {
                denial_signers.push(signer.clone());
            }
        }
        Step {
            name: name.clone(),
            found: found.map(Set::to_signed),
            denial,
            denial_signers,
            target,
        }
    }

    /// The RRset that answers for `name`, or its alias and where that leads.
    fn find(&self, name: &Name) -> (Option<&Set<'a>>, Option<Name>) {
        // The CNAME that a DNAME makes is not signed, even where it is what was asked for, and
        // whoever reads the proof makes it again (RFC 6672 section 5.3.1).
        let dname = self.dname_above(name);
        let made = self.rtype == RecordType::CNAME && dname.is_some();
        let answer = self.answer.get(name, self.rtype);
        if answer.is_some() && !made {
            return (answer, None);
        }
        if let Some((set, target)) = dname {
            return (
                Some(set),
                name.rebase(set.owner, &target).and_then(Result::ok),
            );
        }
        let cname = self.answer.get(name, RecordType::CNAME);
        match cname.and_then(target_of) {
            Some(target) => (cname, Some(target)),
            None => (None, None),
        }
    }

    /// The DNAME above `name`, with its target.
    fn dname_above(&self, name: &Name) -> Option<(&Set<'a>, Name)> {
        let set = self
            .each(&self.answer, RecordType::DNAME)
            .find(|set| name.is_below(set.owner))?;
        Some((set, target_of(set)?))
    }

    /// The signed SOA, NSEC and NSEC3 RRsets that can deny `name` or the wildcard that could make
    /// it, as many as the limit allows.
    ///
    /// Some resolvers add other ones. What is not signed proves nothing and stays out.
    fn denial(&self, name: &Name) -> Vec<SignedSet> {
        let signed = |rtype| {
            self.each(&self.authority, rtype)
                .filter(|set| !set.signatures.is_empty())
        };
        let wildcard = signed(RecordType::NSEC)
            .flat_map(|set| &set.records)
            .filter_map(|record| reading::encloser(record, name))
            .max()
            .filter(|&labels| labels < name.label_count())
            .and_then(|labels| name.ancestor(labels).prepend(b"*").ok());
        [RecordType::SOA, RecordType::NSEC, RecordType::NSEC3]
            .into_iter()
            .flat_map(signed)
            .filter(|set| set.any(|record| reading::may_deny(record, name, wildcard.as_ref())))
            .take(self.denial_sets)
            .map(Set::to_signed)
            .collect()
    }

    /// The RRsets of one type, counted as they are looked at.
    fn each<'s>(
        &'s self,
        section: &'s Sets<'a>,
        rtype: RecordType,
    ) -> impl Iterator<Item = &'s Set<'a>> {
        let places = section.by_type.get(&rtype).into_iter().flatten();
        places
            .map(|&place| &section.sets[place])
            .filter(|set| !set.records.is_empty())
            .inspect(|set| self.work.set(self.work.get() + set.records.len()))
    }
}

/// The target of a CNAME or DNAME.
fn target_of(alias: &Set<'_>) -> Option<Name> {
    Name::from_wire(&alias.records.first()?.rdata).ok()
}
