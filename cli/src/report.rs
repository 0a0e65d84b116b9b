//! What came of a lookup, for a person and for a program.

use std::fmt::Write;

use serde::Serialize;
use sotto_client::{
    Explanation as Why, Fact, Learnt, Operator, Outcome, Party, Report, SecondOpinion, Source,
};
use sotto_mimi::{DroppedRecord, Service};
use sotto_proof::{Explanation, RecordType, Secure, Verdict};

use crate::json::{
    self, DroppedObject, ExplanationObject, QuestionObject, RecordObject, ServiceObject,
};
use crate::terminal::{escape, table, time};
use crate::{explain, verify};

/// The preference of a record that states none.
const NO_PREFERENCE: u16 = u16::MAX;

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
    relay_operator: Option<OperatorObject<'a>>,
    gateway_operator: Option<OperatorObject<'a>>,
    private: bool,
    /// The SHA-256 of the key list that the question was sealed to.
    key_digest: Option<String>,
    learnt: Vec<LearntObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<Vec<String>>,
    /// `null` where no proof came.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Option<ExplanationObject>>,
}

/// Why, as data.
#[derive(Serialize)]
struct ReasonObject {
    #[serde(flatten)]
    explanation: Why,
    /// What goes with it, in words.
    detail: Option<String>,
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
            .map(|explanation| ReasonObject {
                explanation,
                detail: detail(&report.outcome),
            }),
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
        relay_operator: report.operators.relay.as_ref().map(OperatorObject::from),
        gateway_operator: report.operators.gateway.as_ref().map(OperatorObject::from),
        private: report.is_private(),
        key_digest: report.key_digest.map(hex::encode),
        learnt: report.learnt.iter().map(LearntObject::from).collect(),
        chain: explained.map(|_| verification.map_or_else(Vec::new, json::chain)),
        explanation: explained.map(|explanation| explanation.map(ExplanationObject::from)),
    })
}

/// The report for a person: what was found, who vouches for it, who learnt what.
/// With `explained` also how it came about, as far as a proof came.
pub(crate) fn text(
    report: &Report,
    mimi_type: RecordType,
    explained: Option<Option<&Explanation>>,
) -> String {
    let mut text = headline(report);
    if let Outcome::Found(found) = &report.outcome {
        text.push_str(&ranking(&found.services));
    }
    if let Outcome::Secure(secure) = &report.outcome {
        text.push_str(&verify::records(secure, mimi_type));
    }
    for record in dropped(&report.outcome) {
        let _ = writeln!(
            text,
            "  not used, since {}: {}",
            escape(&record.error.to_string()),
            escape(&record.text())
        );
    }
    // Of a raw query nobody knows who published what, so its absence has no remedy.
    let is_plain_absence =
        report.identifier.is_none() && matches!(report.outcome, Outcome::NoRecord(_));
    if let Some(explanation) = report.outcome.explanation().filter(|_| !is_plain_absence) {
        let _ = writeln!(text, "What to do: {}", explanation.remedy);
    }
    if let Some(vouched) = vouched(report) {
        let _ = writeln!(text, "{vouched}");
    }
    let _ = writeln!(text, "{}", learnt(report));
    if let Some(explanation) = explained {
        text.push_str(&how(report, explanation));
    }
    text
}

/// What speaks against a verdict that the proof by itself would give: a second opinion, its age,
/// or what the client remembers.
pub(crate) fn objection(report: &Report) -> Option<String> {
    let verdict = &report.verification.as_ref()?.verdict;
    match (&report.outcome, verdict) {
        (Outcome::Bogus(_), Verdict::Bogus(_)) => None,
        (Outcome::Bogus(why), _) => Some(why.to_string()),
        (Outcome::Unavailable(why), verdict) if !matches!(verdict, Verdict::Bogus(_)) => {
            Some(why.to_string())
        }
        _ => None,
    }
}

/// What came of it, in one line.
fn headline(report: &Report) -> String {
    let who = match (&report.identifier, &report.question) {
        (Some(identifier), _) => identifier.to_string(),
        (None, Some(question)) => question.to_string(),
        (None, None) => String::from("the question"),
    };
    let rule = report
        .outcome
        .explanation()
        .map_or("", |explanation| explanation.rule);
    let line = match &report.outcome {
        Outcome::Found(found) => match found.services.len() {
            1 => format!("{who} is reachable by 1 service"),
            count => format!("{who} is reachable by {count} services, the preferred first"),
        },
        Outcome::Secure(_) => format!("{who}: proved"),
        Outcome::OptedOut => format!("{who} is deliberately not reachable by MIMI"),
        Outcome::NoRecord(_) => format!("{who}: no record: {rule}"),
        Outcome::Invalid(_) => format!("{who}: nothing usable: {rule}"),
        Outcome::Insecure(why) => format!("{who}: insecure, so nothing of it is shown: {why}"),
        Outcome::Bogus(why) => format!("{who}: BOGUS, do not trust this answer: {why}"),
        Outcome::Unavailable(why) => match why.context() {
            Some(context) => format!("{who}: no answer: {rule} ({context})"),
            None => format!("{who}: no answer: {rule}"),
        },
        other => format!("{who}: {}", other.as_str()),
    };
    escape(&line) + "\n"
}

