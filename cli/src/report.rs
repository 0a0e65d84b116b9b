//! What came of a lookup, for a person and for a program.

mod object;

use std::fmt::Write;

use sotto_client::{Outcome, Report, SecondOpinion};
use sotto_mimi::{DroppedRecord, Service};
use sotto_proof::{Explanation, RecordType, Secure, Verdict};

pub(crate) use self::object::{LearntObject, json};
use crate::terminal::{escape, table, time};
use crate::{explain, verify};

/// The preference of a record that states none.
const NO_PREFERENCE: u16 = u16::MAX;

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
    if let Some(stored) = report.from_store {
        return format!(
            "Nobody learnt anything: the answer of {} is used until {}",
            time(stored.since),
            time(stored.until)
        );
    }
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
    if let Some(via) = &report.via {
        line(format!("over relay {}: {}", via.relay, via.relay_chosen));
        line(format!(
            "through gateway {}: {}",
            via.gateway, via.gateway_chosen
        ));
        for passed in &via.passed {
            line(format!("passed over {passed}"));
        }
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
