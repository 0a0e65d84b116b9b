//! The relay: its routes, its start and its end.

use std::{collections::HashMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::State};
use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use http_body_util::Full;
use sotto_daemon::{
    PeerAddress, Server, ServerError, ServerLimits, Signals,
    admin::{self, Readiness},
    clock::{self, Stopwatch},
    config::Listen,
    metrics::Metrics,
};
use sotto_wire::media;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    Config, Observe, Refusal, RelayView, SetupError,
    body::{self, ReadError},
    config::{Contradiction, Limits},
    forward::Gateway,
    headers::{self, Answer},
    keys::{self, Kind},
    metrics::{GatewayMetrics, Outcomes},
    resource::Resource,
};

/// How long a start waits for the gateways' keys. A relay whose gateway is away starts without.
const FIRST_KEYS_WAIT: Duration = Duration::from_secs(2);

/// Connections to the operator's listener at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// Why a relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] Contradiction),
    /// A gateway cannot be forwarded to.
    #[error(transparent)]
    Gateway(#[from] SetupError),
    /// The relay cannot listen.
    #[error("{}", .0.at("listen"))]
    Listen(#[from] ServerError),
    /// The operator's listener cannot listen.
    #[error("{}", .0.at("admin"))]
    Admin(ServerError),
}

/// An Oblivious HTTP relay.
#[derive(Debug)]
pub struct Relay;

/// A relay that serves.
pub struct Running {
    /// The public address, with the real port.
    pub address: SocketAddr,
    /// The operator's address, if there is such a listener.
    pub admin: Option<SocketAddr>,
    daemon: sotto_daemon::Running,
    shared: Arc<Shared>,
}

/// What every request needs.
struct Shared {
    gateways: HashMap<String, Arc<Gateway>>,
    description: Bytes,
    elsewhere: Outcomes,
    limits: Limits,
    observer: Option<Arc<dyn Observe>>,
}

impl Relay {
    /// Finds everything that would keep a relay from starting, without listening or connecting: values, certificates,
    /// tokens, certification authorities.
    #[must_use]
    pub fn check(config: &Config) -> Vec<StartError> {
        Shared::new(config, &Metrics::new(), None)
            .err()
            .unwrap_or_default()
    }

    /// Starts to serve. The gateways' keys are fetched once before, if they come soon.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(
        config: Config,
        observer: Option<Arc<dyn Observe>>,
    ) -> Result<Running, StartError> {
        let metrics = Metrics::new();
        let readiness = Readiness::new();
        let observed = observer.is_some();
        let shared = Shared::new(&config, &metrics, observer)
            .map_err(|mut problems| problems.swap_remove(0))?;
        let shared = Arc::new(shared);

        let routes = Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&shared));
        let mut server = Server::bind(&config.listen, routes, config.connections)
            .await?
            .with_metrics(&metrics);
        if observed {
            server = server.expose_peer();
        }
        let operator = match &config.admin {
            Some(admin) => Some(bind_admin(admin.address, &readiness, &metrics).await?),
            None => None,
        };

        let mut first = JoinSet::new();
        for gateway in shared.gateways.values() {
            let gateway = Arc::clone(gateway);
            first.spawn(async move {
                let good = gateway.fetch_keys(clock::now).await;
                (gateway.host.clone(), good)
            });
        }
        let mut fetched = HashMap::new();
        let _ = timeout(FIRST_KEYS_WAIT, async {
            while let Some(done) = first.join_next().await {
                fetched.extend(done);
            }
        })
        .await;
        shared.report(&readiness);

        let mut daemon = sotto_daemon::Running::start(server, operator, readiness.clone(), metrics);
        for gateway in shared.gateways.values() {
            let good = fetched.get(&gateway.host).copied().unwrap_or(false);
            let refresh = refresh(
                Arc::clone(&shared),
                Arc::clone(gateway),
                readiness.clone(),
                u32::from(!good),
            );
            daemon.spawn(refresh);
        }
        let running = Running {
            address: daemon.address,
            admin: daemon.admin,
            daemon,
            shared,
        };
        tracing::info!(address = %running.address, admin = ?running.admin, "relay serves");
        Ok(running)
    }
}

impl Running {
    /// Reads certificate and tokens again; what fails is logged and stays as it was.
    pub fn reload(&self) {
        self.daemon.reload_logged();
        self.shared.reload_credentials();
    }

    /// Ends in order: no new connections, requests in flight finished.
    pub async fn shutdown(self) {
        self.daemon.shutdown().await;
    }

