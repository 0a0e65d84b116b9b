//! The frame of a key document: lists of key configurations by epoch, and what vouches for them.
//!
//! Everybody who has the octets can read the frame; to believe what is in it takes a verifier, which is not here.

use std::fmt;

use crate::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES};

/// The octets that open a key document.
const MAGIC: [u8; 4] = *b"SKD1";

/// Lists in the largest key document: previous, current, next.
const LISTS_MAX: usize = 3;

/// What the frame of a key document holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFrame<'a> {
    /// `application/ohttp-keys` lists by epoch, the epochs strictly ascending.
    pub lists: Vec<(u64, &'a [u8])>,
    /// The DNSSEC proof of their digests.
    pub proof: &'a [u8],
}

/// Why octets are no key document, or a key document cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDocumentError {
    /// The whole is longer than [`KEY_DOCUMENT_MAX_BYTES`].
    TooLong,
    /// The first octets are not `SKD1`.
    Magic,
    /// Not one to three lists.
    Count(usize),
    /// A list points beyond the end.
    Truncated,
    /// Epochs do not ascend.
    Order,
    /// The list of this epoch is longer than [`KEY_LIST_MAX_BYTES`].
    ListTooLong(u64),
}

impl<'a> KeyFrame<'a> {
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
            octets.extend_from_slice(&epoch.to_be_bytes());
            octets.extend_from_slice(&length.to_be_bytes());
            octets.extend_from_slice(list);
        }
        octets.extend_from_slice(self.proof);
        if octets.len() > KEY_DOCUMENT_MAX_BYTES {
            return Err(KeyDocumentError::TooLong);
        }
        Ok(octets)
    }

    /// Reads a document. Lists and proof are taken as they are.
    ///
    /// # Errors
    ///
    /// [`KeyDocumentError`] says what does not fit the format.
    pub fn decode(octets: &'a [u8]) -> Result<Self, KeyDocumentError> {
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
            lists.push((u64::from_be_bytes(*epoch), list));
            rest = after;
        }
        let frame = Self { lists, proof: rest };
        frame.check()?;
        Ok(frame)
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

impl fmt::Display for KeyDocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(
                f,
                "the key document is longer than {KEY_DOCUMENT_MAX_BYTES} octets"
            ),
            Self::Magic => f.write_str("not a key document: it does not begin with SKD1"),
            Self::Count(lists) => {
                write!(
                    f,
                    "the key document holds {lists} lists, not 1 to {LISTS_MAX}"
                )
            }
            Self::Truncated => f.write_str("the key document is truncated"),
            Self::Order => f.write_str("the epochs of the key document do not ascend"),
            Self::ListTooLong(epoch) => write!(
                f,
                "the list of epoch {epoch} is longer than {KEY_LIST_MAX_BYTES} octets"
            ),
        }
    }
}

impl std::error::Error for KeyDocumentError {}

fn check_count(lists: usize) -> Result<(), KeyDocumentError> {
    if (1..=LISTS_MAX).contains(&lists) {
        Ok(())
    } else {
        Err(KeyDocumentError::Count(lists))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_its_octets() {
        let frame = KeyFrame {
            lists: vec![(20_000, b"one".as_slice()), (20_001, b"")],
            proof: b"proof",
        };
        let octets = frame.encode().unwrap();
        assert_eq!(KeyFrame::decode(&octets), Ok(frame));
        assert_eq!(
            KeyFrame::decode(&octets[..10]),
            Err(KeyDocumentError::Truncated)
        );
        assert_eq!(KeyFrame::decode(b"SKD2"), Err(KeyDocumentError::Magic));
        assert_eq!(KeyFrame::decode(b"SKD1\0"), Err(KeyDocumentError::Count(0)));
    }
}
