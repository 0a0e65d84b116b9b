//! What `sotto-gateway` does on a command line. Results go to standard output, complaints to standard error.

pub(crate) mod check;
pub(crate) mod keys;
pub(crate) mod serve;

use anyhow::Context;

/// A runtime for what a command asks the network.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the runtime")
}
