//! One way to reach a person, and what a provider needs for it.

use crate::domain::Domain;
use crate::identifier::{Identifier, MimiUri};
use crate::record::Port;
use crate::{percent, provider};

/// One way to reach a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The provider: the identity of the service, and what interfaces show first.
    pub provider: Domain,
    /// The port to connect to, for routing only; `None` means 443.
    pub port: Option<u16>,
    /// The account at the provider; `None` means that the provider has to be asked.
    pub account: Option<String>,
    /// 0 to 65535, lower first.
    pub preference: u16,
    /// A short label of the service; never an identity.
    pub label: Option<String>,
    /// At most 8 tokens of preference, in the order published.
    pub tags: Vec<String>,
}

impl Service {
    /// The account as a MIMI URI, `mimi://<provider>/u/<account>` (draft-ietf-mimi-protocol-06 section 3).
    ///
    /// `None` without an account, and for the accounts `.` and `..`, which no URI can carry (RFC 3986
    /// section 5.2.4). The port is no part of it.
    #[must_use]
    pub fn mimi_uri(&self) -> Option<String> {
        let account = self.account.as_deref()?;
        (!matches!(account, "." | "..")).then(|| mimi_uri(&self.provider, account))
    }

    /// The URL of the provider's directory (draft-ietf-mimi-protocol-06 section 5.1).
    #[must_use]
    pub fn directory_url(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!(
            "https://{}{port}/.well-known/mimi-protocol-directory",
            self.provider
        )
    }

    /// The body of the request that asks this provider for the account behind `identifier`, for
    /// the client's own provider to POST to the `identifierQuery` URL of the directory.
    ///
    /// An `IdentifierRequest` of draft-ietf-mimi-protocol-06 section 5.8 in TLS presentation
    /// language, with vectors `<V>` as in RFC 9420 section 2.1.2 (a length of 1, 2 or 4 octets, its first
    /// two bits telling which). For `hugh@example.com`:
    ///
    /// ```text
    /// 12                query_elements<V>, its length in octets
    ///   03              QueryElement.searchType: email(3); phone(4) for a phone
    ///   10              searchValue<V>, its length in octets
    ///   68756768406578616d706c652e636f6d    UTF-8: the mailbox, or + and the digits
    /// 00                id_request_extensions: an AppDataDictionary without entries
    /// ```
    ///
    /// The mailbox is the canonical one, its domain as A-labels. `None` if the account is known, and for a host
    /// or a URI, for which the draft has no search.
    #[must_use]
    pub fn identifier_query(&self, identifier: &Identifier) -> Option<Vec<u8>> {
        match self.account {
            Some(_) => None,
            None => provider::request(identifier),
        }
    }

    pub(crate) fn effective_port(&self) -> u16 {
        self.port.unwrap_or(Port::HTTPS.number())
    }
}

impl From<&MimiUri> for Service {
    /// The service that a MIMI URI names: it needs no lookup.
    fn from(uri: &MimiUri) -> Self {
        Self {
            provider: uri.provider().clone(),
            port: None,
            account: Some(uri.account().as_str().to_owned()),
            preference: u16::MAX,
            label: None,
            tags: Vec::new(),
        }
    }
}

/// `mimi://<provider>/u/<account>`, the account percent-encoded where a path segment needs it.
pub(crate) fn mimi_uri(provider: &Domain, account: &str) -> String {
    // pchar of RFC 3986 section 3.3.
    let keep =
        |_, octet: u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&octet);
    format!("mimi://{provider}/u/{}", percent::encode(account, keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(account: Option<&str>) -> Service {
        Service {
            provider: "im.example.net".parse().unwrap(),
            port: None,
            account: account.map(str::to_owned),
            preference: 1,
            label: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn uris_carry_any_account_but_dot_segments() {
        let uri = |account| service(Some(account)).mimi_uri();
        assert_eq!(
            uri("alice").as_deref(),
            Some("mimi://im.example.net/u/alice")
        );
        assert_eq!(
            uri("+1 5/é").as_deref(),
            Some("mimi://im.example.net/u/+1%205%2F%C3%A9")
        );
        assert_eq!(uri(".."), None);
        assert_eq!(service(None).mimi_uri(), None);
    }

    #[test]
    fn the_port_routes_but_does_not_identify() {
        let mut service = service(Some("alice"));
        service.port = Some(8_443);
        assert_eq!(
            service.directory_url(),
            "https://im.example.net:8443/.well-known/mimi-protocol-directory"
        );
        assert_eq!(
            service.mimi_uri().as_deref(),
            Some("mimi://im.example.net/u/alice")
        );
    }

    #[test]
    fn the_query_names_a_mailbox_or_phone() {
        let query = |identifier: &str| service(None).identifier_query(&identifier.parse().unwrap());
        assert_eq!(
            query("Hugh@Example.com"),
            Some(b"\x12\x03\x10hugh@example.com\x00".to_vec())
        );
        assert_eq!(
            query("+44 20 7946 0148"),
            Some(b"\x0f\x04\x0d+442079460148\x00".to_vec())
        );
        assert_eq!(query("alice.example.com"), None);
        assert_eq!(query("mimi://a.example/u/alice"), None);
        assert_eq!(
            service(Some("x")).identifier_query(&"a@b.example".parse().unwrap()),
            None
        );
    }
}
