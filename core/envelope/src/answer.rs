//! What travels back inside the envelope.

use std::fmt;

use sotto_wire::{AnswerClass, Problem, media};

use crate::message::ResponseMessage;

/// A gateway's answer, as the client reads it after opening the envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// The Content-Type field.
    pub media_type: Option<String>,
    /// The Date field, which accompanies a `#date` problem (RFC 9458 section 6.5.2).
    pub date: Option<String>,
    /// The content.
    pub body: Vec<u8>,
}

impl Answer {
    /// A proof: status 200.
    #[must_use]
    pub fn proof(bytes: Vec<u8>) -> Self {
        Self {
            status: 200,
            media_type: Some(media::PROOF.to_owned()),
            date: None,
            body: bytes,
        }
    }

    /// A refusal or an error under the status that `problem` states.
    #[must_use]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an answer is made once of each problem"
    )]
    pub fn problem(problem: Problem) -> Self {
        Self {
            status: problem.status,
            media_type: Some(media::PROBLEM.to_owned()),
            date: None,
            body: problem.to_json().into_bytes(),
        }
    }

    /// The same answer with a Date field, an IMF-fixdate (RFC 9110 section 5.6.7).
    #[must_use]
    pub fn with_date(mut self, date: impl Into<String>) -> Self {
        self.date = Some(date.into());
        self
    }

    /// The size class this answer travels in; `None` if it fits none, so that a gateway can seal a
    /// 502 in its place.
    #[must_use]
    pub fn class(&self) -> Option<AnswerClass> {
        ResponseMessage::new(self).ok()?.class()
    }

    /// The size class that [`Self::proof`] of these octets travels in; `None` if it fits none.
    #[must_use]
    pub fn class_of_proof(proof: &[u8]) -> Option<AnswerClass> {
        ResponseMessage::proof(proof).class()
    }

    /// The problem that the content is, if the media type says that it is one.
    #[must_use]
    pub fn as_problem(&self) -> Option<Problem> {
        let media_type = self.media_type.as_deref()?;
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        essence
            .eq_ignore_ascii_case(media::PROBLEM)
            .then(|| Problem::from_json(&self.body))
            .flatten()
    }
}

/// Without the content, which holds the name that was asked for.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("media_type", &self.media_type)
            .field("body", &"[redacted]")
            .finish_non_exhaustive()
    }
}
