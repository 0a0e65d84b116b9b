//! Asking a provider for an account (draft-ietf-mimi-protocol-06 section 5.8).

use super::vector::{self, BadVector};
use crate::domain::Domain;
use crate::identifier::{Identifier, MimiUri};

/// Octets of the longest answer that is read.
pub const ANSWER_MAX_OCTETS: usize = 65_536;

/// Accounts of one answer that are kept: a person who is asked for by mailbox or phone has few.
pub const ANSWER_MAX_ACCOUNTS: usize = 16;

/// The `IdentifierRequest` for a mailbox or a phone.
pub(crate) fn request(identifier: &Identifier) -> Option<Vec<u8>> {
    const EMAIL: u8 = 3;
    const PHONE: u8 = 4;

    let search_type = match identifier {
        Identifier::Mailbox(_) => EMAIL,
        Identifier::Phone(_) => PHONE,
        Identifier::Host(_) | Identifier::Uri(_) => return None,
    };
    let mut element = vec![search_type];
    element.extend(vector::write(identifier.to_string().as_bytes()));
    let mut request = vector::write(&element);
    request.extend(vector::write(&[]));
    Some(request)
}

/// What a provider answers: the `IdentifierResponse`, read as far as a lookup needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum IdentifierAnswer {
    /// The accounts of the person, at most [`ANSWER_MAX_ACCOUNTS`], in the provider's order, each once.
    Accounts(Vec<MimiUri>),
    /// The provider does not say.
    Refused(Refusal),
}

/// Why a provider names no account (`IdentifierQueryCode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody matches, or nobody who wishes to be found: providers need not tell one from the other.
    NotFound,
    /// More would have to match.
    Ambiguous,
    /// The provider answers no such question of this asker.
    Forbidden,
    /// The provider does not search by mailbox, or by phone.
    UnsupportedField,
}

impl IdentifierAnswer {
    /// Reads the answer of `provider`.
    ///
    /// # Errors
    ///
    /// [`AnswerError`]: among them accounts at another provider, for whom this one does not speak.
    pub fn parse(octets: &[u8], provider: &Domain) -> Result<Self, AnswerError> {
        if octets.len() > ANSWER_MAX_OCTETS {
            return Err(AnswerError::TooLong);
        }
        let (&code, rest) = octets.split_first().ok_or(AnswerError::Malformed)?;
        let (uris, rest) = vector::read(rest)?;
        let (profiles, rest) = vector::read(rest)?;
        let (_extensions, rest) = vector::read(rest)?;
        if !rest.is_empty() {
            return Err(AnswerError::Malformed);
        }
        match code {
            0 => Self::accounts(uris, profiles, provider),
            1 => Ok(Self::Refused(Refusal::NotFound)),
            2 => Ok(Self::Refused(Refusal::Ambiguous)),
            3 => Ok(Self::Refused(Refusal::Forbidden)),
            4 => Ok(Self::Refused(Refusal::UnsupportedField)),
            unknown => Err(AnswerError::UnknownCode(unknown)),
        }
    }

    fn accounts(
        mut uris: &[u8],
        mut profiles: &[u8],
        provider: &Domain,
    ) -> Result<Self, AnswerError> {
        let mut accounts = Vec::new();
        let mut add = |uri: &[u8]| {
            let account = account(uri, provider)?;
            if !accounts.contains(&account) && accounts.len() < ANSWER_MAX_ACCOUNTS {
                accounts.push(account);
            }
            Ok::<(), AnswerError>(())
        };
        while !uris.is_empty() {
            let (uri, rest) = vector::read(uris)?;
            add(uri)?;
            uris = rest;
        }
        while !profiles.is_empty() {
            let (stable_uri, rest) = vector::read(profiles)?;
            let (_fields, rest) = vector::read(rest)?;
            add(stable_uri)?;
            profiles = rest;
        }
        if accounts.is_empty() {
            return Err(AnswerError::NoAccount);
        }
        Ok(Self::Accounts(accounts))
    }
}

