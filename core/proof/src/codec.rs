//! A proof as octets: resource records one after the other (RFC 9102 section 2.1).
//!
//! Each record is in the uncompressed wire form of RFC 1035 section 3.2.1, in any order. There is
//! no header, no count and no lifetime field.

use crate::limits::Limits;
use crate::name::{Name, NameError};
use crate::rdata::{self, RdataError};
use crate::record::{Record, RecordType};

/// The most octets a proof may have, the limit of the largest class of answers (RFC 9102 section
/// 2.1 gives the chain a 16-bit length).
pub const MAX_PROOF_BYTES: usize = 65_535;

/// Octets of a record between its owner name and its RDATA.
const FIXED_OCTETS: usize = 10;

/// Why octets are not a sequence of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are more octets than the limit.
    #[error("the proof has {octets} octets, over the limit of {limit}")]
    TooLong {
        /// Octets of the proof.
        octets: usize,
        /// The limit that they exceed.
        limit: usize,
    },
    /// There are more records than the limit.
    #[error("the proof has more than {limit} records")]
    TooManyRecords {
        /// The limit that the count exceeds.
        limit: usize,
    },
    /// The octets end inside the record that starts at `offset`.
    #[error("the proof ends inside the record at octet {offset}")]
    Truncated {
        /// Where the record starts.
        offset: usize,
    },
    /// The owner name of the record at `offset` is malformed or compressed.
    #[error("the owner name of the record at octet {offset} is refused: {error}")]
    Owner {
        /// Where the record starts.
        offset: usize,
        /// What is wrong with the name.
        error: NameError,
    },
    /// The RDATA of the record at `offset` does not fit its type.
    #[error("the record at octet {offset} is refused: {error}")]
    Rdata {
        /// Where the record starts.
        offset: usize,
        /// What is wrong with the RDATA.
        error: RdataError,
    },
}

impl DecodeError {
    /// Returns owner and type of the record at fault in the octets that were read, where these two
    /// can be told.
    pub(crate) fn culprit(self, bytes: &[u8]) -> Option<(Name, RecordType)> {
        let offset = match self {
            Self::Truncated { offset } | Self::Rdata { offset, .. } => offset,
            Self::TooLong { .. } | Self::TooManyRecords { .. } | Self::Owner { .. } => return None,
        };
        let (owner, rest) = Name::split_from(bytes.get(offset..)?).ok()?;
        let rtype = rest.first_chunk().copied().map(u16::from_be_bytes)?;
        Some((owner, RecordType(rtype)))
    }
}

/// Reads a sequence of records within `limits.bytes` and `limits.records`.
///
/// Compression is refused in owner names and in the RDATA of every type that has names.
///
/// # Errors
/// [`DecodeError`], which names the octet at which the record at fault starts.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Vec<Record>, DecodeError> {
    if bytes.len() > limits.bytes {
        return Err(DecodeError::TooLong {
            octets: bytes.len(),
            limit: limits.bytes,
        });
    }
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if records.len() == limits.records {
            return Err(DecodeError::TooManyRecords {
                limit: limits.records,
            });
        }
        let (record, tail) = decode_one(rest, bytes.len() - rest.len())?;
        records.push(record);
        rest = tail;
    }
    Ok(records)
}

fn decode_one(bytes: &[u8], offset: usize) -> Result<(Record, &[u8]), DecodeError> {
    let truncated = DecodeError::Truncated { offset };
    let (owner, rest) = Name::split_from(bytes).map_err(|error| match error {
        NameError::Truncated => truncated,
        error => DecodeError::Owner { offset, error },
    })?;
    let (fixed, rest) = rest.split_first_chunk::<FIXED_OCTETS>().ok_or(truncated)?;
    let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    let (rdata, rest) = rest.split_at_checked(length).ok_or(truncated)?;
    let record = Record {
        owner,
        rtype: RecordType(u16::from_be_bytes([fixed[0], fixed[1]])),
        class: u16::from_be_bytes([fixed[2], fixed[3]]),
        ttl: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        rdata: rdata.into(),
    };
    rdata::check(record.rtype, &record.rdata)
        .map_err(|error| DecodeError::Rdata { offset, error })?;
    Ok((record, rest))
}

