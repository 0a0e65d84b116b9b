//! What is kept and told of one person.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sotto_client::{Outcome, Report};
use sotto_mimi::Identifier;

use crate::json::ServiceObject;

/// What became of one person, as it is written to the state and printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// The word for the outcome.
    pub(super) outcome: String,
    /// Whether the person's own name was asked for; `false` where the outcome is what their domain proved, or failed to, of
    /// all its people.
    pub(super) asked: bool,
    /// Why, unless it is found or opted out: code, rule and remedy.
    pub(super) code: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) remedy: Option<String>,
    /// As `sotto lookup --json` has them, the preferred first.
    pub(super) services: Vec<Value>,
    /// When it was learnt, Unix seconds.
    pub(super) at: u64,
}

impl Answer {
    /// What a report says of a person: their own, or with `asked` not set that of their branch.
    pub(super) fn new(report: &Report, identifier: &Identifier, asked: bool) -> Self {
        let why = report.outcome.explanation();
        let services = match &report.outcome {
            Outcome::Found(found) => found
                .services
                .iter()
                .map(|service| {
                    serde_json::to_value(ServiceObject::new(service, Some(identifier)))
                        .unwrap_or_else(|_| unreachable!("strings and numbers always serialise"))
                })
                .collect(),
            _ => Vec::new(),
        };
        Self {
            outcome: report.outcome.as_str().to_owned(),
            asked,
            code: why.as_ref().map(|why| why.code.to_owned()),
            rule: why.as_ref().map(|why| why.rule.to_owned()),
            remedy: why.as_ref().map(|why| why.remedy.to_owned()),
            services,
            at: report.at,
        }
    }

    /// What follows for somebody from their domain: an RRset that a wildcard makes for everything speaks for nobody.
    pub(super) fn of_branch(report: &Report, identifier: &Identifier) -> Self {
        let mut answer = Self::new(report, identifier, false);
        if let Outcome::Secure(_) = report.outcome {
            let absence = sotto_client::Absence::UnrelatedWildcard;
            let why = Outcome::NoRecord(absence);
            answer.outcome = why.as_str().to_owned();
            if let Some(why) = why.explanation() {
                answer.code = Some(why.code.to_owned());
                answer.rule = Some(why.rule.to_owned());
                answer.remedy = Some(why.remedy.to_owned());
            }
        }
        answer
    }

    /// Whether it is an answer, not the lack of one: it is kept, and not asked for again.
    pub(super) fn stands(&self) -> bool {
        !matches!(self.outcome.as_str(), "unavailable" | "bogus")
    }

    /// The preferred service, and how many there are besides.
    pub(super) fn reachable_by(&self) -> String {
        let Some((preferred, others)) = self.services.split_first() else {
            return String::new();
        };
        let word = |key: &str| preferred.get(key).and_then(Value::as_str);
        let provider = word("provider").unwrap_or_default();
        let mut told = match word("account") {
            Some(account) => format!("{account} at {provider}"),
            None => provider.to_owned(),
        };
        if !others.is_empty() {
            told.push_str(&format!(", and {} more", others.len()));
        }
        told
    }
}
