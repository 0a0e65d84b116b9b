//! What `sotto-lab load` loads when it is given no target: a gateway in a process and on a core of its own, over a private internet.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use sotto_gateway::Gateway;
use sotto_mimi::RecordForm;
use sotto_world::dns::{name, rdata};
use sotto_world::plan::rtype_of;
use sotto_world::{GATEWAY_HOST, GATEWAY_OPERATOR, Options, RELAY_OPERATORS, World};

use super::process::{cores, pin_all, pin_thread};
use crate::start;

/// Below this name every name has a record: a wildcard, so that there are as many as wanted.
const LOADED_NAMES: &str = "_load._mimi.example.test.";

/// Octets that one proof of the private internet takes in the gateway's cache at most, with what is kept beside it.
const PROOF_OCTETS: u64 = 8_192;

/// Octets of the smallest cache, which is the default one.
const CACHE_OCTETS: u64 = 256 << 20;

/// Connections beside the idle ones: those that send, those of the operator, and some to spare.
const MORE_CONNECTIONS: u64 = 4_096;

/// Seconds that the proofs live, which are by a wildcard and live as its denials do: as long as other records of the private internet, so
/// that a million of them can be asked for before the first is old.
const PROOFS_LIVE: u32 = 3_600;

/// What the gateway's process says once it serves.
#[derive(Debug, Deserialize, Serialize)]
struct Serving {
    address: String,
    admin: Option<SocketAddr>,
}

/// Proofs that the gateway has sealed, by its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proofs {
    pub(crate) at_hand: u64,
    pub(crate) gathered: u64,
}

impl Proofs {
    /// Reads them from the text that Prometheus scrapes.
    fn read(text: &str) -> Result<Self> {
        let count = |from: &str| {
            let series = format!("sotto_gateway_proofs_total{{from=\"{from}\"}} ");
            text.lines()
                .find_map(|line| line.strip_prefix(&series)?.parse().ok())
                .with_context(|| format!("the gateway's metrics have no {series}"))
        };
        Ok(Self {
            at_hand: count("cache")?,
            gathered: count("resolver")?,
        })
    }
}

/// A private internet and the gateway that is to be loaded. Both end when it is dropped.
pub(crate) struct Rig {
    gateway: Child,
    world: World,
    admin: SocketAddr,
    pub(crate) url: String,
    /// The cores of the gateway and of all else; `None` where there are not enough.
    pub(crate) cores: Option<Cores>,
}

/// Who runs where.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cores {
    pub(crate) server: Vec<usize>,
    pub(crate) generator: Vec<usize>,
}

/// What the gateway is to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) answer_step_ms: u64,
    pub(crate) tls: bool,
    pub(crate) names: u64,
    pub(crate) idle_connections: u64,
}

impl Rig {
    /// Starts both.
    pub(crate) async fn start(wanted: Wanted) -> Result<Self> {
        let cores = match cores()?.split_first() {
            Some((first, rest)) if !rest.is_empty() => Some(Cores {
                server: vec![*first],
                generator: rest.to_vec(),
            }),
            _ => None,
        };
        if let Some(cores) = &cores {
            pin_all(&cores.generator)?;
        }
        let record = rdata::txt("v=MIMI1; p=10; a=load; e=mimi.harbour.test");
        let wildcard = name(&format!("*.{LOADED_NAMES}"))?;
        let world = start(Options {
            records: vec![(wildcard, rtype_of(RecordForm::Txt), record)],
            negative_ttl: Some(PROOFS_LIVE),
            ..Options::default()
        })
        .await?;
        let config = configuration(&world, wanted)?;
        let (gateway, serving) = {
            let server = cores.as_ref().map(|cores| cores.server.clone());
            thread::spawn(move || spawn(&config, server.as_deref()))
                .join()
                .map_err(|_| anyhow!("the gateway's process was not started"))??
        };
        let scheme = if wanted.tls { "https" } else { "http" };
        let address = serving.address;
        Ok(Self {
            gateway,
            world,
            admin: serving
                .admin
                .context("the gateway's process has no listener for its operator")?,
            url: format!("{scheme}://{address}{}", sotto_wire::path::GATEWAY),
            cores,
        })
    }

    /// The gateway's process.
    pub(crate) fn process(&self) -> u32 {
        self.gateway.id()
    }

    /// The proofs that the gateway has sealed until now.
    pub(crate) fn proofs(&self) -> Result<Proofs> {
        let mut stream = TcpStream::connect(self.admin).context("the gateway's metrics")?;
        let host = self.admin;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Proofs::read(&text)
    }

