//! The report as one JSON object.

use serde::Serialize;
use sotto_client::{
    Explanation as Why, Fact, Learnt, Operator, Outcome, Party, Report, SecondOpinion, Source, Via,
};
use sotto_proof::{Explanation, RecordType};

use super::{detail, dropped, secure, services};
use crate::json::{
    self, DroppedObject, ExplanationObject, QuestionObject, RecordObject, ServiceObject,
};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Object<'a> {
    outcome: &'static str,
    /// The verdict on the proof; `null` where there is none, or it was not judged.
    verdict: Option<&'static str>,
    identifier: Option<String>,
    question: Option<QuestionObject>,
    services: Vec<ServiceObject<'a>>,
    /// MIMI records that were not used.
    dropped: Vec<DroppedObject>,
    records: Vec<RecordObject>,
    reason: Option<ReasonObject>,
    at: u64,
    valid_from: Option<u64>,
    valid_until: Option<u64>,
    cache_ttl: Option<u64>,
    second_opinion: &'static str,
    /// Over which relay and through which gateway; `null` where nothing had to be asked.
    via: Option<ViaObject<'a>>,
    relay_operator: Option<OperatorObject<'a>>,
    gateway_operator: Option<OperatorObject<'a>>,
    private: bool,
    /// The SHA-256 of the key list that the question was sealed to.
    key_digest: Option<String>,
    /// When the answer came and until when it may be used, if it was kept: then nobody was asked.
    from_store: Option<FromStoreObject>,
    /// Why the answer could not be kept.
    store_problem: Option<&'a str>,
    learnt: Vec<LearntObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<Vec<String>>,
    /// `null` where no proof came.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Option<ExplanationObject>>,
}

#[derive(Serialize)]
struct FromStoreObject {
    since: u64,
    until: u64,
}

/// Why, as data.
#[derive(Serialize)]
struct ReasonObject {
    #[serde(flatten)]
    explanation: Why,
    /// What goes with it, in words.
    detail: Option<String>,
    relay: Option<Box<str>>,
    gateway: Option<Box<str>>,
    /// Seconds.
    retry_after: Option<u32>,
}

impl ReasonObject {
    fn new(explanation: Why, outcome: &Outcome) -> Self {
        let unavailable = match outcome {
            Outcome::Unavailable(why) => Some(why),
            _ => None,
        };
        Self {
            explanation,
            detail: detail(outcome),
            relay: unavailable.and_then(|why| why.relay.clone()),
            gateway: unavailable.and_then(|why| why.gateway.clone()),
            retry_after: unavailable.and_then(|why| why.retry_after),
        }
    }
}

/// Over which relay and through which gateway.
#[derive(Serialize)]
struct ViaObject<'a> {
    relay: &'a str,
    relay_chosen: &'static str,
    gateway: &'a str,
    gateway_chosen: &'static str,
    /// Pairs that were of no use.
    passed: Vec<PassedObject<'a>>,
}

#[derive(Serialize)]
struct PassedObject<'a> {
    relay: &'a str,
    gateway: &'a str,
    code: &'static str,
    detail: Option<String>,
}

impl<'a> From<&'a Via> for ViaObject<'a> {
    fn from(via: &'a Via) -> Self {
        let passed = via.passed.iter().map(|passed| PassedObject {
            relay: &passed.relay,
            gateway: &passed.gateway,
            code: passed.why.code.as_str(),
            detail: passed.why.context(),
        });
        Self {
            relay: &via.relay,
            relay_chosen: via.relay_chosen.as_str(),
            gateway: &via.gateway,
            gateway_chosen: via.gateway_chosen.as_str(),
            passed: passed.collect(),
        }
    }
}

#[derive(Serialize)]
struct OperatorObject<'a> {
    domain: &'a str,
    source: &'static str,
}

impl<'a> From<&'a Operator> for OperatorObject<'a> {
    fn from(operator: &'a Operator) -> Self {
        Self {
            domain: &operator.domain,
            source: match operator.source {
                Source::Proved => "proved",
                Source::Declared => "declared",
                Source::Stated => "stated",
                _ => "other",
            },
        }
    }
}

