//! Metrics, as Prometheus reads them.
//!
//! Architecture Invariant: every series is registered by name and labels before the first request,
//! and a request can only move the series it was given. So no label can carry what a client sent.

use std::{fmt, sync::Arc};

use ::metrics::{Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

pub use ::metrics::{Counter, Gauge, Histogram};

/// Upper bounds of the buckets of every duration, in seconds.
const DURATION_BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The series of one server. Not global: two servers in one process do not mix.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

/// The labels of a series: names that the program knows, values that it or its operator chose.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Metrics {
    /// Makes an empty registry.
    #[must_use]
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&DURATION_BUCKETS)
            .expect("there are buckets")
            .build_recorder();
        Self {
            handle: recorder.handle(),
            recorder: Arc::new(recorder),
        }
    }

    /// Registers a counter.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Counter {
        self.recorder
            .describe_counter(KeyName::from_const_str(name), None, help.into());
        self.recorder
            .register_counter(&key(name, labels), &METADATA)
    }

    /// Registers a gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Gauge {
        self.recorder
            .describe_gauge(KeyName::from_const_str(name), None, help.into());
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    /// Registers a histogram of durations in seconds.
    pub fn duration(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
    ) -> Histogram {
        self.recorder.describe_histogram(
            KeyName::from_const_str(name),
            Some(Unit::Seconds),
            help.into(),
        );
        self.recorder
            .register_histogram(&key(name, labels), &METADATA)
    }

    /// The text that Prometheus scrapes.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds what histograms have gathered into their buckets, so that memory stays bounded where
    /// nobody scrapes.
    pub(crate) fn fold(&self) {
        self.handle.run_upkeep();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn key(name: &'static str, labels: Labels<'_>) -> Key {
    let labels: Vec<Label> = labels
        .iter()
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    Key::from_parts(name, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_series_is_rendered_with_its_labels() {
        let metrics = Metrics::new();
        metrics
            .counter(
                "sotto_test_total",
                "Counts.",
                &[("gateway", "gateway.test")],
            )
            .increment(2);
        metrics
            .duration("sotto_test_seconds", "Takes.", &[])
            .record(0.02);
        let text = metrics.render();
        assert!(text.contains("# HELP sotto_test_total Counts."), "{text}");
        assert!(
            text.contains("sotto_test_total{gateway=\"gateway.test\"} 2"),
            "{text}"
        );
        assert!(
            text.contains("sotto_test_seconds_bucket{le=\"0.025\"} 1"),
            "{text}"
        );
    }
}
