//! What Sotto's servers share: configuration, TLS, drain, reload, admin listener, logs.
//!
//! A server binary reads its configuration ([`config::load`]), starts its logs ([`logs::init`]),
//! binds a [`Server`] for the public and, where configured, one for [`admin::router`], hands both to
//! [`Running::start`] and stays in [`Running::until_told`].
//!
//! Architecture Invariant: nothing here logs, counts or reports an address, a path or a header of
//! a client, and a handler is given the client's address only if [`Server::expose_peer`] was asked.

mod activity;
pub mod admin;
mod backlog;
pub mod clock;
pub mod command;
pub mod complaint;
pub mod config;
mod connection;
pub mod descriptors;
mod inspection;
pub mod logs;
pub mod metrics;
mod notify;
pub mod operator;
pub mod pin;
mod room;
pub mod roots;
mod running;
mod server;
pub mod signals;
mod streams;
pub mod tls;
pub mod token;

pub use activity::Stranger;
pub use inspection::Inspection;
pub use running::Running;
pub use server::{PeerAddress, PeerKey, Server, ServerError, ServerLimits};
pub use signals::{Signals, shutdown_signal};
