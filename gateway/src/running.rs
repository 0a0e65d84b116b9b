//! A gateway from its configuration to its end.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use axum::response::IntoResponse;
use sotto_daemon::{
    Server, ServerError, ServerLimits,
    admin::{self, Readiness},
    config::Listen,
    metrics::Metrics,
    signals::Signals,
};
use sotto_envelope::Epoch;
use sotto_proof::{AnchorError, Anchors};
use tokio::sync::{Semaphore, watch};

use crate::{
    answer::{Answerer, AnswererError},
    clock::{Clock, Time},
    config::{Config, ConfigProblem},
    http::{Shared, router},
    keeper::{Keeper, KeeperError, Standing},
    key_document::GRACE_SECONDS,
    keys::{KeySchedule, ScheduleError, StateFile, StateFileError},
    metrics::Counters,
    observe::Observe,
    refusal::Refusal,
    relays::{Relays, RelaysError},
    reload::Reload,
    replays::Replays,
    tending::{Tending, tend},
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
    /// The state file could not be replaced, so that past keys would never be destroyed.
    #[error(transparent)]
    State(#[from] StateFileError),
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
    /// The system gives no randomness.
    #[error(
        "the operating system gives no randomness; check that /dev/urandom or getrandom(2) is there"
    )]
    Randomness,
    /// The relays' listener does not open.
    #[error("{}", .0.at("listen"))]
    Listen(#[from] ServerError),
    /// The operator's listener does not open.
    #[error("{}", .0.at("admin"))]
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
    shared: Arc<Shared>,
    tending: watch::Receiver<Tending>,
}

/// What the DNS says of a gateway's keys.
#[derive(Debug)]
pub struct KeyCheck {
    /// How many epochs from the present one on the DNS carries without a gap.
    pub epochs_published: u64,
    /// The epoch that is offered though it is over, since the DNS carries no later one, and the Unix time until which it is.
    pub over: Option<(Epoch, u64)>,
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
    let looked = keeper.look(now).await;
    Ok(KeyCheck {
        epochs_published: keeper.epochs_published().unwrap_or(0),
        over: match looked {
            Ok(Standing::Over(epoch)) => Some((epoch, epoch.end().saturating_add(GRACE_SECONDS))),
            _ => None,
        },
        problem: looked.err(),
    })
}

fn keeper(config: &Config, schedule: KeySchedule, clock: &Clock) -> Result<Keeper, StartError> {
    let anchors = anchors(config, clock())?;
    let answerer = Answerer::new(config, anchors.clone(), Arc::clone(clock))?;
    let (host, operator) = (config.host.clone(), config.operator.clone());
    Ok(Keeper::new(host, operator, anchors, schedule, answerer))
}

/// All that a gateway is made of but its listeners.
struct Parts {
    config: Config,
    relays: Relays,
    keeper: Keeper,
}

impl Parts {
    /// Makes them; else tells every reason against it, at least one.
    fn new(config: Config, clock: &Clock) -> Result<Self, Vec<StartError>> {
        let (config, found) = config.examined();
        // The gateway's own key name is made of its host.
        let has_host = !found
            .iter()
            .any(|problem| matches!(problem, ConfigProblem::NotADomain { key: "host", .. }));
        let mut problems: Vec<StartError> = found.into_iter().map(StartError::from).collect();
        problems.extend(config.listen.certificates().err().map(StartError::from));
        let relays = admitted(&config, None)
            .map_err(|found| problems.extend(found.into_iter().map(StartError::from)));
        let schedule = writable(&config, clock()).map_err(|problem| problems.push(problem));
        let anchors = anchors(&config, clock()).map_err(|problem| problems.push(problem));
        // Without anchors there is no start; what else is wrong shows whichever they are.
        let any = anchors.clone().unwrap_or_else(|()| Anchors::iana());
        let answerer = if has_host {
            Answerer::new(&config, any, Arc::clone(clock))
                .map_err(|problem| problems.push(problem.into()))
        } else {
            Err(())
        };
        match (relays, schedule, anchors, answerer) {
            (Ok(relays), Ok(schedule), Ok(anchors), Ok(answerer)) if problems.is_empty() => {
                let (host, operator) = (config.host.clone(), config.operator.clone());
                Ok(Self {
                    relays,
                    keeper: Keeper::new(host, operator, anchors, schedule, answerer),
                    config,
                })
            }
            _ => Err(problems),
        }
    }
}

