//! Chance from a seed that is passed in.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Uniform random numbers from a seed: SHA-256 over the seed and a counter.
///
/// The same seed throws the same numbers. Whoever does not know it cannot tell them from chance, which is why it must be
/// fresh and secret: a relay that guessed it would know the order of the questions.
pub struct Dice {
    seed: Zeroizing<[u8; 32]>,
    thrown: u64,
}

impl Dice {
    /// Dice that throw what `seed` says.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            seed: Zeroizing::new(seed),
            thrown: 0,
        }
    }

    fn throw(&mut self) -> u64 {
        let digest = Sha256::new()
            .chain_update(self.seed.as_slice())
            .chain_update(self.thrown.to_be_bytes())
            .finalize();
        self.thrown += 1;
        let mut octets = [0; 8];
        octets.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(octets)
    }

    /// A number below `bound`, each as likely as the other; 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound < 2 {
            return 0;
        }
        // What is left of the range of 64 bits above the last whole multiple would favour small numbers.
        let spare = (u64::MAX % bound + 1) % bound;
        loop {
            let thrown = self.throw();
            if thrown <= u64::MAX - spare {
                return thrown % bound;
            }
        }
    }

    /// An index of a list of `length` items; 0 if it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// Puts `items` into an order that is as likely as any other (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }
}

impl fmt::Debug for Dice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Dice([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything_and_is_not_shown() {
        let throws = |seed| {
            let mut dice = Dice::new([seed; 32]);
            std::array::from_fn::<u64, 8, _>(|_| dice.below(1_000))
        };
        assert_eq!(throws(1), throws(1));
        assert_ne!(throws(1), throws(2));
        assert_eq!(format!("{:?}", Dice::new([7; 32])), "Dice([redacted])");
    }

    #[test]
    fn every_face_is_as_likely() {
        let mut dice = Dice::new([3; 32]);
        let mut counts = [0_u32; 6];
        for _ in 0..6_000 {
            counts[dice.index(6)] += 1;
        }
        // Chi-square with 5 degrees of freedom: 20.5 is exceeded by chance once in a thousand seeds, and this is one seed.
        let deviation: f64 = counts
            .iter()
            .map(|&count| (f64::from(count) - 1_000.0).powi(2) / 1_000.0)
            .sum();
        assert!(deviation < 20.5, "{counts:?}");
        assert_eq!((dice.below(0), dice.below(1), dice.index(0)), (0, 0, 0));
        assert!(dice.below(u64::MAX) < u64::MAX);
    }

    #[test]
    fn every_order_is_as_likely() {
        let mut dice = Dice::new([4; 32]);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut items = [1, 2, 3];
            dice.shuffle(&mut items);
            *counts.entry(items).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(
            counts.values().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
    }
}
