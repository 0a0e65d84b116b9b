//! What is counted of one instance of a gateway. Its label is the origin in the configuration.

use sotto_daemon::metrics::{Counter, Gauge, Metrics};

use super::health::{Change, Report};

/// The series of one instance.
pub(crate) struct InstanceMetrics {
    up: Gauge,
    connections: Gauge,
    unreachable: Counter,
    trouble: Counter,
    probes_failed: Counter,
}

impl InstanceMetrics {
    /// The series of the instance of `gateway` at `origin`, which is believed to be well.
    pub(crate) fn new(metrics: &Metrics, gateway: &str, origin: &str) -> Self {
        let labels = [("gateway", gateway), ("origin", origin)];
        let failures = |reason| {
            metrics.counter(
                "sotto_relay_instance_failures_total",
                "Requests of all kinds that an instance of a gateway gave no good answer to, by reason.",
                &[("gateway", gateway), ("origin", origin), ("reason", reason)],
            )
        };
        let up = metrics.gauge(
            "sotto_relay_instance_up",
            "1 while an instance of a gateway is believed to be well, 0 while it gets no requests.",
            &labels,
        );
        up.set(1.0);
        Self {
            up,
            connections: metrics.gauge(
                "sotto_relay_instance_connections",
                "Connections that stand to an instance of a gateway.",
                &labels,
            ),
            unreachable: failures("unreachable"),
            trouble: failures("trouble"),
            probes_failed: failures("probe"),
        }
    }

    pub(crate) fn count_connections(&self, connections: usize) {
        #[allow(clippy::cast_precision_loss, reason = "connections are far below 2^52")]
        self.connections.set(connections as f64);
    }

    pub(crate) fn count(&self, report: Report) {
        match report {
            Report::Good => {}
            Report::Unreachable => self.unreachable.increment(1),
            Report::Trouble => self.trouble.increment(1),
        }
    }

    pub(crate) fn count_probe(&self, report: Report) {
        if report != Report::Good {
            self.probes_failed.increment(1);
        }
    }

    pub(crate) fn show(&self, change: Change) {
        self.up.set(match change {
            Change::Up => 1.0,
            Change::Down => 0.0,
        });
    }
}
