//! One lookup as a step machine without I/O: steps out, events in, a [`Report`] at the end.
//!
//! The protocol itself is `Running::proceed`, in ten lines. Whatever fails, no step names a URL
//! that is not on one of the configured relays.

mod knowledge;
mod retry;
pub(crate) mod route;
mod running;

use std::fmt;

use sotto_envelope::ProofQuery;
use sotto_mimi::{Found, Identifier, RecordForm, Service};
use sotto_proof::Question;

pub use self::knowledge::{Knowledge, Memory};
use self::running::Running;
use crate::outcome::{Code, Detail, Outcome, Unavailable};
use crate::reader::Reader;
use crate::report::{FromStore, Report};
use crate::setup::Setup;
use crate::step::{Event, Step};
use crate::store::Answer;
use crate::verdict::Judged;

/// One lookup, driven from outside.
///
/// The driver does what each [`Step`] says and hands in what came of it; it decides nothing. `now`
/// is always Unix seconds.
///
/// ```
/// use sotto_client::{Event, Lookup, Outcome, Sent, Setup, Step, TransportProblem, TransportProblemKind};
/// use sotto_client::mimi::RecordForm;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let setup = Setup::builder("https://relay.example", "gateway.example.net").build()?;
/// let now = 1_790_000_000;
/// let (mut lookup, mut step) = Lookup::identifier(&setup, "hugh@example.com".parse()?, RecordForm::Txt, now);
/// let report = loop {
///     let event = match step {
///         // Here an HTTP stack does the request. This one has no network.
///         Step::Get { .. } | Step::Post { .. } => Event::Failed {
///             sent: Sent::Nothing,
///             what: TransportProblem::new(TransportProblemKind::Connect, "no network"),
///         },
///         // Here a timer runs.
///         Step::Wait { .. } => Event::Woke,
///         Step::Done(report) => break report,
///     };
///     step = lookup.next(event, now);
/// };
/// assert!(matches!(report.outcome, Outcome::Unavailable(_)));
/// assert!(report.learnt.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Lookup(Option<Box<Running>>);

impl Lookup {
    /// Starts to look up a person.
    ///
    /// A `mimi://` URI is resolved already: its lookup is over at once, and nobody learnt of it.
    pub fn identifier(
        setup: &Setup,
        identifier: Identifier,
        form: RecordForm,
        now: u64,
    ) -> (Self, Step) {
        Self::identifier_knowing(&Memory::default(), setup, identifier, form, now)
    }

    /// Starts to look up a person, on what earlier lookups with the same setup learnt.
    pub fn identifier_knowing(
        memory: &Memory,
        setup: &Setup,
        identifier: Identifier,
        form: RecordForm,
        now: u64,
    ) -> (Self, Step) {
        if let Identifier::Uri(uri) = &identifier {
            let outcome = Outcome::Found(Found {
                services: vec![Service::from(uri)],
                dropped: Vec::new(),
            });
            return Self::over(Report::without_question(outcome, Some(identifier), now));
        }
        let question = identifier
            .owner(form, setup.phone_zone())
            .map_err(|error| error.to_string())
            .and_then(|owner| {
                let name = owner
                    .as_str()
                    .parse()
                    .map_err(|error: sotto_proof::NameError| error.to_string())?;
                Ok((
                    owner,
                    Question {
                        name,
                        rtype: setup.record_type(form),
                    },
                ))
            });
        match question {
            Ok((owner, question)) => {
                let reader = Reader::Person { identifier, owner };
                Self::start(memory, setup, reader, question, now)
            }
            Err(cause) => {
                let why = Unavailable::with(Code::NoOwnerName, Detail::Cause(cause));
                Self::over(Report::without_question(why.into(), Some(identifier), now))
            }
        }
    }

    /// Starts to look up an RRset, without reading it as MIMI records.
    pub fn query(setup: &Setup, question: Question, now: u64) -> (Self, Step) {
        Self::query_knowing(&Memory::default(), setup, question, now)
    }

    /// Starts to look up an RRset, on what earlier lookups with the same setup learnt.
    pub fn query_knowing(
        memory: &Memory,
        setup: &Setup,
        question: Question,
        now: u64,
    ) -> (Self, Step) {
        Self::start(memory, setup, Reader::Raw, question, now)
    }

    /// Takes what came of the last step, and says what to do next.
    ///
    /// An event that does not belong to the step before it ends the lookup with
    /// [`Code::Misused`], as does any event after [`Step::Done`].
    pub fn next(&mut self, event: Event, now: u64) -> Step {
        let Some(mut running) = self.0.take() else {
            let outcome = Unavailable::new(Code::Misused).into();
            return Step::Done(Box::new(Report::without_question(outcome, None, now)));
        };
        match running.advance(event, now) {
            Ok(step) => {
                self.0 = Some(running);
                step
            }
            Err(outcome) => Step::Done(Box::new(running.report(outcome, now))),
        }
    }

    fn start(
        memory: &Memory,
        setup: &Setup,
        reader: Reader,
        question: Question,
        now: u64,
    ) -> (Self, Step) {
        let query = match ProofQuery::new(question.name.to_string(), question.rtype.to_string()) {
            Ok(query) => query,
            Err(error) => {
                let why = Unavailable::with(Code::NameNotCarried, Detail::Cause(error.to_string()));
                return Self::over(Report::without_question(
                    why.into(),
                    reader.into_identifier(),
                    now,
                ));
            }
        };
        if let Some(report) = recalled(setup, &reader, &question, now) {
            return Self::over(report);
        }
        let mut running = Box::new(Running::new(memory, setup, reader, question, query, now));
        match running.proceed(now) {
            Ok(step) => (Self(Some(running)), step),
            Err(outcome) => Self::over(running.report(outcome, now)),
        }
    }

    fn over(report: Report) -> (Self, Step) {
        (Self(None), Step::Done(Box::new(report)))
    }
}

/// The report of a lookup that the store answers, by the same rules as if the answer came now.
///
/// Whatever is wrong with what is stored is no reason to say so: what comes instead is asked for.
fn recalled(setup: &Setup, reader: &Reader, question: &Question, now: u64) -> Option<Report> {
    let store = setup.answering_store()?;
    let Answer {
        proof,
        since,
        until,
        ..
    } = store.recall(question, now)?;
    let judged = Judged::new(&proof, question, setup, now);
    let outcome = match judged.settle(setup.max_age(), now) {
        Ok(proved) => reader.read(proved, setup),
        Err(outcome) => outcome,
    };
    let stands = !matches!(outcome, Outcome::Bogus(_) | Outcome::Unavailable(_));
    if !stands || store.refuse_older(question, &judged.verification).is_err() {
        return None;
    }
    Some(Report {
        question: Some(question.clone()),
        proof: Some(proof),
        verification: Some(judged.verification),
        second_opinion: judged.second_opinion,
        from_store: Some(FromStore { since, until }),
        ..Report::without_question(outcome, reader.identifier().cloned(), now)
    })
}

impl fmt::Debug for Lookup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.as_deref().map_or("over", Running::state);
        write!(out, "Lookup({state})")
    }
}
