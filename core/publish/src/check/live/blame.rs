//! Why nothing can be proved: what is missing at the registrar, and what breaks the chain.

use sotto_proof::rdata::Rrsig;
use sotto_proof::verify::Code as ProofCode;
use sotto_proof::{ClockHint, Name, Reason, Record, RecordType, Utc, Verification};

use super::super::keys::{ds_lines, is_sha1_only, rdatas};
use super::super::signatures::Times;
use super::super::{Code, Finding};
use super::Live;

impl Live<'_> {
    /// What breaks the chain.
    pub(super) fn bogus(
        &self,
        name: &Name,
        reason: &Reason,
        verification: &Verification,
        records: &[Record],
    ) -> Finding {
        let at = &reason.name;
        match reason.code {
            ProofCode::SignatureExpired | ProofCode::SignatureNotYetValid => {
                let (code, what) = if reason.code == ProofCode::SignatureExpired {
                    (Code::SignatureExpired, "have run out")
                } else {
                    (Code::SignatureNotYetValid, "are not valid yet")
                };
                let clock = match verification.clock {
                    Some(ClockHint::Ahead { signed_until }) => {
                        format!(
                            ", as has every other on the way: this clock says {}, the first ended on {}",
                            Utc(self.now),
                            Utc(signed_until)
                        )
                    }
                    Some(ClockHint::Behind { signed_from }) => {
                        format!(
                            ", as every other on the way: this clock says {}, the last begins on {}",
                            Utc(self.now),
                            Utc(signed_from)
                        )
                    }
                    None => times_of(records, at, self.now),
                };
                Finding::of(code, at, format!("the signatures {what}{clock}"))
            }
            ProofCode::NoMatchingKey => {
                let what = "the parent's DS records match none of the keys that the zone has";
                let keys = rdatas(records, at, RecordType::DNSKEY);
                Finding::of(Code::DsMatchesNoKey, at, what)
                    .with_type(RecordType::DS)
                    .with_lines(ds_lines(at, &keys))
            }
            _ => Finding::of(Code::ChainBroken, name, reason.to_string()),
        }
    }
}

/// Why nothing can be proved, and what is missing at the registrar.
pub(super) fn insecure(reason: &Reason, records: &[Record]) -> Finding {
    let at = &reason.name;
    let ds = rdatas(records, at, RecordType::DS);
    match reason.code {
        ProofCode::UnsupportedAlgorithm if is_sha1_only(&ds) => {
            let keys = rdatas(records, at, RecordType::DNSKEY);
            Finding::of(
                Code::DsSha1Only,
                at,
                "every DS record at the parent has digest type 1 (SHA-1)",
            )
            .with_type(RecordType::DS)
            .with_lines(ds_lines(at, &keys))
        }
        ProofCode::UnsupportedAlgorithm => Finding::of(
            Code::AlgorithmUnsupported,
            at,
            "no DS record at the parent has an algorithm and digest that clients support",
        )
        .with_type(RecordType::DS),
        ProofCode::TooManyIterations => {
            Finding::of(Code::TooManyIterations, at, reason.code.rule())
                .with_type(RecordType::NSEC3)
        }
        _ => match signed_below(at, records) {
            Some((zone, lines)) => {
                let what = format!(
                    "{zone} is signed, but its parent has no DS record for it: the step at the registrar is missing"
                );
                Finding::of(Code::DsMissing, &zone, what)
                    .with_type(RecordType::DS)
                    .with_lines(lines)
            }
            None if reason.code == ProofCode::OptOut => Finding::of(
                Code::Unsigned,
                at,
                "the registry does not know the domain as signed, if it exists at all",
            ),
            None => Finding::of(Code::Unsigned, at, "the domain is not signed"),
        },
    }
}

/// The zone at or below `cut` that has keys and signs with them, and the DS lines of its keys. Nothing of it is proved.
fn signed_below(cut: &Name, records: &[Record]) -> Option<(Name, Vec<String>)> {
    let mut signers: Vec<Name> = records
        .iter()
        .filter(|record| record.rtype == RecordType::RRSIG)
        .filter_map(|record| Some(Rrsig::parse(&record.rdata)?.signer))
        .filter(|signer| signer.is_at_or_below(cut))
        .collect();
    signers.sort();
    signers.into_iter().find_map(|zone| {
        let lines = ds_lines(&zone, &rdatas(records, &zone, RecordType::DNSKEY));
        (!lines.is_empty()).then_some((zone, lines))
    })
}

/// Between which times the signatures at `name` hold that do not hold now, in words.
fn times_of(records: &[Record], name: &Name, now: u64) -> String {
    let idle = records
        .iter()
        .filter(|record| record.rtype == RecordType::RRSIG && record.owner == *name)
        .filter_map(|record| Rrsig::parse(&record.rdata))
        .map(|rrsig| Times::around(rrsig.inception, rrsig.expiration, now))
        .find(|times| !(times.from..=times.until).contains(&now));
    match idle {
        Some(times) => format!(
            ": they hold from {} to {}",
            Utc(times.from),
            Utc(times.until)
        ),
        None => String::new(),
    }
}
