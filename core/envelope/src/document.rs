//! The key document: key lists and the DNSSEC proof of their digests, as a relay hands it out.

use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES};

use crate::config::digest;
use crate::{Epoch, KeyConfigList, KeyRecords};

/// The octets that open a key document.
const MAGIC: [u8; 4] = *b"SKD1";

/// Lists in the largest key document: previous, current, next.
const LISTS_MAX: usize = 3;

/// How far an epoch may lie from the client's, for a clock that is wrong by up to a day.
const EPOCH_TOLERANCE: u64 = 1;

/// Lists of key configurations by epoch, and the proof of the TXT RRset that carries their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDocument {
    /// `application/ohttp-keys` lists, epochs strictly ascending.
    pub lists: Vec<(Epoch, Vec<u8>)>,
    /// The proof of TXT at [`crate::KeyRecord::owner_name`].
    pub proof: Vec<u8>,
}

/// Why octets are no key document, or a key document cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyDocumentError {
    /// The whole is longer than [`KEY_DOCUMENT_MAX_BYTES`].
    #[error("the key document is longer than {KEY_DOCUMENT_MAX_BYTES} octets")]
    TooLong,
    /// The first octets are not `SKD1`.
    #[error("not a key document: it does not begin with SKD1")]
    Magic,
    /// Not one to three lists.
    #[error("the key document holds {0} lists, not 1 to {LISTS_MAX}")]
    Count(usize),
    /// A list points beyond the end.
    #[error("the key document is truncated")]
    Truncated,
    /// Epochs do not ascend.
    #[error("the epochs of the key document do not ascend")]
    Order,
    /// A list is longer than [`KEY_LIST_MAX_BYTES`].
    #[error("the list of epoch {0} is longer than {KEY_LIST_MAX_BYTES} octets")]
    ListTooLong(Epoch),
}

impl KeyDocument {
    /// The octets of the document.
    ///
    /// # Errors
    ///
    /// [`KeyDocumentError`] if no reader would accept them.
    pub fn encode(&self) -> Result<Vec<u8>, KeyDocumentError> {
        self.check()?;
        let mut octets = MAGIC.to_vec();
        octets.extend(u8::try_from(self.lists.len()));
        for (epoch, list) in &self.lists {
            let length =
                u16::try_from(list.len()).map_err(|_| KeyDocumentError::ListTooLong(*epoch))?;
            octets.extend_from_slice(&epoch.0.to_be_bytes());
            octets.extend_from_slice(&length.to_be_bytes());
            octets.extend_from_slice(list);
        }
        octets.extend_from_slice(&self.proof);
        if octets.len() > KEY_DOCUMENT_MAX_BYTES {
            return Err(KeyDocumentError::TooLong);
        }
        Ok(octets)
    }

    /// Reads a document. Lists and proof are taken as they are: nothing is verified here.
    ///
    /// # Errors
    ///
    /// [`KeyDocumentError`] says what does not fit the format.
    pub fn decode(octets: &[u8]) -> Result<Self, KeyDocumentError> {
        if octets.len() > KEY_DOCUMENT_MAX_BYTES {
            return Err(KeyDocumentError::TooLong);
        }
        let rest = octets.strip_prefix(&MAGIC).ok_or(KeyDocumentError::Magic)?;
        let (&count, mut rest) = rest.split_first().ok_or(KeyDocumentError::Truncated)?;
        check_count(usize::from(count))?;
        let mut lists = Vec::new();
        for _ in 0..count {
            let (epoch, after) = rest
                .split_first_chunk()
                .ok_or(KeyDocumentError::Truncated)?;
            let (length, after) = after
                .split_first_chunk()
                .ok_or(KeyDocumentError::Truncated)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (list, after) = after
                .split_at_checked(length)
                .ok_or(KeyDocumentError::Truncated)?;
            lists.push((Epoch(u64::from_be_bytes(*epoch)), list.to_vec()));
            rest = after;
        }
        let document = Self {
            lists,
            proof: rest.to_vec(),
        };
        document.check()?;
        Ok(document)
    }

    /// The first list that a client whose clock says `now` may use: its epoch lies within one of the
    /// clock's, `records` carry its digest, and it is well-formed.
    ///
    /// `records` must have been proved; see [`KeyRecords::read`].
    #[must_use]
    pub fn usable(&self, records: &KeyRecords, now: u64) -> Option<(Epoch, KeyConfigList)> {
        let current = Epoch::at(now).0;
        self.lists
            .iter()
            .filter(|(epoch, _)| epoch.0.abs_diff(current) <= EPOCH_TOLERANCE)
            .filter(|(epoch, list)| records.digest(*epoch) == Some(digest(list)))
            .find_map(|(epoch, list)| Some((*epoch, KeyConfigList::parse(list).ok()?)))
    }

    fn check(&self) -> Result<(), KeyDocumentError> {
        check_count(self.lists.len())?;
        if !self.lists.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(KeyDocumentError::Order);
        }
        match self
            .lists
            .iter()
            .find(|(_, list)| list.len() > KEY_LIST_MAX_BYTES)
        {
            Some((epoch, _)) => Err(KeyDocumentError::ListTooLong(*epoch)),
            None => Ok(()),
        }
    }
}

fn check_count(lists: usize) -> Result<(), KeyDocumentError> {
    if (1..=LISTS_MAX).contains(&lists) {
        Ok(())
    } else {
        Err(KeyDocumentError::Count(lists))
    }
}
