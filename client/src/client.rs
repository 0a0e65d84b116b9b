//! Lookups over tokio: one [`Lookup`] each, driven over the transport.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sotto_mimi::{Identifier, RecordForm};
use sotto_proof::Question;

use crate::lookup::{Knowledge, Lookup};
use crate::report::Report;
use crate::setup::Setup;
use crate::step::{Event, Step};
use crate::transport::{TlsError, Transport};

/// A client of one setup, cheap to clone, for any number of lookups at a time.
///
/// It keeps connections to its relays, and for up to an hour what it learnt of them and of the
/// gateway's keys, in memory alone. It keeps nothing of what was asked or answered.
///
/// ```no_run
/// use sotto_client::{Client, Outcome, Setup, mimi::RecordForm};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let setup = Setup::builder("https://relay.example", "gateway.example.net").build()?;
/// let client = Client::new(setup)?;
/// let report = client.lookup("hugh@example.com".parse()?, RecordForm::Txt).await;
/// match &report.outcome {
///     Outcome::Found(found) => {
///         for service in &found.services {
///             println!("{} {:?}", service.provider, service.account);
///         }
///     }
///     Outcome::Unavailable(why) => eprintln!("{why}"),
///     other => eprintln!("{}", other.as_str()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    setup: Setup,
    transport: Transport,
    knowledge: Arc<Mutex<Option<Knowledge>>>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The runtime of a blocking client cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Runtime(std::io::Error),
}

impl Client {
    /// Makes a client; connects to nobody yet.
    ///
    /// # Errors
    ///
    /// [`ClientError::Tls`] if the certification authorities cannot be used.
    pub fn new(setup: Setup) -> Result<Self, ClientError> {
        let timeout = Duration::from_secs(setup.timeout());
        let needs_tls = setup.relays().iter().any(crate::url::RelayUrl::is_https);
        Ok(Self {
            transport: Transport::new(setup.authorities(), needs_tls, timeout)?,
            setup,
            knowledge: Arc::default(),
        })
    }

    /// What the client was told.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Looks up a person.
    pub async fn lookup(&self, identifier: Identifier, form: RecordForm) -> Report {
        let known = self.known();
        self.drive(Lookup::identifier_knowing(
            known.as_ref(),
            &self.setup,
            identifier,
            form,
            now(),
        ))
        .await
    }

    /// Looks up an RRset, without reading it as MIMI records.
    pub async fn query(&self, question: Question) -> Report {
        let known = self.known();
        self.drive(Lookup::query_knowing(
            known.as_ref(),
            &self.setup,
            question,
            now(),
        ))
        .await
    }

    async fn drive(&self, (mut lookup, mut step): (Lookup, Step)) -> Report {
        let report = loop {
            let event = match step {
                Step::Get {
                    url,
                    accept,
                    max_bytes,
                } => self.transport.get(&url, accept, max_bytes).await,
                Step::Post {
                    url,
                    media_type,
                    body,
                    max_bytes,
                } => self.transport.post(&url, media_type, body, max_bytes).await,
                Step::Wait { until } => {
                    tokio::time::sleep(Duration::from_secs(until.saturating_sub(now()))).await;
                    Event::Woke
                }
                Step::Done(report) => break *report,
            };
            step = lookup.next(event, now());
        };
        // A lookup that asked nobody learnt nothing, and forgets nothing.
        if !report.learnt.is_empty() {
            *self
                .knowledge
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = report.knowledge.clone();
        }
        report
    }

    fn known(&self) -> Option<Knowledge> {
        self.knowledge
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The one reader of the clock, Unix seconds.
#[allow(
    clippy::disallowed_methods,
    reason = "the shell's one clock; everything below takes time as an argument"
)]
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
