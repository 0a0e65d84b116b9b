//! Hosts and origins, as a configuration names them.

use std::{fmt, str::FromStr};

use http::{Uri, uri::Authority};
use serde::{Deserialize, de};

/// Characters of the longest host name in presentation form (RFC 1035 section 2.3.4).
const HOST_MAX_CHARS: usize = 253;

/// A host name of letters, digits, hyphens and dots (RFC 952, RFC 1123 section 2.1), in lower case and without the dot
/// of the root, which a text may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host(String);

impl Host {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a host name or an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a host name.
    #[error(
        "not a host name; give labels of letters, digits and hyphens (an internationalised name as A-labels)"
    )]
    Host,
    /// Not an origin.
    #[error("not an origin; give https://host or https://host:port, without a path")]
    Origin,
}

impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.len() > HOST_MAX_CHARS || !text.split('.').all(is_label) {
            return Err(AddressError::Host);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// Scheme, host and port of a gateway (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    https: bool,
    authority: Authority,
}

impl Origin {
    pub(super) fn https(host: &Host) -> Self {
        Self {
            https: true,
            authority: Authority::try_from(host.as_str()).expect("a host name is an authority"),
        }
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Its host, an IPv6 address without the brackets.
    pub(crate) fn bare_host(&self) -> &str {
        let host = self.authority.host();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.bare_host();
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// The URI of a path at this origin.
    #[must_use]
    pub fn uri(&self, path: &'static str) -> Uri {
        Uri::builder()
            .scheme(if self.https { "https" } else { "http" })
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .expect("scheme, authority and path are each valid")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl FromStr for Origin {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| AddressError::Origin)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(AddressError::Origin),
        };
        match uri.authority() {
            Some(authority)
                if matches!(uri.path(), "" | "/")
                    && uri.query().is_none()
                    && !text.contains(['@', '#']) =>
            {
                Ok(Self {
                    https,
                    authority: authority.clone(),
                })
            }
            _ => Err(AddressError::Origin),
        }
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
