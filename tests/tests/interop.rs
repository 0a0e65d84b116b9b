//! Software that shares no line with ours, end to end: nginx as the relay, a client in Python over OpenSSL, and
//! dnssec-prover as the validator.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dnssec_prover::ser::{parse_rr_stream, write_rr};
use dnssec_prover::validation::verify_rr_stream;
use serde_json::Value;
use sotto_client::mimi::RecordForm;
use sotto_envelope::KeyConfigList;
use sotto_proof::{Anchors, Limits, Question, Record, RecordType, Verdict, decode, verify};
use sotto_tests::nginx::Nginx;
use sotto_tests::raw::RawConnection;
use sotto_tests::sotto::{self, Outcome};
use sotto_tests::{GATEWAY_HOST, Hierarchy, Parties, now, offline};
use sotto_wire::{AnswerClass, path};
use sotto_world::people::{Expected, PEOPLE};
use sotto_world::plan;

/// Debian's Python: whichever else is installed may lack Debian's cryptography package.
const PYTHON: &str = "/usr/bin/python3";

/// What the gateway serves to relays at `path`.
fn from_gateway(path: &str) -> Vec<u8> {
    let parties = Parties::shared().unwrap();
    let gateway = parties.to_gateway().address();
    let mut connection = RawConnection::open(gateway, &parties.gateway_ca()).unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {GATEWAY_HOST}\r\nAuthorization: {}\r\n",
        parties.relay_credentials()
    );
    let response = connection.exchange(&head, &[]).unwrap();
    assert_eq!(response.status(), Some(200), "{}", response.head);
    response.body
}

/// Looks alice up through nginx; `keys` says where the gateway's keys come from.
fn through_nginx(nginx: &Nginx, keys: &[&str]) -> Outcome {
    let anchor = Hierarchy::shared().unwrap().anchor().display().to_string();
    let (relay, ca) = (nginx.resource(), nginx.ca().display().to_string());
    let common = [
        "lookup",
        "alice.nsec.test",
        "--json",
        "--relay",
        &relay,
        "--ca",
        &ca,
        "--gateway",
        GATEWAY_HOST,
        "--anchor",
        &anchor,
        "--relay-operator",
        "foreign-relay.test",
    ];
    sotto::run(&[&common, keys].concat()).unwrap()
}

#[track_caller]
fn expect(ran: &Outcome, code: i32, outcome: &str) -> Value {
    let report = ran.json().unwrap();
    assert_eq!(
        (ran.code, report["outcome"].as_str()),
        (code, Some(outcome)),
        "{ran:?}"
    );
    report
}

#[test]
fn nginx_can_be_the_relay_with_a_key_document_from_a_file() {
    let nginx = Nginx::before(Parties::shared().unwrap()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys");
    fs::write(&file, from_gateway(path::GATEWAY_KEYS)).unwrap();
    let file = file.display().to_string();
    let found = expect(
        &through_nginx(&nginx, &["--key-document", &file]),
        0,
        "found",
    );
    assert_eq!(found["private"], true, "{found}");
}

#[test]
fn nginx_can_be_the_relay_with_a_pinned_digest() {
    let nginx = Nginx::before(Parties::shared().unwrap()).unwrap();
    let list = KeyConfigList::parse(&from_gateway(path::GATEWAY)).unwrap();
    let digest: String = list
        .digest()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let operator = ["--gateway-operator", "gateway-operator.test"];
    let pinned = [&["--key-digest", &digest][..], &operator].concat();
    expect(&through_nginx(&nginx, &pinned), 0, "found");

    let zeros = "0".repeat(64);
    let wrong = [&["--key-digest", &zeros][..], &operator].concat();
    let refused = expect(&through_nginx(&nginx, &wrong), 8, "unavailable");
    assert_eq!(refused["reason"]["code"], "gateway_keys_unproved");

    // A relay that says nothing of itself may be the gateway's own operator, and a digest proves none.
    let unknown = through_nginx(&nginx, &["--key-digest", &digest]);
    let refused = expect(&unknown, 8, "unavailable");
    assert_eq!(refused["reason"]["code"], "operator_unknown");
}

#[test]
fn a_client_in_python_is_served_through_nginx() {
    let nginx = Nginx::before(Parties::shared().unwrap()).unwrap();
    let hierarchy = Hierarchy::shared().unwrap();
    let anchors = Anchors::parse(&fs::read_to_string(hierarchy.anchor()).unwrap()).unwrap();
    let ask = |target: &str| -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/client.py");
        let output = Command::new(PYTHON)
            .args([&script, Path::new(&nginx.resource()), &nginx.ca()])
            .args([GATEWAY_HOST, target])
            .output()
            .expect("`apt install python3 python3-cryptography` or scripts/test provides it");
        let errors = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"))
    };
    for name in ["_mimi.alice.nsec.test.", "_mimi.nobody.nsec3.test."] {
        let answer = ask(&format!("{}?d={name}&t=TXT", path::PROOF));
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["sealed"], AnswerClass::Base.bytes());
        let question = Question {
            name: name.parse().unwrap(),
            rtype: RecordType::TXT,
        };
        let proof = unhex(answer["content"].as_str().unwrap());
        let verdict = verify(&proof, &question, &anchors, now(), &Limits::default()).verdict;
        let exists = name.contains("alice");
        assert!(
            matches!(
                (&verdict, exists),
                (Verdict::Secure(_), true) | (Verdict::NxDomain, false)
            ),
            "{name}: {verdict:?}"
        );
    }
    let refused = ask(&format!("{}?d=nsec.test.&t=SOA", path::PROOF));
    assert_eq!(
        (&refused["status"], &refused["type"]),
        (&403.into(), &"application/problem+json".into())
    );
    assert_eq!(refused["sealed"], AnswerClass::Base.bytes());
}

