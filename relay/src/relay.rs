//! The relay: its start, its changes and its end.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::{Router, extract::State};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::Map;
use sotto_daemon::{
    PeerAddress, Server, ServerError, ServerLimits, Signals,
    admin::{self, Readiness},
    clock,
    config::{ConfigError, Listen},
    metrics::Metrics,
    pin::Pin,
};
use tokio::{
    join, sync,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    Config, Observe, SetupError,
    config::Contradiction,
    forward::Gateway,
    headers, keys,
    outbound::Credential,
    schedule,
    service::{Lasting, NoKey, Served, Service},
};

/// How long a start waits for the gateways' keys. A relay whose gateway is away starts without.
const FIRST_KEYS_WAIT: Duration = Duration::from_secs(2);

/// How often the key of the quota is looked at.
const AGING: Duration = Duration::from_secs(10);

/// Why a relay does not want traffic.
const NOT_READY: &str =
    "there are no current keys of any gateway; `sotto-relay check --online` and the log say why";

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
    /// The relay has nothing to make keys of.
    #[error(transparent)]
    Random(#[from] NoKey),
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

/// All that handlers and the operator's signals act on.
struct Shared {
    service: ArcSwap<Service>,
    lasting: Lasting,
    metrics: Metrics,
    readiness: Readiness,
    /// One change at a time.
    changing: sync::Mutex<()>,
}

impl Relay {
    /// Finds everything that would keep a relay from starting, without listening or connecting: values, certificates,
    /// tokens, certification authorities.
    #[must_use]
    pub fn check(config: &Config) -> Vec<StartError> {
        let service = Service::new(config, &Metrics::new(), None);
        let listen = config.listen.certificates().err().map(StartError::from);
        let mut problems = service.err().unwrap_or_default();
        problems.extend(listen);
        problems
    }

    /// By which pins the gateways of `config` know this relay: for each that is shown a certificate, its host and the pin.
    #[must_use]
    pub fn pins(config: &Config) -> Vec<(String, Pin)> {
        let gateways = config.gateways.iter().enumerate();
        gateways
            .filter_map(|(index, gateway)| {
                let pin = Credential::load(index, gateway).ok()?.pin()?;
                Some((gateway.host.to_string(), pin))
            })
            .collect()
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
        let service = Service::new(&config, &metrics, None)
            .map_err(|mut problems| problems.swap_remove(0))?;
        let shared = Arc::new(Shared {
            service: ArcSwap::from_pointee(service),
            lasting: Lasting::new(&config, observer)?,
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            changing: sync::Mutex::default(),
        });

        let routes = Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&shared));
        let server = Server::bind(&config.listen, routes, config.connections)
            .await?
            .with_metrics(&metrics)
            .expose_peer();
        let operator = match &config.admin {
            Some(admin) => Some(bind_admin(admin.address, &readiness, &metrics).await?),
            None => None,
        };

        shared.begin_with(&shared.service.load_full()).await;
        let mut daemon = sotto_daemon::Running::start(server, operator, readiness, metrics);
        daemon.spawn(age(Arc::downgrade(&shared)));
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

    /// Goes on by another configuration, once the gateways that are new in it have had time to give their keys.
    /// Listeners, connections and logs stay as they are. A request that is under way ends by the configuration that it
    /// began with.
    ///
    /// # Errors
    ///
    /// Every [`StartError`]; then nothing has changed.
    pub async fn reconfigure(&self, config: Config) -> Result<(), Vec<StartError>> {
        self.shared.reconfigure(config).await
    }

    /// Ends in order: no new connections, requests in flight finished.
    pub async fn shutdown(self) {
        self.daemon.shutdown().await;
    }

    /// Serves until SIGTERM or SIGINT; SIGHUP reads certificate and tokens again, and goes on by the configuration that
    /// `read` finds.
    pub async fn until_told(
        self,
        signals: Signals,
        read: impl Fn() -> Result<Config, ConfigError>,
    ) {
        let shared = self.shared;
        self.daemon
            .until_told(signals, move || {
                shared.reload_credentials();
                match read() {
                    Ok(config) => {
                        tokio::spawn(reconfigure_logged(Arc::clone(&shared), config));
                    }
                    Err(error) => tracing::error!(%error, "configuration not replaced"),
                }
            })
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
    fn reload_credentials(&self) {
        for served in self.service.load().gateways() {
            for error in served.gateway.reload() {
                tracing::error!(%error, "credential not replaced");
            }
        }
        tracing::info!("tokens read again");
    }

    async fn reconfigure(self: &Arc<Self>, config: Config) -> Result<(), Vec<StartError>> {
        let _alone = self.changing.lock().await;
        let before = self.service.load_full();
        let mut service = Service::new(&config, &self.metrics, Some(&before))?;
        for (key, changed) in [
            ("listen", before.config.listen != config.listen),
            ("admin", before.config.admin != config.admin),
            ("log", before.config.log != config.log),
            (
                "connections",
                before.config.connections != config.connections,
            ),
        ] {
            if changed {
                tracing::warn!(key, "has changed, which counts from a restart on");
            }
        }
        let now = &mut service.config;
        now.listen = before.config.listen.clone();
        now.admin.clone_from(&before.config.admin);
        now.log = before.config.log;
        now.connections = before.config.connections;
        // Good as written, but not before the restart that a longer drain takes.
        for contradiction in now.contradictions() {
            tracing::warn!(%contradiction, "until a restart");
        }
        let service = Arc::new(service);
        self.begin_with(&service).await;
        self.lasting.set_rate(config.quota);
        self.service.store(service);
        self.report();
        Ok(())
    }

    /// Fetches the keys of the gateways that have none, waits for them for a while, and sees that they are fetched again.
    async fn begin_with(self: &Arc<Self>, service: &Service) {
        let mut first = JoinSet::new();
        for served in service.gateways() {
            let gateway = Arc::clone(&served.gateway);
            if !gateway.has_keys(clock::now()) {
                first.spawn(async move {
                    let good = gateway.fetch_keys(clock::now).await;
                    (gateway.host.clone(), good)
                });
            }
        }
        let mut fetched = HashMap::new();
        let _ = timeout(FIRST_KEYS_WAIT, async {
            while let Some(done) = first.join_next().await {
                fetched.extend(done);
            }
        })
        .await;
        for served in service.gateways() {
            self.keep_fresh(served, fetched.get(&served.gateway.host).copied());
        }
        self.report();
    }

    fn keep_fresh(self: &Arc<Self>, served: &Served, fetched: Option<bool>) {
        let failures = u32::from(fetched != Some(true));
        let refresh = refresh(
            Arc::downgrade(self),
            Arc::clone(&served.gateway),
            self.service.load().config.limits.key_refresh(),
            failures,
        );
        let probes = Arc::clone(&served.gateway).probes();
        served.keep(async {
            join!(refresh, probes);
        });
    }

    /// A relay wants traffic if it can help somebody: if it has the keys of one gateway.
    fn report(&self) {
        let now = clock::now();
        let service = self.service.load();
        let mut gateways = service.gateways();
        let is_ready = gateways.any(|served| served.gateway.has_keys(now));
        let reason = (!is_ready).then(|| NOT_READY.to_owned());
        self.readiness.tell(is_ready, reason, Map::new());
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    request: Request<axum::body::Body>,
) -> Response<Full<Bytes>> {
    let (mut parts, content) = request.into_parts();
    let peer = parts.extensions.remove::<PeerAddress>();
    let service = shared.service.load_full();
    let answer = service
        .answer(&shared.lasting, &parts, peer.map(|peer| peer.0), content)
        .await;
    headers::to_client(answer, &service.config.cors, &parts.headers)
}

async fn reconfigure_logged(shared: Arc<Shared>, config: Config) {
    match shared.reconfigure(config).await {
        Ok(()) => tracing::info!("configuration replaced"),
        Err(problems) => {
            for error in problems {
                tracing::error!(%error, "configuration not replaced");
            }
        }
    }
}

/// Ages the quota for as long as the relay runs.
async fn age(shared: Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        shared.lasting.age();
        drop(shared);
        sleep(AGING).await;
    }
}

/// Fetches the keys of one gateway for as long as it is served.
async fn refresh(
    shared: Weak<Shared>,
    gateway: Arc<Gateway>,
    interval: Duration,
    mut failures: u32,
) {
    loop {
        sleep(schedule::about(keys::next_fetch(interval, failures))).await;
        failures = if gateway.fetch_keys(clock::now).await {
            0
        } else {
            failures.saturating_add(1)
        };
        match shared.upgrade() {
            Some(shared) => shared.report(),
            None => return,
        }
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
