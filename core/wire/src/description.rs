//! `/.well-known/sotto`: what a relay says of itself.

use serde::{Deserialize, Serialize};

/// A relay's description, JSON at [`crate::path::DESCRIPTION`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayDescription {
    /// The version of this format: 1.
    pub version: u32,
    /// The domain of whoever operates the relay.
    pub operator: String,
    /// Where to complain: a mailbox or a URL.
    pub contact: String,
    /// The URL of the relay's privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The gateways that the relay forwards to.
    pub gateways: Vec<GatewayEntry>,
    /// How the relay delays requests to unlink arrivals from departures.
    pub mixing: Mixing,
}

/// One gateway behind a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEntry {
    /// The gateway's host name, lower case.
    pub host: String,
    /// The relay resource for this gateway, a path on the relay.
    pub resource: String,
}

/// A relay's mixing policy, the same for each of the two ways: of a request to the gateway, and of its answer to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mixing {
    /// Everything leaves as soon as it has arrived.
    #[default]
    Off,
    /// Each message waits for a time of its own, drawn from an exponential distribution.
    Exponential {
        /// The mean of the distribution, in milliseconds.
        mean_ms: u32,
        /// Milliseconds that no message waits longer than; what would is drawn again.
        cap_ms: u32,
    },
    /// What has arrived in one period leaves at its end, in random order.
    Timed {
        /// Milliseconds from one departure to the next.
        period_ms: u32,
    },
}

impl Mixing {
    /// Milliseconds that a message waits at most, each way.
    #[must_use]
    pub const fn longest_ms(self) -> u32 {
        match self {
            Self::Off => 0,
            Self::Exponential { cap_ms, .. } => cap_ms,
            Self::Timed { period_ms } => period_ms,
        }
    }
}

impl RelayDescription {
    /// The only version of the format.
    pub const VERSION: u32 = 1;

    /// The path of the relay resource for the gateway `host` (compared without case).
    #[must_use]
    pub fn resource_for(&self, host: &str) -> Option<&str> {
        self.gateways
            .iter()
            .find(|gateway| gateway.host.eq_ignore_ascii_case(host))
            .map(|gateway| gateway.resource.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mixing_has_its_form() {
        for (mixing, json) in [
            (Mixing::Off, r#""off""#),
            (
                Mixing::Exponential {
                    mean_ms: 50,
                    cap_ms: 250,
                },
                r#"{"exponential":{"mean_ms":50,"cap_ms":250}}"#,
            ),
            (
                Mixing::Timed { period_ms: 1_000 },
                r#"{"timed":{"period_ms":1000}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&mixing).unwrap(), json);
            assert_eq!(serde_json::from_str::<Mixing>(json).unwrap(), mixing);
        }
    }

    #[test]
    fn what_comes_to_be_said_of_a_mixing_later_does_not_make_a_description_unreadable() {
        let json = r#"{"timed":{"period_ms":1000,"least":5}}"#;
        let read: Mixing = serde_json::from_str(json).unwrap();
        assert_eq!(read.longest_ms(), 1_000);
    }
}
