//! Entropy and mutual information of what was counted, in bits.

use std::collections::HashMap;
use std::hash::Hash;

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

/// Pairs of a secret and what was observed with it, ready to be weighed again and again.
#[derive(Clone, Debug, Default)]
pub struct Joint {
    secrets: Numbered,
    observations: Numbered,
    cells: Numbered,
    /// The observation of each cell.
    observation_of: Vec<u32>,
}

/// Values by the order in which they were first seen.
#[derive(Clone, Debug, Default)]
struct Numbered {
    /// The value of each pair.
    of: Vec<u32>,
    /// How many values there are.
    values: usize,
}

impl Numbered {
    fn new<T: Eq + Hash>(values: impl IntoIterator<Item = T>) -> Self {
        let mut numbers = HashMap::new();
        let of = values
            .into_iter()
            .map(|value| {
                let next = numbers.len() as u32;
                *numbers.entry(value).or_insert(next)
            })
            .collect();
        Self {
            of,
            values: numbers.len(),
        }
    }

    fn counts(&self, weights: Option<&[u32]>) -> Vec<u64> {
        let mut counts = vec![0; self.values];
        for (place, value) in self.of.iter().enumerate() {
            counts[*value as usize] += weights.map_or(1, |weights| u64::from(weights[place]));
        }
        counts
    }
}

impl Joint {
    /// Counts pairs of a secret and an observation.
    #[must_use]
    pub fn new<X: Eq + Hash, Y: Eq + Hash>(pairs: &[(X, Y)]) -> Self {
        Self::numbered(
            Numbered::new(pairs.iter().map(|(secret, _)| secret)),
            Numbered::new(pairs.iter().map(|(_, observation)| observation)),
        )
    }

    fn numbered(secrets: Numbered, observations: Numbered) -> Self {
        let cells = Numbered::new(secrets.of.iter().zip(&observations.of));
        let mut observation_of = vec![0; cells.values];
        for (cell, observation) in cells.of.iter().zip(&observations.of) {
            observation_of[*cell as usize] = *observation;
        }
        Self {
            secrets,
            observations,
            cells,
            observation_of,
        }
    }

    /// The observations, numbered, in the order of the pairs.
    #[must_use]
    pub fn observations(&self) -> &[u32] {
        &self.observations.of
    }

    /// The same secrets with other observations, numbered as [`Self::observations`] numbers them.
    #[must_use]
    pub fn with_observations(&self, observations: &[u32]) -> Self {
        let observations = Numbered {
            of: observations.to_vec(),
            values: self.observations.values,
        };
        Self::numbered(self.secrets.clone(), observations)
    }

    /// Bits that are needed to name the secret before anything is observed, by the plug-in estimate.
    #[must_use]
    pub fn secret_entropy(&self) -> f64 {
        entropy(self.secrets.counts(None))
    }

    /// Mutual information in bits by the plug-in estimate: `H(X) + H(Y) - H(X, Y)` of the shares seen. Biased upwards where
    /// cells are few times seen.
    #[must_use]
    pub fn plug_in(&self) -> f64 {
        self.information(None, false)
    }

    /// Mutual information in bits, each entropy corrected by `(K - 1) / 2N` nats for its `K` values seen among `N`
    /// (Miller 1955, attributed to Madow too). May come out below zero by its own error, and then is zero.
    #[must_use]
    pub fn mutual_information(&self) -> f64 {
        self.information(None, true)
    }

    /// As [`Self::mutual_information`], each pair counted as often as `weights` says.
    ///
    /// # Panics
    ///
    /// If there are fewer weights than pairs.
    #[must_use]
    pub fn weighted_information(&self, weights: &[u32]) -> f64 {
        self.information(Some(weights), true)
    }

    fn information(&self, weights: Option<&[u32]>, corrected: bool) -> f64 {
        let counts = [&self.secrets, &self.observations, &self.cells]
            .map(|numbered| numbered.counts(weights));
        let total = counts[0].iter().sum::<u64>();
        if total == 0 {
            return 0.0;
        }
        let [secrets, observations, cells] = counts.map(|counts| {
            let seen = counts.iter().filter(|count| **count > 0).count() as f64;
            let correction = (seen - 1.0) / (2.0 * total as f64 * std::f64::consts::LN_2);
            entropy(counts) + if corrected { correction } else { 0.0 }
        });
        (secrets + observations - cells).max(0.0)
    }

