//! What an explanation says, and that it decides nothing.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use sotto_proof::explain::{
    Denied, Explanation, Finding, Role, Set, State, StepOutcome, Weakness, explain,
};
use sotto_proof::{Code, Limits, Record, RecordType, Verdict, codec, verify};

use support::{Key, NOW, Nsec3, Tree, Zone, cname, dname, name, nsec, question, record, soa, txt};

fn explained(tree: &Tree, proof: &[Record], asked: &str) -> Explanation {
    let octets = codec::encode(proof);
    let (asked, anchors) = (question(asked, "TXT"), tree.root.anchors());
    let explanation = explain(&octets, &asked, &anchors, NOW, &Limits::default());
    let verification = verify(&octets, &asked, &anchors, NOW, &Limits::default());
    assert_eq!(explanation.verification, verification);
    explanation
}

fn sets(explanation: &Explanation) -> impl Iterator<Item = &Set> {
    explanation.zones.iter().flat_map(|zone| &zone.sets)
}

fn findings(explanation: &Explanation) -> Vec<String> {
    sets(explanation)
        .filter_map(|set| match &set.role {
            Role::Denial { findings, .. } => Some(findings),
            _ => None,
        })
        .flatten()
        .map(Finding::to_string)
        .collect()
}

fn denied(explanation: &Explanation) -> Denied {
    match explanation.steps.last().expect("a step").outcome {
        StepOutcome::Denied(denied) => denied,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_chain_is_shown_from_the_anchor_down() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example.sign(vec![txt("a.example.test.", "x")]),
    ]
    .concat();
    let explanation = explained(&tree, &proof, "A.example.test.");
    let zones: Vec<_> = explanation
        .zones
        .iter()
        .map(|zone| (zone.name.to_string(), zone.parent, zone.anchors.is_empty()))
        .collect();
    assert_eq!(
        zones,
        [
            (".".into(), None, false),
            ("test.".into(), Some(0), true),
            ("example.test.".into(), Some(1), true)
        ]
    );
    assert!(sets(&explanation).all(|set| set.state == State::Held && set.signature.is_some()));
    let answer = sets(&explanation)
        .find(|set| set.role == Role::Answer)
        .expect("the answer");
    assert_eq!((answer.rtype, answer.records), (RecordType::TXT, 1));
    let keys = explanation.zones.iter().flat_map(|zone| &zone.keys);
    assert!(
        keys.into_iter()
            .all(|key| key.entry && key.weakness.is_none())
    );
}

#[test]
fn aliases_are_followed_step_by_step() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example
            .sign(vec![cname("a.example.test.", "b.old.example.test.")]),
        tree.example
            .sign(vec![dname("old.example.test.", "new.example.test.")]),
        tree.example.sign(vec![txt("b.new.example.test.", "x")]),
    ]
    .concat();
    let explanation = explained(&tree, &proof, "a.example.test.");
    let names: Vec<_> = explanation
        .steps
        .iter()
        .map(|step| step.name.to_string())
        .collect();
    assert_eq!(
        names,
        [
            "a.example.test.",
            "b.old.example.test.",
            "b.new.example.test."
        ]
    );
    assert!(matches!(
        explanation.steps[1].outcome,
        StepOutcome::Alias {
            rtype: RecordType::DNAME,
            ..
        }
    ));
    assert!(matches!(
        explanation.steps[2].outcome,
        StepOutcome::Answer { records: 1, .. }
    ));
}

#[test]
fn each_kind_of_denial_is_told_from_the_others() {
    let tree = Tree::new();
    let with = |records: Vec<Record>| [tree.to_example(), tree.example.sign_each(records)].concat();

    let no_type = explained(
        &tree,
        &with(vec![nsec("a.example.test.", "b.example.test.", "A")]),
        "a.example.test.",
    );
    assert_eq!(denied(&no_type), Denied::NoType);
    assert_eq!(
        findings(&no_type),
        ["a.example.test. exists and has A, so no TXT"]
    );

    let proof = with(vec![nsec("a.example.test.", "x.b.example.test.", "A")]);
    let non_terminal = explained(&tree, &proof, "b.example.test.");
    assert_eq!(denied(&non_terminal), Denied::EmptyNonTerminal);

    let proof = with(vec![
        nsec("example.test.", "a.example.test.", "SOA NS"),
        nsec("a.example.test.", "c.example.test.", "A"),
        soa("example.test.", 60),
    ]);
    let no_name = explained(&tree, &proof, "b.example.test.");
    assert_eq!(denied(&no_name), Denied::NoName);
    assert_eq!(
        findings(&no_name),
        [
            "covers b.example.test., which does not exist",
            "covers *.example.test., so no wildcard could have answered"
        ]
    );
    assert!(sets(&no_name).any(|set| set.role == Role::Lifetime));

    let proof = with(vec![
        nsec("*.example.test.", "a.example.test.", "A"),
        nsec("a.example.test.", "c.example.test.", "A"),
    ]);
    assert_eq!(
        denied(&explained(&tree, &proof, "b.example.test.")),
        Denied::WildcardNoType
    );

    let proof = with(vec![nsec(
        "b.example.test.",
        "\\000.b.example.test.",
        "RRSIG NSEC NXNAME",
    )]);
    assert_eq!(
        denied(&explained(&tree, &proof, "b.example.test.")),
        Denied::Compact
    );

    let names = [("example.test.", "SOA NS"), ("a.example.test.", "A")];
    let proof = with(Nsec3::PLAIN.chain("example.test.", &names));
    let hashed = explained(&tree, &proof, "x.b.example.test.");
    assert_eq!(denied(&hashed), Denied::NoName);
    let mut told = findings(&hashed);
    told.sort();
    assert_eq!(
        told,
        [
            "covers *.example.test., so no wildcard could have answered",
            "covers b.example.test., which does not exist",
            "example.test. exists: the closest encloser"
        ]
    );
}

