//! What software that is not ours thinks of a name: delv, and Unbound by its AD bit.

use anyhow::{Context, Result, bail};

use crate::Hierarchy;
use crate::tools;

/// What an oracle says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Proved, absence included.
    Secure,
    /// Proved to be unsigned.
    Insecure,
    /// Broken.
    Bogus,
}

/// delv's opinion, which validates by itself from the root key.
///
/// # Errors
///
/// That delv is missing, or says what we do not understand.
pub fn delv(hierarchy: &Hierarchy, name: &str, rtype: &str) -> Result<Opinion> {
    let resolver = hierarchy.resolver();
    let (server, port) = (format!("@{}", resolver.ip()), resolver.port().to_string());
    let anchor = hierarchy.delv_anchor().display().to_string();
    let arguments = [
        server.as_str(),
        "-p",
        &port,
        "-a",
        &anchor,
        "+root=.",
        "-t",
        rtype,
        "-q",
        name,
    ];
    let said = tools::hear("delv", &arguments)?;
    // One answer per line of comment; an alias has one for each step, and the weakest counts.
    let lines = || said.lines().filter(|line| line.starts_with(';'));
    if said.contains("resolution failed") && !said.contains("resolution failed: ncache") {
        Ok(Opinion::Bogus)
    } else if lines().any(|line| line.contains("unsigned answer")) {
        Ok(Opinion::Insecure)
    } else if lines().any(|line| line.contains("fully validated")) {
        Ok(Opinion::Secure)
    } else {
        bail!("delv says of {name} {rtype}:\n{said}")
    }
}

/// Unbound's opinion: AD, no AD, or SERVFAIL.
///
/// # Errors
///
/// That dig is missing, or Unbound does not answer.
pub fn unbound(hierarchy: &Hierarchy, name: &str, rtype: &str) -> Result<Opinion> {
    let resolver = hierarchy.resolver();
    let (server, port) = (format!("@{}", resolver.ip()), resolver.port().to_string());
    let arguments = [
        server.as_str(),
        "-p",
        &port,
        "+dnssec",
        "+noall",
        "+comments",
        "+tries=1",
        "-t",
        rtype,
        "-q",
        name,
    ];
    let said = tools::hear("dig", &arguments)?;
    let header = said
        .lines()
        .find_map(|line| line.split_once("status: ").map(|(_, rest)| rest))
        .with_context(|| format!("dig says of {name} {rtype}:\n{said}"))?;
    let flags = said
        .lines()
        .find(|line| line.starts_with(";; flags:"))
        .unwrap_or_default();
    let flags = flags.split(';').nth(2).unwrap_or_default();
    Ok(match header.split(',').next() {
        Some("SERVFAIL") => Opinion::Bogus,
        _ if flags.split_whitespace().any(|flag| flag == "ad") => Opinion::Secure,
        _ => Opinion::Insecure,
    })
}
