//! The library that an IM client embeds: private, proved MIMI lookups.
//!
//! ```text
//! client                       relay                   gateway                         DNS
//! identifier -> owner name
//! question   -> envelope ---->  forwards one  ------>  opens it, gathers the   <---->  recursive resolver
//! 2 KiB, always                 opaque body            DNSSEC chain, pads it           -> signed zones
//! answer     <- envelope <----  and nothing   <------  8 KiB, nearly always
//! chain verified here, against the root key the client holds; then the records are read
//! ```
//!
//! - [`Lookup`] is a step machine without I/O that any HTTP stack can drive; `examples/by_hand` does it with none.
//! - `Client` (feature `tokio`, on by default) drives it over hyper and rustls, and `blocking` does
//!   so without an async runtime of the caller's.
//! - [`Store`] is what they keep between lookups, if told to: in memory, or in a file (feature `store`, on by
//!   default).
//! - [`Setup`] is what both are told once. Its defaults are private.
//! - [`Comparison`] holds what two relays show of the gateways' keys against each other, by a schedule of its own.
//! - A lookup ends with a [`Report`]: the [`Outcome`], what proves it, and who learnt what.
//!
//! # Limitations
//!
//! - Relay and gateway together know everything. [`Setup`] refuses a pair of one operator, but only as far
//!   as both tell the truth about who they are.
//! - Within the validity of its signatures, old data can be replayed to whoever has not seen newer: a [`Store`]
//!   remembers, and `max_age` narrows it. Without a store nothing is kept, and everything is asked for anew.
//!
//! Architecture Invariant: without the features `tokio` and `store` there is no I/O and no clock in this
//! crate, with `tokio` none outside `transport` and `client`, with `store` no file outside `store::file`. No step names a URL off the configured relays.

mod comparison;
pub mod contacts;
mod keys;
mod learnt;
mod lookup;
mod operators;
mod outcome;
mod reader;
mod relay;
mod report;
mod response;
mod second_opinion;
mod setup;
mod step;
mod store;
mod url;
mod verdict;
mod via;

#[cfg(feature = "tokio")]
pub mod blocking;
#[cfg(feature = "tokio")]
mod client;
#[cfg(feature = "tokio")]
mod transport;

/// Identifiers, records and services.
pub use sotto_mimi as mimi;
/// Names, anchors, and the verifier.
pub use sotto_proof as proof;

#[cfg(feature = "tokio")]
pub use client::{Client, ClientError};
pub use comparison::{Compared, Comparison, ComparisonStep, KeyView};
pub use keys::{KeySighting, KeysSeen};
pub use learnt::{Fact, Learnt, Party};
pub use lookup::route::PERIOD_EPOCHS;
pub use lookup::{Knowledge, Lookup, Memory};
pub use operators::{Operator, Operators, Source};
pub use outcome::{
    Absence, Code, Detail, Disagreement, Explanation, Fault, Outcome, Retry, Unavailable,
};
pub use report::{FromStore, Report};
pub use second_opinion::{Abstention, SecondOpinion};
pub use setup::{
    AnotherGateway, CONNECT_TIMEOUT_SECONDS, Gateway, LOOKUP_TIMEOUT_SECONDS, MAX_GATEWAYS,
    MAX_RELAYS, MAX_TIMEOUT_SECONDS, MAX_WEIGHT, REQUEST_TIMEOUT_SECONDS, Relay, Setup,
    SetupBuilder, SetupError,
};
pub use step::{Event, Sent, Step, TransportProblem, TransportProblemKind};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use store::fuzz_row;
pub use store::{AnswerHeld, Contents, SCHEMA_VERSION, STORE_MAX_OCTETS, Store, StoreError};
#[cfg(feature = "tokio")]
pub use transport::TlsError;
pub use url::UrlError;
pub use via::{Chosen, Passed, Via};
