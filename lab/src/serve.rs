//! `sotto-lab serve`: the private internet, kept up for other processes.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anstream::AutoStream;
use anstyle::Style;
use anyhow::Context;
use serde::Serialize;
use sotto_mimi::{DEFAULT_MIMI_TYPE, RecordForm};
use sotto_world::{GATEWAY_HOST, Options, PHONE_ZONE, Person, RELAY_OPERATORS};

use crate::account::form_name;
use crate::start;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// What `--json` prints, once, before it waits.
#[derive(Serialize)]
struct Document {
    schema: u32,
    directory: PathBuf,
    config: PathBuf,
    relays: Vec<String>,
    gateway: &'static str,
    gateway_address: String,
    resolver: String,
    /// To be run once in the shell.
    preparation: Vec<String>,
    commands: Vec<Line>,
}

/// One line to paste.
#[derive(Serialize)]
struct Line {
    command: String,
    story: &'static str,
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(directory: Option<PathBuf>, json: bool) -> anyhow::Result<()> {
    let world = start(Options {
        directory,
        ..Options::default()
    })
    .await?;
    let directory = fs::canonicalize(world.directory()).context("the world's directory is gone")?;
    let relays: Vec<_> = (0..RELAY_OPERATORS.len())
        .map(|relay| world.relay_url(relay))
        .collect();
    let client = ClientConfig {
        relay: relays.clone(),
        gateway: GATEWAY_HOST,
        anchor: directory.join("root.key"),
        ca: directory.join("ca.pem"),
        phone_zone: PHONE_ZONE,
        mimi_type: DEFAULT_MIMI_TYPE,
    };
    let config = directory.join("client.toml");
    fs::write(&config, toml::to_string(&client)?)
        .with_context(|| format!("cannot write {}", config.display()))?;
    world.export_zones(&directory.join("zones"))?;
    let document = Document {
        schema: 1,
        relays,
        gateway: GATEWAY_HOST,
        gateway_address: world.gateway_address().to_string(),
        resolver: world.resolver_address().to_string(),
        preparation: preparation(&config),
        commands: world.people().iter().map(line).collect(),
        config,
        directory,
    };
    let mut out = AutoStream::auto(stdout());
    if json {
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        page(&mut out, &document)?;
    }
    out.flush()?;
    sotto_daemon::shutdown_signal().await;
    if !json {
        writeln!(out, "\nending")?;
    }
    world.shutdown().await;
    Ok(())
}

/// The configuration of `sotto` in this world; its keys are the command's flags.
#[derive(Serialize)]
struct ClientConfig {
    relay: Vec<String>,
    gateway: &'static str,
    anchor: PathBuf,
    ca: PathBuf,
    phone_zone: &'static str,
    mimi_type: u16,
}

fn line(person: &Person) -> Line {
    let form = match person.form {
        RecordForm::Txt => String::new(),
        RecordForm::Mimi => format!(" --type {}", form_name(person.form)),
    };
    Line {
        command: format!("sotto lookup {}{form}", person.identifier),
        story: person.story,
    }
}

fn page(out: &mut impl Write, document: &Document) -> anyhow::Result<()> {
    writeln!(
        out,
        "{BOLD}A private internet is up.{BOLD:#} End it with Ctrl-C.\n"
    )?;
    for (what, value) in [
        ("relays", document.relays.join("  ")),
        (
            "gateway",
            format!(
                "{} at https://{}",
                document.gateway, document.gateway_address
            ),
        ),
        ("resolver", format!("{}, UDP and TCP", document.resolver)),
        (
            "files",
            format!(
                "{} (root.key, ca.pem, client.toml, zones/, ...)",
                document.directory.display()
            ),
        ),
    ] {
        writeln!(out, "    {DIM}{what:<10}{DIM:#}{value}")?;
    }
    writeln!(out, "\n{BOLD}In another terminal{BOLD:#}")?;
    for line in &document.preparation {
        writeln!(out, "    {line}")?;
    }
    for Line { command, story } in &document.commands {
        writeln!(out, "    {command:<50}{DIM}# {story}{DIM:#}")?;
    }
    Ok(())
}

/// What a shell needs to be told once: which configuration, and where the command is.
fn preparation(config: &Path) -> Vec<String> {
    let mut lines = vec![format!("export SOTTO_CONFIG={}", config.display())];
    let beside = std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.parent()?.to_owned()));
    match beside.filter(|folder| folder.join("sotto").exists()) {
        Some(folder) => lines.push(format!("export PATH=\"{}:$PATH\"", folder.display())),
        None => lines.push("alias sotto='cargo run --quiet --release --bin sotto --'".to_owned()),
    }
    lines
}
