//! What a lookup wants done, and what came of it: the whole interface between it and the network.

use std::fmt;

use crate::report::Report;

/// What the driver does next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Fetch `url` and answer with [`Event::Response`] or [`Event::Failed`].
    Get {
        /// Where: always the relay.
        url: String,
        /// The value of the Accept field.
        accept: &'static str,
        /// Octets of content beyond which the driver stops reading and fails.
        max_bytes: usize,
    },
    /// Send `body` to `url` and answer with [`Event::Response`] or [`Event::Failed`].
    Post {
        /// Where: always the relay.
        url: String,
        /// The value of the Content-Type field.
        media_type: &'static str,
        /// The content, an encapsulated request of constant size.
        body: Vec<u8>,
        /// Octets of content beyond which the driver stops reading and fails.
        max_bytes: usize,
    },
    /// Wait until this time, Unix seconds, and answer with [`Event::Woke`].
    Wait {
        /// The time.
        until: u64,
    },
    /// The lookup is over.
    Done(Box<Report>),
}

/// What came of a [`Step`].
#[derive(Debug)]
pub enum Event {
    /// The relay answered, whatever the status. Redirects are not followed but handed in.
    Response {
        /// The HTTP status.
        status: u16,
        /// The value of the Content-Type field.
        media_type: Option<String>,
        /// The value of the Retry-After field where it is a number of seconds (RFC 9110 section 10.2.3).
        retry_after: Option<u32>,
        /// The content, whole.
        body: Vec<u8>,
    },
    /// There was no whole answer.
    Failed {
        /// Whether the relay may have seen the request.
        sent: Sent,
        /// What went wrong.
        what: TransportProblem,
    },
    /// The time that [`Step::Wait`] named has come.
    Woke,
}

/// How much of a failed request went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// No octet of it, or the transport says that it was not processed (REFUSED_STREAM,
    /// RFC 9113 section 8.7). It may be made again.
    Nothing,
    /// Some of it, perhaps. It may have been processed.
    Maybe,
}

/// What went wrong below HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportProblem {
    /// The kind.
    pub kind: TransportProblemKind,
    /// The cause in the transport's words, for a person; may be empty.
    pub cause: String,
}

impl TransportProblem {
    /// A problem of `kind`, with the transport's own words for it.
    #[must_use]
    pub fn new(kind: TransportProblemKind, cause: impl Into<String>) -> Self {
        Self {
            kind,
            cause: cause.into(),
        }
    }
}

impl fmt::Display for TransportProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            TransportProblemKind::Connect => "no connection",
            TransportProblemKind::Certificate => "certificate refused",
            TransportProblemKind::CertificateTime => "certificate not valid now",
            TransportProblemKind::TimedOut => "timed out",
            TransportProblemKind::Lost => "connection lost",
            TransportProblemKind::TooLarge => "response too large",
        };
        write!(out, "{what}: {}", self.cause)
    }
}

/// The kinds of [`TransportProblem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportProblemKind {
    /// No connection: name resolution, TCP or TLS failed.
    Connect,
    /// The relay's certificate is not valid for its name.
    Certificate,
    /// By this machine's clock, the relay's certificate is not valid yet or not any more.
    CertificateTime,
    /// The time for one request is over.
    TimedOut,
    /// The connection broke, or what came over it is not HTTP.
    Lost,
    /// The content is larger than the step allows.
    TooLarge,
}
