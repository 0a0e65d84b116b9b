//! `dnssec-prover`, which knows the IANA root and no other.

use dnssec_prover::rr::{Name, RR};
use dnssec_prover::ser::{parse_rr_stream, write_rr};
use dnssec_prover::validation::verify_rr_stream;
use sotto_proof::{Limits, Question, RecordType, decode};

use super::{Opinion, normalised};

/// What it says of a whole proof at a time in Unix seconds, which the crate leaves to its callers.
#[must_use]
pub fn opinion(proof: &[u8], question: &Question, at: u64) -> Opinion {
    let Ok(records) = parse_rr_stream(proof) else {
        return Opinion::Refused;
    };
    let Ok(verified) = verify_rr_stream(&records) else {
        return Opinion::Refused;
    };
    let Ok(name) = Name::try_from(question.name.to_string()) else {
        return Opinion::Refused;
    };
    if at < verified.valid_from || at > verified.expires {
        return Opinion::Refused;
    }
    // It follows every alias, the one asked for too.
    let answers = if matches!(question.rtype, RecordType::CNAME | RecordType::DNAME) {
        let at_name = |record: &&RR| record.name() == &name;
        verified.verified_rrs.into_iter().filter(at_name).collect()
    } else {
        verified.resolve_name(&name)
    };
    let mut octets = Vec::new();
    for record in answers {
        write_rr(record, 0, &mut octets);
    }
    let answers: std::collections::BTreeSet<_> = decode(&octets, &Limits::default())
        .unwrap_or_default()
        .into_iter()
        .filter(|record| record.rtype == question.rtype)
        .map(|record| normalised(record.rtype, &record.rdata))
        .collect();
    if answers.is_empty() {
        Opinion::NoRecords
    } else {
        Opinion::Secure(answers)
    }
}
