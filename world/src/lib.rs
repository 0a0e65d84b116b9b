//! A private internet in one process: a signed root and the zones below it, their authorities, a
//! resolver, a gateway and two relays, without root rights and without installed software.
//!
//! - [`dns`]: signer, zones, responder, resolver; pure but for its sockets.
//! - [`plan`]: which zones there are. [`people`]: who lives in them, and what finding them yields.

pub mod dns;
mod error;
pub mod people;
pub mod plan;

pub use error::WorldError;
