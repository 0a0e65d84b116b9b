//! What leaves the gateway unsealed when it does not answer: the one place where errors turn into statuses.
//!
//! All of it is decided before the question is known, so none of it can depend on the question.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use sotto_wire::{Problem, ProblemType, media};

/// An unsealed refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The envelope does not open: unknown key, or anything else wrong with it. Deliberately one answer for all causes.
    Key,
    /// The content did not arrive whole and in time.
    Content,
    /// The envelope has been answered before.
    Replay,
    /// The relay is not admitted.
    Relay,
    /// The relay sends more than it may.
    Rate,
    /// There is no such resource.
    Path,
    /// The resource does not know the method.
    Method,
    /// The content is larger than any encapsulated request that is opened.
    Size,
    /// The content is not an encapsulated request.
    MediaType,
    /// As many requests as allowed are being answered.
    Busy,
    /// The keys are not proved yet, or not any more.
    NoKeys,
    /// A fault of ours that leaves nothing to seal.
    Fault,
}

impl Refusal {
    /// Every refusal.
    pub(crate) const ALL: [Self; 12] = [
        Self::Key,
        Self::Content,
        Self::Replay,
        Self::Relay,
        Self::Rate,
        Self::Path,
        Self::Method,
        Self::Size,
        Self::MediaType,
        Self::Busy,
        Self::NoKeys,
        Self::Fault,
    ];

    /// The label in metrics.
    #[must_use]
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Content => "content",
            Self::Replay => "replay",
            Self::Relay => "relay",
            Self::Rate => "rate",
            Self::Path => "path",
            Self::Method => "method",
            Self::Size => "size",
            Self::MediaType => "media_type",
            Self::Busy => "busy",
            Self::NoKeys => "no_keys",
            Self::Fault => "fault",
        }
    }

    fn problem(self) -> (StatusCode, Problem) {
        let (status, title) = match self {
            Self::Key => (
                StatusCode::BAD_REQUEST,
                "the encapsulated request cannot be opened with a current key",
            ),
            Self::Content => (
                StatusCode::BAD_REQUEST,
                "the content did not arrive whole and in time",
            ),
            Self::Replay => (
                StatusCode::BAD_REQUEST,
                "the encapsulated request has been answered before",
            ),
            Self::Relay => (
                StatusCode::UNAUTHORIZED,
                "this relay is not admitted; its operator has the gateway's list its certificate or a token",
            ),
            Self::Rate => (
                StatusCode::TOO_MANY_REQUESTS,
                "this relay sends more requests than it may",
            ),
            Self::Path => (StatusCode::NOT_FOUND, "no such resource"),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "the resource does not know this method",
            ),
            Self::Size => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "an encapsulated request has at most 4096 octets",
            ),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the content must be message/ohttp-req",
            ),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "the gateway is busy"),
            Self::NoKeys => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the gateway has no proved keys at the moment",
            ),
            Self::Fault => (StatusCode::SERVICE_UNAVAILABLE, "the gateway failed"),
        };
        let kind = match self {
            Self::Key => ProblemType::OhttpKey,
            _ => ProblemType::Blank,
        };
        (status, Problem::new(kind, status.as_u16(), title))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, problem) = self.problem();
        let mut response = (status, problem.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(media::PROBLEM),
        );
        if self == Self::Relay {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
