//! Lookups over tokio: one [`Lookup`] each, driven over the transport.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sotto_mimi::{Identifier, RecordForm};
use sotto_proof::Question;
use tokio::time::{sleep, timeout_at};

use crate::comparison::{Compared, Comparison, ComparisonStep};
use crate::lookup::{Lookup, Memory};
use crate::report::Report;
use crate::setup::Setup;
use crate::step::{Event, Sent, Step, TransportProblem, TransportProblemKind};
use crate::transport::{Patience, TlsError, Transport};

/// A client of one setup, cheap to clone, for any number of lookups at a time.
///
/// It keeps connections to its relays, and for up to an hour what it learnt of them and of the
/// gateway's keys, in memory alone. What was asked and answered it keeps only in the store of its setup, if there is one.
///
/// A lookup whose future is dropped is over: its request may have been processed or not, and everything else is as if
/// it had not begun. Other lookups of the same client, and later ones, notice nothing. There is no
/// state outside of a client.
///
/// It belongs into a tokio runtime with time and I/O, and as everything of tokio its futures panic when they are polled
/// outside of one; [`crate::blocking::Client`] brings its own. The store is written by `spawn_blocking`; a proof is verified
/// where the future is polled, at a cost that [`Setup::limits`] bounds.
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
    memory: Arc<Mutex<Memory>>,
}

/// What came of a step.
enum Done {
    Event(Event),
    Report(Box<Report>),
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
        let needs_tls = setup.relays().iter().any(|relay| relay.url.is_https());
        let patience = Patience {
            connect: Duration::from_secs(setup.connect_timeout()),
            request: Duration::from_secs(setup.request_timeout()),
        };
        Ok(Self {
            transport: Transport::new(setup.authorities(), needs_tls, patience)?,
            setup,
            memory: Arc::default(),
        })
    }

    /// What the client was told.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The same client, with its connections and what it learnt, but asking even where the store has an answer.
    #[must_use]
    pub fn asking_anew(&self) -> Self {
        Self {
            setup: self.setup.asking_anew(),
            ..self.clone()
        }
    }

    /// Looks up a person.
    pub async fn lookup(&self, identifier: Identifier, form: RecordForm) -> Report {
        let memory = self.memory();
        self.drive(Lookup::identifier_knowing(
            &memory,
            &self.setup,
            identifier,
            form,
            now(),
        ))
        .await
    }

    /// Looks up an RRset, without reading it as MIMI records.
    pub async fn query(&self, question: Question) -> Report {
        let memory = self.memory();
        self.drive(Lookup::query_knowing(&memory, &self.setup, question, now()))
            .await
    }

    /// For how long to wait before [`Self::compare_keys`] is called next; `None` if there is nothing to compare.
    ///
    /// By the client's secret and the clock alone, so that no lookup shows in it.
    #[must_use]
    pub fn until_comparison(&self) -> Option<Duration> {
        let now = now();
        Comparison::due(&self.setup, now).map(|due| Duration::from_secs(due.saturating_sub(now)))
    }

    /// Compares the gateways' keys over two relays, and remembers what they showed.
    ///
    /// An application that runs on calls it whenever [`Self::until_comparison`] has passed, and never because
    /// somebody is looked up: the second relay could tell when.
    pub async fn compare_keys(&self) -> Compared {
        let (mut comparison, mut step) = Comparison::start(&self.setup, &self.memory(), now());
        let compared = loop {
            let event = match step {
                ComparisonStep::Get {
                    url,
                    accept,
                    max_bytes,
                } => self.transport.get(&url, accept, max_bytes).await,
                ComparisonStep::Done(compared) => break *compared,
            };
            step = comparison.next(event, now());
        };
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .learn_keys(&compared);
        if let Some(store) = self.setup.store() {
            let sightings: Vec<_> = compared.sightings().cloned().collect();
            store.note_keys(&sightings);
            // What cannot be written now is written after a lookup, which reports it if it cannot be.
            let _ = self.flush().await;
        }
        compared
    }

    async fn drive(&self, (mut lookup, mut step): (Lookup, Step)) -> Report {
        let ends = sleep(Duration::from_secs(self.setup.lookup_timeout())).deadline();
        let mut report = loop {
            let is_pause = matches!(step, Step::Wait { .. });
            let event = match timeout_at(ends, self.perform(step)).await {
                Ok(Done::Event(event)) => event,
                Ok(Done::Report(report)) => break *report,
                Err(_) if is_pause => Event::Woke,
                Err(_) => Event::Failed {
                    sent: Sent::Maybe,
                    what: TransportProblem::new(TransportProblemKind::TimedOut, ""),
                },
            };
            step = lookup.next(event, now());
        };
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .learn(&report);
        report.store_problem = self.flush().await;
        report
    }

    /// Writes the store, away from the threads that lookups run on; says why that fails if it does.
    async fn flush(&self) -> Option<String> {
        let store = self.setup.store()?.clone();
        match tokio::task::spawn_blocking(move || store.flush()).await {
            Ok(written) => written.err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Does what a step says.
    async fn perform(&self, step: Step) -> Done {
        Done::Event(match step {
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
                sleep(Duration::from_secs(until.saturating_sub(now()))).await;
                Event::Woke
            }
            Step::Done(report) => return Done::Report(report),
        })
    }

    fn memory(&self) -> Memory {
        self.memory
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What an application may hold in any thread, and send to any other.
    #[test]
    fn everything_crosses_threads() {
        fn crosses<T: Send + Sync>() {}
        fn is_sent<T: Send>(_: &T) {}
        crosses::<Client>();
        crosses::<crate::blocking::Client>();
        crosses::<Setup>();
        crosses::<crate::SetupBuilder>();
        crosses::<Lookup>();
        crosses::<Step>();
        crosses::<Event>();
        crosses::<Comparison>();
        crosses::<Memory>();
        crosses::<crate::Knowledge>();
        crosses::<Report>();
        crosses::<ClientError>();
        let client = |client: &Client| {
            is_sent(&client.lookup("a@b.example".parse().unwrap(), RecordForm::Txt));
            is_sent(&client.compare_keys());
        };
        let setup = Setup::builder("http://127.0.0.1:1", "g.example");
        let setup = setup.allow_http_not_private(true).build().unwrap();
        client(&Client::new(setup).unwrap());
    }
}
