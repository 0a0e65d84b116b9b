//! Where a resolver is, and how it is spoken to, as an operator writes it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use rustls_pki_types::ServerName;
use serde::{Deserialize, Deserializer, de};

/// The port of the DNS (RFC 1035 section 4.2).
pub(crate) const DNS_PORT: u16 = 53;

/// The port of DNS over TLS (RFC 7858 section 3.1).
const DNS_OVER_TLS_PORT: u16 = 853;

/// What stands before the address of a resolver that speaks TLS.
const TLS_SCHEME: &str = "tls://";

/// A resolver: `ADDRESS`, `ADDRESS:PORT` over UDP and TCP, or `tls://ADDRESS:PORT#NAME` over TLS, NAME being what its
/// certificate is for; without NAME, its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its certificate is for; `None` without TLS.
    pub tls: Option<ServerName<'static>>,
}

/// Why a text names no resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no resolver; write ADDRESS, ADDRESS:PORT or tls://ADDRESS:PORT#NAME, e.g. \"127.0.0.1:53\""
)]
pub struct NotAServer(String);

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }
}

impl FromStr for Server {
    type Err = NotAServer;

    fn from_str(text: &str) -> Result<Self, NotAServer> {
        let bad = || NotAServer(text.to_owned());
        let Some(rest) = text.strip_prefix(TLS_SCHEME) else {
            return Ok(located(text, DNS_PORT).ok_or_else(bad)?.into());
        };
        let (place, name) = match rest.split_once('#') {
            Some((place, name)) => (place, Some(name)),
            None => (rest, None),
        };
        let address = located(place, DNS_OVER_TLS_PORT).ok_or_else(bad)?;
        let name = match name {
            Some(name) => ServerName::try_from(name.to_owned()).map_err(|_| bad())?,
            None => ServerName::IpAddress(address.ip().into()),
        };
        Ok(Self {
            address,
            tls: Some(name),
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tls {
            None => write!(f, "{}", self.address),
            Some(name) => write!(f, "{TLS_SCHEME}{}#{}", self.address, name.to_str()),
        }
    }
}

/// An address with a port, or one that stands at `port`.
fn located(text: &str, port: u16) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    text.parse().ok().or_else(|| {
        let address: IpAddr = bare.parse().ok()?;
        Some(SocketAddr::new(address, port))
    })
}

/// Reads one resolver, or a list of them.
pub(crate) fn one_or_more<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Server>, D::Error> {
    struct Visitor;

    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Vec<Server>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a resolver, or a list of resolvers")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            text.parse().map(|server| vec![server]).map_err(E::custom)
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut servers = Vec::new();
            while let Some(server) = list.next_element()? {
                servers.push(server);
            }
            Ok(servers)
        }
    }

    deserializer.deserialize_any(Visitor)
}

impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_are_read_and_written() {
        for (text, canonical) in [
            ("127.0.0.1:5300", "127.0.0.1:5300"),
            ("127.0.0.1", "127.0.0.1:53"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("[2001:db8::1]:54", "[2001:db8::1]:54"),
            (
                "tls://192.0.2.1#dns.example",
                "tls://192.0.2.1:853#dns.example",
            ),
            (
                "tls://[2001:db8::1]:854#dns.example",
                "tls://[2001:db8::1]:854#dns.example",
            ),
            ("tls://192.0.2.1", "tls://192.0.2.1:853#192.0.2.1"),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!(server.to_string(), canonical);
            assert_eq!(canonical.parse::<Server>().unwrap(), server);
        }
    }

    #[test]
    fn what_names_no_resolver_is_said() {
        for text in [
            "",
            "dns.example",
            "127.0.0.1:x",
            "tls://",
            "tls://dns.example",
            "tls://192.0.2.1#",
            "tls://192.0.2.1#a b",
            "https://192.0.2.1",
        ] {
            let error = text.parse::<Server>().unwrap_err().to_string();
            assert!(
                error.contains(text) && error.contains("tls://ADDRESS"),
                "{error}"
            );
        }
    }
}
