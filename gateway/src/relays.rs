//! Which relays are admitted, by bearer token (RFC 6750 section 2.1).
//!
//! Tokens are held and compared as SHA-256 digests, every one of them each time, so that neither the time taken nor a copy of
//! the memory tells a token.

use std::{fmt, num::NonZeroU32};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, header};
use sotto_daemon::token::{TOKEN_MAX_LENGTH, Token, TokenError};

use crate::config;

/// The name in metrics and views of a relay that is admitted without being listed.
pub const UNLISTED: &str = "unlisted";

/// The relays that are admitted.
pub struct Relays {
    listed: Vec<Listed>,
    open: bool,
    /// The rate of all unlisted ones together.
    unlisted: Option<DefaultDirectRateLimiter>,
}

struct Listed {
    name: String,
    token: [u8; digest::SHA256_OUTPUT_LEN],
    rate: Option<DefaultDirectRateLimiter>,
}

/// A relay that may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The operator's name for it, [`UNLISTED`] if it has none.
    pub relay: String,
}

/// Why the list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RelaysError {
    /// A relay has no token.
    #[error("relay \"{relay}\": token_file {source}")]
    Token {
        /// The relay.
        relay: String,
        /// What is wrong with its token file.
        source: TokenError,
    },
    /// Two relays have one token.
    #[error("relays \"{0}\" and \"{1}\" have the same token; give each its own")]
    Shared(String, String),
}

impl Relays {
    /// Reads the token of each listed relay. With `open`, all others may ask as well, `unlisted_rate` times a second
    /// together.
    ///
    /// # Errors
    ///
    /// Every [`RelaysError`] there is, naming the relay and its file.
    pub fn load(
        listed: &[config::Relay],
        open: bool,
        unlisted_rate: Option<NonZeroU32>,
    ) -> Result<Self, Vec<RelaysError>> {
        let mut relays: Vec<Listed> = Vec::with_capacity(listed.len());
        let mut errors = Vec::new();
        for relay in listed {
            let name = relay.name.clone();
            let token = match Token::read(&relay.token_file) {
                Ok(token) => hash(token.as_str()),
                Err(source) => {
                    errors.push(RelaysError::Token {
                        relay: name,
                        source,
                    });
                    continue;
                }
            };
            match relays.iter().find(|other| other.token == token) {
                Some(other) => errors.push(RelaysError::Shared(other.name.clone(), name)),
                None => relays.push(Listed {
                    name,
                    token,
                    rate: relay.requests_per_second.map(limiter),
                }),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            listed: relays,
            open,
            unlisted: unlisted_rate.map(limiter),
        })
    }

    /// Whether `admitted` may send one more request now; if so, it has been counted.
    #[must_use]
    pub fn takes_on(&self, admitted: &Admitted) -> bool {
        let listed = self.listed.iter().find(|one| one.name == admitted.relay);
        let rate = listed.map_or(&self.unlisted, |listed| &listed.rate);
        rate.as_ref().is_none_or(|rate| rate.check().is_ok())
    }

    /// The relay that sent `headers`, if it may ask.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap) -> Option<Admitted> {
        let presented = bearer(headers).map(hash);
        let mut found = None;
        if let Some(presented) = presented {
            for relay in &self.listed {
                if verify_slices_are_equal(&presented, &relay.token).is_ok() {
                    found = Some(relay.name.clone());
                }
            }
        }
        match found {
            Some(relay) => Some(Admitted { relay }),
            None if self.open => Some(Admitted {
                relay: UNLISTED.to_owned(),
            }),
            None => None,
        }
    }
}

impl fmt::Debug for Relays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relays")
            .field(
                "listed",
                &self
                    .listed
                    .iter()
                    .map(|relay| &relay.name)
                    .collect::<Vec<_>>(),
            )
            .field("open", &self.open)
            .finish()
    }
}

fn limiter(per_second: NonZeroU32) -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(per_second))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_MAX_LENGTH).then_some(token)
}

