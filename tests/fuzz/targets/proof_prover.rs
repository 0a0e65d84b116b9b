//! The parser of DNS messages, and the prover driven by a resolver that says anything.
//!
//! Asserted: a parsed response is of class IN and survives the codec; a prover asks no question twice and no more
//! than its limit, awaits what it says it awaits, and ends; its proof is what was
//! answered, within the limits, the same in whatever order the responses come, and costs its verifier no more than allowed.

#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use sotto_fuzz::vectors::{VECTORS, Vector};
use sotto_fuzz::{Input, alter};
use sotto_proof::message::{self, Response, rcode};
use sotto_proof::rdata::Rrsig;
use sotto_proof::{
    CLASS_IN, Limits, Name, Progress, Proof, ProveError, Prover, ProverLimits, Question, Record,
    RecordType, decode, encode, verify,
};

/// The identifier of every query.
const ID: u16 = 0x5107;

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    let vector = input.pick(&VECTORS);
    match input.u8() % 4 {
        0 => {
            parse(input.rest(), &vector.question);
        }
        1 => {
            let counts = [input.u8(), input.u8(), input.u8()];
            let flags = input.u16();
            let message = headed(&vector.question, flags, counts, input.rest());
            parse(&message, &vector.question);
        }
        _ => prove(&mut input, vector),
    }
});

