//! From a question to the octets of its proof: what is allowed, what is kept, what is asked.
//!
//! Architecture Invariant: no name is logged or put into an error here; a failure is a status.

mod allow_list;
pub(crate) mod gather;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use rustls::ClientConfig;
use sotto_daemon::roots::{self, RootsError};
use sotto_envelope::ProofQuery;
use sotto_proof::{
    Anchors, Limits, Proof, Question, RecordType, SignatureMemory, Verdict, Verification,
    message::Response, rdata::soa_minimum, verify, verify_with_memory,
};
use tokio::time::timeout;

use crate::{
    ageing::Life,
    cache::{AgingCache, Flights, Kept, NoOutcome},
    clock::Clock,
    config::{Config, Dns, Names, Server},
    resolver::{ResolveError, Resolver, Upstream, system_resolvers},
};
pub(crate) use allow_list::AllowList;
use gather::{GatherError, gather};

/// Octets for keys and delegations of zones, shared by all proofs: some 8,000 zones.
const ZONE_CACHE_OCTETS: u64 = 16 << 20;

/// Good signature checks remembered, 32 octets each: those of some 8,000 zones.
const REMEMBERED_SIGNATURES: usize = 65_536;

/// Proofs being gathered at once, those included whose askers have gone.
const MAX_GATHERING: usize = 8_192;

/// What the gateway says to a question, before it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// 200 with a proof, of absence too; 400 for a question that cannot be asked; 403 for one that
    /// is not answered here; 502 and 504 if the resolver fails or is silent; 503 if too many
    /// proofs are being gathered.
    pub(crate) status: u16,
    /// The RFC 9102 sequence of RRs; empty unless the status is 200.
    pub(crate) proof: Arc<[u8]>,
    /// Whether the proof was at hand.
    pub(crate) cached: bool,
}

/// Why no answerer can be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum AnswererError {
    /// A name in the configuration is none.
    #[error("{0}")]
    Name(String),
    /// The system's resolvers are not known.
    #[error(
        "dns.resolver is not set and /etc/resolv.conf cannot be read ({0}); set it, e.g. resolver = \"127.0.0.1:53\""
    )]
    Resolvers(#[source] io::Error),
    /// Nobody's certificate could be judged.
    #[error("dns: {0}")]
    Roots(#[source] RootsError),
}

/// Answers questions.
pub(crate) struct Answerer<U = Resolver>(Arc<Inner<U>>);

struct Inner<U> {
    upstream: U,
    allow_list: ArcSwap<AllowList>,
    anchors: Anchors,
    patience: Duration,
    clock: Clock,
    /// Signature checks that were good: proofs of one zone have all but the last in common.
    signatures: Mutex<SignatureMemory>,
    proofs: AgingCache<Arc<[u8]>>,
    gathering: Flights<Result<Arc<[u8]>, Failure>>,
    zones: AgingCache<Arc<Response>>,
    asking: Flights<Result<Arc<Response>, ResolveError>>,
}

/// Why there is no proof, as far as a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The resolver failed, or what it says makes no proof.
    Resolver,
    /// The resolver was silent.
    Timeout,
    /// Too much is under way.
    Busy,
}

/// Whether keys and delegations of zones may come from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zones {
    Kept,
    Asked,
}

/// A response about a zone that went into a proof, and whether it was at hand.
struct ZoneResponse {
    asked: Question,
    response: Arc<Response>,
    cached: bool,
}

impl Answerer {
    /// An answerer that asks the configured resolver, verifies by `anchors`, and tells the time by `clock`.
    ///
    /// # Errors
    ///
    /// [`AnswererError`].
    pub(crate) fn new(
        config: &Config,
        anchors: Anchors,
        clock: Clock,
    ) -> Result<Self, AnswererError> {
        let (servers, tls) = upstreams(&config.dns)?;
        let resolver = Resolver::new(servers, config.dns.timeout(), &tls);
        Self::over(resolver, config, anchors, clock)
    }
}

/// The resolvers to ask, and whom to believe of those that speak TLS.
///
/// # Errors
///
/// [`AnswererError::Resolvers`] and [`AnswererError::Roots`].
pub(crate) fn upstreams(dns: &Dns) -> Result<(Vec<Server>, ClientConfig), AnswererError> {
    let servers = if dns.resolver.is_empty() {
        system_resolvers().map_err(AnswererError::Resolvers)?
    } else {
        dns.resolver.clone()
    };
    let tls = if servers.iter().any(|server| server.tls.is_some()) {
        roots::client_config(dns.ca.as_deref()).map_err(AnswererError::Roots)?
    } else {
        roots::believes_nobody()
    };
    Ok((servers, tls))
}

/// Reads which names the gateway `host` is to prove, for [`Answerer::allow`].
///
/// # Errors
///
/// [`AnswererError::Name`].
pub(crate) fn allow_list(host: &str, names: &Names) -> Result<AllowList, AnswererError> {
    AllowList::new(host, names.mimi_type, &names.suffixes)
        .map_err(|error| AnswererError::Name(error.to_string()))
}

