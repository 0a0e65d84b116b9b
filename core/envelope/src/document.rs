//! The key document: key lists and the DNSSEC proof of their digests, as a relay hands it out.

use sotto_wire::{KeyDocumentError, KeyFrame};

use crate::config::digest;
use crate::{Epoch, KeyConfigList, KeyRecords};

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

impl KeyDocument {
    /// The octets of the document.
    ///
    /// # Errors
    ///
    /// [`KeyDocumentError`] if no reader would accept them.
    pub fn encode(&self) -> Result<Vec<u8>, KeyDocumentError> {
        let lists = self.lists.iter();
        KeyFrame {
            lists: lists
                .map(|(epoch, list)| (epoch.0, list.as_slice()))
                .collect(),
            proof: &self.proof,
        }
        .encode()
    }

    /// Reads a document. Lists and proof are taken as they are: nothing is verified here.
    ///
    /// # Errors
    ///
    /// [`KeyDocumentError`] says what does not fit the format.
    pub fn decode(octets: &[u8]) -> Result<Self, KeyDocumentError> {
        let frame = KeyFrame::decode(octets)?;
        let lists = frame.lists.into_iter();
        Ok(Self {
            lists: lists
                .map(|(epoch, list)| (Epoch(epoch), list.to_vec()))
                .collect(),
            proof: frame.proof.to_vec(),
        })
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
}
