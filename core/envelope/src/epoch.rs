//! Epochs of gateway keys.

use std::fmt;

use sotto_wire::EPOCH_SECONDS;

/// A span of [`EPOCH_SECONDS`] for which a gateway uses one set of keys, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch that `now`, in Unix seconds, lies in.
    #[must_use]
    pub const fn at(now: u64) -> Self {
        Self(now / EPOCH_SECONDS)
    }

    /// The first Unix second of the epoch.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.0.saturating_mul(EPOCH_SECONDS)
    }

    /// The first Unix second after the epoch.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.next().start()
    }

    /// The following epoch.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The epoch before; epoch 0 is its own predecessor.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The epoch that many epochs later.
    #[must_use]
    pub const fn plus(self, epochs: u64) -> Self {
        Self(self.0.saturating_add(epochs))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_day() {
        assert_eq!(Epoch::at(86_399), Epoch(0));
        assert_eq!(Epoch::at(86_400), Epoch(1));
        assert_eq!((Epoch(1).start(), Epoch(1).end()), (86_400, 172_800));
        assert_eq!(Epoch(0).previous(), Epoch(0));
        assert_eq!(Epoch(u64::MAX).end(), u64::MAX);
    }
}
