//! What a client is told once: whom to ask, what to believe, and nothing that is not private.

use std::sync::Arc;

use sotto_envelope::{KeyConfigList, KeyDocument, KeyDocumentError, KeyListError};
use sotto_mimi::{DEFAULT_MIMI_TYPE, Domain, PRIVATE_USE_TYPES, RecordForm, TieBreak};
use sotto_proof::{Anchors, Limits, RecordType};
use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES};

use crate::operators::{Operator, Source};
use crate::url::{RelayUrl, UrlError};

/// Seconds for one request to the relay, from the first octet sent to the last received.
///
/// Above the gateway's own patience with its resolver, so that its sealed refusal still arrives.
pub const REQUEST_TIMEOUT_SECONDS: u64 = 20;

/// Relays that one setup may name.
pub const MAX_RELAYS: usize = 8;

/// What a client is told once.
///
/// Cheap to clone. Every default is the private one: https, the IANA root, keys proved by
/// DNSSEC, relay and gateway of different operators, the second opinion asked.
///
/// ```
/// # fn main() -> Result<(), sotto_client::SetupError> {
/// let setup = sotto_client::Setup::builder("https://relay.example", "gateway.example.net").build()?;
/// assert_eq!(setup.gateway(), "gateway.example.net");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Setup(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    relays: Vec<RelayUrl>,
    gateway: String,
    relay_operator: Option<Operator>,
    gateway_operator: Option<Operator>,
    not_private: bool,
    keys: KeySource,
    anchors: Anchors,
    limits: Limits,
    max_age: Option<u64>,
    second_opinion: bool,
    mimi_type: u16,
    phone_zone: Option<Domain>,
    tie_break: TieBreak,
    authorities: Option<Vec<u8>>,
    timeout: u64,
}

/// Where the gateway's key configurations come from, and why they are believed.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    /// The relay's key document, proved by DNSSEC.
    Relay,
    /// The relay's `application/ohttp-keys` list, if its SHA-256 is this one.
    PinnedDigest([u8; 32]),
    /// A key document that the caller holds, proved by DNSSEC.
    Document(Arc<[u8]>),
    /// An `application/ohttp-keys` list that the caller holds and vouches for.
    List(Arc<[u8]>),
}

/// Why a setup is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The relay's URL cannot be used.
    #[error("relay URL {url:?}: {source}")]
    RelayUrl {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        source: UrlError,
    },
    /// More relays than [`MAX_RELAYS`].
    #[error("more than {MAX_RELAYS} relays; name fewer")]
    TooManyRelays,
    /// The gateway is not a host name.
    #[error(
        "gateway {0:?} is not a host name; give it as in `gateway.example.net`, without scheme, port or path"
    )]
    GatewayHost(String),
    /// A stated operator is not a domain.
    #[error("operator {0:?} is not a domain; give it as in `example.net`")]
    Operator(String),
    /// The keys from a file are of no use in their size.
    #[error(
        "the keys given hold {octets} octets; a key document has 1 to {KEY_DOCUMENT_MAX_BYTES}, a list 1 to {KEY_LIST_MAX_BYTES}"
    )]
    KeySize {
        /// The octets given.
        octets: usize,
    },
    /// What begins as a key document does not go on as one.
    #[error("the keys given are not usable: {0}")]
    KeyDocument(KeyDocumentError),
    /// The keys begin as no key document, and are no list either.
    #[error("the keys given are neither a key document (it begins with SKD1) nor a list: {0}")]
    KeyList(KeyListError),
    /// The type for MIMI records is not for private use.
    #[error(
        "type {0} is not for private use; RFC 6895 section 3.1 reserves 65280 to 65534 for that"
    )]
    MimiType(u16),
}

impl Setup {
    /// Starts a setup with a relay and a gateway.
    ///
    /// `relay` is an https URL: the relay's origin (`https://relay.example`), whose
    /// `/.well-known/sotto` then names the relay resource, or a relay resource itself
    /// (`https://relay.example/gateway.example.net`). `gateway` is the gateway's host name.
    pub fn builder(relay: impl Into<String>, gateway: impl Into<String>) -> SetupBuilder {
        SetupBuilder {
            relays: vec![relay.into()],
            gateway: gateway.into(),
            relay_operator: None,
            gateway_operator: None,
            not_private: false,
            allow_http: false,
            keys: KeySource::Relay,
            anchors: Anchors::iana(),
            limits: Limits::default(),
            max_age: None,
            second_opinion: true,
            mimi_type: DEFAULT_MIMI_TYPE,
            phone_zone: None,
            tie_break: TieBreak::new([0; 16]),
            authorities: None,
            timeout: REQUEST_TIMEOUT_SECONDS,
        }
    }

