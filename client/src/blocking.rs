//! The same client without an async runtime of the caller's.

use std::sync::Arc;

use sotto_mimi::{Identifier, RecordForm};
use sotto_proof::Question;
use tokio::runtime::{Builder, Runtime};

use crate::client::{self, ClientError};
use crate::comparison::Compared;
use crate::report::Report;
use crate::setup::Setup;

/// A client whose lookups block the calling thread.
///
/// It brings a runtime of one thread. Inside an async runtime use [`crate::Client`]: this one would
/// block it, and panics there, as tokio does.
#[derive(Clone, Debug)]
pub struct Client {
    inner: client::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    /// Makes a client; connects to nobody yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if the certification authorities cannot be used or no runtime can be started.
    pub fn new(setup: Setup) -> Result<Self, ClientError> {
        // A worker of its own answers pings and closes idle connections between lookups.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_io()
            .enable_time()
            .build()
            .map_err(ClientError::Runtime)?;
        Ok(Self {
            inner: client::Client::new(setup)?,
            runtime: Arc::new(runtime),
        })
    }

    /// What the client was told.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        self.inner.setup()
    }

    /// Looks up a person.
    pub fn lookup(&self, identifier: Identifier, form: RecordForm) -> Report {
        self.runtime.block_on(self.inner.lookup(identifier, form))
    }

    /// Looks up an RRset, without reading it as MIMI records.
    pub fn query(&self, question: Question) -> Report {
        self.runtime.block_on(self.inner.query(question))
    }

    /// As [`crate::Client::until_comparison`].
    #[must_use]
    pub fn until_comparison(&self) -> Option<std::time::Duration> {
        self.inner.until_comparison()
    }

    /// As [`crate::Client::compare_keys`].
    pub fn compare_keys(&self) -> Compared {
        self.runtime.block_on(self.inner.compare_keys())
    }
}