/// The relays that `config` admits; those that are among `before` go on with what they have left of their rates.
pub(crate) fn admitted(
    config: &Config,
    before: Option<&Relays>,
) -> Result<Relays, Vec<RelaysError>> {
    Relays::load(
        &config.relay,
        config.open_to_any_relay,
        config.unlisted_requests_per_second,
        before,
    )
}

/// The key schedule at the time `now`, of a state file that can be replaced.
fn writable(config: &Config, now: u64) -> Result<KeySchedule, StartError> {
    let schedule = KeySchedule::open(StateFile::at(&config.keys.state), now)?;
    schedule.try_write()?;
    Ok(schedule)
}

/// The anchors that `config` names, as they are valid at the time `now`.
///
/// # Errors
///
/// [`StartError::AnchorFile`] and [`StartError::Anchor`].
fn anchors(config: &Config, now: u64) -> Result<Anchors, StartError> {
    let Some(path) = &config.dns.anchor else {
        return Ok(Anchors::iana());
    };
    let text = fs::read_to_string(path).map_err(|source| StartError::AnchorFile {
        path: path.clone(),
        source,
    })?;
    Anchors::parse_at(&text, now).map_err(|source| StartError::Anchor {
        path: path.clone(),
        source,
    })
}

impl Gateway {
    /// Finds everything that would keep a gateway from starting at the time `now`, without listening or asking the DNS:
    /// values, names, certificates, tokens, anchors, keys. It tries to write beside the key state.
    #[must_use]
    pub fn check(config: Config, now: u64) -> Vec<StartError> {
        let clock: Clock = Arc::new(move || now);
        Parts::new(config, &clock).err().unwrap_or_default()
    }

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
        let Parts {
            config,
            relays,
            keeper,
        } = Parts::new(config, &time.clock).map_err(|mut problems| problems.swap_remove(0))?;
        let metrics = Metrics::new();
        let counters = Counters::new(&metrics, keeper.answerer().resolvers().len());
        counters.relays(config.relay.iter().map(|relay| relay.name.as_str()));
        let shared = Arc::new(Shared {
            host: config.host.clone(),
            keeper,
            relays: ArcSwap::from_pointee(relays),
            observer,
            counters,
            replays: Replays::new(config.privacy.replay_entries).ok_or(StartError::Randomness)?,
            permits: Semaphore::new(config.limits.max_requests.min(Semaphore::MAX_PERMITS)),
            waiting: Semaphore::new(config.limits.max_waiting.min(Semaphore::MAX_PERMITS)),
            answer_step: config.privacy.answer_step(),
            limits: config.limits.clone(),
            clock: Arc::clone(&time.clock),
        });

        if shared.answer_step.is_zero() {
            tracing::warn!(
                "privacy.answer_step_ms = 0: relays can tell by the time which names others have just asked for"
            );
        }
        let readiness = Readiness::new();
        let server = Server::bind(
            &config.listen,
            router(Arc::clone(&shared)),
            config.limits.server(),
        )
        .await?
        .expose_peer()
        .ask_for_certificates()
        .meet_strangers()
        .refuse_beyond(config.limits.max_requests, {
            let shared = Arc::clone(&shared);
            move || shared.refused(Refusal::Busy).into_response()
        })
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
        let (told, tending) = watch::channel(Tending::default());
        daemon.spawn(tend(Arc::clone(&shared), time, readiness, told));
        Ok(Running {
            address: daemon.address,
            admin: daemon.admin,
            daemon,
            shared,
            tending,
        })
    }
}

impl Running {
    /// Waits until there is a key document to serve.
    pub async fn ready(&self) {
        // An error would say that tending ended, which happens only with the gateway.
        let _ = self.tending.clone().wait_for(|now| now.ready).await;
    }

    /// Waits until the keys have been brought in step with the clock as it stands now.
    pub async fn tended(&self) {
        let mut tending = self.tending.clone();
        // The round that is under way may have looked at the clock before.
        let enough = tending.borrow().rounds + 2;
        let _ = tending.wait_for(|now| now.rounds >= enough).await;
    }

    /// Ends in order: not ready, no new connections, requests finished.
    pub async fn shutdown(self) {
        self.daemon.shutdown().await;
    }

    /// Serves until SIGTERM or SIGINT; on SIGHUP reads the certificate again, and from the configuration in `file` the
    /// relays, their tokens, and the names that are proved.
    pub async fn until_told(self, signals: Signals, file: &Path) {
        let Self { daemon, shared, .. } = self;
        let reload = Reload::of(file);
        daemon
            .until_told(signals, move || reload.run(&shared))
            .await;
    }
}

fn plain(address: SocketAddr) -> Listen {
    Listen {
        address,
        tls: None,
        plain_http: true,
    }
}
