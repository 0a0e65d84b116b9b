//! The codes of reasons, in one table: the word, whose fault it is, whether asking again helps, and the remedy.
//!
//! docs/errors.md lists them all.

use std::fmt;

use serde::Serialize;
use sotto_proof::Reason;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Nobody's: it is a fact about the name.
    Nobody,
    /// The caller's: its configuration, its question or its clock.
    Caller,
    /// The network's, between client and relay.
    Network,
    /// The relay's operator.
    Relay,
    /// The gateway's operator.
    Gateway,
    /// Whoever serves the DNS of the name, the gateway's resolver included.
    Dns,
    /// The owner of the domain asked.
    Domain,
    /// One of several, and what came does not tell which.
    Unknown,
}

/// Whether asking again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// The answer will be the same.
    No,
    /// After a pause it may be another.
    Later,
    /// Only after the remedy.
    AfterRemedy,
    /// Over another relay or gateway it may be another.
    Elsewhere,
}

/// A reason as data, for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The code: one of [`Code::ALL`], or of the verifier's codes.
    pub code: &'static str,
    /// The owner name concerned, absolute.
    pub name: Option<String>,
    /// The RR type concerned, as mnemonic or `TYPEnnn`.
    #[serde(rename = "type")]
    pub rtype: Option<String>,
    /// The rule that was broken.
    pub rule: &'static str,
    /// Where the rule stands.
    pub rfc: Option<&'static str>,
    /// Whose fault it is.
    pub fault: Fault,
    /// Whether asking again helps.
    pub retry: Retry,
    /// What to do.
    pub remedy: &'static str,
}

impl Explanation {
    /// The same, with the verifier's code and rule in place of the general ones.
    pub(super) fn because_of(self, reason: &Reason) -> Self {
        Self {
            code: reason.code.as_str(),
            rule: reason.code.rule(),
            ..self.about(reason)
        }
    }

    /// The same, pointing at what the verifier stumbled over.
    pub(super) fn about(self, reason: &Reason) -> Self {
        Self {
            name: Some(reason.name.to_string()),
            rtype: Some(reason.rtype.to_string()),
            rfc: Some(reason.code.rfc()),
            ..self
        }
    }
}

/// Defines [`Code`] from one table, so that no code lacks a word, a culprit or a remedy.
macro_rules! codes {
    ($($name:ident $text:literal $fault:ident $retry:ident $summary:literal $remedy:literal;)+) => {
        /// The codes of this crate; the verifier's own are in [`sotto_proof::Code`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $summary] $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word for the code in machine-readable output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What happened, one clause without a full stop.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary),+ }
            }

            /// What to do, one clause without a full stop.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy),+ }
            }

            /// Whose fault it is.
            #[must_use]
            pub const fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault),+ }
            }

            /// Whether asking again helps.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry),+ }
            }
        }
    };
}

