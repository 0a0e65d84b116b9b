//! `sotto-lab serve`: the private internet, kept up for other processes.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anstream::AutoStream;
use anstyle::Style;
use anyhow::Context;
use serde::Serialize;
use sotto_mimi::{DEFAULT_MIMI_TYPE, RecordForm};
use sotto_world::{GATEWAY_HOST, Options, PHONE_ZONE, Person, RELAY_OPERATORS, World};

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
    let world = start(Options { directory, ..Options::default() }).await?;
    let directory = fs::canonicalize(world.directory()).context("the world's directory is gone")?;
    let config = directory.join("client.toml");
    fs::write(&config, client_toml(&world, &directory))
        .with_context(|| format!("cannot write {}", config.display()))?;
    world.export_zones(&directory.join("zones"))?;
    let document = Document {
        schema: 1,
        relays: (0..RELAY_OPERATORS.len()).map(|relay| world.relay_url(relay)).collect(),
        gateway: GATEWAY_HOST,
        gateway_address: world.gateway_address().to_string(),
        resolver: world.resolver_address().to_string(),
        commands: world.people().iter().map(|person| line(person, &config)).collect(),
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

/// The configuration of `sotto` in this world.
fn client_toml(world: &World, directory: &Path) -> String {
    format!(
        "# For sotto --config, while sotto-lab serve runs.\n\
         relay = [\"{}\", \"{}\"]\n\
         gateway = \"{GATEWAY_HOST}\"\n\
         anchor = \"root.key\"\n\
         ca = \"ca.pem\"\n\
         phone_zone = \"{PHONE_ZONE}\"\n\
         mimi_type = {DEFAULT_MIMI_TYPE}\n",
        world.relay_url(0),
        world.relay_url(1),
    )
    .replace("\"root.key\"", &format!("{:?}", directory.join("root.key").display().to_string()))
    .replace("\"ca.pem\"", &format!("{:?}", directory.join("ca.pem").display().to_string()))
}

fn line(person: &Person, config: &Path) -> Line {
    let form = match person.form {
        RecordForm::Txt => String::new(),
        RecordForm::Mimi => format!(" --type {}", form_name(person.form)),
    };
    Line {
        command: format!("sotto lookup {}{form} --config {}", person.identifier, config.display()),
        story: person.story,
    }
}

fn page(out: &mut impl Write, document: &Document) -> anyhow::Result<()> {
    writeln!(out, "{BOLD}A private internet is up.{BOLD:#} End it with Ctrl-C.\n")?;
    for (what, value) in [
        ("relays", document.relays.join("  ")),
        ("gateway", format!("{} at https://{}", document.gateway, document.gateway_address)),
        ("resolver", format!("{}, UDP and TCP", document.resolver)),
        ("files", format!("{} (root.key, ca.pem, client.toml, zones/, ...)", document.directory.display())),
    ] {
        writeln!(out, "    {DIM}{what:<10}{DIM:#}{value}")?;
    }
    writeln!(out, "\n{BOLD}In another terminal{BOLD:#}")?;
    writeln!(out, "    {DIM}export SOTTO_CONFIG={}{DIM:#}", document.config.display())?;
    for Line { command, story } in &document.commands {
        let (command, _) = command.split_once(" --config").unwrap_or((command, ""));
        writeln!(out, "    {command:<46}{DIM}# {story}{DIM:#}")?;
    }
    Ok(())
}
