//! The zone that records are written for.

use std::fmt;
use std::str::FromStr;

use sotto_mimi::{Domain, DomainError, DomainProblem, OwnerName};

/// The name of a zone: absolute, lower case, A-labels.
///
/// It is a domain, a top-level one too, or labels that begin with `_` above one, as in `_mimi.example.com.`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone(String);

/// A text is not the name of a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a zone")]
pub struct ZoneError(pub String);

impl Zone {
    /// The name, with its trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `owner` relative to this zone, as a provider's web form wants it: `@` for the zone's own name, and `None` for one
    /// outside.
    #[must_use]
    pub fn relative<'a>(&self, owner: &'a OwnerName) -> Option<&'a str> {
        let below = owner.as_str().strip_suffix(&self.0)?;
        match below.strip_suffix('.') {
            Some(relative) => Some(relative),
            None => below.is_empty().then_some("@"),
        }
    }

    /// Whether `owner` is this zone's own name or lies below it.
    #[must_use]
    pub fn contains(&self, owner: &OwnerName) -> bool {
        self.relative(owner).is_some()
    }
}

impl From<&Domain> for Zone {
    fn from(domain: &Domain) -> Self {
        Self(format!("{domain}."))
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let refuse = || ZoneError(text.chars().take(253).collect());
        let mut name = String::new();
        let mut rest = text;
        while rest.starts_with('_') {
            let (label, above) = rest.split_once('.').ok_or_else(refuse)?;
            let is_plain =
                |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
            if label.len() > 63 || !label.bytes().all(is_plain) {
                return Err(refuse());
            }
            name.push_str(&label.to_ascii_lowercase());
            name.push('.');
            rest = above;
        }
        name.push_str(&domain(rest).map_err(|_| refuse())?);
        if name.len() > 253 {
            return Err(refuse());
        }
        name.push('.');
        Ok(Self(name))
    }
}

/// A domain without its last dot. One label is enough, which is too little for a [`Domain`] and is checked as a part of one.
fn domain(text: &str) -> Result<String, DomainError> {
    const BELOW: &str = "a.";
    match text.parse::<Domain>() {
        Err(DomainError {
            problem: DomainProblem::OneLabel,
            ..
        }) => {
            let longer: Domain = format!("{BELOW}{text}").parse()?;
            Ok(longer.as_str().replacen(BELOW, "", 1))
        }
        domain => domain.map(|domain| domain.as_str().to_owned()),
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
