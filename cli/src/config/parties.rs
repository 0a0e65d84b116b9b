//! The relays and gateways of the configuration: by a name, by a list, or by tables with more to say.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Deserializer};
use sotto_client::{AnotherGateway, Gateway, Relay};
use sotto_wire::KEY_DOCUMENT_MAX_BYTES;

use super::refused;
use crate::failure::Failure;
use crate::files;

/// `[[relay]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RelaySetting {
    url: String,
    #[serde(default = "one")]
    weight: u8,
    operator: Option<String>,
}

/// `[[gateway]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GatewaySetting {
    host: String,
    #[serde(default = "one")]
    weight: u8,
    operator: Option<String>,
    key_document: Option<PathBuf>,
    key_digest: Option<String>,
}

/// When a lookup may leave its gateway, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(super) enum WhenGatewayFails {
    /// It ends.
    Never,
    /// While no question was sent.
    BeforeAsking,
    /// Even if the gateway may have the question: two may then know it.
    AfterAskingNotPrivate,
}

/// Keys of the caller's own.
pub(super) enum Keys {
    Document(Vec<u8>),
    Digest([u8; 32]),
}

impl RelaySetting {
    pub(super) fn relay(&self) -> Relay {
        let relay = Relay::new(&self.url).weight(self.weight);
        match &self.operator {
            Some(operator) => relay.operator(operator),
            None => relay,
        }
    }
}

impl GatewaySetting {
    /// The path of its key document, to be completed.
    pub(super) fn path(&mut self) -> Option<&mut PathBuf> {
        self.key_document.as_mut()
    }

    pub(super) fn gateway(&self) -> Result<Gateway, Failure> {
        let mut gateway = Gateway::new(&self.host).weight(self.weight);
        if let Some(operator) = &self.operator {
            gateway = gateway.operator(operator);
        }
        let keys = keys(self.key_document.as_deref(), self.key_digest.as_deref())?;
        Ok(match keys {
            Some(Keys::Document(octets)) => gateway.key_document(&octets),
            Some(Keys::Digest(digest)) => gateway.key_digest(digest),
            None => gateway,
        })
    }
}

impl FromStr for RelaySetting {
    type Err = Infallible;

    fn from_str(url: &str) -> Result<Self, Infallible> {
        Ok(Self {
            url: url.to_owned(),
            weight: one(),
            operator: None,
        })
    }
}

impl FromStr for GatewaySetting {
    type Err = Infallible;

    fn from_str(host: &str) -> Result<Self, Infallible> {
        Ok(Self {
            host: host.to_owned(),
            weight: one(),
            operator: None,
            key_document: None,
            key_digest: None,
        })
    }
}

impl From<WhenGatewayFails> for AnotherGateway {
    fn from(when: WhenGatewayFails) -> Self {
        match when {
            WhenGatewayFails::Never => Self::Never,
            WhenGatewayFails::BeforeAsking => Self::BeforeAsking,
            WhenGatewayFails::AfterAskingNotPrivate => Self::AfterAskingNotPrivate,
        }
    }
}

/// `relay = "..."`, `relay = ["...", "..."]`, or any number of `[[relay]]`.
pub(super) fn one_or_more<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + FromStr<Err = Infallible>,
{
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a URL (a relay) or a host name (a gateway), a list of them, or tables with url or host, weight, operator, and of a gateway key_document or key_digest"
    )]
    enum OneOrMore<T> {
        One(String),
        More(Vec<String>),
        Tables(Vec<T>),
    }
    let named = |name: String| {
        name.parse()
            .unwrap_or_else(|never: Infallible| match never {})
    };
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(name) => vec![named(name)],
        OneOrMore::More(names) => names.into_iter().map(named).collect(),
        OneOrMore::Tables(tables) => tables,
    })
}

/// The keys in a file or behind a digest.
pub(super) fn keys(document: Option<&Path>, digest: Option<&str>) -> Result<Option<Keys>, Failure> {
    match (document, digest) {
        (Some(_), Some(_)) => Err(refused::two_key_sources()),
        (Some(path), None) => {
            let octets = files::read("the key document", path, KEY_DOCUMENT_MAX_BYTES)?;
            Ok(Some(Keys::Document(octets)))
        }
        (None, Some(text)) => read_digest(text).map(Keys::Digest).map(Some),
        (None, None) => Ok(None),
    }
}

fn read_digest(text: &str) -> Result<[u8; 32], Failure> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).map_err(|_| {
        Failure::usage(
            "key_digest_invalid",
            format!("the key digest {text:?} is not a SHA-256 in hexadecimal"),
            "give 64 hexadecimal digits",
        )
    })?;
    Ok(digest)
}

/// The weight of what says nothing of it.
const fn one() -> u8 {
    1
}
