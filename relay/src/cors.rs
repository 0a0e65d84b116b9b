//! What browsers are told (the CORS protocol of the Fetch standard). Pure.
//!
//! Any page may use a relay by default: there is nothing behind it that belongs to the visitor. No cookie, no
//! credential and no permission is ever looked at, so a page can do with a relay what anybody can, and what comes back
//! is sealed for whoever sealed the request. An operator who serves one application only may list its origins; that
//! keeps other pages out of browsers, and nobody else out of anything.
//!
//! Architecture Invariant: `Access-Control-Allow-Credentials` is never sent, and no field holds what a client sent: an
//! origin that is answered is the configured one.

use http::{
    HeaderMap, HeaderValue,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
    },
};
use serde::{Deserialize, de};

/// The one field that scripts may read beside those that every script may (Content-Type, Content-Length and
/// Cache-Control).
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after");

/// Seconds that a browser may remember a preflight: a day, which browsers cut to two hours or less.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Which pages may use the relay from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// The origins of the pages: `["*"]` for all, none to say nothing to browsers.
    pub origins: Origins,
}

/// Origins of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Every page. The answer is the same for all.
    #[default]
    Any,
    /// Pages of these origins; none at all if there is none.
    Listed(Vec<HeaderValue>),
}

/// Why a text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginsError {
    /// `*` beside others.
    #[error("\"*\" beside other origins; leave the others out, or \"*\"")]
    AnyBesideOthers,
    /// Not what a browser sends.
    #[error(
        "not an origin; give it as browsers send it, in lower case: https://chat.example or https://chat.example:8443"
    )]
    Form,
}

impl Origins {
    /// Reads a list of origins.
    ///
    /// # Errors
    ///
    /// [`OriginsError`].
    pub fn parse<T: AsRef<str>>(origins: &[T]) -> Result<Self, OriginsError> {
        if origins.iter().any(|origin| origin.as_ref() == "*") {
            return match origins {
                [_] => Ok(Self::Any),
                _ => Err(OriginsError::AnyBesideOthers),
            };
        }
        let origins = origins.iter().map(|origin| read(origin.as_ref()));
        Ok(Self::Listed(origins.collect::<Result<_, _>>()?))
    }

    /// Whether browsers are told anything.
    fn is_none(&self) -> bool {
        matches!(self, Self::Listed(origins) if origins.is_empty())
    }
}

impl Cors {
    /// Whether there are preflights to answer.
    pub(crate) fn answers_preflights(&self) -> bool {
        !self.origins.is_none()
    }

    /// What every answer has, refusals included.
    pub(crate) fn mark(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let allowed = match &self.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::Listed(origins) if origins.is_empty() => return,
            Origins::Listed(origins) => {
                // What one page is told must not be given to another.
                answer.insert(VARY, HeaderValue::from_static("origin"));
                let asking = request.get(ORIGIN);
                let listed = origins.iter().find(|origin| Some(*origin) == asking);
                listed.cloned()
            }
        };
        if let Some(allowed) = allowed {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// What the answer to a preflight has beside.
    pub(crate) fn mark_preflight(answer: &mut HeaderMap) {
        answer.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        );
        answer.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("content-type"),
        );
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
}

/// An origin as a browser serialises it (RFC 6454 section 6.2), of any scheme.
fn read(origin: &str) -> Result<HeaderValue, OriginsError> {
    let is_part = |part: &str, others: &str| {
        !part.is_empty()
            && part.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || others.contains(letter)
            })
    };
    match origin.split_once("://") {
        Some((scheme, host)) if is_part(scheme, "+-.") && is_part(host, "-.:[]_") => {
            HeaderValue::from_str(origin).map_err(|_| OriginsError::Form)
        }
        _ => Err(OriginsError::Form),
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Vec::<String>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
