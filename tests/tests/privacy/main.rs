//! Guards that stay for good: one size on both wires, no contact but the relay's, and no trace of who asked
//! or for whom in what a relay or a gateway leaves behind.
//!
//! Each guard is shown to see what it guards against.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod canaries;
mod contacts;
mod sizes;
mod views;