    /// The gateway's name in requests.
    pub(crate) fn authority(&self) -> &'static str {
        GATEWAY_HOST
    }

    /// The names to ask for.
    pub(crate) fn names(&self) -> String {
        format!("{{n}}.{LOADED_NAMES}")
    }

    /// The root's key.
    pub(crate) fn anchor(&self) -> &str {
        self.world.anchor_text()
    }

    /// The file of the token of a relay that the gateway admits.
    pub(crate) fn token_file(&self) -> PathBuf {
        token_file(self.world.directory())
    }

    /// The file of the certification authority that vouches for the gateway.
    pub(crate) fn ca(&self) -> PathBuf {
        self.world.directory().join("ca.pem")
    }

    /// Forgets what the world's parties noted: nobody asks them here, and a million lookups are a lot of notes.
    pub(crate) fn forget(&self) {
        let _ = self.world.take_views();
    }

    /// Ends both in order.
    pub(crate) async fn end(mut self) -> Result<()> {
        // The gateway ends with its standard input.
        drop(self.gateway.stdin.take());
        let ended = thread::scope(|scope| scope.spawn(|| self.gateway.wait()).join())
            .map_err(|_| anyhow!("the gateway's process cannot be waited for"))??;
        self.world.shutdown().await;
        ensure!(ended.success(), "the gateway's process ended with {ended}");
        Ok(())
    }
}

fn token_file(directory: &Path) -> PathBuf {
    directory.join(format!("{}.token", RELAY_OPERATORS[0]))
}

/// The configuration of the gateway: defaults, but for what the load itself asks for.
fn configuration(world: &World, wanted: Wanted) -> Result<PathBuf> {
    let directory = world.directory();
    let path = |file: &Path| toml::Value::String(file.display().to_string()).to_string();
    // Each gateway advances a state of its own.
    let state = directory.join("load.keys");
    fs::copy(directory.join("gateway.keys"), &state).context("the key state cannot be copied")?;
    let listen = if wanted.tls {
        format!(
            "tls = {{ certificate = {}, key = {} }}",
            path(&directory.join(format!("{GATEWAY_HOST}.crt"))),
            path(&directory.join(format!("{GATEWAY_HOST}.key")))
        )
    } else {
        "plain_http = true".to_owned()
    };
    let text = format!(
        "host = \"{GATEWAY_HOST}\"\noperator = \"{GATEWAY_OPERATOR}\"\n\
         [listen]\naddress = \"127.0.0.1:0\"\n{listen}\n[admin]\naddress = \"127.0.0.1:0\"\n[keys]\nstate = {}\n\
         [dns]\nresolver = \"{}\"\nanchor = {}\n\
         [[relay]]\nname = \"{}\"\ntoken_file = {}\n\
         [privacy]\nanswer_step_ms = {}\n[cache]\nmax_bytes = {}\n[limits]\nmax_connections = {}\n",
        path(&state),
        world.resolver_address(),
        path(&directory.join("root.key")),
        RELAY_OPERATORS[0],
        path(&token_file(directory)),
        wanted.answer_step_ms,
        (wanted.names * PROOF_OCTETS).max(CACHE_OCTETS),
        wanted.idle_connections + MORE_CONNECTIONS,
    );
    let file = directory.join("load.toml");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Starts this program again as the gateway, on `cores`, and waits until it serves.
fn spawn(config: &Path, cores: Option<&[usize]>) -> Result<(Child, Serving)> {
    // The process inherits the cores of the thread that starts it, which is for this alone.
    if let Some(cores) = cores {
        pin_thread(cores)?;
    }
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let mut child = Command::new(program)
        .arg("gateway")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("the gateway's process does not start")?;
    let mut line = String::new();
    let said = child
        .stdout
        .as_mut()
        .map(|out| BufReader::new(out).read_line(&mut line));
    said.transpose()?;
    let serving: Serving = serde_json::from_str(&line)
        .map_err(|_| anyhow!("the gateway's process does not serve; what it says is above"))?;
    Ok((child, serving))
}

/// Runs the gateway of `config` until standard input ends, which it does when whoever started this is gone.
pub(crate) async fn serve(config: &Path) -> Result<ExitCode> {
    let config = sotto_gateway::Config::load(config)?;
    let running = Gateway::start(config, None).await?;
    running.ready().await;
    let serving = Serving {
        address: running.address.to_string(),
        admin: running.admin,
    };
    let mut out = anstream::AutoStream::never(std::io::stdout());
    serde_json::to_writer(&mut out, &serving).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    let ended = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(ended).await??;
    running.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_read_from_metrics() {
        let text = "# TYPE sotto_gateway_proofs_total counter\r\n\
                    sotto_gateway_proofs_total{from=\"cache\"} 999\n\
                    sotto_gateway_proofs_total{from=\"resolver\"} 1\n";
        let proofs = Proofs::read(text).unwrap();
        assert_eq!((proofs.at_hand, proofs.gathered), (999, 1));
        let error = Proofs::read("").unwrap_err();
        assert!(format!("{error}").contains("sotto_gateway_proofs_total"));
    }
}
