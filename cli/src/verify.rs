//! `sotto verify`: a saved proof against a key, offline.

use std::fmt::Write;

use serde::Serialize;
use sotto_proof::{
    ClockHint, Limits, MAX_PROOF_BYTES, Question, RecordType, Verdict, Verification,
};

use crate::Output;
use crate::args::VerifyArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::{self, ExplanationObject, ReasonObject, RecordObject};
use crate::question::question;
use crate::terminal::{escape, time};
use crate::{clock, explain, files, svg};

/// What `--json` prints.
#[derive(Serialize)]
struct Verified {
    verdict: &'static str,
    reason: Option<ReasonObject>,
    records: Vec<RecordObject>,
    valid_from: Option<u64>,
    valid_until: Option<u64>,
    cache_ttl: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<ExplanationObject>,
}

/// Verifies the proof in a file, whatever octets it holds.
pub(crate) fn run(arguments: &VerifyArguments, json: bool) -> Result<Output, Failure> {
    let mimi_type = RecordType(arguments.mimi_type);
    let question = question(&arguments.name, &arguments.rtype, mimi_type)?;
    let now = arguments.at.unwrap_or_else(clock::now);
    let anchors = files::anchors(arguments.anchor.as_deref(), now)?;
    let proof = files::read("the proof", &arguments.file, MAX_PROOF_BYTES)?;
    let explanation = sotto_proof::explain(&proof, &question, &anchors, now, &Limits::default());
    let verification = &explanation.verification;
    if let Some(path) = &arguments.svg {
        files::write(
            "the picture",
            path,
            svg::draw(&explanation, None).as_bytes(),
        )?;
    }

    let text = if json {
        json::print(&Verified {
            verdict: json::verdict(&verification.verdict),
            reason: match &verification.verdict {
                Verdict::Insecure(reason) | Verdict::Bogus(reason) => Some(reason.into()),
                _ => None,
            },
            records: match &verification.verdict {
                Verdict::Secure(secure) => json::records(secure, mimi_type),
                _ => Vec::new(),
            },
            valid_from: verification.validity.map(|validity| validity.from),
            valid_until: verification.validity.map(|validity| validity.until),
            cache_ttl: verification.cache_ttl,
            chain: arguments.explain.then(|| json::chain(verification)),
            explanation: arguments.explain.then(|| (&explanation).into()),
        })
    } else {
        describe(verification, &question, mimi_type, now)
            + &if arguments.explain {
                explain::tree(&explanation)
            } else {
                String::new()
            }
    };
    Ok(Output {
        text,
        notes: Vec::new(),
        exit: match verification.verdict {
            Verdict::Secure(_) | Verdict::NoData | Verdict::NxDomain => Exit::Done,
            Verdict::Insecure(_) => Exit::Insecure,
            Verdict::Bogus(_) => Exit::Bogus,
        },
    })
}

/// The verification in words, as it was at `now`.
fn describe(
    verification: &Verification,
    question: &Question,
    mimi_type: RecordType,
    now: u64,
) -> String {
    let mut text = match &verification.verdict {
        Verdict::Secure(_) => format!("secure: {question}\n"),
        Verdict::NoData => format!(
            "nodata: {} has no {} records\n",
            question.name, question.rtype
        ),
        Verdict::NxDomain => format!("nxdomain: {} does not exist\n", question.name),
        Verdict::Insecure(reason) => format!("insecure: {reason}\n"),
        Verdict::Bogus(reason) => format!("bogus: {reason}\n"),
    };
    if let Verdict::Secure(secure) = &verification.verdict {
        text.push_str(&records(secure, mimi_type));
    }
    if let Some(hint) = verification.clock {
        let now = time(now);
        let disagreement = match hint {
            ClockHint::Behind { signed_from } => {
                format!("begins after {now}, the last on {}", time(signed_from))
            }
            ClockHint::Ahead { signed_until } => {
                format!("ended before {now}, the first on {}", time(signed_until))
            }
        };
        push_line(
            &mut text,
            &format!("Every signature {disagreement}: is the clock right?"),
        );
    }
    if let Some(vouched) = vouched(verification) {
        push_line(&mut text, &vouched);
    }
    text
}

/// The records of a proved RRset, a line each.
pub(crate) fn records(secure: &sotto_proof::Secure, mimi_type: RecordType) -> String {
    let mut text = String::new();
    for rdata in &secure.rdatas {
        let shown = json::text(secure.rtype, rdata, mimi_type).map_or_else(
            || format!("\\# {} {}", rdata.len(), hex::encode(rdata)),
            |text| escape(&text),
        );
        push_line(&mut text, &format!("  {shown}"));
    }
    text
}

/// Who vouches for a verdict, and until when; `None` for what nobody vouches for.
pub(crate) fn vouched(verification: &Verification) -> Option<String> {
    let validity = verification.validity?;
    let mut zones: Vec<String> = Vec::new();
    for link in &verification.chain {
        let zone = link.zone.to_string();
        if !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    Some(format!(
        "Vouched for by the keys of {} until {}",
        escape(&zones.join(" > ")),
        time(validity.until)
    ))
}

fn push_line(text: &mut String, line: &str) {
    // A String takes everything.
    let _ = writeln!(text, "{line}");
}
