//! One oblivious exchange: open, answer, seal.
//!
//! The private-key work runs where the request is handled: at 30 to 50 us it is done sooner than a hand-over to
//! another thread and back would pay off, and every thread of the runtime does it at once.

use std::{
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

use sotto_envelope::{Answer, OpenRefusal, ProofQuery, Request, SealError, Sealer};
use sotto_wire::{Problem, ProblemType};

use crate::{
    answer::{Answered, Answerer},
    keys::ActiveKeys,
    observe::{GatewayView, Observe},
    refusal::Refusal,
    relays::Admitted,
    replays::Replays,
};

/// Seconds that the Date of a request may differ from our clock (RFC 9458 section 6.5.2 leaves it open): what clocks
/// set by hand or by a network are off by.
const DATE_TOLERANCE_SECONDS: u64 = 600;

/// What one exchange needs beside the envelope.
pub(crate) struct Oblivious<'a> {
    /// The gateway's host.
    pub(crate) host: &'a str,
    /// The keys in use.
    pub(crate) keys: &'a ActiveKeys,
    /// Who answers questions.
    pub(crate) answerer: &'a Answerer,
    /// What has been answered before.
    pub(crate) replays: &'a Replays,
    /// Who watches, in the laboratory.
    pub(crate) observer: Option<&'a dyn Observe>,
}

/// Whom an envelope came from, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    /// The relay.
    pub(crate) relay: &'a Admitted,
    /// Its address.
    pub(crate) peer: SocketAddr,
    /// Unix seconds.
    pub(crate) at: u64,
}

/// A sealed answer.
pub(crate) struct Sealed {
    /// The encapsulated response, exactly one of the sizes of [`sotto_wire::AnswerClass`].
    pub(crate) octets: Vec<u8>,
    /// The status inside, for the metrics.
    pub(crate) status: u16,
    /// Whether the proof inside was at hand; `None` if there is none inside.
    pub(crate) cached: Option<bool>,
}

impl Oblivious<'_> {
    /// Answers one encapsulated request.
    ///
    /// # Errors
    ///
    /// [`Refusal::Key`] or [`Refusal::Size`] if the envelope does not open, [`Refusal::Replay`] if it has before. Once it
    /// has, whatever goes wrong is sealed; [`Refusal::Fault`] only if sealing itself fails.
    pub(crate) async fn exchange(
        &self,
        envelope: &[u8],
        arrival: Arrival<'_>,
    ) -> Result<Sealed, Refusal> {
        let encapsulated = self.keys.ring.encapsulated_key(envelope);
        if encapsulated.is_some_and(|key| self.replays.has_seen(key, arrival.at)) {
            return Err(Refusal::Replay);
        }
        let opened = match self.keys.ring.open(envelope) {
            Err(OpenRefusal::TooLarge) => return Err(Refusal::Size),
            Err(OpenRefusal::UnknownKey | OpenRefusal::Undecryptable) => return Err(Refusal::Key),
            opened => opened,
        };
        // Only now, or whoever sends a copy with another end would have the original refused.
        if encapsulated.is_some_and(|key| !self.replays.remember(key, arrival.at)) {
            return Err(Refusal::Replay);
        }
        let (request, sealer) = match opened {
            Ok(opened) => opened,
            Err(OpenRefusal::Malformed { sealer, .. }) => {
                let problem = Problem::new(ProblemType::Blank, 400, "not a Binary HTTP request");
                return seal(*sealer, Answer::problem(problem));
            }
            Err(_) => return Err(Refusal::Key),
        };
        let query = match self.read(&request, arrival.at) {
            Ok(query) => query,
            Err(answer) => return seal(sealer, answer),
        };
        let answered = self.answerer.answer(&query).await;
        let cached = answered.cached;
        let sealed = if answered.status == 200 && Answer::class_of_proof(&answered.proof).is_some()
        {
            let sealed = finish(sealer.seal_proof(&answered.proof), 200)?;
            Sealed {
                cached: Some(cached),
                ..sealed
            }
        } else {
            seal(sealer, problem(&answered))?
        };
        if let Some(observer) = self.observer {
            observer.answered(&GatewayView {
                relay: arrival.relay.relay.clone(),
                peer: arrival.peer,
                name: query.name,
                rtype: query.rtype,
                status: sealed.status,
                answer_bytes: sealed.octets.len(),
                cached,
                at: arrival.at,
            });
        }
        Ok(sealed)
    }

    fn read(&self, request: &Request, now: u64) -> Result<ProofQuery, Answer> {
        let query = request.query(self.host).map_err(Answer::problem)?;
        match request.date() {
            Some(date) if !is_near(date, now) => Err(wrong_date(now)),
            _ => Ok(query),
        }
    }
}

/// Whether an IMF-fixdate (RFC 9110 section 5.6.7) lies close enough to `now`.
fn is_near(date: &str, now: u64) -> bool {
    httpdate::parse_http_date(date)
        .ok()
        .and_then(|date| date.duration_since(UNIX_EPOCH).ok())
        .is_some_and(|date| date.as_secs().abs_diff(now) <= DATE_TOLERANCE_SECONDS)
}

/// RFC 9458 section 6.5.2: the problem, and our time so that the client can correct its own.
fn wrong_date(now: u64) -> Answer {
    let problem = Problem::new(
        ProblemType::Date,
        400,
        "the Date lies too far from the gateway's clock",
    );
    Answer::problem(problem).with_date(httpdate::fmt_http_date(
        UNIX_EPOCH + Duration::from_secs(now),
    ))
}

/// What is said in place of a proof.
fn problem(answered: &Answered) -> Answer {
    let (status, title) = match answered.status {
        200 => (502, "the proof is too large for an answer"),
        400 => (400, "the name or the type cannot be asked for"),
        403 => (403, "this gateway does not prove this name"),
        503 => (503, "the gateway is busy"),
        504 => (504, "the resolver did not answer in time"),
        status => (status, "the resolver failed"),
    };
    Answer::problem(Problem::new(ProblemType::Blank, status, title))
}

fn seal(sealer: Sealer, answer: Answer) -> Result<Sealed, Refusal> {
    finish(sealer.seal(&answer), answer.status)
}

fn finish(sealed: Result<Vec<u8>, SealError>, status: u16) -> Result<Sealed, Refusal> {
    match sealed {
        Ok(octets) => Ok(Sealed {
            octets,
            status,
            cached: None,
        }),
        Err(error) => {
            tracing::error!(%error, "an answer could not be sealed");
            Err(Refusal::Fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_may_be_off_by_ten_minutes() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let at = 784_111_777;
        for (now, near) in [
            (at, true),
            (at + 600, true),
            (at - 600, true),
            (at + 601, false),
            (at - 601, false),
        ] {
            assert_eq!(is_near(date, now), near, "{now}");
        }
        assert!(!is_near("yesterday", at));
        assert_eq!(wrong_date(at).date.as_deref(), Some(date));
    }
}
