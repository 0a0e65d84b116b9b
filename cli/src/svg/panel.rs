//! One zone as a box: its keys, what they signed, and arrows for who signed what.

use sotto_proof::explain::{Explanation, Finding, Key, Role, Set, State, StepOutcome, Zone};
use sotto_proof::{Name, Reason};

use super::canvas::{Canvas, Face, Tone};
use crate::explain::{self, wrap};

/// The width of every box.
pub(super) const WIDTH: i32 = 730;

const HEAD: i32 = 34;
const CHIP: i32 = 24;
const LINE: i32 = 15;
const GAP: i32 = 10;
const MARGIN: i32 = 14;
/// Between two vertical arrows.
const RAIL: i32 = 12;
/// Rows drawn of one zone: an honest proof has a dozen, a hostile one could have hundreds.
const MOST_ROWS: usize = 24;
/// Characters that fit into a heading, a chip, and a line.
const HEADING_CHARACTERS: usize = 48;
const CHIP_CHARACTERS: usize = 80;
const LINE_CHARACTERS: usize = 90;

/// One key or RRset of a box.
struct Row {
    title: String,
    tone: Tone,
    lines: Vec<String>,
    /// The row whose key signed it, or whose keys it belongs to.
    source: Option<usize>,
    /// It has an arrow even without a source: a signature that nobody made, or that does not hold.
    broken_signature: bool,
}

/// One zone, laid out.
pub(super) struct Panel {
    name: String,
    tone: Tone,
    status: &'static str,
    notes: Vec<String>,
    rows: Vec<Row>,
    /// The row from which the chain goes on to a zone below.
    exits: Vec<(Name, usize)>,
}

impl Panel {
    pub(super) fn new(explanation: &Explanation, zone: &Zone) -> Self {
        let breaks = zone.sets.iter().any(|set| tone(set) == Tone::Broken);
        let (tone, status) = match zone.state {
            State::Held if breaks => (Tone::Broken, "THE CHAIN BREAKS HERE"),
            State::Held => (Tone::Held, "keys proved"),
            State::Unsigned(_) => (Tone::Plain, "the chain ends here"),
            State::Broken(_) => (Tone::Broken, "THE CHAIN BREAKS HERE"),
            State::Unreached => (Tone::Plain, "not reached"),
        };
        let mut notes = Vec::new();
        match &zone.state {
            State::Unsigned(reason) | State::Broken(reason) => notes.extend(rule(reason)),
            State::Unreached => {
                notes.push("The chain breaks above: nothing is known of this zone.".to_owned());
            }
            State::Held if !zone.anchors.is_empty() => {
                let tags: Vec<_> = zone.anchors.iter().map(ToString::to_string).collect();
                notes.push(format!("Trust anchor: key {}", tags.join(" or ")));
            }
            State::Held => {}
        }
        let mut panel = Self {
            name: if zone.name.is_root() {
                ". (the root)".to_owned()
            } else {
                zone.name.to_string()
            },
            tone,
            status,
            notes,
            rows: Vec::new(),
            exits: Vec::new(),
        };
        panel.add_keys(zone);
        panel.add_sets(explanation, zone);
        panel
    }

    fn add_keys(&mut self, zone: &Zone) {
        let held = zone.state == State::Held;
        let key_row = |key: &Key, source| Row {
            title: format!("key {key}"),
            tone: if held { Tone::Held } else { Tone::Plain },
            lines: Vec::new(),
            source,
            broken_signature: false,
        };
        for key in zone.keys.iter().filter(|key| key.entry) {
            self.rows.push(key_row(key, None));
        }
        let key_set = zone.sets.iter().find(|set| set.role == Role::Keys);
        let mut source = None;
        if let Some(set) = key_set {
            source = Some(self.rows.len());
            let blamed = matches!(&zone.state, State::Broken(reason) if is_about(reason, set));
            self.rows.push(Row {
                title: explain::subject(set),
                tone: if blamed { Tone::Broken } else { tone(set) },
                lines: notes(set),
                source: self.rows.len().checked_sub(1),
                broken_signature: blamed,
            });
        }
        for key in zone.keys.iter().filter(|key| key.signs && !key.entry) {
            self.rows.push(key_row(key, source));
        }
        let idle: Vec<_> = zone
            .keys
            .iter()
            .filter(|key| !key.signs && !key.entry)
            .map(ToString::to_string)
            .collect();
        if !idle.is_empty() {
            let label = if held { "Not needed" } else { "Not proved" };
            self.notes.extend(wrap(
                &format!("{label}: key {}", idle.join(", key ")),
                LINE_CHARACTERS,
            ));
        }
    }

    fn add_sets(&mut self, explanation: &Explanation, zone: &Zone) {
        let sets: Vec<&Set> = zone
            .sets
            .iter()
            .filter(|set| set.role != Role::Keys)
            .collect();
        // What breaks must be seen, however much there is.
        let broken = |set: &&&Set| matches!(set.state, State::Broken(_));
        let first = sets
            .iter()
            .filter(broken)
            .chain(sets.iter().filter(|set| !broken(set)));
        let all = sets.len() + self.rows.len();
        let shown: Vec<&&Set> = if all <= MOST_ROWS {
            sets.iter().collect()
        } else {
            self.notes.push(format!(
                "{} more are left out of this picture",
                all - MOST_ROWS
            ));
            first
                .take(MOST_ROWS.saturating_sub(self.rows.len()).max(1))
                .collect()
        };
        for set in shown {
            let place = self.rows.len();
            let signature = set.signature.as_ref().or(set.claimed.as_ref());
            let source = signature.and_then(|signature| {
                let title = format!("key {signature}");
                self.rows
                    .iter()
                    .position(|row| row.title.starts_with(&title))
            });
            match &set.role {
                Role::Delegation(_) => self.exits.push((set.owner.clone(), place)),
                Role::Denial { findings, .. } => {
                    let exits = findings.iter().filter_map(|finding| match finding {
                        Finding::NoDs(name) | Finding::OptOut(name) => Some((name.clone(), place)),
                        _ => None,
                    });
                    self.exits.extend(exits);
                }
                _ => {}
            }
            let number = step_number(explanation, set);
            self.rows.push(Row {
                title: format!("{}{}", number, explain::subject(set)),
                tone: tone(set),
                lines: notes(set),
                source,
                broken_signature: tone(set) == Tone::Broken,
            });
        }
    }

