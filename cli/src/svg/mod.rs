//! A verdict as a picture: zones as boxes from the anchor down, and what leads from one to the
//! next. Colour is never alone: ticks, crosses, dashes and words say the same.

mod canvas;
mod panel;

use sotto_proof::explain::{Explanation, State, Zone};
use sotto_proof::{Utc, Verdict};

use self::canvas::{Canvas, Face, Tone};
use self::panel::{Panel, WIDTH};
use crate::explain::{self, wrap};

const MARGIN: i32 = 28;
/// Between two rows of boxes, and between two columns.
const ROW_GAP: i32 = 46;
const COLUMN_GAP: i32 = 44;
const BANNER: i32 = 54;
const LINE: i32 = 16;
/// Characters that fit across one column.
const TITLE_CHARACTERS: usize = 67;
const LINE_CHARACTERS: usize = 100;
const WHY_CHARACTERS: usize = 92;
/// Zones drawn: an honest proof has three to ten, a hostile one could have hundreds.
const MOST_ZONES: usize = 32;

/// Draws the picture. `objection` is what speaks against a verdict that the proof by itself would
/// give: a second opinion, say.
pub(crate) fn draw(explanation: &Explanation, objection: Option<&str>) -> String {
    let zones = &explanation.zones[..explanation.zones.len().min(MOST_ZONES)];
    let panels: Vec<Panel> = zones
        .iter()
        .map(|zone| Panel::new(explanation, zone))
        .collect();
    let mut canvas = Canvas::default();
    let (tone, title) = title(explanation, objection);
    let top = banner(&mut canvas, explanation, objection, tone, &title);
    let (places, columns, bottom) = place(zones, &panels, top);
    for (at, panel) in panels.iter().enumerate() {
        panel.draw(&mut canvas, places[at]);
    }
    for (at, zone) in zones.iter().enumerate() {
        if let Some(parent) = zone.parent {
            let siblings = zones[..at]
                .iter()
                .filter(|other| other.parent == zone.parent);
            let elder = siblings.count() as i32;
            descend(&mut canvas, &panels, &places, (parent, at), (zone, elder));
        }
    }
    let bottom = conclusion(&mut canvas, explanation, objection, tone, bottom);
    let width = 2 * MARGIN + columns * WIDTH + (columns - 1) * COLUMN_GAP;
    canvas.finish((width, bottom + MARGIN), &title)
}

fn title(explanation: &Explanation, objection: Option<&str>) -> (Tone, String) {
    let (tone, word) = match &explanation.verification.verdict {
        _ if objection.is_some() => (Tone::Broken, "REFUSED"),
        Verdict::Secure(_) => (Tone::Held, "SECURE"),
        Verdict::NoData => (Tone::Held, "NODATA, proved"),
        Verdict::NxDomain => (Tone::Held, "NXDOMAIN, proved"),
        Verdict::Insecure(_) => (Tone::Plain, "INSECURE"),
        Verdict::Bogus(_) => (Tone::Broken, "BOGUS"),
    };
    (tone, format!("{word}: {}", explanation.question))
}

/// Writes the verdict, its time, and where it is not a good one the reason; returns where that ends.
fn banner(
    canvas: &mut Canvas,
    explanation: &Explanation,
    objection: Option<&str>,
    tone: Tone,
    title: &str,
) -> i32 {
    canvas.mark((MARGIN + 8, MARGIN + 8), tone);
    canvas.text(
        (MARGIN + 26, MARGIN + 14),
        Face::Title,
        TITLE_CHARACTERS,
        title,
    );
    let verified = format!("verified as of {}", Utc(explanation.now));
    let when = match explanation.verification.validity {
        Some(validity) => format!(
            "{verified}; every signature used is valid until {}",
            Utc(validity.until)
        ),
        None => verified,
    };
    canvas.text(
        (MARGIN + 26, MARGIN + 34),
        Face::Small,
        LINE_CHARACTERS + 8,
        &when,
    );
    let reason = match &explanation.verification.verdict {
        Verdict::Insecure(reason) | Verdict::Bogus(reason) => Some(format!(
            "{} {}: {}",
            reason.name,
            reason.rtype,
            explain::rule(reason)
        )),
        _ => None,
    };
    let mut bottom = MARGIN + BANNER;
    for line in objection
        .map(str::to_owned)
        .or(reason)
        .iter()
        .flat_map(|why| wrap(why, WHY_CHARACTERS))
    {
        canvas.toned(
            (MARGIN + 26, bottom),
            Face::Code,
            tone,
            WHY_CHARACTERS,
            &line,
        );
        bottom += LINE;
    }
    bottom + 20
}