    /// The share of secrets that are right if for each observation the secret most often seen with it is guessed: of
    /// these same pairs, and so biased upwards where observations are few times seen.
    #[must_use]
    pub fn top_one(&self) -> f64 {
        let mut best = vec![0_u64; self.observations.values];
        for (cell, count) in self.cells.counts(None).into_iter().enumerate() {
            let most = &mut best[self.observation_of[cell] as usize];
            *most = (*most).max(count);
        }
        best.iter().sum::<u64>() as f64 / (self.secrets.of.len() as f64).max(1.0)
    }

    /// The share of secrets that are right if nothing is observed and always the most frequent one is guessed.
    #[must_use]
    pub fn top_one_blind(&self) -> f64 {
        let most = self.secrets.counts(None).into_iter().max().unwrap_or(0);
        most as f64 / (self.secrets.of.len() as f64).max(1.0)
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
        let pairs: Vec<(u32, u32)> = (0..160_000).map(|pair| (pair % 16, pair % 16)).collect();
        let joint = Joint::new(&pairs);
        assert!((joint.plug_in() - 4.0).abs() < 1e-12);
        assert!((joint.mutual_information() - 4.0).abs() < 1e-3);
        assert!((joint.top_one() - 1.0).abs() < 1e-12);
        assert!((joint.top_one_blind() - 1.0 / 16.0).abs() < 1e-12);
        assert!((joint.effective_set() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn an_observation_that_is_always_the_same_tells_nothing() {
        let pairs: Vec<(u32, &str)> = (0..48).map(|pair| (pair % 16, "8192")).collect();
        let joint = Joint::new(&pairs);
        assert_eq!(joint.plug_in(), 0.0);
        assert_eq!(joint.mutual_information(), 0.0);
        assert!((joint.top_one() - joint.top_one_blind()).abs() < 1e-12);
        assert!((joint.effective_set() - 16.0).abs() < 1e-9);
    }

    #[test]
    fn a_binary_symmetric_channel_has_its_capacity() {
        // Crossover 1/4: 1 - H(1/4) = 0.188 721 875 540 867 bits, and the best guess is right in 3 of 4.
        let cells = [(0, 0, 3), (0, 1, 1), (1, 0, 1), (1, 1, 3)];
        let weights: Vec<u32> = cells
            .iter()
            .map(|(_, _, times)| times * 1_000_000)
            .collect();
        let joint = Joint::new(&cells.map(|(secret, observation, _)| (secret, observation)));
        assert!((joint.weighted_information(&weights) - 0.188_721_875_540_867).abs() < 1e-6);
        let pairs: Vec<(u8, u8)> = cells
            .iter()
            .flat_map(|(secret, observation, times)| vec![(*secret, *observation); *times as usize])
            .collect();
        let joint = Joint::new(&pairs);
        assert!((joint.plug_in() - 0.188_721_875_540_867).abs() < 1e-12);
        assert!((joint.top_one() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn the_correction_takes_the_bias_of_small_samples_away() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let (mut plain, mut corrected) = (0.0, 0.0);
        for _ in 0..100 {
            let mut draw = || (random.random_range(0..8), random.random_range(0..8));
            let pairs: Vec<(u32, u32)> = (0..500).map(|_| draw()).collect();
            let joint = Joint::new(&pairs);
            plain += joint.plug_in() / 100.0;
            corrected += joint.mutual_information() / 100.0;
        }
        // 49 degrees of freedom over 1,000 nats are 0.0707 bits, where there is nothing.
        assert!((plain - 0.0707).abs() < 0.01, "{plain}");
        assert!(corrected < 0.01, "{corrected}");
    }

    #[test]
    fn nothing_counted_tells_nothing() {
        let joint = Joint::new::<u8, u8>(&[]);
        assert_eq!((joint.plug_in(), joint.mutual_information()), (0.0, 0.0));
        assert_eq!((joint.top_one(), joint.top_one_blind()), (0.0, 0.0));
    }

    #[test]
    fn observations_dealt_anew_tell_nothing_and_weights_count_as_repetitions() {
        let joint = Joint::new(&[('a', 1), ('a', 1), ('b', 2), ('b', 2)]);
        assert!((joint.plug_in() - 1.0).abs() < 1e-12);
        assert_eq!(joint.observations(), [0, 0, 1, 1]);
        assert_eq!(joint.with_observations(&[0, 1, 0, 1]).plug_in(), 0.0);
        let once = Joint::new(&[('a', 1), ('b', 2), ('b', 1)]);
        let twice = Joint::new(&[('a', 1), ('b', 2), ('b', 2), ('b', 1)]);
        let (weighed, repeated) = (
            once.weighted_information(&[1, 2, 1]),
            twice.mutual_information(),
        );
        assert!((weighed - repeated).abs() < 1e-12);
    }
}
