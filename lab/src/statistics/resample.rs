//! Bootstrap intervals and permutation baselines.
//!
//! Both draw from a generator that the caller seeds: equal seeds give equal figures.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The share of resamples that lies within an interval.
pub const CONFIDENCE: f64 = 0.95;

/// An interval that holds the true value in 95 of 100 experiments, if the sample is like the population.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies within.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The 95 % percentile interval of a sample.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let tail = (1.0 - CONFIDENCE) / 2.0;
        Some(Self {
            low: quantile(&values, tail)?,
            high: quantile(&values, 1.0 - tail)?,
        })
    }
}

/// The quantile of sorted values, interpolated between neighbours (the default of R and NumPy, Hyndman and Fan's type 7).
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    Some(below + (above - below) * place.fract())
}

/// The percentile bootstrap (Efron 1979) over clusters: whole clusters are drawn with replacement, so that observations that
/// belong together, those of one name say, do not count as independent.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap {
    /// How many samples are drawn.
    pub resamples: usize,
    /// Where the generator begins.
    pub seed: u64,
}

impl Bootstrap {
    /// The 95 % interval of a statistic of observations, the cluster of each of which `clusters` tells. The statistic is given how often each
    /// observation was drawn; a sample that it has no value for is left out. `None` if no sample had a value.
    pub fn interval(
        &self,
        clusters: &[u32],
        mut statistic: impl FnMut(&[u32]) -> Option<f64>,
    ) -> Option<Interval> {
        let numbers = clusters.iter().max().map_or(0, |last| *last as usize + 1);
        let mut present = vec![false; numbers];
        for cluster in clusters {
            present[*cluster as usize] = true;
        }
        let present: Vec<usize> = (0..numbers).filter(|number| present[*number]).collect();
        if present.is_empty() {
            return None;
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut drawn = vec![0_u32; numbers];
        let mut weights = vec![0_u32; clusters.len()];
        let mut values = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            drawn.fill(0);
            for _ in 0..present.len() {
                drawn[present[random.random_range(0..present.len())]] += 1;
            }
            for (weight, cluster) in weights.iter_mut().zip(clusters) {
                *weight = drawn[*cluster as usize];
            }
            values.extend(statistic(&weights));
        }
        Interval::of(values)
    }
}

/// What a statistic comes to where there is nothing to be found: the labels dealt out anew.
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    /// How often they are dealt.
    pub rounds: usize,
    /// Where the generator begins.
    pub seed: u64,
}

/// A statistic beside what chance makes of it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Baseline {
    /// The mean over permutations.
    pub mean: f64,
    /// The lower end of what 95 of 100 permutations give.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The share of permutations, this sample counted as one, that reach what was seen: how likely chance alone does.
    pub p: f64,
}

impl Permutation {
    /// The baseline for a statistic of labels that came to `seen`. `None` if no round had a value.
    pub fn baseline<L: Clone>(
        &self,
        labels: &[L],
        seen: f64,
        mut statistic: impl FnMut(&[L]) -> Option<f64>,
    ) -> Option<Baseline> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut labels = labels.to_vec();
        let values: Vec<f64> = (0..self.rounds)
            .filter_map(|_| {
                labels.shuffle(&mut random);
                statistic(&labels)
            })
            .collect();
        Baseline::of(values, seen)
    }
}

impl Baseline {
    /// What a statistic that came to `seen` is beside the values that chance gave; `None` if there are none.
    #[must_use]
    pub fn of(values: Vec<f64>, seen: f64) -> Option<Self> {
        let reached = values.iter().filter(|value| **value >= seen).count();
        let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
        let interval = Interval::of(values)?;
        Some(Self {
            mean: sum / count,
            low: interval.low,
            high: interval.high,
            p: (reached as f64 + 1.0) / (count + 1.0),
        })
    }
}

