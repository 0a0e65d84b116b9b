//! What a client is told once: whom to ask, what to believe, and nothing that is not private.

mod builder;
mod error;
mod parties;

use std::sync::Arc;

use sotto_mimi::{Domain, RecordForm, TieBreak};
use sotto_proof::{Anchors, Limits, RecordType};

use crate::store::Store;

pub use self::builder::SetupBuilder;
pub use self::error::SetupError;
pub use self::parties::{Gateway, MAX_WEIGHT, Relay};
pub(crate) use self::parties::{GatewayEntry, KeySource, RelayEntry};

/// Seconds for a connection to a relay, TLS included: enough for two retransmissions of a SYN
/// (RFC 6298 section 2), on two address families in turn.
pub const CONNECT_TIMEOUT_SECONDS: u64 = 10;

/// Seconds for one request to the relay, from the first octet sent to the last received.
///
/// Above the gateway's own patience with its resolver, so that its sealed refusal still arrives.
pub const REQUEST_TIMEOUT_SECONDS: u64 = 20;

/// Seconds for a whole lookup: three requests at their slowest.
pub const LOOKUP_TIMEOUT_SECONDS: u64 = 60;

/// Seconds of the longest timeout: beyond it the network has long given the connection up (RFC 9293 section 3.8.3
/// allows 100 s and more).
pub const MAX_TIMEOUT_SECONDS: u64 = 600;

/// Relays that one setup may name.
pub const MAX_RELAYS: usize = 8;

/// Gateways that one setup may name.
pub const MAX_GATEWAYS: usize = 8;

/// What a client is told once.
///
/// Cheap to clone. Every default is the private one: https, the IANA root, keys proved by
/// DNSSEC, relay and gateway of different operators, one gateway for each lookup, the second opinion asked.
///
/// ```
/// # fn main() -> Result<(), sotto_client::SetupError> {
/// let setup = sotto_client::Setup::builder("https://relay.example", "gateway.example.net").build()?;
/// assert_eq!(setup.gateway_hosts().collect::<Vec<_>>(), ["gateway.example.net"]);
/// # Ok(())
/// # }
/// ```
///
/// There is none without both a relay and a gateway:
///
/// ```compile_fail
/// let setup = sotto_client::Setup::builder("https://relay.example").build();
/// ```
#[derive(Clone, Debug)]
pub struct Setup(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    relays: Vec<RelayEntry>,
    gateways: Vec<GatewayEntry>,
    another_gateway: AnotherGateway,
    not_private: bool,
    anchors: Anchors,
    limits: Limits,
    max_age: Option<u64>,
    second_opinion: bool,
    mimi_type: u16,
    phone_zone: Option<Domain>,
    tie_break: TieBreak,
    authorities: Option<Vec<u8>>,
    timeouts: Timeouts,
    store: Option<Store>,
    ask_anew: bool,
}

/// What a lookup does whose gateway is of no use: chosen before it begins, never by what is asked.
///
/// No choice depends on what came under seal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnotherGateway {
    /// It ends. A relay that fails one gateway after the other can then not lead the client to the
    /// one that it likes.
    #[default]
    Never,
    /// It goes on to another, as long as no question was sent: where no relay has believable
    /// keys of the first, say.
    BeforeAsking,
    /// It goes on to another even if the first may have the question already: where the relay says that it got
    /// no answer from it.
    ///
    /// Two gateways may then know the name asked for, and the relay decides whether they do.
    AfterAskingNotPrivate,
}

/// How long things may take, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// For a connection, TLS included.
    pub(crate) connect: u64,
    /// For one request, connection included.
    pub(crate) request: u64,
    /// For all of a lookup.
    pub(crate) lookup: u64,
}

impl Setup {
    /// Starts a setup with a relay and a gateway.
    ///
    /// `relay` is an https URL: the relay's origin (`https://relay.example`), whose
    /// `/.well-known/sotto` then names the relay resource, or a relay resource itself
    /// (`https://relay.example/gateway.example.net`). `gateway` is the gateway's host name.
    pub fn builder(relay: impl Into<Relay>, gateway: impl Into<Gateway>) -> SetupBuilder {
        SetupBuilder::new(relay.into(), gateway.into())
    }

    /// The host names of the gateways, lower case, as they were named.
    pub fn gateway_hosts(&self) -> impl Iterator<Item = &str> {
        self.0.gateways.iter().map(|gateway| gateway.host.as_str())
    }

    /// The hosts of the relays, as they were named.
    pub fn relay_hosts(&self) -> impl Iterator<Item = &str> {
        self.0.relays.iter().map(|relay| relay.url.host())
    }

    /// The anchors that proofs are verified against.
    #[must_use]
    pub fn anchors(&self) -> &Anchors {
        &self.0.anchors
    }

    /// The bounds on what a proof may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The type that a record form is asked for.
    #[must_use]
    pub fn record_type(&self, form: RecordForm) -> RecordType {
        match form {
            RecordForm::Txt => RecordType::TXT,
            RecordForm::Mimi => RecordType(self.0.mimi_type),
        }
    }

    /// The zone below which phone numbers are looked up.
    #[must_use]
    pub fn phone_zone(&self) -> Option<&Domain> {
        self.0.phone_zone.as_ref()
    }

    /// Seconds for a connection to a relay, TLS included.
    #[must_use]
    pub fn connect_timeout(&self) -> u64 {
        self.0.timeouts.connect
    }

    /// Seconds for one request, from the first octet sent to the last received.
    #[must_use]
    pub fn request_timeout(&self) -> u64 {
        self.0.timeouts.request
    }

    /// Seconds for a whole lookup.
    #[must_use]
    pub fn lookup_timeout(&self) -> u64 {
        self.0.timeouts.lookup
    }

    /// Additional certification authorities, PEM.
    #[must_use]
    pub fn authorities(&self) -> Option<&[u8]> {
        self.0.authorities.as_deref()
    }

    /// What is kept between lookups, if anything is.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.0.store.as_ref()
    }

    /// The same setup, but to ask even where the store has an answer, and still keep what comes.
    #[must_use]
    pub fn asking_anew(&self) -> Self {
        Self(Arc::new(Inner {
            ask_anew: true,
            ..Inner::clone(&self.0)
        }))
    }

    /// The store that lookups may be answered from.
    pub(crate) fn answering_store(&self) -> Option<&Store> {
        self.store().filter(|_| !self.0.ask_anew)
    }

    pub(crate) fn relays(&self) -> &[RelayEntry] {
        &self.0.relays
    }

    pub(crate) fn gateways(&self) -> &[GatewayEntry] {
        &self.0.gateways
    }

    pub(crate) fn another_gateway(&self) -> AnotherGateway {
        self.0.another_gateway
    }

    pub(crate) fn is_private(&self) -> bool {
        !self.0.not_private
    }

    pub(crate) fn max_age(&self) -> Option<u64> {
        self.0.max_age
    }

    pub(crate) fn second_opinion(&self) -> bool {
        self.0.second_opinion
    }

    pub(crate) fn tie_break(&self) -> &TieBreak {
        &self.0.tie_break
    }
}

#[cfg(test)]
mod tests;
