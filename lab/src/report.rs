//! What attacks found, as one page that a researcher would put beside a paper: no script, nothing that is fetched, equal octets for equal inputs.
//!
//! [`Dossier::html`] is the page, [`Dossier::files`] its pictures as SVG and their values as CSV. Text from files is escaped wherever it goes.

mod axis;
mod figures;
mod markup;
mod page;
mod plot;
mod reference;
mod seen;
mod shapes;
mod tables;

use std::path::{Path, PathBuf};

use crate::LabError;
use crate::attack::{Attack, Finding, Options, Recorded, Report, attack};
use crate::record::{Manifest, Progress, SCENARIO};
use crate::scenario::Scenario;
use markup::exact;
use seen::Seen;

/// How the condition of what a run itself recorded begins.
const AS_RECORDED: &str = "as recorded";

/// A run, as the page tells it.
struct Run {
    /// What the page calls it: A, B and so on.
    letter: String,
    /// The directory, as it was named.
    directory: String,
    manifest: Manifest,
    scenario: Scenario,
    /// The scenario's text.
    text: String,
    seen: Seen,
}

/// Runs, what was found in them, and how to find it again.
pub struct Dossier {
    runs: Vec<Run>,
    report: Report,
    options: Options,
    /// Where the page goes.
    out: String,
}

/// A file beside the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

impl Dossier {
    /// Attacks runs and gathers what their parties saw. `out` is where the page will go, for the commands that it shows.
    ///
    /// # Errors
    ///
    /// [`LabError`] if a run cannot be read.
    pub fn gather(
        directories: &[PathBuf],
        options: &Options,
        out: &Path,
        progress: &mut impl Progress,
    ) -> Result<Self, LabError> {
        let report = attack(directories, options, progress)?;
        progress.begin("Reading views", directories.len() as u64);
        let mut runs = Vec::new();
        for (place, directory) in directories.iter().enumerate() {
            let recorded = Recorded::open(directory)?;
            let (scenario, text) = Scenario::read(&directory.join(SCENARIO))?;
            runs.push(Run {
                letter: letter(place),
                directory: recorded.run.clone(),
                seen: seen::seen(&recorded)?,
                manifest: recorded.manifest,
                scenario,
                text,
            });
            progress.step();
        }
        Ok(Self {
            runs,
            report,
            options: options.clone(),
            out: out.display().to_string(),
        })
    }

    /// What the attacks found.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        page::page(self)
    }

    /// Every picture as SVG and as CSV, and `findings.csv`, which holds every figure.
    ///
    /// # Errors
    ///
    /// [`LabError::Contradiction`] if a row is none.
    pub fn files(&self) -> Result<Vec<Beside>, LabError> {
        let mut files = vec![Beside {
            name: "findings.csv".to_owned(),
            text: sheet(&self.sheet())?,
        }];
        for plot in figures::all(self) {
            files.push(Beside {
                name: format!("{}.svg", plot.name),
                text: plot.alone(),
            });
            files.push(Beside {
                name: format!("{}.csv", plot.name),
                text: sheet(&plot.csv())?,
            });
        }
        Ok(files)
    }

    /// The run of a finding.
    fn run_of(&self, finding: &Finding) -> Option<&Run> {
        self.runs.iter().find(|run| run.directory == finding.run)
    }

    /// Whether a finding is about the run as it was configured, and not about a protection that it is compared with.
    fn is_as_configured(&self, finding: &Finding) -> bool {
        match finding.attack {
            Attack::AnswerTime | Attack::Size => finding.condition.starts_with(AS_RECORDED),
            _ => true,
        }
    }

    /// The commands that make the page again.
    fn commands(&self) -> Vec<String> {
        let mut commands: Vec<String> = self
            .runs
            .iter()
            .map(|run| {
                let directory = quoted(&run.directory);
                let scenario = quoted(&format!("{}.toml", run.directory.trim_end_matches('/')));
                let seed = run.manifest.seed;
                format!("sotto-lab run --scenario {scenario} --seed {seed} --out {directory}")
            })
            .collect();
        let options = &self.options;
        let mut command = "sotto-lab report".to_owned();
        for run in &self.runs {
            command.push_str(&format!(" --run {}", quoted(&run.directory)));
        }
        if options.attacks != Attack::ALL {
            for attack in &options.attacks {
                command.push_str(&format!(" --only {}", attack.name()));
            }
        }
        let steps: Vec<String> = options.steps_ms.iter().map(u64::to_string).collect();
        command.push_str(&format!(
            " --seed {} --sample {} --resamples {} --steps {} --out {}",
            options.seed,
            options.sample,
            options.resamples,
            steps.join(","),
            quoted(&self.out)
        ));
        commands.push(command);
        commands
    }

    /// Every finding as a row.
    fn sheet(&self) -> Vec<Vec<String>> {
        let head = [
            "attack",
            "run",
            "observer",
            "target",
            "condition",
            "metric",
            "value",
            "low",
            "high",
            "chance",
            "chance_low",
            "chance_high",
            "chance_p",
            "octets_added",
            "milliseconds_added",
            "lookups",
            "beside",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for finding in &self.report.findings {
            let some = |value: Option<f64>| value.map_or_else(String::new, exact);
            let beside: Vec<String> = finding
                .beside
                .iter()
                .map(|(name, value)| format!("{name}={}", exact(*value)))
                .collect();
            rows.push(vec![
                finding.attack.name().to_owned(),
                cell(&finding.run),
                cell(finding.observer),
                cell(&finding.target),
                cell(&finding.condition),
                cell(finding.metric),
                some(finding.value),
                some(finding.interval.map(|interval| interval.low)),
                some(finding.interval.map(|interval| interval.high)),
                some(finding.chance.map(|chance| chance.mean)),
                some(finding.chance.map(|chance| chance.low)),
                some(finding.chance.map(|chance| chance.high)),
                some(finding.chance.map(|chance| chance.p)),
                exact(finding.cost.octets),
                exact(finding.cost.milliseconds),
                finding.lookups.to_string(),
                beside.join(" "),
            ]);
        }
        rows
    }
}

/// A, B, … Z, and then AA.
fn letter(place: usize) -> String {
    let last = char::from(b'A' + (place % 26) as u8);
    match place / 26 {
        0 => last.to_string(),
        before => format!("{}{last}", letter(before - 1)),
    }
}

/// An argument of a shell's command line.
fn quoted(argument: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-+,=:".contains(character);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

/// Text of a cell that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Rows as CSV (RFC 4180).
fn sheet(rows: &[Vec<String>]) -> Result<String, LabError> {
    let wrong = |error: &dyn std::fmt::Display| LabError::Contradiction(error.to_string());
    let mut sheet = csv::Writer::from_writer(Vec::new());
    for row in rows {
        sheet.write_record(row).map_err(|error| wrong(&error))?;
    }
    let octets = sheet.into_inner().map_err(|error| wrong(&error))?;
    String::from_utf8(octets).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_lettered_as_columns_are() {
        assert_eq!([0, 25, 26, 52].map(letter), ["A", "Z", "AA", "BA"]);
    }

    #[test]
    fn an_argument_is_what_the_shell_makes_of_it() {
        assert_eq!(quoted("runs/cold-1"), "runs/cold-1");
        assert_eq!(quoted("a b;rm 'c'"), r"'a b;rm '\''c'\'''");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_cell_is_no_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("town"), "town");
    }
}
