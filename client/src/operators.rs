//! Who runs the relay and who runs the gateway, and whether that is the same party.
//!
//! Privacy rests on one thing: the two are different people (RFC 9458 section 6). A relay names
//! its operator in its description, a gateway in its proved key record. That protects against
//! misconfiguration, not against liars.

use std::fmt;

use crate::outcome::{Code, Detail, Unavailable};
use crate::setup::{GatewayEntry, RelayEntry};

/// The operator of a relay or a gateway, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operator {
    /// The operator's domain, lower case, without trailing dot.
    pub domain: String,
    /// Who says so.
    pub source: Source,
}

/// Who says who the operator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The operator's own domain, under DNSSEC (the gateway's key record).
    Proved,
    /// The party itself, unproved (the relay's description).
    Declared,
    /// The caller, in its [`crate::Setup`].
    Stated,
}

impl Operator {
    /// Normalises `domain`; `None` if it is not a name with at least two labels.
    pub(crate) fn new(domain: &str, source: Source) -> Option<Self> {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        let labels_are_fine = domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
        });
        (labels_are_fine && domain.len() <= 253 && domain.contains('.'))
            .then_some(Self { domain, source })
    }

    /// The registrable domain by the Public Suffix List; `None` for a public suffix itself.
    #[must_use]
    pub fn registrable_domain(&self) -> Option<&str> {
        psl::domain_str(&self.domain)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.domain)
    }
}

/// The two operators of a lookup, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operators {
    /// The relay's.
    pub relay: Option<Operator>,
    /// The gateway's.
    pub gateway: Option<Operator>,
}

impl Operators {
    /// These, and where one is not known, that of `others`.
    pub(crate) fn or(self, others: &Self) -> Self {
        Self {
            relay: self.relay.or_else(|| others.relay.clone()),
            gateway: self.gateway.or_else(|| others.gateway.clone()),
        }
    }

    /// Whether both are known and differ in their registrable domain.
    #[must_use]
    pub fn are_separate(&self) -> bool {
        self.check().is_ok()
    }

    /// Refuses a pair of which the caller says otherwise than the relay declares or the keys prove.
    ///
    /// Only the registrable domains count, as for separation: it is the same party that matters.
    pub(crate) fn agree_with(
        &self,
        relay: &RelayEntry,
        gateway: &GatewayEntry,
    ) -> Result<(), Unavailable> {
        for (role, known, stated) in [
            ("relay", &self.relay, &relay.operator),
            ("gateway", &self.gateway, &gateway.operator),
        ] {
            let (Some(known), Some(stated)) = (known, stated) else {
                continue;
            };
            if known.registrable_domain() != stated.registrable_domain() {
                let detail = Detail::Conflict {
                    role,
                    stated: stated.domain.clone(),
                    known: known.clone(),
                };
                return Err(Unavailable::with(Code::OperatorConflict, detail));
            }
        }
        Ok(())
    }

    /// Refuses a pair of one operator, or one with an unknown member.
    pub(crate) fn check(&self) -> Result<(), Unavailable> {
        let known = |operator: &Option<Operator>, role: &'static str| {
            operator
                .as_ref()
                .and_then(Operator::registrable_domain)
                .map(str::to_owned)
                .ok_or_else(|| Unavailable::with(Code::OperatorUnknown, Detail::Party(role)))
        };
        let relay = known(&self.relay, "relay")?;
        let gateway = known(&self.gateway, "gateway")?;
        if relay == gateway {
            return Err(Unavailable::with(Code::SameOperator, Detail::Domain(relay)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(relay: &str, gateway: &str) -> Operators {
        Operators {
            relay: Operator::new(relay, Source::Declared),
            gateway: Operator::new(gateway, Source::Proved),
        }
    }

    #[test]
    fn operators_differ_by_registrable_domain() {
        assert!(pair("relay.example", "gateway.example.net").are_separate());
        assert!(pair("one.co.uk", "two.co.uk").are_separate());
        assert!(!pair("relay.company.co.uk", "Gateway.Company.co.uk.").are_separate());
    }

    #[test]
    fn one_operator_is_named() {
        let refusal = pair("a.company.example", "b.company.example")
            .check()
            .unwrap_err();
        assert_eq!(refusal.code, Code::SameOperator);
        assert!(refusal.to_string().contains("company.example"), "{refusal}");
    }

    #[test]
    fn a_public_suffix_operates_nothing() {
        for unknown in [
            "co.uk",
            "com",
            "",
            ".",
            "a..b",
            "exa mple.org",
            "bücher.example",
        ] {
            let refusal = pair("relay.example", unknown).check().unwrap_err();
            assert_eq!(refusal.code, Code::OperatorUnknown, "{unknown}");
            assert!(refusal.to_string().contains("gateway"), "{refusal}");
        }
    }

    #[test]
    fn names_under_a_private_root_compare_too() {
        assert!(pair("relay-one.test", "gateway-operator.test").are_separate());
        assert!(!pair("relay.operator.test", "gateway.operator.test").are_separate());
    }
}