fn hash(token: &str) -> [u8; digest::SHA256_OUTPUT_LEN] {
    let mut out = [0; digest::SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn relays(contents: &[&str], open: bool) -> Result<Relays, Vec<RelaysError>> {
        let directory = tempfile::tempdir().unwrap();
        let listed: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(index, content)| {
                let token_file = directory.path().join(format!("{index}.token"));
                fs::write(&token_file, content).unwrap();
                fs::set_permissions(&token_file, fs::Permissions::from_mode(0o600)).unwrap();
                config::Relay {
                    name: format!("relay-{index}"),
                    token_file,
                    requests_per_second: NonZeroU32::new(2),
                }
            })
            .collect();
        Relays::load(&listed, open, NonZeroU32::new(1))
    }

    fn with(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::AUTHORIZATION, value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_listed_token_admits_and_names_its_relay() {
        let other = TOKEN.replace('0', "f");
        let relays = relays(&[TOKEN, &format!("{other}\n")], false).unwrap();
        let name = |value: String| {
            relays
                .admit(&with(&[&value]))
                .map(|admitted| admitted.relay)
        };
        assert_eq!(name(format!("Bearer {TOKEN}")).as_deref(), Some("relay-0"));
        assert_eq!(name(format!("bearer {other}")).as_deref(), Some("relay-1"));
    }

    #[test]
    fn whatever_else_is_presented_does_not() {
        let relays = relays(&[TOKEN], false).unwrap();
        let right = format!("Bearer {TOKEN}");
        let refused: [&[&str]; 7] = [
            &[],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &[TOKEN],
            &["Basic 0123456789abcdef0123456789abcdef"],
            &[&right, &right],
        ];
        for values in refused {
            assert_eq!(relays.admit(&with(values)), None, "{values:?}");
        }
        assert_eq!(relays.admit(&with(&[&format!("{right}0")])), None);
    }

    #[test]
    fn an_open_gateway_admits_everybody_and_still_knows_the_listed() {
        let relays = relays(&[TOKEN], true).unwrap();
        assert_eq!(relays.admit(&HeaderMap::new()).unwrap().relay, UNLISTED);
        let listed = relays.admit(&with(&[&format!("Bearer {TOKEN}")]));
        assert_eq!(listed.unwrap().relay, "relay-0");
    }

    #[test]
    fn every_bad_token_file_is_named() {
        let errors = relays(&["short", TOKEN, ""], false).unwrap_err();
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 2, "{errors:?}");
        for (error, index) in errors.iter().zip([0, 2]) {
            assert!(
                error.contains(&format!("relay-{index}"))
                    && error.contains(&format!("{index}.token")),
                "{error}"
            );
        }
        assert!(matches!(
            relays(&[TOKEN, TOKEN], false).unwrap_err()[..],
            [RelaysError::Shared(..)]
        ));
    }

    #[test]
    fn a_token_is_never_printed() {
        let relays = relays(&[TOKEN], false).unwrap();
        assert_eq!(
            format!("{relays:?}"),
            r#"Relays { listed: ["relay-0"], open: false }"#
        );
    }

    #[test]
    fn each_relay_has_its_rate_and_the_unlisted_have_one_together() {
        let other = TOKEN.replace('0', "f");
        let relays = relays(&[TOKEN, &other], true).unwrap();
        let takes_on = |headers: &HeaderMap| relays.takes_on(&relays.admit(headers).unwrap());
        let (first, second) = (format!("Bearer {TOKEN}"), format!("Bearer {other}"));
        let taken = |headers: HeaderMap| (0..3).filter(|_| takes_on(&headers)).count();
        assert_eq!(taken(with(&[&first])), 2);
        assert_eq!(taken(with(&[&second])), 2);
        assert_eq!(
            taken(HeaderMap::new()) + taken(with(&["Bearer stranger"])),
            1
        );
    }
}
