//! What may follow on a request that came to nothing.
//!
//! The question goes out again only if no octet of it was sent, or the transport says that it was not processed. Everything
//! else ends the lookup, and the caller decides; another gateway is asked only by a policy that was chosen before. What came under
//! seal is no argument of [`way`], so nothing in it can lead anywhere.

use crate::outcome::Code;
use crate::setup::AnotherGateway;
use crate::step::{Sent, TransportProblemKind};

/// What went wrong, as far as it matters for what may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There was no whole response.
    Transport(Sent, TransportProblemKind),
    /// There was one, unsealed, and it is of no use for this reason; or the pair of relay and gateway is of none.
    Refusal(Code),
}

/// Where a lookup may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Over any relay that may still be tried, this one too.
    AnyRelay,
    /// Over another relay: this one is of no use for the gateway.
    AnotherRelay,
    /// Through another gateway.
    AnotherGateway,
    /// Nowhere.
    Over,
}

/// Where a lookup may go on after `trouble`.
///
/// `asked` is whether the question may have reached the gateway, now or on an earlier try.
pub(super) fn way(trouble: Trouble, asked: bool, policy: AnotherGateway) -> Way {
    match trouble {
        Trouble::Transport(
            Sent::Nothing,
            TransportProblemKind::Certificate | TransportProblemKind::CertificateTime,
        ) => Way::AnotherRelay,
        Trouble::Transport(Sent::Nothing, _) => Way::AnyRelay,
        Trouble::Transport(Sent::Maybe, _) => Way::Over,
        Trouble::Refusal(code) if !asked && is_of_the_pair(code) => Way::AnotherRelay,
        Trouble::Refusal(code) if is_of_the_gateway(code) && permits(policy, asked) => {
            Way::AnotherGateway
        }
        Trouble::Refusal(_) => Way::Over,
    }
}

/// Whether the policy lets a lookup leave its gateway.
pub(super) fn permits(policy: AnotherGateway, asked: bool) -> bool {
    match policy {
        AnotherGateway::Never => false,
        AnotherGateway::BeforeAsking => !asked,
        AnotherGateway::AfterAskingNotPrivate => true,
    }
}

/// Whether this relay is of no use for this gateway, while another may be.
fn is_of_the_pair(code: Code) -> bool {
    matches!(
        code,
        Code::DescriptionMissing
            | Code::DescriptionInvalid
            | Code::GatewayUnknownToRelay
            | Code::SameOperator
            | Code::OperatorUnknown
            | Code::OperatorConflict
            | Code::KeysMissing
            | Code::GatewayKeysUnproved
            | Code::GatewayKeysStale
            | Code::GatewayKeysExpired
            | Code::GatewayKeysSwapped
            | Code::GatewayKeysForeign
            | Code::GatewayKeysAliased
            | Code::GatewayZoneUnsigned
            | Code::GatewayKeysUnusable
    )
}

