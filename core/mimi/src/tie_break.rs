//! Which of two equally preferred services comes first, for this client, always; and what else it draws once and keeps to.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

use crate::Identifier;
use crate::service::Service;

/// A client's secret for breaking ties between services of equal preference.
///
/// The same secret orders the same services of the same person alike for ever, and many secrets
/// spread evenly, so that no provider gains from its name. It is kept in the client's store, and
/// is a secret since it would recognise the client by its choices.
#[derive(Clone)]
pub struct TieBreak(Zeroizing<[u8; 16]>);

impl TieBreak {
    /// Wraps 16 octets that were drawn at random once and kept.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// A number that is this secret's own for `purpose` and `fields`, and always the same.
    ///
    /// For other choices that a client makes at random and keeps to. `purpose` holds a space, which no
    /// identifier does, so that no such number is ever the rank of a service.
    #[must_use]
    pub fn draw(&self, purpose: &str, fields: &[&[u8]]) -> u64 {
        let mut hash = SipHasher24::new_with_key(&self.0);
        for field in std::iter::once(purpose.as_bytes()).chain(fields.iter().copied()) {
            write_field(&mut hash, field);
        }
        hash.finish()
    }

    /// The place of `service` among those of equal preference for `identifier`: lower first.
    ///
    /// A keyed hash (SipHash-2-4) over the identifier, provider, port and account, not over the owner name:
    /// asking for the TXT or the MIMI type must not change the choice.
    pub(crate) fn rank(&self, identifier: &Identifier, service: &Service) -> u64 {
        let mut hash = SipHasher24::new_with_key(&self.0);
        let mut field = |octets: &[u8]| write_field(&mut hash, octets);
        field(identifier.to_string().as_bytes());
        field(service.provider.as_str().as_bytes());
        field(&service.effective_port().to_be_bytes());
        // Absent and empty cannot be confused: an account is never empty.
        field(service.account.as_deref().unwrap_or_default().as_bytes());
        hash.finish()
    }
}

/// Writes a field and its length, so that no two lists of fields are hashed alike.
fn write_field(hash: &mut SipHasher24, octets: &[u8]) {
    hash.write_u64(octets.len() as u64);
    hash.write(octets);
}

impl fmt::Debug for TieBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TieBreak([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(
            format!("{:?}", TieBreak::new([7; 16])),
            "TieBreak([redacted])"
        );
    }

    #[test]
    fn what_is_drawn_depends_on_every_field_and_on_nothing_else() {
        let draw = |secret: u8, purpose: &str, fields: &[&[u8]]| {
            TieBreak::new([secret; 16]).draw(purpose, fields)
        };
        let drawn = draw(1, "a b", &[b"c", b"d"]);
        assert_eq!(drawn, draw(1, "a b", &[b"c", b"d"]));
        for other in [
            draw(2, "a b", &[b"c", b"d"]),
            draw(1, "a c", &[b"c", b"d"]),
            draw(1, "a b", &[b"cd", b""]),
            draw(1, "a b", &[b"c"]),
        ] {
            assert_ne!(drawn, other);
        }
    }
}
