//! One oblivious exchange of fixed size (RFC 9458 over RFC 9292).
//!
//! The client [`seal`]s a [`ProofQuery`] into an [`Envelope`] of exactly
//! [`sotto_wire::REQUEST_BYTES`] octets; the gateway's [`KeyRing`] opens it into a [`Request`] and a
//! [`Sealer`], which makes an [`Answer`] exactly one of the [`sotto_wire::AnswerClass`]es long; the
//! client's [`Opener`] reads it. Around that stand the keys: [`schedule`] derives them,
//! [`KeyConfigList`] carries them, [`KeyRecord`] binds them to the gateway's DNS zone and
//! [`KeyDocument`] brings both to the client.
//!
//! Nothing here reads a clock, a file or a socket. Nothing here panics on bytes from elsewhere.
//!
//! The gateway's half of HPKE is our own, over aws-lc and with all that depends on the key alone
//! computed once; the client's half is the `ohttp` crate. The tests set each against the other.
//!
//! Architecture Invariant: `ohttp` and `bhttp` are called in this crate alone, and only on input
//! that this crate has checked for what they would panic on or let pass.
//!
//! # Limitations
//!
//! Envelopes and response nonces draw on the operating system's randomness, the one exception to this
//! crate's purity. `ohttp` does not zeroize the response keys that it derives for one exchange.

mod answer;
mod config;
mod document;
mod encapsulation;
mod epoch;
mod foreign;
mod host;
mod hpke;
mod message;
mod open;
mod query;
mod record;
pub mod schedule;
mod seal;
mod suite;

pub use answer::Answer;
pub use config::{KeyConfig, KeyConfigList, KeyListError};
pub use document::KeyDocument;
pub use epoch::Epoch;
pub use foreign::{ForeignOpener, ForeignRequest, seal_foreign};
pub use message::MessageError;
pub use open::{KeyRing, OpenRefusal, Request, Sealer};
pub use query::{ProofQuery, QueryError};
pub use record::{KeyRecord, KeyRecordError, KeyRecords};
pub use schedule::EpochKeys;
pub use seal::{Envelope, OpenError, Opener, SealError, seal};
pub use sotto_wire::KeyDocumentError;
pub use suite::Suite;

const _: () = assert!(
    matches!(
        log::STATIC_MAX_LEVEL,
        log::LevelFilter::Off
            | log::LevelFilter::Error
            | log::LevelFilter::Warn
            | log::LevelFilter::Info
            | log::LevelFilter::Debug
    ),
    "ohttp writes response keys at level trace"
);
