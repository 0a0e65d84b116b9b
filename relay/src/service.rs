//! What a relay does with one request: whose it is, whether there is room, who gets it, when it leaves.

use std::{
    collections::HashMap,
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use rustls::crypto::SecureRandom;
use sotto_daemon::{
    clock::{self, Stopwatch},
    metrics::Metrics,
};
use sotto_wire::media;
use tokio::{sync::Semaphore, task::JoinHandle, time::timeout};

use crate::{
    Config, Observe, Refusal, RelayView, StartError,
    body::{self, ReadError},
    forward::Gateway,
    headers::{self, Answer},
    keys::Kind,
    loops::{Flight, InFlight},
    metrics::{self, Outcomes},
    mixing::mixer::{Mixer, NoRandomness, Place},
    proxy::{self, Payer},
    quota::{self, Prefix, Quota},
    regardless::Regardless,
    resource::Resource,
};

/// What outlives a change of the configuration.
pub(crate) struct Lasting {
    pub(crate) observer: Option<Arc<dyn Observe>>,
    random: &'static dyn SecureRandom,
    origin: Stopwatch,
    quota: Mutex<Quota>,
    in_flight: Arc<InFlight>,
}

/// The system gave no randomness to start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness; look at its log")]
pub struct NoKey;

impl Lasting {
    pub(crate) fn new(config: &Config, observer: Option<Arc<dyn Observe>>) -> Result<Self, NoKey> {
        let random = sotto_daemon::tls::provider().secure_random;
        let origin = Stopwatch::start();
        let key = quota::Key::new(draw(random)?);
        Ok(Self {
            observer,
            random,
            origin,
            quota: Mutex::new(Quota::new(config.quota, key, Duration::ZERO)),
            in_flight: InFlight::new(draw(random)?),
        })
    }

    /// Takes what a request costs from the quota of where it comes from; false if there is none left.
    fn admits(&self, config: &Config, peer: Option<SocketAddr>, fields: &HeaderMap) -> bool {
        let Some(peer) = peer else { return true };
        match proxy::payer(config.proxy.as_ref(), peer.ip(), fields) {
            Payer::Local => true,
            Payer::Address(address) => {
                let prefix = Prefix::of(address);
                self.with_quota(|quota, now| quota.take(prefix, now))
            }
        }
    }

    pub(crate) fn set_rate(&self, rate: quota::Rate) {
        self.with_quota(|quota, _| quota.set_rate(rate));
    }

    /// Changes the key of the quota when it is time, and destroys the one before.
    pub(crate) fn age(&self) {
        self.with_quota(|quota, now| {
            if quota.is_due(now) {
                match draw(self.random) {
                    Ok(octets) => quota.rotate(quota::Key::new(octets), now),
                    Err(error) => tracing::error!(%error, "the key of the quota stays"),
                }
            }
            quota.forget(now);
        });
    }

    fn with_quota<T>(&self, work: impl FnOnce(&mut Quota, Duration) -> T) -> T {
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut quota, self.origin.elapsed())
    }
}

fn draw(random: &dyn SecureRandom) -> Result<[u8; 16], NoKey> {
    let mut octets = [0; 16];
    random.fill(&mut octets).map_err(|_| NoKey)?;
    Ok(octets)
}

/// What every request needs, made from one configuration.
pub(crate) struct Service {
    pub(crate) config: Config,
    gateways: HashMap<String, Arc<Served>>,
    description: Bytes,
    elsewhere: Outcomes,
    places: Arc<Semaphore>,
    mixer: Arc<Mixer>,
}

/// A gateway and the work that keeps its keys.
pub(crate) struct Served {
    pub(crate) gateway: Arc<Gateway>,
    refresh: OnceLock<Ending<()>>,
}

