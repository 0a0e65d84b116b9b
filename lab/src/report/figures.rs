//! Which findings go into which picture.

use super::axis::{Axis, Scale};
use super::plot::{Form, Plot, Point, Series};
use super::{AS_RECORDED, Dossier, Run};
use crate::attack::{Attack, Finding};

/// How the names of the pictures of runs as configured begin.
pub(super) const CONFIGURED: &str = "configured";

/// Metrics that go from 0 to 1, and those that do not.
const SHARES: [&str; 3] = ["AUC", "top-1", "share answered"];
const BITS: [&str; 1] = ["bits"];

/// Every picture that has something to show, in the page's order.
pub(super) fn all(dossier: &Dossier) -> Vec<Plot> {
    let mut plots = Vec::new();
    let scales: [(&str, &'static str, &[&str]); 2] = [
        ("shares", "areas and hit rates", &SHARES),
        ("bits", "bits", &BITS),
    ];
    for (name, axis, metrics) in scales {
        for run in &dossier.runs {
            let name = format!("{CONFIGURED}-{name}-{}", run.letter);
            plots.push(as_configured(dossier, run, name, axis, metrics));
        }
    }
    let mut targets: Vec<&str> = Vec::new();
    for finding in of(dossier, Attack::AnswerTime) {
        if !targets.contains(&&*finding.target) {
            targets.push(&finding.target);
        }
    }
    for (place, target) in targets.into_iter().enumerate() {
        plots.push(answer_time(dossier, place + 1, target));
    }
    plots.push(size(dossier));
    plots.push(timing(dossier, "timing-top-1", "top-1", 0.0));
    plots.push(timing(dossier, "timing-auc", "AUC", 0.5));
    plots.retain(|plot| !plot.is_empty());
    plots
}

fn of(dossier: &Dossier, attack: Attack) -> impl Iterator<Item = &Finding> {
    let findings = dossier.report.findings.iter();
    findings.filter(move |finding| finding.attack == attack)
}

/// A point of a finding that has a value.
fn point(finding: &Finding, label: String, x: f64) -> Option<Point> {
    Some(Point {
        label,
        x,
        y: finding.value?,
        interval: finding.interval,
        chance: finding.chance,
        own: false,
    })
}

fn named(run: &Run) -> String {
    format!("{}: {}", run.letter, run.manifest.title)
}

/// A series for each run.
fn by_run<'a>(dossier: &'a Dossier, points: impl Fn(&'a Run) -> Vec<Point>) -> Vec<Series> {
    dossier
        .runs
        .iter()
        .map(|run| Series {
            label: named(run),
            points: points(run),
        })
        .collect()
}

fn answer_time(dossier: &Dossier, number: usize, target: &str) -> Plot {
    Plot {
        name: format!("answer-time-{number}"),
        title: format!("Answer times: {target}"),
        form: Form::Curves,
        is_labelled: false,
        x: milliseconds(),
        y: values("area under the curve", (0.5, 1.0)),
        series: by_run(dossier, |run| {
            of(dossier, Attack::AnswerTime)
                .filter(|finding| finding.run == run.directory && finding.target == target)
                // The run's own step is among those compared.
                .filter(|finding| !finding.condition.starts_with(AS_RECORDED))
                .filter_map(|finding| {
                    let cost = finding.cost.milliseconds;
                    let step = run.scenario.gateway.answer_step_ms as f64;
                    let own = finding.beside.get("step_ms") == Some(&step);
                    let point = point(finding, finding.condition.clone(), cost)?;
                    Some(Point { own, ..point })
                })
                .collect()
        }),
    }
}

fn size(dossier: &Dossier) -> Plot {
    let series = by_run(dossier, |run| {
        let findings = || of(dossier, Attack::Size).filter(|finding| finding.run == run.directory);
        let own = findings().find_map(|finding| own_padding(finding));
        let mut points: Vec<Point> = findings()
            .filter_map(|finding| {
                let is_own = own_padding(finding).is_some();
                let label = own_padding(finding).unwrap_or(&finding.condition);
                // Where the run's own padding is one of those compared, one mark is enough.
                let is_twice = is_own && findings().any(|other| other.condition == label);
                let mut point = point(finding, label.to_owned(), finding.cost.octets)?;
                point.own = own == Some(label);
                (!is_twice).then_some(point)
            })
            .collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points
    });
    Plot {
        name: "size".to_owned(),
        title: "Sizes of answers: the name".to_owned(),
        form: Form::Curves,
        is_labelled: true,
        x: Axis {
            label: "octets added to an answer, on average",
            scale: Scale::Logarithmic,
            reaches: (0.0, 10.0),
        },
        y: values("bits of the name", (0.0, 1.0)),
        series,
    }
}

fn timing(dossier: &Dossier, name: &str, metric: &'static str, least: f64) -> Plot {
    let mut series: Vec<Series> = Vec::new();
    for finding in of(dossier, Attack::Timing).filter(|finding| finding.metric == metric) {
        let Some(run) = dossier.run_of(finding) else {
            continue;
        };
        let cost = finding.cost.milliseconds;
        let Some(point) = point(finding, run.letter.clone(), cost) else {
            continue;
        };
        let point = Point {
            own: false,
            ..point
        };
        match series
            .iter_mut()
            .find(|series| series.label == finding.target)
        {
            Some(series) => series.points.push(point),
            None => series.push(Series {
                label: finding.target.clone(),
                points: vec![point],
            }),
        }
    }
    Plot {
        name: name.to_owned(),
        title: format!("Times on both sides of a relay: {metric}"),
        form: Form::Marks,
        is_labelled: true,
        x: milliseconds(),
        y: values(metric, (least, 1.0)),
        series,
    }
}

/// What each attack comes to in a run as it was configured.
fn as_configured(
    dossier: &Dossier,
    run: &Run,
    name: String,
    axis: &'static str,
    metrics: &[&str],
) -> Plot {
    let series = by_run(dossier, |other| {
        if other.letter != run.letter {
            return Vec::new();
        }
        let findings = dossier.report.findings.iter();
        findings
            .filter(|finding| finding.run == run.directory && metrics.contains(&finding.metric))
            .filter(|finding| dossier.is_as_configured(finding))
            .filter_map(|finding| {
                let subject = match finding.attack {
                    Attack::AnswerTime | Attack::Timing => &finding.target,
                    _ => &finding.condition,
                };
                let metric = if axis == finding.metric {
                    String::new()
                } else {
                    format!(", {}", finding.metric)
                };
                let label = format!("{}{metric}: {subject}", finding.attack.name());
                point(finding, label, 0.0)
            })
            .collect()
    });
    Plot {
        name,
        title: format!("Run {} as configured: {axis}", run.letter),
        form: Form::Rows,
        is_labelled: false,
        x: Axis {
            label: "attacks",
            scale: Scale::Linear,
            reaches: (0.0, 0.0),
        },
        y: values(axis, (0.0, 1.0)),
        series,
    }
}

/// The padding of the run itself, of a finding that is about it.
fn own_padding(finding: &Finding) -> Option<&str> {
    let rest = finding.condition.strip_prefix(AS_RECORDED)?;
    Some(rest.trim_start_matches(": "))
}

const fn milliseconds() -> Axis {
    Axis {
        label: "milliseconds added to a lookup, on average",
        scale: Scale::Linear,
        reaches: (0.0, 10.0),
    }
}

const fn values(label: &'static str, reaches: (f64, f64)) -> Axis {
    Axis {
        label,
        scale: Scale::Linear,
        reaches,
    }
}
