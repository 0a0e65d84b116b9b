//! What every party of an oblivious lookup must agree on and nobody needs a key for.
//!
//! Sizes, media types, paths, problem types, and the `/.well-known/sotto` document. The relay
//! builds on this crate alone, so nothing here knows DNS, HPKE or Binary HTTP.
//!
//! Architecture Invariant: this crate has no cryptography and no I/O, and depends on serde only.

mod description;
mod document;
mod problem;

pub use description::{GatewayEntry, Mixing, RelayDescription};
pub use document::{KeyDocumentError, KeyFrame};
pub use problem::{Problem, ProblemType};

/// Octets of every encapsulated request that our client sends (RFC 9458 section 4.3),
/// whatever the cipher suite and the question.
pub const REQUEST_BYTES: usize = 2_048;

/// Octets of the largest encapsulated request that a gateway opens, for foreign clients.
pub const FOREIGN_REQUEST_MAX_BYTES: usize = 4_096;

/// Octets of the largest key document a relay stores and a client accepts.
pub const KEY_DOCUMENT_MAX_BYTES: usize = 65_536;

/// Octets of the largest `application/ohttp-keys` list anybody accepts.
pub const KEY_LIST_MAX_BYTES: usize = 8_192;

/// Seconds of one epoch of gateway keys: one day.
pub const EPOCH_SECONDS: u64 = 86_400;

/// The size classes of an encapsulated response (the content of the HTTP response that carries it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnswerClass {
    /// 8,192 octets: nearly every answer, refusals and errors included.
    Base,
    /// 65,536 octets: what does not fit the base class.
    Overflow,
}

impl AnswerClass {
    /// Every class, the smallest first.
    pub const ALL: [Self; 2] = [Self::Base, Self::Overflow];

    /// The octets of the encapsulated response in this class.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Base => 8_192,
            Self::Overflow => 65_536,
        }
    }

    /// The class whose size is exactly `bytes`, if there is one.
    #[must_use]
    pub fn of_size(bytes: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.bytes() == bytes)
    }
}

/// Media types.
pub mod media {
    /// An encapsulated request (RFC 9458 section 9.2).
    pub const OHTTP_REQUEST: &str = "message/ohttp-req";
    /// An encapsulated response (RFC 9458 section 9.3).
    pub const OHTTP_RESPONSE: &str = "message/ohttp-res";
    /// A list of key configurations (RFC 9458 section 9.1).
    pub const OHTTP_KEYS: &str = "application/ohttp-keys";
    /// Our key document: the lists of two epochs and the DNSSEC proof of their digests.
    pub const KEY_DOCUMENT: &str = "application/vnd.sotto.keys";
    /// Problem details (RFC 9457).
    pub const PROBLEM: &str = "application/problem+json";
    /// A DNSSEC proof: an RFC 9102 sequence of RRs.
    pub const PROOF: &str = "application/octet-stream";
    /// The relay's description.
    pub const JSON: &str = "application/json";
}

/// Paths.
pub mod path {
    /// Key configurations of a gateway, and its gateway resource (RFC 9540).
    pub const GATEWAY: &str = "/.well-known/ohttp-gateway";
    /// The gateway's key document, for admitted relays.
    pub const GATEWAY_KEYS: &str = "/.well-known/sotto-keys";
    /// A relay's description of itself.
    pub const DESCRIPTION: &str = "/.well-known/sotto";
    /// What follows a relay resource to name the key document.
    pub const KEYS_SUFFIX: &str = "/keys";
    /// The question, which exists only inside an envelope.
    pub const PROOF: &str = "/dnssecproof";
}

/// The leftmost label of the name that carries a gateway's key digests as TXT.
pub const KEY_RECORD_LABEL: &str = "_ohttp-keys";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_known_by_its_size_alone() {
        assert_eq!(AnswerClass::of_size(8_192), Some(AnswerClass::Base));
        assert_eq!(AnswerClass::of_size(65_536), Some(AnswerClass::Overflow));
        assert_eq!(AnswerClass::of_size(8_191), None);
        assert_eq!(AnswerClass::of_size(0), None);
    }
}
