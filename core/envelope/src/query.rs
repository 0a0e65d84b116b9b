//! The question inside the envelope.

use std::fmt;

/// Characters of the longest owner name in a query, final dot included.
pub(crate) const NAME_MAX_CHARS: usize = 254;

/// Characters of the longest type: mnemonics have at most 10, `TYPE65535` has 9.
const TYPE_MAX_CHARS: usize = 16;

/// What a client asks a gateway to prove: an RRset, by owner name and type, class IN.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProofQuery {
    /// The owner name, absolute (it ends in a dot), at most 254 characters of `[A-Za-z0-9-_.*]`.
    pub name: String,
    /// The RR type: a mnemonic or `TYPEnnn`, in any case.
    pub rtype: String,
}

/// Why a text is not a query. Never shows the name, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The name does not end in a dot.
    #[error("the name is not absolute: end it with a dot")]
    NotAbsolute,
    /// The name has more than 254 characters, or a label has none or more than 63.
    #[error("the name or one of its labels has a length that no domain name has")]
    NameLength,
    /// The name holds another character than `[A-Za-z0-9-_.*]`.
    #[error("the name holds a character other than letters, digits and -_.*")]
    NameCharacter,
    /// The type is neither a mnemonic nor `TYPEnnn`.
    #[error("the type is neither a mnemonic nor TYPEnnn")]
    Type,
}

impl ProofQuery {
    /// A query for the RRset of `rtype` at `name`.
    ///
    /// # Errors
    ///
    /// [`QueryError`] if one of the two cannot be asked for. Whether the type is known is for the
    /// gateway to say.
    pub fn new(name: impl Into<String>, rtype: impl Into<String>) -> Result<Self, QueryError> {
        let query = Self {
            name: name.into(),
            rtype: rtype.into(),
        };
        query.check()?;
        Ok(query)
    }

    /// Checks fields that anybody may have set.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        let relative = self.name.strip_suffix('.').ok_or(QueryError::NotAbsolute)?;
        if self.name.len() > NAME_MAX_CHARS {
            return Err(QueryError::NameLength);
        }
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.*".contains(&octet);
        if !relative.bytes().all(allowed) {
            return Err(QueryError::NameCharacter);
        }
        let is_root = relative.is_empty();
        if !is_root
            && relative
                .split('.')
                .any(|label| !(1..=63).contains(&label.len()))
        {
            return Err(QueryError::NameLength);
        }
        let is_type_character = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if !(1..=TYPE_MAX_CHARS).contains(&self.rtype.len())
            || !self.rtype.bytes().all(is_type_character)
        {
            return Err(QueryError::Type);
        }
        Ok(())
    }
}

/// Without the name: a gateway must not be able to log it by accident.
impl fmt::Debug for ProofQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofQuery([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked() {
        for (name, rtype) in [
            ("_mimi.alice.example.com.", "TXT"),
            ("*._user._mimi.example.com.", "type65400"),
            (".", "DNSKEY"),
        ] {
            assert!(ProofQuery::new(name, rtype).is_ok(), "{name} {rtype}");
        }
    }

    #[test]
    fn what_cannot_be_asked_says_why() {
        let long = format!("{}.", "a.".repeat(127));
        for (name, rtype, error) in [
            ("", "TXT", QueryError::NotAbsolute),
            ("a.example", "TXT", QueryError::NotAbsolute),
            (long.as_str(), "TXT", QueryError::NameLength),
            ("a..example.", "TXT", QueryError::NameLength),
            ("..", "TXT", QueryError::NameLength),
            ("a%2e.example.", "TXT", QueryError::NameCharacter),
            ("a b.example.", "TXT", QueryError::NameCharacter),
            ("ä.example.", "TXT", QueryError::NameCharacter),
            ("a.example.", "", QueryError::Type),
            ("a.example.", "TXT&d=b.", QueryError::Type),
            ("a.example.", "TYPE0000000000016", QueryError::Type),
        ] {
            assert_eq!(ProofQuery::new(name, rtype), Err(error), "{name} {rtype}");
        }
    }

    #[test]
    fn debug_shows_no_name() {
        let query = ProofQuery::new("canary.example.", "TXT").unwrap();
        assert!(!format!("{query:?}").contains("canary"));
    }
}
