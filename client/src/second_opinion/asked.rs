//! Asking `dnssec-prover`, and knowing beforehand what it cannot read.

use std::collections::BTreeSet;

use dnssec_prover::MAX_PROOF_STEPS;
use dnssec_prover::rr::{Name as ProverName, RR};
use dnssec_prover::ser::{parse_rr_stream, write_rr};
use dnssec_prover::validation::verify_rr_stream;
use sotto_proof::{
    Anchors, CLASS_IN, Limits, Name, Question, Record, RecordType, Secure, Verdict, Verification,
    decode, encode,
};

use super::{Abstention, SecondOpinion};
use crate::outcome::Disagreement;

/// The types that `dnssec-prover` 0.6 parses; another one fails the whole.
const TYPES: [RecordType; 12] = [
    RecordType::A,
    RecordType::NS,
    RecordType::CNAME,
    RecordType::TXT,
    RecordType::AAAA,
    RecordType::DNAME,
    RecordType::DS,
    RecordType::RRSIG,
    RecordType::NSEC,
    RecordType::DNSKEY,
    RecordType::NSEC3,
    RecordType(52), // TLSA
];

/// The types that it uses as evidence, and so never returns.
const EVIDENCE: [RecordType; 5] = [
    RecordType::DS,
    RecordType::RRSIG,
    RecordType::NSEC,
    RecordType::DNSKEY,
    RecordType::NSEC3,
];

/// The types whose RDATA is a name, which it lower-cases.
const NAME_TYPES: [RecordType; 3] = [RecordType::NS, RecordType::CNAME, RecordType::DNAME];

/// The signature algorithms that it checks.
const ALGORITHMS: [u8; 4] = [8, 10, 13, 14];

/// Octets of the largest RSA modulus in its arithmetic, and of the largest exponent.
const RSA_MODULUS_MAX_BYTES: usize = 512;
const RSA_EXPONENT_MAX_BYTES: usize = 4;

/// Asks about what `verification` used.
pub(crate) fn ask(
    verification: &Verification,
    question: &Question,
    anchors: &Anchors,
    now: u64,
) -> SecondOpinion {
    let Verdict::Secure(secure) = &verification.verdict else {
        return SecondOpinion::Abstains(Abstention::NotSecure);
    };
    if let Err(why) = can_read(&verification.used, question, anchors) {
        return SecondOpinion::Abstains(why);
    }
    let Ok(records) = parse_rr_stream(&encode(&verification.used)) else {
        return SecondOpinion::Abstains(Abstention::Unreadable);
    };
    match compare(&records, question, secure, now) {
        Ok(()) => SecondOpinion::Agrees,
        Err(how) => SecondOpinion::Disagrees(how),
    }
}

/// Whether everything in `used` is of a kind that the other validator reads as we do.
fn can_read(used: &[Record], question: &Question, anchors: &Anchors) -> Result<(), Abstention> {
    if !anchors.is_iana() {
        return Err(Abstention::PrivateAnchors);
    }
    if EVIDENCE.contains(&question.rtype) {
        return Err(Abstention::Type(question.rtype));
    }
    if question.name.is_wildcard() {
        return Err(Abstention::Name);
    }
    let mut tags = BTreeSet::new();
    let mut signatures = 0;
    for record in used {
        if record.class != CLASS_IN || !TYPES.contains(&record.rtype) {
            return Err(Abstention::Type(record.rtype));
        }
        if !is_plain(&record.owner)
            || (record.owner.is_wildcard()
                && record.rtype != RecordType::NSEC
                && record.rtype != RecordType::RRSIG)
        {
            return Err(Abstention::Name);
        }
        let rdata = &*record.rdata;
        match record.rtype {
            RecordType::TXT if has_empty_string(rdata) => return Err(Abstention::EmptyString),
            rtype
                if NAME_TYPES.contains(&rtype)
                    && !Name::from_wire(rdata).is_ok_and(|name| is_plain(&name)) =>
            {
                return Err(Abstention::Name);
            }
            RecordType::RRSIG => {
                signatures += 1;
                // Type covered: 2 octets, then the algorithm (RFC 4034 section 3.1).
                let algorithm = rdata.get(2).copied().unwrap_or_default();
                if !ALGORITHMS.contains(&algorithm) {
                    return Err(Abstention::Algorithm(algorithm));
                }
                let signer = rdata.get(18..).and_then(|rest| Name::split_from(rest).ok());
                if !signer.is_some_and(|(signer, _)| is_plain(&signer)) {
                    return Err(Abstention::Name);
                }
            }
            RecordType::DNSKEY => {
                // Flags, protocol, algorithm, then the key (RFC 4034 section 2.1).
                let algorithm = rdata.get(3).copied().unwrap_or_default();
                if !tags.insert((record.owner.to_lowercase(), algorithm, key_tag(rdata))) {
                    return Err(Abstention::KeyTag);
                }
                if matches!(algorithm, 8 | 10)
                    && !is_readable_rsa(rdata.get(4..).unwrap_or_default())
                {
                    return Err(Abstention::RsaKey);
                }
            }
            // Hash algorithm, then the flags (RFC 5155 section 3.2).
            RecordType::NSEC3 if rdata.get(1) != Some(&0) => return Err(Abstention::OptOut),
            _ => {}
        }
    }
    // It counts one step for each zone and one for each signature but those over DNSKEY.
    if signatures > MAX_PROOF_STEPS {
        return Err(Abstention::TooManySignatures);
    }
    Ok(())
}

