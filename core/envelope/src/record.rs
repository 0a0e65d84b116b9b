//! The key record: TXT at `_ohttp-keys.<gateway host>`, which binds key lists to a DNS zone.

use std::collections::BTreeMap;

use sotto_wire::KEY_RECORD_LABEL;

use crate::Epoch;
use crate::host::is_host;

/// The tag that opens a key record.
const VERSION: &str = "v=OHTTPKEYS1";

/// Octets of the longest key record we read: an operator of 253 and tags yet to come.
const TEXT_MAX_BYTES: usize = 1_024;

/// Octets of a DNS character-string (RFC 1035 section 3.3).
const CHARACTER_STRING_MAX_BYTES: usize = 255;

/// One RR: the digest of one epoch's key configuration list.
///
/// `v=OHTTPKEYS1; o=<operator domain>; d=<epoch>:<64 lower-case hex digits>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The domain of the gateway's operator, lower case, without trailing dot.
    pub operator: String,
    /// The epoch.
    pub epoch: Epoch,
    /// SHA-256 of the list of that epoch.
    pub digest: [u8; 32],
}

/// The key records of one gateway: an RRset, agreed on one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecords {
    operator: String,
    digests: BTreeMap<Epoch, [u8; 32]>,
}

/// Why RDATA is no key record, or RRs no set of key records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRecordError {
    /// The text does not begin with `v=OHTTPKEYS1`: somebody else's TXT.
    #[error("not a key record: it does not begin with {VERSION}")]
    NotOurs,
    /// The RDATA is not a sequence of character-strings, or not ASCII text, or too long.
    #[error("the TXT RDATA is malformed, not ASCII, or longer than {TEXT_MAX_BYTES} octets")]
    Rdata,
    /// A tag is missing, repeated, or not `name=value`.
    #[error("the key record does not hold each of o= and d= once")]
    Tags,
    /// `o` is not a domain name.
    #[error("the operator of the key record is not a domain name")]
    Operator,
    /// `d` is not an epoch and a digest.
    #[error("the digest of the key record is not <epoch>:<64 lower-case hex digits>")]
    Digest,
    /// No RR is a key record.
    #[error("there is no key record")]
    Empty,
    /// Two RRs name different operators.
    #[error("the key records name more than one operator")]
    Operators,
    /// Two RRs name different digests for one epoch.
    #[error("the key records name two digests for epoch {0}")]
    Conflict(Epoch),
}

impl KeyRecord {
    /// The owner name of the key records of the gateway at `gateway_host`, absolute.
    #[must_use]
    pub fn owner_name(gateway_host: &str) -> String {
        let host = gateway_host.trim_end_matches('.').to_ascii_lowercase();
        format!("{KEY_RECORD_LABEL}.{host}.")
    }

    /// Reads one key record from the RDATA of a TXT RR.
    ///
    /// # Errors
    ///
    /// [`KeyRecordError::NotOurs`] for a TXT with another purpose, another variant for one of ours
    /// that is malformed. Tags unknown to us are ignored.
    pub fn parse(rdata: &[u8]) -> Result<Self, KeyRecordError> {
        let text = concatenate(rdata)?;
        let mut tags = text.split(';').map(str::trim_ascii);
        if tags.next() != Some(VERSION) {
            return Err(KeyRecordError::NotOurs);
        }
        let (mut operator, mut keys) = (None, None);
        for tag in tags.filter(|tag| !tag.is_empty()) {
            let (name, value) = tag.split_once('=').ok_or(KeyRecordError::Tags)?;
            let earlier = match name.trim_ascii() {
                "o" => operator.replace(value.trim_ascii()),
                "d" => keys.replace(value.trim_ascii()),
                _ => None,
            };
            if earlier.is_some() {
                return Err(KeyRecordError::Tags);
            }
        }
        let (operator, keys) = operator.zip(keys).ok_or(KeyRecordError::Tags)?;
        if !is_host(operator) {
            return Err(KeyRecordError::Operator);
        }
        let (epoch, digest) = parse_digest(keys).ok_or(KeyRecordError::Digest)?;
        Ok(Self {
            operator: operator.to_ascii_lowercase(),
            epoch,
            digest,
        })
    }

    /// The text of the TXT RR.
    #[must_use]
    pub fn to_text(&self) -> String {
        let digest = hex::encode(self.digest);
        format!("{VERSION}; o={}; d={}:{digest}", self.operator, self.epoch)
    }

    /// The RDATA of the TXT RR.
    #[must_use]
    pub fn to_rdata(&self) -> Vec<u8> {
        let mut rdata = Vec::new();
        for part in self.to_text().as_bytes().chunks(CHARACTER_STRING_MAX_BYTES) {
            rdata.extend(u8::try_from(part.len()));
            rdata.extend_from_slice(part);
        }
        rdata
    }
}

impl KeyRecords {
    /// Reads a proved TXT RRset. RRs that are not ours are skipped.
    ///
    /// # Errors
    ///
    /// [`KeyRecordError`] if none is ours, if one of ours is malformed, or if they disagree on the
    /// operator or on the digest of an epoch.
    pub fn read<T: AsRef<[u8]>>(
        rdatas: impl IntoIterator<Item = T>,
    ) -> Result<Self, KeyRecordError> {
        let mut records: Option<Self> = None;
        for rdata in rdatas {
            let record = match KeyRecord::parse(rdata.as_ref()) {
                Err(KeyRecordError::NotOurs) => continue,
                parsed => parsed?,
            };
            let records = records.get_or_insert_with(|| Self {
                operator: record.operator.clone(),
                digests: BTreeMap::new(),
            });
            if records.operator != record.operator {
                return Err(KeyRecordError::Operators);
            }
            let digest = records.digests.entry(record.epoch).or_insert(record.digest);
            if *digest != record.digest {
                return Err(KeyRecordError::Conflict(record.epoch));
            }
        }
        records.ok_or(KeyRecordError::Empty)
    }

    /// The domain of the gateway's operator.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// The digest of the list of `epoch`.
    #[must_use]
    pub fn digest(&self, epoch: Epoch) -> Option<[u8; 32]> {
        self.digests.get(&epoch).copied()
    }

    /// The epochs that have a digest, ascending.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = Epoch> + '_ {
        self.digests.keys().copied()
    }
}

fn concatenate(rdata: &[u8]) -> Result<String, KeyRecordError> {
    let mut text = Vec::new();
    let mut rest = rdata;
    while let Some((length, after)) = rest.split_first() {
        let (part, after) = after
            .split_at_checked(usize::from(*length))
            .ok_or(KeyRecordError::Rdata)?;
        text.extend_from_slice(part);
        rest = after;
    }
    let ours = text.starts_with(VERSION.as_bytes());
    match String::from_utf8(text) {
        Ok(text) if text.is_ascii() && text.len() <= TEXT_MAX_BYTES => Ok(text),
        _ if ours => Err(KeyRecordError::Rdata),
        _ => Err(KeyRecordError::NotOurs),
    }
}

fn parse_digest(text: &str) -> Option<(Epoch, [u8; 32])> {
    let (epoch, encoded) = text.split_once(':')?;
    let canonical = epoch
        .parse()
        .ok()
        .filter(|n: &u64| n.to_string() == epoch)?;
    let is_lower_hex = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    let mut digest = [0; 32];
    if !encoded.bytes().all(is_lower_hex) {
        return None;
    }
    hex::decode_to_slice(encoded, &mut digest).ok()?;
    Some((Epoch(canonical), digest))
}

#[cfg(test)]
mod tests;
