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

/// A relay's mixing policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mixing {
    /// Every request leaves as soon as it has arrived.
    #[default]
    Off,
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
