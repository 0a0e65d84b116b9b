//! The signatures that a caller's verifications have found good, so that none is checked twice.

use std::fmt;

use super::crypto::sha256;

/// Entries of one bucket, among which the one used longest ago gives way.
const WAYS: usize = 8;

/// SHA-256 over a key, what it signed, and the signature.
///
/// Not shortened: whoever holds a zone of their own chooses keys, data and signatures, so only
/// collision resistance keeps a good signature of theirs from standing in for a bad one.
type Fingerprint = [u8; 32];

/// What no SHA-256 anybody can find is equal to.
const VACANT: Fingerprint = [0; 32];

/// The signatures that verified, held by the caller from one verification to the next: a verifier
/// that has seen the keys of a zone checks only the new signatures of the next name under it.
///
/// One entry says that one signature over certain octets verified under one key, which is true
/// for ever. Nothing else is remembered: times, trust anchors, delegations and policy are judged anew by
/// every verification, so the verdict never depends on what is remembered, a rollover needs no
/// care, and one memory serves any anchors, clocks and limits. A signature that fails is never
/// remembered, so only those who hold a key of a zone below an anchor can take up room.
///
/// The room is fixed, [`SignatureMemory::OCTETS_PER_ENTRY`] octets an entry; a new entry displaces the
/// one used longest ago of a bucket of eight. Both cost the same however full the memory is.
///
/// No name can be read from it, but whoever reads it, or times a verification, can tell whether a
/// signature that they know was met before. It is part of its holder's history of lookups. For the same
/// reason it cannot be stored: whoever could write the store could also forge every verdict.
#[derive(Clone)]
pub struct SignatureMemory {
    buckets: Box<[[Fingerprint; WAYS]]>,
}

impl SignatureMemory {
    /// Entries of [`SignatureMemory::default`]: 32 KiB, for some 300 zones at three signatures
    /// each.
    pub const DEFAULT_ENTRIES: usize = 1_024;

    /// Octets that an entry takes.
    pub const OCTETS_PER_ENTRY: usize = size_of::<Fingerprint>();

    /// Makes an empty memory for so many entries, rounded up to a multiple of eight; all of its
    /// room is taken at once. A memory of no entries remembers nothing.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        Self {
            buckets: vec![[VACANT; WAYS]; entries.div_ceil(WAYS)].into(),
        }
    }

    /// Returns how many entries there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// Returns how many signatures are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        let entries = self.buckets.iter().flatten();
        entries.filter(|&entry| *entry != VACANT).count()
    }

    /// Tells whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets.fill([VACANT; WAYS]);
    }

    /// Tells whether the signature is known to be good, and keeps it for longer if so.
    pub(super) fn recalls(&mut self, checked: &Checked) -> bool {
        let Some(bucket) = self.bucket(checked) else {
            return false;
        };
        let Some(at) = bucket.iter().position(|entry| *entry == checked.0) else {
            return false;
        };
        bucket[..=at].rotate_right(1);
        true
    }

    /// Remembers a signature that verified.
    pub(super) fn remember(&mut self, checked: &Checked) {
        if let Some(bucket) = self.bucket(checked) {
            bucket.rotate_right(1);
            bucket[0] = checked.0;
        }
    }

    fn bucket(&mut self, Checked(fingerprint): &Checked) -> Option<&mut [Fingerprint; WAYS]> {
        let (head, _) = fingerprint.split_first_chunk()?;
        let at = u64::from_be_bytes(*head).checked_rem(self.buckets.len() as u64)?;
        self.buckets.get_mut(usize::try_from(at).ok()?)
    }
}

impl Default for SignatureMemory {
    fn default() -> Self {
        Self::new(Self::DEFAULT_ENTRIES)
    }
}

impl fmt::Debug for SignatureMemory {
    /// Shows how much is remembered, and nothing of what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureMemory")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("entries", &"[redacted]")
            .finish()
    }
}

/// One check of a signature: everything that its result depends on.
pub(super) struct Checked(Fingerprint);

impl Checked {
    /// Names a check by the key as its DNSKEY holds it, the octets signed, and the signature.
    pub(super) fn new(algorithm: u8, key: &[u8], message: &[u8], signature: &[u8]) -> Self {
        let length = |part: &[u8]| (part.len() as u64).to_be_bytes();
        Self(sha256(&[
            &[algorithm],
            &length(key),
            key,
            &length(message),
            message,
            signature,
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(number: u64) -> Checked {
        Checked::new(15, &number.to_be_bytes(), b"", b"")
    }

    #[test]
    fn room_is_bounded_and_what_is_used_stays() {
        for entries in [1, 8, 9, 64, 1_000] {
            let mut memory = SignatureMemory::new(entries);
            assert_eq!(memory.capacity(), entries.next_multiple_of(WAYS));
            assert!(memory.is_empty());
            memory.remember(&checked(0));
            for number in 1..=4 * entries as u64 {
                memory.remember(&checked(number));
                assert!(memory.recalls(&checked(number)), "the newest stays");
                assert!(memory.recalls(&checked(0)), "what is in use stays");
                assert!(!memory.recalls(&checked(u64::MAX)));
                assert!(memory.len() <= memory.capacity());
                assert!(!memory.is_empty());
            }
            memory.clear();
            assert!(memory.is_empty());
            assert!(!memory.recalls(&checked(0)));
        }
    }

    #[test]
    fn the_entry_used_longest_ago_gives_way() {
        let mut memory = SignatureMemory::new(WAYS);
        for number in 0..WAYS as u64 {
            memory.remember(&checked(number));
        }
        assert_eq!(memory.len(), WAYS);
        assert!(memory.recalls(&checked(0)));
        memory.remember(&checked(100));
        assert!(!memory.recalls(&checked(1)));
        for number in [0, 2, 3, 4, 5, 6, 7, 100] {
            assert!(memory.recalls(&checked(number)), "{number}");
        }
    }

    #[test]
    fn a_memory_without_room_remembers_nothing() {
        let mut memory = SignatureMemory::new(0);
        memory.remember(&checked(0));
        assert!(!memory.recalls(&checked(0)));
        assert_eq!((memory.len(), memory.capacity()), (0, 0));
    }

    #[test]
    fn every_part_of_a_check_counts() {
        let all = [
            Checked::new(8, b"ab", b"cd", b"ef"),
            Checked::new(10, b"ab", b"cd", b"ef"),
            Checked::new(8, b"a", b"bcd", b"ef"),
            Checked::new(8, b"ab", b"c", b"def"),
            Checked::new(8, b"ab", b"cdef", b""),
            Checked::new(8, b"ab", b"cd", b"eg"),
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(one.0, other.0);
            }
        }
    }

    #[test]
    fn nothing_is_shown_and_threads_may_share() {
        fn can_move<T: Send + Sync>(_: &T) {}
        let mut memory = SignatureMemory::new(8);
        memory.remember(&checked(0));
        can_move(&memory);
        assert_eq!(
            format!("{memory:?}"),
            "SignatureMemory { len: 1, capacity: 8, entries: \"[redacted]\" }"
        );
        assert_eq!(SignatureMemory::default().capacity(), 1_024);
    }
}
