//! What came of a run: counts, what went wrong with whom, and what a dry run would do.

use std::fmt::Write;

use serde::Serialize;
use sotto_publish::update::{Change, Kind, Obstacle, Report, ZoneState};
use sotto_publish::zone_file::{rdata_text, type_text};

use super::super::advised::Advised;
use crate::failure::Failure;
use crate::json;
use crate::terminal::escape;

/// Problems that are listed one by one; of more it is said how many there are.
const PROBLEMS_MAX: usize = 1_000;

/// Changes of a dry run that are kept for one JSON object; the rest are counted.
const CHANGES_MAX: usize = 1_000;

/// What came of a run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    added: u64,
    replaced: u64,
    removed: u64,
    unchanged: u64,
    failed: u64,
    /// Those of whom nobody knows whether the update was made.
    unknown: u64,
    not_tried: u64,
    /// The first who was not tried; everybody after them was not either.
    first_not_tried: Option<String>,
    problems: Vec<Problem>,
    advice: Advised,
    #[serde(skip)]
    changes: Vec<Planned>,
    #[serde(skip)]
    changes_omitted: u64,
}

#[derive(Debug, Serialize)]
struct Problem {
    subject: String,
    owner: String,
    code: &'static str,
    message: String,
    remedy: &'static str,
}

/// What would be done for one person.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    subject: String,
    owner: String,
    change: &'static str,
    ttl: u32,
    #[serde(rename = "type")]
    rtype: String,
    deleted: Vec<String>,
    added: Vec<String>,
    /// RRs of others beside them, which stay.
    foreign: usize,
}

/// Where the run went.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) zone: String,
    pub(super) server: String,
    pub(super) dry_run: bool,
}

impl Tally {
    /// The tally of a run before it begins.
    pub(super) fn new(advice: Advised) -> Self {
        Self {
            advice,
            ..Self::default()
        }
    }

    /// Counts what came of one person.
    pub(super) fn count(&mut self, subject: &str, report: &Report) {
        let kind = report.change.as_ref().map(|change| change.kind);
        let counter = match (&report.result, kind) {
            (Ok(()), None) => &mut self.unchanged,
            (Ok(()), Some(Kind::Add)) => &mut self.added,
            (Ok(()), Some(Kind::Replace)) => &mut self.replaced,
            (Ok(()), Some(Kind::Remove)) => &mut self.removed,
            (Err(Obstacle::NotTried), _) => return self.skip(Some(subject), 1),
            (Err(Obstacle::Unknown), _) => &mut self.unknown,
            (Err(_), _) => &mut self.failed,
        };
        *counter += 1;
        if let Err(obstacle) = &report.result
            && self.problems.len() < PROBLEMS_MAX
        {
            self.problems.push(Problem {
                subject: subject.to_owned(),
                owner: report.target.owner.to_string(),
                code: obstacle.code(),
                message: obstacle.to_string(),
                remedy: obstacle.remedy(),
            });
        }
    }

    /// Counts `people` who were not tried, `first` being the first of them where that is known.
    pub(super) fn skip(&mut self, first: Option<&str>, people: u64) {
        self.not_tried += people;
        if self.first_not_tried.is_none() {
            self.first_not_tried = first.map(str::to_owned);
        }
    }

    /// Keeps what would be done, of so many as memory should hold.
    pub(super) fn keep(&mut self, planned: Planned) {
        if self.changes.len() < CHANGES_MAX {
            self.changes.push(planned);
        } else {
            self.changes_omitted += 1;
        }
    }

    /// Whether everybody's records are as they were wanted.
    pub(super) const fn is_whole(&self) -> bool {
        self.failed == 0 && self.unknown == 0 && self.not_tried == 0
    }

    const fn changed(&self) -> u64 {
        self.added + self.replaced + self.removed
    }

