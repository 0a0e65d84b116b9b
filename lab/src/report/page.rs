//! The page: its parts in order, and what is said between tables and pictures.

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use super::markup::{Markup, exact, grouped};
use super::plot::Plot;
use super::reference::{BATCHED, DELAYED, PROOFS, SIBY};
use super::tables::{self, row, table};
use super::{Dossier, Run, figures, shapes};
use crate::attack::{Attack, Finding};
use crate::scenario::Padding;
use sotto_wire::Mixing;

const STYLE: &str = include_str!("page.css");

/// The parts, by their anchors.
const PARTS: [(&str, &str); 8] = [
    ("short", "In short"),
    ("runs", "Runs"),
    ("seen", "What each party saw"),
    ("cost", "Leakage against cost"),
    ("controls", "Controls"),
    ("published", "Beside published figures"),
    ("again", "To do it again"),
    ("figures", "Every figure"),
];

pub(super) fn page(dossier: &Dossier) -> String {
    let mut page = Markup::default();
    page.verbatim("<!DOCTYPE html>\n");
    page.element("html", &[("lang", "en")], |html| {
        html.element("head", &[], head);
        html.element("body", &[], |body| {
            body.element("header", &[], |header| title(header, dossier));
            body.element("nav", &[("aria-label", "Parts of this page")], |nav| {
                nav.element("ol", &[], |list| {
                    for (anchor, name) in PARTS {
                        let target = format!("#{anchor}");
                        list.element("li", &[], |item| item.words("a", &[("href", &target)], name));
                    }
                });
            });
            body.element("main", &[], |main| {
                let parts: [fn(&mut Markup, &Dossier); 8] = [
                    short, runs, seen, cost, controls, published, again, every,
                ];
                for ((anchor, name), part) in PARTS.into_iter().zip(parts) {
                    main.element("section", &[("aria-labelledby", anchor)], |section| {
                        section.words("h2", &[("id", anchor)], name);
                        part(section, dossier);
                    });
                }
            });
            body.words(
                "footer",
                &[],
                "Made by sotto-lab report. Every number on this page carries all of its digits in the value of its data element.",
            );
        });
    });
    page.finish()
}