/// Whether the relay says that the gateway is what fails.
fn is_of_the_gateway(code: Code) -> bool {
    matches!(
        code,
        Code::RelayNotAdmitted
            | Code::RelayBusy
            | Code::RelayUnready
            | Code::GatewayUnreachable
            | Code::GatewayTimedOut
            | Code::GatewayKeyRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICIES: [AnotherGateway; 3] = [
        AnotherGateway::Never,
        AnotherGateway::BeforeAsking,
        AnotherGateway::AfterAskingNotPrivate,
    ];

    /// Every way in which a transport can fail, and what may follow, whatever the policy says and whether
    /// or not the question went out before.
    #[test]
    fn a_request_goes_out_again_only_if_nothing_was_sent() {
        use TransportProblemKind as Kind;
        let table = [
            (
                "refused connect",
                Sent::Nothing,
                Kind::Connect,
                Way::AnyRelay,
            ),
            (
                "name resolution",
                Sent::Nothing,
                Kind::Connect,
                Way::AnyRelay,
            ),
            ("TLS alert", Sent::Nothing, Kind::Connect, Way::AnyRelay),
            (
                "TLS: certificate",
                Sent::Nothing,
                Kind::Certificate,
                Way::AnotherRelay,
            ),
            (
                "TLS: clock",
                Sent::Nothing,
                Kind::CertificateTime,
                Way::AnotherRelay,
            ),
            (
                "timeout before the first octet",
                Sent::Nothing,
                Kind::TimedOut,
                Way::AnyRelay,
            ),
            ("timeout after it", Sent::Maybe, Kind::TimedOut, Way::Over),
            ("REFUSED_STREAM", Sent::Nothing, Kind::Lost, Way::AnyRelay),
            ("GOAWAY", Sent::Maybe, Kind::Lost, Way::Over),
            ("reset", Sent::Maybe, Kind::Lost, Way::Over),
            (
                "content without end",
                Sent::Maybe,
                Kind::TooLarge,
                Way::Over,
            ),
        ];
        for (what, sent, kind, expected) in table {
            for policy in POLICIES {
                for asked in [false, true] {
                    assert_eq!(
                        way(Trouble::Transport(sent, kind), asked, policy),
                        expected,
                        "{what}"
                    );
                }
            }
        }
    }

    /// Every status that says that something is wrong, and what may follow once the question is out.
    #[test]
    fn a_question_that_was_answered_by_a_status_is_not_asked_again_elsewhere() {
        for (status, code) in [
            (307, Code::Redirected),
            (400, Code::RelayRefused),
            (401, Code::RelayNotAdmitted),
            (404, Code::GatewayUnknownToRelay),
            (408, Code::RequestSlow),
            (429, Code::RelayBusy),
            (500, Code::UnexpectedStatus),
            (502, Code::GatewayUnreachable),
            (503, Code::RelayUnready),
            (504, Code::GatewayTimedOut),
            (508, Code::RequestLooped),
        ] {
            for policy in [AnotherGateway::Never, AnotherGateway::BeforeAsking] {
                assert_eq!(
                    way(Trouble::Refusal(code), true, policy),
                    Way::Over,
                    "{status}"
                );
            }
            let policy = AnotherGateway::AfterAskingNotPrivate;
            let follows = way(Trouble::Refusal(code), true, policy);
            let expected = match status {
                401 | 429 | 502..=504 => Way::AnotherGateway,
                _ => Way::Over,
            };
            assert_eq!(follows, expected, "{status}");
        }
    }

    #[test]
    fn before_the_question_a_pair_of_no_use_is_left() {
        for code in [
            Code::SameOperator,
            Code::KeysMissing,
            Code::GatewayKeysSwapped,
        ] {
            for policy in POLICIES {
                assert_eq!(
                    way(Trouble::Refusal(code), false, policy),
                    Way::AnotherRelay
                );
                assert_eq!(way(Trouble::Refusal(code), true, policy), Way::Over);
            }
        }
        let busy = Trouble::Refusal(Code::RelayUnready);
        assert_eq!(way(busy, false, AnotherGateway::Never), Way::Over);
        assert_eq!(
            way(busy, false, AnotherGateway::BeforeAsking),
            Way::AnotherGateway
        );
    }

    #[test]
    fn an_alarm_is_never_left_behind() {
        for policy in POLICIES {
            for asked in [false, true] {
                assert_eq!(
                    way(Trouble::Refusal(Code::KeysDiffer), asked, policy),
                    Way::Over
                );
            }
        }
    }

    /// What only a gateway can have said, under seal, leads nowhere by any policy.
    #[test]
    fn what_came_under_seal_decides_nothing() {
        for code in [
            Code::NameNotAllowed,
            Code::GatewayRefused,
            Code::ResolverFailed,
            Code::ResolverTimedOut,
            Code::GatewayBusy,
            Code::GatewayProtocol,
            Code::NoProof,
            Code::AnswerUnreadable,
            Code::AnswerSize,
        ] {
            for policy in POLICIES {
                assert_eq!(way(Trouble::Refusal(code), true, policy), Way::Over);
            }
        }
    }
}
