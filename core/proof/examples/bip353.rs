//! Reads payment instructions out of a proof, as BIP 353 has them: ₿user@domain.
//!
//! ```console
//! $ cargo run -p sotto-proof --example bip353 -- matt.proof matt@mattcorallo.com
//! ```
//!
//! The proof is one of `user.user._bitcoin-payment.domain` TXT, such as `prove_name` makes. Money goes
//! where it says, so nothing but a secure answer will do.

mod shared;

use std::fs;
use std::process::ExitCode;

use shared::{Arguments, Outcome, say};
use sotto_proof::{Limits, Question, RecordType, Secure, Verdict, verify};

const USAGE: &str = "bip353 FILE USER@DOMAIN [--anchors FILE] [--at SECONDS]";

/// What a TXT record with payment instructions begins with, in any case.
const SCHEME: &str = "bitcoin:";

fn main() -> ExitCode {
    shared::command(USAGE, run)
}

/// Prints the URI to pay to, or says why there is none; true where there is one.
pub(crate) fn run(line: Vec<String>, said: &mut String) -> Outcome<bool> {
    let arguments = Arguments::parse(line, &["--anchors", "--at"])?;
    let [file, address] = &arguments.words[..] else {
        return Err("a file and an address are needed".into());
    };
    let question = question(address)?;
    let now = arguments.time()?;
    let anchors = arguments.anchors(now)?;
    let proof = fs::read(file).map_err(|error| format!("{file}: {error}"))?;

    let verification = verify(&proof, &question, &anchors, now, &Limits::default());
    let why_not = match &verification.verdict {
        Verdict::Secure(found) => match instructions(found) {
            Ok(uri) => {
                say(said, uri);
                if let Some(seconds) = verification.cache_ttl {
                    say(said, format_args!("may be kept for {seconds} s"));
                }
                return Ok(true);
            }
            Err(why_not) => why_not.to_owned(),
        },
        Verdict::NoData | Verdict::NxDomain => {
            format!(
                "{address} publishes no payment instructions, which is proved: ask for an address"
            )
        }
        Verdict::Insecure(reason) => format!(
            "{address} cannot be paid this way, its domain is not signed where it would have to be: {reason}"
        ),
        Verdict::Bogus(reason) => {
            format!(
                "do not pay: the proof does not hold, so somebody may want to redirect the money: {reason}"
            )
        }
    };
    say(said, why_not);
    if let Some(hint) = shared::clock(&verification, now) {
        say(said, hint);
    }
    Ok(false)
}

/// The question for an address, with or without its ₿.
fn question(address: &str) -> Outcome<Question> {
    let bare = address.strip_prefix('₿').unwrap_or(address);
    let (user, domain) = bare
        .split_once('@')
        .filter(|(user, domain)| !user.is_empty() && !domain.is_empty())
        .ok_or(format!("{address} is no address: write user@domain"))?;
    Ok(Question {
        name: format!("{user}.user._bitcoin-payment.{domain}").parse()?,
        rtype: RecordType::TXT,
    })
}

/// The one record with payment instructions among the proved ones; others may stand beside it.
fn instructions(found: &Secure) -> Result<String, &'static str> {
    let texts = found.rdatas.iter().filter_map(|rdata| text(rdata));
    let mut uris = texts.filter(|text| {
        let scheme = text.get(..SCHEME.len());
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => Ok(uri),
        (None, _) => Err("the name has TXT records, but no payment instructions among them"),
        (Some(_), Some(_)) => Err(
            "the name has several payment instructions, and which one counts is not defined: tell its owner",
        ),
    }
}

/// The character-strings of a TXT record with nothing between them, if that is text.
fn text(mut rdata: &[u8]) -> Option<String> {
    let mut octets = Vec::new();
    while let Some((&length, rest)) = rdata.split_first() {
        let (string, rest) = rest.split_at_checked(usize::from(length))?;
        octets.extend_from_slice(string);
        rdata = rest;
    }
    String::from_utf8(octets).ok()
}