    pub(super) fn height(&self) -> i32 {
        let rows: i32 = self.rows.iter().map(Row::height).sum();
        HEAD + lines(&self.notes) + rows + GAP
    }

    /// Where the chain leaves the box at `at` for a zone below, by the DS or the proof that there
    /// is none.
    pub(super) fn exit(&self, (x, y): (i32, i32), below: &Name) -> Option<(i32, i32)> {
        let (_, row) = self.exits.iter().find(|(name, _)| name == below)?;
        Some((x + WIDTH - MARGIN, self.tops(y)[*row] + CHIP / 2))
    }

    fn tops(&self, y: i32) -> Vec<i32> {
        let mut top = y + HEAD + lines(&self.notes);
        self.rows
            .iter()
            .map(|row| {
                let this = top;
                top += row.height();
                this
            })
            .collect()
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, (x, y): (i32, i32)) {
        canvas.panel((x, y), (WIDTH, self.height()), self.tone);
        canvas.mark((x + MARGIN + 8, y + 19), self.tone);
        canvas.text(
            (x + MARGIN + 24, y + 24),
            Face::Heading,
            HEADING_CHARACTERS,
            &self.name,
        );
        // Set flush right: small type is 6.6 wide.
        let width = self.status.chars().count() as i32 * 66 / 10;
        canvas.toned(
            (x + WIDTH - MARGIN - width, y + 23),
            Face::Small,
            self.tone,
            LINE_CHARACTERS,
            self.status,
        );
        for (number, note) in (1..).zip(&self.notes) {
            canvas.text(
                (x + MARGIN, y + HEAD - 2 + number * LINE - 4),
                Face::Small,
                LINE_CHARACTERS + 6,
                note,
            );
        }
        let tops = self.tops(y);
        let mut sources: Vec<usize> = self.rows.iter().filter_map(|row| row.source).collect();
        sources.sort_unstable();
        sources.dedup();
        let left = x + MARGIN + RAIL * (sources.len() as i32 + 1) + 4;
        for (row, &top) in self.rows.iter().zip(&tops) {
            canvas.chip((left, top), (x + WIDTH - MARGIN - left, CHIP), row.tone);
            canvas.mark((left + 14, top + CHIP / 2), row.tone);
            canvas.text(
                (left + 28, top + 16),
                Face::Code,
                CHIP_CHARACTERS,
                &row.title,
            );
            for (number, line) in (1..).zip(&row.lines) {
                canvas.text(
                    (left + 28, top + CHIP + number * LINE - 3),
                    Face::Small,
                    LINE_CHARACTERS,
                    line,
                );
            }
        }
        for (row, &top) in self.rows.iter().zip(&tops) {
            let end = (left, top + CHIP / 2);
            if let Some(source) = row.source {
                let rail = sources
                    .iter()
                    .position(|other| *other == source)
                    .unwrap_or(0) as i32;
                let at = left - RAIL * (rail + 1) - 4;
                // Arrows that leave one chip start below those that arrive at it.
                let start = tops[source] + CHIP * 3 / 4;
                canvas.arrow(&[(left, start), (at, start), (at, end.1), end], row.tone);
            } else if row.broken_signature {
                canvas.arrow(&[(x, end.1), end], Tone::Broken);
            }
        }
    }
}

impl Row {
    fn height(&self) -> i32 {
        CHIP + lines(&self.lines) + GAP
    }
}

fn lines(lines: &[String]) -> i32 {
    LINE * lines.len() as i32
}

/// Tells whether a reason blames the RRset.
fn is_about(reason: &Reason, set: &Set) -> bool {
    (&reason.name, reason.rtype) == (&set.owner, set.rtype)
}

fn tone(set: &Set) -> Tone {
    match set.state {
        State::Held => Tone::Held,
        State::Broken(_) => Tone::Broken,
        State::Unsigned(_) | State::Unreached => Tone::Plain,
    }
}

/// What the tree says of an RRset, its first line aside.
fn notes(set: &Set) -> Vec<String> {
    explain::notes(set)
        .iter()
        .flat_map(|note| wrap(note, LINE_CHARACTERS))
        .collect()
}

fn rule(reason: &Reason) -> Vec<String> {
    wrap(&explain::rule(reason), LINE_CHARACTERS)
}

/// The number of the step that an alias or the answer makes.
fn step_number(explanation: &Explanation, set: &Set) -> String {
    let made = explanation
        .steps
        .iter()
        .position(|step| match &step.outcome {
            StepOutcome::Alias { rtype, owner, .. } => set.owner == *owner && set.rtype == *rtype,
            StepOutcome::Answer { .. } => set.role == Role::Answer,
            _ => false,
        });
    made.map_or_else(String::new, |place| format!("{}. ", place + 1))
}
