//! Programs of other projects: found, or missed with the remedy; run, or failed with their words.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, iter};

use anyhow::{Context, Result, bail};

/// Where Debian keeps daemons, which an ordinary user's PATH lacks.
const DAEMON_DIRECTORIES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// The Debian package of each program.
const PACKAGES: [(&str, &str); 9] = [
    ("delv", "bind9-dnsutils"),
    ("dig", "bind9-dnsutils"),
    ("dnssec-dsfromkey", "bind9-utils"),
    ("dnssec-keygen", "bind9-utils"),
    ("dnssec-signzone", "bind9-utils"),
    ("knotd", "knot"),
    ("ldns-signzone", "ldnsutils"),
    ("nsd", "nsd"),
    ("unbound", "unbound"),
];

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
    let output = Command::new(find(program)?)
        .args(&arguments)
        .current_dir(directory)
        .output()
        .with_context(|| format!("{program} cannot be run"))?;
    if !output.status.success() {
        bail!("{}", complaint(program, &arguments, &output));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} does not write UTF-8"))
}

/// What a failed program said.
pub(crate) fn complaint(program: &str, arguments: &[String], output: &Output) -> String {
    let line: Vec<_> = iter::once(program)
        .chain(arguments.iter().map(String::as_str))
        .collect();
    format!(
        "`{}` ended with {}\n{}{}",
        line.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
