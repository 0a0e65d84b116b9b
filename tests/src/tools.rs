//! Programs of other projects: found, or missed with the remedy; run, or failed with their words.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// Where Debian keeps daemons, which an ordinary user's PATH lacks.
const DAEMON_DIRECTORIES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// The Debian package of each program.
const PACKAGES: [(&str, &str); 19] = [
    ("delv", "bind9-dnsutils"),
    ("dig", "bind9-dnsutils"),
    ("dnssec-dsfromkey", "bind9-utils"),
    ("dnssec-keygen", "bind9-utils"),
    ("dnssec-signzone", "bind9-utils"),
    ("keymgr", "knot"),
    ("knotc", "knot"),
    ("knotd", "knot"),
    ("kzonecheck", "knot-dnssecutils"),
    ("ldns-signzone", "ldnsutils"),
    ("named", "bind9"),
    ("named-checkzone", "bind9-utils"),
    ("nsd", "nsd"),
    ("nsd-checkzone", "nsd"),
    ("pdns_server", "pdns-server"),
    ("pdnsutil", "pdns-server"),
    ("python3", "python3"),
    ("unbound", "unbound"),
    ("unbound-control", "unbound"),
];

/// Writes a file that nobody else may read, as our servers want their secrets.
///
/// # Errors
///
/// What the system says.
pub fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The path of a program, which may be given as a path already.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(DAEMON_DIRECTORIES.iter().map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
        .with_context(|| {
            let package = PACKAGES.iter().find(|(name, _)| *name == program);
            let package = package.map_or(program, |(_, package)| package);
            format!(
                "{program} is not installed; `apt install {package}` or scripts/test provides it"
            )
        })
}

/// Runs a program in `directory` to its end and gives its standard output.
pub(crate) fn run<S: AsRef<str>>(
    program: &str,
    directory: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String> {
    let arguments: Vec<String> = arguments
        .into_iter()
        .map(|argument| argument.as_ref().to_owned())
        .collect();
    let output = output(program, directory, &arguments)?;
    if !output.status.success() {
        let line = arguments.join(" ");
        bail!(
            "`{program} {line}` ended with {}\n{}",
            output.status,
            said(&output)
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} does not write UTF-8"))
}

/// Runs a program to its end and gives all that it wrote, however it ended.
pub(crate) fn hear(program: &str, arguments: &[&str]) -> Result<String> {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    Ok(said(&output(program, Path::new("/"), &arguments)?))
}

fn output(program: &str, directory: &Path, arguments: &[String]) -> Result<Output> {
    Command::new(find(program)?)
        .args(arguments)
        .current_dir(directory)
        .output()
        .with_context(|| format!("{program} cannot be run"))
}

fn said(output: &Output) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