impl<U: Upstream> Answerer<U> {
    fn over(
        upstream: U,
        config: &Config,
        anchors: Anchors,
        clock: Clock,
    ) -> Result<Self, AnswererError> {
        let allow_list = allow_list(&config.host, &config.names)?;
        Ok(Self(Arc::new(Inner {
            upstream,
            allow_list: ArcSwap::from_pointee(allow_list),
            anchors,
            patience: config.dns.timeout(),
            clock,
            signatures: Mutex::new(SignatureMemory::new(REMEMBERED_SIGNATURES)),
            proofs: AgingCache::new(config.cache.max_bytes),
            gathering: Flights::new(MAX_GATHERING),
            zones: AgingCache::new(config.cache.max_bytes.min(ZONE_CACHE_OCTETS)),
            asking: Flights::new(MAX_GATHERING),
        })))
    }

    /// Whether each resolver responded when it was last asked, as they are listed.
    pub(crate) fn resolvers(&self) -> Vec<bool> {
        self.0.upstream.standings()
    }

    /// Proves the names in `list` from now on, and no others.
    pub(crate) fn allow(&self, list: AllowList) {
        self.0.allow_list.store(Arc::new(list));
    }

    /// Answers a query.
    pub(crate) async fn answer(&self, query: &ProofQuery) -> Answered {
        let (Ok(name), Ok(rtype)) = (query.name.parse(), query.rtype.parse()) else {
            return Answered::failed(400);
        };
        let question = Question { name, rtype };
        if !self.0.allow_list.load().allows(&question) {
            return Answered::failed(403);
        }
        let kept = self.0.proofs.get(&question, (self.0.clock)());
        match kept {
            Some(kept) if kept.age.is_fresh => {
                if kept.age.is_due {
                    self.refresh(question);
                }
                Answered::proved(kept.value, true)
            }
            stale => match (self.gathered(question).await, stale) {
                (Ok(proof), _) => Answered::proved(proof, false),
                (Err(_), Some(stale)) => Answered::proved(stale.value, true),
                (Err(failure), None) => Answered::failed(failure.status()),
            },
        }
    }

    /// Answers the gateway's own `question` by what the DNS says now, whatever is at hand.
    pub(crate) async fn answer_anew(&self, question: Question) -> Answered {
        match self.gathered(question).await {
            Ok(proof) => Answered::proved(proof, false),
            Err(failure) => Answered::failed(failure.status()),
        }
    }

    async fn gathered(&self, question: Question) -> Result<Arc<[u8]>, Failure> {
        let work = self.gathering(question.clone());
        match self.0.gathering.join(question, work).await {
            Ok(outcome) => outcome,
            Err(NoOutcome::Full) => Err(Failure::Busy),
            Err(NoOutcome::Lost) => Err(Failure::Resolver),
        }
    }

    /// Gathers anew what is asked for and about to age, while the asker has what is at hand. Where too much is under way
    /// already, the next asker sees to it.
    fn refresh(&self, question: Question) {
        let work = self.gathering(question.clone());
        let _begun: Result<_, NoOutcome> = self.0.gathering.begin(question, work);
    }

    fn gathering(
        &self,
        question: Question,
    ) -> impl FnOnce() -> BoxFuture<'static, Result<Arc<[u8]>, Failure>> + use<U> {
        let inner = Arc::clone(&self.0);
        move || {
            Box::pin(async move {
                let patience = inner.patience;
                timeout(patience, inner.prove(question))
                    .await
                    .unwrap_or(Err(Failure::Timeout))
            })
        }
    }
}

impl<U: Upstream> Inner<U> {
    /// Gathers, verifies and keeps one proof.
    async fn prove(self: Arc<Self>, question: Question) -> Result<Arc<[u8]>, Failure> {
        let (mut proof, mut zones) = self.gather(&question, Zones::Kept).await?;
        let mut verification = self.verify(&proof, &question);
        if is_bogus(&verification) && zones.iter().any(|zone| zone.cached) {
            // Keys may have changed since they were kept.
            (proof, zones) = self.gather(&question, Zones::Asked).await?;
            verification = self.verify(&proof, &question);
        }
        let octets: Arc<[u8]> = proof.into_bytes().into();
        // A proof that does not hold here may be judged otherwise by whoever asked, so it is sent;
        // the next one who asks shall not be stuck with it.
        if !is_bogus(&verification) {
            self.keep(question, &octets, zones, &verification);
        }
        Ok(octets)
    }

    fn verify(&self, proof: &Proof, question: &Question) -> Verification {
        let (octets, anchors, now) = (proof.as_bytes(), &self.anchors, (self.clock)());
        let limits = Limits::default();
        // Nobody waits for a memory that another verification has in its hands.
        match self.signatures.try_lock() {
            Ok(mut memory) => {
                verify_with_memory(octets, question, anchors, now, &limits, &mut memory)
            }
            Err(_) => verify(octets, question, anchors, now, &limits),
        }
    }

