//! Publishing on real name servers: what `sotto record` prints, sends and checks is what a client then reads.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

mod check;
mod delegation;
mod leaving;
mod new;
mod page;
mod unwritable;
mod update;
