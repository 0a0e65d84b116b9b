//! Publishing MIMI records: what to write into a zone, how to send it there, and what is wrong with what is there.
//!
//! Architecture Invariant: no I/O of its own, no clock, no randomness. The one thing read is what the caller passes in.

pub mod accounts;
pub mod check;
pub mod publication;
pub mod update;
pub mod zone_file;

pub use accounts::{Accounts, AccountsError};
pub use publication::{Advice, Placement, Publication, PublicationError, Subject};
pub use zone_file::{Software, Zone, ZoneError};