/// What goes with the reason, in words.
fn detail(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Insecure(reason) => Some(reason.to_string()),
        Outcome::Bogus(bogus) => Some(bogus.to_string()),
        Outcome::Unavailable(why) => why.context(),
        _ => None,
    }
}

fn ranking(services: &[Service]) -> String {
    let heading = ["PROVIDER", "ACCOUNT", "SERVICE", "PREFERENCE", "TAGS"].map(str::to_owned);
    let rows = services.iter().map(|service| {
        let port = service
            .port
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        [
            format!("{}{port}", service.provider),
            service
                .account
                .clone()
                .unwrap_or_else(|| "(ask the provider)".to_owned()),
            service.label.clone().unwrap_or_default(),
            match service.preference {
                NO_PREFERENCE => "-".to_owned(),
                preference => preference.to_string(),
            },
            service.tags.join(","),
        ]
    });
    table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

/// Who vouches for the outcome, and until when, in one line.
fn vouched(report: &Report) -> Option<String> {
    if matches!(report.outcome, Outcome::Bogus(_) | Outcome::Unavailable(_)) {
        return None;
    }
    let line = verify::vouched(report.verification.as_ref()?)?;
    Some(match report.second_opinion {
        SecondOpinion::Agrees => format!("{line}; {}", report.second_opinion),
        _ => line,
    })
}

/// Who learnt what, in one line.
pub(crate) fn learnt(report: &Report) -> String {
    if report.learnt.is_empty() {
        return "Nobody learnt anything: nobody was asked".to_owned();
    }
    let parties: Vec<String> = report.learnt.iter().map(ToString::to_string).collect();
    let warning = if report.is_private() {
        ""
    } else {
        "NOT PRIVATE, relay and gateway may be one party. "
    };
    format!("{warning}Who learnt what: {}", escape(&parties.join("; ")))
}

/// Whatever else led to the outcome.
fn how(report: &Report, explanation: Option<&Explanation>) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        let _ = writeln!(text, "  {}", escape(&line));
    };
    if let Some(question) = &report.question {
        line(format!("asked for {question} on {}", time(report.at)));
    }
    if let Some(operator) = &report.operators.relay {
        line(format!("the relay is run by {operator}"));
    }
    if let Some(operator) = &report.operators.gateway {
        line(format!("the gateway is run by {operator}"));
    }
    if let Some(digest) = &report.key_digest {
        line(format!(
            "sealed to the key list with SHA-256 {}",
            hex::encode(digest)
        ));
    }
    if report.verification.is_some() {
        line(report.second_opinion.to_string());
    }
    if let Some(until) = report.cache_until() {
        line(format!("may be kept until {}", time(until)));
    }
    if let Some(explanation) = explanation {
        text.push_str(&explain::tree(explanation));
    }
    if let Some(objection) = objection(report) {
        let _ = writeln!(text, "But: {}", escape(&objection));
    }
    match text.is_empty() {
        true => text,
        false => format!("How:\n{text}"),
    }
}

/// The RRset, where the outcome rests on one that is proved.
fn secure(report: &Report) -> Option<&Secure> {
    match (&report.outcome, &report.verification.as_ref()?.verdict) {
        (Outcome::Bogus(_) | Outcome::Unavailable(_), _) => None,
        (_, Verdict::Secure(secure)) => Some(secure),
        _ => None,
    }
}

fn services(outcome: &Outcome) -> &[Service] {
    match outcome {
        Outcome::Found(found) => &found.services,
        _ => &[],
    }
}

fn dropped(outcome: &Outcome) -> &[DroppedRecord] {
    match outcome {
        Outcome::Found(found) => &found.dropped,
        Outcome::Invalid(dropped) => dropped,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(provider: &str, account: Option<&str>) -> Service {
        Service {
            provider: provider.parse().unwrap(),
            port: None,
            account: account.map(str::to_owned),
            preference: NO_PREFERENCE,
            label: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn the_provider_comes_first_and_nothing_is_acted_on() {
        let services = [
            Service {
                port: Some(8_443),
                preference: 1,
                label: Some("\u{1b}[2J".to_owned()),
                tags: vec!["work".to_owned(), "day".to_owned()],
                ..service("im.example.net", Some("alice"))
            },
            service("b.example.net", None),
        ];
        assert_eq!(
            ranking(&services),
            "  PROVIDER             ACCOUNT             SERVICE    PREFERENCE  TAGS\n  \
             im.example.net:8443  alice               \\u{1b}[2J  1           work,day\n  \
             b.example.net        (ask the provider)             -\n"
        );
    }
}
