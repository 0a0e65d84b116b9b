//! Which relays are admitted: by the key of their certificate, or by bearer token (RFC 6750 section 2.1).
//!
//! Tokens are held and compared as SHA-256 digests, every one of them each time, so that neither the time taken nor a copy of
//! the memory tells a token.

use std::{fmt, num::NonZeroU32, sync::Arc};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, header};
use sotto_daemon::{
    pin::Pin,
    token::{TOKEN_MAX_LENGTH, Token, TokenError},
};

use crate::config;

/// The name in metrics and views of a relay that is admitted without being listed.
pub const UNLISTED: &str = "unlisted";

/// The relays that are admitted.
pub struct Relays {
    listed: Vec<Listed>,
    open: bool,
    /// The rate of all unlisted ones together.
    unlisted: Option<Arc<Rate>>,
}

struct Listed {
    name: String,
    certificates: Vec<Pin>,
    token: Option<[u8; digest::SHA256_OUTPUT_LEN]>,
    rate: Option<Arc<Rate>>,
}

/// What somebody may send in a second, and has left of it.
struct Rate {
    per_second: NonZeroU32,
    limiter: DefaultDirectRateLimiter,
}

impl Rate {
    /// A rate of which nothing is used up, unless it is that of `before`.
    fn of(per_second: NonZeroU32, before: Option<&Arc<Self>>) -> Arc<Self> {
        let same = before.filter(|before| before.per_second == per_second);
        same.map_or_else(
            || {
                Arc::new(Self {
                    per_second,
                    limiter: RateLimiter::direct(Quota::per_second(per_second)),
                })
            },
            Arc::clone,
        )
    }
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
    /// A relay's token cannot be used.
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
    /// Two relays have one certificate, or one has it twice.
    #[error("relays \"{0}\" and \"{1}\" have the same certificate {2}; list each once")]
    SharedCertificate(String, String, Pin),
}

