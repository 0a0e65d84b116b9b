//! What an answer says of a name where nothing proves it: aliases and wildcards are told as the answer itself has them.

use sotto_mimi::{PathStep, RecordError};
use sotto_proof::rdata::Rrsig;
use sotto_proof::{Name, Record, RecordType};

/// Aliases followed within one answer: no resolver follows more.
const ALIASES_MAX: usize = 16;

/// The RRset that an answer has for a name, and how it gets there.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// The name that the aliases lead to; without any, the name asked for.
    pub(super) at: Name,
    /// What settled each name; the last step is the RRset's, where there is one.
    pub(super) path: Vec<PathStep>,
    /// The owner and type of each alias.
    pub(super) aliases: Vec<(Name, RecordType)>,
    /// The RRset, which may be empty.
    pub(super) records: Vec<&'a Record>,
    /// Whether each step has a signature, which alone tells a wildcard (RFC 4034 section 3.1.3).
    pub(super) is_signed: bool,
}

impl<'a> Seen<'a> {
    /// Follows `name` through the records of an answer.
    pub(super) fn follow(records: &'a [Record], name: &Name, rtype: RecordType) -> Self {
        let mut seen = Self {
            at: name.clone(),
            path: Vec::new(),
            aliases: Vec::new(),
            records: Vec::new(),
            is_signed: true,
        };
        for _ in 0..=ALIASES_MAX {
            seen.records = of(records, &seen.at, rtype).collect();
            if !seen.records.is_empty() {
                seen.step(records, rtype);
                break;
            }
            let Some(target) = seen.alias(records) else {
                break;
            };
            seen.at = target;
        }
        seen
    }

    /// Where the name leads that is reached, if it is an alias.
    fn alias(&mut self, records: &[Record]) -> Option<Name> {
        let dname = records
            .iter()
            .find(|record| record.rtype == RecordType::DNAME && self.at.is_below(&record.owner));
        if let Some(dname) = dname {
            let target = Name::from_wire(&dname.rdata).ok()?;
            let target = self.at.rebase(&dname.owner, &target)?.ok()?;
            self.path.push(PathStep {
                name: self.at.to_string(),
                owner: dname.owner.to_string(),
                from_wildcard: false,
            });
            self.aliases.push((dname.owner.clone(), RecordType::DNAME));
            return Some(target);
        }
        let cname = of(records, &self.at, RecordType::CNAME).next()?;
        let target = Name::from_wire(&cname.rdata).ok()?;
        self.aliases.push((self.at.clone(), RecordType::CNAME));
        self.step(records, RecordType::CNAME);
        Some(target)
    }

    /// Notes that the name that is reached was settled by its RRset of type `rtype`.
    fn step(&mut self, records: &[Record], rtype: RecordType) {
        let labels = of(records, &self.at, RecordType::RRSIG)
            .filter_map(|record| Rrsig::parse(&record.rdata))
            .find(|rrsig| rrsig.covered == rtype)
            .map(|rrsig| usize::from(rrsig.labels));
        self.is_signed &= labels.is_some();
        let own = self.at.label_count() - usize::from(self.at.is_wildcard());
        let wildcard = labels
            .filter(|labels| *labels < own)
            .and_then(|labels| self.at.ancestor(labels).prepend(b"*").ok());
        self.path.push(PathStep {
            name: self.at.to_string(),
            owner: wildcard.as_ref().unwrap_or(&self.at).to_string(),
            from_wildcard: wildcard.is_some() || self.at.is_wildcard(),
        });
    }

    /// The owners of the wildcards on the way.
    pub(super) fn wildcards(&self) -> impl Iterator<Item = Name> {
        let made = self.path.iter().filter(|step| step.from_wildcard);
        made.filter_map(|step| step.owner.parse().ok())
    }

    /// The RDATA of the RRset.
    pub(super) fn rdatas(&self) -> Vec<&'a [u8]> {
        self.records.iter().map(|record| &*record.rdata).collect()
    }
}

/// Whether one of these was to be a MIMI record: nothing else at a name concerns anybody here.
pub(super) fn has_mimi(rdatas: &[&[u8]]) -> bool {
    rdatas
        .iter()
        .any(|rdata| sotto_mimi::Record::parse(rdata) != Err(RecordError::NotMimi))
}

fn of<'a>(
    records: &'a [Record],
    owner: &Name,
    rtype: RecordType,
) -> impl Iterator<Item = &'a Record> {
    let owner = owner.clone();
    records
        .iter()
        .filter(move |record| record.rtype == rtype && record.owner == owner)
}