/// A task that ends when nobody needs it any more.
struct Ending<T>(JoinHandle<T>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Served {
    /// Has `work` done for as long as the gateway is served, if nothing is yet.
    pub(crate) fn keep(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.refresh.get_or_init(|| Ending(tokio::spawn(work)));
    }
}

/// What a request names.
enum Target<'a> {
    Description,
    Resource(&'a Arc<Gateway>),
    Keys(&'a Gateway),
    Nothing,
}

/// A request that is forwarded, from where its content is there to where its answer leaves.
struct Passage {
    gateway: Arc<Gateway>,
    mixer: Arc<Mixer>,
    place: Place,
    flight: Flight,
    content: Bytes,
}

impl Passage {
    async fn pass(self) -> Result<Answer, Refusal> {
        let unmixed = |NoRandomness| Refusal::Overloaded;
        self.mixer.hold(&self.place).await.map_err(unmixed)?;
        let stopwatch = Stopwatch::start();
        let answer = self.gateway.forward(self.content).await;
        self.gateway.metrics.exchange.record(stopwatch.elapsed());
        // Known for any longer, the envelope would tell the gateway, which could send it here again and again, when mixing
        // lets the answer go.
        drop(self.flight);
        self.mixer.hold(&self.place).await.map_err(unmixed)?;
        Ok(match answer {
            Answer::Content(media_type, content) => {
                let placed = Placed {
                    content,
                    _place: self.place,
                };
                Answer::Content(media_type, Bytes::from_owner(placed))
            }
            other => other,
        })
    }
}

/// An answer that takes up its request's place until the last octet of it has left, however slowly its client takes it.
struct Placed {
    content: Bytes,
    _place: Place,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Service {
    /// All that a relay of this configuration needs but its listeners; else every reason against it, at least one.
    /// A gateway that `before` served by the same words goes on as it is.
    pub(crate) fn new(
        config: &Config,
        metrics: &Metrics,
        before: Option<&Self>,
    ) -> Result<Self, Vec<StartError>> {
        let contradictions = config.contradictions().into_iter().map(StartError::from);
        let mut problems: Vec<StartError> = contradictions.collect();
        let before = before.filter(|before| before.config.limits == config.limits);
        let mut gateways = HashMap::new();
        for (index, gateway) in config.gateways.iter().enumerate() {
            let host = gateway.host.to_string();
            let served = before
                .filter(|before| before.config.gateways.contains(gateway))
                .and_then(|before| before.gateways.get(&host));
            if let Some(served) = served {
                gateways.insert(host, Arc::clone(served));
                continue;
            }
            match Gateway::new(index, gateway, config.limits, metrics) {
                Ok(gateway) => {
                    let served = Served {
                        gateway: Arc::new(gateway),
                        refresh: OnceLock::new(),
                    };
                    gateways.insert(host, Arc::new(served));
                }
                Err(found) => problems.extend(found.into_iter().map(StartError::from)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let room = || Semaphore::new(config.limits.max_requests.min(Semaphore::MAX_PERMITS));
        Ok(Self {
            gateways,
            description: serde_json::to_vec(&config.description())
                .expect("a description is strings and numbers")
                .into(),
            elsewhere: Outcomes::new(metrics, ""),
            places: before.map_or_else(|| Arc::new(room()), |before| Arc::clone(&before.places)),
            mixer: Mixer::new(
                config.mixing,
                sotto_daemon::tls::provider().secure_random,
                metrics::held(metrics),
            ),
            config: config.clone(),
        })
    }

    /// The gateways that are forwarded to.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.gateways.values()
    }

    /// Answers one request.
    pub(crate) async fn answer(
        &self,
        lasting: &Lasting,
        parts: &Parts,
        peer: Option<SocketAddr>,
        content: Body,
    ) -> Answer {
        let target = self.target(parts);
        let outcomes = match &target {
            Target::Resource(gateway) => &gateway.metrics.outcomes,
            Target::Keys(gateway) => &gateway.metrics.outcomes,
            Target::Description | Target::Nothing => &self.elsewhere,
        };
        let answer = if lasting.admits(&self.config, peer, &parts.headers) {
            match (target, &parts.method) {
                (Target::Nothing, _) => Answer::Refused(Refusal::UnknownResource),
                (_, &Method::OPTIONS) if self.config.cors.answers_preflights() => Answer::Preflight,
                (Target::Description, &Method::GET) => {
                    Answer::Content(media::JSON, self.description.clone())
                }
                (Target::Resource(gateway), &Method::POST) => self
                    .forward(lasting, gateway, parts, peer, content)
                    .await
                    .unwrap_or_else(Answer::Refused),
                (Target::Resource(gateway), &Method::GET) => self.keys(gateway, Kind::List),
                (Target::Keys(gateway), &Method::GET) => self.keys(gateway, Kind::Document),
                _ => Answer::Refused(Refusal::Method),
            }
        } else {
            Answer::Refused(Refusal::Quota)
        };
        outcomes.count(&answer);
        answer
    }

    fn target(&self, parts: &Parts) -> Target<'_> {
        // No resource of ours has a query, and what it may hold is none of our business.
        if parts.uri.query().is_some() {
            return Target::Nothing;
        }
        let gateway = |host| self.gateways.get(host).map(|served| &served.gateway);
        match Resource::of(parts.uri.path()) {
            Some(Resource::Description) => Target::Description,
            Some(Resource::Gateway(host)) => {
                gateway(host).map_or(Target::Nothing, Target::Resource)
            }
            Some(Resource::Keys(host)) => {
                gateway(host).map_or(Target::Nothing, |gateway| Target::Keys(gateway))
            }
            None => Target::Nothing,
        }
    }

    fn keys(&self, gateway: &Gateway, kind: Kind) -> Answer {
        gateway
            .keys
            .current(kind, clock::now(), self.config.limits.key_stale_s)
            .map_or(Answer::Refused(Refusal::NoKeys), |content| {
                Answer::Content(kind.media_type(), content)
            })
    }

    async fn forward(
        &self,
        lasting: &Lasting,
        gateway: &Arc<Gateway>,
        parts: &Parts,
        peer: Option<SocketAddr>,
        content: Body,
    ) -> Result<Answer, Refusal> {
        headers::judge_request(&parts.headers, gateway.body)?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = Arc::new(place.map_err(|_| Refusal::Overloaded)?);
        let content = self.read(gateway, content).await?;
        let (key_id, request_bytes) = (content[0], content.len());
        let passage = Passage {
            gateway: Arc::clone(gateway),
            mixer: Arc::clone(&self.mixer),
            place,
            flight: lasting.in_flight.enter(&content).ok_or(Refusal::Loop)?,
            content,
        };
        let answer = Regardless::of(passage.pass()).await?;

        if let (Some(observer), Some(client)) = (&lasting.observer, peer) {
            observer.forwarded(&RelayView {
                client,
                gateway: gateway.host.clone(),
                key_id,
                request_bytes,
                answer_bytes: match &answer {
                    Answer::Content(_, content) => content.len(),
                    Answer::Preflight => 0,
                    Answer::Refused(refusal) => refusal.problem().to_json().len(),
                },
                status: answer.status().as_u16(),
                at: clock::now(),
            });
        }
        Ok(answer)
    }

    /// The content of a POST, of a size that is forwarded; so it is never empty.
    async fn read(&self, gateway: &Gateway, content: Body) -> Result<Bytes, Refusal> {
        let limits = &self.config.limits;
        let content = timeout(
            limits.body_timeout(),
            body::read(content, gateway.body.max_request(), limits.body_idle()),
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
