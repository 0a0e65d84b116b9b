//! The relays and the gateways of a setup: as a caller names them, and as they are once checked.

use std::sync::Arc;

use sotto_envelope::{KeyConfigList, KeyDocument};
use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES};

use super::SetupError;
use crate::operators::{Operator, Source};
use crate::url::RelayUrl;

/// The largest weight of a relay or a gateway: a hundredfold is more than any two differ by in what they can carry.
pub const MAX_WEIGHT: u8 = 100;

/// A relay, as a caller names it.
///
/// ```
/// # fn main() -> Result<(), sotto_client::SetupError> {
/// use sotto_client::{Relay, Setup};
///
/// let setup = Setup::builder("https://relay.example", "gateway.example.net")
///     .another_relay(Relay::new("https://relay.example.org").weight(3))
///     .build()?;
/// assert_eq!(setup.relay_hosts().count(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Relay {
    url: String,
    weight: u8,
    operator: Option<String>,
}

/// A gateway, as a caller names it.
///
/// Its keys come from the relay and are proved by DNSSEC, unless one of `key_digest` and
/// `key_document` says otherwise.
#[derive(Clone, Debug)]
#[must_use]
pub struct Gateway {
    host: String,
    weight: u8,
    operator: Option<String>,
    keys: KeySource,
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

/// A relay that can be used.
#[derive(Clone, Debug)]
pub(crate) struct RelayEntry {
    pub(crate) url: RelayUrl,
    pub(crate) weight: u8,
    /// In the caller's words.
    pub(crate) operator: Option<Operator>,
}

/// A gateway that can be used.
#[derive(Clone, Debug)]
pub(crate) struct GatewayEntry {
    /// Lower case, without trailing dot.
    pub(crate) host: String,
    pub(crate) weight: u8,
    /// In the caller's words.
    pub(crate) operator: Option<Operator>,
    pub(crate) keys: KeySource,
}

impl Relay {
    /// A relay of weight 1.
    ///
    /// `url` is https: the relay's origin (`https://relay.example`), whose `/.well-known/sotto`
    /// then names the relay resource, or a relay resource itself
    /// (`https://relay.example/gateway.example.net`), which is of use for that gateway alone.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            weight: 1,
            operator: None,
        }
    }

    /// How often it is drawn against the others, 1 to [`MAX_WEIGHT`].
    pub fn weight(mut self, weight: u8) -> Self {
        self.weight = weight;
        self
    }

    /// States who operates it, for a foreign one that does not describe itself.
    ///
    /// It replaces nothing: a relay that declares another operator is refused
    /// ([`crate::Code::OperatorConflict`]).
    pub fn operator(mut self, domain: impl Into<String>) -> Self {
        self.operator = Some(domain.into());
        self
    }

    /// Checks it; `otherwise` operates it if it does not say who does.
    pub(super) fn check(
        self,
        allow_http: bool,
        otherwise: Option<&str>,
    ) -> Result<RelayEntry, SetupError> {
        check_weight(&self.url, self.weight)?;
        let url =
            RelayUrl::parse(&self.url, allow_http).map_err(|source| SetupError::RelayUrl {
                url: self.url,
                source,
            })?;
        Ok(RelayEntry {
            url,
            weight: self.weight,
            operator: stated(self.operator.as_deref().or(otherwise))?,
        })
    }
}

impl Gateway {
    /// A gateway of weight 1, by its host name.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            weight: 1,
            operator: None,
            keys: KeySource::Relay,
        }
    }

    /// How often it is drawn against the others, 1 to [`MAX_WEIGHT`].
    pub fn weight(mut self, weight: u8) -> Self {
        self.weight = weight;
        self
    }

    /// States who operates it, for pinned keys, which prove no operator.
    ///
    /// It replaces nothing: a key record that proves another operator is refused
    /// ([`crate::Code::OperatorConflict`]).
    pub fn operator(mut self, domain: impl Into<String>) -> Self {
        self.operator = Some(domain.into());
        self
    }

    /// Believes the list of key configurations with this SHA-256, and no other.
    ///
    /// The relay resource then has to hand out `application/ohttp-keys` on GET. Replaces DNSSEC
    /// as the reason to believe the keys, and any source named before. Whoever gave out the digest
    /// could have given everybody another: nobody compares pinned keys.
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

    /// Checks it; `otherwise` operates it if it does not say who does.
    pub(super) fn check(self, otherwise: Option<&str>) -> Result<GatewayEntry, SetupError> {
        check_weight(&self.host, self.weight)?;
        self.keys.check()?;
        Ok(GatewayEntry {
            host: gateway_host(&self.host).ok_or(SetupError::GatewayHost(self.host))?,
            weight: self.weight,
            operator: stated(self.operator.as_deref().or(otherwise))?,
            keys: self.keys,
        })
    }
}

impl From<&str> for Relay {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Relay {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for Relay {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

impl From<&str> for Gateway {
    fn from(host: &str) -> Self {
        Self::new(host)
    }
}

impl From<String> for Gateway {
    fn from(host: String) -> Self {
        Self::new(host)
    }
}

impl From<&String> for Gateway {
    fn from(host: &String) -> Self {
        Self::new(host)
    }
}

impl KeySource {
    /// Refuses what could never be of use, whatever the time.
    fn check(&self) -> Result<(), SetupError> {
        let (octets, largest) = match self {
            Self::Document(document) => (document.len(), KEY_DOCUMENT_MAX_BYTES),
            Self::List(list) => (list.len(), KEY_LIST_MAX_BYTES),
            Self::Relay | Self::PinnedDigest(_) => return Ok(()),
        };
        if !(1..=largest).contains(&octets) {
            return Err(SetupError::KeySize { octets });
        }
        match self {
            Self::Document(document) => {
                KeyDocument::decode(document).map_err(SetupError::KeyDocument)?;
            }
            Self::List(list) => {
                KeyConfigList::parse(list).map_err(SetupError::KeyList)?;
            }
            Self::Relay | Self::PinnedDigest(_) => {}
        }
        Ok(())
    }

    /// Whether the keys depend on the relay that hands them out.
    pub(crate) fn is_relay(&self) -> bool {
        matches!(self, Self::Relay)
    }

    /// Whether the caller holds the keys, so that nobody is asked for them.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self, Self::Document(_) | Self::List(_))
    }
}

fn check_weight(whose: &str, weight: u8) -> Result<(), SetupError> {
    if (1..=MAX_WEIGHT).contains(&weight) {
        return Ok(());
    }
    Err(SetupError::Weight {
        whose: whose.to_owned(),
        weight,
    })
}

/// An operator in the caller's own words.
fn stated(domain: Option<&str>) -> Result<Option<Operator>, SetupError> {
    domain
        .map(|domain| {
            Operator::new(domain, Source::Stated)
                .ok_or_else(|| SetupError::Operator(domain.to_owned()))
        })
        .transpose()
}

/// A host name of at least two labels, lower case, without trailing dot.
fn gateway_host(host: &str) -> Option<String> {
    // The same syntax as an operator's domain, less the underscore.
    Operator::new(host, Source::Stated)
        .map(|operator| operator.domain)
        .filter(|host| !host.contains('_'))
}
