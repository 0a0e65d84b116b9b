//! What the columns of views hold, and which parties may know it.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The documentation prefix (RFC 3849), where the simulated clients live.
const CLIENTS: u128 = 0x2001_0db8 << 96;

/// What cannot tell whom somebody asks for. Sealed: see the [module](super).
pub trait NoName: sealed::Value {}

/// What cannot tell who asks. Sealed: see the [module](super).
pub trait NoClient: sealed::Value {}

mod sealed {
    pub trait Value {}
}

macro_rules! known {
    ($trait:ident: $($type:ty),+) => {
        $(impl $trait for $type {})+
    };
}

macro_rules! values {
    ($($type:ty),+) => {
        $(impl sealed::Value for $type {})+
    };
}

values!(
    bool,
    u8,
    u16,
    u32,
    u64,
    RelayHost,
    GatewayHost,
    Towards,
    Transport
);
values!(ClientAddress, OwnerName, RecordKind, Host);
known!(NoName: bool, u8, u16, u32, u64, RelayHost, GatewayHost, Towards, Transport, ClientAddress);
known!(NoClient: bool, u8, u16, u32, u64, RelayHost, GatewayHost, Towards, Transport);
known!(NoClient: OwnerName, RecordKind, Host);

/// Shared text, read and written as text.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}

/// Who asks: an address of the documentation prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Ipv6Addr", try_from = "Ipv6Addr")]
pub struct ClientAddress(u32);

impl ClientAddress {
    /// The address of a client, counted from 0.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The client, counted from 0.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl From<ClientAddress> for Ipv6Addr {
    fn from(client: ClientAddress) -> Self {
        Self::from_bits(CLIENTS | u128::from(client.0))
    }
}

impl TryFrom<Ipv6Addr> for ClientAddress {
    type Error = String;

    fn try_from(address: Ipv6Addr) -> Result<Self, String> {
        u32::try_from(address.to_bits() ^ CLIENTS)
            .map(Self)
            .map_err(|_| format!("{address} is no simulated client"))
    }
}

/// A relay, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RelayHost(pub u16);

impl From<RelayHost> for String {
    fn from(relay: RelayHost) -> Self {
        format!("relay{}.test", relay.0)
    }
}

impl TryFrom<String> for RelayHost {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text
            .strip_prefix("relay")
            .and_then(|rest| rest.strip_suffix(".test"));
        number
            .and_then(|number| u16::from_str(number).ok())
            .map(Self)
            .ok_or_else(|| format!("{text} is no simulated relay"))
    }
}

/// The gateway: there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GatewayHost {
    /// The only one.
    #[serde(rename = "gateway.test")]
    Only,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Towards {
    /// To the client.
    Client,
    /// To the relay.
    Relay,
    /// To the gateway.
    Gateway,
}

/// How a query reaches an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// As a datagram.
    Udp,
    /// Over a connection, since the response is too long for a datagram.
    Tcp,
}

/// A name that is asked for, absolute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnerName(#[serde(with = "shared")] Arc<str>);

impl OwnerName {
    /// A name in presentation form.
    #[must_use]
    pub const fn new(name: Arc<str>) -> Self {
        Self(name)
    }

    /// The presentation form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host of an authority, whose name tells the zone that is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Host(#[serde(with = "shared")] Arc<str>);

impl Host {
    /// A host by its absolute name.
    #[must_use]
    pub const fn new(name: Arc<str>) -> Self {
        Self(name)
    }

    /// The name of the zone that it serves.
    #[must_use]
    pub fn zone(&self) -> OwnerName {
        OwnerName(self.0.strip_prefix("ns.").unwrap_or(".").into())
    }
}

/// The type of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RecordKind(u16);

impl RecordKind {
    /// A (RFC 1035): what a resolver that minimises names asks an authority above the one it wants.
    pub const ADDRESS: Self = Self(1);

    /// TXT (RFC 1035): what people are asked for.
    pub const TEXT: Self = Self(16);

    /// The type of a number.
    #[must_use]
    pub const fn of(number: u16) -> Self {
        Self(number)
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sotto_proof::RecordType(self.0).fmt(f)
    }
}

impl From<RecordKind> for String {
    fn from(kind: RecordKind) -> Self {
        kind.to_string()
    }
}

impl TryFrom<String> for RecordKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse::<sotto_proof::RecordType>()
            .map(|kind| Self(kind.0))
            .map_err(|_| format!("{text} is no type of record"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_as_it_was_written() {
        fn round_trip<T>(value: T, json: &str)
        where
            T: Serialize + for<'a> Deserialize<'a> + PartialEq + fmt::Debug,
        {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
        }
        round_trip(ClientAddress::new(258), "\"2001:db8::102\"");
        round_trip(RelayHost(1), "\"relay1.test\"");
        round_trip(GatewayHost::Only, "\"gateway.test\"");
        round_trip(Towards::Gateway, "\"gateway\"");
        round_trip(RecordKind::of(16), "\"TXT\"");
        round_trip(OwnerName::new("_mimi.a.test.".into()), "\"_mimi.a.test.\"");
        assert!(serde_json::from_str::<ClientAddress>("\"::1\"").is_err());
        assert!(serde_json::from_str::<RelayHost>("\"relay.test\"").is_err());
        assert_eq!(
            Host::new("ns.co.cc.".into()).zone(),
            OwnerName::new("co.cc.".into())
        );
        assert_eq!(
            Host::new("a.root.".into()).zone(),
            OwnerName::new(".".into())
        );
    }
}
