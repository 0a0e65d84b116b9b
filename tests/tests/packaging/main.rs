//! What operators install, and the two guides that tell them how: units, sandbox, images, settings, alerts, each held to
//! the programs and to the tools that read it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

mod guides;
mod notify;
mod resolver;
mod sandbox;
mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Where Debian keeps tools of administrators, which an ordinary user's PATH lacks.
const ADMINISTRATORS: &str = "/usr/sbin";

/// The two servers.
const ROLES: [&str; 2] = ["gateway", "relay"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// A file of the repository.
#[track_caller]
fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The guide of a server's operator.
fn guide(role: &str) -> String {
    text(&format!("docs/operating-{role}.md"))
}

/// The binary of a server.
fn server(role: &str) -> String {
    let path = sotto_tests::binaries::find(&format!("sotto-{role}")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs a program, of the Debian package `package` if it is not ours.
fn run(program: &str, package: &str, arguments: &[&str]) -> Output {
    let beside = Path::new(ADMINISTRATORS).join(program);
    let found = if beside.is_file() {
        beside
    } else {
        program.into()
    };
    Command::new(found)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("{program}: {error}; `apt install {package}` or scripts/test provides it")
        })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What stands fenced behind `info` in a guide.
fn fenced(guide: &str, info: &str) -> Vec<String> {
    guide
        .split(&format!("\n```{info}\n"))
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap().to_owned())
        .collect()
}

/// A server's machine, below a folder: the files that a configuration names, with its paths turned there.
struct Machine {
    folder: TempDir,
    config: String,
}

impl Machine {
    fn of(role: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        let config = config
            .replace("/etc/sotto", place)
            .replace("/var/lib/sotto", place);
        let path = format!("{place}/{role}.toml");
        fs::write(&path, &config).unwrap();

        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(format!("{place}/{role}.crt"), pair.cert.pem()).unwrap();
        let key = Path::new(place).join(format!("{role}.key"));
        sotto_tests::tools::write_secret(&key, &pair.signing_key.serialize_pem()).unwrap();
        for quoted in config
            .split('"')
            .filter(|quoted| quoted.ends_with(".token"))
        {
            sotto_tests::tools::write_secret(Path::new(quoted), &"5".repeat(64)).unwrap();
        }
        if role == "gateway" {
            let made = run(&server(role), "", &["keys", "init", "--config", &path]);
            assert!(made.status.success(), "{}", said(&made));
        }
        Self {
            folder,
            config: path,
        }
    }
}
