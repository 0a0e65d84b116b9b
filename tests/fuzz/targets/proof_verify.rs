//! Codec and verifier: arbitrary octets, and published proofs altered in every way.
//!
//! Asserted: what decodes encodes to the same octets; verdicts depend on the arguments alone, cost no more than
//! the limits, and carry something exactly if they are not `Bogus`; what was used suffices, was all in
//! the proof, and was signed by a zone of the vectors; an altered proof says what the honest one said, or nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_fuzz::vectors::{SIGNED, VECTORS, Vector};
use sotto_fuzz::{Input, alter};
use sotto_proof::{
    Anchors, CLASS_IN, Limits, Name, Question, Record, RecordType, Secure, Validity, Verdict,
    Verification, decode, encode, verify,
};

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    let mode = input.u8() % 4;
    let vector = input.pick(&VECTORS);
    let limits = limits(&mut input);
    let question = question(&mut input, vector);
    let now = time(&mut input, vector);
    let (proof, mixed) = match mode {
        0 => (input.rest().to_vec(), true),
        1 => (alter::octets(&vector.proof, &mut input), false),
        _ => records(&mut input, vector, mode == 3),
    };
    let verification = judge(&proof, &question, &vector.anchors, now, &limits);
    // Fewer iterations than a zone uses make it Insecure; every other limit makes things Bogus.
    let is_patient = limits.nsec3_iterations >= Limits::default().nsec3_iterations;
    if question == vector.question && !mixed && is_patient {
        says_the_same(verification, vector);
    }
});

/// The default limits, or tight ones.
fn limits(input: &mut Input<'_>) -> Limits {
    let default = Limits::default();
    match input.u8() {
        0..=0xef => default,
        _ => Limits {
            bytes: usize::from(input.u16()),
            records: usize::from(input.u8()),
            rrsigs_per_rrset: usize::from(input.u8() % 4),
            keys_per_tag: usize::from(input.u8() % 4),
            signature_checks: usize::from(input.u8() % 32),
            failed_checks: usize::from(input.u8() % 8),
            key_digests: usize::from(input.u8() % 8),
            zones: usize::from(input.u8() % 16),
            nsec3_lookups: usize::from(input.u8()),
            nsec3_hashes: usize::from(input.u8()),
            nsec3_iterations: input.u16(),
            aliases: usize::from(input.u8() % 4),
        },
    }
}

/// The vector's question, another vector's, one below or above it, or any.
fn question(input: &mut Input<'_>, vector: &Vector) -> Question {
    let Question { name, rtype } = vector.question.clone();
    match input.u8() % 8 {
        0..=3 => Question { name, rtype },
        4 => input.pick(&VECTORS).question.clone(),
        5 => Question {
            name,
            rtype: RecordType(input.u16()),
        },
        6 => Question {
            name: name.prepend(input.short()).unwrap_or(name),
            rtype,
        },
        _ => {
            let others = &input.pick(&VECTORS).records;
            let name = if others.is_empty() {
                Name::root()
            } else {
                input.pick(others).owner.clone()
            };
            Question { name, rtype }
        }
    }
}

fn time(input: &mut Input<'_>, vector: &Vector) -> u64 {
    match input.u8() {
        0..=0xdf => vector.at,
        0xe0..=0xef => vector.at.wrapping_add_signed(i64::from(input.u32() as i32)),
        _ => input.u64(),
    }
}

/// The vector's records, some left out, repeated, moved, changed or taken from other vectors; and whether any
/// were taken or made.
fn records(input: &mut Input<'_>, vector: &Vector, mix: bool) -> (Vec<u8>, bool) {
    let mut records = vector.records.clone();
    let mut mixed = false;
    for _ in 0..input.u8() % 16 {
        if records.is_empty() {
            break;
        }
        let at = input.below(records.len());
        match input.u8() % 8 {
            0 => drop(records.remove(at)),
            1 => records.push(records[at].clone()),
            2 => {
                let other = input.below(records.len());
                records.swap(at, other);
            }
            3 => records[at].ttl = input.u32(),
            4 => records[at].rdata = alter::octets(&records[at].rdata, input).into(),
            5 => {
                records[at].owner =
                    Name::from_wire(&alter::octets(records[at].owner.as_wire(), input))
                        .unwrap_or_else(|_| input.pick(&records).owner.clone());
            }
            6 if mix => {
                mixed = true;
                records.extend_from_slice(&input.pick(&VECTORS).records);
            }
            _ if mix => {
                mixed = true;
                let others = &input.pick(&VECTORS).records;
                records.push(input.pick(others).clone());
            }
            _ => {
                records[at].class = match input.u8() % 2 {
                    0 => CLASS_IN,
                    _ => input.u16(),
                }
            }
        }
    }
    for record in &mut records {
        record.rdata = record.rdata[..record.rdata.len().min(0xffff)].into();
    }
    (encode(&records), mixed)
}

