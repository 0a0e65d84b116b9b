//! A machine of an operator's, with the gateway's program on it.

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use serde_json::Value;

use crate::support::{TOKEN, write_token};

/// A directory with a configuration by the machine's own clock, and nothing else yet.
pub(crate) struct Machine(pub(crate) tempfile::TempDir);

impl Machine {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let config = format!(
            "host = \"gateway.test\"\noperator = \"operator.test\"\n\
             [listen]\naddress = \"127.0.0.1:0\"\nplain_http = true\n\
             [keys]\nstate = \"{}\"\n\
             [dns]\nresolver = \"127.0.0.1:1\"\ntimeout_ms = 2000\n\
             [[relay]]\nname = \"relay-one\"\ntoken_file = \"{}\"\n",
            at("state"),
            at("token"),
        );
        fs::write(at("gateway.toml"), config).unwrap();
        write_token(&directory.path().join("token"), TOKEN);
        Self(directory)
    }

    /// A file of its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes the configuration anew, with `from` replaced by `to`.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) {
        let file = self.path("gateway.toml");
        let config = fs::read_to_string(&file).unwrap();
        assert!(config.contains(from), "{config}");
        fs::write(file, config.replace(from, to)).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-gateway"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.0.path().join("gateway.toml"))
            .env_clear();
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs it with `input` at its standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // What refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts to serve, and waits for the line that tells the address.
    pub(crate) fn serve(&self) -> (Serving, SocketAddr) {
        let (serving, line) = Serving::start(self.command(&["serve"]));
        (serving, address_after("address=", &line))
    }

    /// [`Self::serve`] of a configuration with an operator's listener, whose address comes last.
    pub(crate) fn serve_with_admin(&self) -> (Serving, SocketAddr, SocketAddr) {
        let (serving, line) = Serving::start(self.command(&["serve"]));
        let admin = address_after("admin=Some(", &line);
        (serving, address_after("address=", &line), admin)
    }
}

/// The address that follows `words` in a line of the log.
fn address_after(words: &str, line: &str) -> SocketAddr {
    let (_, rest) = line.split_once(words).unwrap();
    let end = rest.find([' ', ')']).unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

impl Serving {
    /// Runs `command` until it tells its address; returns that line too.
    pub(crate) fn start(mut command: Command) -> (Self, String) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut serving = Self { child, log };
        let line = serving.says("address=");
        (serving, line)
    }

    /// Waits for a line of the log that holds `words`.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let mut lines = self.log.by_ref().map_while(Result::ok);
        lines
            .find(|line| line.contains(words))
            .unwrap_or_else(|| panic!("the gateway ended without saying {words:?}"))
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(told.success());
    }
}

/// A serving process; killed when dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
