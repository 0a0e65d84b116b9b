//! An Oblivious HTTP relay (RFC 9458) that cannot know more than it should.
//!
//! It takes one opaque body from a client and hands it to a configured gateway; it hands one opaque
//! body back. Everything around the bodies is rebuilt in both directions ([`headers`]), so that
//! nothing of the client reaches the gateway. The gateways' key documents it fetches on its own
//! schedule and gives the same octets to everybody.
//!
//! Architecture Invariant: this crate links no HPKE, OHTTP, Binary HTTP or DNS library. It holds no
//! key that could open what it forwards, and no code that could read it; `scripts/check-relay-tree`
//! fails where that changes.
//!
//! Architecture Invariant: no client address, header field or envelope is in any log, metric, error
//! or panic. The client's address is taken from the request before anything else looks at it, and is given to the
//! [`quota`], which keeps no addresses, and to an [`Observe`], which the `sotto-relay` command never sets.

mod body;
pub mod config;
pub mod cors;
mod forward;
pub mod headers;
mod keys;
mod loops;
mod metrics;
pub mod mixing;
mod observe;
pub mod online;
mod outbound;
pub mod proxy;
pub mod quota;
mod refusal;
mod regardless;
mod relay;
mod resource;
mod schedule;
mod service;

pub use config::Config;
pub use observe::{Observe, RelayView};
pub use online::Online;
pub use outbound::SetupError;
pub use refusal::Refusal;
pub use relay::{Relay, Running, StartError};
