//! Publishing MIMI records: what to write into a zone, how to send it there, and what is wrong with what is there.
//!
//! Architecture Invariant: no I/O, no clock, no randomness.

pub mod accounts;
pub mod check;
pub mod publication;
pub mod update;
pub mod zone_file;

pub use publication::Publication;
