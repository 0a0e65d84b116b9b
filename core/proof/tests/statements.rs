//! What each name between a question and its verdict is said to be, and under which signature.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use data_encoding::BASE32HEX_NOPAD;
use sotto_proof::{Name, Record, Statement};
use support::zone::{NAMES, nsec_chain, nsec3_chain};
use support::*;

/// Each statement in words: of which name, that something is there or not, and whose signature says so.
fn told(statements: &[Statement]) -> Vec<String> {
    let told = |statement: &Statement| {
        let Statement {
            name,
            content,
            signature,
        } = statement;
        let says = if content.is_some() { "is" } else { "is not" };
        format!("{name} {says}: {} {}", signature.owner, signature.rtype)
    };
    statements.iter().map(told).collect()
}

fn statements(tree: &Tree, proof: &[Record], asked: &str, rtype: &str) -> Vec<Statement> {
    let verification = tree.verify(proof, &question(asked, rtype));
    for statement in &verification.statements {
        assert!(verification.chain.contains(&statement.signature));
        assert_eq!(statement.name, statement.name.to_lowercase());
    }
    verification.statements
}

/// The owner of the NSEC3 record of [`nsec3_chain`] that matches `name`, or else covers it.
fn nsec3_of(asked: &str) -> Name {
    let hash = Nsec3::PLAIN.hash(&name(asked));
    let mut owners: Vec<(Vec<u8>, Name)> = nsec3_chain(Nsec3::PLAIN)
        .into_iter()
        .map(|record| {
            let label = record.owner.labels().next().unwrap().to_ascii_uppercase();
            (BASE32HEX_NOPAD.decode(&label).unwrap(), record.owner)
        })
        .collect();
    owners.sort();
    let at_or_before = owners.iter().rev().find(|(owner, _)| *owner <= hash);
    at_or_before.or(owners.last()).unwrap().1.clone()
}

#[test]
fn a_denial_rests_on_what_covers_or_matches_the_name_and_its_wildcard() {
    let tree = Tree::new();
    let nsec = [tree.to_example(), tree.example.sign_each(nsec_chain(NAMES))].concat();
    let nsec3 = tree.example.sign_each(nsec3_chain(Nsec3::PLAIN));
    let nsec3 = [tree.to_example(), nsec3].concat();
    // The name, the owner of the NSEC, and the name whose hash the NSEC3 matches or covers: for each name.
    for (asked, rtype, expected) in [
        (
            "txt.example.test.",
            "A",
            &[(
                "txt.example.test.",
                "txt.example.test.",
                "txt.example.test.",
            )][..],
        ),
        (
            "NO.example.test.",
            "TXT",
            &[
                (
                    "no.example.test.",
                    "moved.example.test.",
                    "no.example.test.",
                ),
                ("*.example.test.", "example.test.", "*.example.test."),
            ],
        ),
        (
            "a.b.no.example.test.",
            "TXT",
            &[
                (
                    "a.b.no.example.test.",
                    "moved.example.test.",
                    "no.example.test.",
                ),
                ("*.example.test.", "example.test.", "*.example.test."),
            ],
        ),
        (
            "a.wild.example.test.",
            "A",
            &[
                (
                    "a.wild.example.test.",
                    "*.wild.example.test.",
                    "a.wild.example.test.",
                ),
                (
                    "*.wild.example.test.",
                    "*.wild.example.test.",
                    "*.wild.example.test.",
                ),
            ],
        ),
        (
            "ent.example.test.",
            "TXT",
            &[(
                "ent.example.test.",
                "cut.example.test.",
                "ent.example.test.",
            )],
        ),
    ] {
        let by_nsec: Vec<_> = expected
            .iter()
            .map(|(name, owner, _)| format!("{name} is not: {owner} NSEC"))
            .collect();
        assert_eq!(told(&statements(&tree, &nsec, asked, rtype)), by_nsec);
        let by_nsec3: Vec<_> = expected
            .iter()
            .map(|(name, _, hashed)| format!("{name} is not: {} NSEC3", nsec3_of(hashed)))
            .collect();
        assert_eq!(told(&statements(&tree, &nsec3, asked, rtype)), by_nsec3);
    }
}

#[test]
fn aliases_wildcards_and_answers_each_speak_for_a_name() {
    let tree = Tree::new();
    let denials = tree.example.sign_each(nsec_chain(NAMES));
    let signed = |record: Record| tree.example.sign(vec![record]);
    let wild = |text: &str| {
        let made = txt("a.wild.example.test.", text);
        let made = tree.example.expand(made, "wild.example.test.");
        [tree.to_example(), made, denials.clone()].concat()
    };
    let exact = [tree.to_example(), signed(txt("txt.example.test.", "here"))].concat();
    assert_eq!(
        told(&statements(&tree, &exact, "TXT.example.test.", "TXT")),
        ["txt.example.test. is: txt.example.test. TXT"]
    );
    assert_eq!(
        told(&statements(
            &tree,
            &wild("any"),
            "a.wild.example.test.",
            "TXT"
        )),
        [
            "a.wild.example.test. is not: *.wild.example.test. NSEC",
            "*.wild.example.test. is: a.wild.example.test. TXT",
        ]
    );
    let aliased = [
        exact,
        signed(cname("alias.example.test.", "below.moved.example.test.")),
        signed(dname("moved.example.test.", "example.test.")),
        denials.clone(),
    ]
    .concat();
    assert_eq!(
        told(&statements(&tree, &aliased, "alias.example.test.", "TXT")),
        [
            "alias.example.test. is: alias.example.test. CNAME",
            "below.moved.example.test. is: moved.example.test. DNAME",
            "below.example.test. is not: alias.example.test. NSEC",
            "*.example.test. is not: example.test. NSEC",
        ]
    );
}

#[test]
fn what_is_said_differs_by_type_and_data_and_not_by_ttl_or_order() {
    let tree = Tree::new();
    let said = |records: Vec<Record>| {
        let proof = [tree.to_example(), tree.example.sign(records)].concat();
        statements(&tree, &proof, "txt.example.test.", "TXT")[0].content
    };
    let (one, other) = (
        txt("txt.example.test.", "one"),
        txt("txt.example.test.", "other"),
    );
    let aged = Record {
        ttl: one.ttl / 2,
        ..one.clone()
    };
    assert_eq!(said(vec![one.clone()]), said(vec![aged]));
    assert_eq!(
        said(vec![one.clone(), other.clone()]),
        said(vec![other.clone(), one.clone()])
    );
    let contents = [
        said(vec![one.clone()]),
        said(vec![other.clone()]),
        said(vec![one, other]),
    ];
    assert!(contents[0] != contents[1] && contents[1] != contents[2] && contents[0] != contents[2]);
    assert!(contents.iter().all(Option::is_some));
}

#[test]
fn nothing_is_said_where_nothing_is_proved() {
    let tree = Tree::new();
    let insecure = [tree.to_example(), tree.example.sign_each(nsec_chain(NAMES))].concat();
    for (proof, asked) in [
        (&insecure[..], "below.cut.example.test."),
        (&insecure[..], "txt.example.test."),
        (&[], "txt.example.test."),
    ] {
        assert_eq!(statements(&tree, proof, asked, "TXT"), []);
    }
}