codes! {
    // Facts about the name.
    NxDomain "nxdomain" Nobody No "the name does not exist" "ask the person for the identifier that they publish";
    NoData "nodata" Nobody No "the name has no record of this type" "ask the person for the identifier that they publish";
    NoMimiRecord "no_mimi_record" Nobody No "the name has records, but none for MIMI" "ask the person for the identifier that they publish";
    UnrelatedWildcard "unrelated_wildcard" Nobody No "the answer is from a wildcard above the _mimi label, which speaks for nobody" "the domain's owner publishes at or below _mimi";
    NoUsableRecord "no_usable_record" Domain No "every MIMI record of the name is malformed" "the domain's owner corrects the records; the report lists what is wrong with each";
    Unsigned "unsigned" Domain No "the name is not signed, or cannot be proved" "the domain's owner signs the zone and puts the DS into its parent";
    BrokenProof "broken_proof" Unknown Elsewhere "the proof is broken" "save the proof, ask through another gateway, and tell the operator of the one at fault";
    SecondOpinion "second_opinion" Unknown Elsewhere "two validators disagree on the proof" "save the proof and report it as a defect of this software";

    // The caller.
    NoOwnerName "no_owner_name" Caller AfterRemedy "the identifier has no owner name under this setup" "correct the identifier, or configure the phone zone";
    NameNotCarried "name_not_carried" Caller No "the protocol cannot carry this name or type" "names are at most 254 characters of letters, digits, -, _, . and *";
    Clock "clock" Caller AfterRemedy "the local clock and every signature disagree" "set the clock";
    TooOld "too_old" Domain Later "the signatures are older than accepted" "raise the accepted age, or wait until the domain signs again";
    RolledBack "rolled_back" Unknown Later "the answer is older than one seen before under the same key" "ask again when the TTL of the older one is over, or through another gateway; if the owner went back to old data on purpose, clear the store";
    LookupTimedOut "lookup_timed_out" Network Later "the time for the whole lookup is over" "ask again, or allow more time";
    Misused "misused" Caller AfterRemedy "the event does not belong to the step before it" "answer each step with its own event, and none after Done";

    // The network, up to the relay.
    ConnectFailed "connect_failed" Network Later "no connection to the relay" "check the network and the relay's URL, or configure another relay";
    CertificateRefused "certificate_refused" Relay AfterRemedy "the relay's certificate is not valid for its name" "check the relay's URL; a private authority has to be configured";
    CertificateTime "certificate_time" Unknown AfterRemedy "by this machine's clock the relay's certificate is not valid at this time" "check this machine's clock; if it is right, the relay's operator renews the certificate";
    TimedOut "timed_out" Network Later "the relay did not answer in time" "ask again; the request may have been processed";
    ConnectionLost "connection_lost" Network Later "the connection to the relay broke before the answer was whole" "ask again; the request may have been processed";
    ResponseTooLarge "response_too_large" Relay Elsewhere "the relay sent more than the protocol allows" "configure another relay";
    Redirected "redirected" Relay AfterRemedy "the relay points elsewhere, which is never followed" "configure the relay's own URL";

    // The relay.
    DescriptionMissing "description_missing" Relay Elsewhere "the relay does not describe itself" "check the relay's URL, or give the relay resource and its operator";
    DescriptionInvalid "description_invalid" Relay Elsewhere "the relay's description of itself cannot be used" "tell the relay's operator, or configure another relay";
    GatewayUnknownToRelay "gateway_unknown_to_relay" Caller AfterRemedy "the relay does not forward to this gateway" "choose a gateway that the relay lists";
    SameOperator "same_operator" Caller AfterRemedy "one operator runs both relay and gateway and would learn who asks for whom" "choose a relay of somebody else";
    OperatorUnknown "operator_unknown" Caller AfterRemedy "an operator is unknown, so relay and gateway may be the same party" "choose another pair, or state the operator";
    OperatorConflict "operator_conflict" Caller AfterRemedy "the operator stated is another than the one declared or proved" "correct the stated operator, or leave it out";
    RelayRefused "relay_refused" Relay Elsewhere "the relay does not take the request" "check that the URL is a relay resource";
    RelayNotAdmitted "relay_not_admitted" Relay Elsewhere "the gateway does not admit this relay" "the relay's operator asks the gateway's to be listed";
    RequestSlow "request_slow" Network Later "the request did not reach the relay whole and in time" "check the network, then ask again";
    RelayBusy "relay_busy" Relay Later "the relay refuses more requests for now" "wait, then ask again";
    RelayUnready "relay_unready" Relay Later "the relay or the gateway is starting, draining or overloaded" "wait, then ask again";
    GatewayUnreachable "gateway_unreachable" Gateway Later "the relay got no usable answer from the gateway" "wait, or configure another gateway";
    GatewayTimedOut "gateway_timed_out" Gateway Later "the gateway did not answer the relay in time" "wait, or configure another gateway";
    RequestLooped "request_looped" Relay AfterRemedy "the relay met the request again: the gateway's address leads back to it" "tell the relay's operator, or configure another relay";
    UnexpectedStatus "unexpected_status" Relay Elsewhere "the relay answered with a status that the protocol does not know" "check that the URL is a relay resource";
    UnexpectedMediaType "unexpected_media_type" Relay Elsewhere "the relay answered with something else than asked for" "check that the URL is a relay resource";

    // The gateway's keys.
    KeysMissing "keys_missing" Relay Elsewhere "the relay has no key document for the gateway" "give a key document or list from a file, or configure another relay";
    GatewayKeysUnproved "gateway_keys_unproved" Gateway Later "the gateway's keys are not proved, so nothing was sent" "the gateway's operator publishes the key record, or looks at its proof";
    GatewayZoneUnsigned "gateway_zone_unsigned" Gateway AfterRemedy "the gateway's zone is not signed (any more), so its keys are not proved" "the gateway's operator signs the zone and puts the DS into its parent";
    GatewayKeysExpired "gateway_keys_expired" Relay Later "the signatures on the gateway's key record are over" "the relay fetches the document anew; if it is fresh, the gateway's operator signs the zone again";
    GatewayKeysAliased "gateway_keys_aliased" Gateway AfterRemedy "the key record is behind an alias, so that another zone names the keys" "the gateway's operator publishes the key record at its own name";
    GatewayKeysForeign "gateway_keys_foreign" Relay Elsewhere "the key document is that of another gateway" "tell the relay's operator, or configure another relay";
    GatewayKeysSwapped "gateway_keys_swapped" Relay Elsewhere "the keys are not those that the gateway's zone names for their day" "configure another relay; if it hands out the same, the gateway's operator publishes its own keys";
    KeysDiffer "keys_differ" Gateway AfterRemedy "two lists of keys are proved for one day, so that somebody may be known by the key" "use another gateway, and ask its operator whether it replaced its keys within a day";
    GatewayKeysStale "gateway_keys_stale" Relay Later "the key document is for other days than today's" "check the clock; otherwise the relay serves an old document";
    GatewayKeysUnusable "gateway_keys_unusable" Gateway Elsewhere "the gateway offers no X-Wing key" "configure another gateway";
    GatewayKeyRefused "gateway_key_refused" Gateway Later "the gateway does not take its own proved key, and there is no newer one" "wait until relay and gateway agree again";

    // The gateway's answer.
    AnswerSize "answer_size" Relay Elsewhere "the answer has none of the two sizes" "configure another relay";
    AnswerUnreadable "answer_unreadable" Relay Elsewhere "the answer does not open: it was altered, or is for another request" "configure another relay";
    NoProof "no_proof" Gateway Elsewhere "the gateway sent no proof" "configure another gateway";
    NameNotAllowed "name_not_allowed" Gateway Elsewhere "the gateway does not prove names of this kind" "configure a gateway that does";
    GatewayRefused "gateway_refused" Gateway Elsewhere "the gateway does not understand the question" "configure another gateway";
    ResolverFailed "resolver_failed" Dns Later "the gateway's resolver could not gather the proof" "wait, or check that the domain's name servers answer";
    ResolverTimedOut "resolver_timed_out" Dns Later "the gateway's resolver did not answer in time" "wait, or check that the domain's name servers answer";
    GatewayBusy "gateway_busy" Gateway Later "the gateway is gathering too many proofs" "wait, then ask again";
    GatewayProtocol "gateway_protocol" Gateway Elsewhere "the gateway's answer is not of this protocol" "configure another gateway";
}

impl Code {
    /// The code as data.
    #[must_use]
    pub const fn explain(self) -> Explanation {
        Explanation {
            code: self.as_str(),
            name: None,
            rtype: None,
            rule: self.summary(),
            rfc: None,
            fault: self.fault(),
            retry: self.retry(),
            remedy: self.remedy(),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_word() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(
                code.as_str()
                    .bytes()
                    .all(|octet| octet.is_ascii_lowercase() || octet == b'_')
            );
            assert!(!code.summary().ends_with('.') && !code.remedy().ends_with('.'));
        }
    }
}
