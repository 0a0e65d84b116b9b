//! `sotto-lab attack`: what each party can make of what it saw; `sotto-lab budget`: whether that is too much.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use sotto_lab::attack::{Attack, Control, Finding, Options, Report, attack};
use sotto_lab::budget::Budget;

use crate::run::Bar;

/// What `sotto-lab budget` is told.
#[derive(Args)]
pub(crate) struct BudgetArguments {
    /// A directory that `sotto-lab run` wrote; may be given several times.
    #[arg(long, value_name = "DIR", required = true)]
    run: Vec<PathBuf>,
    /// What may leak: a TOML file, such as lab/budgets/defaults.toml.
    #[arg(long, value_name = "FILE")]
    budget: PathBuf,
    /// Where the generators begin.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// What `sotto-lab attack` is told.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A directory that `sotto-lab run` wrote; may be given several times.
    #[arg(long, value_name = "DIR", required = true)]
    run: Vec<PathBuf>,
    /// Only this attack; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Attack>,
    /// Where the generators begin: equal seeds give equal figures.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Lookups to look at, at most: a sample of the run.
    #[arg(long, value_name = "N", default_value_t = Options::default().sample)]
    sample: usize,
    /// Samples of the bootstrap, and rounds of the permutation.
    #[arg(long, value_name = "N", default_value_t = Options::default().resamples)]
    resamples: usize,
    /// Steps of the answer time to compare, in milliseconds.
    #[arg(long, value_name = "MS", value_delimiter = ',', default_values_t = Options::default().steps_ms)]
    steps: Vec<u64>,
}

impl Arguments {
    /// The directories.
    pub(crate) fn runs(&self) -> &[PathBuf] {
        &self.run
    }

    /// How thoroughly they are attacked.
    pub(crate) fn options(&self) -> Options {
        let attacks = if self.only.is_empty() {
            Attack::ALL.to_vec()
        } else {
            self.only.clone()
        };
        Options {
            attacks,
            seed: self.seed,
            sample: self.sample,
            resamples: self.resamples,
            rounds: self.resamples,
            steps_ms: self.steps.clone(),
        }
    }
}