/// Writes records one after the other, as [`decode`] reads them.
///
/// # Panics
/// When the RDATA of a record is longer than 65,535 octets, which no message can carry.
#[must_use]
pub fn encode(records: &[Record]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(records.iter().map(encoded_len).sum());
    for record in records {
        let length = u16::try_from(record.rdata.len()).expect("RDATA fits its 16-bit length");
        octets.extend_from_slice(record.owner.as_wire());
        octets.extend_from_slice(&record.rtype.0.to_be_bytes());
        octets.extend_from_slice(&record.class.to_be_bytes());
        octets.extend_from_slice(&record.ttl.to_be_bytes());
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(&record.rdata);
    }
    octets
}

/// Returns how many octets [`encode`] makes of a record.
#[must_use]
pub fn encoded_len(record: &Record) -> usize {
    record.owner.as_wire().len() + FIXED_OCTETS + record.rdata.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::CLASS_IN;

    fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Record {
        let owner = owner.parse().unwrap();
        Record {
            owner,
            rtype,
            class: CLASS_IN,
            ttl: 300,
            rdata: rdata.into(),
        }
    }

    #[test]
    fn records_survive_the_round_trip() {
        let records = [
            record("Example.test", RecordType::TXT, b"\x03abc"),
            record(".", RecordType::NS, b"\x01a\x00"),
            record("x", RecordType(65400), b""),
        ];
        let octets = encode(&records);
        assert_eq!(octets.len(), records.iter().map(encoded_len).sum::<usize>());
        assert_eq!(decode(&octets, &Limits::default()).unwrap(), records);
        assert_eq!(decode(&[], &Limits::default()).unwrap(), []);
    }

    #[test]
    fn every_truncation_is_told_with_the_record_it_hits() {
        let octets = encode(&[
            record("a", RecordType::TXT, b"\x00"),
            record("b", RecordType::A, b"\x7f\x00\x00\x01"),
        ]);
        let second = 3 + FIXED_OCTETS + 1;
        for end in 1..octets.len() {
            let expected = match end {
                _ if end == second => continue,
                _ if end < second => DecodeError::Truncated { offset: 0 },
                _ => DecodeError::Truncated { offset: second },
            };
            assert_eq!(
                decode(&octets[..end], &Limits::default()),
                Err(expected),
                "{end}"
            );
        }
    }

    #[test]
    fn compression_is_refused_in_owner_and_rdata() {
        let owner = [b"\xc0\x00".as_slice(), &[0; 10]].concat();
        let error = DecodeError::Owner {
            offset: 0,
            error: NameError::Compressed,
        };
        assert_eq!(decode(&owner, &Limits::default()), Err(error));
        let ns = encode(&[record("a", RecordType::NS, b"\xc0\x00")]);
        let error = DecodeError::Rdata {
            offset: 0,
            error: NameError::Compressed.into(),
        };
        assert_eq!(decode(&ns, &Limits::default()), Err(error));
    }

    #[test]
    fn limits_are_told() {
        let limits = Limits {
            records: 1,
            bytes: 64,
            ..Limits::default()
        };
        let octets = encode(&[
            record("a", RecordType::TXT, b""),
            record("b", RecordType::TXT, b""),
        ]);
        assert_eq!(
            decode(&octets, &limits),
            Err(DecodeError::TooManyRecords { limit: 1 })
        );
        let error = DecodeError::TooLong {
            octets: 65,
            limit: 64,
        };
        assert_eq!(decode(&[0; 65], &limits), Err(error));
        let whole = encode(&[record("a", RecordType::TXT, &[0; 51])]);
        assert_eq!(whole.len(), 64);
        assert!(decode(&whole, &limits).is_ok());
    }
}
