//! Requests to a gateway: to which of its instances, over which connection, and when to another instance instead.
//!
//! A request goes to another instance only where the first has certainly not processed it: nothing of it was sent, or
//! the instance itself says so. A timeout, a reset or a server error is the end of it.

mod connect;
mod credential;
mod health;
mod instance;
mod metrics;
mod pool;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use rustls::ClientConfig;
use rustls_pki_types::{InvalidDnsNameError, ServerName};
use sotto_daemon::{
    clock::Stopwatch,
    metrics::{Counter, Metrics},
    roots::{self, RootsError},
    tls::TlsError,
    token::TokenError,
};

use self::health::Health;
pub(crate) use self::{
    connect::{Carrier, ConnectError, Connector},
    credential::Credential,
    health::Report,
    instance::{Body, Instance, SendError},
    metrics::InstanceMetrics,
};
use crate::config::{self, Limits, Origin};

/// Why a gateway of the configuration cannot be forwarded to.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No certificate of the gateway could be judged.
    #[error("gateway {host}: {source}")]
    Roots {
        /// The gateway.
        host: String,
        /// What is wrong.
        source: RootsError,
    },
    /// No certificate can have the name of the gateway's URL.
    #[error("gateway {host}: `gateway.{index}.url`: {source}; give a host name or an address")]
    Name {
        /// The gateway.
        host: String,
        /// Its place in the configuration.
        index: usize,
        /// What is wrong.
        source: InvalidDnsNameError,
    },
    /// There is no token.
    #[error("gateway {host}: `gateway.{index}.token_file`: {source}")]
    Token {
        /// The gateway.
        host: String,
        /// Its place in the configuration.
        index: usize,
        /// What is wrong with its file.
        source: TokenError,
    },
    /// There is no certificate to show to the gateway.
    #[error("gateway {host}: `gateway.{index}.client_certificate`: {source}")]
    Certificate {
        /// The gateway.
        host: String,
        /// Its place in the configuration.
        index: usize,
        /// What is wrong with its files.
        source: Box<TlsError>,
    },
}

/// The connections to one gateway.
pub(crate) struct Outbound {
    instances: Box<[(Origin, Arc<Instance>)]>,
    health: Mutex<Health>,
    clock: Stopwatch,
    failovers: Counter,
}

impl Outbound {
    /// The connections to `gateway`, which stands at `index` in the configuration. Opens none.
    pub(crate) fn new(
        index: usize,
        gateway: &config::Gateway,
        limits: &Limits,
        credential: &Credential,
        metrics: &Metrics,
    ) -> Result<Self, SetupError> {
        let host = gateway.host.as_str();
        let max_in_flight = limits.max_in_flight;
        let instances: Box<_> = connectors(index, gateway, limits, credential)?
            .into_iter()
            .map(|(origin, connector)| {
                let metrics = InstanceMetrics::new(metrics, host, &origin.to_string());
                (origin, Instance::new(connector, max_in_flight, metrics))
            })
            .collect();
        Ok(Self {
            health: Mutex::new(Health::new(instances.len())),
            instances,
            clock: Stopwatch::start(),
            failovers: metrics.counter(
                "sotto_relay_failovers_total",
                "Requests that went to another instance of a gateway, since the first had certainly not processed them.",
                &[("gateway", host)],
            ),
        })
    }

    /// Sends a request and waits for the head of its answer, all in all for at most `limit`.
    pub(crate) async fn send(
        &self,
        request: &Request<Bytes>,
        limit: Duration,
    ) -> Result<(Response<Body>, Seat<'_>), SendError> {
        let begun = Stopwatch::start();
        let mut tried = Vec::new();
        let mut last = SendError::Timeout;
        while let Some(seat) = self.sit(&tried) {
            if !tried.is_empty() {
                self.failovers.increment(1);
            }
            let left = limit.saturating_sub(begun.elapsed());
            let error = match self.instances[seat.index].1.send(request, left).await {
                Ok(response) => return Ok((response, seat)),
                Err(error) => error,
            };
            tried.push(seat.index);
            seat.report(match error {
                SendError::Connect(_) | SendError::Unsent => Report::Unreachable,
                SendError::Unprocessed | SendError::Broken(_) | SendError::Timeout => {
                    Report::Trouble
                }
            });
            if !error.is_unprocessed() {
                return Err(error);
            }
            last = error;
        }
        Err(last)
    }