#[derive(Serialize)]
pub(crate) struct LearntObject<'a> {
    party: String,
    host: Option<&'a str>,
    operator: Option<&'a str>,
    facts: Vec<&'static str>,
    /// `false` where nobody but the party can know.
    certain: bool,
}

impl<'a> LearntObject<'a> {
    /// A server that was asked in the open.
    pub(crate) fn of_server(address: &'a str) -> Self {
        Self {
            party: Party::Dns.to_string().to_ascii_lowercase(),
            host: Some(address),
            operator: None,
            facts: [Fact::ClientAddress, Fact::Time, Fact::OwnerName]
                .iter()
                .map(fact)
                .collect(),
            certain: true,
        }
    }
}

impl<'a> From<&'a Learnt> for LearntObject<'a> {
    fn from(learnt: &'a Learnt) -> Self {
        Self {
            party: learnt.party.to_string().to_ascii_lowercase(),
            host: learnt.host.as_deref(),
            operator: learnt.operator.as_deref(),
            facts: learnt.facts.iter().map(fact).collect(),
            certain: learnt.certain,
        }
    }
}

/// The word for a fact.
fn fact(fact: &Fact) -> &'static str {
    match fact {
        Fact::ClientAddress => "client_address",
        Fact::Time => "time",
        Fact::Gateway => "gateway",
        Fact::AnswerClass(_) => "answer_class",
        Fact::Relay => "relay",
        Fact::OwnerName => "owner_name",
        Fact::GatewayAddress => "gateway_address",
        _ => "other",
    }
}

/// The report as one JSON object. With `explained` also how it came about, as far as a proof came.
pub(crate) fn json(
    report: &Report,
    mimi_type: RecordType,
    explained: Option<Option<&Explanation>>,
) -> String {
    let verification = report.verification.as_ref();
    json::print(&Object {
        outcome: match &report.outcome {
            // A raw query reads nothing into its records: they are there.
            Outcome::Secure(_) => "found",
            outcome => outcome.as_str(),
        },
        verdict: match &report.outcome {
            Outcome::Bogus(_) => Some("bogus"),
            Outcome::Unavailable(_) => None,
            _ => verification.map(|verification| json::verdict(&verification.verdict)),
        },
        identifier: report.identifier.as_ref().map(ToString::to_string),
        question: report.question.as_ref().map(QuestionObject::from),
        services: services(&report.outcome)
            .iter()
            .map(|service| ServiceObject::new(service, report.identifier.as_ref()))
            .collect(),
        dropped: dropped(&report.outcome)
            .iter()
            .map(DroppedObject::from)
            .collect(),
        records: secure(report).map_or_else(Vec::new, |secure| json::records(secure, mimi_type)),
        reason: report
            .outcome
            .explanation()
            .map(|explanation| ReasonObject::new(explanation, &report.outcome)),
        at: report.at,
        valid_from: report.validity().map(|validity| validity.from),
        valid_until: report.validity().map(|validity| validity.until),
        cache_ttl: report
            .cache_until()
            .map(|until| until.saturating_sub(report.at)),
        second_opinion: match report.second_opinion {
            SecondOpinion::NotAsked => "not_asked",
            SecondOpinion::Agrees => "agrees",
            SecondOpinion::Abstains(_) => "abstains",
            SecondOpinion::Disagrees(_) => "disagrees",
            _ => "other",
        },
        via: report.via.as_ref().map(ViaObject::from),
        relay_operator: report.operators.relay.as_ref().map(OperatorObject::from),
        gateway_operator: report.operators.gateway.as_ref().map(OperatorObject::from),
        private: report.is_private(),
        key_digest: report.key_digest.map(hex::encode),
        from_store: report.from_store.map(|stored| FromStoreObject {
            since: stored.since,
            until: stored.until,
        }),
        store_problem: report.store_problem.as_deref(),
        learnt: report.learnt.iter().map(LearntObject::from).collect(),
        chain: explained.map(|_| verification.map_or_else(Vec::new, json::chain)),
        explanation: explained.map(|explanation| explanation.map(ExplanationObject::from)),
    })
}