/// The account that a URI of an answer names.
fn account(uri: &[u8], provider: &Domain) -> Result<MimiUri, AnswerError> {
    let text = str::from_utf8(uri).map_err(|_| AnswerError::Malformed)?;
    let Ok(Identifier::Uri(uri)) = text.parse() else {
        return Err(AnswerError::NoMimiUri);
    };
    if uri.provider() != provider {
        return Err(AnswerError::OtherProvider(uri.provider().clone()));
    }
    Ok(uri)
}

/// Why an answer of a provider is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is longer than [`ANSWER_MAX_OCTETS`].
    #[error("the answer is longer than {ANSWER_MAX_OCTETS} octets")]
    TooLong,
    /// It is no `IdentifierResponse`.
    #[error("the answer is no IdentifierResponse")]
    Malformed,
    /// Its code is none that the draft knows.
    #[error("the answer has the code {0}, which means nothing")]
    UnknownCode(u8),
    /// It claims success and names nobody.
    #[error("the answer claims success and names no account")]
    NoAccount,
    /// What should be an account is no MIMI URI of a user.
    #[error("the answer names an account that is no MIMI URI of a user")]
    NoMimiUri,
    /// An account is not this provider's.
    #[error("the answer names an account at {0}, for whom the provider does not speak")]
    OtherProvider(Domain),
}

impl From<BadVector> for AnswerError {
    fn from(_: BadVector) -> Self {
        Self::Malformed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(octets: &[u8]) -> Result<IdentifierAnswer, AnswerError> {
        IdentifierAnswer::parse(octets, &"a.example".parse().unwrap())
    }

    fn answer(code: u8, uris: &[&str], profiles: &[&str]) -> Vec<u8> {
        let uris: Vec<u8> = uris
            .iter()
            .flat_map(|uri| vector::write(uri.as_bytes()))
            .collect();
        let profiles: Vec<u8> = profiles
            .iter()
            .flat_map(|uri| {
                [
                    vector::write(uri.as_bytes()),
                    vector::write(b"\x08\x03ORG\x03abc"),
                ]
                .concat()
            })
            .collect();
        [
            &[code][..],
            &vector::write(&uris),
            &vector::write(&profiles),
            &vector::write(&[]),
        ]
        .concat()
    }

    #[test]
    fn accounts_are_read_from_uris_and_profiles() {
        let (alice, bob) = ("mimi://a.example/u/alice", "mimi://a.example/u/bob");
        let read = parse(&answer(0, &[alice], &[bob, alice])).unwrap();
        let IdentifierAnswer::Accounts(accounts) = read else {
            panic!("{read:?}");
        };
        let accounts: Vec<_> = accounts.iter().map(ToString::to_string).collect();
        assert_eq!(accounts, [alice, bob]);
    }

    #[test]
    fn refusals_are_told_apart() {
        for (code, refusal) in [
            (1, Refusal::NotFound),
            (2, Refusal::Ambiguous),
            (3, Refusal::Forbidden),
            (4, Refusal::UnsupportedField),
        ] {
            assert_eq!(
                parse(&answer(code, &[], &[])),
                Ok(IdentifierAnswer::Refused(refusal))
            );
        }
        assert_eq!(
            parse(&answer(5, &[], &[])),
            Err(AnswerError::UnknownCode(5))
        );
    }

    #[test]
    fn nobody_speaks_for_another_provider() {
        assert_eq!(
            parse(&answer(0, &["mimi://b.example/u/alice"], &[])),
            Err(AnswerError::OtherProvider("b.example".parse().unwrap()))
        );
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert_eq!(parse(&answer(0, &[], &[])), Err(AnswerError::NoAccount));
        assert_eq!(
            parse(&answer(0, &["https://a.example/"], &[])),
            Err(AnswerError::NoMimiUri)
        );
        assert_eq!(
            parse(&[0; ANSWER_MAX_OCTETS + 1]),
            Err(AnswerError::TooLong)
        );
        let whole = answer(0, &["mimi://a.example/u/alice"], &[]);
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).is_err(), "{cut}");
        }
        assert_eq!(
            parse(&[&whole[..], &[0]].concat()),
            Err(AnswerError::Malformed)
        );
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets: Vec<u8>) {
            let _ = parse(&octets);
        }
    }
}