    /// The run as one JSON object.
    pub(super) fn json(
        &self,
        place: &Place,
        states: Option<(ZoneState, ZoneState)>,
        failure: Option<&Failure>,
    ) -> String {
        #[derive(Serialize)]
        struct Run<'a> {
            #[serde(flatten)]
            place: &'a Place,
            signed: Option<bool>,
            serial_before: Option<u32>,
            serial_after: Option<u32>,
            #[serde(flatten)]
            tally: &'a Tally,
            /// Only a dry run brings it.
            #[serde(skip_serializing_if = "Option::is_none")]
            changes: Option<&'a [Planned]>,
            #[serde(skip_serializing_if = "Option::is_none")]
            changes_omitted: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a Failure>,
        }
        json::print(&Run {
            place,
            signed: states.map(|(_, after)| after.is_signed),
            serial_before: states.map(|(before, _)| before.serial),
            serial_after: states.map(|(_, after)| after.serial),
            tally: self,
            changes: place.dry_run.then_some(&self.changes),
            changes_omitted: place.dry_run.then_some(self.changes_omitted),
            error: failure,
        })
    }

    /// The run for a person.
    pub(super) fn text(&self, place: &Place, states: Option<(ZoneState, ZoneState)>) -> String {
        let zone = place.zone.trim_end_matches('.');
        let mut text = format!("{zone} at {}: ", place.server);
        if self.changed() == 0 && self.is_whole() {
            let _ = write!(text, "nothing to do, {} as wanted", self.unchanged);
        } else if self.changed() == 0 {
            let _ = write!(
                text,
                "nothing was changed; as wanted already {}",
                self.unchanged
            );
        } else {
            let would = if place.dry_run { "would be " } else { "" };
            let _ = write!(
                text,
                "{would}added {}, replaced {}, removed {}; as wanted already {}",
                self.added, self.replaced, self.removed, self.unchanged
            );
        }
        for (count, word) in [
            (self.failed, "failed"),
            (self.unknown, "unknown"),
            (self.not_tried, "not tried"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {word} {count}");
            }
        }
        text.push('\n');
        if let Some((before, after)) = states {
            let signed = if after.is_signed {
                "signed"
            } else {
                "NOT signed: nothing that stands in it can be proved"
            };
            let _ = if before.serial == after.serial {
                writeln!(text, "the zone is {signed}; serial {}", after.serial)
            } else {
                writeln!(
                    text,
                    "the zone is {signed}; serial {} -> {}; the server serves what was changed",
                    before.serial, after.serial
                )
            };
        }
        text
    }

    /// What a person should be told beside it, a line each.
    pub(super) fn notes(
        &self,
        place: &Place,
        states: Option<(ZoneState, ZoneState)>,
    ) -> Vec<String> {
        let mut notes = self.advice.notes();
        let mut remedies: Vec<&str> = Vec::new();
        for problem in &self.problems {
            notes.push(format!(
                "{}: {} ({})",
                escape(&problem.subject),
                problem.message,
                problem.owner
            ));
            if !remedies.contains(&problem.remedy) {
                remedies.push(problem.remedy);
            }
        }
        let listed = self.problems.len() as u64;
        if self.failed + self.unknown > listed {
            notes.push(format!("and {} more", self.failed + self.unknown - listed));
        }
        if let Some(first) = &self.first_not_tried {
            notes.push(format!(
                "not tried: {}, from {} on",
                self.not_tried,
                escape(first)
            ));
        }
        notes.extend(remedies.iter().map(|remedy| format!("  try: {remedy}")));
        if let Some((before, after)) = states
            && before.serial == after.serial
            && self.changed() > 0
            && !place.dry_run
        {
            notes.push(String::from(
                "note: the zone's serial did not move, so secondary servers will not fetch the change; see docs/publishing/updates.md",
            ));
        }
        notes
    }
}

impl Planned {
    /// What a dry run found out for one person; `None` if there is nothing to do.
    pub(super) fn of(subject: &str, report: &Report) -> Option<Self> {
        let change: &Change = report.change.as_ref()?;
        let rtype = report.target.rtype.0;
        Some(Self {
            subject: subject.to_owned(),
            owner: report.target.owner.to_string(),
            change: match change.kind {
                Kind::Add => "add",
                Kind::Replace => "replace",
                Kind::Remove => "remove",
            },
            ttl: change.ttl,
            rtype: type_text(rtype),
            deleted: change
                .deleted
                .iter()
                .map(|rdata| rdata_text(rtype, rdata))
                .collect(),
            added: change
                .added
                .iter()
                .map(|rdata| rdata_text(rtype, rdata))
                .collect(),
            foreign: change.foreign,
        })
    }

    /// A line for the person, and one for each RR that would go or come.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}: {}", escape(&self.subject), self.change);
        if self.foreign > 0 {
            let _ = write!(text, " (beside {} of others, which stay)", self.foreign);
        }
        text.push('\n');
        for rdata in &self.deleted {
            let _ = writeln!(text, "  - {} {} {rdata}", self.owner, self.rtype);
        }
        for rdata in &self.added {
            let _ = writeln!(
                text,
                "  + {} {} {} {rdata}",
                self.owner, self.ttl, self.rtype
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_keeps_so_many_changes_and_counts_the_rest() {
        let place = Place {
            zone: String::from("example.com."),
            server: String::from("192.0.2.1:53"),
            dry_run: true,
        };
        let mut tally = Tally::default();
        for number in 0..CHANGES_MAX + 7 {
            tally.keep(Planned {
                subject: format!("p{number}@example.com"),
                owner: String::from("_mimi.example.com."),
                change: "add",
                ttl: 300,
                rtype: String::from("TXT"),
                deleted: Vec::new(),
                added: Vec::new(),
                foreign: 0,
            });
        }
        let said: serde_json::Value =
            serde_json::from_str(&tally.json(&place, None, None)).unwrap();
        assert_eq!(said["changes"].as_array().unwrap().len(), CHANGES_MAX);
        assert_eq!(said["changes_omitted"], 7);
    }
}
