//! Our verdicts beside those of verifiers that are not ours: over a zoo of zones, over published proofs, and over
//! mutants of both. Every disagreement is of a class that `docs/proof-differential.md` lists with who is right; any
//! other fails, and so does a class that does not occur.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

mod differential {
    pub(crate) mod classes;
    pub(crate) mod mutants;
}

use std::collections::BTreeSet;
use std::sync::Arc;

use differential::classes::{CLASSES, Class, Meeting, Peer};
use differential::mutants::{Change, Mutant, Selection, misdirected, mixed, stripped};
use sotto_proof::{
    Anchors, Code, Limits, Question, Record, Verdict, Verification, decode, encode, verify,
};
use sotto_tests::peers::domain::Domain;
use sotto_tests::peers::hickory::Hickory;
use sotto_tests::peers::transit::Transit;
use sotto_tests::peers::zoo::{Family, NOW, QUESTIONS, Tree};
use sotto_tests::peers::{Opinion, prover, vectors};
use sotto_world::dns::signer::Algorithm;
use sotto_world::dns::zone::Denial;

const DENIALS: [Denial; 3] = [Denial::Nsec, Denial::Nsec3, Denial::Nsec3OptOut];

/// One field in so many is hurt, and one record in so many removed or doubled, counted over all proofs of a test.
/// Primes, so that every kind has its turn, in every proof another selection.
const ZOO: Selection = Selection::every(19, 7);

/// The same where one verdict costs ten times as much, as `dnssec-prover`'s does without optimisation.
const PUBLISHED: Selection = Selection::every(251, 61);

/// A question of the zoo with its honest proof.
struct Exhibit {
    title: &'static str,
    question: Question,
    records: Vec<Record>,
}

fn exhibits(tree: &Tree) -> Vec<Exhibit> {
    QUESTIONS
        .iter()
        .map(|(title, owner, rtype)| {
            let question = tree.question(owner, rtype).unwrap();
            let proof = tree.prove(&question).unwrap();
            Exhibit {
                title,
                question,
                records: records(&proof),
            }
        })
        .collect()
}

fn records(proof: &[u8]) -> Vec<Record> {
    decode(proof, &Limits::default()).unwrap()
}

fn judge(proof: &[u8], question: &Question, anchors: &Anchors, at: u64) -> Verification {
    verify(proof, question, anchors, at, &Limits::default())
}

fn code(verification: &Verification) -> Option<Code> {
    match &verification.verdict {
        Verdict::Bogus(reason) | Verdict::Insecure(reason) => Some(reason.code),
        _ => None,
    }
}

/// Takes note of the class of a disagreement.
fn classify(seen: &mut BTreeSet<&'static str>, meeting: &Meeting<'_>, place: &str, proof: &[u8]) {
    if meeting.ours == meeting.theirs {
        return;
    }
    match meeting.class() {
        Some(class) => {
            seen.insert(class.name);
        }
        None => {
            let octets: String = proof.iter().map(|octet| format!("{octet:02x}")).collect();
            panic!("{place}: no class is like {meeting:?}\nthe proof: {octets}");
        }
    }
}

/// Every class with this peer has come up, and no other.
fn assert_seen(seen: &BTreeSet<&'static str>, peer: Peer) {
    let expected = CLASSES.iter().filter(|class| class.with.contains(&peer));
    let expected: BTreeSet<_> = expected.map(|class| class.name).collect();
    assert_eq!(
        *seen, expected,
        "classes that came up, and those listed for {peer:?}"
    );
}

