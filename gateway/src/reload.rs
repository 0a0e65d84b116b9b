//! What SIGHUP changes while the gateway serves: relays and names, all of them or none. What it cannot change it names.

use std::path::{Path, PathBuf};

use sotto_daemon::config::{self, ConfigError};
use toml::Table;

use crate::{
    answer::allow_list,
    config::{Config, ENV_PREFIX},
    http::Shared,
    running::admitted,
};

/// The keys that count without a restart, with all below them. The files of `listen.tls` are read again by the daemon.
const RELOADED: [&str; 4] = [
    "relay",
    "open_to_any_relay",
    "unlisted_requests_per_second",
    "names",
];

/// The configuration file of a gateway that serves.
pub(crate) struct Reload {
    file: PathBuf,
    /// What it said when the gateway started; `None` if it cannot be read any more.
    started: Option<Table>,
}

impl Reload {
    /// The gateway was started from `file`.
    pub(crate) fn of(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            started: config::load(file, ENV_PREFIX).ok(),
        }
    }

    /// Reads the file again and has `shared` follow it, with the result in the log.
    pub(crate) fn run(&self, shared: &Shared) {
        match self.read(shared) {
            Ok(fixed) => {
                tracing::info!("relays' tokens read again, with the lists of relays and names");
                if !fixed.is_empty() {
                    tracing::warn!(
                        keys = fixed.join(", "),
                        "these keys have changed too, and count from a restart on"
                    );
                }
            }
            Err(problems) => {
                for error in problems {
                    tracing::error!(
                        error,
                        "tokens not replaced, nor any list: all stays as it was"
                    );
                }
            }
        }
    }

    /// Returns the keys that have changed and want a restart; else every reason why nothing was changed.
    fn read(&self, shared: &Shared) -> Result<Vec<String>, Vec<String>> {
        let one = |error: ConfigError| vec![error.to_string()];
        let table: Table = config::load(&self.file, ENV_PREFIX).map_err(one)?;
        let (config, problems) = Config::load(&self.file).map_err(one)?.examined();
        let mut problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let answerer = shared.keeper.answerer();
        let names = allow_list(&shared.host, &config.names)
            .map_err(|error| problems.push(error.to_string()));
        let relays = admitted(&config, Some(&shared.relays.load()))
            .map_err(|errors| problems.extend(errors.iter().map(ToString::to_string)));
        let (Ok(names), Ok(relays), true) = (names, relays, problems.is_empty()) else {
            return Err(problems);
        };
        shared
            .counters
            .relays(config.relay.iter().map(|relay| relay.name.as_str()));
        shared.relays.store(relays.into());
        answerer.allow(names);
        Ok(self.started.as_ref().map_or_else(Vec::new, |started| {
            let mut changed = config::changed_keys(started, &table);
            changed.retain(|key| !RELOADED.iter().any(|root| is_under(root, key)));
            changed
        }))
    }
}

/// Whether the dotted `key` is `root` or lies in it.
fn is_under(root: &str, key: &str) -> bool {
    key.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lies_in_its_table_and_in_no_other() {
        assert!(is_under("names", "names") && is_under("names", "names.suffixes"));
        assert!(!is_under("names", "names_more") && !is_under("relay", "log.level"));
    }
}
