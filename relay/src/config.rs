//! The relay's configuration. `sotto-relay.sample.toml` explains every key.

use std::{collections::HashSet, fmt, path::PathBuf, str::FromStr, time::Duration};

use http::{Uri, uri::Authority};
use serde::{Deserialize, de};
use sotto_daemon::{
    ServerLimits,
    config::{Admin, Listen, positive},
    logs::Log,
    operator,
};
use sotto_wire::{
    FOREIGN_REQUEST_MAX_BYTES, GatewayEntry, Mixing, REQUEST_BYTES, RelayDescription,
};

use crate::{cors::Cors, mixing::Policy, proxy::Proxy, quota::Rate, resource::Resource};

/// Characters of the longest host name in presentation form (RFC 1035 section 2.3.4).
const HOST_MAX_CHARS: usize = 253;

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

/// One gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The gateway's name: clients write it in the path, and its key record is in the DNS below it.
    pub host: Host,
    /// Where it is reached. Default: HTTPS at `host`.
    #[serde(default)]
    pub url: Option<Origin>,
    /// Where its instances are, which all show a certificate for the host of `url` and are told that host. Default: one,
    /// at `url`.
    #[serde(default)]
    pub instances: Vec<Origin>,
    /// The file of the bearer token by which the gateway knows this relay ([`sotto_daemon::token`]).
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// A PEM file of the certificate by which the gateway knows this relay ([`sotto_daemon::pin`]).
    #[serde(default)]
    pub client_certificate: Option<PathBuf>,
    /// The PEM file of its private key.
    #[serde(default)]
    pub client_key: Option<PathBuf>,
    /// A PEM file of certification authorities to trust beside the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Which bodies are passed.
    #[serde(default)]
    pub body: Body,
    /// Permits an `http` URL to another machine.
    #[serde(default)]
    pub plain_http: bool,
    /// Speaks HTTP/2 over plain HTTP, since both sides know (RFC 9113 section 3.3); HTTP/1.1 without it.
    #[serde(default)]
    pub plain_http2: bool,
}

impl Gateway {
    /// Where it is reached.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.url
            .clone()
            .unwrap_or_else(|| Origin::https(&self.host))
    }

    /// Where its instances are: at least one.
    #[must_use]
    pub fn instances(&self) -> Vec<Origin> {
        if self.instances.is_empty() {
            vec![self.origin()]
        } else {
            self.instances.clone()
        }
    }

    /// Every [`Contradiction`] of this gateway, which stands at `index`.
    fn contradictions(&self, index: usize) -> Vec<Contradiction> {
        let mut found = Vec::new();
        let mut fault = |key: &str, problem, remedy| {
            found.push(Contradiction {
                key: format!("gateway.{index}.{key}"),
                problem: String::from(problem),
                remedy,
            });
        };
        let origin = self.origin();
        let is_open =
            |origin: &Origin| !origin.is_https() && !origin.is_loopback() && !self.plain_http;
        // Where there are instances, nothing is sent to the URL itself.
        if self.instances.is_empty() && is_open(&origin) {
            fault(
                "url",
                "plain HTTP to another machine",
                "use https, or set `plain_http = true` for a link that is protected otherwise",
            );
        }
        let mut seen = HashSet::new();
        for (place, instance) in self.instances.iter().enumerate() {
            let key = format!("instances.{place}");
            if !seen.insert(instance.to_string()) {
                fault(&key, "this instance is listed twice", "remove one of them");
            }
            if instance.is_https() != origin.is_https() {
                fault(
                    &key,
                    "is not reached as `url` says",
                    "give `url` and `instances` the same scheme",
                );
            } else if is_open(instance) {
                fault(
                    &key,
                    "plain HTTP to another machine",
                    "use https, or set `plain_http = true` for a link that is protected otherwise",
                );
            }
        }
        match (&self.client_certificate, &self.client_key) {
            (Some(_), None) => fault(
                "client_key",
                "is missing beside `client_certificate`",
                "name the file of its private key",
            ),
            (None, Some(_)) => fault(
                "client_certificate",
                "is missing beside `client_key`",
                "name the file of its certificate",
            ),
            (Some(_), Some(_)) if !origin.is_https() => fault(
                "client_certificate",
                "is shown over TLS alone, and `url` is plain HTTP",
                "use https, or a token",
            ),
            _ => {}
        }
        if self.plain_http2 && origin.is_https() {
            fault(
                "plain_http2",
                "is for plain HTTP, and `url` is https, where HTTP/2 is agreed on by itself",
                "remove it",
            );
        }
        found
    }
}

/// Which sizes of bodies are passed for a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Requests of exactly [`REQUEST_BYTES`], answers of exactly an answer class.
    #[default]
    Exact,
    /// Requests of at most [`FOREIGN_REQUEST_MAX_BYTES`], answers of at most the largest class: for
    /// gateways and clients that are not ours, whose sizes tell what they tell.
    Any,
}

impl Body {
    /// Octets of the smallest request that is passed.
    #[must_use]
    pub const fn min_request(self) -> usize {
        match self {
            Self::Exact => REQUEST_BYTES,
            Self::Any => 1,
        }
    }

    /// Octets of the largest request that is passed.
    #[must_use]
    pub const fn max_request(self) -> usize {
        match self {
            Self::Exact => REQUEST_BYTES,
            Self::Any => FOREIGN_REQUEST_MAX_BYTES,
        }
    }
}

/// Sizes and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests that the relay has in hand at a time, from the header section to the answer; one more is refused with 503.
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

/// A host name of letters, digits, hyphens and dots (RFC 952, RFC 1123 section 2.1), in lower case and without the dot
/// of the root, which a text may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host(String);

impl Host {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a host name or an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a host name.
    #[error(
        "not a host name; give labels of letters, digits and hyphens (an internationalised name as A-labels)"
    )]
    Host,
    /// Not an origin.
    #[error("not an origin; give https://host or https://host:port, without a path")]
    Origin,
}

impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.len() > HOST_MAX_CHARS || !text.split('.').all(is_label) {
            return Err(AddressError::Host);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// Scheme, host and port of a gateway (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    https: bool,
    authority: Authority,
}

impl Origin {
    fn https(host: &Host) -> Self {
        Self {
            https: true,
            authority: Authority::try_from(host.as_str()).expect("a host name is an authority"),
        }
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Its host, an IPv6 address without the brackets.
    pub(crate) fn bare_host(&self) -> &str {
        let host = self.authority.host();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.bare_host();
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// The URI of a path at this origin.
    #[must_use]
    pub fn uri(&self, path: &'static str) -> Uri {
        Uri::builder()
            .scheme(if self.https { "https" } else { "http" })
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .expect("scheme, authority and path are each valid")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl FromStr for Origin {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| AddressError::Origin)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(AddressError::Origin),
        };
        match uri.authority() {
            Some(authority)
                if matches!(uri.path(), "" | "/")
                    && uri.query().is_none()
                    && !text.contains(['@', '#']) =>
            {
                Ok(Self {
                    https,
                    authority: authority.clone(),
                })
            }
            _ => Err(AddressError::Origin),
        }
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
