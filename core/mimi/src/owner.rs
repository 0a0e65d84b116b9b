//! Where in the DNS an identifier's records live.

use std::fmt;
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};

use crate::domain::{DOMAIN_MAX_OCTETS, Domain};
use crate::identifier::{Identifier, IdentifierError, Mailbox, Phone};
use crate::read::PathStep;

/// The RR types for private use (RFC 6895 section 3.1).
pub const PRIVATE_USE_TYPES: RangeInclusive<u16> = 65_280..=65_534;

/// The RR type that stands for MIMI by default: one of [`PRIVATE_USE_TYPES`].
pub const DEFAULT_MIMI_TYPE: u16 = 65_400;

/// The label below which a domain's MIMI records live.
const MIMI_LABEL: &str = "_mimi";

/// The label below which a domain's mailboxes live.
const USER_LABEL: &str = "_user";

/// Octets of SHA-256 in a mailbox's label (RFC 7929 section 3).
const HASH_OCTETS: usize = 28;

/// Octets of the longest domain of a mailbox: 253 less the 69 of `<56 hex digits>._user._mimi.`.
pub(crate) const MAILBOX_DOMAIN_MAX_OCTETS: usize =
    DOMAIN_MAX_OCTETS - (2 * HASH_OCTETS + 1 + USER_LABEL.len() + 1 + MIMI_LABEL.len() + 1);

/// Octets of the longest host: 253 less the 6 of `_mimi.`.
pub(crate) const HOST_MAX_OCTETS: usize = DOMAIN_MAX_OCTETS - (MIMI_LABEL.len() + 1);

/// In which form a MIMI record is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RecordForm {
    /// TXT (type 16), the default.
    #[default]
    Txt,
    /// A private-use RR type, [`DEFAULT_MIMI_TYPE`] unless configured, with the RDATA of TXT.
    Mimi,
}

/// The absolute domain name that carries an identifier's records, in presentation form.
///
/// Only letters, digits, hyphens, underscores and the wildcard's asterisk occur, so nothing is ever escaped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerName(String);

impl OwnerName {
    /// The wildcard that speaks for every mailbox of `domain`; its records carry no account.
    ///
    /// # Errors
    ///
    /// [`IdentifierError::LongDomain`], as for a mailbox at that domain.
    pub fn every_mailbox(domain: &Domain) -> Result<Self, IdentifierError> {
        crate::identifier::check_length(domain, MAILBOX_DOMAIN_MAX_OCTETS)?;
        Ok(Self(format!("*.{USER_LABEL}.{MIMI_LABEL}.{domain}.")))
    }

    pub(crate) fn of_host(host: &Domain, form: RecordForm) -> Self {
        match form {
            RecordForm::Txt => Self(format!("{MIMI_LABEL}.{host}.")),
            RecordForm::Mimi => Self(format!("{host}.")),
        }
    }

    pub(crate) fn of_mailbox(mailbox: &Mailbox) -> Self {
        let digest = Sha256::digest(mailbox.local_part().as_bytes());
        let label: String = digest[..HASH_OCTETS]
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        Self(format!(
            "{label}.{USER_LABEL}.{MIMI_LABEL}.{}.",
            mailbox.domain()
        ))
    }

    pub(crate) fn of_phone(phone: &Phone, zone: &Domain) -> Result<Self, IdentifierError> {
        let prefix = MIMI_LABEL.len() + 1 + 2 * phone.digits().len();
        crate::identifier::check_length(zone, DOMAIN_MAX_OCTETS - prefix)?;
        let mut name = String::from(MIMI_LABEL);
        for digit in phone.digits().chars().rev() {
            name.push('.');
            name.push(digit);
        }
        Ok(Self(format!("{name}.{zone}.")))
    }

    /// The name, with its trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name from its `_mimi` label on; `None` for the private MIMI type at a bare host.
    ///
    /// No domain of an identifier holds an underscore, so there is at most one such label.
    #[must_use]
    pub fn mimi_label_suffix(&self) -> Option<&str> {
        let mut suffix = self.0.as_str();
        while !suffix.is_empty() {
            let (label, rest) = suffix.split_once('.')?;
            if label == MIMI_LABEL {
                return Some(suffix);
            }
            suffix = rest;
        }
        None
    }

    /// How many labels stand in front of the `_mimi` label; `None` for the private MIMI type at a bare host.
    fn labels_below_mimi(&self) -> Option<usize> {
        let suffix = self.mimi_label_suffix()?;
        Some(self.0[..self.0.len() - suffix.len()].matches('.').count())
    }

    /// Whether whoever published what `path` leads to meant MIMI, so that it speaks for this name.
    pub(crate) fn is_meant_by(&self, path: &[PathStep]) -> bool {
        let Some(labels) = self.labels_below_mimi() else {
            return path.iter().all(|step| !step.from_wildcard);
        };
        for step in path {
            let Some(node) = without_labels(&step.name, labels) else {
                return false;
            };
            if is_at_or_below(&step.owner, node) {
                // Published for MIMI. If it is an alias, the domain has handed the name over, and what the
                // target's zone says of it counts, in whatever way it is written.
                return true;
            }
            if step.from_wildcard {
                return false;
            }
            // A DNAME above renames the `_mimi` node with everything else: the same labels stay in front of it.
        }
        true
    }
}

