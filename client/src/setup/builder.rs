//! How a [`Setup`] comes about.

use std::collections::HashSet;
use std::sync::Arc;

use sotto_mimi::{DEFAULT_MIMI_TYPE, Domain, PRIVATE_USE_TYPES, TieBreak};
use sotto_proof::{Anchors, Limits};

use super::{
    AnotherGateway, CONNECT_TIMEOUT_SECONDS, Gateway, Inner, LOOKUP_TIMEOUT_SECONDS, MAX_GATEWAYS,
    MAX_RELAYS, MAX_TIMEOUT_SECONDS, REQUEST_TIMEOUT_SECONDS, Relay, Setup, SetupError, Timeouts,
};
use crate::store::Store;

/// Builds a [`Setup`]; see [`Setup::builder`].
///
/// Whatever it is not told is private: what weakens that says so in its name.
#[derive(Clone, Debug)]
#[must_use]
pub struct SetupBuilder {
    relays: Vec<Relay>,
    gateways: Vec<Gateway>,
    another_gateway: AnotherGateway,
    relay_operator: Option<String>,
    gateway_operator: Option<String>,
    not_private: bool,
    allow_http: bool,
    anchors: Anchors,
    limits: Limits,
    max_age: Option<u64>,
    second_opinion: bool,
    mimi_type: u16,
    phone_zone: Option<Domain>,
    tie_break: Option<TieBreak>,
    authorities: Option<Vec<u8>>,
    timeouts: Timeouts,
    store: Option<Store>,
    ask_anew: bool,
}

impl SetupBuilder {
    pub(super) fn new(relay: Relay, gateway: Gateway) -> Self {
        Self {
            relays: vec![relay],
            gateways: vec![gateway],
            another_gateway: AnotherGateway::default(),
            relay_operator: None,
            gateway_operator: None,
            not_private: false,
            allow_http: false,
            anchors: Anchors::iana(),
            limits: Limits::default(),
            max_age: None,
            second_opinion: true,
            mimi_type: DEFAULT_MIMI_TYPE,
            phone_zone: None,
            tie_break: None,
            authorities: None,
            store: None,
            ask_anew: false,
            timeouts: Timeouts {
                connect: CONNECT_TIMEOUT_SECONDS,
                request: REQUEST_TIMEOUT_SECONDS,
                lookup: LOOKUP_TIMEOUT_SECONDS,
            },
        }
    }

    /// Names another relay to choose from, and to go to while nothing of a request was sent.
    pub fn another_relay(mut self, relay: impl Into<Relay>) -> Self {
        self.relays.push(relay.into());
        self
    }

    /// Names another gateway to choose from.
    ///
    /// A lookup keeps to the one that it was begun with, unless [`Self::when_gateway_fails`] says
    /// otherwise.
    pub fn another_gateway(mut self, gateway: impl Into<Gateway>) -> Self {
        self.gateways.push(gateway.into());
        self
    }

    /// What a lookup does whose gateway is of no use; [`AnotherGateway::Never`] by default.
    pub fn when_gateway_fails(mut self, policy: AnotherGateway) -> Self {
        self.another_gateway = policy;
        self
    }

