//! A gateway from its configuration to its end.

use std::{fs, io, net::SocketAddr, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use sotto_daemon::{
    Server, ServerError, ServerLimits,
    admin::{self, Readiness},
    config::Listen,
    metrics::Metrics,
    signals::Signals,
};
use sotto_proof::{AnchorError, Anchors};
use tokio::{
    sync::{Semaphore, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    answer::{Answerer, AnswererError},
    clock::{Clock, Time},
    config::{Config, ConfigProblem},
    http::{Shared, router},
    keeper::{Keeper, KeeperError, Tended},
    keys::{KeySchedule, ScheduleError, StateFile},
    metrics::Counters,
    observe::Observe,
    relays::{Relays, RelaysError},
};

/// Why a gateway does not start; each names the culprit and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigProblem),
    /// A relay's token is not usable.
    #[error(transparent)]
    Relays(#[from] RelaysError),
    /// There are no keys for this time.
    #[error(transparent)]
    Keys(#[from] ScheduleError),
    /// The anchor file cannot be read.
    #[error("dns.anchor: cannot read {}: {source}; give a file of DS or DNSKEY lines, or leave it out for the IANA root", path.display())]
    AnchorFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The anchor file holds no anchor.
    #[error("dns.anchor: {}: {source}", path.display())]
    Anchor {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: AnchorError,
    },
    /// Questions could not be answered.
    #[error(transparent)]
    Answerer(#[from] AnswererError),
    /// The relays' listener does not open.
    #[error("`listen`: {0}")]
    Listen(#[from] ServerError),
    /// The operator's listener does not open.
    #[error("`admin`: {0}")]
    Admin(ServerError),
}

/// A gateway about to start.
pub struct Gateway;

/// A gateway that serves.
///
/// Dropping it ends everything at once; [`Self::shutdown`] ends it in order.
pub struct Running {
    /// The address for relays, with the real port.
    pub address: SocketAddr,
    /// The operator's address, if there is such a listener.
    pub admin: Option<SocketAddr>,
    daemon: sotto_daemon::Running,
    config: Config,
    shared: Arc<Shared>,
    ready: watch::Receiver<bool>,
}

/// What the DNS says of a gateway's keys.
#[derive(Debug)]
pub struct KeyCheck {
    /// How many epochs from the present one on the DNS carries without a gap.
    pub epochs_published: u64,
    /// What keeps the keys from being served.
    pub problem: Option<KeeperError>,
}

/// Asks the DNS, by way of the configured resolver, what it carries of the keys at the time `now`. Changes nothing.
///
/// # Errors
///
/// [`StartError`], for what would keep the gateway from starting too.
pub async fn check_keys(config: &Config, now: u64) -> Result<KeyCheck, StartError> {
    let schedule = KeySchedule::open(StateFile::at(&config.keys.state), now)?;
    let keeper = keeper(config, schedule, &(Arc::new(move || now) as Clock))?;
    let problem = keeper.look(now).await.err();
    Ok(KeyCheck {
        epochs_published: keeper.epochs_published(),
        problem,
    })
}

fn keeper(config: &Config, schedule: KeySchedule, clock: &Clock) -> Result<Keeper, StartError> {
    let anchors = anchors(config)?;
    let answerer = Answerer::new(config, anchors.clone(), Arc::clone(clock))?;
    let (host, operator) = (config.host.clone(), config.operator.clone());
    Ok(Keeper::new(host, operator, anchors, schedule, answerer))
}

/// The anchors that `config` names.
///
/// # Errors
///
/// [`StartError::AnchorFile`] and [`StartError::Anchor`].
pub fn anchors(config: &Config) -> Result<Anchors, StartError> {
    let Some(path) = &config.dns.anchor else {
        return Ok(Anchors::iana());
    };
    let text = fs::read_to_string(path).map_err(|source| StartError::AnchorFile {
        path: path.clone(),
        source,
    })?;
    Anchors::parse(&text).map_err(|source| StartError::Anchor {
        path: path.clone(),
        source,
    })
}

impl Gateway {
    /// Starts a gateway by the machine's clock. It serves when it returns; [`Running::ready`] tells when it also
    /// has keys that the DNS vouches for.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(
        config: Config,
        observer: Option<Arc<dyn Observe>>,
    ) -> Result<Running, StartError> {
        Self::start_at(config, observer, Time::default()).await
    }

    /// Starts a gateway by the clock in `time`.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start_at(
        config: Config,
        observer: Option<Arc<dyn Observe>>,
        time: Time,
    ) -> Result<Running, StartError> {
        let config = config.checked()?;
        let relays = Relays::load(&config.relay, config.open_to_any_relay)?;
        let schedule = KeySchedule::open(StateFile::at(&config.keys.state), (time.clock)())?;
        let keeper = keeper(&config, schedule, &time.clock)?;
        let metrics = Metrics::new();
        let shared = Arc::new(Shared {
            host: config.host.clone(),
            keeper,
            relays: ArcSwap::from_pointee(relays),
            observer,
            counters: Counters::new(
                &metrics,
                config.relay.iter().map(|relay| relay.name.as_str()),
            ),
            permits: Semaphore::new(config.limits.max_requests.min(Semaphore::MAX_PERMITS)),
            limits: config.limits.clone(),
            clock: Arc::clone(&time.clock),
        });

        let readiness = Readiness::new();
        let server = Server::bind(
            &config.listen,
            router(Arc::clone(&shared)),
            config.limits.server(),
        )
        .await?
        .expose_peer()
        .with_metrics(&metrics);
        let operator = match &config.admin {
            Some(listener) => {
                let routes = admin::router(readiness.clone(), metrics.clone());
                Some(
                    Server::bind(&plain(listener.address), routes, ServerLimits::default())
                        .await
                        .map_err(StartError::Admin)?,
                )
            }
            None => None,
        };
        let mut daemon = sotto_daemon::Running::start(server, operator, readiness.clone(), metrics);
        let (told, ready) = watch::channel(false);
        daemon.spawn(tend(Arc::clone(&shared), time, readiness, told));
        Ok(Running {
            address: daemon.address,
            admin: daemon.admin,
            daemon,
            config,
            shared,
            ready,
        })
    }
}

impl Running {
    /// Waits until there is a key document to serve.
    pub async fn ready(&self) {
        // An error would say that tending ended, which happens only with the gateway.
        let _ = self.ready.clone().wait_for(|ready| *ready).await;
    }

    /// Ends in order: not ready, no new connections, requests finished.
    pub async fn shutdown(self) {
        self.daemon.shutdown().await;
    }

    /// Serves until SIGTERM or SIGINT; on SIGHUP reads the certificate and the relays' tokens again.
    pub async fn until_told(self, signals: Signals) {
        let Self {
            daemon,
            config,
            shared,
            ..
        } = self;
        daemon
            .until_told(signals, move || {
                match Relays::load(&config.relay, config.open_to_any_relay) {
                    Ok(relays) => {
                        shared.relays.store(Arc::new(relays));
                        tracing::info!("relays' tokens read again");
                    }
                    Err(error) => tracing::error!(%error, "relays' tokens not replaced"),
                }
            })
            .await;
    }
}

/// Keeps the keys in step with time, and tells whether the gateway is ready.
async fn tend(shared: Arc<Shared>, time: Time, readiness: Readiness, told: watch::Sender<bool>) {
    let mut ticks = interval(time.tending);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        ticks.tick().await;
        let (now, tending) = ((time.clock)(), Arc::clone(&shared));
        // A task of its own: should it panic, the next one still comes.
        let tended = tokio::spawn(async move { tending.keeper.tend(now).await }).await;
        let news = match tended {
            Ok(Ok(Tended::Waiting)) => None,
            Ok(Ok(Tended::Proved)) => Some(Ok(())),
            Ok(Err(error)) => Some(Err(error.to_string())),
            Err(_) => Some(Err("tending the keys failed; please report this".to_owned())),
        };
        let ready = shared.keeper.document().is_some();
        // Once for every change, not once for every tick.
        if news.is_some() && last != news {
            match &news {
                Some(Err(error)) => {
                    tracing::error!(error, "the keys cannot be served as they should be");
                }
                _ => tracing::info!("the keys in use are proved by the DNS"),
            }
            last = news;
        }
        shared
            .counters
            .keys(shared.keeper.epochs_published(), ready);
        readiness.set_ready(ready);
        told.send_replace(ready);
    }
}

fn plain(address: SocketAddr) -> Listen {
    Listen {
        address,
        tls: None,
        plain_http: true,
    }
}