/// So many of `0..total` as `limit` allows, in order, drawn without replacement.
pub fn sample(total: usize, limit: usize, random: &mut impl Rng) -> Vec<usize> {
    if total <= limit {
        return (0..total).collect();
    }
    let mut drawn = rand::seq::index::sample(random, total, limit).into_vec();
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::statistics::Roc;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [1.0, 2.0, 4.0, 8.0, 16.0];
        for (share, value) in [
            (0.0, 1.0),
            (0.5, 4.0),
            (1.0, 16.0),
            (0.125, 1.5),
            (0.9, 12.8),
        ] {
            assert!((quantile(&values, share).unwrap() - value).abs() < 1e-12);
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn equal_seeds_give_equal_intervals() {
        let values: Vec<f64> = (0..50).map(f64::from).collect();
        let clusters: Vec<u32> = (0..50).collect();
        let mean = |weights: &[u32]| {
            let sum: f64 = weights
                .iter()
                .zip(&values)
                .map(|(w, v)| f64::from(*w) * v)
                .sum();
            Some(sum / 50.0)
        };
        let of = |seed| {
            Bootstrap {
                resamples: 200,
                seed,
            }
            .interval(&clusters, mean)
            .unwrap()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(of(1).holds(24.5) && !of(1).holds(0.0));
    }

    #[test]
    fn intervals_hold_a_known_area_about_as_often_as_they_say() {
        // Two normal distributions one standard deviation apart: the area is Phi(1 / sqrt 2).
        let truth = 0.760_249_938_906_523;
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let held = (0..200)
            .filter(|experiment| {
                let scored: Vec<(f64, bool)> = (0..200)
                    .map(|index| {
                        let score: f64 = StandardNormal.sample(&mut random);
                        let positive = index % 2 == 0;
                        (score + f64::from(u8::from(positive)), positive)
                    })
                    .collect();
                let roc = Roc::new(&scored);
                let clusters: Vec<u32> = (0..200).collect();
                let bootstrap = Bootstrap {
                    resamples: 200,
                    seed: *experiment,
                };
                bootstrap
                    .interval(&clusters, |weights| roc.weighted_auc(weights))
                    .unwrap()
                    .holds(truth)
            })
            .count();
        assert!((180..=199).contains(&held), "{held} of 200");
    }

    #[test]
    fn observations_of_one_cluster_widen_the_interval() {
        // Fifty observations of each of twenty clusters that agree within themselves.
        let value = |index: usize| f64::from(u8::from((index / 50).is_multiple_of(2)));
        let mean = |weights: &[u32]| {
            let total: u32 = weights.iter().sum();
            let sum: f64 = weights
                .iter()
                .enumerate()
                .map(|(i, w)| f64::from(*w) * value(i))
                .sum();
            Some(sum / f64::from(total))
        };
        let bootstrap = Bootstrap {
            resamples: 400,
            seed: 3,
        };
        let alone: Vec<u32> = (0..1_000).collect();
        let together: Vec<u32> = (0..1_000).map(|index| index / 50).collect();
        let width = |clusters: &[u32]| {
            let interval = bootstrap.interval(clusters, mean).unwrap();
            interval.high - interval.low
        };
        assert!(width(&together) > 4.0 * width(&alone));
        assert_eq!(bootstrap.interval(&[], |_| Some(0.0)), None);
    }

    #[test]
    fn chance_reaches_what_chance_made_and_seldom_more() {
        let permutation = Permutation {
            rounds: 400,
            seed: 5,
        };
        let scored: Vec<(f64, bool)> = (0..400)
            .map(|index| (f64::from(index), index % 2 == 0))
            .collect();
        let roc = Roc::new(&scored);
        let baseline = |seen| {
            permutation
                .baseline(roc.labels(), seen, |labels| roc.relabelled_auc(labels))
                .unwrap()
        };
        let by_chance = baseline(roc.auc().unwrap());
        assert!((by_chance.mean - 0.5).abs() < 0.01, "{by_chance:?}");
        assert!(by_chance.p > 0.1 && by_chance.low < 0.5 && by_chance.high > 0.5);
        assert!(baseline(0.9).p < 0.01);
    }

    #[test]
    fn a_sample_is_in_order_and_without_repetition() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(sample(3, 10, &mut random), [0, 1, 2]);
        let some = sample(1_000, 100, &mut random);
        assert!(some.len() == 100 && some.is_sorted_by(|a, b| a < b));
    }
}
