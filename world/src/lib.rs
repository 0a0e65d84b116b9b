//! A private internet in one process.

pub mod dns;
