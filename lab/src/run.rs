//! `sotto-lab run`: records what every party of a simulated population sees.

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use sotto_lab::record::{Manifest, Progress, record};
use sotto_lab::views::Format;

/// What `sotto-lab run` is told.
#[derive(Args)]
pub(crate) struct Arguments {
    /// What to simulate: a TOML file, such as those in lab/scenarios.
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    /// Where the generator begins: equal scenarios and seeds make equal directories.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The directory to make, for the manifest, the truth and a file for each view.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// In which form the views are written.
    #[arg(long, value_enum, default_value_t = Form::Jsonl)]
    format: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// JSON Lines.
    Jsonl,
    /// CSV.
    Csv,
    /// A file of each.
    Both,
}

/// Records a run.
pub(crate) fn run(arguments: &Arguments, json: bool) -> anyhow::Result<()> {
    let format = match arguments.format {
        Form::Jsonl => Format::Jsonl,
        Form::Csv => Format::Csv,
        Form::Both => Format::Both,
    };
    let mut bar = Bar::new();
    let manifest = record(
        &arguments.scenario,
        arguments.seed,
        &arguments.out,
        format,
        &mut bar,
    )?;
    bar.end();
    let mut out = anstream::AutoStream::auto(stdout());
    if json {
        serde_json::to_writer_pretty(&mut out, &manifest).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&mut out, &manifest, &arguments.out.display().to_string())?;
    }
    Ok(())
}

fn print(out: &mut impl Write, manifest: &Manifest, directory: &str) -> std::io::Result<()> {
    let (summary, names) = (&manifest.summary, &manifest.names);
    let lookups = summary.lookups.max(1) as f64;
    let share = |count: u64| format!("{:.1} %", 100.0 * count as f64 / lookups);
    writeln!(out, "{} (seed {})", manifest.title, manifest.seed)?;
    let [shortest, median, longest] = names.proof_octets;
    for (what, value) in [
        ("lookups", summary.lookups.to_string()),
        ("simulated", format!("{:.0} s", summary.simulated_seconds)),
        ("took", format!("{:.0} ms on average", summary.mean_ms)),
        ("at hand", share(summary.cached)),
        (
            "late",
            format!("{} left after the first step", share(summary.late)),
        ),
        (
            "absent",
            format!(
                "{} asked for a name without a record",
                share(summary.absent)
            ),
        ),
        ("given up", share(summary.gave_up)),
        (
            "overflow",
            format!(
                "{} of the answers exceed 8,192 octets",
                share(summary.overflow)
            ),
        ),
        (
            "names",
            format!(
                "{}, {} without a record; proofs of {shortest}, {median}, {longest} octets (shortest, median, longest)",
                names.names, names.absent
            ),
        ),
        (
            "sealed",
            format!(
                "{} of them with real keys: every request {} octets, every answer as recorded",
                manifest.sealed.exchanges, manifest.sealed.request_octets
            ),
        ),
    ] {
        writeln!(out, "  {what:<10} {value}")?;
    }
    writeln!(out, "In {directory}:")?;
    for file in &manifest.files {
        writeln!(
            out,
            "  {:<20} {:>10} rows {:>13} octets",
            file.file, file.rows, file.octets
        )?;
    }
    writeln!(out, "Next: sotto-lab attack --run {directory}")
}

/// A progress bar on a terminal's standard error.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Self {
        // Off a terminal it draws nothing.
        Self(ProgressBar::no_length())
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&mut self, part: &'static str, steps: u64) {
        self.end();
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        self.0 = ProgressBar::new(steps).with_message(part);
        if let Ok(style) = style {
            self.0.set_style(style);
        }
    }

    fn step(&mut self) {
        self.0.inc(1);
    }
}
