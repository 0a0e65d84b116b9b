//! `sotto-gateway keys export` and `join`: the key state on its way to another instance.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use serde_json::json;
use sotto_daemon::command::print;
use sotto_gateway::keys::{EXPORT_MAX_BYTES, Export};
use zeroize::Zeroizing;

use super::Options;

/// What an operator is told whose terminal has just shown the secret.
const SHOWN: &str = "sotto-gateway: what was just shown is the gateway's secret: whoever reads it here can open envelopes. \
                     Clear this terminal, and next time use a pipe or --output\n";

/// Write the key state for another instance of this gateway, to a pipe or a file
#[derive(clap::Args)]
#[command(
    after_help = "The export is the secret itself. Send it through an encrypted pipe:\n  \
                  sotto-gateway keys export | ssh HOST sotto-gateway keys join"
)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    options: Options,
    /// A new file, which only its owner can read, instead of standard output
    #[arg(long, value_name = "FILE", required_if_eq("json", "true"))]
    output: Option<PathBuf>,
}

/// Take over the key state that another instance of this gateway exported
#[derive(clap::Args)]
#[command(
    after_help = "A state of the same keys stays as it is. `sotto-gateway keys check` tells afterwards whether the DNS vouches for these keys."
)]
pub(crate) struct JoinArguments {
    #[command(flatten)]
    options: Options,
    /// The export; standard input if absent
    file: Option<PathBuf>,
    /// Replace a state of other keys, or one that cannot be read, for good
    #[arg(long)]
    force: bool,
}

pub(super) fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let options = &arguments.options;
    let (config, file) = options.load()?;
    let export = Export {
        host: config.host,
        operator: config.operator,
        ratchet: file.load()?,
    };
    let Some(output) = &arguments.output else {
        print(export.to_text().as_bytes())?;
        if io::stdout().is_terminal() {
            // A closed standard error leaves nobody to warn.
            let _ = io::stderr().lock().write_all(SHOWN.as_bytes());
        }
        return Ok(ExitCode::SUCCESS);
    };
    let path = output.display();
    export.write(output).with_context(|| {
        format!("cannot write {path}; give the name of a file that does not exist yet, in a directory of this user's")
    })?;
    let epoch = export.ratchet.epoch();
    options.answer(
        &json!({ "schema": 1, "output": path.to_string(), "epoch": epoch.0 }),
        &format!("Wrote {path}, from epoch {epoch} on. It is the secret itself: remove it when the other instance has joined.\n"),
    )
}

pub(super) fn join(arguments: &JoinArguments, now: u64) -> anyhow::Result<ExitCode> {
    let options = &arguments.options;
    let (config, state) = options.load()?;
    let export = Export::parse(&read(arguments.file.as_deref())?)?;
    export.suits(&config.host, &config.operator, now)?;
    let (ratchet, written) = state.join(export.ratchet, arguments.force)?;
    let (path, epoch) = (state.path().display(), ratchet.epoch());
    let text = if written {
        format!(
            "Made {path}, from epoch {epoch} on. `sotto-gateway keys check` tells whether the DNS vouches for it; a gateway that runs is \
             restarted to read it.\n"
        )
    } else {
        format!("Nothing to do: {path} holds these keys, from epoch {epoch} on.\n")
    };
    options.answer(
        &json!({ "schema": 1, "state": path.to_string(), "epoch": epoch.0, "written": written }),
        &text,
    )
}

/// The text of an export, from a file that only its owner can read or from standard input.
fn read(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(EXPORT_MAX_BYTES as usize));
    let Some(path) = file else {
        let mut input = io::stdin().lock().take(EXPORT_MAX_BYTES);
        input
            .read_to_string(&mut text)
            .context("cannot read the export from standard input")?;
        return Ok(text);
    };
    let name = || path.display().to_string();
    let file = File::open(path).with_context(name)?;
    let mode = file.metadata().with_context(name)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        anyhow::bail!(
            "{} has mode {mode:03o}, so others may have read the secret; run `chmod 600` on it, and make a new state if they may have",
            name()
        );
    }
    file.take(EXPORT_MAX_BYTES)
        .read_to_string(&mut text)
        .with_context(name)?;
    Ok(text)
}
