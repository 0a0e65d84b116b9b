//! Every answer of the relay's own that is not an answer of a gateway. The texts are constant, so
//! that nothing of a request can slip into them.

use http::StatusCode;
use sotto_wire::{Problem, ProblemType};

/// What `Retry-After` says; in that time the smallest quota has a token again.
const RETRY_AFTER_SECONDS: u32 = 10;

/// Why a client gets a problem document (RFC 9457) and not what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No such path, or a gateway that this relay does not forward to.
    UnknownResource,
    /// A relay resource takes GET and POST, whatever else there is GET.
    Method,
    /// The content of a POST is not `message/ohttp-req`.
    MediaType,
    /// The content is smaller than what is forwarded, or ended early.
    TooSmall,
    /// The content is larger than what is forwarded.
    TooLarge,
    /// The content did not arrive in time.
    Slow,
    /// The client's network asks more than its quota.
    Quota,
    /// The relay has as many requests in hand as it has room for.
    Overloaded,
    /// The request came in TLS early data, which can be replayed (RFC 8470).
    TooEarly,
    /// The same envelope is in flight through this relay already.
    Loop,
    /// As many requests as the relay holds for one gateway are waiting for it.
    Busy,
    /// The gateway does not know the key that the client used (RFC 9458 section 5.3).
    OhttpKey,
    /// The gateway refused the encapsulated request without opening it.
    GatewayRefused,
    /// The gateway could not be reached, or broke off.
    Unreachable,
    /// The gateway answered what no gateway answers: a redirect, another type, another size.
    Nonsense,
    /// The gateway does not admit this relay.
    NotAdmitted,
    /// The gateway says that it does not serve now.
    GatewayUnavailable,
    /// The relay has no keys of the gateway, or only old ones.
    NoKeys,
    /// The gateway did not answer in time.
    Timeout,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 19] = [
        Self::UnknownResource,
        Self::Method,
        Self::MediaType,
        Self::TooSmall,
        Self::TooLarge,
        Self::Slow,
        Self::Quota,
        Self::Overloaded,
        Self::TooEarly,
        Self::Loop,
        Self::Busy,
        Self::OhttpKey,
        Self::GatewayRefused,
        Self::Unreachable,
        Self::Nonsense,
        Self::NotAdmitted,
        Self::GatewayUnavailable,
        Self::NoKeys,
        Self::Timeout,
    ];

    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::UnknownResource => "unknown_resource",
            Self::Method => "method",
            Self::MediaType => "media_type",
            Self::TooSmall => "too_small",
            Self::TooLarge => "too_large",
            Self::Slow => "slow",
            Self::Quota => "quota",
            Self::Overloaded => "overloaded",
            Self::TooEarly => "too_early",
            Self::Loop => "loop",
            Self::Busy => "busy",
            Self::OhttpKey => "ohttp_key",
            Self::GatewayRefused => "gateway_refused",
            Self::Unreachable => "unreachable",
            Self::Nonsense => "nonsense",
            Self::NotAdmitted => "not_admitted",
            Self::GatewayUnavailable => "gateway_unavailable",
            Self::NoKeys => "no_keys",
            Self::Timeout => "timeout",
        }
    }

    /// The HTTP status it travels under.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::UnknownResource => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSmall | Self::OhttpKey | Self::GatewayRefused => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Quota | Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::TooEarly => StatusCode::TOO_EARLY,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::Unreachable | Self::Nonsense | Self::NotAdmitted => StatusCode::BAD_GATEWAY,
            Self::Overloaded | Self::GatewayUnavailable | Self::NoKeys => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The text for a person: what is wrong and what helps.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::UnknownResource => {
                "this relay has no such resource; /.well-known/sotto lists the gateways it forwards to"
            }
            Self::Method => "a relay resource takes POST and GET, every other resource GET",
            Self::MediaType => "the content of a POST must be message/ohttp-req",
            Self::TooSmall => {
                "the encapsulated request is smaller than this relay forwards; pad it to 2048 octets"
            }
            Self::TooLarge => {
                "the encapsulated request is larger than this relay forwards; it must have 2048 octets"
            }
            Self::Slow => "the content did not arrive in time; send it at once",
            Self::Quota => {
                "more requests come from your network than this relay takes; try later or another relay"
            }
            Self::Overloaded => {
                "this relay has no room for more requests; try later or another relay"
            }
            Self::TooEarly => {
                "a request in TLS early data can be replayed; send it again after the handshake"
            }
            Self::Loop => {
                "this envelope is on its way through this relay already, so it goes round between relays; seal a fresh one for each request"
            }
            Self::Busy => "too many requests wait for this gateway; try later or another relay",
            Self::OhttpKey => {
                "the gateway does not know this key configuration; fetch its keys again"
            }
            Self::GatewayRefused => {
                "the gateway refused the encapsulated request without opening it"
            }
            Self::Unreachable => "the gateway cannot be reached or broke off; try later",
            Self::Nonsense => {
                "the gateway answered what a gateway does not answer; tell the relay's operator"
            }
            Self::NotAdmitted => "the gateway does not admit this relay; tell the relay's operator",
            Self::GatewayUnavailable => "the gateway does not serve now; try later",
            Self::NoKeys => "this relay has no current keys of the gateway; try later",
            Self::Timeout => "the gateway did not answer in time; try later",
        }
    }

    /// Seconds after which to come again, where the relay has reason to say. The same for everybody: it tells nothing of
    /// how much others of a network have asked.
    #[must_use]
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::Quota | Self::Overloaded | Self::Busy => Some(RETRY_AFTER_SECONDS),
            _ => None,
        }
    }

    /// The problem document.
    #[must_use]
    pub fn problem(self) -> Problem {
        let kind = match self {
            Self::OhttpKey => ProblemType::OhttpKey,
            _ => ProblemType::Blank,
        };
        Problem::new(kind, self.status().as_u16(), self.title())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_refusal_is_told_apart() {
        let labels: HashSet<_> = Refusal::ALL.map(Refusal::label).into();
        let titles: HashSet<_> = Refusal::ALL.map(Refusal::title).into();
        assert_eq!(labels.len(), Refusal::ALL.len());
        assert_eq!(titles.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            assert_eq!(refusal.problem().status, refusal.status().as_u16());
        }
    }
}
