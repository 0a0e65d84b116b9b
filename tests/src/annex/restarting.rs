//! A server that ends and begins again, at one address and with one configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sotto_world::World;
use tempfile::TempDir;

use super::{Carrier, Draft, get, text};
use crate::{binaries, ports};

/// How long a server may take until it is ready: [`ATTEMPTS`] times [`PAUSE`].
const ATTEMPTS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// How long a gateway waits for its resolver.
const PATIENCE_MS: i64 = 2_000;

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is asked to, and finishes what it has in hand.
    Drained,
    /// It is killed.
    Killed,
}

/// A process of ours that can be restarted.
#[derive(Debug)]
pub struct Restarting {
    /// Where it listens.
    pub address: SocketAddr,
    admin: SocketAddr,
    program: &'static str,
    file: PathBuf,
    child: Child,
    _directory: TempDir,
}

impl Restarting {
    /// `sotto-gateway` with the world's keys.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub fn gateway(world: &World, carrier: Carrier) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let state = directory.path().join("gateway.keys");
        let mut draft = Draft::gateway(world, carrier, world.resolver_address(), &state)?;
        draft.set("dns", "timeout_ms", PATIENCE_MS);
        Self::start("sotto-gateway", draft, directory)
    }

    /// `sotto-relay` in front of `gateway`.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub fn relay(world: &World, carrier: Carrier, gateway: SocketAddr) -> Result<Self> {
        let draft = Draft::relay(world, carrier, gateway)?;
        Self::start("sotto-relay", draft, tempfile::tempdir()?)
    }

    fn start(program: &'static str, mut draft: Draft, directory: TempDir) -> Result<Self> {
        let (address, admin) = (ports::free()?, ports::free()?);
        draft.listen(&address.to_string());
        draft.set("admin", "address", admin.to_string());
        let file = directory.path().join("config.toml");
        fs::write(&file, draft.0.to_string())?;
        let server = Self {
            address,
            admin,
            program,
            child: spawn(program, &file)?,
            file,
            _directory: directory,
        };
        server.wait()?;
        Ok(server)
    }

    /// Ends it and starts it again; returns when it serves.
    ///
    /// # Errors
    ///
    /// That it does not.
    pub fn restart(&mut self, end: End) -> Result<()> {
        match end {
            End::Drained => {
                let process = Pid::from_child(&self.child);
                kill_process(process, Signal::TERM).context("it cannot be told to end")?;
            }
            End::Killed => self.child.kill()?,
        }
        let status = self.child.wait()?;
        ensure!(
            status.success() == (end == End::Drained),
            "{} ended with {status}",
            self.program
        );
        self.child = spawn(self.program, &self.file)?;
        self.wait()
    }

    /// What it tells its operator in numbers, since it was started.
    ///
    /// # Errors
    ///
    /// That it does not.
    pub fn metrics(&self) -> Result<String> {
        get(self.admin, "/metrics")
    }

    fn wait(&self) -> Result<()> {
        for _ in 0..ATTEMPTS {
            if get(self.admin, "/readyz").is_ok() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        anyhow::bail!("{} is not ready", self.program)
    }
}

impl Drop for Restarting {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &str, file: &std::path::Path) -> Result<Child> {
    Command::new(binaries::find(program)?)
        .args(["serve", "--config", text(file)?])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{program} cannot be started"))
}
