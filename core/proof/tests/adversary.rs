//! Attacks on the verifier, most of them in a world of zones of every kind.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

#[path = "support/kinds.rs"]
mod kinds;
mod support;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;

use kinds::{anchors, prove, questions, world};
use sotto_proof::{Limits, Name, Question, Record, RecordType, SignatureMemory, Verdict, codec};
use support::*;
use world::{Truth, World};

fn is_true(verdict: &Verdict, truth: &Truth) -> bool {
    match (verdict, truth) {
        (Verdict::Secure(secure), Truth::Secure(rdatas)) => secure.rdatas == *rdatas,
        (Verdict::NoData, Truth::NoData)
        | (Verdict::NxDomain, Truth::NxDomain)
        | (Verdict::Insecure(_), Truth::Insecure) => true,
        _ => false,
    }
}

#[test]
fn every_honest_proof_gets_its_true_verdict() {
    let world = world();
    let anchors = anchors(&world);
    let mut memory = SignatureMemory::default();
    let mut wrong = Vec::new();
    for question in questions(&world) {
        let truth = world.answer(&question).1;
        for stops in [false, true] {
            world.stops_at_aliases.set(stops);
            let proof = prove(&world, &question);
            let said = verify_both(proof.as_bytes(), &question, &anchors, NOW, &mut memory);
            if !is_true(&said.verdict, &truth) {
                let said = spelled(&said.verdict);
                wrong.push(format!("{question}, stops {stops}: {said} for {truth:?}"));
            }
        }
        world.stops_at_aliases.set(false);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A generator of numbers that is the same everywhere (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// The signed RRsets that the servers of the world hand to whoever asks, each with its RRSIGs.
fn loot(world: &World) -> (Vec<Vec<Record>>, Vec<Vec<Record>>) {
    let (mut keys, mut others) = (BTreeSet::new(), BTreeSet::new());
    let mut take = |question: &Question| {
        let response = world.answer(question).0;
        for section in [response.answer, response.authority] {
            for set in section.chunk_by(|x, y| {
                x.owner == y.owner && (y.rtype == x.rtype || y.rtype == RecordType::RRSIG)
            }) {
                let octets = codec::encode(set);
                match set[0].rtype {
                    RecordType::DS | RecordType::DNSKEY => keys.insert(octets),
                    _ => others.insert(octets),
                };
            }
        }
    };
    for question in questions(world) {
        take(&question);
    }
    for zone in &world.zones {
        for rtype in [RecordType::DNSKEY, RecordType::DS] {
            take(&Question {
                name: zone.zone.name.clone(),
                rtype,
            });
        }
    }
    let read = |sets: BTreeSet<Vec<u8>>| -> Vec<Vec<Record>> {
        sets.iter()
            .map(|octets| codec::decode(octets, &Limits::default()).unwrap())
            .collect()
    };
    (read(keys), read(others))
}

/// Whatever a gateway drops, adds, mixes, moves to another owner, or cuts apart: the verdict is the
/// truth or `Bogus`.
fn attack(rounds: usize, seed: u64) {
    let world = world();
    let anchors = anchors(&world);
    let (keys, others) = loot(&world);
    let questions = questions(&world);
    let truths: Vec<_> = questions
        .iter()
        .map(|question| world.answer(question).1)
        .collect();
    let mut proofs = vec![None; questions.len()];
    let mut dice = Dice(seed);
    let mut memory = SignatureMemory::default();
    let mut told = 0;
    for round in 0..rounds {
        let at = dice.below(questions.len());
        let question = &questions[at];
        let labels = question.name.label_count();
        let mut proof: Vec<Record> = Vec::new();
        let is_near = |owner: &Name| owner.common_labels(&question.name) + 1 >= labels.min(3);
        let near: Vec<_> = others.iter().filter(|set| is_near(&set[0].owner)).collect();
        if dice.below(2) == 0 {
            // Most of what there is, with a hole or two in the chain.
            let keep = [30, 60, 100][dice.below(3)];
            let holes = dice.below(8);
            for set in &keys {
                if set[0].owner.label_count() < 2
                    || is_near(&set[0].owner) && dice.below(30) >= holes
                {
                    proof.extend(set.iter().cloned());
                }
            }
            for set in &near {
                if dice.below(100) < keep {
                    proof.extend(set.iter().cloned());
                }
            }
        } else {
            // Honest proofs of other questions: of neighbours, and of anything.
            let neighbours: Vec<_> = (0..questions.len())
                .filter(|&other| {
                    let common = questions[other].name.common_labels(&question.name);
                    other != at && common + 1 + dice.below(2) >= labels
                })
                .collect();
            for _ in 0..1 + dice.below(4) {
                let other = match dice.below(5) {
                    0 => at,
                    1 => dice.below(questions.len()),
                    _ if neighbours.is_empty() => continue,
                    _ => neighbours[dice.below(neighbours.len())],
                };
                let known = proofs[other].get_or_insert_with(|| prove(&world, &questions[other]));
                proof.extend(known.records().iter().cloned());
            }
        }
        // What was signed for other names, moved to the question's or one above it.
        for _ in 0..dice.below(6) {
            let owner = question.name.ancestor(labels - dice.below(3).min(labels));
            let set = match near.len() {
                0 => &others[dice.below(others.len())],
                count => near[dice.below(count)],
            };
            proof.extend(set.iter().map(|record| Record {
                owner: owner.clone(),
                ..record.clone()
            }));
        }
        // An answer that nobody signed.
        if dice.below(3) == 0 {
            let owner = question.name.to_string();
            proof.push(match dice.below(3) {
                0 => cname(&owner, "txt.example.test."),
                _ => record(&owner, RecordType::TXT, b"\x03lie"),
            });
        }
        for _ in 0..dice.below(5).min(proof.len()) {
            proof.swap_remove(dice.below(proof.len()));
        }
        let octets = codec::encode(&proof);
        let said = verify_both(&octets, question, &anchors, NOW, &mut memory).verdict;
        told += usize::from(!matches!(said, Verdict::Bogus(_)));
        let listed = || {
            proof
                .iter()
                .map(|record| format!("{} {}\n", record.owner, record.rtype))
        };
        assert!(
            is_true(&said, &truths[at]) || matches!(said, Verdict::Bogus(_)),
            "round {round}, {question}: {} for {:?}\n{}",
            spelled(&said),
            truths[at],
            listed().collect::<String>()
        );
    }
    // Many mixtures still hold a proof, or the test would show nothing.
    assert!(told * 20 > rounds, "{told} of {rounds} said anything");
}

#[test]
fn no_mixture_of_honest_records_deceives() {
    attack(1_500, 0x5eed);
}

#[test]
fn a_parent_that_hashes_too_often_does_not_make_a_secure_apex_insecure() {
    let tree = Tree::new();
    let many = Nsec3 {
        iterations: 101,
        ..Nsec3::PLAIN
    };
    let above = tree
        .test
        .sign(vec![many.record("test.", &[1; 20], &[2; 20], "TXT")]);
    let proof = [
        tree.to_example(),
        above,
        vec![txt("example.test.", "forged")],
    ]
    .concat();
    assert_verdict(
        &tree,
        &proof,
        "example.test",
        "TXT",
        "bogus missing_signature",
    );
}

/// A child speaks for nothing beside and above itself, under whatever name it signs.
#[test]
fn a_hostile_child_zone_harms_itself_alone() {
    let tree = Tree::new();
    let child = Zone::new("evil.test.");
    let as_parent =
        |records: Vec<Record>| child.sign_as(records, |terms| terms.signer = name("test."));
    let as_itself = |records: Vec<Record>| child.sign(records);
    let hash = Nsec3::OPT_OUT.hash(&name("victim.test."));
    let spans = Nsec3::OPT_OUT.record("evil.test.", &hash, &hash, "NS SOA RRSIG");
    let above = Nsec3::OPT_OUT.record("test.", &hash, &hash, "NS RRSIG");
    for records in [
        vec![txt("victim.test.", "lie")],
        vec![cname("victim.test.", "evil.test.")],
        vec![dname("test.", "evil.test.")],
        vec![nsec("evil.test.", "zz.test.", "NS SOA RRSIG NSEC")],
        vec![nsec("test.", "evil.test.", "NS SOA RRSIG NSEC")],
        vec![nsec("victim.test.", "zz.test.", "NS RRSIG NSEC")],
        vec![spans],
        vec![above],
        vec![child.ds()],
    ] {
        for signed in [as_parent(records.clone()), as_itself(records)] {
            let proof = [
                tree.to(&child),
                signed,
                child.sign(vec![txt("evil.test.", "x")]),
            ]
            .concat();
            for asked in ["victim.test", "a.victim.test", "f.test", "test"] {
                for rtype in ["TXT", "DS"] {
                    if (asked, rtype) == ("test", "DS") {
                        continue;
                    }
                    let verdict = tree.verify(&proof, &question(asked, rtype)).verdict;
                    assert!(
                        matches!(verdict, Verdict::Bogus(_)),
                        "{asked} {rtype}: {verdict:?}"
                    );
                }
            }
        }
    }
}

/// One NSEC3 chain must do all of a denial: what one leaves open another may not fill in.
#[test]
fn nsec3_chains_are_not_mixed() {
    let tree = Tree::new();
    let salted = Nsec3 {
        salt: b"\x01",
        ..Nsec3::PLAIN
    };
    let apex = [("example.test.", "NS SOA RRSIG DNSKEY")];
    let (first, second) = (
        Nsec3::PLAIN.chain("example.test.", &apex),
        salted.record(
            "example.test.",
            &salted.hash(&name("other.example.test.")),
            &[0; 20],
            "TXT",
        ),
    );
    // The second chain has no closest encloser of its own.
    let proof = [tree.to_example(), tree.example.sign(vec![second])].concat();
    assert_verdict(
        &tree,
        &proof,
        "no.example.test",
        "TXT",
        "bogus denial_incomplete",
    );
    let proof = [proof, tree.example.sign(first)].concat();
    assert_verdict(&tree, &proof, "no.example.test", "TXT", "nxdomain");
}