/// Nothing is fetched and nothing runs: the policy admits the one style sheet, by its digest.
fn head(head: &mut Markup) {
    let style = format!("\n{STYLE}{}", shapes::style());
    let digest = BASE64.encode(&Sha256::digest(style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    );
    head.void("meta", &[("charset", "utf-8")]);
    head.void(
        "meta",
        &[
            ("http-equiv", "Content-Security-Policy"),
            ("content", &policy),
        ],
    );
    head.void(
        "meta",
        &[
            ("name", "viewport"),
            ("content", "width=device-width, initial-scale=1"),
        ],
    );
    head.void(
        "meta",
        &[("name", "color-scheme"), ("content", "light dark")],
    );
    head.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    head.words("title", &[], "What each party can learn, measured");
    head.element("style", &[], |inside| inside.verbatim(&style));
}

fn title(header: &mut Markup, dossier: &Dossier) {
    header.words("h1", &[], "What each party can learn, measured");
    let runs = dossier.runs.len();
    let lookups: u64 = dossier
        .runs
        .iter()
        .map(|run| run.manifest.summary.lookups)
        .sum();
    let (runs, noun) = (grouped(runs as u64), if runs == 1 { "run" } else { "runs" });
    let lookups = grouped(lookups);
    let text = format!(
        "Oblivious lookups recorded from every party's side, and attacked from there: {runs} {noun}, {lookups} lookups."
    );
    header.words("p", &[("class", "lead")], &text);
    header.element("p", &[], |line| {
        let controls = &dossier.report.controls;
        let held = controls.iter().filter(|control| control.held).count();
        let (class, word) = if dossier.report.held() {
            ("held", "✓ Every control came out as it must")
        } else {
            (
                "failed",
                "✗ Not every control came out as it must: do not rely on this page",
            )
        };
        line.words("span", &[("class", class)], word);
        line.text(&format!(" ({held} of {}).", controls.len()));
    });
}

fn short(section: &mut Markup, dossier: &Dossier) {
    section.words(
        "p",
        &[],
        "What each attack comes to in each run as it was configured. An area (AUC) of 0.5 and a hit rate (top-1) as high as chance tell nothing; 1 is everything.",
    );
    pictures(section, dossier, figures::CONFIGURED);
    let findings = dossier.report.findings.iter();
    let findings: Vec<&Finding> = findings
        .filter(|finding| dossier.is_as_configured(finding))
        .collect();
    tables::findings(section, dossier, "As configured", &findings, false);
}

/// What is told of a run, under its heading.
type Told = (&'static str, fn(&mut Markup, &Run));

const TOLD: [Told; 17] = [
    ("Scenario", |row, run| {
        tables::text(row, &run.manifest.title);
    }),
    ("Seed", |row, run| tables::count(row, run.manifest.seed)),
    ("Lookups", |row, run| {
        tables::count(row, run.manifest.summary.lookups);
    }),
    ("Lookups a second", |row, run| {
        tables::figure(row, run.scenario.clients.lookups_per_second, 1);
    }),
    ("Seconds simulated", |row, run| {
        tables::figure(row, run.manifest.summary.simulated_seconds, 0);
    }),
    ("Milliseconds of a lookup, on average", |row, run| {
        tables::figure(row, run.manifest.summary.mean_ms, 0);
    }),
    ("At hand", |row, run| {
        part(row, run, run.manifest.summary.cached);
    }),
    ("Late", |row, run| {
        part(row, run, run.manifest.summary.late);
    }),
    ("Absent", |row, run| {
        part(row, run, run.manifest.summary.absent);
    }),
    ("Given up", |row, run| {
        part(row, run, run.manifest.summary.gave_up);
    }),
    ("Above 8,192 octets", |row, run| {
        part(row, run, run.manifest.summary.overflow);
    }),
    ("Names", |row, run| {
        tables::count(row, run.manifest.names.names as u64);
    }),
    ("Octets of a proof", |row, run| {
        let octets = run.manifest.names.proof_octets;
        tables::text(row, &octets.map(|octets| grouped(octets as u64)).join(", "));
    }),
    ("Relays", |row, run| {
        tables::count(row, u64::from(run.scenario.relay.count));
    }),
    ("Mixing", |row, run| {
        tables::text(row, &mixing(run.scenario.relay.mixing));
    }),
    ("D (milliseconds)", |row, run| {
        tables::count(row, run.scenario.gateway.answer_step_ms);
    }),
    ("Padding", |row, run| {
        tables::text(row, &padding(run.scenario.gateway.padding));
    }),
];

fn runs(section: &mut Markup, dossier: &Dossier) {
    let mut heads = vec![""];
    heads.extend(dossier.runs.iter().map(|run| &*run.letter));
    let caption = "What was simulated, and how it was configured";
    table(section, caption, &heads, |body| {
        for (name, tell) in TOLD {
            row(body, false, name, |row| {
                for run in &dossier.runs {
                    tell(row, run);
                }
            });
        }
    });
    section.words(
        "p",
        &[("class", "note")],
        "At hand: the gateway had the proof. Late: the answer left after the first step D. Proof octets: shortest, median, longest of all names.",
    );
}

/// A count of lookups as a share of them all.
fn part(row: &mut Markup, run: &Run, count: u64) {
    tables::share(
        row,
        count as f64 / (run.manifest.summary.lookups as f64).max(1.0),
    );
}

fn padding(padding: Padding) -> String {
    match padding {
        Padding::Classes => "classes of 8,192 and 65,536".to_owned(),
        Padding::None => "none".to_owned(),
        Padding::Block(block) => format!("multiples of {block}"),
    }
}

fn mixing(mixing: Mixing) -> String {
    match mixing {
        Mixing::Off => "off".to_owned(),
        Mixing::Exponential { mean_ms, cap_ms } => {
            format!("exponential, mean {mean_ms} ms, at most {cap_ms} ms")
        }
        Mixing::Timed { period_ms } => format!("batches of {period_ms} ms"),
    }
}

fn seen(section: &mut Markup, dossier: &Dossier) {
    for run in &dossier.runs {
        let caption = format!("Run {}: what each party's record holds", run.letter);
        let heads = [
            "Party",
            "Rows",
            "Addresses of clients",
            "Names asked for",
            "Octets",
        ];
        table(section, &caption, &heads, |body| {
            for party in &run.seen.parties {
                row(body, false, party.name, |row| {
                    tables::count(row, party.rows as u64);
                    for count in [party.clients, party.names] {
                        if count == 0 {
                            row.words("td", &[("class", "figure sealed")], "none");
                        } else {
                            tables::count(row, count as u64);
                        }
                    }
                    tables::text(row, &party.sizes);
                });
            }
        });
    }
    let Some(run) = dossier.runs.iter().find(|run| !run.seen.glances.is_empty()) else {
        return;
    };
    let caption = format!(
        "One lookup of run {}, from every side. Times are seconds since the run began; no party has a number that another has too.",
        run.letter
    );
    let heads = ["Party", "Who asks", "For whom", "When", "Octets"];
    table(section, &caption, &heads, |body| {
        for glance in &run.seen.glances {
            row(body, false, glance.party, |row| {
                tables::text(row, &glance.who);
                match &glance.whom {
                    Some(name) => row.words("td", &[("class", "name known")], name),
                    None => row.words("td", &[("class", "sealed")], "not seen"),
                }
                tables::text(row, &glance.when);
                tables::text(row, &glance.octets);
            });
        }
    });
}

fn cost(section: &mut Markup, dossier: &Dossier) {
    section.words(
        "p",
        &[],
        "Each mark is a protection: what it costs a lookup, and what is learnt in spite of it. Bars and bands are 95 % bootstrap intervals; grey is what the same estimate gives where labels are dealt anew.",
    );
    for (heading, prefix) in [
        ("Answer times, by the step D", "answer-time"),
        ("Sizes, by the padding", "size"),
        ("Times on both sides of a relay, by mixing", "timing"),
    ] {
        if figures::all(dossier)
            .iter()
            .any(|plot| plot.name.starts_with(prefix))
        {
            section.words("h3", &[], heading);
            pictures(section, dossier, prefix);
        }
    }
}

/// Pictures whose names begin alike, side by side where there is room.
fn pictures(section: &mut Markup, dossier: &Dossier, prefix: &str) {
    let plots: Vec<Plot> = figures::all(dossier)
        .into_iter()
        .filter(|plot| plot.name.starts_with(prefix))
        .collect();
    if plots.is_empty() {
        return;
    }
    section.element("div", &[("class", "figures")], |grid| {
        for plot in &plots {
            grid.element("figure", &[], |figure| {
                figure.verbatim(&plot.inline());
                figure.element("figcaption", &[], |caption| {
                    caption.words("strong", &[], &plot.title);
                });
            });
        }
    });
}

fn controls(section: &mut Markup, dossier: &Dossier) {
    section.words(
        "p",
        &[],
        "Each attack is made on something that must leak, or it finds nothing that is there, and on something that must not, or it finds what is not there.",
    );
    let heads = [
        "Attack",
        "Run",
        "What was done",
        "Must",
        "Figure",
        "Came out",
    ];
    table(section, "Positive and negative controls", &heads, |body| {
        for control in &dossier.report.controls {
            let run = dossier.runs.iter().find(|run| run.directory == control.run);
            row(body, false, control.attack.name(), |row| {
                tables::text(row, run.map_or("", |run| &run.letter));
                tables::text(row, control.what);
                tables::text(
                    row,
                    if control.must_leak {
                        "leak"
                    } else {
                        "not leak"
                    },
                );
                match control.value {
                    Some(value) => tables::figure(row, value, 3),
                    None => tables::text(row, "nothing to tell apart"),
                }
                let (class, word) = if control.held {
                    ("held", "✓ as it must")
                } else {
                    ("failed", "✗ otherwise")
                };
                row.words("td", &[("class", class)], word);
            });
        }
    });
}

fn published(section: &mut Markup, dossier: &Dossier) {
    section.words(
        "p",
        &[],
        "Published rows measure other secrets with other classifiers on other traffic. What can be compared is how a figure falls from one padding to the next, not the figures.",
    );
    let sizes: Vec<&Finding> = dossier
        .report
        .findings
        .iter()
        .filter(|finding| finding.attack == Attack::Size)
        .collect();
    let mut heads = vec![
        "Padding".to_owned(),
        "Siby et al., NDSS 2020: F1 of a classifier of web sites, encrypted DNS".to_owned(),
        "Sotto, an earlier simulation of 10,000 proofs: bits of 13.3".to_owned(),
    ];
    for run in dossier
        .runs
        .iter()
        .filter(|run| sizes.iter().any(|finding| finding.run == run.directory))
    {
        heads.push(format!("Here, run {}: bits of the name", run.letter));
        heads.push(format!("Here, run {}: top-1", run.letter));
    }
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let paddings = [
        "none",
        "multiples of 128",
        "multiples of 468",
        "multiples of 1024",
        "multiples of 4096",
        "classes of 8,192 and 65,536",
    ];
    table(
        section,
        "Padding: published by others, simulated before, measured here",
        &heads,
        |body| {
            for padding in paddings {
                let siby = SIBY.iter().find(|row| row.ours == padding);
                row(body, false, padding, |row| {
                    row.element("td", &[("class", "figure")], |cell| match siby {
                        Some(siby) => {
                            cell.figure(&format!("{:.3}", siby.f1), exact(siby.f1));
                            cell.text(&format!(" ({})", siby.theirs));
                        }
                        None => cell.text("not published"),
                    });
                    match PROOFS.iter().find(|proof| proof.0 == padding) {
                        Some((_, bits)) => tables::figure(row, *bits, 2),
                        None => tables::text(row, "not simulated"),
                    }
                    for run in &dossier.runs {
                        let ours = sizes.iter().find(|finding| {
                            finding.run == run.directory && finding.condition == padding
                        });
                        if let Some(finding) = ours {
                            tables::estimate(row, finding);
                            let top = finding.beside.get("top_one").copied().unwrap_or(f64::NAN);
                            tables::figure(row, top, 3);
                        }
                    }
                });
            }
        },
    );
    let heads = ["Requests a second", "Mixing", "By", "Top-1"];
    table(section, "Joining requests across a relay", &heads, |body| {
        let earlier = "Sotto, an earlier simulation";
        for (rate, top) in DELAYED {
            row(body, false, &grouped(u64::from(rate)), |row| {
                tables::text(row, "exponential, mean 50 ms");
                tables::text(row, earlier);
                tables::figure(row, top, 3);
            });
        }
        row(body, false, "100", |row| {
            tables::text(row, "batches of 1,000 ms");
            tables::text(row, earlier);
            tables::figure(row, BATCHED, 3);
        });
        let ours = dossier
            .report
            .findings
            .iter()
            .filter(|finding| finding.attack == Attack::Timing && finding.metric == "top-1");
        for finding in ours {
            let Some(run) = dossier.run_of(finding) else {
                continue;
            };
            let rate = run.scenario.clients.lookups_per_second
                / f64::from(run.scenario.relay.count.max(1));
            row(body, true, &format!("{rate:.0} at each relay"), |row| {
                tables::text(row, &mixing(run.scenario.relay.mixing));
                tables::text(
                    row,
                    &format!("here, run {}: {}", run.letter, finding.target),
                );
                tables::estimate(row, finding);
            });
        }
    });
    section.element("p", &[("class", "note")], |note| {
        note.text(
            "S. Siby, M. Juarez, C. Diaz, N. Vallina-Rodriguez, C. Troncoso: Encrypted DNS ⇒ Privacy? A Traffic Analysis Perspective, NDSS 2020. \
             For enumeration: more than 100 million numbers an hour from WhatsApp (arXiv 2511.20252).",
        );
    });
}

fn again(section: &mut Markup, dossier: &Dossier) {
    section.words(
        "p",
        &[],
        "Equal scenarios, seeds and versions give equal runs, and equal runs and options give this page, octet by octet. Save each scenario below under the name that its command uses.",
    );
    section.words("pre", &[("tabindex", "0")], &dossier.commands().join("\n"));
    let heads = [
        "",
        "Directory",
        "Seed",
        "Recorded by sotto-lab",
        "SHA-256 of the scenario",
    ];
    table(section, "What was read", &heads, |body| {
        for run in &dossier.runs {
            row(body, false, &run.letter, |row| {
                row.element("td", &[], |cell| cell.words("code", &[], &run.directory));
                tables::count(row, run.manifest.seed);
                tables::text(row, &run.manifest.version);
                row.element("td", &[("class", "name")], |cell| {
                    cell.words("code", &[], &run.manifest.scenario_sha256);
                });
            });
        }
    });
    let options = &dossier.options;
    let text = format!(
        "Attacked by sotto-lab {}, format {}: seed {}, at most {} lookups of a run, {} samples of the bootstrap, {} rounds of the permutation.",
        env!("CARGO_PKG_VERSION"),
        dossier.report.schema,
        options.seed,
        grouped(options.sample as u64),
        grouped(options.resamples as u64),
        grouped(options.rounds as u64)
    );
    section.words("p", &[], &text);
    for run in &dossier.runs {
        section.words("h3", &[], &format!("Scenario of run {}", run.letter));
        section.words("pre", &[("tabindex", "0")], &run.text);
    }
    section.words(
        "h3",
        &[],
        "How to read an interval, and where the method ends",
    );
    section.element("ul", &[], |list| {
        for item in [
            "In brackets: percentile bootstrap, 95 %, whole names or clients drawn with replacement. Chance: the labels dealt anew, mean and 95 %; p is the share of rounds that reach the figure.",
            "Names are signed, proved and verified for good, and a sample of exchanges is sealed with real keys. Time, the network, the resolver and the authorities are simulated.",
            "An attack reads the view of its observer, and the truth only to see whether it was right.",
            "Whoever runs relay and gateway together, or sees a client's link and the gateway's DNS traffic, learns who asks for whom: no figure here says otherwise.",
        ] {
            list.words("li", &[], item);
        }
    });
}

fn every(section: &mut Markup, dossier: &Dossier) {
    for attack in Attack::ALL {
        let findings = dossier.report.findings.iter();
        let findings: Vec<&Finding> = findings
            .filter(|finding| finding.attack == attack)
            .collect();
        let Some(first) = findings.first() else {
            continue;
        };
        section.words("h3", &[], attack.name());
        let caption = format!("Observer: {}. Shaded rows: as configured.", first.observer);
        tables::findings(section, dossier, &caption, &findings, true);
    }
}
