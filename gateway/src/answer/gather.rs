//! Drives the prover: its questions out, all at once, its responses in.

use std::{future::Future, sync::Arc};

use sotto_proof::{Progress, Proof, ProveError, Prover, ProverLimits, Question, message::Response};
use tokio::task::JoinSet;

use crate::resolver::ResolveError;

/// Why no proof could be gathered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GatherError {
    /// The resolver gave no response.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The responses do not make a proof. Shows names: for the operator's own questions only.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

/// Gathers the proof for `question`; `fetch` gets each response.
///
/// Ends everything that is under way when it ends or is dropped.
pub(crate) async fn gather<F>(
    question: Question,
    fetch: impl Fn(Question) -> F,
) -> Result<Proof, GatherError>
where
    F: Future<Output = Result<Arc<Response>, ResolveError>> + Send + 'static,
{
    let (mut prover, first) = Prover::start(question, ProverLimits::default());
    let mut under_way = JoinSet::new();
    let ask = |under_way: &mut JoinSet<_>, questions: Vec<Question>| {
        for question in questions {
            let response = fetch(question.clone());
            under_way.spawn(async move { (question, response.await) });
        }
    };
    ask(&mut under_way, first);
    while let Some(joined) = under_way.join_next().await {
        // A task that panicked is as good as a resolver that says nothing.
        let (asked, response) = joined.map_err(|_| ResolveError::Timeout)?;
        match prover.respond(&asked, &*response?)? {
            Progress::Ask(more) => ask(&mut under_way, more),
            Progress::Wait => {}
            Progress::Done(proof) => return Ok(proof),
        }
    }
    // The prover always has a question open until it is done.
    Err(ResolveError::Timeout.into())
}
