//! The relay's configuration. `sotto-relay.sample.toml` explains every key.

mod address;
mod gateway;

use std::{collections::HashSet, time::Duration};

use serde::Deserialize;
use sotto_daemon::{
    ServerLimits,
    config::{Admin, Listen, positive},
    logs::Log,
    operator,
};
use sotto_wire::{GatewayEntry, Mixing, RelayDescription};

pub use self::{
    address::{AddressError, Host, Origin},
    gateway::{Body, Gateway},
};
use crate::{cors::Cors, mixing::Policy, proxy::Proxy, quota::Rate, resource::Resource};

/// A relay's whole configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The domain of whoever operates the relay. Clients refuse a relay and a gateway of one operator, and an operator
    /// without a registrable domain.
    pub operator: Host,
    /// Where to complain: a mailbox or a URL.
    pub contact: String,
    /// The URL of the privacy policy.
    #[serde(default)]
    pub policy: Option<String>,
    /// Where clients are served.
    pub listen: Listen,
    /// Where the operator looks.
    #[serde(default)]
    pub admin: Option<Admin>,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// The gateways that are forwarded to, and no others.
    #[serde(rename = "gateway", default)]
    pub gateways: Vec<Gateway>,
    /// How requests and answers are held back, so that their times do not join them.
    #[serde(default)]
    pub mixing: Policy,
    /// What each client network may ask.
    #[serde(default)]
    pub quota: Rate,
    /// Proxies in front of the relay, which say where clients come from.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// What browsers are told.
    #[serde(default)]
    pub cors: Cors,
    /// Sizes and times of requests.
    #[serde(default)]
    pub limits: Limits,
    /// Limits of the listener.
    #[serde(default)]
    pub connections: ServerLimits,
}

/// Sizes and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests that the relay has in hand at a time, from the header section until the client has taken the answer; one
    /// more is refused with 503.
    #[serde(deserialize_with = "positive")]
    pub max_requests: usize,
    /// Requests that wait for one gateway at a time; one more is refused with 429.
    #[serde(deserialize_with = "positive")]
    pub max_in_flight: usize,
    /// Milliseconds for the whole content of a request to arrive.
    #[serde(deserialize_with = "positive")]
    pub body_timeout_ms: u64,
    /// Milliseconds between two pieces of it.
    #[serde(deserialize_with = "positive")]
    pub body_idle_ms: u64,
    /// Milliseconds to connect to a gateway.
    #[serde(deserialize_with = "positive")]
    pub connect_timeout_ms: u64,
    /// Milliseconds for a gateway's whole answer, the connecting included.
    #[serde(deserialize_with = "positive")]
    pub gateway_timeout_ms: u64,
    /// Seconds between two fetches of a gateway's keys, give or take a tenth.
    #[serde(deserialize_with = "positive")]
    pub key_refresh_s: u64,
    /// Seconds after which keys that could not be fetched again are given to nobody.
    #[serde(deserialize_with = "positive")]
    pub key_stale_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_requests: 8_192,
            max_in_flight: 4_096,
            body_timeout_ms: 10_000,
            body_idle_ms: 3_000,
            connect_timeout_ms: 3_000,
            gateway_timeout_ms: 10_000,
            key_refresh_s: 900,
            // A key document holds two epochs of a day: after a day its second is still current.
            key_stale_s: 86_400,
        }
    }
}

impl Limits {
    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) fn body_idle(&self) -> Duration {
        Duration::from_millis(self.body_idle_ms)
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn gateway_timeout(&self) -> Duration {
        Duration::from_millis(self.gateway_timeout_ms)
    }

    pub(crate) fn key_refresh(&self) -> Duration {
        Duration::from_secs(self.key_refresh_s)
    }
}

/// Why values that are each well-formed make no relay together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key `{key}`: {problem}; {remedy}")]
pub struct Contradiction {
    /// The key, dotted.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What helps.
    pub remedy: &'static str,
}

impl Config {
    /// Checks what no single value shows.
    ///
    /// # Errors
    ///
    /// The first [`Contradiction`].
    pub fn check(&self) -> Result<(), Contradiction> {
        self.contradictions().into_iter().next().map_or(Ok(()), Err)
    }

    /// Every [`Contradiction`] there is.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        let mut fault = |key: String, problem: &str, remedy| {
            found.push(Contradiction {
                key,
                problem: problem.to_owned(),
                remedy,
            });
        };
        if let Err(error) = operator::check(self.operator.as_str()) {
            fault(
                "operator".to_owned(),
                &format!("\"{}\" {error}", self.operator),
                operator::REMEDY,
            );
        }
        if self.gateways.is_empty() {
            fault(
                "gateway".to_owned(),
                "there is no gateway",
                "add a [[gateway]] with its `host`",
            );
        }
        if self.listen.collides_with(self.admin.as_ref()) {
            fault(
                "admin.address".to_owned(),
                "is the address of `listen` too",
                "give it a port of its own",
            );
        }
        let mut hosts = HashSet::new();
        for (index, gateway) in self.gateways.iter().enumerate() {
            if !hosts.insert(&gateway.host) {
                fault(
                    format!("gateway.{index}.host"),
                    "this gateway is listed twice",
                    "remove one of them",
                );
            }
        }
        // A fetch comes up to a tenth of the interval late.
        let longest = u128::from(self.limits.key_refresh_s) * 11 / 10;
        if u128::from(self.limits.key_stale_s) < longest {
            fault(
                "limits.key_stale_s".to_owned(),
                "is shorter than `key_refresh_s` and a tenth, so there would be times without keys",
                "make it longer",
            );
        }
        if self.mixing.mixing() != Mixing::Off {
            let longest = 2 * u64::from(self.mixing.mixing().longest_ms());
            let needed = longest + self.limits.gateway_timeout_ms;
            if self.connections.drain_ms < needed {
                fault(
                    "connections.drain_ms".to_owned(),
                    &format!(
                        "is shorter than the {needed} ms that a request may take: two delays of `mixing` and `limits.gateway_timeout_ms`"
                    ),
                    "make it as long, or requests are lost when the relay ends",
                );
            }
        }
        let gateways = self.gateways.iter().enumerate();
        found.extend(gateways.flat_map(|(index, gateway)| gateway.contradictions(index)));
        found
    }

    /// What `/.well-known/sotto` says.
    #[must_use]
    pub fn description(&self) -> RelayDescription {
        RelayDescription {
            version: RelayDescription::VERSION,
            operator: self.operator.to_string(),
            contact: self.contact.clone(),
            policy: self.policy.clone(),
            gateways: self
                .gateways
                .iter()
                .map(|gateway| GatewayEntry {
                    host: gateway.host.to_string(),
                    resource: Resource::path_of(gateway.host.as_str()),
                })
                .collect(),
            mixing: self.mixing.mixing(),
        }
    }
}

#[cfg(test)]
mod tests;
