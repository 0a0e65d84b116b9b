//! The estimators against SciPy and scikit-learn, by vectors that `vectors/statistics.py` made with them.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;

use serde::Deserialize;
use sotto_lab::statistics::{Bootstrap, Joint, Roc};

#[derive(Deserialize)]
struct Vectors {
    versions: BTreeMap<String, String>,
    curves: Vec<Curve>,
    tables: Vec<Table>,
}

#[derive(Deserialize)]
struct Curve {
    name: String,
    scores: Vec<f64>,
    labels: Vec<bool>,
    weights: Vec<u32>,
    auc: f64,
    mann_whitney: f64,
    weighted_auc: f64,
    true_positives: Vec<(f64, f64)>,
    interval: (f64, f64),
}

#[derive(Deserialize)]
struct Table {
    name: String,
    secrets: Vec<u32>,
    observations: Vec<u32>,
    entropy: f64,
    plug_in: f64,
}

fn vectors() -> Vectors {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/statistics.json")).unwrap();
    assert!(vectors.versions.contains_key("scipy") && vectors.versions.contains_key("sklearn"));
    vectors
}

fn near(ours: f64, theirs: f64, tolerance: f64, what: &str) {
    assert!(
        (ours - theirs).abs() <= tolerance,
        "{what}: {ours} is not {theirs}"
    );
}

#[test]
fn curves_agree_with_scikit_learn_and_scipy() {
    let curves = vectors().curves;
    assert_eq!(curves.len(), 4);
    for curve in curves {
        let scored: Vec<_> = curve.scores.iter().copied().zip(curve.labels).collect();
        let (roc, name) = (Roc::new(&scored), &curve.name);
        near(roc.auc().unwrap(), curve.auc, 1e-12, name);
        near(roc.auc().unwrap(), curve.mann_whitney, 1e-12, name);
        let weighted = roc.weighted_auc(&curve.weights).unwrap();
        near(weighted, curve.weighted_auc, 1e-12, name);
        for (limit, share) in curve.true_positives {
            near(roc.true_positives_at(limit).unwrap(), share, 1e-12, name);
        }
        // Both draw at random: two thousand resamples place an end to within some hundredths of the interval's width.
        let clusters: Vec<u32> = (0..).take(scored.len()).collect();
        let bootstrap = Bootstrap {
            resamples: 2_000,
            seed: 1,
        };
        let ours = bootstrap
            .interval(&clusters, |weights| roc.weighted_auc(weights))
            .unwrap();
        let tolerance = 0.1 * (curve.interval.1 - curve.interval.0);
        near(ours.low, curve.interval.0, tolerance, name);
        near(ours.high, curve.interval.1, tolerance, name);
    }
}

#[test]
fn tables_agree_with_scikit_learn_and_scipy() {
    let tables = vectors().tables;
    assert_eq!(tables.len(), 3);
    for table in tables {
        let pairs: Vec<_> = table.secrets.into_iter().zip(table.observations).collect();
        let joint = Joint::new(&pairs);
        near(joint.secret_entropy(), table.entropy, 1e-9, &table.name);
        near(joint.plug_in(), table.plug_in, 1e-9, &table.name);
        if table.name == "noise" {
            // Nothing is there to be found: the correction takes away much, though not all where cells are hardly seen.
            assert!(joint.mutual_information() < joint.plug_in() * 0.6);
        }
    }
}