    /// Keeps a proof that holds, and what it says of zones.
    fn keep(
        &self,
        question: Question,
        proof: &Arc<[u8]>,
        zones: Vec<ZoneResponse>,
        verification: &Verification,
    ) {
        let now = (self.clock)();
        let Some(validity) = verification.validity else {
            return;
        };
        let valid = validity.until.saturating_sub(now);
        for zone in zones.into_iter().filter(|zone| !zone.cached) {
            let life = Life::of_zone(lowest_ttl(&zone.response), valid);
            let octets = octets_of(&zone.response);
            self.zones.put(zone.asked, zone.response, octets, now, life);
        }
        let life = Life::of_proof(verification.cache_ttl.map_or(0, u64::from), valid);
        self.proofs
            .put(question, Arc::clone(proof), proof.len(), now, life);
    }

    async fn gather(
        self: &Arc<Self>,
        question: &Question,
        from: Zones,
    ) -> Result<(Proof, Vec<ZoneResponse>), Failure> {
        let zones = Arc::new(Mutex::new(Vec::new()));
        let fetch = |asked: Question| {
            let (inner, zones) = (Arc::clone(self), Arc::clone(&zones));
            async move {
                if !matches!(asked.rtype, RecordType::DNSKEY | RecordType::DS) {
                    return inner.upstream.ask(&asked).await.map(Arc::new);
                }
                let (response, cached) = inner.zone_response(&asked, from).await?;
                let zone = ZoneResponse {
                    asked,
                    response: Arc::clone(&response),
                    cached,
                };
                zones
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(zone);
                Ok(response)
            }
        };
        let proof = gather(question.clone(), fetch).await?;
        let zones = std::mem::take(&mut *zones.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((proof, zones))
    }

    /// Keys or delegation of a zone, and whether they were at hand.
    async fn zone_response(
        self: &Arc<Self>,
        asked: &Question,
        from: Zones,
    ) -> Result<(Arc<Response>, bool), ResolveError> {
        let kept = match from {
            Zones::Kept => self.zones.get(asked, (self.clock)()),
            Zones::Asked => None,
        };
        let at_hand =
            |kept: &Kept<Arc<Response>>| (Arc::new(aged(&kept.value, kept.age.seconds)), true);
        if let Some(kept) = kept.as_ref().filter(|kept| !kept.age.is_due) {
            return Ok(at_hand(kept));
        }
        let inner = Arc::clone(self);
        let question = asked.clone();
        let work = || async move { inner.upstream.ask(&question).await.map(Arc::new) };
        let response = self.asking.join(asked.clone(), work).await;
        match (response.unwrap_or(Err(ResolveError::Timeout)), kept) {
            (Ok(response), _) => Ok((response, false)),
            // Old, but not too old: a proof must not live as short as what is left of it, if that can be helped.
            (Err(_), Some(kept)) => Ok(at_hand(&kept)),
            (Err(error), None) => Err(error),
        }
    }
}

impl Answered {
    fn proved(proof: Arc<[u8]>, cached: bool) -> Self {
        Self {
            status: 200,
            proof,
            cached,
        }
    }

    fn failed(status: u16) -> Self {
        Self {
            status,
            proof: Arc::default(),
            cached: false,
        }
    }
}

impl Failure {
    const fn status(self) -> u16 {
        match self {
            Self::Resolver => 502,
            Self::Busy => 503,
            Self::Timeout => 504,
        }
    }
}

impl From<GatherError> for Failure {
    fn from(error: GatherError) -> Self {
        match error {
            GatherError::Resolve(ResolveError::Timeout) => Self::Timeout,
            GatherError::Resolve(_) | GatherError::Prove(_) => Self::Resolver,
        }
    }
}

fn is_bogus(verification: &Verification) -> bool {
    matches!(verification.verdict, Verdict::Bogus(_))
}

/// The lowest TTL in a response; of a denial no more than the SOA allows (RFC 2308 section 5).
fn lowest_ttl(response: &Response) -> u64 {
    let minimum = |record: &sotto_proof::Record| match record.rtype {
        RecordType::SOA => soa_minimum(&record.rdata)
            .unwrap_or(0)
            .min(record.lifetime()),
        _ => record.lifetime(),
    };
    let sections = response.answer.iter().chain(&response.authority);
    sections.map(minimum).min().map_or(0, u64::from)
}

/// The response with the TTLs that it has after `age` seconds.
fn aged(response: &Response, age: u64) -> Response {
    let age = u32::try_from(age).unwrap_or(u32::MAX);
    let mut aged = response.clone();
    for record in aged.answer.iter_mut().chain(&mut aged.authority) {
        record.ttl = record.ttl.saturating_sub(age);
    }
    aged
}

fn octets_of(response: &Response) -> usize {
    let sections = response.answer.iter().chain(&response.authority);
    sections.map(sotto_proof::codec::encoded_len).sum()
}
