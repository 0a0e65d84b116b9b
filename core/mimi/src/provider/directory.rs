//! The directory of a provider (draft-ietf-mimi-protocol-06 section 5.1).

use std::fmt;

use serde_json::Value;

use crate::domain::{Domain, DomainError};
use crate::read::ProviderPolicy;
use crate::record::Port;

/// Octets of the largest directory that is read: it names ten URLs.
pub const DIRECTORY_MAX_OCTETS: usize = 65_536;

/// Octets of the longest URL of an endpoint, the variable not yet filled in.
const TEMPLATE_MAX_OCTETS: usize = 2_048;

/// Where the domain of the target goes.
const DOMAIN_VARIABLE: &str = "{domain}";

/// The key of the endpoint that finds accounts.
const IDENTIFIER_QUERY: &str = "identifierQuery";

/// What a provider serves at [`directory_url`](crate::Service::directory_url).
///
/// The client never contacts that provider, which would show its address: its own provider does. From a service
/// without an account to the account:
///
/// ```
/// use sotto_mimi::{Directory, Identifier, IdentifierAnswer, ProviderPolicy, Service};
///
/// let identifier: Identifier = "hugh@harbour.org".parse()?;
/// let service = Service { provider: "im.lantern.org".parse()?, port: None, account: None, preference: 1, label: None, tags: vec![] };
///
/// // GET service.directory_url()
/// let directory = Directory::parse(br#"{"identifierQuery": "https://api.lantern.org/v1/query/{domain}"}"#)?;
/// let endpoint = directory.identifier_query(&service.provider, ProviderPolicy::Public)?;
/// assert_eq!(endpoint.url(), "https://api.lantern.org/v1/query/im.lantern.org");
///
/// // POST service.identifier_query(&identifier)
/// assert!(service.identifier_query(&identifier).is_some());
/// let answer = IdentifierAnswer::parse(b"\x00\x1d\x1cmimi://im.lantern.org/u/hugh\x00\x00", &service.provider)?;
/// # let IdentifierAnswer::Accounts(accounts) = answer else { panic!() };
/// assert_eq!(accounts[0].to_string(), "mimi://im.lantern.org/u/hugh");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    identifier_query: Option<String>,
}

impl Directory {
    /// Reads a directory: a JSON object, of which only what a lookup needs is kept.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::TooLong`] or [`DirectoryError::NoObject`].
    pub fn parse(json: &[u8]) -> Result<Self, DirectoryError> {
        if json.len() > DIRECTORY_MAX_OCTETS {
            return Err(DirectoryError::TooLong);
        }
        let Ok(Value::Object(members)) = serde_json::from_slice(json) else {
            return Err(DirectoryError::NoObject);
        };
        let text = members.get(IDENTIFIER_QUERY).and_then(Value::as_str);
        Ok(Self {
            identifier_query: text.map(str::to_owned),
        })
    }

    /// Where to ask for accounts at `provider`, the domain that the record names (section 5.8).
    ///
    /// The URL may lie at any domain that `policy` lets be a provider: the directory, fetched from `provider` over
    /// TLS, vouches for it. It may not lie at an IP address, nor at a port that a record could not name, nor
    /// carry credentials.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::NoEndpoint`] and those that say what is wrong with the URL.
    pub fn identifier_query(
        &self,
        provider: &Domain,
        policy: ProviderPolicy,
    ) -> Result<Endpoint, DirectoryError> {
        let template = self.identifier_query.as_deref();
        let template = template.ok_or(DirectoryError::NoEndpoint(IDENTIFIER_QUERY))?;
        Endpoint::new(template, provider, policy)
    }
}

/// An endpoint of a provider, the variable of its URL filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: Domain,
    port: Port,
}

