//! An Oblivious HTTP gateway (RFC 9458) that answers with DNSSEC proofs.
//!
//! [`Gateway::start`] makes a [`Running`] gateway of a [`Config`]. The main path is `oblivious.rs`: open, answer,
//! seal. Around it stand [`keys`], which follow the clock; `keeper.rs`, which has the DNS vouch for them and makes the
//! key document; [`relays`], which are the only ones that may ask; and `answer.rs`, which decides what is
//! proved and gathers the proof.
//!
//! Architecture Invariant: nothing here logs, counts, or puts into an error what a client asked for, or an envelope. There is no
//! client's address to leak: a gateway sees relays.

pub mod ageing;
mod answer;
pub mod answer_time;
mod cache;
pub mod clock;
pub mod config;
mod http;
mod keeper;
mod key_document;
pub mod keys;
mod metrics;
mod oblivious;
mod observe;
pub mod online;
pub mod prove_command;
mod refusal;
pub mod relays;
mod reload;
pub mod replays;
mod resolver;
mod running;
mod tending;

pub use answer::AnswererError;
pub use config::Config;
pub use keeper::KeeperError;
pub use key_document::{DocumentError, GRACE_SECONDS, PublicationError};
pub use observe::{GatewayView, Observe};
pub use running::{Gateway, KeyCheck, Running, StartError, check_keys};
