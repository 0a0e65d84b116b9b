//! What only the network tells of a configuration: the certificate's time, and each instance of each gateway.
//!
//! It asks what a relay asks at its start, and no more. Nothing is verified here that only a client can verify: a relay holds no
//! DNSSEC. What it says of a key document is what everybody can read off its frame, and that the gateway serves it, which one of
//! ours does only while the DNS vouches for it.

mod certificate;

use std::sync::Arc;

use rustls::ProtocolVersion;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Serialize;
use sotto_daemon::metrics::Metrics;
use sotto_wire::{EPOCH_SECONDS, KeyFrame};
use tokio::{task::JoinSet, time::timeout};

pub use self::certificate::{Certificate, NotACertificate};
use crate::{
    Config,
    config::{self, Limits},
    keys::{self, FetchError, Kind},
    outbound::{self, Carrier, ConnectError, Connector, Credential, Instance, InstanceMetrics},
};

/// A certificate that ends sooner has not been renewed when it should have been: the usual ones are, a month before.
const RENEWAL_MARGIN_S: u64 = 14 * 86_400;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Online {
    /// The relay's own certificate, where it serves TLS.
    pub certificate: Option<Certificate>,
    /// The gateways, in the order of the configuration.
    pub gateways: Vec<GatewayState>,
    /// Everything that is wrong, with its remedy.
    #[serde(skip)]
    pub problems: Vec<String>,
}

/// A gateway.
#[derive(Clone, Debug, Serialize)]
pub struct GatewayState {
    /// Its host.
    pub host: String,
    /// Its instances, in the order of the configuration.
    pub instances: Vec<InstanceState>,
}

/// An instance of a gateway. What could not be found out is `None`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InstanceState {
    /// Where it is.
    pub origin: String,
    /// Whether a connection came about.
    pub reachable: bool,
    /// The version of TLS: `1.2` or `1.3`.
    pub tls: Option<&'static str>,
    /// How the keys of TLS were agreed on.
    pub key_exchange: Option<String>,
    /// The version of HTTP: `1.1` or `2`.
    pub http: Option<&'static str>,
    /// The certificate that it shows, which the relay believes.
    pub certificate: Option<Certificate>,
    /// Whether it admits this relay.
    pub admitted: Option<bool>,
    /// Its key document.
    pub key_document: Option<Document>,
    /// Octets of its list of key configurations.
    pub key_list_octets: Option<usize>,
}

/// What the frame of a key document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Octets of the whole.
    pub octets: usize,
    /// Octets of the proof in it, which a client verifies.
    pub proof_octets: usize,
    /// The epochs that it has keys for.
    pub epochs: Vec<u64>,
    /// How many of them have not ended.
    pub epochs_left: usize,
}

impl Online {
    /// Looks at everything that `config` names, as of `now` in Unix seconds. Takes no longer than the connect timeout and two
    /// gateway timeouts of the configuration together.
    pub async fn look(config: &Config, now: u64) -> Self {
        let mut problems = Vec::new();
        let certificate = own_certificate(config, now, &mut problems);
        let mut looks = JoinSet::new();
        let mut gateways = Vec::new();
        for (index, gateway) in config.gateways.iter().enumerate() {
            gateways.push(GatewayState {
                host: gateway.host.to_string(),
                instances: Vec::new(),
            });
            let loaded = Credential::load(index, gateway).and_then(|credential| {
                outbound::connectors(index, gateway, &config.limits, &credential)
                    .map(|connectors| (Arc::new(credential), connectors))
                    .map_err(|problem| vec![problem])
            });
            let (credential, connectors) = match loaded {
                Ok(loaded) => loaded,
                Err(found) => {
                    problems.extend(found.iter().map(ToString::to_string));
                    continue;
                }
            };
            for (place, (origin, connector)) in connectors.into_iter().enumerate() {
                let key = if gateway.instances.is_empty() {
                    format!("gateway.{index}.url")
                } else {
                    format!("gateway.{index}.instances.{place}")
                };
                let look = Look {
                    subject: format!("`{key}` ({origin})"),
                    index,
                    resource: gateway.origin(),
                    credential: Arc::clone(&credential),
                    limits: config.limits,
                    now,
                    state: InstanceState {
                        origin: origin.to_string(),
                        ..InstanceState::default()
                    },
                    problems: Vec::new(),
                };
                looks.spawn(async move { ((index, place), look.at(connector).await) });
                gateways[index].instances.push(InstanceState::default());
            }
        }
        let mut found = looks.join_all().await;
        found.sort_by_key(|(place, _)| *place);
        for ((index, place), look) in found {
            gateways[index].instances[place] = look.state;
            problems.extend(look.problems);
        }
        Self {
            certificate,
            gateways,
            problems,
        }
    }
}

/// The certificate that clients see.
fn own_certificate(config: &Config, now: u64, problems: &mut Vec<String>) -> Option<Certificate> {
    let file = &config.listen.tls.as_ref()?.certificate;
    // That the file is good was found out without the network.
    let first = CertificateDer::pem_file_iter(file).ok()?.next()?.ok()?;
    let certificate = Certificate::read(&first).ok()?;
    let subject = format!("`listen.tls.certificate` ({})", file.display());
    if certificate.names.is_empty() {
        problems.push(format!(
            "{subject}: it is for no host name; get one for the name that clients are told"
        ));
    }
    let remedy = "renew it, and `systemctl reload sotto-relay`";
    problems.extend(judge_time(&subject, &certificate, now, remedy));
    Some(certificate)
}

