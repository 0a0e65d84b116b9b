//! The key schedule: a hash ratchet over epochs.
//!
//! Every instance of a gateway that holds one state derives the same keys for the same epoch without
//! talking to the others, and the keys of epochs that a state has left behind cannot be computed
//! from it. With HKDF-SHA256 (RFC 5869), `||` for concatenation and `u64`, `u16` big-endian:
//!
//! | value | derivation |
//! |---|---|
//! | first state, epoch e | Extract(salt = `sotto ratchet 1 first`, IKM = secret) |
//! | state of e + 1 | Expand(PRK = state of e, info = `sotto ratchet 1 next` \|\| u64(e + 1), 32) |
//! | HPKE IKM of a suite in e | Expand(PRK = state of e, info = `sotto ratchet 1 ikm` \|\| u64(e) \|\| u16(KEM), 32) |
//! | checksum of a state file | Expand(PRK = state of e, info = `sotto ratchet 1 check` \|\| u64(e), 8) |
//!
//! The key pair is DeriveKeyPair(IKM) of the KEM (RFC 9180 section 7.1.3; for X-Wing,
//! draft-ietf-hpke-pq). `tests/vectors/schedule.json` pins the results.

use std::fmt;
use std::sync::Arc;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::config::digest;
use crate::encapsulation::GatewayKey;
use crate::hpke::kdf::Prk;
use crate::{Epoch, Suite};

/// Epochs that the ratchet may leave behind at once without `force`: what the DNS carries ahead, so
/// that a clock that jumps cannot burn keys that clients will be told to use.
pub const ADVANCE_MAX_EPOCHS: u64 = 14;

/// Epochs that the ratchet may leave behind at once with `force`: a hundred years, to bound the work.
pub const FORCED_ADVANCE_MAX_EPOCHS: u64 = 36_525;

/// How far ahead of its own epoch a ratchet derives keys: twice what the DNS carries, with room.
pub const LOOKAHEAD_MAX_EPOCHS: u64 = 30;

const SALT_FIRST: &[u8] = b"sotto ratchet 1 first";
const INFO_NEXT: &[u8] = b"sotto ratchet 1 next";
const INFO_IKM: &[u8] = b"sotto ratchet 1 ikm";
const INFO_CHECK: &[u8] = b"sotto ratchet 1 check";

/// The first line of a state file.
const STATE_HEADER: &str = "sotto-ratchet 1";

/// The ratchet, standing at the oldest epoch whose keys it can still derive.
pub struct Ratchet {
    epoch: Epoch,
    state: Zeroizing<[u8; 32]>,
}

/// Why the schedule does not go along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The epoch lies behind the ratchet.
    #[error("epoch {wanted} lies behind the ratchet, which stands at {at} and cannot go back")]
    Past {
        /// Where the ratchet stands.
        at: Epoch,
        /// What was asked for.
        wanted: Epoch,
    },
    /// The epoch lies too far ahead.
    #[error(
        "epoch {wanted} is more than {limit} epochs ahead of the ratchet at {at}: check the clock"
    )]
    Ahead {
        /// Where the ratchet stands.
        at: Epoch,
        /// What was asked for.
        wanted: Epoch,
        /// How far ahead is allowed.
        limit: u64,
    },
    /// The state file is not one.
    #[error("line {line} of the ratchet state should be `{expected}`")]
    State {
        /// Counted from 1.
        line: usize,
        /// The form of the line.
        expected: &'static str,
    },
    /// The state file was altered or cut.
    #[error("the ratchet state does not match its checksum: restore the file from its backup")]
    Checksum,
    /// HPKE refused to derive a key pair.
    #[error("no key pair could be derived for {suite:?}")]
    Derivation {
        /// Which suite's.
        suite: Suite,
    },
}

impl Ratchet {
    /// A new ratchet that stands at `epoch`; `secret` must come from a cryptographic random source.
    #[must_use]
    pub fn new(epoch: Epoch, secret: [u8; 32]) -> Self {
        let secret = Zeroizing::new(secret);
        let (mut prk, _) = Hkdf::<Sha256>::extract(Some(SALT_FIRST), secret.as_slice());
        let mut state = Zeroizing::new([0; 32]);
        state.copy_from_slice(&prk);
        zeroize::Zeroize::zeroize(prk.as_mut_slice());
        Self { epoch, state }
    }

    /// The oldest epoch whose keys can still be derived.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Moves the ratchet to `epoch` and forgets what lies before it, for good once the state is stored.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Past`] if `epoch` lies behind, [`ScheduleError::Ahead`] if it lies more than
    /// [`ADVANCE_MAX_EPOCHS`] ahead ([`FORCED_ADVANCE_MAX_EPOCHS`] with `force`). The ratchet
    /// then stays where it is.
    pub fn advance_to(&mut self, epoch: Epoch, force: bool) -> Result<(), ScheduleError> {
        let limit = if force {
            FORCED_ADVANCE_MAX_EPOCHS
        } else {
            ADVANCE_MAX_EPOCHS
        };
        self.state = self.state_of(epoch, limit)?;
        self.epoch = epoch;
        Ok(())
    }