/// Lets the other validator work, and compares what it arrives at.
fn compare(
    records: &[RR],
    question: &Question,
    secure: &Secure,
    now: u64,
) -> Result<(), Disagreement> {
    let verified = verify_rr_stream(records).map_err(|_| Disagreement::Signatures)?;
    if now < verified.valid_from || now > verified.expires {
        return Err(Disagreement::Times);
    }
    let name =
        ProverName::try_from(question.name.to_string()).map_err(|()| Disagreement::Records)?;
    // It follows every alias, the one asked for too.
    let answers = if question.rtype == RecordType::CNAME {
        verified
            .verified_rrs
            .into_iter()
            .filter(|record| *record.name() == name)
            .collect()
    } else {
        verified.resolve_name(&name)
    };
    let mut octets = Vec::new();
    for record in answers {
        write_rr(record, 0, &mut octets);
    }
    let theirs: BTreeSet<_> = decode(&octets, &Limits::default())
        .map_err(|_| Disagreement::Records)?
        .into_iter()
        .filter(|record| record.rtype == question.rtype)
        .map(|record| normalised(record.rtype, &record.rdata))
        .collect();
    let ours: BTreeSet<_> = secure
        .rdatas
        .iter()
        .map(|rdata| normalised(question.rtype, rdata))
        .collect();
    if theirs == ours {
        Ok(())
    } else {
        Err(Disagreement::Records)
    }
}

fn normalised(rtype: RecordType, rdata: &[u8]) -> Vec<u8> {
    if NAME_TYPES.contains(&rtype) {
        rdata.to_ascii_lowercase()
    } else {
        rdata.to_vec()
    }
}

/// Whether a name has nothing but the characters that the other validator allows.
fn is_plain(name: &Name) -> bool {
    name.labels()
        .flatten()
        .all(|octet| octet.is_ascii_alphanumeric() || b"-_*".contains(octet))
}

fn has_empty_string(mut rdata: &[u8]) -> bool {
    while let Some((length, rest)) = rdata.split_first() {
        if *length == 0 {
            return true;
        }
        rdata = rest.get(usize::from(*length)..).unwrap_or_default();
    }
    false
}

/// The key tag of a DNSKEY RDATA (RFC 4034 appendix B).
fn key_tag(rdata: &[u8]) -> u16 {
    let sum: u32 = rdata
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default()))
        .sum();
    // The carry is added once; what remains above 16 bits is dropped.
    (sum.wrapping_add(sum >> 16) & 0xffff) as u16
}

/// Whether an RSA public key (RFC 3110 section 2) fits the other validator's arithmetic.
fn is_readable_rsa(key: &[u8]) -> bool {
    let (exponent_bytes, rest) = match key {
        [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return false,
    };
    let Some(modulus) = rest.get(exponent_bytes..) else {
        return false;
    };
    let is_odd = modulus.last().is_some_and(|octet| octet % 2 == 1);
    exponent_bytes <= RSA_EXPONENT_MAX_BYTES && modulus.len() <= RSA_MODULUS_MAX_BYTES && is_odd
}

#[cfg(test)]
mod tests;