/// Places every box from `top` down: a row for each depth, a column for each end of the tree, parents over their
/// first child. Returns the places, the number of columns, and where the lowest box ends.
fn place(zones: &[Zone], panels: &[Panel], top: i32) -> (Vec<(i32, i32)>, i32, i32) {
    let mut depths = vec![0; zones.len()];
    let mut column = vec![0; zones.len()];
    let mut columns = 0;
    for (at, zone) in zones.iter().enumerate() {
        let older_sibling = zones[..at].iter().any(|other| other.parent == zone.parent);
        match zone.parent {
            Some(parent) => {
                depths[at] = depths[parent] + 1;
                column[at] = if older_sibling {
                    columns
                } else {
                    column[parent]
                };
            }
            None => column[at] = columns,
        }
        columns = columns.max(column[at] + 1);
    }
    let deepest = depths.iter().copied().max().unwrap_or(0);
    let mut tops = vec![top];
    for depth in 0..=deepest {
        let tallest = depths
            .iter()
            .zip(panels)
            .filter(|(other, _)| **other == depth)
            .map(|(_, panel)| panel.height());
        let top = tops[depth] + tallest.max().map_or(0, |height| height + ROW_GAP);
        tops.push(top);
    }
    let places = depths
        .iter()
        .zip(&column)
        .map(|(&depth, &column)| (MARGIN + column * (WIDTH + COLUMN_GAP), tops[depth]));
    (places.collect(), columns.max(1), tops[deepest + 1])
}

/// Draws what leads from a zone to one below it, which has so many `elder` siblings.
fn descend(
    canvas: &mut Canvas,
    panels: &[Panel],
    places: &[(i32, i32)],
    (parent, child): (usize, usize),
    (zone, elder): (&Zone, i32),
) {
    let (x, y) = places[parent];
    let (child_x, child_y) = places[child];
    let entry = (child_x + WIDTH / 2, child_y);
    // Arrows to several zones below keep apart, as far as there is room.
    let apart = 7 * elder.min(2);
    let turn = child_y - ROW_GAP / 2 - apart;
    let tone = match zone.state {
        State::Held => Tone::Held,
        State::Unreached | State::Unsigned(_) => Tone::Plain,
        State::Broken(_) => Tone::Broken,
    };
    let way = match panels[parent].exit((x, y), &zone.name) {
        // Out on the right, and down beside the box.
        Some((right, middle)) => {
            let beside = x + WIDTH + COLUMN_GAP / 4 + apart;
            vec![
                (right, middle),
                (beside, middle),
                (beside, turn),
                (entry.0, turn),
                entry,
            ]
        }
        None => vec![
            (x + WIDTH / 2, y + panels[parent].height()),
            (x + WIDTH / 2, turn),
            (entry.0, turn),
            entry,
        ],
    };
    canvas.arrow(&way, tone);
    let label = match &zone.state {
        State::Held => "DS vouches for this zone's key",
        State::Unsigned(_) => "no key is vouched for",
        State::Broken(_) => "no trust gets through",
        State::Unreached => "not reached",
    };
    canvas.toned(
        (entry.0 + 10, entry.1 - 8),
        Face::Small,
        tone,
        LINE_CHARACTERS,
        label,
    );
}

/// Writes what follows, name by name, and returns where that ends.
fn conclusion(
    canvas: &mut Canvas,
    explanation: &Explanation,
    objection: Option<&str>,
    tone: Tone,
    top: i32,
) -> i32 {
    let mut lines = Vec::new();
    for (number, step) in (1..).zip(&explanation.steps) {
        let sentence = format!("{number}. {}", explain::sentence(explanation, step));
        lines.extend(wrap(&sentence, LINE_CHARACTERS));
    }
    if let Some(objection) = objection {
        lines.extend(wrap(&format!("But: {objection}"), LINE_CHARACTERS));
    }
    if explanation.zones.len() > MOST_ZONES {
        lines.push(format!(
            "{} more zones are left out of this picture",
            explanation.zones.len() - MOST_ZONES
        ));
    }
    let height = LINE * lines.len() as i32 + 44;
    canvas.panel((MARGIN, top), (WIDTH, height), tone);
    canvas.mark((MARGIN + 22, top + 19), tone);
    canvas.text(
        (MARGIN + 38, top + 24),
        Face::Heading,
        LINE_CHARACTERS,
        "What follows",
    );
    for (number, line) in (1..).zip(&lines) {
        canvas.text(
            (MARGIN + 14, top + 30 + number * LINE),
            Face::Small,
            LINE_CHARACTERS + 4,
            line,
        );
    }
    legend(canvas, top + height + 24)
}

fn legend(canvas: &mut Canvas, y: i32) -> i32 {
    let entries = [
        (Tone::Held, "a signature or DS that holds"),
        (Tone::Plain, "not signed, or not reached"),
        (Tone::Broken, "where the chain breaks"),
    ];
    for (place, (tone, words)) in (0..).zip(entries) {
        let x = MARGIN + place * (WIDTH / 3);
        canvas.arrow(&[(x, y - 4), (x + 26, y - 4)], tone);
        canvas.text((x + 34, y), Face::Small, LINE_CHARACTERS, words);
    }
    y
}