    /// Permits plain HTTP to the relay: for loopback, or behind a proxy that speaks TLS.
    ///
    /// Anybody on the path then learns what the relay learns. The question stays sealed.
    pub fn allow_http_not_private(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Permits a relay and a gateway of one operator, or of an unknown one.
    ///
    /// Privacy is gone: one party may learn both who asks and for whom.
    pub fn not_private(mut self, not_private: bool) -> Self {
        self.not_private = not_private;
        self
    }

    /// States who operates the relays that do not say so themselves: as [`Relay::operator`], for all of them.
    pub fn relay_operator(mut self, domain: impl Into<String>) -> Self {
        self.relay_operator = Some(domain.into());
        self
    }

    /// States who operates the gateways whose keys do not prove it: as [`Gateway::operator`], for all of them.
    pub fn gateway_operator(mut self, domain: impl Into<String>) -> Self {
        self.gateway_operator = Some(domain.into());
        self
    }

    /// As [`Gateway::key_digest`], for the gateway that the builder began with.
    pub fn key_digest(self, digest: [u8; 32]) -> Self {
        self.with_first_gateway(|gateway| gateway.key_digest(digest))
    }

    /// As [`Gateway::key_document`], for the gateway that the builder began with.
    pub fn key_document(self, octets: &[u8]) -> Self {
        self.with_first_gateway(|gateway| gateway.key_document(octets))
    }

    /// Verifies against these anchors in place of the IANA root.
    pub fn anchors(mut self, anchors: Anchors) -> Self {
        self.anchors = anchors;
        self
    }

    /// Bounds what a proof may cost.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Refuses answers whose signatures are older than `seconds`.
    ///
    /// Healthy zones sign for 7 to 30 days and more, so by default validity alone limits age.
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// Whether an independent validator checks every proved answer that it can read.
    pub fn second_opinion(mut self, ask: bool) -> Self {
        self.second_opinion = ask;
        self
    }

    /// The private-use type of MIMI records, 65400 by default.
    pub fn mimi_type(mut self, rtype: u16) -> Self {
        self.mimi_type = rtype;
        self
    }

    /// The zone below which phone numbers are looked up; there is no default.
    pub fn phone_zone(mut self, zone: Domain) -> Self {
        self.phone_zone = Some(zone);
        self
    }

    /// The secret that breaks ties between equally preferred services, always the same way, and by which this client
    /// draws its relay and its gateway.
    ///
    /// An application draws it once and keeps it, or gives a store with a file, which does so: with the default, one
    /// and the same for all, every client makes the same choice.
    pub fn tie_break(mut self, secret: TieBreak) -> Self {
        self.tie_break = Some(secret);
        self
    }

    /// Keeps answers, and how new they were, in this store; by default nothing is kept.
    ///
    /// A lookup is then answered from it while TTL and signatures allow, and nobody learns of it; an answer older than
    /// one seen before is refused ([`crate::Code::RolledBack`]).
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Asks even where the store has an answer, and still keeps what comes.
    pub fn ask_anew(mut self, ask: bool) -> Self {
        self.ask_anew = ask;
        self
    }

    /// Trusts these certification authorities, PEM, besides the system's, to vouch for a relay.
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// Seconds for a connection to a relay, TLS included; [`CONNECT_TIMEOUT_SECONDS`] by default.
    ///
    /// Nothing of a request is sent before, so that a lookup may go on to another relay.
    pub fn connect_timeout(mut self, seconds: u64) -> Self {
        self.timeouts.connect = seconds;
        self
    }

    /// Seconds for one request, connection included; [`REQUEST_TIMEOUT_SECONDS`] by default.
    pub fn request_timeout(mut self, seconds: u64) -> Self {
        self.timeouts.request = seconds;
        self
    }

    /// Seconds for a whole lookup; [`LOOKUP_TIMEOUT_SECONDS`] by default.
    pub fn lookup_timeout(mut self, seconds: u64) -> Self {
        self.timeouts.lookup = seconds;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// [`SetupError`] names what cannot be used, and what would do.
    pub fn build(self) -> Result<Setup, SetupError> {
        if self.relays.len() > MAX_RELAYS {
            return Err(SetupError::TooManyRelays);
        }
        if self.gateways.len() > MAX_GATEWAYS {
            return Err(SetupError::TooManyGateways);
        }
        let (relay_operator, gateway_operator) = (
            self.relay_operator.as_deref(),
            self.gateway_operator.as_deref(),
        );
        let relays = self
            .relays
            .into_iter()
            .map(|relay| relay.check(self.allow_http, relay_operator))
            .collect::<Result<Vec<_>, _>>()?;
        let gateways = self
            .gateways
            .into_iter()
            .map(|gateway| gateway.check(gateway_operator))
            .collect::<Result<Vec<_>, _>>()?;
        if gateways.len() > 1
            && let Some(relay) = relays.iter().find(|relay| relay.url.resource().is_some())
        {
            return Err(SetupError::ResourceOfOneGateway(relay.url.to_string()));
        }
        let origins = relays.iter().map(|relay| relay.url.authority());
        let hosts = gateways.iter().map(|gateway| gateway.host.as_str());
        for named in [origins.collect::<Vec<_>>(), hosts.collect()] {
            let mut seen = HashSet::new();
            if let Some(twice) = named.into_iter().find(|name| !seen.insert(*name)) {
                return Err(SetupError::Twice(twice.to_owned()));
            }
        }
        self.timeouts.check()?;
        if !PRIVATE_USE_TYPES.contains(&self.mimi_type) {
            return Err(SetupError::MimiType(self.mimi_type));
        }
        Ok(Setup(Arc::new(Inner {
            relays,
            gateways,
            another_gateway: self.another_gateway,
            not_private: self.not_private,
            anchors: self.anchors,
            limits: self.limits,
            max_age: self.max_age,
            second_opinion: self.second_opinion,
            mimi_type: self.mimi_type,
            phone_zone: self.phone_zone,
            tie_break: self
                .tie_break
                .or_else(|| self.store.as_ref()?.tie_break())
                .unwrap_or_else(|| TieBreak::new([0; 16])),
            authorities: self.authorities,
            timeouts: self.timeouts,
            store: self.store,
            ask_anew: self.ask_anew,
        })))
    }

    fn with_first_gateway(mut self, change: impl FnOnce(Gateway) -> Gateway) -> Self {
        let first = self.gateways.remove(0);
        self.gateways.insert(0, change(first));
        self
    }
}

impl Timeouts {
    fn check(&self) -> Result<(), SetupError> {
        for (what, seconds) in [
            ("connect", self.connect),
            ("request", self.request),
            ("lookup", self.lookup),
        ] {
            if !(1..=MAX_TIMEOUT_SECONDS).contains(&seconds) {
                return Err(SetupError::Timeout { what, seconds });
            }
        }
        Ok(())
    }
}
