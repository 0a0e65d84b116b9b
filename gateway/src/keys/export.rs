//! The key state on its way to another instance of the same gateway.
//!
//! Format: a line that says what it is, the host and the operator, then the text of [`Ratchet::to_state`].

use std::{io, path::Path};

use sotto_envelope::{
    Epoch,
    schedule::{Ratchet, ScheduleError as RatchetError},
};
use zeroize::Zeroizing;

use super::{PUBLISHED_EPOCHS, state::write_new};

/// The first line.
const HEADER: &str = "sotto-key-export 1";

/// Octets of the longest export: two names and a state, with room.
pub const EXPORT_MAX_BYTES: u64 = 4_096;

/// A key state, and whose it is. It is the secret itself: whoever holds it can open what is sealed to the gateway.
#[derive(Debug)]
pub struct Export {
    /// The gateway's host.
    pub host: String,
    /// Its operator's domain.
    pub operator: String,
    /// The state.
    pub ratchet: Ratchet,
}

/// Why an export is of no use here. Nothing of the secret is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is none.
    #[error(
        "this is no key export; make one with `sotto-gateway keys export` at the other instance"
    )]
    NotAnExport,
    /// It was cut or altered.
    #[error("the key export is damaged ({0}); make another with `sotto-gateway keys export`")]
    Damaged(RatchetError),
    /// It is of another gateway.
    #[error(
        "the export is of the gateway {exported}, the configuration of {configured}; export at an instance of the same gateway"
    )]
    Host {
        /// Whose it is.
        exported: String,
        /// Whose it should be.
        configured: String,
    },
    /// It is of another operator.
    #[error(
        "the export is of the operator {exported}, the configuration names {configured}; correct one of them"
    )]
    Operator {
        /// Whose it is.
        exported: String,
        /// Whose it should be.
        configured: String,
    },
    /// It begins after today.
    #[error(
        "the export begins with epoch {at}, and this machine's clock says {today}: check both clocks"
    )]
    Ahead {
        /// The epoch that it begins with.
        at: Epoch,
        /// The epoch of the clock.
        today: Epoch,
    },
    /// It is too old to derive what is to be published.
    #[error(
        "the export stands at epoch {at}, too far behind today's {today} to derive the keys of the coming {PUBLISHED_EPOCHS}; \
         check the clock, and make a new export"
    )]
    Behind {
        /// The epoch that it begins with.
        at: Epoch,
        /// The epoch of the clock.
        today: Epoch,
    },
}

impl Export {
    /// The export as text.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        // Large enough from the start: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(EXPORT_MAX_BYTES as usize));
        for line in [
            HEADER,
            "\nhost ",
            &self.host,
            "\noperator ",
            &self.operator,
            "\n",
            &self.ratchet.to_state(),
        ] {
            text.push_str(line);
        }
        text
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    ///
    /// [`ExportError::NotAnExport`] and [`ExportError::Damaged`].
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        let parts = || {
            let rest = text.strip_prefix(HEADER)?.strip_prefix("\nhost ")?;
            let (host, rest) = rest.split_once("\noperator ")?;
            let (operator, state) = rest.split_once('\n')?;
            Some((host, operator, state))
        };
        let (host, operator, state) = parts().ok_or(ExportError::NotAnExport)?;
        Ok(Self {
            host: host.to_owned(),
            operator: operator.to_owned(),
            ratchet: Ratchet::from_state(state).map_err(ExportError::Damaged)?,
        })
    }

    /// Writes the export to a file that is not there yet, for its owner alone.
    ///
    /// # Errors
    ///
    /// What the operating system says, that the file exists already among it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_new(path, self.to_text().as_bytes())
    }

    /// Tells whether the gateway `host` of `operator` can go on from here at the time `now`.
    ///
    /// # Errors
    ///
    /// Every other [`ExportError`].
    pub fn suits(&self, host: &str, operator: &str, now: u64) -> Result<(), ExportError> {
        if self.host != host {
            return Err(ExportError::Host {
                exported: self.host.clone(),
                configured: host.to_owned(),
            });
        }
        if self.operator != operator {
            return Err(ExportError::Operator {
                exported: self.operator.clone(),
                configured: operator.to_owned(),
            });
        }
        let (at, today) = (self.ratchet.epoch(), Epoch::at(now));
        if at > today {
            return Err(ExportError::Ahead { at, today });
        }
        if self.ratchet.keys(today.plus(PUBLISHED_EPOCHS)).is_err() {
            return Err(ExportError::Behind { at, today });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> Export {
        Export {
            host: "gateway.test".to_owned(),
            operator: "operator.test".to_owned(),
            ratchet: Ratchet::new(Epoch(20_000), [7; 32]),
        }
    }

    #[test]
    fn what_was_exported_is_read_back() {
        let text = export().to_text();
        let read = Export::parse(&text).unwrap();
        assert_eq!(*read.to_text(), *text);
        assert!(text.len() < EXPORT_MAX_BYTES as usize);
    }

    #[test]
    fn what_is_cut_or_something_else_is_refused() {
        let text = export().to_text();
        for octets in 0..text.len() - 1 {
            assert!(Export::parse(&text[..octets]).is_err(), "{octets}");
        }
        let state = export().ratchet.to_state();
        assert_eq!(Export::parse(&state).unwrap_err(), ExportError::NotAnExport);
        let longer = format!("{}more\n", *text);
        assert!(matches!(
            Export::parse(&longer),
            Err(ExportError::Damaged(_))
        ));
    }

    #[test]
    fn only_an_instance_of_the_same_gateway_goes_on_from_it() {
        let suits = |host, operator, epoch| export().suits(host, operator, Epoch(epoch).start());
        let (host, operator) = ("gateway.test", "operator.test");
        for epoch in [20_000, 20_001, 20_016] {
            assert_eq!(suits(host, operator, epoch), Ok(()), "{epoch}");
        }
        let told = |refused: Result<(), ExportError>| refused.unwrap_err().to_string();
        assert!(told(suits("other.test", operator, 20_000)).contains("other.test"));
        assert!(told(suits(host, "other.test", 20_000)).contains("other.test"));
        assert!(told(suits(host, operator, 19_999)).contains("clocks"));
        assert!(told(suits(host, operator, 20_017)).contains("new export"));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let export = export();
        let state = export.ratchet.to_state();
        let secret = state.lines().find_map(|line| line.strip_prefix("state "));
        assert!(!format!("{export:?}").contains(secret.unwrap()));
    }
}
