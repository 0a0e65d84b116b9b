//! What a store holds, for a person and for a program.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use sotto_client::{AnswerHeld, Contents, KeySighting, SCHEMA_VERSION, STORE_MAX_OCTETS, Store};

use crate::Output;
use crate::exit::Exit;
use crate::json;
use crate::terminal::{escape, table, time};

/// The object that `sotto store show --json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    path: String,
    exists: bool,
    store_schema: i64,
    octets: usize,
    max_octets: usize,
    answers: Vec<AnswerObject>,
    /// How many statements are remembered, against rollback.
    statements: usize,
    keys: Vec<KeysObject<'a>>,
}

#[derive(Serialize)]
struct AnswerObject {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    since: u64,
    until: u64,
    usable: bool,
    octets: usize,
}

#[derive(Serialize)]
struct KeysObject<'a> {
    gateway: &'a str,
    relay: &'a str,
    epoch: u64,
    digest: String,
    at: u64,
}

/// The object that `sotto store clear --json` prints.
#[derive(Serialize)]
struct Cleared {
    path: String,
    answers_forgotten: usize,
    statements_forgotten: usize,
    keys_forgotten: usize,
}

/// Everything that a store holds; `None` where there is none yet.
pub(super) fn output(path: &Path, store: Option<&Store>, now: u64, json: bool) -> Output {
    let contents = store.map(Store::contents).unwrap_or_default();
    let text = match (json, store) {
        (true, _) => object(path, store.is_some(), &contents, now),
        (false, None) => format!("No store at {}\n", escape(&path.display().to_string())),
        (false, Some(_)) => text(path, &contents, now),
    };
    Output {
        text,
        notes: Vec::new(),
        exit: Exit::Done,
    }
}

/// How much was forgotten.
pub(super) fn cleared(path: &Path, before: &Contents, after: &Contents, json: bool) -> Output {
    let cleared = Cleared {
        path: path.display().to_string(),
        answers_forgotten: before.answers.len().saturating_sub(after.answers.len()),
        statements_forgotten: before.statements.saturating_sub(after.statements),
        keys_forgotten: before.keys.len().saturating_sub(after.keys.len()),
    };
    let text = if json {
        json::print(&cleared)
    } else {
        format!(
            "Forgotten: {} answers, {} statements, {} digests of gateways' keys\n",
            cleared.answers_forgotten, cleared.statements_forgotten, cleared.keys_forgotten
        )
    };
    Output {
        text,
        notes: Vec::new(),
        exit: Exit::Done,
    }
}

fn object(path: &Path, exists: bool, contents: &Contents, now: u64) -> String {
    json::print(&Shown {
        path: path.display().to_string(),
        exists,
        store_schema: SCHEMA_VERSION,
        octets: contents.octets,
        max_octets: STORE_MAX_OCTETS,
        answers: contents
            .answers
            .iter()
            .map(|held| AnswerObject {
                name: held.question.name.to_string(),
                rtype: held.question.rtype.to_string(),
                since: held.since,
                until: held.until,
                usable: is_usable(held, now),
                octets: held.octets,
            })
            .collect(),
        statements: contents.statements,
        keys: contents.keys.iter().map(KeysObject::from).collect(),
    })
}

impl<'a> From<&'a KeySighting> for KeysObject<'a> {
    fn from(seen: &'a KeySighting) -> Self {
        Self {
            gateway: &seen.gateway,
            relay: &seen.relay,
            epoch: seen.epoch,
            digest: hex::encode(seen.digest),
            at: seen.at,
        }
    }
}

fn text(path: &Path, contents: &Contents, now: u64) -> String {
    let mut text = format!(
        "{}: {} of {STORE_MAX_OCTETS} octets\n",
        escape(&path.display().to_string()),
        contents.octets
    );
    if !contents.answers.is_empty() {
        let heading = ["NAME", "TYPE", "CAME", "USED UNTIL"].map(str::to_owned);
        let rows = contents.answers.iter().map(|held| {
            [
                held.question.name.to_string(),
                held.question.rtype.to_string(),
                time(held.since),
                match is_usable(held, now) {
                    true => time(held.until),
                    false => "(not any more)".to_owned(),
                },
            ]
        });
        text += &table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
    }
    // A String takes everything.
    let _ = writeln!(
        text,
        "{} answers; how new {} statements were, by a keyed hash of their names; {} digests of gateways' keys",
        contents.answers.len(),
        contents.statements,
        contents.keys.len()
    );
    text
}

fn is_usable(held: &AnswerHeld, now: u64) -> bool {
    (held.since..held.until).contains(&now)
}
