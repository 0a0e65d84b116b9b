//! The header policy: what is looked at, what is sent on, what is returned. Pure.
//!
//! Architecture Invariant: nothing is copied. A request to a gateway is made from the relay's own
//! configuration and the client's content; an answer to a client from the gateway's content alone.
//! The client's header fields are not even an argument of [`to_gateway`], nor the gateway's of [`to_client`]. Informational
//! responses and trailer fields are dropped both ways, with all that they say.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri,
    header::{
        ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
    },
};
use http_body_util::Full;
use sotto_wire::{AnswerClass, Problem, ProblemType, media};

use crate::{Refusal, config::Body, cors::Cors};

/// Octets of the largest problem document that is read from a gateway: far more than ours have.
pub const PROBLEM_MAX_BYTES: usize = 2_048;

/// The field by which a proxy tells that a request came in TLS early data (RFC 8470 section 5.1).
const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");

/// Octets of the largest answer.
const ANSWER_MAX_BYTES: usize = AnswerClass::Overflow.bytes();

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Content with its media type.
    Content(&'static str, Bytes),
    /// The answer to a browser that asks before it sends.
    Preflight,
    /// A problem document.
    Refused(Refusal),
}

impl Answer {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Content(..) => StatusCode::OK,
            Self::Preflight => StatusCode::NO_CONTENT,
            Self::Refused(refusal) => refusal.status(),
        }
    }
}

/// Judges what a client says of its content, before any of it is read.
///
/// # Errors
///
/// [`Refusal::TooEarly`], [`Refusal::MediaType`], [`Refusal::TooSmall`] or [`Refusal::TooLarge`].
pub fn judge_request(headers: &HeaderMap, body: Body) -> Result<(), Refusal> {
    // Whatever its value: RFC 8470 section 5.1 has a wrong one mean the same.
    if headers.contains_key(EARLY_DATA) {
        return Err(Refusal::TooEarly);
    }
    if !has_media_type(headers, media::OHTTP_REQUEST) {
        return Err(Refusal::MediaType);
    }
    match headers.get(CONTENT_LENGTH).map(parse_length) {
        None => Ok(()),
        Some(Some(declared)) => judge_size(declared, body),
        // hyper has refused what is no number; what does not fit is larger than any limit.
        Some(None) => Err(Refusal::TooLarge),
    }
}

/// Judges the octets of an encapsulated request.
///
/// # Errors
///
/// [`Refusal::TooSmall`] or [`Refusal::TooLarge`].
pub fn judge_size(octets: usize, body: Body) -> Result<(), Refusal> {
    if octets < body.min_request() {
        Err(Refusal::TooSmall)
    } else if octets > body.max_request() {
        Err(Refusal::TooLarge)
    } else {
        Ok(())
    }
}

/// The request to a gateway resource: the client's content, the relay's own word who it is, and
/// what HTTP cannot do without (Host, Content-Length).
#[must_use]
pub fn to_gateway(uri: Uri, credential: Option<HeaderValue>, content: Bytes) -> Request<Bytes> {
    let mut request = Request::new(content);
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media::OHTTP_REQUEST));
    if let Some(credential) = credential {
        headers.insert(AUTHORIZATION, credential);
    }
    request
}

/// The request for a gateway's keys, which no client has a part in.
#[must_use]
pub fn for_keys(
    uri: Uri,
    credential: Option<HeaderValue>,
    media_type: &'static str,
) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static(media_type));
    if let Some(credential) = credential {
        headers.insert(AUTHORIZATION, credential);
    }
    request
}

/// What is to be done with the content of a gateway's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Read at most so many octets and give them to [`judge_sealed`].
    Sealed(usize),
    /// Read at most so many octets and give them to [`judge_problem`].
    Problem(usize),
    /// Leave it unread.
    Refused(Refusal),
}

/// Judges a gateway's answer by its status and media type. No redirect is followed.
#[must_use]
pub fn judge_answer(status: StatusCode, headers: &HeaderMap) -> Expect {
    match status {
        StatusCode::OK if has_media_type(headers, media::OHTTP_RESPONSE) => {
            Expect::Sealed(ANSWER_MAX_BYTES)
        }
        StatusCode::BAD_REQUEST if has_media_type(headers, media::PROBLEM) => {
            Expect::Problem(PROBLEM_MAX_BYTES)
        }
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE => Expect::Refused(Refusal::GatewayRefused),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Expect::Refused(Refusal::NotAdmitted),
        StatusCode::TOO_MANY_REQUESTS => Expect::Refused(Refusal::Busy),
        // What stands there is a relay, through which the envelope came back here or to itself.
        StatusCode::LOOP_DETECTED => Expect::Refused(Refusal::Loop),
        StatusCode::SERVICE_UNAVAILABLE => Expect::Refused(Refusal::GatewayUnavailable),
        _ => Expect::Refused(Refusal::Nonsense),
    }
}

/// Judges the content of what should be an encapsulated response.
#[must_use]
pub fn judge_sealed(content: Bytes, body: Body) -> Answer {
    let passes = match body {
        Body::Exact => AnswerClass::of_size(content.len()).is_some(),
        Body::Any => (1..=ANSWER_MAX_BYTES).contains(&content.len()),
    };
    if passes {
        Answer::Content(media::OHTTP_RESPONSE, content)
    } else {
        Answer::Refused(Refusal::Nonsense)
    }
}

/// Judges a gateway's problem document: only its type is understood, and told in our own words.
#[must_use]
pub fn judge_problem(content: &[u8]) -> Refusal {
    match Problem::from_json(content).and_then(|problem| problem.kind()) {
        Some(ProblemType::OhttpKey) => Refusal::OhttpKey,
        _ => Refusal::GatewayRefused,
    }
}

/// The answer to a client: Content-Type, Content-Length, Cache-Control, and what `cors` says to browsers; for 405 also
/// Allow, which RFC 9110 section 15.5.6 demands, and Retry-After where there is reason to.
///
/// Of the client's fields only Origin is looked at, and only where the configuration lists origins.
#[must_use]
pub fn to_client(answer: Answer, cors: &Cors, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let status = answer.status();
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    cors.mark(asked, response.headers_mut());
    let (media_type, content) = match answer {
        Answer::Content(media_type, content) => (media_type, content),
        Answer::Refused(refusal) => {
            if let Some(seconds) = refusal.retry_after() {
                let headers = response.headers_mut();
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            (media::PROBLEM, refusal.problem().to_json().into())
        }
        Answer::Preflight => {
            Cors::mark_preflight(response.headers_mut());
            return response;
        }
    };
    let length = content.len();
    *response.body_mut() = Full::new(content);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    response
}

/// Whether there is exactly one Content-Type and it is `wanted`, whatever its parameters.
#[must_use]
pub fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut fields = headers.get_all(CONTENT_TYPE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return false;
    };
    field
        .to_str()
        .ok()
        .and_then(|text| text.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}

fn parse_length(value: &HeaderValue) -> Option<usize> {
    value.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