/// Verifies, and asserts what holds for all octets.
fn judge(
    proof: &[u8],
    question: &Question,
    anchors: &Anchors,
    now: u64,
    limits: &Limits,
) -> Verification {
    let records = decode(proof, limits);
    if let Ok(records) = &records {
        assert_eq!(encode(records), proof, "what decodes encodes alike");
        assert!(records.len() <= limits.records && proof.len() <= limits.bytes);
    }
    let verification = verify(proof, question, anchors, now, limits);
    let cost = verification.cost;
    assert!(cost.signature_checks <= limits.signature_checks);
    assert!(cost.failed_checks <= limits.failed_checks.max(1));
    assert!(cost.failed_checks <= cost.signature_checks);
    assert!(cost.key_digests <= limits.key_digests);
    assert!(cost.nsec3_hashes <= limits.nsec3_hashes);
    assert!(cost.nsec3_lookups <= limits.nsec3_lookups && cost.zones <= limits.zones);
    for link in &verification.chain {
        let _ = link.to_string();
    }
    match &verification.verdict {
        Verdict::Bogus(reason) => {
            assert!(!reason.to_string().is_empty());
            assert_eq!(verification.validity, None);
            assert_eq!(verification.cache_ttl, None);
            assert_eq!(verification.leaf_inception, None);
            assert!(verification.chain.is_empty() && verification.used.is_empty());
        }
        _ => {
            let records = records.expect("only what decodes can be proved");
            holds(&verification, &records, question, now, limits);
            let again = encode(&verification.used);
            let again = verify(&again, question, anchors, now, limits);
            assert_eq!(
                again.verdict, verification.verdict,
                "what was used suffices"
            );
            assert_eq!(again.validity, verification.validity);
            assert!(again.cost.signature_checks <= cost.signature_checks);
        }
    }
    verification
}

/// Asserts what holds for every verdict that is not `Bogus`.
fn holds(
    verification: &Verification,
    records: &[Record],
    question: &Question,
    now: u64,
    limits: &Limits,
) {
    let Validity { from, until } = verification.validity.expect("proved for a time");
    assert!(from <= now && now <= until, "{from} {now} {until}");
    let kept = verification.cache_ttl.expect("proved for a time");
    assert!(now.saturating_add(kept.into()) <= until);
    assert!(verification.clock.is_none());
    assert!(!verification.chain.is_empty() && !verification.used.is_empty());
    for record in &verification.used {
        assert!(records.contains(record), "{record:?} was not in the proof");
        assert!(SIGNED.holds(record), "nobody signed {record:?}");
    }
    if let Verdict::Secure(secure) = &verification.verdict {
        let Secure {
            owner,
            rtype,
            rdatas,
            aliases,
            ..
        } = secure;
        assert_eq!(*rtype, question.rtype);
        assert_eq!(aliases.first().unwrap_or(owner), &question.name);
        assert!(aliases.len() <= limits.aliases);
        assert!(!rdatas.is_empty() && rdatas.is_sorted());
        assert!(!question.rtype.is_unprovable());
        for wildcard in &secure.wildcards {
            assert!(wildcard.is_wildcard());
        }
    }
}

/// Asserts that an altered proof says what the honest one says, or nothing.
fn says_the_same(verification: Verification, vector: &Vector) {
    match verification.verdict {
        Verdict::Bogus(_) => {}
        verdict => assert_eq!(signed_part(&verdict), signed_part(&vector.verdict)),
    }
}

/// The verdict without the TTL, which whoever passes a proof on may shorten.
fn signed_part(verdict: &Verdict) -> Verdict {
    match verdict.clone() {
        Verdict::Secure(secure) => Verdict::Secure(Secure { ttl: 0, ..secure }),
        other => other,
    }
}