/// Parses a message, and asserts what holds for every response.
fn parse(octets: &[u8], question: &Question) -> Option<Response> {
    let response = match message::parse(octets, ID, question) {
        Ok(response) => response,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    assert!(response.rcode < 0x1000);
    for section in [&response.answer, &response.authority] {
        assert!(!response.truncated || section.is_empty());
        assert!(section.iter().all(|record| record.class == CLASS_IN));
        // Decompressed, a section may exceed the limits of a proof; each of its records does not.
        for record in section {
            let octets = encode(std::slice::from_ref(record));
            if octets.len() <= Limits::default().bytes {
                let decoded = decode(&octets, &Limits::default());
                assert_eq!(decoded.as_deref(), Ok(std::slice::from_ref(record)));
            }
        }
    }
    Some(response)
}

/// A message that answers `question`, with any flags and counts, and any octets for its records.
fn headed(question: &Question, flags: u16, counts: [u8; 3], records: &[u8]) -> Vec<u8> {
    let mut octets = message::query(ID, question, 1_232);
    // The query's own OPT record, 11 octets, gives way.
    octets.truncate(octets.len() - 11);
    octets[2..4].copy_from_slice(&(flags | 0x8000).to_be_bytes());
    for (at, count) in [6, 8, 10].into_iter().zip(counts) {
        octets[at..at + 2].copy_from_slice(&u16::from(count).to_be_bytes());
    }
    octets.extend_from_slice(records);
    octets
}

/// Proves, twice, by a resolver that answers each question once and for all.
fn prove(input: &mut Input<'_>, vector: &Vector) {
    let question = match input.u8() % 4 {
        0 => Question {
            name: name(input, vector),
            rtype: RecordType(input.u16()),
        },
        _ => vector.question.clone(),
    };
    let limits = match input.u8() {
        0..=0xdf => ProverLimits::default(),
        _ => ProverLimits {
            questions: usize::from(input.u8() % 16),
            aliases: usize::from(input.u8() % 4),
            records: usize::from(input.u8()),
            bytes: usize::from(input.u16()),
            ..ProverLimits::default()
        },
    };
    let mut known = HashMap::new();
    let forward = run(&question, limits, false, |asked| {
        known
            .entry(asked.clone())
            .or_insert_with(|| answer(input, vector, asked))
            .clone()
    });
    let backward = run(&question, limits, true, |asked| {
        known
            .entry(asked.clone())
            .or_insert_with(|| answer(input, vector, asked))
            .clone()
    });
    if let (Ok(forward), Ok(backward)) = (&forward, &backward) {
        assert_eq!(forward, backward, "the order of responses means nothing");
    }
    let Ok(proof) = forward else { return };
    for record in proof.records() {
        let answered = known
            .values()
            .flat_map(|response| response.answer.iter().chain(&response.authority))
            .any(|known| known == record);
        assert!(answered, "{record:?} was never answered");
    }
    let bounds = Limits::default();
    let cost = verify(
        proof.as_bytes(),
        &question,
        &vector.anchors,
        vector.at,
        &bounds,
    )
    .cost;
    assert!(cost.signature_checks <= bounds.signature_checks);
    assert!(cost.nsec3_hashes <= bounds.nsec3_hashes);
}

/// Runs a prover to its end; the last question first, or the first first.
fn run(
    question: &Question,
    limits: ProverLimits,
    first_first: bool,
    mut answer: impl FnMut(&Question) -> Response,
) -> Result<Proof, ProveError> {
    let (mut prover, mut open) = Prover::start(question.clone(), limits);
    let mut asked = open.clone();
    loop {
        assert!(!open.is_empty(), "neither finished nor asking");
        let next = open.remove(if first_first { 0 } else { open.len() - 1 });
        match prover.respond(&next, &answer(&next))? {
            Progress::Ask(more) => {
                assert!(!more.is_empty());
                for question in &more {
                    assert!(!asked.contains(question), "{question} is asked twice");
                    asked.push(question.clone());
                }
                assert!(asked.len() <= limits.questions);
                open.extend(more);
            }
            Progress::Wait => {}
            Progress::Done(proof) => {
                assert!(open.is_empty(), "finished with {open:?} open");
                assert!(proof.records().len() <= limits.records);
                assert!(proof.as_bytes().len() <= limits.bytes);
                let decoded = decode(proof.as_bytes(), &Limits::default());
                assert_eq!(decoded.as_deref(), Ok(proof.records()));
                return Ok(proof);
            }
        }
    }
}

/// What the resolver says: what the vector has for the question, with additions and omissions, or octets.
fn answer(input: &mut Input<'_>, vector: &Vector, asked: &Question) -> Response {
    let mut response = honest(vector, asked);
    if input.is_empty() {
        return response;
    }
    match input.u8() % 16 {
        0 => {
            let counts = [input.u8(), input.u8(), input.u8()];
            let flags = input.u16();
            let message = headed(asked, flags, counts, input.long());
            if let Some(parsed) = parse(&message, asked) {
                return parsed;
            }
        }
        1 => response.rcode = input.u16() & 0x0fff,
        2 => response.truncated = true,
        3 => response.rcode = rcode::NXDOMAIN,
        _ => {}
    }
    for _ in 0..input.u8() % 8 {
        let section = match input.bool() {
            true => &mut response.answer,
            false => &mut response.authority,
        };
        match input.u8() % 4 {
            0 if !section.is_empty() => drop(section.remove(input.below(section.len()))),
            1 if !section.is_empty() => {
                let record = section[input.below(section.len())].clone();
                section.push(record);
            }
            2 => section.push(input.pick(&vector.records).clone()),
            _ => section.extend(made(input, vector, asked)),
        }
    }
    response
}

/// What the vector's records answer or deny.
fn honest(vector: &Vector, asked: &Question) -> Response {
    let is_covering = |record: &Record, rtype| {
        Rrsig::parse(&record.rdata)
            .is_some_and(|rrsig| record.rtype == RecordType::RRSIG && rrsig.covered == rtype)
    };
    let of = |rtype: RecordType| {
        vector
            .records
            .iter()
            .filter(move |record| record.rtype == rtype || is_covering(record, rtype))
    };
    let answer: Vec<Record> = [asked.rtype, RecordType::CNAME, RecordType::DNAME]
        .into_iter()
        .flat_map(of)
        .filter(|record| asked.name.is_at_or_below(&record.owner))
        .cloned()
        .collect();
    let authority = [RecordType::SOA, RecordType::NSEC, RecordType::NSEC3]
        .into_iter()
        .flat_map(of)
        .cloned()
        .collect();
    Response {
        rcode: rcode::NOERROR,
        truncated: false,
        answer,
        authority,
    }
}

/// An RRset that nobody signed, with an RRSIG that says somebody did, perhaps.
fn made(input: &mut Input<'_>, vector: &Vector, asked: &Question) -> Vec<Record> {
    let owner = match input.u8() % 4 {
        0 => name(input, vector),
        1 => asked.name.parent().unwrap_or(Name::root()),
        _ => asked.name.clone(),
    };
    let target = name(input, vector);
    let rtype = match input.u8() % 8 {
        0 => RecordType::CNAME,
        1 => RecordType::DNAME,
        2 => RecordType::DS,
        3 => RecordType::DNSKEY,
        4 => RecordType::NSEC,
        5 => RecordType::SOA,
        6 => RecordType::NSEC3,
        _ => asked.rtype,
    };
    let tail = input.short();
    let rdata = match rtype {
        RecordType::CNAME | RecordType::DNAME => target.as_wire().to_vec(),
        RecordType::NSEC => [target.as_wire(), tail].concat(),
        RecordType::SOA => [target.as_wire(), target.as_wire(), &[0; 20]].concat(),
        _ => tail.to_vec(),
    };
    let record = |rtype, rdata: Vec<u8>| Record {
        owner: owner.clone(),
        rtype,
        class: CLASS_IN,
        ttl: 300,
        rdata: rdata.into(),
    };
    let mut records = vec![record(rtype, rdata)];
    if input.bool() {
        let labels = input.u8() % 16;
        let signer = match input.u8() % 4 {
            0 => name(input, vector),
            up => owner.ancestor(owner.label_count().saturating_sub(usize::from(up) - 1)),
        };
        let mut rdata = rtype.0.to_be_bytes().to_vec();
        rdata.extend([13, labels]);
        rdata.extend([0; 12]);
        rdata.extend(input.u16().to_be_bytes());
        rdata.extend_from_slice(signer.as_wire());
        rdata.extend([7; 8]);
        records.push(record(RecordType::RRSIG, rdata));
    }
    // Only what a response could carry: names in RDATA that are names.
    records
        .retain(|record| decode(&encode(std::slice::from_ref(record)), &Limits::default()).is_ok());
    records
}

/// A name of the vector, one close to it, or any.
fn name(input: &mut Input<'_>, vector: &Vector) -> Name {
    let known = input.pick(&vector.records).owner.clone();
    match input.u8() % 4 {
        0 => known.parent().unwrap_or(known),
        1 => known.prepend(input.short()).unwrap_or(known),
        2 => {
            let wire = alter::octets(known.as_wire(), input);
            Name::from_wire(&wire).unwrap_or(known)
        }
        _ => known,
    }
}