    /// The places in the configuration of the instances.
    pub(crate) fn indices(&self) -> std::ops::Range<usize> {
        0..self.instances.len()
    }

    /// Sends `request`, which no client has a part in, to one instance, and believes what `judge` makes of the answer.
    pub(crate) async fn probe(
        &self,
        index: usize,
        request: &Request<Bytes>,
        limit: Duration,
        judge: impl FnOnce(&Response<Body>) -> Report,
    ) {
        let (_, instance) = &self.instances[index];
        instance.tidy();
        let report = match instance.send(request, limit).await {
            Ok(response) => judge(&response),
            Err(SendError::Connect(_) | SendError::Unsent) => Report::Unreachable,
            Err(_) => Report::Trouble,
        };
        instance.metrics.count_probe(report);
        let change = self.health().probed(index, report, self.clock.elapsed());
        self.show(index, change);
    }

    /// Has what is sent from now on go over new connections.
    pub(crate) fn retire(&self) {
        for (_, instance) in &self.instances {
            instance.retire();
        }
    }

    fn sit(&self, tried: &[usize]) -> Option<Seat<'_>> {
        let index = self.health().choose(tried)?;
        Some(Seat {
            outbound: self,
            index,
        })
    }

    fn show(&self, index: usize, change: Option<health::Change>) {
        let Some(change) = change else { return };
        let (origin, instance) = &self.instances[index];
        instance.metrics.show(change);
        match change {
            health::Change::Up => tracing::info!(instance = %origin, "instance is well"),
            health::Change::Down => {
                tracing::warn!(instance = %origin, "instance is not well, and gets no requests while another is");
            }
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request at an instance, until it is dropped.
pub(crate) struct Seat<'a> {
    outbound: &'a Outbound,
    index: usize,
}

impl Seat<'_> {
    /// Tells what became of the request. One that was given up, by its client say, tells nothing.
    pub(crate) fn report(self, report: Report) {
        let outbound = self.outbound;
        outbound.instances[self.index].1.metrics.count(report);
        let change = outbound
            .health()
            .answered(self.index, report, outbound.clock.elapsed());
        outbound.show(self.index, change);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.outbound.health().release(self.index);
    }
}

/// How each instance of `gateway` is connected to, in the order of the configuration.
pub(crate) fn connectors(
    index: usize,
    gateway: &config::Gateway,
    limits: &Limits,
    credential: &Credential,
) -> Result<Vec<(Origin, Connector)>, SetupError> {
    let origin = gateway.origin();
    let tls = match tls_config(gateway)? {
        Some(mut config) => {
            if let Some(certificate) = credential.certificate() {
                config.client_auth_cert_resolver = certificate;
            }
            let name = ServerName::try_from(origin.bare_host().to_owned());
            let name = name.map_err(|source| SetupError::Name {
                host: gateway.host.to_string(),
                index,
                source,
            })?;
            Some((Arc::new(config), name))
        }
        None => None,
    };
    let connector = |instance: Origin| {
        let connector = Connector::new(
            &instance,
            tls.clone(),
            gateway.plain_http2,
            limits.connect_timeout(),
        );
        (instance, connector)
    };
    Ok(gateway.instances().into_iter().map(connector).collect())
}

/// TLS to a gateway that is reached over it: the system's certification authorities and the configured ones.
pub(crate) fn tls_config(gateway: &config::Gateway) -> Result<Option<ClientConfig>, SetupError> {
    if !gateway.origin().is_https() {
        return Ok(None);
    }
    roots::client_config(gateway.ca.as_deref())
        .map(|config| Some(connect::finish(config)))
        .map_err(|source| SetupError::Roots {
            host: gateway.host.to_string(),
            source,
        })
}
