//! A verdict as a tree: zone by zone from the anchor down, then name by name.

use std::fmt::Write;

use sotto_proof::explain::{Explanation, Finding, Key, Role, Set, State, Step, StepOutcome, Zone};
use sotto_proof::{Reason, Utc, Validity};

use crate::terminal::escape;

/// Columns that a line takes at most, as long as there is a blank to break it at: those of a
/// terminal as it comes, so that none breaks the tree.
pub(crate) const COLUMNS: usize = 80;

/// Columns that a line has at least, however deep in the tree.
const LEAST_COLUMNS: usize = 40;

/// Words that stay on one line, so that they can be searched for.
const UNBROKEN: [&str; 3] = ["THE CHAIN BREAKS HERE", "THE CHAIN ENDS HERE", "NOT proved"];

/// A blank at which no line breaks.
const NO_BREAK: &str = "\u{a0}";

/// Draws the tree.
pub(crate) fn tree(explanation: &Explanation) -> String {
    let mut text = String::new();
    let roots = children(explanation, None);
    if !roots.is_empty() {
        push(&mut text, "Who vouches for whom:");
    }
    for root in roots {
        draw(explanation, root, "  ", "  ", &mut text);
    }
    push(&mut text, "What follows:");
    for (number, step) in explanation.steps.iter().enumerate() {
        let number = format!("  {}. ", number + 1);
        let rest = " ".repeat(number.chars().count());
        push_wrapped(&mut text, &number, &rest, &sentence(explanation, step));
    }
    if let Some(validity) = explanation.verification.validity {
        push(
            &mut text,
            &format!("  Every signature used is valid {}", span(validity)),
        );
    }
    text
}

fn children(explanation: &Explanation, parent: Option<usize>) -> Vec<usize> {
    let zones = explanation.zones.iter().enumerate();
    zones
        .filter(|(_, zone)| zone.parent == parent)
        .map(|(at, _)| at)
        .collect()
}

/// Draws a zone with what it signed and the zones below it.
fn draw(explanation: &Explanation, at: usize, first: &str, rest: &str, text: &mut String) {
    let zone = &explanation.zones[at];
    let is_key_set = |set: &&Set| set.role == Role::Keys;
    let mut branches = keys(zone, |key| key.entry);
    branches.extend(zone.sets.iter().filter(is_key_set).map(describe));
    branches.extend(keys(zone, |key| !key.entry));
    branches.extend(
        zone.sets
            .iter()
            .filter(|set| !is_key_set(set))
            .map(describe),
    );
    let below = children(explanation, Some(at));
    let is_leaf = branches.is_empty() && below.is_empty();
    let under = if is_leaf { " " } else { "│" };
    push_wrapped(text, first, &format!("{rest}{under}    "), &head(zone));
    for (place, lines) in branches.iter().enumerate() {
        let last = below.is_empty() && place + 1 == branches.len();
        let (fork, bar) = fork(last);
        for (number, line) in lines.iter().enumerate() {
            let stem = if number == 0 { fork } else { bar };
            push_wrapped(
                text,
                &format!("{rest}{stem}"),
                &format!("{rest}{bar}  "),
                line,
            );
        }
    }
    for (place, &child) in below.iter().enumerate() {
        let (fork, bar) = fork(place + 1 == below.len());
        draw(
            explanation,
            child,
            &format!("{rest}{fork}"),
            &format!("{rest}{bar}"),
            text,
        );
    }
}

fn fork(last: bool) -> (&'static str, &'static str) {
    if last {
        ("└─ ", "   ")
    } else {
        ("├─ ", "│  ")
    }
}

fn head(zone: &Zone) -> String {
    let name = &zone.name;
    match &zone.state {
        State::Held => match &zone.anchors[..] {
            [] => format!("zone {name}"),
            tags => format!("zone {name}, trusted by the anchor for key {}", list(tags)),
        },
        State::Unsigned(reason) => format!("{name} - THE CHAIN ENDS HERE: {}", rule(reason)),
        State::Broken(reason) => format!("zone {name} ✗ THE CHAIN BREAKS HERE: {}", rule(reason)),
        State::Unreached => format!("zone {name} ? not reached: the chain breaks above it"),
    }
}

/// The `wanted` keys: those that matter a line each, the others together.
fn keys(zone: &Zone, wanted: impl Fn(&Key) -> bool) -> Vec<Vec<String>> {
    let wanted = || zone.keys.iter().filter(|key| wanted(key));
    let matters = |key: &&Key| key.entry || key.signs || zone.state != State::Held;
    let mut lines: Vec<_> = wanted()
        .filter(matters)
        .map(|key| vec![key_line(zone, key)])
        .collect();
    let others: Vec<_> = wanted()
        .filter(|key| !matters(key))
        .map(ToString::to_string)
        .collect();
    if !others.is_empty() {
        lines.push(vec![format!("not needed: key {}", others.join(", key "))]);
    }
    lines
}

fn key_line(zone: &Zone, key: &Key) -> String {
    let why = if zone.state != State::Held {
        "not proved"
    } else if key.entry && !zone.anchors.is_empty() {
        "the anchor refers to it"
    } else if key.entry {
        "the DS above refers to it"
    } else {
        "in the signed set"
    };
    format!("key {key}: {why}")
}

