//! A score that is learnt from examples, in whichever direction they point.

use crate::statistics::resample;

/// Examples in each bin that figures are sorted into, on average: enough to tell the kinds' shares, few enough that rare figures have
/// bins of their own.
const EXAMPLES_PER_BIN: usize = 64;

/// Bins at least and at most.
const BINS: std::ops::RangeInclusive<usize> = 8..=512;

/// A likelihood ratio that is learnt from examples: how much a figure speaks for the positive kind.
pub(super) struct Judge {
    /// The upper ends of all bins but the last.
    ends: Vec<f64>,
    ratios: Vec<f64>,
}

impl Judge {
    /// Learns from figures and whether each is of the positive kind.
    pub(super) fn learn(examples: &[(f64, bool)]) -> Self {
        let mut figures: Vec<f64> = examples.iter().map(|(figure, _)| *figure).collect();
        figures.sort_by(f64::total_cmp);
        let bins = (figures.len() / EXAMPLES_PER_BIN).clamp(*BINS.start(), *BINS.end());
        let mut ends: Vec<f64> = (1..bins)
            .filter_map(|bin| resample::quantile(&figures, bin as f64 / bins as f64))
            .collect();
        ends.dedup();
        let mut counts = vec![[1.0_f64; 2]; ends.len() + 1];
        for (figure, label) in examples {
            counts[bin(&ends, *figure)][usize::from(*label)] += 1.0;
        }
        let ratios = counts
            .iter()
            .map(|[other, positive]| (positive / other).ln())
            .collect();
        Self { ends, ratios }
    }

    /// How much a figure speaks for the positive kind.
    pub(super) fn score(&self, figure: f64) -> f64 {
        self.ratios[bin(&self.ends, figure)]
    }
}

fn bin(ends: &[f64], figure: f64) -> usize {
    ends.partition_point(|end| *end < figure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Roc;

    #[test]
    fn a_judge_needs_no_order() {
        let examples: Vec<(f64, bool)> = (0..1_000)
            .map(|place| (f64::from(place), (250..750).contains(&place)))
            .collect();
        let judge = Judge::learn(&examples);
        let scored: Vec<_> = examples
            .iter()
            .map(|(figure, label)| (judge.score(*figure), *label))
            .collect();
        assert!(Roc::new(&scored).auc().unwrap() > 0.99);
    }
}
