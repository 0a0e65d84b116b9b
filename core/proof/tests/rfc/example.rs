//! The zone that the RFCs print, and what is asserted of a response from it.

use sotto_proof::{Anchors, CLASS_IN, Name, Record, RecordType, SignatureMemory, Verdict, encode};

use crate::master;
use crate::support::*;

use RecordType as T;

/// The zone `example.` of an RFC, below a root.
pub(crate) struct Example {
    pub(crate) records: Vec<Record>,
    root: Zone,
    pub(crate) zone: Zone,
}

pub(crate) fn read(text: &str) -> Vec<Record> {
    let record = |line: master::Line| Record {
        owner: Name::from_wire(&line.owner).unwrap(),
        rtype: RecordType(line.rtype),
        class: CLASS_IN,
        ttl: line.ttl,
        rdata: line.rdata.into(),
    };
    master::read(text).into_iter().map(record).collect()
}

impl Example {
    pub(crate) fn rfc4035() -> Self {
        Self::new(include_str!("rfc4035.zone"))
    }

    pub(crate) fn rfc5155() -> Self {
        Self::new(include_str!("rfc5155.zone"))
    }

    fn new(text: &str) -> Self {
        Self {
            records: read(text),
            root: Zone::new("."),
            zone: Zone::new("example."),
        }
    }

    /// Takes the opt-out flag from every NSEC3 record.
    pub(crate) fn close_spans(&mut self) {
        for record in &mut self.records {
            if record.rtype == T::NSEC3 {
                record.rdata[1] = 0;
            }
        }
    }

    /// Returns an RRset of the zone.
    pub(crate) fn set(&self, owner: &str, rtype: RecordType) -> Vec<Record> {
        let is_of = |record: &&Record| record.owner == name(owner) && record.rtype == rtype;
        let set: Vec<_> = self.records.iter().filter(is_of).cloned().collect();
        assert!(!set.is_empty(), "{owner} {rtype}");
        set
    }

    /// Returns an RRset of the zone with its signature.
    pub(crate) fn signed(&self, owner: &str, rtype: RecordType) -> Vec<Record> {
        self.zone.sign(self.set(owner, rtype))
    }

    /// Returns the NSEC3 record whose hash begins so, with its signature.
    pub(crate) fn hashed(&self, start: &str) -> Vec<Record> {
        let is_it = |record: &&Record| {
            record.rtype == T::NSEC3 && record.owner.to_string().starts_with(start)
        };
        let found = self.records.iter().find(is_it);
        self.zone.sign(vec![found.unwrap().clone()])
    }

    /// Returns what `*.w.example.` makes for another name.
    pub(crate) fn expanded(&self, owner: &str) -> Vec<Record> {
        let moved = |record: Record| Record {
            owner: name(owner),
            ..record
        };
        let set = self.set("*.w.example.", RecordType::MX);
        let set = set.into_iter().map(moved).collect();
        self.zone.sign_as(set, |terms| terms.labels = 2)
    }

    /// Returns the DNSKEY and DS RRsets that lead to the zone.
    fn chain(&self) -> Vec<Record> {
        [
            self.root.dnskey(),
            self.root.sign(vec![self.zone.ds()]),
            self.zone.dnskey(),
        ]
        .concat()
    }

    /// Returns the verdict on a response, and asserts that each RRset of it is needed.
    #[track_caller]
    pub(crate) fn judge(&self, asked: &str, rtype: &str, response: &[Vec<Record>]) -> Verdict {
        let verdict = |response: &[Vec<Record>]| {
            let tree = Tree {
                root: Zone::new("."),
                ..Tree::new()
            };
            let proof = [self.chain(), response.concat()].concat();
            tree.verify(&proof, &question(asked, rtype)).verdict
        };
        let whole = verdict(response);
        if !matches!(whole, Verdict::Bogus(_)) {
            for at in 0..response.len() {
                let mut less = response.to_vec();
                let left_out = less.remove(at);
                // The SOA says only how long a denial may be kept.
                let is_needed = left_out[0].rtype != RecordType::SOA;
                let less = verdict(&less);
                assert_eq!(matches!(less, Verdict::Bogus(_)), is_needed, "{left_out:?}");
            }
        }
        whole
    }

    /// Asserts that what the zone says of the type DS at its apex is no answer: only the parent has
    /// one, and here it has none (RFC 6840 section 4.1).
    #[track_caller]
    pub(crate) fn assert_no_denial_by_the_child(&self, response: &[Record]) {
        let both = format!("{}\n{}", self.root.anchor(), self.zone.anchor());
        let both = Anchors::parse(&both).unwrap();
        let keys = [self.root.dnskey(), self.zone.dnskey()].concat();
        let octets = encode(&[keys, response.to_vec()].concat());
        let said = |rtype| {
            let asked = question("example", rtype);
            let mut memory = SignatureMemory::default();
            spelled(&verify_both(&octets, &asked, &both, NOW, &mut memory).verdict)
        };
        assert_eq!(said("DS"), "bogus no_answer");
        assert_eq!(said("AAAA"), "nodata", "the same denies other types");
    }

    #[track_caller]
    pub(crate) fn assert(
        &self,
        asked: &str,
        rtype: &str,
        response: &[Vec<Record>],
        expected: &str,
    ) {
        let verdict = self.judge(asked, rtype, response);
        assert_eq!(spelled(&verdict), expected, "{verdict:?}");
    }
}
