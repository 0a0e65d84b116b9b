//! `sotto-lab report`: what attacks found, as one page to publish, and its pictures.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use sotto_lab::report::Dossier;

use crate::judge;
use crate::run::Bar;

/// What `sotto-lab report` is told.
#[derive(Args)]
pub(crate) struct PageArguments {
    #[command(flatten)]
    attack: judge::Arguments,
    /// The page to write: HTML that needs nothing else.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A directory to write every picture to, as SVG and as CSV, and every figure, as findings.csv.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

/// Attacks runs and writes the page; fails if a control did not come out as it must, and writes the page all the same.
pub(crate) fn run(arguments: &PageArguments, json: bool) -> anyhow::Result<ExitCode> {
    let mut bar = Bar::new();
    let dossier = Dossier::gather(
        arguments.attack.runs(),
        &arguments.attack.options(),
        &arguments.out,
        &mut bar,
    )?;
    bar.end();
    let mut files = vec![arguments.out.clone()];
    write(&arguments.out, &dossier.html())?;
    if let Some(directory) = &arguments.plots {
        fs::create_dir_all(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
        for file in dossier.files()? {
            let path = directory.join(file.name);
            write(&path, &file.text)?;
            files.push(path);
        }
    }
    let held = dossier.report().held();
    let mut out = anstream::AutoStream::auto(stdout());
    if json {
        let document = serde_json::json!({ "schema": 1, "held": held, "files": files });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        for file in &files {
            writeln!(out, "{}", file.display())?;
        }
        if !held {
            writeln!(out, "A control did not come out as it must: see the page")?;
        }
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