    /// Serves until SIGTERM or SIGINT; SIGHUP reads certificate and tokens again.
    pub async fn until_told(self, signals: Signals) {
        let shared = self.shared;
        self.daemon
            .until_told(signals, move || shared.reload_credentials())
            .await;
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// All that a relay of this configuration needs but its listeners; else every reason against it, at least one.
    fn new(
        config: &Config,
        metrics: &Metrics,
        observer: Option<Arc<dyn Observe>>,
    ) -> Result<Self, Vec<StartError>> {
        let contradictions = config.contradictions().into_iter().map(StartError::from);
        let mut problems: Vec<StartError> = contradictions.collect();
        problems.extend(config.listen.certificates().err().map(StartError::from));
        let mut gateways = HashMap::new();
        for (index, gateway) in config.gateways.iter().enumerate() {
            let metrics = GatewayMetrics::new(metrics, gateway.host.as_str());
            match Gateway::new(index, gateway, config.limits, metrics) {
                Ok(gateway) => {
                    gateways.insert(gateway.host.clone(), Arc::new(gateway));
                }
                Err(found) => problems.extend(found.into_iter().map(StartError::from)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            gateways,
            description: serde_json::to_vec(&config.description())
                .expect("a description is strings and numbers")
                .into(),
            elsewhere: Outcomes::new(metrics, ""),
            limits: config.limits,
            observer,
        })
    }

    fn reload_credentials(&self) {
        for gateway in self.gateways.values() {
            if let Err(error) = gateway.credential.reload() {
                tracing::error!(%error, "token not replaced");
            }
        }
        tracing::info!("tokens read again");
    }

    /// A relay wants traffic if it can help somebody: if it has the keys of one gateway.
    fn report(&self, readiness: &Readiness) {
        let now = clock::now();
        readiness.set_ready(self.gateways.values().any(|gateway| gateway.has_keys(now)));
    }

    async fn answer(&self, parts: &Parts, content: axum::body::Body) -> Answer {
        let resource = match parts.uri.query() {
            None => Resource::of(parts.uri.path()),
            // No resource of ours has a query, and what it may hold is none of our business.
            Some(_) => None,
        };
        let gateway = |host| self.gateways.get(host);
        let (outcomes, answer) = match resource {
            Some(Resource::Description) => (&self.elsewhere, self.describe(&parts.method)),
            Some(Resource::Gateway(host)) if let Some(gateway) = gateway(host) => (
                &gateway.metrics.outcomes,
                match parts.method {
                    Method::POST => self.forward(gateway, parts, content).await,
                    Method::GET => self.keys(gateway, Kind::List),
                    _ => Answer::Refused(Refusal::Method),
                },
            ),
            Some(Resource::Keys(host)) if let Some(gateway) = gateway(host) => (
                &gateway.metrics.outcomes,
                match parts.method {
                    Method::GET => self.keys(gateway, Kind::Document),
                    _ => Answer::Refused(Refusal::Method),
                },
            ),
            _ => (&self.elsewhere, Answer::Refused(Refusal::UnknownResource)),
        };
        outcomes.count(&answer);
        answer
    }

    fn describe(&self, method: &Method) -> Answer {
        if *method == Method::GET {
            Answer::Content(media::JSON, self.description.clone())
        } else {
            Answer::Refused(Refusal::Method)
        }
    }

    fn keys(&self, gateway: &Gateway, kind: Kind) -> Answer {
        gateway
            .keys
            .current(kind, clock::now(), self.limits.key_stale_s)
            .map_or(Answer::Refused(Refusal::NoKeys), |content| {
                Answer::Content(kind.media_type(), content)
            })
    }

    async fn forward(&self, gateway: &Gateway, parts: &Parts, content: axum::body::Body) -> Answer {
        let content = match self.read(gateway, parts, content).await {
            Ok(content) => content,
            Err(refusal) => return Answer::Refused(refusal),
        };
        let (key_id, request_bytes) = (content[0], content.len());
        let stopwatch = Stopwatch::start();
        let answer = gateway.forward(content).await;
        gateway.metrics.exchange.record(stopwatch.elapsed());
        if let (Some(observer), Some(PeerAddress(client))) =
            (&self.observer, parts.extensions.get())
        {
            observer.forwarded(&RelayView {
                client: *client,
                gateway: gateway.host.clone(),
                key_id,
                request_bytes,
                answer_bytes: match &answer {
                    Answer::Content(_, content) => content.len(),
                    Answer::Refused(refusal) => refusal.problem().to_json().len(),
                },
                status: answer.status().as_u16(),
                at: clock::now(),
            });
        }
        answer
    }

    /// The content of a POST, of a size that is forwarded; so it is never empty.
    async fn read(
        &self,
        gateway: &Gateway,
        parts: &Parts,
        content: axum::body::Body,
    ) -> Result<Bytes, Refusal> {
        headers::judge_request(&parts.headers, gateway.body)?;
        let content = timeout(
            self.limits.body_timeout(),
            body::read(content, gateway.body.max_request(), self.limits.body_idle()),
        )
        .await
        .unwrap_or(Err(ReadError::Idle))
        .map_err(|error| match error {
            ReadError::TooLarge => Refusal::TooLarge,
            ReadError::Idle => Refusal::Slow,
            ReadError::Broken => Refusal::TooSmall,
        })?;
        headers::judge_size(content.len(), gateway.body)?;
        Ok(content)
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    request: Request<axum::body::Body>,
) -> Response<Full<Bytes>> {
    let (parts, content) = request.into_parts();
    headers::to_client(shared.answer(&parts, content).await)
}

/// Fetches the keys of one gateway for as long as the relay runs.
async fn refresh(
    shared: Arc<Shared>,
    gateway: Arc<Gateway>,
    readiness: Readiness,
    mut failures: u32,
) {
    let random = sotto_daemon::tls::provider().secure_random;
    loop {
        sleep(keys::next_fetch(
            shared.limits.key_refresh(),
            failures,
            keys::jitter(random),
        ))
        .await;
        failures = if gateway.fetch_keys(clock::now).await {
            0
        } else {
            failures.saturating_add(1)
        };
        shared.report(&readiness);
    }
}

async fn bind_admin(
    address: SocketAddr,
    readiness: &Readiness,
    metrics: &Metrics,
) -> Result<Server, StartError> {
    let listen = Listen {
        address,
        tls: None,
        plain_http: true,
    };
    let limits = ServerLimits {
        max_connections: ADMIN_CONNECTIONS,
        ..ServerLimits::default()
    };
    Server::bind(
        &listen,
        admin::router(readiness.clone(), metrics.clone()),
        limits,
    )
    .await
    .map_err(StartError::Admin)
}
