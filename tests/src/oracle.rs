//! What software that is not ours thinks of a name: delv, and Unbound by its AD bit.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use sotto_proof::Verdict;

use crate::Hierarchy;
use crate::tools;

/// What comes out of a question, in the words of all verifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Records, proved.
    Secure,
    /// The name is proved not to have the type.
    NoData,
    /// The name is proved not to exist.
    NxDomain,
    /// Proved to be unsigned, or to be signed in a way that does not count.
    Insecure,
    /// Broken: nothing comes out that could be believed.
    Bogus,
}

const WORDS: [(Opinion, &str); 5] = [
    (Opinion::Secure, "secure"),
    (Opinion::NoData, "nodata"),
    (Opinion::NxDomain, "nxdomain"),
    (Opinion::Insecure, "insecure"),
    (Opinion::Bogus, "bogus"),
];

impl fmt::Display for Opinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(opinion, _)| opinion == self);
        f.write_str(word.map_or("", |(_, word)| word))
    }
}

impl FromStr for Opinion {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let opinion = WORDS.iter().find(|(_, word)| *word == text);
        let (opinion, _) = opinion.with_context(|| format!("{text} is no verdict"))?;
        Ok(*opinion)
    }
}

impl From<&Verdict> for Opinion {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Secure(_) => Self::Secure,
            Verdict::NoData => Self::NoData,
            Verdict::NxDomain => Self::NxDomain,
            Verdict::Insecure(_) => Self::Insecure,
            Verdict::Bogus(_) => Self::Bogus,
        }
    }
}

/// Seconds that delv may take: for some broken names it never ends.
const PATIENCE: &str = "60";

/// delv's opinion, which validates by itself from the root key.
///
/// # Errors
///
/// That delv is missing, does not end, or says what we do not understand.
pub fn delv(hierarchy: &Hierarchy, name: &str, rtype: &str) -> Result<Opinion> {
    let resolver = hierarchy.resolver();
    let (server, port) = (format!("@{}", resolver.ip()), resolver.port().to_string());
    let anchor = hierarchy.delv_anchor().display().to_string();
    let delv = tools::find("delv")?.display().to_string();
    let arguments = [
        PATIENCE, &delv, &server, "-p", &port, "-a", &anchor, "+root=.", "-t", rtype, "-q", name,
    ];
    let said = tools::hear("timeout", &arguments)?;
    // One answer per line of comment; an alias has one for each step, and the weakest counts.
    let says = |words: &str| {
        let mut lines = said.lines().filter(|line| line.starts_with(';'));
        lines.any(|line| line.contains(words))
    };
    Ok(
        if says("resolution failed") && !says("resolution failed: ncache") {
            Opinion::Bogus
        } else if says("unsigned answer") {
            Opinion::Insecure
        } else if !says("fully validated") {
            bail!("delv says of {name} {rtype}:\n{said}")
        } else if says("ncache nxdomain") || says("-$NXDOMAIN") {
            Opinion::NxDomain
        } else if says("ncache nxrrset") || says("-$NXRRSET") {
            Opinion::NoData
        } else {
            Opinion::Secure
        },
    )
}

/// Unbound's opinion: SERVFAIL, no AD, or AD with what was found.
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
        "+answer",
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
    let has_records = said.lines().any(|line| {
        let mut fields = line.split_whitespace();
        !line.starts_with(';') && fields.nth(3).is_some_and(|field| field == rtype)
    });
    Ok(match header.split(',').next() {
        Some("SERVFAIL") => Opinion::Bogus,
        _ if !flags.split_whitespace().any(|flag| flag == "ad") => Opinion::Insecure,
        Some("NXDOMAIN") => Opinion::NxDomain,
        _ if has_records => Opinion::Secure,
        _ => Opinion::NoData,
    })
}
