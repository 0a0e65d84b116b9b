//! Relay URLs: parsed once, so that nothing a relay says can lead the client anywhere else.

use std::fmt;

use http::Uri;
use sotto_wire::path;

/// Octets of the longest URL that is accepted, and of the longest path in a description.
const MAX_URL_BYTES: usize = 2_048;

/// A relay, or one relay resource, by URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelayUrl {
    /// Scheme and authority, without trailing slash.
    origin: String,
    host: String,
    /// The path of the relay resource; `None` for a relay's origin.
    resource: Option<String>,
}

/// What is wrong with a relay's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not an absolute URL of printable ASCII.
    #[error("not an absolute URL; write it as in `https://relay.example`")]
    Malformed,
    /// Too long.
    #[error("longer than {MAX_URL_BYTES} octets")]
    TooLong,
    /// Neither https nor http.
    #[error("a relay speaks https")]
    Scheme,
    /// Plain HTTP without permission.
    #[error(
        "plain HTTP shows to the network who asks; use https, or permit http for loopback or a fronting proxy"
    )]
    PlainHttp,
    /// User information before the host.
    #[error("user information is not supported; remove everything up to `@`")]
    UserInformation,
    /// A query or a fragment.
    #[error("a relay resource has neither query nor fragment; remove it")]
    QueryOrFragment,
}

impl RelayUrl {
    /// Reads an https URL, or with `allow_http` an http one.
    pub(crate) fn parse(text: &str, allow_http: bool) -> Result<Self, UrlError> {
        if text.len() > MAX_URL_BYTES {
            return Err(UrlError::TooLong);
        }
        if text.contains(['?', '#']) {
            return Err(UrlError::QueryOrFragment);
        }
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(UrlError::Malformed);
        };
        match scheme {
            "https" => {}
            "http" if allow_http => {}
            "http" => return Err(UrlError::PlainHttp),
            _ => return Err(UrlError::Scheme),
        }
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInformation);
        }
        // `Authority::port` is silent about a port that is none.
        let port = authority
            .as_str()
            .strip_prefix(authority.host())
            .unwrap_or_default();
        let port_is_fine = match port.strip_prefix(':') {
            Some(digits) => digits.parse().is_ok_and(|port: u16| port != 0),
            None => port.is_empty(),
        };
        if authority.host().is_empty() || !port_is_fine {
            return Err(UrlError::Malformed);
        }
        let resource = match uri.path().trim_end_matches('/') {
            "" => None,
            path if is_resource_path(path) => Some(path.to_owned()),
            _ => return Err(UrlError::Malformed),
        };
        Ok(Self {
            origin: format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()),
            host: authority.host().to_ascii_lowercase(),
            resource,
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Host, and port if the URL names one.
    pub(crate) fn authority(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or(&self.origin, |(_, authority)| authority)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// The path of the relay resource, if the URL names one.
    pub(crate) fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// The URL of the relay's description.
    pub(crate) fn description(&self) -> String {
        format!("{}{}", self.origin, path::DESCRIPTION)
    }

    /// The URL of the relay resource at `path`.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The URL of the key document of the relay resource at `path`.
    pub(crate) fn keys_at(&self, path: &str) -> String {
        format!("{}{path}{}", self.origin, path::KEYS_SUFFIX)
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}{}",
            self.origin,
            self.resource.as_deref().unwrap_or_default()
        )
    }
}

/// Whether `path` names a resource on its own origin, and only there.
///
/// Appended to an origin it must neither extend the host (`.evil.example`, `@evil.example`) nor
/// be read as something else by an HTTP stack (`//evil.example`, `?`, `#`, `..`, a backslash).
pub(crate) fn is_resource_path(path: &str) -> bool {
    path.len() <= MAX_URL_BYTES
        && path.starts_with('/')
        && path.len() > 1
        && path[1..]
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | ".."))
        && path
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:%".contains(&octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_or_a_resource() {
        let origin = RelayUrl::parse("https://Relay.Example:8443/", false).unwrap();
        assert_eq!(origin.resource(), None);
        assert_eq!(
            origin.description(),
            "https://relay.example:8443/.well-known/sotto"
        );
        let resource = RelayUrl::parse("https://relay.example/g.example/", false).unwrap();
        assert_eq!(resource.resource(), Some("/g.example"));
        assert_eq!(
            resource.keys_at("/g.example"),
            "https://relay.example/g.example/keys"
        );
        assert_eq!(
            RelayUrl::parse("http://[::1]:80", true).unwrap().host(),
            "[::1]"
        );
    }

    #[test]
    fn everything_else_is_refused() {
        for (url, error) in [
            ("relay.example", UrlError::Malformed),
            ("", UrlError::Malformed),
            ("https://", UrlError::Malformed),
            ("https://relay.example:0", UrlError::Malformed),
            ("https://relay.example:99999", UrlError::Malformed),
            ("https://relay.example/a//b", UrlError::Malformed),
            ("https://relay.example/../b", UrlError::Malformed),
            ("https://bücher.example", UrlError::Malformed),
            ("ftp://relay.example", UrlError::Scheme),
            ("http://relay.example", UrlError::PlainHttp),
            ("https://me:secret@relay.example", UrlError::UserInformation),
            ("https://relay.example/?q", UrlError::QueryOrFragment),
            ("https://relay.example/#f", UrlError::QueryOrFragment),
        ] {
            assert_eq!(RelayUrl::parse(url, false), Err(error), "{url}");
        }
        let long = format!("https://relay.example/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(RelayUrl::parse(&long, false), Err(UrlError::TooLong));
    }

    #[test]
    fn a_description_cannot_point_elsewhere() {
        for path in [
            "//evil.example",
            ".evil.example",
            "@evil.example",
            "",
            "/",
            "/a?b",
            "/a#b",
            "/a/../b",
            "/\\evil",
            "/a b",
        ] {
            assert!(!is_resource_path(path), "{path}");
        }
        assert!(is_resource_path("/gateway.example.net"));
        assert!(is_resource_path("/v1/gateway.example.net"));
    }
}