/// `name` without its first `count` labels, none of which holds an escaped dot.
fn without_labels(name: &str, count: usize) -> Option<&str> {
    (0..count).try_fold(name, |rest, _| Some(rest.split_once('.')?.1))
}

/// Whether `name` is `ancestor` or lies below it; both absolute, in presentation form.
fn is_at_or_below(name: &str, ancestor: &str) -> bool {
    let Some(at) = name.len().checked_sub(ancestor.len()) else {
        return false;
    };
    let (labels, end) = name.as_bytes().split_at(at);
    // The dot in front must part two labels, not be an escaped octet of one.
    let is_parted = labels.strip_suffix(b".").is_some_and(|labels| {
        let escapes = labels.iter().rev().take_while(|octet| **octet == b'\\');
        escapes.count() % 2 == 0
    });
    (labels.is_empty() || is_parted) && end.eq_ignore_ascii_case(ancestor.as_bytes())
}

impl Identifier {
    /// The owner name of this identifier's records.
    ///
    /// `phone_zone` is needed for phones only, and has no default: the public `e164.arpa` would see the
    /// bare number and almost always deny it.
    ///
    /// # Errors
    ///
    /// [`IdentifierError::AlreadyResolved`] for a `mimi://` URI, [`IdentifierError::NoPhoneZone`] for a phone
    /// without a zone, [`IdentifierError::LongDomain`] if the name would exceed 255 octets.
    pub fn owner(
        &self,
        form: RecordForm,
        phone_zone: Option<&Domain>,
    ) -> Result<OwnerName, IdentifierError> {
        match self {
            Self::Host(host) => Ok(OwnerName::of_host(host, form)),
            Self::Mailbox(mailbox) => Ok(OwnerName::of_mailbox(mailbox)),
            Self::Phone(phone) => {
                OwnerName::of_phone(phone, phone_zone.ok_or(IdentifierError::NoPhoneZone)?)
            }
            Self::Uri(_) => Err(IdentifierError::AlreadyResolved),
        }
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(identifier: &str, form: RecordForm) -> OwnerName {
        let zone = "enum.example".parse().unwrap();
        identifier
            .parse::<Identifier>()
            .unwrap()
            .owner(form, Some(&zone))
            .unwrap()
    }

    #[test]
    fn the_limits_are_those_of_the_profile() {
        assert_eq!(MAILBOX_DOMAIN_MAX_OCTETS, 184);
        assert_eq!(HOST_MAX_OCTETS, 247);
    }

    #[test]
    fn the_private_type_moves_hosts_only() {
        assert_eq!(
            owner("alice.example.com", RecordForm::Mimi).as_str(),
            "alice.example.com."
        );
        for same in ["hugh@example.com", "+15551234567"] {
            assert_eq!(owner(same, RecordForm::Mimi), owner(same, RecordForm::Txt));
        }
    }

    #[test]
    fn the_suffix_starts_at_the_mimi_label() {
        assert_eq!(
            owner("a@b.example", RecordForm::Txt).mimi_label_suffix(),
            Some("_mimi.b.example.")
        );
        assert_eq!(
            owner("a.example", RecordForm::Txt).mimi_label_suffix(),
            Some("_mimi.a.example.")
        );
        assert_eq!(
            owner("a.example", RecordForm::Mimi).mimi_label_suffix(),
            None
        );
    }

    #[test]
    fn a_name_is_below_another_by_whole_labels() {
        let node = "_mimi.example.com.";
        for below in [
            "_mimi.example.com.",
            "*._user._mimi.example.com.",
            "*._MIMI.Example.com.",
            r"*.a\\._mimi.example.com.",
        ] {
            assert!(is_at_or_below(below, node), "{below}");
        }
        for elsewhere in [
            "*.example.com.",
            "*._mimi.other.com.",
            "*.x_mimi.example.com.",
            r"*.a\._mimi.example.com.",
            "com.",
        ] {
            assert!(!is_at_or_below(elsewhere, node), "{elsewhere}");
        }
    }

    #[test]
    fn every_mailbox_has_one_wildcard() {
        let owner = OwnerName::every_mailbox(&"example.com".parse().unwrap()).unwrap();
        assert_eq!(owner.as_str(), "*._user._mimi.example.com.");
    }

    #[test]
    fn a_phone_zone_may_be_too_long() {
        let zone = format!("{}example", "aaaa.".repeat(44)).parse().unwrap();
        let phone = "+123456789012345".parse::<Identifier>().unwrap();
        assert!(matches!(
            phone.owner(RecordForm::Txt, Some(&zone)),
            Err(IdentifierError::LongDomain { most: 217, .. })
        ));
    }
}