#[test]
fn an_end_of_the_chain_is_a_place_of_its_own() {
    let tree = Tree::new();
    let proof = [
        tree.to_test(),
        tree.test
            .sign_each(vec![nsec("example.test.", "test.", "NS")]),
    ]
    .concat();
    let unsigned = explained(&tree, &proof, "a.example.test.");
    let end = unsigned.zones.last().expect("a zone");
    assert_eq!(
        (end.name.clone(), end.parent),
        (name("example.test."), Some(1))
    );
    assert!(matches!(&end.state, State::Unsigned(reason) if reason.code == Code::NoDs));
    assert_eq!(
        findings(&unsigned),
        ["example.test. is delegated (NS) without DS"]
    );

    let often = Nsec3 {
        iterations: 101,
        ..Nsec3::PLAIN
    };
    let proof = [
        tree.to_example(),
        tree.example
            .sign_each(often.chain("example.test.", &[("example.test.", "SOA NS")])),
    ]
    .concat();
    let hashed = explained(&tree, &proof, "a.example.test.");
    assert!(matches!(hashed.steps[0].outcome, StepOutcome::Unsigned(_)));
    assert_eq!(findings(&hashed), ["hashes names 101 additional times"]);
}

#[test]
fn an_unused_key_s_faults_are_told() {
    let tree = Tree::new();
    let mut zone = Zone::new("example.test.");
    zone.keys.push(Key::generate(5));
    zone.keys
        .push(Key::ed25519("revoked").with_flags(257 | 128));
    let proof = [tree.to(&zone), zone.sign(vec![txt("a.example.test.", "x")])].concat();
    let explanation = explained(&tree, &proof, "a.example.test.");
    let keys = &explanation.zones[2].keys;
    let weak = |weakness| keys.iter().filter(|key| key.weakness == weakness).count();
    assert_eq!(
        (
            weak(None),
            weak(Some(Weakness::Unsupported)),
            weak(Some(Weakness::NoZoneKey))
        ),
        (1, 1, 1)
    );
    assert_eq!(keys.iter().filter(|key| key.entry && key.signs).count(), 1);
}

/// Whatever is done to a proof, it is explained; what is not proved is never shown as the answer;
/// and where the chain breaks is always somewhere.
#[test]
fn no_damage_makes_an_explanation_lie() {
    let tree = Tree::new();
    let names = [
        ("example.test.", "SOA NS"),
        ("w.example.test.", ""),
        ("*.w.example.test.", "TXT"),
    ];
    let proof = [
        tree.to_example(),
        tree.example
            .sign(vec![cname("a.example.test.", "b.w.example.test.")]),
        tree.example
            .expand(txt("b.w.example.test.", "x"), "w.example.test."),
        tree.example
            .sign_each(Nsec3::PLAIN.chain("example.test.", &names)),
    ]
    .concat();
    let whole = explained(&tree, &proof, "a.example.test.");
    assert!(matches!(whole.verification.verdict, Verdict::Secure(_)));

    for without in 0..proof.len() {
        let mut damaged = proof.clone();
        damaged.remove(without);
        is_honest(&explained(&tree, &damaged, "a.example.test."));
    }
    for at in 0..proof.len() {
        let last = proof[at].rdata.len() - 1;
        for octet in [0, last.min(2), last / 2, last] {
            let mut damaged = proof.clone();
            damaged[at].rdata[octet] ^= 1;
            if codec::decode(&codec::encode(&damaged), &Limits::default()).is_ok() {
                is_honest(&explained(&tree, &damaged, "a.example.test."));
            }
        }
    }
    is_honest(&explained(&tree, &[], "a.example.test."));
    is_honest(&explained(
        &tree,
        &[record("a.example.test.", RecordType::TXT, b"\x01x")],
        "a.",
    ));
}

fn is_honest(explanation: &Explanation) {
    let broken = |state: &State| matches!(state, State::Broken(_));
    let breaks = explanation.zones.iter().any(|zone| broken(&zone.state))
        || sets(explanation).any(|set| broken(&set.state));
    let answers = sets(explanation).any(|set| set.role == Role::Answer);
    let held = |set: &&Set| set.state == State::Held;
    assert!(
        sets(explanation)
            .filter(held)
            .all(|set| set.signature.is_some())
    );
    match &explanation.verification.verdict {
        Verdict::Bogus(reason) => {
            assert!(breaks || explanation.zones.is_empty(), "{reason}");
            assert!(!answers, "{reason}");
            assert!(matches!(
                explanation.steps.last().unwrap().outcome,
                StepOutcome::Broken(_)
            ));
            // What a wildcard made needs a proof that it applies, and the verdict has none.
            assert!(
                sets(explanation)
                    .filter(held)
                    .all(|set| set.wildcard.is_none())
            );
        }
        _ => {
            assert!(!breaks);
            assert!(sets(explanation).all(|set| set.state == State::Held));
        }
    }
}