impl Endpoint {
    fn new(
        template: &str,
        provider: &Domain,
        policy: ProviderPolicy,
    ) -> Result<Self, DirectoryError> {
        if template.len() > TEMPLATE_MAX_OCTETS {
            return Err(DirectoryError::TooLong);
        }
        let rest = template
            .strip_prefix("https://")
            .ok_or(DirectoryError::NoHttps)?;
        let (authority, path) = rest.split_once('/').ok_or(DirectoryError::BadTemplate)?;
        let mut parts = path.split(DOMAIN_VARIABLE);
        let (Some(before), Some(after), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(DirectoryError::BadTemplate);
        };
        if !before.bytes().chain(after.bytes()).all(is_of_a_url) {
            return Err(DirectoryError::BadTemplate);
        }

        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => {
                let is_number =
                    !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit());
                let port = is_number.then(|| port.parse().ok()).flatten();
                (
                    host,
                    port.and_then(Port::new).ok_or(DirectoryError::BadPort)?,
                )
            }
            None => (authority, Port::HTTPS),
        };
        let host: Domain = host.parse().map_err(DirectoryError::BadHost)?;
        if !policy.admits(&host) {
            return Err(DirectoryError::PrivateHost(host));
        }
        let shown_port = match port {
            Port::HTTPS => String::new(),
            port => format!(":{}", port.number()),
        };
        Ok(Self {
            url: format!("https://{host}{shown_port}/{before}{provider}{after}"),
            host,
            port,
        })
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host, never an IP address. It may still resolve to one that is
    /// [not public](crate::is_public_address).
    #[must_use]
    pub const fn host(&self) -> &Domain {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> Port {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Whether a path or query may hold the octet as it is (RFC 3986 sections 3.3 and 3.4). A fragment is none of
/// a request, and another variable is one that nobody can fill in.
fn is_of_a_url(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&octet)
}

/// Why a directory is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It is longer than [`DIRECTORY_MAX_OCTETS`], or one of its URLs than 2,048 octets.
    #[error("the directory, or a URL in it, is too long")]
    TooLong,
    /// It is no JSON object.
    #[error("the directory is no JSON object")]
    NoObject,
    /// It does not name this endpoint.
    #[error("the directory names no {0} endpoint")]
    NoEndpoint(&'static str),
    /// The URL is not of the scheme https.
    #[error("the URL of the endpoint is not of the scheme https")]
    NoHttps,
    /// The URL has not exactly one `{domain}` in its path or query, or what no URL can hold.
    #[error("the URL of the endpoint is none, or does not hold {{domain}} once")]
    BadTemplate,
    /// The port is neither 443 nor above 1023.
    #[error("the port of the endpoint is neither 443 nor above 1023")]
    BadPort,
    /// The host is no domain name: an IP address, for one.
    #[error("the host of the endpoint is no domain name: {0}")]
    BadHost(#[source] DomainError),
    /// The host is of a private network, or of nobody.
    #[error("the host of the endpoint, {0}, is reserved: no provider is there")]
    PrivateHost(Domain),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint, DirectoryError> {
        let json = serde_json::json!({ "keyMaterial": 7, "identifierQuery": url }).to_string();
        let provider = "im.lantern.org".parse().unwrap();
        Directory::parse(json.as_bytes())?.identifier_query(&provider, ProviderPolicy::Public)
    }

    #[test]
    fn the_variable_is_filled_in() {
        for (template, url) in [
            (
                "https://mimi.lantern.org/v1/identifierQuery/{domain}",
                "https://mimi.lantern.org/v1/identifierQuery/im.lantern.org",
            ),
            (
                "https://API.lantern.org:8443/{domain}/find?x=%20",
                "https://api.lantern.org:8443/im.lantern.org/find?x=%20",
            ),
            (
                "https://lantern.org:443/q?d={domain}",
                "https://lantern.org/q?d=im.lantern.org",
            ),
        ] {
            assert_eq!(endpoint(template).unwrap().url(), url);
        }
    }

    #[test]
    fn endpoints_in_private_networks_are_refused() {
        let reserved = |host: &str| DirectoryError::PrivateHost(host.parse().unwrap());
        for host in [
            "router.local",
            "db.internal",
            "x.localhost",
            "printer.home.arpa",
        ] {
            assert_eq!(
                endpoint(&format!("https://{host}/{{domain}}")),
                Err(reserved(host))
            );
        }
        for host in [
            "127.0.0.1",
            "192.168.0.1",
            "localhost",
            "[::1]",
            "2130706433",
            "0x7f.1",
            "",
        ] {
            let found = endpoint(&format!("https://{host}/{{domain}}"));
            assert!(
                matches!(
                    found,
                    Err(DirectoryError::BadHost(_) | DirectoryError::BadPort)
                ),
                "{host}: {found:?}"
            );
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for (url, error) in [
            ("http://lantern.org/{domain}", DirectoryError::NoHttps),
            ("file:///etc/passwd", DirectoryError::NoHttps),
            ("https://lantern.org", DirectoryError::BadTemplate),
            ("https://lantern.org/", DirectoryError::BadTemplate),
            (
                "https://lantern.org/{domain}/{domain}",
                DirectoryError::BadTemplate,
            ),
            (
                "https://lantern.org/{domain}/{user}",
                DirectoryError::BadTemplate,
            ),
            (
                "https://lantern.org/{domain}#x",
                DirectoryError::BadTemplate,
            ),
            (
                "https://lantern.org/a b/{domain}",
                DirectoryError::BadTemplate,
            ),
            (
                "https://lantern.org/\r\n/{domain}",
                DirectoryError::BadTemplate,
            ),
            ("https://lantern.org:22/{domain}", DirectoryError::BadPort),
            ("https://lantern.org:+443/{domain}", DirectoryError::BadPort),
            ("https://lantern.org:/{domain}", DirectoryError::BadPort),
        ] {
            assert_eq!(endpoint(url), Err(error), "{url}");
        }
        for url in ["https://a@lantern.org/{domain}", "https://{domain}/x"] {
            assert!(endpoint(url).is_err(), "{url}");
        }
        let long = format!("https://lantern.org/{}{{domain}}", "x".repeat(2_048));
        assert_eq!(endpoint(&long), Err(DirectoryError::TooLong));
    }

    #[test]
    fn a_directory_is_an_object_of_bounded_size() {
        for json in [&b"[]"[..], b"", b"<html>", b"\"x\"", b"{\"a\":"] {
            assert_eq!(Directory::parse(json), Err(DirectoryError::NoObject));
        }
        let long = vec![b' '; DIRECTORY_MAX_OCTETS + 1];
        assert_eq!(Directory::parse(&long), Err(DirectoryError::TooLong));
        let provider = "im.lantern.org".parse().unwrap();
        for json in [&b"{}"[..], b"{\"identifierQuery\": 7}"] {
            assert_eq!(
                Directory::parse(json)
                    .unwrap()
                    .identifier_query(&provider, ProviderPolicy::Public),
                Err(DirectoryError::NoEndpoint("identifierQuery"))
            );
        }
    }

    #[test]
    fn under_a_private_root_its_names_are_providers() {
        let directory =
            Directory::parse(b"{\"identifierQuery\":\"https://im.lantern.test/{domain}\"}")
                .unwrap();
        let provider = "im.lantern.test".parse().unwrap();
        assert!(
            directory
                .identifier_query(&provider, ProviderPolicy::PrivateRoot)
                .is_ok()
        );
        assert!(
            directory
                .identifier_query(&provider, ProviderPolicy::Public)
                .is_err()
        );
    }
}
