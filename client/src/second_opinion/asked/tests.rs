use std::path::Path;

use sotto_proof::verify;

use super::*;

struct Vector {
    question: Question,
    at: u64,
    proof: Vec<u8>,
}

/// The published proofs under the IANA root that the verifier's own tests read.
fn vectors() -> Vec<(String, Vector)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/proof/tests/vectors");
    let mut vectors = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, digits) = text.split_once("\n\n").unwrap();
        let field = |name: &str| {
            let prefix = format!("{name} ");
            head.lines()
                .find_map(|line| line.strip_prefix(&prefix))
                .unwrap()
        };
        if field("anchor") != "iana" {
            continue;
        }
        let digits: String = digits.split_ascii_whitespace().collect();
        let question = Question {
            name: field("name").parse().unwrap(),
            rtype: field("type").parse().unwrap(),
        };
        let proof = hex::decode(digits).unwrap();
        vectors.push((
            file,
            Vector {
                question,
                at: field("at").parse().unwrap(),
                proof,
            },
        ));
    }
    vectors
}

fn published(file: &str) -> (Question, u64, Verification) {
    let (_, vector) = vectors()
        .into_iter()
        .find(|(name, _)| name == file)
        .unwrap();
    let verification = verify(
        &vector.proof,
        &vector.question,
        &Anchors::iana(),
        vector.at,
        &Limits::default(),
    );
    (vector.question, vector.at, verification)
}

fn secure(verification: &mut Verification) -> &mut Secure {
    match &mut verification.verdict {
        Verdict::Secure(secure) => secure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_agrees_with_everything_that_is_secure_under_the_iana_root() {
    let mut agreed = 0;
    for (
        file,
        Vector {
            question,
            at,
            proof,
        },
    ) in vectors()
    {
        let verification = verify(&proof, &question, &Anchors::iana(), at, &Limits::default());
        let opinion = ask(&verification, &question, &Anchors::iana(), at);
        if matches!(verification.verdict, Verdict::Secure(_)) {
            assert_eq!(opinion, SecondOpinion::Agrees, "{file}");
            agreed += 1;
        } else {
            assert_eq!(
                opinion,
                SecondOpinion::Abstains(Abstention::NotSecure),
                "{file}"
            );
        }
    }
    assert!(
        agreed >= 6,
        "TXT, CNAME, wildcards by NSEC and NSEC3: {agreed}"
    );
}

#[test]
fn it_disagrees_when_our_verdict_is_wrong() {
    let anchors = Anchors::iana();
    let (question, at, mut verification) = published("iana-txt.txt");
    assert_eq!(
        ask(&verification, &question, &anchors, at + 400 * 86_400),
        SecondOpinion::Disagrees(Disagreement::Times)
    );

    secure(&mut verification).rdatas[0] = Box::new(*b"\x05other");
    assert_eq!(
        ask(&verification, &question, &anchors, at),
        SecondOpinion::Disagrees(Disagreement::Records)
    );

    let (question, at, mut verification) = published("iana-txt.txt");
    let txt = verification
        .used
        .iter_mut()
        .find(|record| record.rtype == RecordType::TXT)
        .unwrap();
    *txt.rdata.last_mut().unwrap() ^= 1;
    assert_eq!(
        ask(&verification, &question, &anchors, at),
        SecondOpinion::Disagrees(Disagreement::Signatures)
    );
}

#[test]
fn it_abstains_by_the_records_alone() {
    let change = |change: fn(&mut Record)| {
        let (question, at, mut verification) = published("iana-txt.txt");
        let found = verification
            .used
            .iter_mut()
            .find(|record| record.rtype == RecordType::TXT);
        change(found.unwrap());
        ask(&verification, &question, &Anchors::iana(), at)
    };
    for (opinion, abstention) in [
        (
            change(|record| record.rtype = RecordType(65_400)),
            Abstention::Type(RecordType(65_400)),
        ),
        (
            change(|record| record.rdata = Box::new([0])),
            Abstention::EmptyString,
        ),
        (
            change(|record| record.rdata = Box::new([9, 0])),
            Abstention::Unreadable,
        ),
        (
            change(|record| record.owner = "a\\032b.test".parse().unwrap()),
            Abstention::Name,
        ),
        (
            change(|record| record.owner = "*.test".parse().unwrap()),
            Abstention::Name,
        ),
        (
            change(|record| {
                record.rtype = RecordType::RRSIG;
                record.rdata =
                    Box::new([0, 16, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            }),
            Abstention::Algorithm(15),
        ),
        (
            change(|record| {
                record.rtype = RecordType::NSEC3;
                record.rdata = Box::new([1, 1]);
            }),
            Abstention::OptOut,
        ),
        (
            change(|record| {
                record.rtype = RecordType::DNSKEY;
                // An even modulus.
                record.rdata = Box::new([1, 0, 3, 8, 1, 3, 2]);
            }),
            Abstention::RsaKey,
        ),
    ] {
        assert_eq!(opinion, SecondOpinion::Abstains(abstention));
    }

    let (question, at, verification) = published("iana-txt.txt");
    let anchors = Anchors::parse(
        ". IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000",
    )
    .unwrap();
    assert_eq!(
        ask(&verification, &question, &anchors, at),
        SecondOpinion::Abstains(Abstention::PrivateAnchors)
    );
}

#[test]
fn two_keys_of_one_tag_or_too_many_signatures_are_beyond_it() {
    let (question, at, verification) = published("iana-txt.txt");
    let repeated = |rtype, times| {
        let mut verification = verification.clone();
        let record = verification
            .used
            .iter()
            .find(|record| record.rtype == rtype)
            .unwrap()
            .clone();
        verification.used.extend(std::iter::repeat_n(record, times));
        ask(&verification, &question, &Anchors::iana(), at)
    };
    assert_eq!(
        repeated(RecordType::DNSKEY, 1),
        SecondOpinion::Abstains(Abstention::KeyTag)
    );
    assert_eq!(
        repeated(RecordType::RRSIG, MAX_PROOF_STEPS),
        SecondOpinion::Abstains(Abstention::TooManySignatures)
    );
}

#[test]
fn key_tags_are_those_of_rfc_4034() {
    let (.., verification) = published("iana-txt.txt");
    // The root's key signing key of 2017.
    let tags: Vec<_> = verification
        .used
        .iter()
        .filter(|record| record.rtype == RecordType::DNSKEY && record.owner.is_root())
        .map(|record| key_tag(&record.rdata))
        .collect();
    assert!(tags.contains(&20_326), "{tags:?}");
}