#[test]
fn dnssec_prover_reads_every_positive_txt_proof_of_the_world() {
    let world = plan::build(now(), Vec::new()).unwrap();
    let mut read = 0;
    for person in PEOPLE {
        // It reads neither the private type nor a denial's SOA.
        let is_found = matches!(person.expected, Expected::Found(_));
        if !is_found || person.form != RecordForm::Txt {
            continue;
        }
        let owner = person.owner().unwrap();
        let proof = offline::prove(&world.internet, &owner, "TXT").unwrap();
        let ours = decode(&proof, &Limits::default()).unwrap();
        let theirs = parse_rr_stream(&proof).unwrap_or_else(|()| panic!("{owner}"));
        assert_eq!(wire(&theirs), sorted(ours), "{owner}");
        read += 1;
    }
    assert!(read >= 8, "{read}");
}

/// A proof that dnssec-prover ships with its tests, under the root that it has built in.
struct Shipped {
    file: PathBuf,
    name: String,
    rtype: String,
    at: u64,
    proof: Vec<u8>,
}

/// The shipped proofs that are of something, not of nothing, and that ought to verify.
fn shipped() -> Vec<Shipped> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/proof/tests/vectors");
    let mut shipped = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let (head, hex) = text.split_once("\n\n").unwrap();
        let field = |name: &str| {
            let value = |line: &str| Some(line.strip_prefix(name)?.trim().to_owned());
            head.lines().find_map(value).unwrap()
        };
        if field("anchor ") == "iana" && field("verdict ") == "secure" {
            shipped.push(Shipped {
                name: field("name "),
                rtype: field("type "),
                at: field("at ").parse().unwrap(),
                proof: unhex(&hex.split_whitespace().collect::<String>()),
                file,
            });
        }
    }
    shipped
}

#[test]
fn dnssec_prover_and_sotto_come_to_the_same_records_under_the_iana_root() {
    let shipped = shipped();
    assert!(shipped.len() >= 10, "{}", shipped.len());
    let directory = tempfile::tempdir().unwrap();
    for vector in shipped {
        let what = vector.file.display();
        let records = parse_rr_stream(&vector.proof).unwrap_or_else(|()| panic!("{what}"));
        let theirs = verify_rr_stream(&records).unwrap_or_else(|why| panic!("{what}: {why:?}"));
        assert!(
            theirs.valid_from <= vector.at && vector.at <= theirs.expires,
            "{what}"
        );

        let file = directory.path().join("proof");
        fs::write(&file, &vector.proof).unwrap();
        let (file, at) = (file.display().to_string(), vector.at.to_string());
        let ran = sotto::run(&[
            "verify",
            &file,
            "--name",
            &vector.name,
            "--type",
            &vector.rtype,
            "--at",
            &at,
            "--json",
        ])
        .unwrap();
        let ours = ran.json().unwrap();
        assert_eq!(
            (ran.code, ours["verdict"].as_str()),
            (0, Some("secure")),
            "{what}: {ran:?}"
        );
        assert!(
            ours["valid_until"].as_u64() >= Some(theirs.expires),
            "{what}"
        );
        let proved = wire(theirs.verified_rrs.iter().copied());
        let found = ours["records"].as_array().unwrap();
        assert!(!found.is_empty(), "{what}");
        for record in found {
            let rdata = unhex(record["rdata_hex"].as_str().unwrap());
            let rtype = record["type"].as_str().unwrap().parse().unwrap();
            assert!(
                proved
                    .iter()
                    .any(|proved| proved.rtype == rtype && *proved.rdata == rdata),
                "{what}: {record}"
            );
        }
    }
}

/// dnssec-prover's records in our form, without TTL, which it does not keep; in canonical order.
fn wire<'a>(records: impl IntoIterator<Item = &'a dnssec_prover::rr::RR>) -> Vec<Record> {
    let mut octets = Vec::new();
    for record in records {
        write_rr(record, 0, &mut octets);
    }
    sorted(decode(&octets, &Limits::default()).unwrap())
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        record.ttl = 0;
        record.owner = record.owner.to_lowercase();
    }
    records.sort_by(|a, b| (&a.owner, a.rtype.0, &a.rdata).cmp(&(&b.owner, b.rtype.0, &b.rdata)));
    records.dedup();
    records
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text
        .chars()
        .map(|digit| digit.to_digit(16).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
        .collect()
}
