//! What is wrong with what is published: findings as data, each with its remedy.
//!
//! Three things are checked by the same rules: what the DNS answers for an identifier ([`Live`]), a zone file
//! ([`ZoneCheck`]), and the rows of a file of accounts ([`AccountsCheck`]). What a record means is
//! `sotto-mimi`'s to say: every RRset is read exactly as a client would.
//!
//! # Limitations
//!
//! - `$GENERATE` is not followed, and says so.
//! - Of a mailbox's hash nobody can tell whether it is the right one.
//! - Signatures in a zone file are looked at for their times alone.
//!
//! Architecture Invariant: no I/O, no clock, no randomness; the same input gives the same findings in the same order.

mod accounts;
mod code;
mod finding;
mod keys;
mod live;
mod place;
mod report;
mod rrset;
mod signatures;
mod text;
mod zone;

pub use accounts::AccountsCheck;
pub use code::Code;
pub use finding::{Counts, Finding, Severity};
pub use live::{Answer, BASE_PROOF_MAX_OCTETS, Live, Unknown, with_doubled_suffix};
pub use report::{FINDINGS_PER_CODE_MAX, PROVIDERS_MAX, Report};
pub use zone::{INCLUDE_DEPTH_MAX, INCLUDES_MAX, ZoneCheck, ZoneOptions};
