//! Domain names as people write them, in the one form that DNS and comparison need.

use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// Octets of the longest domain name without its trailing dot (RFC 1035 section 2.3.4: 255 in wire form).
pub(crate) const DOMAIN_MAX_OCTETS: usize = 253;

/// Octets of the longest label (RFC 1035 section 2.3.4).
const LABEL_MAX_OCTETS: usize = 63;

/// Octets of the longest text that is mapped at all: a domain of 253 characters, each of four octets
/// in UTF-8. It bounds the Punycode work that hostile input can cause.
const INPUT_MAX_OCTETS: usize = 4 * DOMAIN_MAX_OCTETS;

/// Names that the public DNS never delegates to a provider: the Special-Use Domain Names registry
/// (RFC 6761), `internal` (reserved by ICANN for private use), and all of `arpa` (RFC 3172).
const SPECIAL_USE: [&str; 12] = [
    "alt",
    "arpa",
    "example",
    "example.com",
    "example.net",
    "example.org",
    "internal",
    "invalid",
    "local",
    "localhost",
    "onion",
    "test",
];

/// A domain name of at least two labels: A-labels, lower case, no trailing dot.
///
/// Parsing maps by UTS 46, non-transitional, with STD 3 rules (letters, digits and hyphens), and
/// accepts one trailing dot. IP literals are refused.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    /// The name without a trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is `ancestor` or lies below it.
    fn is_at_or_below(&self, ancestor: &str) -> bool {
        self.0
            .strip_suffix(ancestor)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// Whether the public DNS reserves the name (RFC 6761), so that no provider can live there.
    #[must_use]
    pub fn is_special_use(&self) -> bool {
        SPECIAL_USE
            .iter()
            .any(|reserved| self.is_at_or_below(reserved))
    }

    /// Whether stub resolvers answer the name with the loopback address, whatever the DNS says
    /// (RFC 6761 section 6.3).
    pub(crate) fn is_loopback(&self) -> bool {
        self.is_at_or_below("localhost")
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let refuse = |problem| DomainError {
            domain: text.chars().take(DOMAIN_MAX_OCTETS).collect(),
            problem,
        };
        if text.is_empty() {
            return Err(refuse(DomainProblem::Empty));
        }
        if text.len() > INPUT_MAX_OCTETS {
            return Err(refuse(DomainProblem::TooLong));
        }
        let mapped = Uts46::new()
            .to_ascii(
                text.as_bytes(),
                AsciiDenyList::STD3,
                // A label such as "r3---sn" exists; only the outer hyphens break STD 3.
                Hyphens::CheckFirstLast,
                DnsLength::Ignore,
            )
            .map_err(|_| refuse(DomainProblem::NotAHostName))?;
        let name = mapped.strip_suffix('.').unwrap_or(&mapped);
        if name.len() > DOMAIN_MAX_OCTETS {
            return Err(refuse(DomainProblem::TooLong));
        }
        if name.split('.').any(str::is_empty) {
            return Err(refuse(DomainProblem::EmptyLabel));
        }
        if name.split('.').any(|label| label.len() > LABEL_MAX_OCTETS) {
            return Err(refuse(DomainProblem::LongLabel));
        }
        let Some((_, top)) = name.rsplit_once('.') else {
            return Err(refuse(DomainProblem::OneLabel));
        };
        if is_number(top) {
            return Err(refuse(DomainProblem::IpLiteral));
        }
        Ok(Self(name.to_owned()))
    }
}

/// Whether a last label makes address parsers read the whole as an IPv4 address: digits, or `0x` and
/// hexadecimal digits (no top-level domain looks so: RFC 3696 section 2).
fn is_number(label: &str) -> bool {
    label.bytes().all(|octet| octet.is_ascii_digit())
        || label
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()))
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a [`Domain`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{domain:?} is not a domain name: {problem}")]
pub struct DomainError {
    /// The text, cut at 253 characters.
    pub domain: String,
    /// What is wrong with it.
    pub problem: DomainProblem,
}

/// What is wrong with a text that should be a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainProblem {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// Two dots stand together, or one stands in front.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label exceeds 63 octets as an A-label.
    #[error("a label has more than 63 octets")]
    LongLabel,
    /// The name exceeds 253 octets as A-labels.
    #[error("it has more than 253 octets")]
    TooLong,
    /// A character, hyphen or A-label breaks UTS 46 or STD 3.
    #[error(
        "only letters, digits and inner hyphens are allowed, and valid internationalised labels"
    )]
    NotAHostName,
    /// There is no dot.
    #[error("it has one label only, at least two are needed")]
    OneLabel,
    /// It would be read as an IP address.
    #[error("it is an IP address")]
    IpLiteral,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> DomainProblem {
        text.parse::<Domain>().unwrap_err().problem
    }

    #[test]
    fn every_problem_is_named() {
        assert_eq!(problem(""), DomainProblem::Empty);
        assert_eq!(problem("a..example"), DomainProblem::EmptyLabel);
        assert_eq!(problem(".example"), DomainProblem::EmptyLabel);
        assert_eq!(problem("a.example.."), DomainProblem::EmptyLabel);
        assert_eq!(
            problem(&format!("{}.example", "a".repeat(64))),
            DomainProblem::LongLabel
        );
        assert_eq!(
            problem(&format!("{}example", "a.".repeat(124))),
            DomainProblem::TooLong
        );
        assert_eq!(problem(&"ü".repeat(4_000)), DomainProblem::TooLong);
        assert_eq!(problem("a_b.example"), DomainProblem::NotAHostName);
        assert_eq!(problem("-a.example"), DomainProblem::NotAHostName);
        assert_eq!(problem("[::1]"), DomainProblem::NotAHostName);
        assert_eq!(problem("xn--a.example"), DomainProblem::NotAHostName);
        assert_eq!(problem("localhost"), DomainProblem::OneLabel);
        assert_eq!(problem("127.0.0.1"), DomainProblem::IpLiteral);
        assert_eq!(problem("127.0.0.0x1"), DomainProblem::IpLiteral);
        assert_eq!(problem("１２７。０。０。１"), DomainProblem::IpLiteral);
    }

    #[test]
    fn one_form_for_all_spellings() {
        for text in [
            "Bücher.example",
            "BÜCHER.EXAMPLE.",
            "xn--bcher-kva.example",
            "bücher。example",
        ] {
            assert_eq!(
                text.parse::<Domain>().unwrap().as_str(),
                "xn--bcher-kva.example",
                "{text}"
            );
        }
        // Non-transitional: the sharp s stays itself.
        assert_eq!(
            "faß.example".parse::<Domain>().unwrap().as_str(),
            "xn--fa-hia.example"
        );
    }

    #[test]
    fn special_use_is_judged_at_label_boundaries() {
        let special = |text: &str| text.parse::<Domain>().unwrap().is_special_use();
        assert!(special("im.test"));
        assert!(special("a.example.com"));
        assert!(special("example.com"));
        assert!(!special("myexample.com"));
        assert!(!special("latest.io"));
    }
}
