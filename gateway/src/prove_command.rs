//! `sotto-gateway prove`: gathers one proof from a resolver and writes it down, as it is.

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use sotto_daemon::{command, roots};
use sotto_proof::{Name, Proof, ProveError, Question, RecordType};
use tokio::time::timeout;

use crate::{
    answer::gather::{GatherError, gather},
    resolver::{Resolver, Upstream, server::Server, system_resolvers},
};

/// Gather the DNSSEC proof for one question and write it to a file.
///
/// The file is the sequence of resource records of RFC 9102, root keys first. Nothing is verified
/// here: `sotto verify` does that.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The owner name.
    pub name: Name,
    /// The type: a mnemonic, TYPEnnn, or MIMI for the private type.
    #[arg(value_name = "TYPE", value_parser = record_type)]
    pub rtype: RecordType,
    /// The recursive resolver, as ADDRESS, ADDRESS:PORT or tls://ADDRESS:PORT#NAME; the system's by default.
    #[arg(long, value_name = "ADDR")]
    pub resolver: Option<Server>,
    /// Where to write the proof; - for standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Milliseconds within which the proof must be gathered.
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub timeout_ms: u64,
}

/// Gathers the proof and writes it.
///
/// # Errors
///
/// That the resolver cannot be reached, fails, or says what makes no proof; that the file cannot
/// be written. Nothing is written unless the proof is whole.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let proof = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(gathered(&arguments))?;
    let output = &arguments.output;
    if output.as_os_str() == "-" {
        command::print(proof.as_bytes())?;
    } else {
        fs::write(output, proof.as_bytes())
            .with_context(|| format!("cannot write {}", output.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn gathered(arguments: &Arguments) -> anyhow::Result<Proof> {
    let servers = match &arguments.resolver {
        Some(server) => vec![server.clone()],
        None => system_resolvers()
            .context("cannot read /etc/resolv.conf; name a resolver with --resolver ADDR")?,
    };
    let asked = listed(&servers);
    let patience = Duration::from_millis(arguments.timeout_ms);
    let tls = if servers.iter().any(|server| server.tls.is_some()) {
        roots::client_config(None)?
    } else {
        roots::believes_nobody()
    };
    let resolver = Arc::new(Resolver::new(servers, patience, &tls));
    let fetch = |question: Question| {
        let resolver = Arc::clone(&resolver);
        async move { resolver.ask(&question).await.map(Arc::new) }
    };
    let question = Question {
        name: arguments.name.clone(),
        rtype: arguments.rtype,
    };
    match timeout(patience, gather(question, fetch)).await {
        Ok(Err(GatherError::Prove(ProveError::Refused { question, rcode }))) => bail!(
            "no proof from {asked}: it answered {} {} with {}; {}",
            question.name,
            question.rtype,
            mnemonic(rcode),
            remedy(rcode)
        ),
        Ok(gathered) => gathered.with_context(|| format!("no proof from {asked}")),
        Err(_) => bail!(
            "no proof from {asked} within {} ms; --timeout-ms allows more",
            arguments.timeout_ms
        ),
    }
}

/// A response code as people write it (the DNS RCODEs registry of RFC 6895 section 2.3).
fn mnemonic(rcode: u16) -> String {
    match rcode {
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        9 => "NOTAUTH".to_owned(),
        16 => "BADVERS".to_owned(),
        23 => "BADCOOKIE".to_owned(),
        other => format!("RCODE {other}"),
    }
}

/// What helps against a response code.
fn remedy(rcode: u16) -> &'static str {
    match rcode {
        2 => {
            "the domain's name servers do not answer, or the resolver found their answer bogus although it was asked not to judge: \
             ask another with --resolver ADDR"
        }
        5 | 9 => {
            "it does not serve this machine, or does not recurse: have it admit this machine, or ask another with --resolver ADDR"
        }
        _ => "it may not know EDNS or DNSSEC: ask another with --resolver ADDR",
    }
}

fn listed(servers: &[Server]) -> String {
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    format!("the resolver at {}", servers.join(", "))
}

fn record_type(text: &str) -> Result<RecordType, String> {
    if text.eq_ignore_ascii_case("MIMI") {
        return Ok(RecordType(sotto_mimi::DEFAULT_MIMI_TYPE));
    }
    text.parse()
        .map_err(|error: sotto_proof::record::RecordTypeError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_codes_have_their_names() {
        for (rcode, name) in [(2, "SERVFAIL"), (5, "REFUSED"), (3_841, "RCODE 3841")] {
            assert_eq!(mnemonic(rcode), name);
            assert!(remedy(rcode).contains("--resolver"));
        }
    }

    #[test]
    fn mimi_is_the_private_type() {
        assert_eq!(record_type("mimi"), Ok(RecordType(65_400)));
        assert_eq!(record_type("txt"), Ok(RecordType::TXT));
        assert!(record_type("NOPE").is_err());
    }
}
