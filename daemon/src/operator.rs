//! The domain of whoever operates a server, as clients judge it.

/// What helps against [`NoOperator`].
pub const REMEDY: &str = "give the domain that you have registered, as in \"operator.example\"; every client would refuse this one";

/// Why a domain tells nobody who operates a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoOperator {
    /// It is a top-level domain, or a name of no domain.
    #[error("is a single label, which is nobody's domain")]
    SingleLabel,
    /// Anybody may register below it.
    #[error("is a public suffix (publicsuffix.org), below which anybody may register")]
    PublicSuffix,
}

/// Checks that clients can tell by `domain` (A-labels in lower case, no trailing dot) who operates a server: they compare relay and
/// gateway by the registrable domain of the Public Suffix List.
///
/// # Errors
///
/// [`NoOperator`], where there is no such domain.
pub fn check(domain: &str) -> Result<(), NoOperator> {
    if !domain.contains('.') {
        return Err(NoOperator::SingleLabel);
    }
    psl::domain_str(domain)
        .map(|_| ())
        .ok_or(NoOperator::PublicSuffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_has_a_registrable_domain() {
        for domain in [
            "operator.example",
            "relay-one.test",
            "relay.operator.co.uk",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(check(domain), Ok(()), "{domain}");
        }
        for domain in ["co.uk", "github.io"] {
            assert_eq!(check(domain), Err(NoOperator::PublicSuffix), "{domain}");
        }
        for domain in ["localhost", "com", ""] {
            assert_eq!(check(domain), Err(NoOperator::SingleLabel), "{domain}");
        }
    }
}
