//! What the relay's and the gateway's answers mean, status by status.
//!
//! An unsealed status may come from the relay or, passed on, from the gateway: the client cannot
//! tell, except by what only one of them has reason to say. It was decided without the question.

use sotto_wire::{Problem, ProblemType, media};

use crate::outcome::{Code, Detail, Unavailable};

/// A whole HTTP response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) media_type: Option<String>,
    /// Seconds to wait, in the relay's words.
    pub(crate) retry_after: Option<u32>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The content, if the status is 200, the media type `expected` and the size within `max_bytes`.
    ///
    /// `missing` is what a 404 means here.
    pub(crate) fn content(
        self,
        expected: &str,
        max_bytes: usize,
        missing: Code,
    ) -> Result<Vec<u8>, Unavailable> {
        if self.body.len() > max_bytes {
            return Err(Unavailable::with(
                Code::ResponseTooLarge,
                Detail::Size(self.body.len()),
            ));
        }
        if self.status != 200 {
            let code = unsealed_status(self.status, missing);
            return Err(Unavailable {
                retry_after: self.retry_after,
                ..Unavailable::with(code, Detail::Status(self.status))
            });
        }
        if !is_of_type(self.media_type.as_deref(), expected) {
            return Err(Unavailable::with(
                Code::UnexpectedMediaType,
                Detail::MediaType(self.media_type),
            ));
        }
        Ok(self.body)
    }

    /// Whether this is the unsealed word that the key is not (any more) usable (RFC 9458 section 5.3).
    pub(crate) fn refuses_key(&self) -> bool {
        self.status == 400
            && is_of_type(self.media_type.as_deref(), media::PROBLEM)
            && Problem::from_json(&self.body).and_then(|problem| problem.kind())
                == Some(ProblemType::OhttpKey)
    }
}

/// What an unsealed status other than 200 means; `missing` is what 404 means here.
fn unsealed_status(status: u16, missing: Code) -> Code {
    match status {
        300..=399 => Code::Redirected,
        400 | 403 | 405 | 413 | 415 => Code::RelayRefused,
        401 => Code::RelayNotAdmitted,
        404 => missing,
        408 => Code::RequestSlow,
        429 => Code::RelayBusy,
        502 => Code::GatewayUnreachable,
        503 => Code::RelayUnready,
        504 => Code::GatewayTimedOut,
        508 => Code::RequestLooped,
        _ => Code::UnexpectedStatus,
    }
}

/// What a sealed status other than 200 means: the gateway's own word.
pub(crate) fn sealed_status(status: u16) -> Code {
    match status {
        400 => Code::GatewayRefused,
        403 => Code::NameNotAllowed,
        502 => Code::ResolverFailed,
        503 => Code::GatewayBusy,
        504 => Code::ResolverTimedOut,
        _ => Code::GatewayProtocol,
    }
}

/// Compares media types without parameters and case (RFC 9110 section 8.3.1).
pub(crate) fn is_of_type(media_type: Option<&str>, expected: &str) -> bool {
    media_type
        .and_then(|media_type| media_type.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}
