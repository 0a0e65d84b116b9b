//! A resolver that knows responses by heart, and the records to teach it.

use std::collections::HashMap;

use crate::codec::decode;
use crate::limits::Limits;
use crate::message::{Response, rcode};
use crate::name::Name;
use crate::prove::{Progress, Proof, ProveError, Prover, ProverLimits, reading};
use crate::rdata::key_tag;
use crate::record::{Question, Record, RecordType};

pub(super) const TTL: u32 = 300;
pub(super) const KEY: &[u8] = &[1, 1, 3, 13, 1, 0, 0, 1];

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn question(owner: &str, rtype: RecordType) -> Question {
    Question {
        name: name(owner),
        rtype,
    }
}

pub(super) fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Record {
    Record {
        owner: name(owner),
        rtype,
        class: 1,
        ttl: TTL,
        rdata: rdata.into(),
    }
}

/// A signature over `covered` at `owner` by the key of `signer`, made when the owner had `labels`.
pub(super) fn signed_as(owner: &str, covered: RecordType, signer: &str, labels: usize) -> Record {
    let mut rdata = covered.0.to_be_bytes().to_vec();
    rdata.extend([13, u8::try_from(labels).unwrap()]);
    rdata.extend([0; 12]);
    rdata.extend(key_tag(KEY).to_be_bytes());
    rdata.extend_from_slice(name(signer).as_wire());
    rdata.extend([7; 8]);
    record(owner, RecordType::RRSIG, &rdata)
}

pub(super) fn signed(owner: &str, covered: RecordType, signer: &str) -> Record {
    signed_as(owner, covered, signer, name(owner).label_count())
}

pub(super) fn txt(owner: &str) -> Record {
    record(owner, RecordType::TXT, b"\x01x")
}

pub(super) fn alias(owner: &str, rtype: RecordType, target: &str) -> Record {
    record(owner, rtype, name(target).as_wire())
}

pub(super) fn soa(zone: &str) -> Vec<Record> {
    let rdata = [name(zone).as_wire(), name(zone).as_wire(), &[0; 20]].concat();
    vec![
        record(zone, RecordType::SOA, &rdata),
        signed(zone, RecordType::SOA, zone),
    ]
}

pub(super) fn bitmap(types: &[RecordType]) -> Vec<u8> {
    let mut bits = [0u8; 7];
    for rtype in types {
        bits[usize::from(rtype.0 / 8)] |= 0x80 >> (rtype.0 % 8);
    }
    [&[0, 7][..], &bits].concat()
}

pub(super) fn nsec(owner: &str, next: &str, types: &[RecordType], zone: &str) -> Vec<Record> {
    let rdata = [name(next).as_wire(), &bitmap(types)].concat();
    vec![
        record(owner, RecordType::NSEC, &rdata),
        signed(owner, RecordType::NSEC, zone),
    ]
}

pub(super) fn nsec3(owner: &str, flags: u8, types: &[RecordType], zone: &str) -> Vec<Record> {
    let rdata = [&[1, flags, 0, 0, 0, 20][..], &[0xff; 20], &bitmap(types)].concat();
    vec![
        record(owner, RecordType::NSEC3, &rdata),
        signed(owner, RecordType::NSEC3, zone),
    ]
}

/// A resolver that knows answers by heart. What it was not taught it denies, without proof.
#[derive(Default)]
pub(super) struct Resolver(HashMap<Question, Response>);

impl Resolver {
    pub(super) fn teach(
        mut self,
        asked: Question,
        answer: Vec<Record>,
        authority: Vec<Record>,
    ) -> Self {
        let response = Response {
            rcode: rcode::NOERROR,
            truncated: false,
            answer,
            authority,
        };
        self.0.insert(asked, response);
        self
    }

    /// A signed zone with its keys, and the DS at its parent unless it is the root.
    pub(super) fn zone(self, zone: &str, parent: &str) -> Self {
        let keys = vec![
            record(zone, RecordType::DNSKEY, KEY),
            signed(zone, RecordType::DNSKEY, zone),
        ];
        let taught = self.teach(question(zone, RecordType::DNSKEY), keys, vec![]);
        if zone == "." {
            return taught;
        }
        let ds = vec![
            record(zone, RecordType::DS, &[0, 0, 13, 2, 9]),
            signed(zone, RecordType::DS, parent),
        ];
        taught.teach(question(zone, RecordType::DS), ds, vec![])
    }

    /// The root, example. and a.example., all signed.
    pub(super) fn tree() -> Self {
        Self::default()
            .zone(".", ".")
            .zone("example.", ".")
            .zone("a.example.", "example.")
    }

    pub(super) fn answer(&self, asked: &Question) -> Response {
        self.0.get(asked).cloned().unwrap_or(Response {
            rcode: rcode::NOERROR,
            truncated: false,
            answer: vec![],
            authority: vec![],
        })
    }

    /// Runs a prover to its end; the last question first, so that nothing depends on the order.
    pub(super) fn prove(
        &self,
        owner: &str,
        rtype: RecordType,
    ) -> Result<(Proof, Vec<String>), ProveError> {
        self.prove_within(owner, rtype, ProverLimits::default())
    }

    pub(super) fn prove_within(
        &self,
        owner: &str,
        rtype: RecordType,
        limits: ProverLimits,
    ) -> Result<(Proof, Vec<String>), ProveError> {
        let (mut prover, mut open) = Prover::start(question(owner, rtype), limits);
        let mut asked: Vec<String> = open.iter().map(ToString::to_string).collect();
        while let Some(next) = open.pop() {
            match prover.respond(&next, &self.answer(&next))? {
                Progress::Ask(more) => {
                    asked.extend(more.iter().map(ToString::to_string));
                    open.extend(more);
                }
                Progress::Wait => {}
                Progress::Done(proof) => {
                    assert!(open.is_empty(), "finished with questions open: {open:?}");
                    return Ok((proof, asked));
                }
            }
        }
        panic!("neither finished nor asking");
    }
}

/// What a proof holds, as "owner type" (RRSIGs as "owner RRSIG(type)"), in order.
pub(super) fn contents(proof: &Proof) -> Vec<String> {
    let listed: Vec<String> = proof
        .records()
        .iter()
        .map(|record| match reading::signature(record) {
            Some(signature) => format!("{} RRSIG({})", record.owner, signature.covered),
            None => format!("{} {}", record.owner, record.rtype),
        })
        .collect();
    let decoded = decode(proof.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(decoded, proof.records(), "the octets are the records");
    listed
}

pub(super) fn holds(proof: &Proof, wanted: &str) -> bool {
    contents(proof).iter().any(|held| held == wanted)
}
