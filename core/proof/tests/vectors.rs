//! Published proofs: RFC 9102 appendix A, and proofs under the IANA root that dnssec-prover's
//! tests ship. Each file says its question, time, trust anchor and verdict.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

#[path = "support/mutants.rs"]
mod mutants;

use std::path::Path;

use data_encoding::HEXLOWER;
use sotto_proof::{Anchors, Limits, Question, Verdict, verify};

struct Vector {
    question: Question,
    at: u64,
    anchors: Anchors,
    verdict: String,
    proof: Vec<u8>,
}

fn vectors() -> Vec<(String, Vector)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut vectors: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, read(&std::fs::read_to_string(path).unwrap()))
        })
        .collect();
    vectors.sort_by(|(left, _), (right, _)| left.cmp(right));
    vectors
}

fn read(text: &str) -> Vector {
    let (head, hex) = text.split_once("\n\n").unwrap();
    let field = |name: &str| {
        let prefix = format!("{name} ");
        head.lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap()
    };
    let anchors = match field("anchor") {
        "iana" => Anchors::iana(),
        text => Anchors::parse(text).unwrap(),
    };
    let hex: String = hex.split_ascii_whitespace().collect();
    Vector {
        question: Question {
            name: field("name").parse().unwrap(),
            rtype: field("type").parse().unwrap(),
        },
        at: field("at").parse().unwrap(),
        anchors,
        verdict: field("verdict").to_owned(),
        proof: HEXLOWER.decode(hex.as_bytes()).unwrap(),
    }
}

fn spelled(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Secure(_) => "secure".into(),
        Verdict::NoData => "nodata".into(),
        Verdict::NxDomain => "nxdomain".into(),
        Verdict::Insecure(reason) => format!("insecure {}", reason.code),
        Verdict::Bogus(reason) => format!("bogus {}", reason.code),
    }
}

#[test]
fn every_published_proof_gets_its_verdict() {
    let vectors = vectors();
    assert!(vectors.len() >= 29);
    for (
        file,
        Vector {
            question,
            at,
            anchors,
            verdict,
            proof,
        },
    ) in vectors
    {
        let verification = verify(&proof, &question, &anchors, at, &Limits::default());
        let found = spelled(&verification.verdict);
        assert_eq!(found, verdict, "{file}: {:?}", verification.verdict);
    }
}

#[test]
fn no_mutant_of_a_published_proof_deceives() {
    for (file, vector) in vectors() {
        // One proof each with NSEC, with NSEC3 and a wildcard, with opt-out, with compact denial, and
        // from the IANA root by RSA and P-256.
        let chosen = [
            "rfc9102-a3.txt",
            "rfc9102-a6.txt",
            "rfc9102-a8.txt",
            "iana-compact-denial.txt",
            "iana-txt.txt",
        ];
        if !chosen.contains(&&*file) {
            continue;
        }
        let Vector {
            question,
            at,
            anchors,
            proof,
            ..
        } = vector;
        let limits = Limits::default();
        mutants::assert_no_mutant_deceives(
            &proof,
            |octet| [1 << (octet % 8)],
            None,
            |octets| verify(octets, &question, &anchors, at, &limits),
        );
    }
}
