//! Entries of a store as octets. What is read may have been written by anybody: it is checked, and
//! a fault is named.

use sotto_proof::{MAX_PROOF_BYTES, Name, Question, RecordType};

use super::shelf::{Answer, Entry, Kind, Mark};
use crate::keys::KeySighting;

/// Octets of the largest value: a proof, the longest name, and what stands before them.
#[cfg(feature = "store")]
pub(super) const ROW_MAX_OCTETS: usize = MAX_PROOF_BYTES + 255 + 19;

/// Octets of the longest host name (RFC 1035 section 2.3.4, without the last dot), and of a port behind it.
const HOST_MAX_OCTETS: usize = 253 + 6;

/// Writes an entry.
///
/// - answer: since, until (8 octets each), type (2), length of the name (1), name (wire form), proof
/// - mark: inception (8), content (16)
/// - keys, newest: epoch, when seen (8 each), digest (32), length of the gateway's host (1), that host, the relay's
pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    match entry {
        Entry::Answer(answer) => {
            let name = answer.question.name.as_wire();
            let mut row = Vec::with_capacity(19 + name.len() + answer.proof.len());
            row.extend(answer.since.to_be_bytes());
            row.extend(answer.until.to_be_bytes());
            row.extend(answer.question.rtype.0.to_be_bytes());
            // A name in wire form has at most 255 octets (RFC 1035 section 2.3.4).
            row.push(name.len() as u8);
            row.extend(name);
            row.extend(&answer.proof);
            row
        }
        Entry::Mark(mark) => [&mark.inception.to_be_bytes()[..], &mark.content].concat(),
        Entry::Keys(seen) | Entry::Newest(seen) => [
            &seen.epoch.to_be_bytes()[..],
            &seen.at.to_be_bytes(),
            &seen.digest,
            // A host has at most 253 octets (RFC 1035 section 2.3.4, without the last dot).
            &[seen.gateway.len() as u8],
            seen.gateway.as_bytes(),
            seen.relay.as_bytes(),
        ]
        .concat(),
    }
}

/// Reads an entry of this kind.
///
/// # Errors
///
/// What is wrong with the octets, one clause.
pub(super) fn decode(kind: Kind, row: &[u8]) -> Result<Entry, &'static str> {
    let mut rest = row;
    let entry = match kind {
        Kind::Answer => {
            let (since, until) = (number(&mut rest)?, number(&mut rest)?);
            let rtype = RecordType(u16::from_be_bytes(*part(&mut rest)?));
            let [length] = *part(&mut rest)?;
            let (name, proof) = rest
                .split_at_checked(length.into())
                .ok_or("an answer ends within its name")?;
            let name = Name::from_wire(name).map_err(|_| "the name of an answer is none")?;
            if proof.is_empty() || proof.len() > MAX_PROOF_BYTES {
                return Err("an answer has no proof, or one that is too long");
            }
            rest = &[];
            Entry::Answer(Answer {
                question: Question { name, rtype },
                since,
                until,
                proof: proof.to_vec(),
            })
        }
        Kind::Mark => Entry::Mark(Mark {
            inception: number(&mut rest)?,
            content: *part(&mut rest)?,
        }),
        Kind::Keys | Kind::Newest => {
            let (epoch, at) = (number(&mut rest)?, number(&mut rest)?);
            let digest = *part(&mut rest)?;
            let [length] = *part(&mut rest)?;
            let (gateway, relay) = rest
                .split_at_checked(length.into())
                .ok_or("a sighting ends within its gateway")?;
            rest = &[];
            let seen = KeySighting {
                gateway: host(gateway)?,
                relay: host(relay)?,
                epoch,
                digest,
                at,
            };
            match kind {
                Kind::Keys => Entry::Keys(seen),
                _ => Entry::Newest(seen),
            }
        }
    };
    if rest.is_empty() {
        Ok(entry)
    } else {
        Err("an entry is longer than it should be")
    }
}

fn host(octets: &[u8]) -> Result<String, &'static str> {
    std::str::from_utf8(octets)
        .ok()
        .filter(|host| (1..=HOST_MAX_OCTETS).contains(&host.len()))
        .map(str::to_owned)
        .ok_or("the host of a sighting is none")
}

fn number(rest: &mut &[u8]) -> Result<u64, &'static str> {
    part(rest).map(|octets| u64::from_be_bytes(*octets))
}

fn part<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], &'static str> {
    let (head, tail) = rest
        .split_first_chunk()
        .ok_or("an entry is shorter than it should be")?;
    *rest = tail;
    Ok(head)
}

/// For the fuzzers: octets that read as an entry, of the kind that `kind` chooses, are what that entry is written as.
///
/// # Panics
///
/// If they are not.
#[cfg(feature = "fuzzing")]
pub fn fuzz_row(kind: u8, row: &[u8]) {
    let kind = [Kind::Answer, Kind::Mark, Kind::Keys, Kind::Newest][usize::from(kind % 4)];
    match decode(kind, row) {
        Ok(entry) => assert_eq!(encode(&entry), row),
        Err(what) => assert!(!what.is_empty()),
    }
}

#[cfg(test)]
mod tests;
