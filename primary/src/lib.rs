//! A zone's primary name server, as whoever publishes talks to it: over TCP, with a key from a file.
//!
//! The thin shell around [`sotto_publish::update`], for the command that publishes people and for the gateway that publishes its
//! keys. It blocks; the clock is an argument.

mod connection;
mod key_file;

pub use connection::{Connection, Halt, Server};
pub use key_file::{KeyFileError, read_key};
