//! From an answer to a conversation: what a client's own provider says to the provider that a record names.
//!
//! The client never contacts that provider, which would show its address. It hands its own provider the
//! [`Service`](crate::Service): the MIMI URI where the account is published; otherwise [the body of an
//! `identifierQuery`](crate::Service::identifier_query), for the URL that the [`Directory`] names, and
//! the [`IdentifierAnswer`] says the account (draft-ietf-mimi-protocol-06 sections 5.1 and 5.8).
//!
//! What a record or a directory says must not make anybody knock at doors of their own network: an endpoint is named
//! by a domain, never by an address, and [`is_public_address`] is for whoever connects to it.

mod address;
mod directory;
mod query;
mod vector;

pub use address::is_public_address;
pub use directory::{DIRECTORY_MAX_OCTETS, Directory, DirectoryError, Endpoint};
pub use query::{ANSWER_MAX_ACCOUNTS, ANSWER_MAX_OCTETS, AnswerError, IdentifierAnswer, Refusal};

pub(crate) use query::request;
