//! Server processes that never outlive the test process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Runs the program until standard input ends, then removes the directory. Standard input is a pipe from
/// the test process, which the system closes even if that is killed; the traps let the keeper
/// clean up after an interrupt that reaches it first.
const KEEPER: &str = r#"
directory=$1; shift
trap : INT TERM HUP
"$@" &
server=$!
read -r _
kill "$server" 2>/dev/null
wait "$server"
rm -rf -- "$directory"
rmdir -- "$(dirname -- "$directory")" 2>/dev/null
"#;

/// How long a server may take to answer: [`READY_ATTEMPTS`] times [`READY_PAUSE`].
const READY_ATTEMPTS: u32 = 200;
const READY_PAUSE: Duration = Duration::from_millis(50);

/// A server process with a directory of its own.
#[derive(Debug)]
pub(crate) struct Service {
    program: String,
    log: PathBuf,
    keeper: Child,
}

impl Service {
    /// Starts `program` with its output in `directory`, which belongs to the service from now on.
    pub(crate) fn start(program: &Path, directory: &Path, arguments: &[&str]) -> Result<Self> {
        let log = directory.join("output.log");
        let output =
            File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(directory)
            .arg(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Self {
            program: program.display().to_string(),
            log,
            keeper,
        })
    }

    /// Waits until `answers` says so; after ten seconds, fails with what the server wrote.
    pub(crate) fn wait_until(&self, mut answers: impl FnMut() -> bool) -> Result<()> {
        for _ in 0..READY_ATTEMPTS {
            if answers() {
                return Ok(());
            }
            thread::sleep(READY_PAUSE);
        }
        bail!(
            "{} does not answer; it wrote:\n{}",
            self.program,
            self.output()
        )
    }

    /// All that the server has written to standard output and standard error.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // A keeper that cannot be waited for has ended already.
        let _ = self.keeper.wait();
    }
}
