//! MIMI identifiers, DNS owner names and records.
//!
//! An [`Identifier`] that a person types becomes an [`OwnerName`]; the RRset proved there becomes a
//! [`Reading`]: a ranked list of [`Service`]s, a refusal, an absence, or nothing usable. The rules
//! (the "record profile") are this project's own. They are inspired by a slide that shows a MIMI
//! RRTYPE holding `v=MIMI1; p=2; a=...; e=...; s=...`, and are not those of any Internet-Draft.
//!
//! # Owner names
//!
//! | identifier | owner name, type TXT |
//! |---|---|
//! | host `alice.example.com` | `_mimi.alice.example.com.` |
//! | mailbox `hugh@example.com` | `<56 hex digits>._user._mimi.example.com.` |
//! | phone `+442079460148` | `_mimi.8.4.1.0.6.4.9.7.0.2.4.4.<phone zone>.` |
//! | every mailbox of a domain | `*._user._mimi.example.com.` |
//! | `mimi://a.example/u/alice` | none: it is resolved already |
//!
//! The private MIMI type ([`RecordForm::Mimi`]) lives at the bare name of a host, and at the TXT
//! owner of a mailbox or phone.
//!
//! The 56 hex digits are the first 28 octets of SHA-256 of the local part (RFC 7929 section 3). **The
//! hash is not secrecy**: local parts are guessable from a dictionary. The domain and a phone number are
//! not hashed at all.
//!
//! # Records
//!
//! All character-strings of one RR, concatenated with nothing between, match
//!
//! ```text
//! mimi-record = version *( ";" *WSP [ tag ] *WSP )
//! version     = %s"v" *WSP "=" *WSP %s"MIMI1" *WSP
//! tag         = name *WSP "=" *WSP value
//! name        = %x61-7A *31( %x61-7A / DIGIT / "_" )
//! value       = *( %x20-24 / %x26-3A / %x3C-7E / "%" 2HEXDIG / UTF8-2 / UTF8-3 / UTF8-4 )
//! ```
//!
//! | tag | meaning |
//! |---|---|
//! | `e` | the service provider's domain with an optional `:port`, or `.`: deliberately not reachable by MIMI; required |
//! | `a` | the account there, at most 255 octets; absent: ask the provider ([`Service::identifier_query`]) |
//! | `p` | preference, 0 to 65535, lower first; absent: 65535 |
//! | `s` | a short label of the service, never an identity |
//! | `t` | up to 8 comma-separated tokens of preference, public |
//!
//! [`read`] documents what becomes of an RRset, step by step.
//!
//! # Limitations
//!
//! - For the private MIMI type at a bare host no wildcard counts, behind an alias neither: no alias there is
//!   published for MIMI alone.
//! - Phone numbers are not checked against numbering plans.
//!
//! Architecture Invariant: no I/O, no clock, no randomness. DNS names are strings and RDATA is octets,
//! so that this crate depends on no DNS library, and it believes nothing: the caller has proved the RRset.

mod domain;
mod identifier;
mod owner;
mod percent;
mod provider;
mod read;
mod record;
mod service;
mod tie_break;

pub use domain::{Domain, DomainError, DomainProblem};
pub use identifier::{Identifier, IdentifierError, Mailbox, MimiUri, Phone};
pub use owner::{DEFAULT_MIMI_TYPE, OwnerName, PRIVATE_USE_TYPES, RecordForm};
pub use provider::{
    ANSWER_MAX_ACCOUNTS, ANSWER_MAX_OCTETS, AnswerError, DIRECTORY_MAX_OCTETS, Directory,
    DirectoryError, Endpoint, IdentifierAnswer, Refusal, is_public_address,
};
pub use read::{
    DroppedRecord, Found, NoRecordReason, PathStep, ProviderPolicy, Published, Reading, read,
};
pub use record::{
    Account, Label, Port, Provider, Record, RecordError, Tag, character_strings, join_strings,
    limits,
};
pub use service::Service;
pub use tie_break::TieBreak;