    /// The gateway's host name, lower case.
    #[must_use]
    pub fn gateway(&self) -> &str {
        &self.0.gateway
    }

    /// The hosts of the relays, in the order in which they are tried.
    pub fn relay_hosts(&self) -> impl Iterator<Item = &str> {
        self.0.relays.iter().map(RelayUrl::host)
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

    /// Seconds for one request, from the first octet sent to the last received.
    #[must_use]
    pub fn timeout(&self) -> u64 {
        self.0.timeout
    }

    /// Additional certification authorities, PEM.
    #[must_use]
    pub fn authorities(&self) -> Option<&[u8]> {
        self.0.authorities.as_deref()
    }

    pub(crate) fn relays(&self) -> &[RelayUrl] {
        &self.0.relays
    }

    pub(crate) fn relay_operator(&self) -> Option<&Operator> {
        self.0.relay_operator.as_ref()
    }

    pub(crate) fn gateway_operator(&self) -> Option<&Operator> {
        self.0.gateway_operator.as_ref()
    }

    pub(crate) fn is_private(&self) -> bool {
        !self.0.not_private
    }

    pub(crate) fn keys(&self) -> &KeySource {
        &self.0.keys
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

/// Builds a [`Setup`]; see [`Setup::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SetupBuilder {
    relays: Vec<String>,
    gateway: String,
    relay_operator: Option<String>,
    gateway_operator: Option<String>,
    not_private: bool,
    allow_http: bool,
    keys: KeySource,
    anchors: Anchors,
    limits: Limits,
    max_age: Option<u64>,
    second_opinion: bool,
    mimi_type: u16,
    phone_zone: Option<Domain>,
    tie_break: TieBreak,
    authorities: Option<Vec<u8>>,
    timeout: u64,
}

impl SetupBuilder {
    /// Names another relay, tried when no octet of a request could be sent to those before it.
    pub fn another_relay(mut self, url: impl Into<String>) -> Self {
        self.relays.push(url.into());
        self
    }

    /// Permits plain HTTP to the relay: for loopback, or behind a proxy that speaks TLS.
    ///
    /// Anybody on the path then learns what the relay learns. The question stays sealed.
    pub fn allow_http(mut self, allow: bool) -> Self {
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

    /// States who operates the relays, for foreign ones that do not describe themselves.
    ///
    /// It replaces nothing: a relay that declares another operator is refused
    /// ([`crate::Code::OperatorConflict`]).
    pub fn relay_operator(mut self, domain: impl Into<String>) -> Self {
        self.relay_operator = Some(domain.into());
        self
    }

    /// States who operates the gateway, for pinned keys, which prove no operator.
    ///
    /// It replaces nothing: a key record that proves another operator is refused
    /// ([`crate::Code::OperatorConflict`]).
    pub fn gateway_operator(mut self, domain: impl Into<String>) -> Self {
        self.gateway_operator = Some(domain.into());
        self
    }

    /// Believes the list of key configurations with this SHA-256, and no other.
    ///
    /// The relay resource then has to hand out `application/ohttp-keys` on GET. Replaces DNSSEC
    /// as the reason to believe the keys, and any source named before.
    pub fn key_digest(mut self, digest: [u8; 32]) -> Self {
        self.keys = KeySource::PinnedDigest(digest);
        self
    }

    /// Takes the keys from these octets, and fetches none.
    ///
    /// A key document (it begins with `SKD1`) is proved like the relay's own. Anything else is an
    /// `application/ohttp-keys` list, believed because the caller vouches for it. Replaces any
    /// source named before.
    pub fn key_document(mut self, octets: &[u8]) -> Self {
        self.keys = if octets.starts_with(b"SKD1") {
            KeySource::Document(octets.into())
        } else {
            KeySource::List(octets.into())
        };
        self
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

    /// The secret that breaks ties between equally preferred services, always the same way.
    ///
    /// An application draws it once and keeps it: with the default, one and the same for all,
    /// every client makes the same choice.
    pub fn tie_break(mut self, secret: TieBreak) -> Self {
        self.tie_break = secret;
        self
    }

    /// Trusts these certification authorities, PEM, besides the system's, to vouch for a relay.
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// Seconds for one request; [`REQUEST_TIMEOUT_SECONDS`] by default, at least 1.
    pub fn timeout(mut self, seconds: u64) -> Self {
        self.timeout = seconds.max(1);
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
        let relays = self
            .relays
            .into_iter()
            .map(|url| {
                RelayUrl::parse(&url, self.allow_http)
                    .map_err(|source| SetupError::RelayUrl { url, source })
            })
            .collect::<Result<_, _>>()?;
        let gateway = gateway_host(&self.gateway).ok_or(SetupError::GatewayHost(self.gateway))?;
        let largest = match &self.keys {
            KeySource::Document(document) => Some((document.len(), KEY_DOCUMENT_MAX_BYTES)),
            KeySource::List(list) => Some((list.len(), KEY_LIST_MAX_BYTES)),
            KeySource::Relay | KeySource::PinnedDigest(_) => None,
        };
        if let Some((octets, largest)) = largest
            && !(1..=largest).contains(&octets)
        {
            return Err(SetupError::KeySize { octets });
        }
        match &self.keys {
            KeySource::Document(document) => {
                KeyDocument::decode(document).map_err(SetupError::KeyDocument)?;
            }
            KeySource::List(list) => {
                KeyConfigList::parse(list).map_err(SetupError::KeyList)?;
            }
            KeySource::Relay | KeySource::PinnedDigest(_) => {}
        }
        if !PRIVATE_USE_TYPES.contains(&self.mimi_type) {
            return Err(SetupError::MimiType(self.mimi_type));
        }
        Ok(Setup(Arc::new(Inner {
            relays,
            gateway,
            relay_operator: stated(self.relay_operator)?,
            gateway_operator: stated(self.gateway_operator)?,
            not_private: self.not_private,
            keys: self.keys,
            anchors: self.anchors,
            limits: self.limits,
            max_age: self.max_age,
            second_opinion: self.second_opinion,
            mimi_type: self.mimi_type,
            phone_zone: self.phone_zone,
            tie_break: self.tie_break,
            authorities: self.authorities,
            timeout: self.timeout,
        })))
    }
}

/// An operator in the caller's own words.
fn stated(domain: Option<String>) -> Result<Option<Operator>, SetupError> {
    domain
        .map(|domain| Operator::new(&domain, Source::Stated).ok_or(SetupError::Operator(domain)))
        .transpose()
}

/// A host name of at least two labels, lower case, without trailing dot.
fn gateway_host(host: &str) -> Option<String> {
    // The same syntax as an operator's domain, less the underscore.
    Operator::new(host, Source::Stated)
        .map(|operator| operator.domain)
        .filter(|host| !host.contains('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(builder: SetupBuilder) -> String {
        builder.build().unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let with = Setup::builder;
        assert!(
            refusal(with("http://relay.example", "g.example")).contains("http://relay.example")
        );
        assert!(
            refusal(with("https://relay.example", "https://g.example")).contains("without scheme")
        );
        assert!(
            refusal(with("https://relay.example", "g.example").relay_operator("co uk"))
                .contains("co uk")
        );
        assert!(
            refusal(with("https://relay.example", "g.example").mimi_type(16)).contains("65280")
        );
        assert!(
            refusal(with("https://relay.example", "g.example").key_document(b""))
                .contains("0 octets")
        );
        let oversize =
            with("https://relay.example", "g.example").key_document(&[0; KEY_LIST_MAX_BYTES + 1]);
        assert!(refusal(oversize).contains("8193 octets"));
        let rubbish = with("https://relay.example", "g.example").key_document(b"<html>");
        assert!(refusal(rubbish).contains("neither a key document"));
        let cut = with("https://relay.example", "g.example").key_document(b"SKD1\x01");
        assert!(refusal(cut).contains("truncated"));
    }

    #[test]
    fn hosts_are_lower_case() {
        let setup = Setup::builder("https://Relay.Example", "Gateway.Example.NET.")
            .build()
            .unwrap();
        assert_eq!(setup.gateway(), "gateway.example.net");
        assert_eq!(setup.relay_hosts().collect::<Vec<_>>(), ["relay.example"]);
    }

    #[test]
    fn plain_http_needs_permission() {
        assert!(
            Setup::builder("http://127.0.0.1:8080", "g.example")
                .allow_http(true)
                .build()
                .is_ok()
        );
    }
}
