//! One gateway of the configuration: where it is, how it knows the relay, and what is passed to it.

use std::{collections::HashSet, path::PathBuf};

use serde::Deserialize;
use sotto_wire::{FOREIGN_REQUEST_MAX_BYTES, REQUEST_BYTES};

use super::{Contradiction, Host, Origin};

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
    pub(super) fn contradictions(&self, index: usize) -> Vec<Contradiction> {
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