/// Attacks runs; fails if a control did not come out as it must.
pub(crate) fn run(arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let mut bar = Bar::new();
    let report = attack(arguments.runs(), &arguments.options(), &mut bar)?;
    bar.end();
    let mut out = anstream::AutoStream::auto(stdout());
    if json {
        serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&mut out, &report)?;
    }
    Ok(if report.held() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Attacks runs as far as a budget asks for it; fails if it is exceeded.
pub(crate) fn budget(arguments: &BudgetArguments, json: bool) -> anyhow::Result<ExitCode> {
    let budget = Budget::read(&arguments.budget)?;
    let options = Options {
        attacks: budget.attacks(),
        seed: arguments.seed,
        ..Options::default()
    };
    let mut bar = Bar::new();
    let report = attack(&arguments.run, &options, &mut bar)?;
    bar.end();
    let lines = budget.judge(&report);
    let held = lines.iter().all(|line| line.held);
    let mut out = anstream::AutoStream::auto(stdout());
    if json {
        let document = serde_json::json!({ "schema": 1, "held": held, "limits": lines });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        for line in &lines {
            let did = if line.held { "held" } else { "EXCEEDED" };
            let found = line
                .found
                .map_or("nothing".to_owned(), |found| format!("{found:.3}"));
            writeln!(
                out,
                "  {did:<8} {}: {found}, at most {:.3}",
                line.what, line.most
            )?;
        }
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    for source in &report.runs {
        writeln!(
            out,
            "{}: {} (seed {})",
            source.run, source.title, source.seed
        )?;
        let of_run = |finding: &&Finding| finding.run == source.run;
        let findings: Vec<&Finding> = report.findings.iter().filter(of_run).collect();
        let mut heading = (None, "");
        for finding in &findings {
            let is_first = heading.0 != Some(finding.attack);
            if finding.attack == Attack::AnswerTime {
                if is_first {
                    answer_times(out, &findings)?;
                }
            } else {
                if is_first || heading.1 != finding.target {
                    let (name, observer) = (finding.attack.name(), finding.observer);
                    writeln!(out, "  {name}, by {observer}: {}", finding.target)?;
                }
                line(out, finding)?;
            }
            heading = (Some(finding.attack), &finding.target);
        }
    }
    writeln!(out, "Controls")?;
    for control in &report.controls {
        tell(out, control)?;
    }
    writeln!(
        out,
        "[low, high]: 95 % by the percentile bootstrap; chance: labels dealt anew, mean and 95 %."
    )
}

/// Steps, late answers and areas in one table.
fn answer_times(out: &mut impl Write, findings: &[&Finding]) -> std::io::Result<()> {
    let of_attack = |finding: &&&Finding| finding.attack == Attack::AnswerTime;
    let mut rows: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in findings.iter().filter(of_attack) {
        let at = rows.iter().position(|row| row.0 == finding.condition);
        match at {
            Some(at) => rows[at].1.push(finding),
            None => rows.push((&finding.condition, vec![finding])),
        }
    }
    writeln!(out, "  answer-time, by relay: area under the curve")?;
    writeln!(
        out,
        "{:>23} {:>8} {:>8}  {:<22}{:<22}existing, unkept",
        "adds ms", "late", "unkept", "kept or not", "existing or not"
    )?;
    for (condition, row) in rows {
        let figure = |name| row[0].beside.get(name).copied().unwrap_or(0.0) * 100.0;
        write!(
            out,
            "    {condition:<11} {:>7.0} {:>6.2} % {:>6.2} %  ",
            row[0].cost.milliseconds,
            figure("late_share"),
            figure("late_share_not_at_hand"),
        )?;
        for finding in row {
            let cell = match (finding.value, finding.interval) {
                (Some(value), Some(interval)) => {
                    format!("{value:.3} [{:.3}, {:.3}]", interval.low, interval.high)
                }
                _ => "nothing to tell apart".to_owned(),
            };
            write!(out, "{cell:<22}")?;
        }
        writeln!(out)?;
    }
    let Some(first) = findings
        .iter()
        .find(|finding| finding.attack == Attack::AnswerTime)
    else {
        return Ok(());
    };
    let kept = first.beside.get("at_hand_share").copied().unwrap_or(0.0) * 100.0;
    writeln!(
        out,
        "    kept: the gateway had the proof at hand, {kept:.1} %; late: left after the first step; unkept: of those it had not"
    )
}

fn line(out: &mut impl Write, finding: &Finding) -> std::io::Result<()> {
    write!(out, "    {:<34} {:<5} ", finding.condition, finding.metric)?;
    match finding.value {
        Some(value) => write!(out, "{value:.3}")?,
        None => write!(out, "nothing to tell apart")?,
    }
    if let Some(interval) = finding.interval {
        write!(out, " [{:.3}, {:.3}]", interval.low, interval.high)?;
    }
    if let Some(chance) = finding.chance {
        write!(
            out,
            " chance {:.3} [{:.3}, {:.3}]",
            chance.mean, chance.low, chance.high
        )?;
    }
    writeln!(out)?;
    let mut beside: Vec<String> = Vec::new();
    if finding.cost.milliseconds > 0.0 {
        beside.push(format!("adds {:.0} ms", finding.cost.milliseconds));
    }
    if finding.cost.octets > 0.0 {
        beside.push(format!("adds {:.0} octets", finding.cost.octets));
    }
    for (name, figure) in &finding.beside {
        let name = name.replace('_', " ");
        beside.push(match name.strip_suffix(" share") {
            Some(what) => format!("{what} {:.2} %", figure * 100.0),
            None if name.contains("share") => {
                format!("{} {:.2} %", name.replace(" share", ""), figure * 100.0)
            }
            None => format!("{name} {figure:.3}"),
        });
    }
    if beside.is_empty() {
        return Ok(());
    }
    writeln!(out, "      {}", beside.join(", "))
}

fn tell(out: &mut impl Write, control: &Control) -> std::io::Result<()> {
    let must = if control.must_leak {
        "must leak"
    } else {
        "must not leak"
    };
    let did = if control.held { "held" } else { "FAILED" };
    write!(
        out,
        "  {did:<6} {}: {} ({must}",
        control.attack.name(),
        control.what
    )?;
    match control.value {
        Some(value) => writeln!(out, "; {value:.3})"),
        None => writeln!(out, ")"),
    }
}
