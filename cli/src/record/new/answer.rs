//! The records of one person, for a person and for a program.

use std::fmt::Write;

use serde::Serialize;
use sotto_mimi::{Record, RecordForm, join_strings};
use sotto_publish::{Advice, Placement, Publication, Subject, Zone, zone_file};

use crate::json;
use crate::terminal::escape;

/// Octets of the longest value that fits one character-string (RFC 1035 section 3.3).
const STRING_MAX_OCTETS: usize = sotto_mimi::limits::CHARACTER_STRING_MAX_OCTETS;

/// The records of one person, ready to be published.
pub(super) struct Answer {
    pub(super) subject: Subject,
    pub(super) records: Vec<Record>,
    pub(super) placement: Placement,
    pub(super) publication: Publication,
    pub(super) zone: Zone,
    /// The owner name relative to the zone.
    pub(super) name: String,
}

impl Answer {
    /// What somebody types into a web form, and pastes into a zone file.
    pub(super) fn text(&self) -> String {
        let publication = &self.publication;
        let mut text = format!(
            "{}: {} in the zone {}\n\nIn your DNS provider's web form{}:\n",
            escape(&self.subject.to_string()),
            count(publication.rdatas().len(), "record"),
            self.zone.as_str().trim_end_matches('.'),
            if publication.rdatas().len() > 1 {
                ", an entry for each value"
            } else {
                ""
            },
        );
        // A String takes everything.
        let _ = writeln!(text, "  Name   {}", self.name);
        let _ = writeln!(text, "         in full: {}", publication.owner());
        let _ = writeln!(
            text,
            "  Type   {}",
            zone_file::type_text(publication.rtype())
        );
        let _ = writeln!(text, "  TTL    {}", publication.ttl());
        for value in self.values() {
            let _ = writeln!(text, "  Value  {}", escape(&value));
            if value.len() > STRING_MAX_OCTETS && self.placement.form == RecordForm::Txt {
                text.push_str("         Longer than 255 octets: if refused, enter the quoted strings below.\n");
            }
        }
        text.push_str("\nIn a zone file:\n");
        text.push_str(&zone_file::lines(publication));
        text
    }

    /// The values as a web form wants them: the text for TXT, the generic form for a type that it does not know.
    fn values(&self) -> Vec<String> {
        let rdatas = self.publication.rdatas().iter();
        match self.placement.form {
            RecordForm::Txt => rdatas.map(|rdata| text(rdata)).collect(),
            RecordForm::Mimi => rdatas.map(|rdata| zone_file::generic(rdata)).collect(),
        }
    }

    /// What the person should know, a line each.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for advice in self.advice() {
            let word = if advice.is_warning() {
                "warning"
            } else {
                "note"
            };
            notes.push(format!("{word}: {}", escape(&advice.to_string())));
            notes.push(format!("  try: {}", advice.remedy()));
        }
        notes
    }

    fn advice(&self) -> Vec<Advice> {
        Advice::of(&self.subject, &self.records, &self.placement)
    }

    pub(super) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            identifier: String,
            zone: &'a str,
            owner: &'a str,
            name: &'a str,
            #[serde(rename = "type")]
            rtype: String,
            ttl: u32,
            records: Vec<RecordBody>,
            advice: Vec<AdviceBody>,
        }
        #[derive(Serialize)]
        struct RecordBody {
            text: String,
            value: String,
            rdata: String,
            line: String,
        }
        let publication = &self.publication;
        let lines = zone_file::lines(publication);
        let records = publication
            .rdatas()
            .iter()
            .zip(self.values())
            .zip(lines.lines())
            .map(|((rdata, value), line)| RecordBody {
                text: text(rdata),
                value,
                rdata: hex::encode(rdata),
                line: line.to_owned(),
            });
        json::print(&Body {
            identifier: self.subject.to_string(),
            zone: self.zone.as_str(),
            owner: publication.owner().as_str(),
            name: &self.name,
            rtype: zone_file::type_text(publication.rtype()),
            ttl: publication.ttl(),
            records: records.collect(),
            advice: self.advice().iter().map(AdviceBody::from).collect(),
        })
    }
}

/// One advice for a program.
#[derive(Serialize)]
struct AdviceBody {
    code: &'static str,
    message: String,
    remedy: &'static str,
}

impl From<&Advice> for AdviceBody {
    fn from(advice: &Advice) -> Self {
        Self {
            code: advice.code(),
            message: advice.to_string(),
            remedy: advice.remedy(),
        }
    }
}

/// The text of a publication's RDATA.
fn text(rdata: &[u8]) -> String {
    let text = join_strings(rdata).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

/// A number and what it counts.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
