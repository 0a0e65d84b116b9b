//! What somebody on the way can do to a proof without a key.

use std::ops::Range;

use sotto_proof::{Name, Question, Record, RecordType, codec, encode};
use sotto_tests::peers::transit::Tampering;

/// The types above it are for private use (RFC 6895 section 3.1).
const LAST_ASSIGNABLE: u16 = 65_279;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    /// A bit of a field of a record.
    Flipped(Touched, Field),
    Removed(Touched),
    Doubled(Touched),
    /// The signatures over RRsets of the type asked for are gone.
    Stripped,
    /// All records, in every section.
    Reversed,
    /// The records of another proof stand beside the honest ones.
    Mixed,
    /// The proof of another question.
    Misdirected,
}

/// The record that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) owner: Name,
    pub(crate) rtype: RecordType,
    /// What an RRSIG covers (RFC 4034 section 3.1.1).
    pub(crate) covers: Option<RecordType>,
    /// Records of its RRset.
    pub(crate) siblings: usize,
}

/// What an octet of a record is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Owner,
    Type,
    Class,
    Ttl,
    Length,
    /// The field of RDATA that has this name.
    Rdata(&'static str),
}

/// One change, and how to make it.
pub(crate) struct Mutant {
    pub(crate) change: Change,
    /// The proof as it arrives.
    pub(crate) proof: Vec<u8>,
    /// The same, done to responses.
    pub(crate) tampering: Tampering,
}

impl Mutant {
    fn new(proof: &[Record], change: Change, tampering: Tampering) -> Self {
        Self {
            change,
            proof: tampering.proof(proof),
            tampering,
        }
    }
}

/// Which fields and records have their turn.
pub(crate) struct Selection {
    field_stride: usize,
    record_stride: usize,
    fields: usize,
    records: usize,
}

impl Selection {
    /// One field in so many is hurt; one record in so many is removed, and the one after it doubled.
    pub(crate) const fn every(fields: usize, records: usize) -> Self {
        Self {
            field_stride: fields,
            record_stride: records,
            fields: 0,
            records: 0,
        }
    }

    /// The proof as it is, in reverse, and hurt in those places whose turn it is.
    pub(crate) fn of(&mut self, proof: &[Record]) -> Vec<Mutant> {
        let reversed = Tampering {
            reversed: true,
            ..Tampering::default()
        };
        let mut mutants = vec![
            Mutant::new(proof, Change::Nothing, Tampering::default()),
            Mutant::new(proof, Change::Reversed, reversed),
        ];
        for record in proof {
            let touched = Touched::new(record, proof);
            let octets = encode(std::slice::from_ref(record));
            let mut replace = |change, octets| {
                let tampering = Tampering {
                    replaced: vec![(record.clone(), octets)],
                    ..Tampering::default()
                };
                mutants.push(Mutant::new(proof, change, tampering));
            };
            for (field, place) in fields(record) {
                self.fields += 1;
                // An RRset whose records differ in TTL is rare enough to have its turn always.
                let is_answer = touched.siblings > 1 && touched.rtype == RecordType::TXT;
                if self.fields.is_multiple_of(self.field_stride) || is_answer && field == Field::Ttl
                {
                    let change = Change::Flipped(touched.clone(), field);
                    replace(change, vec![flipped(&octets, place, self.fields)]);
                }
            }
            self.records += 1;
            match self.records % self.record_stride {
                0 => replace(Change::Removed(touched), vec![]),
                1 => replace(Change::Doubled(touched), vec![octets.clone(), octets]),
                // So is a type that nobody has assigned.
                _ if record.rtype.0 > LAST_ASSIGNABLE => {
                    replace(Change::Doubled(touched), vec![octets.clone(), octets]);
                }
                _ => {}
            }
        }
        mutants
    }
}

/// No signature over what was asked for.
pub(crate) fn stripped(proof: &[Record], asked: RecordType) -> Mutant {
    let is_over = |record: &&Record| Touched::new(record, proof).covers == Some(asked);
    let tampering = Tampering {
        replaced: proof
            .iter()
            .filter(is_over)
            .map(|record| (record.clone(), vec![]))
            .collect(),
        ..Tampering::default()
    };
    Mutant::new(proof, Change::Stripped, tampering)
}

