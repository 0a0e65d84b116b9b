//! Entropy and mutual information of what was counted, in bits.

use std::collections::BTreeMap;

/// The entropy of a distribution that was counted, in bits: the plug-in estimate, `-sum p log2 p` with the shares seen.
///
/// Zero for no counts at all.
#[must_use]
pub fn entropy(counts: impl IntoIterator<Item = u64>) -> f64 {
    let counts: Vec<u64> = counts.into_iter().filter(|count| *count > 0).collect();
    let total = counts.iter().sum::<u64>() as f64;
    -counts
        .iter()
        .map(|count| *count as f64 / total)
        .map(|share| share * share.log2())
        .sum::<f64>()
        // Not the negative zero of a certain outcome.
        .min(0.0)
}

/// The number of equally likely candidates that are as uncertain as `bits` of entropy: `2^H`.
#[must_use]
pub fn effective_set(bits: f64) -> f64 {
    bits.exp2()
}

/// How often each secret came with each observation.
#[derive(Clone, Debug)]
pub struct Joint<X, Y> {
    cells: BTreeMap<(X, Y), u64>,
    secrets: BTreeMap<X, u64>,
    observations: BTreeMap<Y, u64>,
    total: u64,
}

impl<X, Y> Default for Joint<X, Y> {
    fn default() -> Self {
        Self {
            cells: BTreeMap::new(),
            secrets: BTreeMap::new(),
            observations: BTreeMap::new(),
            total: 0,
        }
    }
}

impl<X: Ord + Clone, Y: Ord + Clone> Joint<X, Y> {
    /// Counts a secret that came with an observation, so many times.
    pub fn add(&mut self, secret: X, observation: Y, times: u64) {
        if times == 0 {
            return;
        }
        *self
            .cells
            .entry((secret.clone(), observation.clone()))
            .or_default() += times;
        *self.secrets.entry(secret).or_default() += times;
        *self.observations.entry(observation).or_default() += times;
        self.total += times;
    }

    /// How many pairs were counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Bits that are needed to name the secret before anything is observed, by the plug-in estimate.
    #[must_use]
    pub fn secret_entropy(&self) -> f64 {
        entropy(self.secrets.values().copied())
    }

    /// Mutual information in bits by the plug-in estimate: `H(X) + H(Y) - H(X, Y)` of the shares seen. Biased upwards where
    /// cells are few times seen.
    #[must_use]
    pub fn plug_in(&self) -> f64 {
        let information = self.secret_entropy() + entropy(self.observations.values().copied())
            - entropy(self.cells.values().copied());
        information.max(0.0)
    }

    /// Mutual information in bits, each entropy corrected by `(K - 1) / 2N` nats for its `K` values seen among `N`
    /// (Miller 1955, attributed to Madow too). May come out below zero by its own error, and then is zero.
    #[must_use]
    pub fn mutual_information(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        let degrees = |values: usize| values as f64 - 1.0;
        let excess = degrees(self.secrets.len()) + degrees(self.observations.len())
            - degrees(self.cells.len());
        let correction = excess / (2.0 * self.total as f64 * std::f64::consts::LN_2);
        (self.plug_in() + correction).max(0.0)
    }

    /// The share of secrets that are right if for each observation the secret most often seen with it is guessed: of
    /// these same pairs, and so biased upwards where observations are few times seen.
    #[must_use]
    pub fn top_one(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        let mut best: BTreeMap<&Y, u64> = BTreeMap::new();
        for ((_, observation), count) in &self.cells {
            let most = best.entry(observation).or_default();
            *most = (*most).max(*count);
        }
        best.values().sum::<u64>() as f64 / self.total as f64
    }

    /// The share of secrets that are right if nothing is observed and always the most frequent one is guessed.
    #[must_use]
    pub fn top_one_blind(&self) -> f64 {
        let most = self.secrets.values().copied().max().unwrap_or(0);
        most as f64 / (self.total as f64).max(1.0)
    }

    /// The size of the set that a secret hides in once the observation is known: `2^H(X|Y)`.
    #[must_use]
    pub fn effective_set(&self) -> f64 {
        effective_set((self.secret_entropy() - self.mutual_information()).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropies_of_known_distributions() {
        assert_eq!(entropy([]), 0.0);
        assert_eq!(entropy([7]), 0.0);
        assert!((entropy([1; 8]) - 3.0).abs() < 1e-12);
        assert!((entropy([2, 1, 1, 0]) - 1.5).abs() < 1e-12);
        assert!((effective_set(entropy([1; 8])) - 8.0).abs() < 1e-9);
    }

    #[test]
    fn an_observation_that_is_the_secret_tells_all_of_it() {
        let mut joint = Joint::default();
        for secret in 0..16_u8 {
            joint.add(secret, secret, 100_000);
        }
        assert!((joint.plug_in() - 4.0).abs() < 1e-12);
        assert!((joint.mutual_information() - 4.0).abs() < 1e-4);
        assert!((joint.top_one() - 1.0).abs() < 1e-12);
        assert!((joint.top_one_blind() - 1.0 / 16.0).abs() < 1e-12);
        assert!((joint.effective_set() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn an_observation_that_is_always_the_same_tells_nothing() {
        let mut joint = Joint::default();
        for secret in 0..16_u8 {
            joint.add(secret, "8192", 3);
        }
        assert_eq!(joint.plug_in(), 0.0);
        assert_eq!(joint.mutual_information(), 0.0);
        assert!((joint.top_one() - joint.top_one_blind()).abs() < 1e-12);
        assert!((joint.effective_set() - 16.0).abs() < 1e-9);
    }

    #[test]
    fn a_binary_symmetric_channel_has_its_capacity() {
        // Crossover 1/4: 1 - H(1/4) = 0.188 721 875 540 867 bits, and the best guess is right in 3 of 4.
        let mut joint = Joint::default();
        for (secret, observation, times) in [(0, 0, 3), (0, 1, 1), (1, 0, 1), (1, 1, 3)] {
            joint.add(secret, observation, times * 1_000_000);
        }
        assert!((joint.plug_in() - 0.188_721_875_540_867).abs() < 1e-12);
        assert!((joint.mutual_information() - 0.188_721_875_540_867).abs() < 1e-6);
        assert!((joint.top_one() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn the_correction_takes_the_bias_of_small_samples_away() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let (mut plain, mut corrected) = (0.0, 0.0);
        for _ in 0..100 {
            let mut joint = Joint::default();
            for _ in 0..500 {
                joint.add(random.random_range(0..8), random.random_range(0..8), 1);
            }
            plain += joint.plug_in() / 100.0;
            corrected += joint.mutual_information() / 100.0;
        }
        // 49 degrees of freedom over 1,000 nats are 0.0707 bits, where there is nothing.
        assert!((plain - 0.0707).abs() < 0.01, "{plain}");
        assert!(corrected < 0.01, "{corrected}");
    }

    #[test]
    fn nothing_counted_tells_nothing() {
        let joint = Joint::<u8, u8>::default();
        assert_eq!(joint.plug_in(), 0.0);
        assert_eq!(joint.mutual_information(), 0.0);
        assert_eq!((joint.top_one(), joint.top_one_blind()), (0.0, 0.0));
        assert_eq!(joint.total(), 0);
    }
}
