//! Tables: their frame, their cells, and rows of findings.

use std::collections::BTreeSet;

use super::Dossier;
use super::markup::{Markup, exact, grouped};
use crate::attack::Finding;

/// A table with a caption, that scrolls by itself where the page is narrow.
pub(super) fn table(
    markup: &mut Markup,
    caption: &str,
    heads: &[&str],
    body: impl FnOnce(&mut Markup),
) {
    let frame = [
        ("class", "scroll"),
        ("role", "region"),
        ("tabindex", "0"),
        ("aria-label", caption),
    ];
    markup.element("div", &frame, |frame| {
        frame.element("table", &[], |table| {
            table.words("caption", &[], caption);
            table.element("thead", &[], |head| {
                head.element("tr", &[], |row| {
                    for name in heads {
                        if name.is_empty() {
                            row.words("td", &[], "");
                        } else {
                            row.words("th", &[("scope", "col")], name);
                        }
                    }
                });
            });
            table.element("tbody", &[], body);
        });
    });
}

/// A row under its header; `own` sets it off.
pub(super) fn row(body: &mut Markup, own: bool, header: &str, cells: impl FnOnce(&mut Markup)) {
    let class: &[(&str, &str)] = if own { &[("class", "own")] } else { &[] };
    body.element("tr", class, |row| {
        row.words("th", &[("scope", "row")], header);
        cells(row);
    });
}

/// A cell of text.
pub(super) fn text(row: &mut Markup, text: &str) {
    row.words("td", &[], text);
}

/// A cell of a count.
pub(super) fn count(row: &mut Markup, count: u64) {
    row.element("td", &[("class", "figure")], |cell| {
        cell.figure(&grouped(count), count);
    });
}

/// A cell of a figure.
pub(super) fn figure(row: &mut Markup, value: f64, places: usize) {
    row.element("td", &[("class", "figure")], |cell| {
        cell.figure(&shown(value, places), exact(value));
    });
}

/// A cell of a share.
pub(super) fn share(row: &mut Markup, share: f64) {
    row.element("td", &[("class", "figure")], |cell| {
        cell.figure(&format!("{:.2} %", share * 100.0), exact(share));
    });
}

/// A cell of a finding's figure and its interval.
pub(super) fn estimate(row: &mut Markup, finding: &Finding) {
    row.element("td", &[("class", "figure")], |cell| {
        let Some(value) = finding.value else {
            return cell.text("nothing to tell apart");
        };
        cell.figure(&shown(value, 3), exact(value));
        if let Some(interval) = finding.interval {
            cell.text(" [");
            cell.figure(&shown(interval.low, 3), exact(interval.low));
            cell.text(", ");
            cell.figure(&shown(interval.high, 3), exact(interval.high));
            cell.text("]");
        }
    });
}

/// Many digits before the point need none behind it.
fn shown(value: f64, places: usize) -> String {
    if value.abs() >= 1_000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", grouped(value.abs().round() as u64))
    } else {
        // No figure is less than nothing by rounding.
        let text = format!("{value:.places$}");
        let is_zero = text
            .trim_start_matches('-')
            .chars()
            .all(|digit| "0.".contains(digit));
        if is_zero {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }
}

/// Findings as rows. In full: with the figures beside them, and those as configured set off.
pub(super) fn findings(
    markup: &mut Markup,
    dossier: &Dossier,
    caption: &str,
    findings: &[&Finding],
    in_full: bool,
) {
    let beside: BTreeSet<&str> = if in_full {
        let names = findings.iter().flat_map(|finding| finding.beside.keys());
        names.copied().collect()
    } else {
        BTreeSet::new()
    };
    let names: Vec<String> = beside.iter().map(|name| heading(name)).collect();
    let mut heads = vec!["Run"];
    if !in_full {
        heads.extend(["Attack", "Observer"]);
    }
    heads.extend([
        "Wants to know",
        "Protection or case",
        "Metric",
        "Figure",
        "By chance",
        "p",
        "Adds ms",
        "Adds octets",
        "Lookups",
    ]);
    heads.extend(names.iter().map(String::as_str));
    table(markup, caption, &heads, |body| {
        for finding in findings {
            let letter = dossier.run_of(finding).map_or("", |run| &run.letter);
            let own = in_full && dossier.is_as_configured(finding);
            row(body, own, letter, |row| {
                if !in_full {
                    text(row, finding.attack.name());
                    text(row, finding.observer);
                }
                text(row, &finding.target);
                text(row, &finding.condition);
                text(row, finding.metric);
                estimate(row, finding);
                chance(row, finding);
                figure(row, finding.cost.milliseconds, 0);
                figure(row, finding.cost.octets, 0);
                count(row, finding.lookups as u64);
                for name in &beside {
                    match finding.beside.get(name) {
                        Some(value) if name.contains("share") => share(row, *value),
                        Some(value) => figure(row, *value, 3),
                        None => text(row, ""),
                    }
                }
            });
        }
    });
}

/// What chance gives, and how likely it reaches the figure.
fn chance(row: &mut Markup, finding: &Finding) {
    let Some(chance) = finding.chance else {
        text(row, "");
        return text(row, "");
    };
    row.element("td", &[("class", "figure")], |cell| {
        cell.figure(&shown(chance.mean, 3), exact(chance.mean));
        cell.text(" [");
        cell.figure(&shown(chance.low, 3), exact(chance.low));
        cell.text(", ");
        cell.figure(&shown(chance.high, 3), exact(chance.high));
        cell.text("]");
    });
    figure(row, chance.p, 3);
}

/// The name of a figure as a heading: `late_share` is "Late", told in percent.
fn heading(name: &str) -> String {
    let words = name.replace("_share", "").replace('_', " ");
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_without_a_sign_that_means_nothing() {
        assert_eq!(shown(-0.0001, 3), "0.000");
        assert_eq!(shown(-0.5, 3), "-0.500");
        assert_eq!(shown(5_153.4, 0), "5,153");
        assert_eq!(heading("late_share_at_hand"), "Late at hand");
    }
}
