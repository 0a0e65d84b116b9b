//! Verifies a proof that came as a file, from whomever.
//!
//! ```console
//! $ cargo run -p sotto-proof --example verify_file -- hugh.proof _mimi.example.com TXT
//! ```
//!
//! Nobody is asked: trust comes from the anchors alone, those of the IANA root unless `--anchors`
//! names a file, and time from `--at`, in Unix seconds, or the clock.

mod shared;

use std::fs;
use std::process::ExitCode;

use shared::{Arguments, Outcome, say};
use sotto_proof::{Limits, MAX_PROOF_BYTES, Question, Utc, Verdict, verify};

const USAGE: &str = "verify_file FILE NAME TYPE [--anchors FILE] [--at SECONDS]";

fn main() -> ExitCode {
    shared::command(USAGE, run)
}

/// Verifies, and says what the proof shows; true where it proves something.
pub(crate) fn run(line: Vec<String>, said: &mut String) -> Outcome<bool> {
    let arguments = Arguments::parse(line, &["--anchors", "--at"])?;
    let [file, name, rtype] = &arguments.words[..] else {
        return Err("a file, a name and a type are needed".into());
    };
    let question = Question {
        name: name.parse()?,
        rtype: rtype.parse()?,
    };
    let now = arguments.time()?;
    let anchors = arguments.anchors(now)?;
    let proof = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    if proof.len() > MAX_PROOF_BYTES {
        return Err(format!("{file} is no proof: they end at {MAX_PROOF_BYTES} octets").into());
    }

    let verification = verify(&proof, &question, &anchors, now, &Limits::default());
    match &verification.verdict {
        Verdict::Secure(found) => {
            say(said, format_args!("secure: {question}"));
            for alias in &found.aliases {
                say(said, format_args!("  by the alias {alias}"));
            }
            for rdata in &found.rdatas {
                say(said, format_args!("  {}", presentation(rdata)));
            }
        }
        Verdict::NoData => say(
            said,
            format_args!("proved: {} has no {}", question.name, question.rtype),
        ),
        Verdict::NxDomain => say(
            said,
            format_args!("proved: {} does not exist", question.name),
        ),
        Verdict::Insecure(reason) => say(said, format_args!("insecure: {reason}")),
        Verdict::Bogus(reason) => say(said, format_args!("bogus: {reason}")),
    }
    for link in &verification.chain {
        say(said, format_args!("  {link}"));
    }
    if let Some(validity) = verification.validity {
        say(said, format_args!("valid until {}", Utc(validity.until)));
    }
    if let Some(hint) = shared::clock(&verification, now) {
        say(said, hint);
    }
    Ok(matches!(
        verification.verdict,
        Verdict::Secure(_) | Verdict::NoData | Verdict::NxDomain
    ))
}

/// RDATA of any type as RFC 3597 section 5 writes it.
fn presentation(rdata: &[u8]) -> String {
    let digits: String = rdata.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("\\# {} {digits}", rdata.len())
}