/// Puts every mutant of every exhibit of every tree before a peer; of the two slow algorithms only what is honest.
fn walk_zoo(peer: Peer, mut ask: impl FnMut(&Tree, &Arc<Transit>, &Question) -> Opinion) {
    let mut seen = BTreeSet::new();
    let mut compared = 0;
    for (algorithm, has_mutants) in [
        (Algorithm::EcdsaP256, true),
        (Algorithm::Ed25519, true),
        (Algorithm::EcdsaP384, false),
        (Algorithm::RsaSha256, false),
    ] {
        let family = Family::new(algorithm).unwrap();
        let mut selection = ZOO;
        for denial in DENIALS {
            let tree = family.tree(denial, 3).unwrap();
            let exhibits = exhibits(&tree);
            let expired = exhibits.iter().find(|exhibit| exhibit.title == "expired");
            let expired = expired.unwrap();
            for (at, exhibit) in exhibits.iter().enumerate() {
                let other = &exhibits[(at + 1) % exhibits.len()];
                let mut mutants = selection.of(&exhibit.records);
                mutants.push(stripped(&exhibit.records, exhibit.question.rtype));
                mutants.push(mixed(&exhibit.records, &other.records));
                mutants.push(mixed(&exhibit.records, &expired.records));
                mutants.push(misdirected(&other.question, &other.records));
                if !has_mutants {
                    mutants.retain(|mutant| mutant.change == Change::Nothing);
                }
                for Mutant {
                    change,
                    proof,
                    tampering,
                } in mutants
                {
                    let question = &exhibit.question;
                    let ours = judge(&proof, question, &tree.anchors, NOW);
                    let internet = Arc::clone(&tree.internet);
                    let transit = Transit::new(internet, question.clone(), tampering);
                    let meeting = Meeting {
                        peer,
                        title: exhibit.title,
                        algorithm: Some(algorithm),
                        denial: Some(denial),
                        change: &change,
                        ours: &Opinion::ours(&ours),
                        code: code(&ours),
                        theirs: &ask(&tree, &Arc::new(transit), question),
                        of_used: None,
                    };
                    classify(&mut seen, &meeting, &tree.title, &proof);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 1_500, "{compared}");
    assert_seen(&seen, peer);
}

#[test]
fn hickory_disagrees_only_as_listed() {
    let validator = Hickory::new().unwrap();
    walk_zoo(Peer::Hickory, |tree, transit, question| {
        let root = &tree.root_key;
        validator.opinion(transit, question, root).unwrap()
    });
}

#[test]
fn domain_disagrees_only_as_listed() {
    let validator = Domain::new().unwrap();
    walk_zoo(Peer::Domain, |tree, transit, question| {
        validator.opinion(transit, question, &tree.anchor).unwrap()
    });
}

#[test]
fn dnssec_prover_disagrees_only_as_listed() {
    let mut seen = BTreeSet::new();
    let mut selection = PUBLISHED;
    let mut compared = 0;
    let vectors = vectors::all().unwrap().into_iter();
    for vector in vectors.filter(|vector| vector.anchors.is_iana()) {
        let (question, at) = (&vector.question, vector.at);
        let records = records(&vector.proof);
        let mut mutants = selection.of(&records);
        mutants.push(stripped(&records, question.rtype));
        for mutant in mutants {
            let ours = judge(&mutant.proof, question, &vector.anchors, at);
            let meeting = Meeting {
                peer: Peer::DnssecProver,
                title: &vector.file,
                algorithm: None,
                denial: None,
                change: &mutant.change,
                ours: &Opinion::ours(&ours),
                code: code(&ours),
                theirs: &prover::opinion(&mutant.proof, question, at),
                of_used: Some(&|| prover::opinion(&encode(&ours.used), question, at)),
            };
            classify(&mut seen, &meeting, "published", &mutant.proof);
            compared += 1;
        }
    }
    // It refuses the zoo: no proof there leads to the root that it knows.
    let tree = Family::new(Algorithm::EcdsaP256).unwrap();
    let tree = tree.tree(Denial::Nsec, 3).unwrap();
    for exhibit in exhibits(&tree) {
        let proof = encode(&exhibit.records);
        let ours = judge(&proof, &exhibit.question, &tree.anchors, NOW);
        let meeting = Meeting {
            peer: Peer::DnssecProver,
            title: exhibit.title,
            algorithm: Some(Algorithm::EcdsaP256),
            denial: Some(Denial::Nsec),
            change: &Change::Nothing,
            ours: &Opinion::ours(&ours),
            code: code(&ours),
            theirs: &prover::opinion(&proof, &exhibit.question, NOW),
            of_used: None,
        };
        classify(&mut seen, &meeting, &tree.title, &proof);
        compared += 1;
    }
    assert!(compared > 90, "{compared}");
    assert_seen(&seen, Peer::DnssecProver);
}

#[test]
fn document_and_code_list_the_same_classes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/proof-differential.md");
    let document = std::fs::read_to_string(path).unwrap();
    let mut rows = document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| class |"));
    for Class {
        name,
        with,
        right,
        rfc,
    } in CLASSES
    {
        let row = rows
            .next()
            .unwrap_or_else(|| panic!("{name} is not in the document"));
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let with: Vec<_> = with.iter().map(|peer| peer.crate_name()).collect();
        assert_eq!(cells[0], *name);
        assert_eq!(cells[1], with.join(", "), "{name}");
        assert_eq!(cells[5..], [*right, *rfc], "{name}");
    }
    assert_eq!(rows.next(), None, "a class that the code does not have");
}