/// One RRset: what it is, and the notes on it.
fn describe(set: &Set) -> Vec<String> {
    let mut lines = vec![subject(set)];
    lines.extend(notes(set));
    lines
}

/// Who signed an RRset, and what it says.
pub(crate) fn notes(set: &Set) -> Vec<String> {
    let mut lines = Vec::new();
    match (&set.state, &set.signature) {
        (State::Broken(reason), _) => {
            lines.push(format!("✗ THE CHAIN BREAKS HERE: {}", rule(reason)));
        }
        (State::Unsigned(reason), _) => {
            lines.push(format!("- THE CHAIN ENDS HERE: {}", rule(reason)));
        }
        (State::Unreached, Some(signature)) => lines.push(format!(
            "? not proved, though key {signature} signed what it was made from"
        )),
        (State::Unreached, None) => lines.push("? not proved".to_owned()),
        (State::Held, _) => {}
    }
    if let Some(claimed) = &set.claimed {
        lines.push(format!(
            "signature names key {claimed}, {}",
            span(claimed.validity)
        ));
    }
    if let (State::Held | State::Broken(_) | State::Unsigned(_), Some(signature)) =
        (&set.state, &set.signature)
    {
        lines.push(format!(
            "signed by key {signature}, {}",
            span(signature.validity)
        ));
    }
    if let Some(wildcard) = &set.wildcard {
        lines.push(format!("made from the wildcard {wildcard}"));
    }
    match &set.role {
        Role::Delegation(entries) => {
            lines.extend(entries.iter().map(|entry| format!("refers to key {entry}")));
        }
        Role::Alias(target) => lines.push(format!("leads to {target}")),
        Role::Denial { next, findings } => {
            lines.push(format!("spans to {next}"));
            lines.extend(findings.iter().map(Finding::to_string));
            if findings.is_empty() {
                lines.push("says nothing about this question".to_owned());
            }
        }
        Role::Lifetime => lines.push("bounds how long the denial may be kept".to_owned()),
        Role::Keys | Role::Answer | Role::Other => {}
    }
    lines
}

/// Owner, type, and the role that the type alone does not tell.
pub(crate) fn subject(set: &Set) -> String {
    let (owner, rtype) = (&set.owner, set.rtype);
    match (&set.role, set.records) {
        (Role::Answer, 1) => format!("{owner} {rtype}: the answer, 1 record"),
        (Role::Answer, count) => format!("{owner} {rtype}: the answer, {count} records"),
        (Role::Keys, 1) => format!("{owner} {rtype}: the set of keys, of 1 key"),
        (Role::Keys, count) => format!("{owner} {rtype}: the set of {count} keys"),
        _ => format!("{owner} {rtype}"),
    }
}

/// One step as a sentence.
pub(crate) fn sentence(explanation: &Explanation, step: &Step) -> String {
    let (name, rtype) = (&step.name, explanation.question.rtype);
    let by_wildcard = |wildcard: &Option<_>| {
        wildcard.as_ref().map_or_else(String::new, |wildcard| {
            format!(", made from the wildcard {wildcard}")
        })
    };
    match &step.outcome {
        StepOutcome::Answer { records, wildcard } => {
            let plural = if *records == 1 { "record" } else { "records" };
            format!(
                "{name} {rtype} is proved: {records} {plural}{}",
                by_wildcard(wildcard)
            )
        }
        StepOutcome::Alias {
            rtype,
            owner,
            wildcard,
            target,
        } => format!(
            "{name} is an alias of {target}, by the {rtype} at {owner}{}",
            by_wildcard(wildcard)
        ),
        StepOutcome::Denied(denied) => format!(
            "{name} {rtype} is denied: {} ({})",
            denied.rule(),
            denied.rfc()
        ),
        StepOutcome::Unsigned(reason) => format!(
            "{name} {rtype} cannot be proved: the chain ends at {}: {}",
            reason.name,
            rule(reason)
        ),
        StepOutcome::Broken(reason) => {
            format!("{name} {rtype} is NOT proved, and nothing above is an answer: {reason}")
        }
    }
}

pub(crate) fn rule(reason: &Reason) -> String {
    format!("{} ({})", reason.code.rule(), reason.code.rfc())
}

/// A span of time in UTC.
pub(crate) fn span(validity: Validity) -> String {
    format!("{} to {}", Utc(validity.from), Utc(validity.until))
}

fn list(tags: &[u16]) -> String {
    let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
    tags.join(" or ")
}

/// Adds one line behind `first`, and what does not fit behind `rest`.
fn push_wrapped(text: &mut String, first: &str, rest: &str, line: &str) {
    let most = COLUMNS.saturating_sub(rest.chars().count());
    let line = UNBROKEN.iter().fold(line.to_owned(), |line, words| {
        line.replace(words, &words.replace(' ', NO_BREAK))
    });
    let mut start = first;
    for part in wrap(&line, most.max(LEAST_COLUMNS)) {
        push(text, &format!("{start}{}", part.replace(NO_BREAK, " ")));
        start = rest;
    }
}

/// Breaks a text into lines of at most `most` characters, at blanks where there are any.
pub(crate) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= most {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Adds one line, escaped: names hold any octets.
fn push(text: &mut String, line: &str) {
    // A String takes everything.
    let _ = writeln!(text, "{}", escape(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("muchtoolongaword it", 8), ["muchtoolongaword", "it"]);
    }
}
