//! The examples of RFC 4034, 4035, 5155 and 6840. Zones are as the RFCs print them, but for their
//! signatures: those are by RSA over SHA-1, so each RRset is signed anew.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod example;
#[path = "../support/master.rs"]
mod master;
mod rfc4034;
mod rfc4035;
mod rfc5155;
mod rfc6840;
#[path = "../support/mod.rs"]
mod support;