    /// The keys of `epoch`.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Past`] if `epoch` lies behind the ratchet, [`ScheduleError::Ahead`] if it
    /// lies more than [`LOOKAHEAD_MAX_EPOCHS`] ahead.
    pub fn keys(&self, epoch: Epoch) -> Result<EpochKeys, ScheduleError> {
        let state = self.state_of(epoch, LOOKAHEAD_MAX_EPOCHS)?;
        EpochKeys::derive(epoch, &state)
    }

    /// The state as the text of a file, to be stored readable by the gateway alone.
    #[must_use]
    pub fn to_state(&self) -> Zeroizing<String> {
        let state = Zeroizing::new(hex::encode(self.state.as_slice()));
        let check = hex::encode(self.checksum());
        Zeroizing::new(format!(
            "{STATE_HEADER}\nepoch {}\nstate {}\ncheck {check}\n",
            self.epoch, *state
        ))
    }

    /// Reads what [`Self::to_state`] wrote.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::State`] names the line that is not as it should be,
    /// [`ScheduleError::Checksum`] says that the lines do not belong together.
    pub fn from_state(text: &str) -> Result<Self, ScheduleError> {
        let mut lines = text.lines();
        let mut line = |line: usize, prefix: &str, expected: &'static str| {
            lines
                .next()
                .and_then(|text| text.strip_prefix(prefix))
                .ok_or(ScheduleError::State { line, expected })
        };
        let bad = |line: usize, expected: &'static str| ScheduleError::State { line, expected };
        if !line(1, STATE_HEADER, STATE_HEADER)?.is_empty() {
            return Err(bad(1, STATE_HEADER));
        }
        let epoch = line(2, "epoch ", "epoch NUMBER")?;
        let epoch = epoch.parse().map_err(|_| bad(2, "epoch NUMBER"))?;
        let encoded = line(3, "state ", "state 64 HEX DIGITS")?;
        let mut state = Zeroizing::new([0; 32]);
        hex::decode_to_slice(encoded, state.as_mut_slice())
            .map_err(|_| bad(3, "state 64 HEX DIGITS"))?;
        let mut check = [0; 8];
        hex::decode_to_slice(line(4, "check ", "check 16 HEX DIGITS")?, &mut check)
            .map_err(|_| bad(4, "check 16 HEX DIGITS"))?;
        if lines.next().is_some() {
            return Err(bad(5, "nothing"));
        }
        let ratchet = Self {
            epoch: Epoch(epoch),
            state,
        };
        if ratchet.checksum() != check {
            return Err(ScheduleError::Checksum);
        }
        Ok(ratchet)
    }

    fn checksum(&self) -> [u8; 8] {
        *expand(&self.state, &[INFO_CHECK, &self.epoch.0.to_be_bytes()])
    }

    fn state_of(&self, wanted: Epoch, limit: u64) -> Result<Zeroizing<[u8; 32]>, ScheduleError> {
        let at = self.epoch;
        let ahead = wanted
            .0
            .checked_sub(at.0)
            .ok_or(ScheduleError::Past { at, wanted })?;
        if ahead > limit {
            return Err(ScheduleError::Ahead { at, wanted, limit });
        }
        let mut state = self.state.clone();
        for step in 1..=ahead {
            state = expand(&state, &[INFO_NEXT, &at.plus(step).0.to_be_bytes()]);
        }
        Ok(state)
    }
}

impl fmt::Debug for Ratchet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ratchet")
            .field("epoch", &self.epoch)
            .field("state", &"[redacted]")
            .finish()
    }
}

/// The key pairs of one epoch and the list that announces them.
#[derive(Clone)]
pub struct EpochKeys {
    epoch: Epoch,
    xwing: Arc<GatewayKey>,
    x25519: Arc<GatewayKey>,
    list: Vec<u8>,
}

impl EpochKeys {
    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The `application/ohttp-keys` list: X-Wing, then X25519.
    #[must_use]
    pub fn list(&self) -> &[u8] {
        &self.list
    }

    /// SHA-256 of the list, which the [`crate::KeyRecord`] of the epoch carries.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.list)
    }

    /// The key that an envelope names.
    pub(crate) fn named_by(&self, envelope: &[u8]) -> Option<&GatewayKey> {
        [&*self.xwing, &*self.x25519]
            .into_iter()
            .find(|key| key.is_named_by(envelope))
    }

    fn derive(epoch: Epoch, state: &[u8; 32]) -> Result<Self, ScheduleError> {
        let key = |suite: Suite| {
            let (at, kem) = (epoch.0.to_be_bytes(), suite.kem_id().to_be_bytes());
            let ikm = expand(state, &[INFO_IKM, &at, &kem]);
            GatewayKey::derive(suite, suite.key_id(epoch), &ikm)
                .map(Arc::new)
                .ok_or(ScheduleError::Derivation { suite })
        };
        let (xwing, x25519) = (key(Suite::XWing)?, key(Suite::X25519)?);
        let mut list = Vec::new();
        xwing.announce(&mut list);
        x25519.announce(&mut list);
        Ok(Self {
            epoch,
            xwing,
            x25519,
            list,
        })
    }
}

impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochKeys")
            .field("epoch", &self.epoch)
            .field("keys", &"[redacted]")
            .finish_non_exhaustive()
    }
}

fn expand<const N: usize>(state: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    Prk::from(state).expand(info)
}

#[cfg(test)]
mod tests;