/// The records of another proof beside those of the honest one.
pub(crate) fn mixed(proof: &[Record], other: &[Record]) -> Mutant {
    let is_new = |record: &&Record| !proof.contains(record);
    let tampering = Tampering {
        added: other.iter().filter(is_new).cloned().collect(),
        ..Tampering::default()
    };
    Mutant::new(proof, Change::Mixed, tampering)
}

/// The proof of another question.
pub(crate) fn misdirected(other: &Question, proof: &[Record]) -> Mutant {
    let tampering = Tampering {
        misdirected: Some(other.clone()),
        ..Tampering::default()
    };
    Mutant::new(proof, Change::Misdirected, tampering)
}

/// A record with one bit flipped in a place; `seed` says which.
fn flipped(octets: &[u8], place: Range<usize>, seed: usize) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[place.start + seed * 7 % place.len()] ^= 1 << (seed % 8);
    octets
}

impl Touched {
    fn new(record: &Record, proof: &[Record]) -> Self {
        let covers = (record.rtype == RecordType::RRSIG)
            .then(|| record.rdata.first_chunk().copied().map(u16::from_be_bytes))
            .flatten();
        let is_sibling =
            |other: &&Record| other.owner == record.owner && other.rtype == record.rtype;
        Self {
            owner: record.owner.clone(),
            rtype: record.rtype,
            covers: covers.map(RecordType),
            siblings: proof.iter().filter(is_sibling).count(),
        }
    }
}

/// Every field of a record that is not empty, with its place in the record's octets.
fn fields(record: &Record) -> Vec<(Field, Range<usize>)> {
    let end = codec::encoded_len(record);
    let rdata = end - record.rdata.len();
    let fixed = rdata - 10;
    let parts = parts(record.rtype, &record.rdata)
        .into_iter()
        .map(|(name, part)| (Field::Rdata(name), rdata + part.start..rdata + part.end));
    [
        (Field::Owner, 0..fixed),
        (Field::Type, fixed..fixed + 2),
        (Field::Class, fixed + 2..fixed + 4),
        (Field::Ttl, fixed + 4..fixed + 8),
        (Field::Length, fixed + 8..rdata),
    ]
    .into_iter()
    .chain(parts)
    .filter(|(_, place)| !place.is_empty())
    .collect()
}

/// The fields of RDATA (RFC 4034 sections 2.1, 3.1, 4.1 and 5.1, RFC 5155 section 3.2).
fn parts(rtype: RecordType, rdata: &[u8]) -> Vec<(&'static str, Range<usize>)> {
    let end = rdata.len();
    let after_name = |start: usize| end - Name::split_from(&rdata[start..]).unwrap().1.len();
    match rtype {
        RecordType::DNSKEY => vec![
            ("flags", 0..2),
            ("protocol", 2..3),
            ("algorithm", 3..4),
            ("key", 4..end),
        ],
        RecordType::DS => vec![
            ("key tag", 0..2),
            ("algorithm", 2..3),
            ("digest type", 3..4),
            ("digest", 4..end),
        ],
        RecordType::RRSIG => {
            let signature = after_name(18);
            vec![
                ("type covered", 0..2),
                ("algorithm", 2..3),
                ("labels", 3..4),
                ("original TTL", 4..8),
                ("expiration", 8..12),
                ("inception", 12..16),
                ("key tag", 16..18),
                ("signer", 18..signature),
                ("signature", signature..end),
            ]
        }
        RecordType::NSEC => {
            let bitmap = after_name(0);
            vec![("next name", 0..bitmap), ("types", bitmap..end)]
        }
        RecordType::NSEC3 => {
            let next = 6 + usize::from(rdata[4]);
            let types = next + usize::from(rdata[next - 1]);
            vec![
                ("hash algorithm", 0..1),
                ("flags", 1..2),
                ("iterations", 2..4),
                ("salt", 4..next - 1),
                ("next hash", next - 1..types),
                ("types", types..end),
            ]
        }
        _ => vec![("all", 0..end)],
    }
}
