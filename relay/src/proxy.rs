//! Whom a request behind a proxy is charged to. Pure.
//!
//! A relay believes nobody's word about an address but that of the proxies that its operator lists, and of that only
//! the last: what stands before it in the field came from the client, or from who knows whom. The address goes to the
//! [quota](crate::quota) and nowhere else.

use std::{net::IpAddr, str::FromStr};

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, de};

/// Proxies in front of the relay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// The addresses that the proxies connect from; nobody else is believed.
    pub addresses: Vec<Network>,
    /// The field in which they say who connected to them: `X-Forwarded-For` or any other whose last element is an address,
    /// or `Forwarded` (RFC 7239).
    pub header: Field,
}

/// An address, or a prefix of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The name of a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(HeaderName);

/// Why a text is not a [`Network`] or a [`Field`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not an address or prefix.
    #[error("not an address; give one as in 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32")]
    Network,
    /// Not the name of a field.
    #[error(
        "not the name of a header field; give the one that the proxy sets, as in \"x-forwarded-for\""
    )]
    Field,
}

/// Whom to charge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// The client, or a proxy that did not say for whom it asks.
    Address(IpAddr),
    /// This machine: a proxy that the configuration does not list, whose clients cannot be told apart, or the operator.
    /// Whoever can connect from here is not held off by a quota.
    Local,
}

/// Finds whom to charge for a request that came from `peer`.
#[must_use]
pub fn payer(proxy: Option<&Proxy>, peer: IpAddr, headers: &HeaderMap) -> Payer {
    let peer = peer.to_canonical();
    match proxy.filter(|proxy| proxy.is_listed(peer)) {
        Some(proxy) => Payer::Address(proxy.client(headers).unwrap_or(peer)),
        None if peer.is_loopback() => Payer::Local,
        None => Payer::Address(peer),
    }
}

impl Proxy {
    fn is_listed(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|network| network.contains(address))
    }

    /// The last address in the field that is none of the proxies': a chain of them names each before it.
    fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let is_forwarded = self.header.0 == http::header::FORWARDED;
        for field in headers.get_all(&self.header.0).iter().rev() {
            for element in field.to_str().ok()?.rsplit(',') {
                let node = if is_forwarded {
                    forwarded_for(element)?
                } else {
                    element.trim()
                };
                let address = address(node)?.to_canonical();
                if !self.is_listed(address) {
                    return Some(address);
                }
            }
        }
        None
    }
}

/// The node of the `for` parameter of one element (RFC 7239 section 4).
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim().eq_ignore_ascii_case("for");
        is_for.then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without brackets and port.
fn address(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    if let Some((address, _port)) = node.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.parse().ok().map(IpAddr::V6);
    }
    let (address, _port) = node.split_once(':')?;
    address.parse().ok().map(IpAddr::V4)
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same_bits(own.to_bits().into(), other.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same_bits(own.to_bits(), other.to_bits(), 128, self.bits)
            }
            _ => false,
        }
    }
}

/// Whether two numbers of `width` bits begin with the same `bits`.
fn same_bits(one: u128, other: u128, width: u8, bits: u8) -> bool {
    (one ^ other)
        .checked_shr(u32::from(width - bits))
        .unwrap_or(0)
        == 0
}

impl FromStr for Network {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ProxyError::Network)?;
        let width: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse);
        match bits {
            Ok(bits) if bits <= width => Ok(Self { address, bits }),
            _ => Err(ProxyError::Network),
        }
    }
}

impl FromStr for Field {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        text.parse().map(Self).map_err(|_| ProxyError::Field)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