/// What is wrong with the time of a certificate.
fn judge_time(subject: &str, certificate: &Certificate, now: u64, remedy: &str) -> Option<String> {
    let days = |seconds: u64| seconds.div_ceil(86_400);
    if now < certificate.valid_from {
        let days = days(certificate.valid_from - now);
        Some(format!(
            "{subject}: the certificate is valid in {days} days only; set this machine's clock (NTP), or {remedy}"
        ))
    } else if now > certificate.valid_until {
        let days = days(now - certificate.valid_until);
        Some(format!(
            "{subject}: the certificate ended {days} days ago; {remedy}"
        ))
    } else if certificate.valid_until - now < RENEWAL_MARGIN_S {
        let days = days(certificate.valid_until - now);
        Some(format!(
            "{subject}: the certificate ends in {days} days; {remedy}"
        ))
    } else {
        None
    }
}

/// A look at one instance.
struct Look {
    subject: String,
    /// The gateway's place in the configuration.
    index: usize,
    resource: config::Origin,
    credential: Arc<Credential>,
    limits: Limits,
    now: u64,
    state: InstanceState,
    problems: Vec<String>,
}

impl Look {
    async fn at(mut self, connector: Connector) -> Self {
        match connector.reach().await {
            Ok(carrier) => self.tell_carrier(&carrier, &connector),
            Err(error) => {
                self.blame(&error.to_string(), &self.connect_remedy(&error));
                return self;
            }
        }
        let metrics = InstanceMetrics::new(&Metrics::new(), "", "");
        let instance = Instance::new(connector, 1, metrics);
        match self.fetch(&instance, Kind::Document).await {
            Ok(content) => {
                self.state.admitted = Some(true);
                self.tell_document(&content);
            }
            Err(FetchError::NotAdmitted(_)) => {
                self.state.admitted = Some(false);
                self.blame(
                    "the gateway does not admit this relay",
                    &self.credential.remedy(),
                );
            }
            // A foreign gateway has none.
            Err(FetchError::Absent) => {}
            Err(error @ FetchError::Status(status)) if status.as_u16() == 503 => self.blame(
                &format!("key document: {error}"),
                "tell its operator: it has no keys that the DNS vouches for, or ends",
            ),
            Err(error) => self.blame(
                &format!("key document: {error}"),
                "see that this is the gateway, or tell its operator",
            ),
        }
        match self.fetch(&instance, Kind::List).await {
            Ok(content) => self.state.key_list_octets = Some(content.len()),
            Err(FetchError::Absent) if self.state.key_document.is_some() => {}
            Err(FetchError::Absent) => self.blame(
                "there are no keys of a gateway (404)",
                "see that this is a gateway, and not this relay or another service",
            ),
            Err(error) => self.blame(
                &format!("list of key configurations: {error}"),
                "see that this is a gateway, or tell its operator",
            ),
        }
        self
    }

    async fn fetch(
        &self,
        instance: &Arc<Instance>,
        kind: Kind,
    ) -> Result<bytes::Bytes, FetchError> {
        let request = keys::request(&self.resource, &self.credential, kind);
        let limit = self.limits.gateway_timeout();
        let fetched = async {
            let response = instance
                .send(&request, limit)
                .await
                .map_err(FetchError::Transport)?;
            keys::read(kind, response, limit).await
        };
        timeout(limit, fetched)
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    fn tell_carrier(&mut self, carrier: &Carrier, connector: &Connector) {
        self.state.reachable = true;
        self.state.http = Some(if connector.speaks_http2(carrier) {
            "2"
        } else {
            "1.1"
        });
        let Carrier::Tls(stream) = carrier else {
            return;
        };
        let session = stream.get_ref().1;
        self.state.tls = session.protocol_version().map(|version| match version {
            ProtocolVersion::TLSv1_3 => "1.3",
            _ => "1.2",
        });
        self.state.key_exchange = session
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name()));
        let shown = session.peer_certificates().and_then(<[_]>::first);
        if let Some(certificate) = shown.and_then(|der| Certificate::read(der).ok()) {
            let remedy = "tell its operator";
            self.problems
                .extend(judge_time(&self.subject, &certificate, self.now, remedy));
            self.state.certificate = Some(certificate);
        }
    }

    fn tell_document(&mut self, content: &[u8]) {
        let frame = match KeyFrame::decode(content) {
            Ok(frame) => frame,
            Err(error) => {
                self.blame(&error.to_string(), "tell the gateway's operator");
                return;
            }
        };
        let epoch = self.now / EPOCH_SECONDS;
        let epochs: Vec<u64> = frame.lists.iter().map(|(epoch, _)| *epoch).collect();
        let epochs_left = epochs.iter().filter(|it| **it >= epoch).count();
        match epochs_left {
            0 => self.blame(
                &format!("the key document ends before today, which is epoch {epoch}"),
                "compare the clocks, and have the gateway's operator publish keys (`sotto-gateway keys check`)",
            ),
            1 => self.blame(
                "the key document has no keys for tomorrow",
                "have the gateway's operator publish keys (`sotto-gateway keys check`)",
            ),
            _ => {}
        }
        self.state.key_document = Some(Document {
            octets: content.len(),
            proof_octets: frame.proof.len(),
            epochs,
            epochs_left,
        });
    }

    fn blame(&mut self, problem: &str, remedy: &str) {
        self.problems
            .push(format!("{}: {problem}; {remedy}", self.subject));
    }

    fn connect_remedy(&self, error: &ConnectError) -> String {
        let index = self.index;
        match error {
            ConnectError::Tls(_) => format!(
                "its certificate has to be for {} and of an authority of this system or of `gateway.{index}.ca`",
                self.resource.bare_host()
            ),
            ConnectError::Timeout(_) | ConnectError::Tcp(_) => {
                "see that it runs, that its name and port are right, and that no firewall is between".to_owned()
            }
            ConnectError::Http(_) | ConnectError::Closed => {
                "see that this is the gateway and not another service".to_owned()
            }
        }
    }
}
