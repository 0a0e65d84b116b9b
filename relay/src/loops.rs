//! An envelope that is on its way through this relay and comes again has gone round.
//!
//! No header field could say so: what travels on is made anew, and a field that a client could fill would travel on with
//! it. So the relay knows the envelope itself, by a keyed hash, until the gateway has answered. Whoever seals a fresh
//! envelope for each request, as RFC 9458 demands, never sends the same one twice.

use std::{
    collections::HashSet,
    fmt,
    hash::Hasher as _,
    sync::{Arc, Mutex, PoisonError},
};

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// Octets of an envelope that tell it from every other: its header, and 57 of the encapsulated key, of which every KEM has 32 at least,
/// drawn anew for each envelope (RFC 9458 section 4.1, RFC 9180 section 7.1).
const TELLING_OCTETS: usize = 64;

/// The envelopes in flight: sixteen octets for each, as many as there are requests.
pub(crate) struct InFlight {
    key: [u8; 16],
    hashes: Mutex<HashSet<u128>>,
}

/// One envelope's time in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    all: Arc<InFlight>,
    hash: u128,
}

impl InFlight {
    /// None in flight yet. `key` is random, so that nobody can make two envelopes that are taken for one.
    pub(crate) fn new(key: [u8; 16]) -> Arc<Self> {
        Arc::new(Self {
            key,
            hashes: Mutex::default(),
        })
    }

    /// Lets an envelope go; `None` if it is in flight already.
    pub(crate) fn enter(self: &Arc<Self>, envelope: &[u8]) -> Option<Flight> {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&envelope[..envelope.len().min(TELLING_OCTETS)]);
        let hash = hasher.finish128().as_u128();
        self.with(|hashes| hashes.insert(hash)).then(|| Flight {
            all: Arc::clone(self),
            hash,
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashSet<u128>) -> T) -> T {
        change(&mut self.hashes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.with(|hashes| hashes.remove(&self.hash));
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InFlight([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_known_while_it_is_in_flight_and_no_longer() {
        let all = InFlight::new([3; 16]);
        let first = all.enter(b"one").unwrap();
        assert!(all.enter(b"one").is_none());
        let second = all.enter(b"two").unwrap();
        drop(first);
        assert!(all.enter(b"two").is_none());
        assert!(all.enter(b"one").is_some());
        drop(second);
        assert!(all.with(|hashes| hashes.is_empty()));
    }
}
