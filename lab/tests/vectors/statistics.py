#!/usr/bin/env python3
"""Writes statistics.json: what SciPy and scikit-learn say of a few samples, for lab/tests/statistics.rs to agree with.

    pip install numpy scipy scikit-learn
    python3 lab/tests/vectors/statistics.py > lab/tests/vectors/statistics.json
"""

import json

import numpy
import scipy
import sklearn
from scipy import stats
from sklearn.metrics import mutual_info_score, roc_auc_score, roc_curve

random = numpy.random.default_rng(20260101)
LIMITS = [0.0, 0.001, 0.01, 0.05, 0.1, 0.5]


def share_at(labels, scores, limit):
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    return float(true[false <= limit].max())


def curve(name, scores, labels):
    scores, labels = numpy.asarray(scores, float), numpy.asarray(labels, bool)
    weights = random.integers(0, 4, len(scores))
    statistic = stats.mannwhitneyu(scores[labels], scores[~labels]).statistic
    pairs = int(labels.sum()) * int((~labels).sum())

    def area(indices):
        if labels[indices].all() or not labels[indices].any():
            return numpy.nan
        return roc_auc_score(labels[indices], scores[indices])

    interval = stats.bootstrap(
        (numpy.arange(len(scores)),),
        area,
        n_resamples=2000,
        vectorized=False,
        method="percentile",
        rng=numpy.random.default_rng(1),
    ).confidence_interval
    return {
        "name": name,
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "weights": weights.tolist(),
        "auc": float(roc_auc_score(labels, scores)),
        "mann_whitney": float(statistic / pairs),
        "weighted_auc": float(roc_auc_score(labels, scores, sample_weight=weights)),
        "true_positives": [[limit, share_at(labels, scores, limit)] for limit in LIMITS],
        "interval": [float(interval.low), float(interval.high)],
    }


def table(name, secrets, observations):
    secrets, observations = numpy.asarray(secrets), numpy.asarray(observations)
    counts = numpy.unique(secrets, return_counts=True)[1]
    return {
        "name": name,
        "secrets": secrets.tolist(),
        "observations": observations.tolist(),
        "entropy": float(stats.entropy(counts, base=2)),
        "plug_in": float(mutual_info_score(secrets, observations) / numpy.log(2)),
    }


def curves():
    labels = random.integers(0, 2, 400).astype(bool)
    yield curve("normal", random.normal(labels * 1.0, 1.0), labels)
    yield curve("ties", numpy.round(random.normal(labels * 0.5, 1.0)), labels)
    rare = random.random(600) < 0.05
    yield curve("rare", random.exponential(1.0 + 3.0 * rare), rare)
    yield curve("nothing", random.random(300), random.random(300) < 0.5)


def tables():
    secrets = random.zipf(1.5, 2000).clip(max=50)
    yield table("function", secrets, secrets % 7)
    yield table("noise", secrets, random.integers(0, 5, 2000))
    yield table("mixed", secrets, numpy.where(random.random(2000) < 0.5, secrets % 4, 0))


versions = {module.__name__: module.__version__ for module in (numpy, scipy, sklearn)}
print(json.dumps({"versions": versions, "curves": list(curves()), "tables": list(tables())}))