impl Relays {
    /// Reads the token of each listed relay. With `open`, all others may ask as well, `unlisted_rate` times a second
    /// together. Who is in `before` too goes on with what is left of an equal rate.
    ///
    /// # Errors
    ///
    /// Every [`RelaysError`] there is, naming the relay and its file.
    pub fn load(
        listed: &[config::Relay],
        open: bool,
        unlisted_rate: Option<NonZeroU32>,
        before: Option<&Self>,
    ) -> Result<Self, Vec<RelaysError>> {
        let mut relays: Vec<Listed> = Vec::with_capacity(listed.len());
        let mut errors = Vec::new();
        for relay in listed {
            let name = relay.name.clone();
            let token = match relay.token_file.as_deref().map(Token::read).transpose() {
                Ok(token) => token.map(|token| hash(token.as_str())),
                Err(source) => {
                    errors.push(RelaysError::Token {
                        relay: name,
                        source,
                    });
                    continue;
                }
            };
            let same = |other: &&Listed| token.is_some() && other.token == token;
            if let Some(other) = relays.iter().find(same) {
                errors.push(RelaysError::Shared(other.name.clone(), name));
                continue;
            }
            for (place, pin) in relay.certificates.iter().enumerate() {
                let other = relays.iter().find(|other| other.certificates.contains(pin));
                let twice = relay.certificates[..place].contains(pin);
                if let Some(other) = other.map(|other| &other.name).or(twice.then_some(&name)) {
                    errors.push(RelaysError::SharedCertificate(
                        other.clone(),
                        name.clone(),
                        *pin,
                    ));
                }
            }
            let rate_before = before
                .and_then(|before| before.named(&name))
                .and_then(|listed| listed.rate.as_ref());
            relays.push(Listed {
                name,
                certificates: relay.certificates.clone(),
                token,
                rate: relay
                    .requests_per_second
                    .map(|per_second| Rate::of(per_second, rate_before)),
            });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            listed: relays,
            open,
            unlisted: unlisted_rate.map(|per_second| {
                Rate::of(
                    per_second,
                    before.and_then(|before| before.unlisted.as_ref()),
                )
            }),
        })
    }

    fn named(&self, name: &str) -> Option<&Listed> {
        self.listed.iter().find(|listed| listed.name == name)
    }

    /// Whether `admitted` may send one more request now; if so, it has been counted.
    #[must_use]
    pub fn takes_on(&self, admitted: &Admitted) -> bool {
        let listed = self.named(&admitted.relay);
        let rate = listed.map_or(&self.unlisted, |listed| &listed.rate);
        rate.as_ref()
            .is_none_or(|rate| rate.limiter.check().is_ok())
    }

    /// The relay that has proved possession of the key `pin`, or sent `headers` with its token, if it may ask. The key
    /// comes first: what is shown beside it does not matter.
    #[must_use]
    pub fn admit(&self, pin: Option<&Pin>, headers: &HeaderMap) -> Option<Admitted> {
        let found = pin
            .and_then(|pin| self.of_certificate(pin))
            .or_else(|| self.of_token(bearer(headers)?));
        match found {
            Some(listed) => Some(Admitted {
                relay: listed.name.clone(),
            }),
            None if self.open => Some(Admitted {
                relay: UNLISTED.to_owned(),
            }),
            None => None,
        }
    }

    /// A pin is no secret, so the time that this takes tells nothing.
    fn of_certificate(&self, pin: &Pin) -> Option<&Listed> {
        self.listed
            .iter()
            .find(|listed| listed.certificates.contains(pin))
    }

    fn of_token(&self, token: &str) -> Option<&Listed> {
        let presented = hash(token);
        let mut found = None;
        for listed in &self.listed {
            if let Some(token) = &listed.token
                && verify_slices_are_equal(&presented, token).is_ok()
            {
                found = Some(listed);
            }
        }
        found
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
                    token_file: Some(token_file),
                    certificates: Vec::new(),
                    requests_per_second: NonZeroU32::new(2),
                }
            })
            .collect();
        Relays::load(&listed, open, NonZeroU32::new(1), None)
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
                .admit(None, &with(&[&value]))
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
            assert_eq!(relays.admit(None, &with(values)), None, "{values:?}");
        }
        assert_eq!(relays.admit(None, &with(&[&format!("{right}0")])), None);
    }

    #[test]
    fn an_open_gateway_admits_everybody_and_still_knows_the_listed() {
        let relays = relays(&[TOKEN], true).unwrap();
        assert_eq!(
            relays.admit(None, &HeaderMap::new()).unwrap().relay,
            UNLISTED
        );
        let listed = relays.admit(None, &with(&[&format!("Bearer {TOKEN}")]));
        assert_eq!(listed.unwrap().relay, "relay-0");
    }

    fn pin(digit: char) -> Pin {
        let digits: String = std::iter::repeat_n(digit, 64).collect();
        format!("sha256:{digits}").parse().unwrap()
    }

    fn by_certificate(
        listed: &[(&str, &[Pin], u32)],
        before: Option<&Relays>,
    ) -> Result<Relays, Vec<RelaysError>> {
        let entry = |(name, certificates, rate): &(&str, &[Pin], u32)| config::Relay {
            name: (*name).to_owned(),
            token_file: None,
            certificates: certificates.to_vec(),
            requests_per_second: NonZeroU32::new(*rate),
        };
        let listed: Vec<_> = listed.iter().map(entry).collect();
        Relays::load(&listed, false, None, before)
    }

    #[test]
    fn a_listed_certificate_admits_and_names_its_relay() {
        let (a, b, c, stranger) = (pin('a'), pin('b'), pin('c'), pin('d'));
        let relays = by_certificate(&[("one", &[a, b], 0), ("two", &[c], 0)], None).unwrap();
        let none = HeaderMap::new();
        let name = |pin| {
            relays
                .admit(Some(pin), &none)
                .map(|admitted| admitted.relay)
        };
        assert_eq!(name(&a).as_deref(), Some("one"));
        assert_eq!(name(&b).as_deref(), Some("one"));
        assert_eq!(name(&c).as_deref(), Some("two"));
        assert_eq!(name(&stranger), None);
        assert_eq!(relays.admit(None, &none), None);
        // Without a token in the list none is one, not even an empty one.
        assert_eq!(relays.admit(None, &with(&["Bearer "])), None);
    }

    #[test]
    fn a_stranger_s_certificate_does_not_spoil_a_token() {
        let relays = relays(&[TOKEN], false).unwrap();
        let headers = with(&[&format!("Bearer {TOKEN}")]);
        let admitted = relays.admit(Some(&pin('d')), &headers);
        assert_eq!(admitted.unwrap().relay, "relay-0");
    }

    #[test]
    fn one_certificate_is_one_relay_s() {
        let a = pin('a');
        for (listed, names) in [
            (
                &[("one", &[a][..], 0), ("two", &[a][..], 0)][..],
                ("one", "two"),
            ),
            (&[("one", &[a, a][..], 0)][..], ("one", "one")),
        ] {
            let errors = by_certificate(listed, None).unwrap_err();
            let [RelaysError::SharedCertificate(first, second, shared)] = &errors[..] else {
                panic!("{errors:?}");
            };
            assert_eq!((first.as_str(), second.as_str()), names);
            assert_eq!(*shared, a);
        }
    }

    #[test]
    fn a_reload_does_not_refill_a_rate_that_stays() {
        let a = pin('a');
        let first = by_certificate(&[("one", &[a], 1)], None).unwrap();
        let takes_on = |relays: &Relays| {
            let admitted = relays.admit(Some(&a), &HeaderMap::new()).unwrap();
            relays.takes_on(&admitted)
        };
        assert!(takes_on(&first));
        let same = by_certificate(&[("one", &[a], 1)], Some(&first)).unwrap();
        assert!(!takes_on(&same));
        let more = by_certificate(&[("one", &[a], 100)], Some(&same)).unwrap();
        assert!(takes_on(&more));
        let renamed = by_certificate(&[("other", &[a], 1)], Some(&same)).unwrap();
        assert!(takes_on(&renamed));
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
        let takes_on = |headers: &HeaderMap| relays.takes_on(&relays.admit(None, headers).unwrap());
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
