//! How well a score tells two kinds apart.

/// Scores of two kinds, in order, ready to be weighed again and again.
///
/// The higher a score, the more it speaks for the positive kind.
#[derive(Clone, Debug)]
pub struct Roc {
    /// The observations from the highest score to the lowest.
    order: Vec<usize>,
    /// Where in `order` each group of equal scores ends.
    ends: Vec<usize>,
    labels: Vec<bool>,
}

impl Roc {
    /// Orders scored observations; a score that is no number counts as the lowest.
    #[must_use]
    pub fn new(scored: &[(f64, bool)]) -> Self {
        let score = |index: usize| {
            let score = scored[index].0;
            if score.is_nan() {
                f64::NEG_INFINITY
            } else {
                score
            }
        };
        let mut order: Vec<usize> = (0..scored.len()).collect();
        order.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
        let mut ends: Vec<usize> = (1..order.len())
            .filter(|place| score(order[place - 1]) != score(order[*place]))
            .collect();
        if !order.is_empty() {
            ends.push(order.len());
        }
        Self {
            order,
            ends,
            labels: scored.iter().map(|(_, label)| *label).collect(),
        }
    }

    /// The labels, in the order that the observations were given in.
    #[must_use]
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// The area under the curve: the chance that a positive observation scores above a negative one, ties counting half
    /// (the Mann-Whitney statistic over the product of the numbers). `None` if one kind is missing.
    #[must_use]
    pub fn auc(&self) -> Option<f64> {
        self.area(&self.labels, |_| 1)
    }

    /// The area with each observation counted as often as `weights` says.
    ///
    /// # Panics
    ///
    /// If there are fewer weights than observations.
    #[must_use]
    pub fn weighted_auc(&self, weights: &[u32]) -> Option<f64> {
        self.area(&self.labels, |index| weights[index])
    }

    /// The area if the labels were others.
    ///
    /// # Panics
    ///
    /// If there are fewer labels than observations.
    #[must_use]
    pub fn relabelled_auc(&self, labels: &[bool]) -> Option<f64> {
        self.area(labels, |_| 1)
    }

    fn area(&self, labels: &[bool], weight: impl Fn(usize) -> u32) -> Option<f64> {
        // Sums of integers below 2^53 are exact.
        let (mut positives, mut negatives, mut above) = (0.0, 0.0, 0.0);
        for (ups, downs) in self.groups(labels, weight) {
            above += downs * (positives + ups / 2.0);
            positives += ups;
            negatives += downs;
        }
        (positives > 0.0 && negatives > 0.0).then(|| above / (positives * negatives))
    }

    /// The largest share of positives above some threshold of which at most the share `false_positives` of negatives is.
    /// Thresholds lie between scores; nothing is interpolated. `None` if one kind is missing.
    #[must_use]
    pub fn true_positives_at(&self, false_positives: f64) -> Option<f64> {
        self.share_at(false_positives, |_| 1)
    }

    /// As [`Self::true_positives_at`], each observation counted as often as `weights` says.
    ///
    /// # Panics
    ///
    /// If there are fewer weights than observations.
    #[must_use]
    pub fn weighted_true_positives_at(&self, false_positives: f64, weights: &[u32]) -> Option<f64> {
        self.share_at(false_positives, |index| weights[index])
    }

    fn share_at(&self, limit: f64, weight: impl Fn(usize) -> u32) -> Option<f64> {
        let groups: Vec<(f64, f64)> = self.groups(&self.labels, weight).collect();
        let total = |part: fn(&(f64, f64)) -> f64| groups.iter().map(part).sum::<f64>();
        let (positives, negatives) = (total(|group| group.0), total(|group| group.1));
        if positives == 0.0 || negatives == 0.0 {
            return None;
        }
        let (mut ups, mut downs) = (0.0, 0.0);
        for group in groups {
            if (downs + group.1) / negatives > limit {
                break;
            }
            ups += group.0;
            downs += group.1;
        }
        Some(ups / positives)
    }

    /// The weights of positives and negatives among each group of equal scores, the highest first.
    fn groups<'a>(
        &'a self,
        labels: &'a [bool],
        weight: impl Fn(usize) -> u32 + 'a,
    ) -> impl Iterator<Item = (f64, f64)> + 'a {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(move |(start, end)| {
            let mut group = (0.0, 0.0);
            for index in &self.order[start..*end] {
                let times = f64::from(weight(*index));
                if labels[*index] {
                    group.0 += times;
                } else {
                    group.1 += times;
                }
            }
            group
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roc(positives: &[f64], negatives: &[f64]) -> Roc {
        let label = |kind| move |score: &f64| (*score, kind);
        let scored: Vec<_> = positives
            .iter()
            .map(label(true))
            .chain(negatives.iter().map(label(false)))
            .collect();
        Roc::new(&scored)
    }

    #[test]
    fn areas_that_are_known() {
        for (positives, negatives, area) in [
            (&[3.0, 4.0][..], &[1.0, 2.0][..], 1.0),
            (&[1.0, 2.0], &[3.0, 4.0], 0.0),
            (&[5.0, 5.0], &[5.0, 5.0, 5.0], 0.5),
            (&[1.0, 3.0], &[2.0], 0.5),
            (&[2.0, 2.0, 3.0], &[1.0, 2.0], 5.0 / 6.0),
        ] {
            let found = roc(positives, negatives).auc().unwrap();
            assert!(
                (found - area).abs() < 1e-12,
                "{positives:?} {negatives:?}: {found}"
            );
        }
    }

    #[test]
    fn one_kind_alone_has_no_area() {
        assert_eq!(roc(&[1.0], &[]).auc(), None);
        assert_eq!(roc(&[], &[]).auc(), None);
        assert_eq!(roc(&[1.0], &[]).true_positives_at(0.5), None);
    }

    #[test]
    fn weights_count_as_repetitions() {
        let once = roc(&[1.0, 3.0], &[2.0, 0.0]);
        let repeated = roc(&[1.0, 3.0, 3.0], &[2.0, 2.0, 0.0]);
        assert_eq!(once.weighted_auc(&[1, 2, 2, 1]), repeated.auc());
        assert_eq!(
            once.weighted_true_positives_at(0.4, &[1, 2, 2, 1]),
            repeated.true_positives_at(0.4)
        );
        assert_eq!(once.weighted_auc(&[0, 0, 1, 1]), None);
    }

    #[test]
    fn true_positives_are_those_above_a_threshold_that_few_negatives_pass() {
        let scores = roc(&[9.0, 8.0, 5.0, 1.0], &[7.0, 5.0, 2.0, 0.0]);
        for (limit, share) in [
            (0.0, 0.5),
            (0.24, 0.5),
            (0.25, 0.5),
            (0.5, 0.75),
            (1.0, 1.0),
        ] {
            assert_eq!(scores.true_positives_at(limit), Some(share), "{limit}");
        }
    }

    #[test]
    fn what_is_no_number_scores_lowest() {
        assert_eq!(roc(&[f64::NAN], &[0.0]).auc(), Some(0.0));
    }
}
