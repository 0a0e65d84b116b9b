//! Logs: text for a person, JSON for a machine, and of our own crates only.
//!
//! Architecture Invariant: the filter is a list of our targets. What hyper, h2 or rustls would say
//! at any level, header fields and addresses among it, has no way into a log, and no configuration
//! can give it one.

use serde::Deserialize;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

/// The crates that may write to the log; their submodules are included.
const TARGETS: [&str; 3] = ["sotto_daemon", "sotto_gateway", "sotto_relay"];

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line of text per event.
    #[default]
    Text,
    /// One JSON object per event.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What needs the operator.
    Error,
    /// What may come to need the operator.
    Warn,
    /// Starts, stops, reloads and changes of keys.
    #[default]
    Info,
    /// The steps between.
    Debug,
    /// Everything.
    Trace,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

/// The `[log]` table of a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: Format,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: Level,
}

/// Sends the process's logs to standard error. The first call counts.
pub fn init(format: Format, level: Level) {
    // Set directly, not by `try_init`, which would also bridge what other crates log through `log`.
    let _ = tracing::subscriber::set_global_default(subscriber(format, level, std::io::stderr));
}

/// What [`init`] installs, writing to `writer`.
pub fn subscriber<W>(format: Format, level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = LevelFilter::from(level);
    let ours = Targets::new().with_targets(TARGETS.map(|target| (target, level)));
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().boxed(),
    };
    Registry::default().with(lines.with_filter(ours))
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_our_own_targets_are_ever_enabled() {
        for format in [Format::Text, Format::Json] {
            let captured = Captured::default();
            let writer = captured.clone();
            let subscriber = subscriber(format, Level::Trace, move || writer.clone());
            tracing::subscriber::with_default(subscriber, || {
                tracing::error!(target: "hyper::proto", "canary-foreign");
                tracing::error!(target: "rustls", "canary-foreign");
                tracing::trace!(target: "sotto_relay::forward", "ours");
            });
            let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("ours"), "{text}");
            assert!(!text.contains("canary-foreign"), "{text}");
        }
    }
}
