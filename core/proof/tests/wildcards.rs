//! Answers made from wildcards, with the proof that nothing is closer.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use sotto_proof::{PathStep, Verdict};
use support::zone::{NAMES, nsec_chain, nsec3_chain};
use support::*;

#[test]
fn wildcards_at_any_depth_need_the_proof_that_nothing_is_closer() {
    let tree = Tree::new();
    for denials in [nsec_chain(NAMES), nsec3_chain(Nsec3::PLAIN)] {
        let denials = tree.example.sign_each(denials);
        for asked in ["a.wild.example.test.", "x.y.z.wild.example.test."] {
            let answer = tree.example.expand(txt(asked, "any"), "wild.example.test.");
            let proof = [tree.to_example(), answer.clone(), denials.clone()].concat();
            match tree.verify(&proof, &question(asked, "TXT")).verdict {
                Verdict::Secure(secure) => {
                    assert_eq!(secure.owner, name(asked));
                    assert_eq!(secure.wildcards, [name("*.wild.example.test")]);
                }
                other => panic!("{asked}: {other:?}"),
            }
            let unproved = [tree.to_example(), answer].concat();
            assert_verdict(&tree, &unproved, asked, "TXT", "bogus wildcard_unproved");
        }
        // A name that exists, an empty non-terminal, and names below them are not the wildcard's.
        for (asked, encloser) in [
            ("b.wild.example.test.", "wild.example.test."),
            ("a.b.wild.example.test.", "wild.example.test."),
            ("ent.example.test.", "example.test."),
            ("y.ent.example.test.", "example.test."),
        ] {
            let answer = tree.example.expand(txt(asked, "any"), encloser);
            let proof = [tree.to_example(), answer, denials.clone()].concat();
            let verdict = tree.verify(&proof, &question(asked, "TXT")).verdict;
            assert!(
                !matches!(verdict, Verdict::Secure(_) | Verdict::Insecure(_)),
                "{asked}: {verdict:?}"
            );
        }
    }
}

#[test]
fn a_wildcard_asked_for_by_name_is_itself() {
    let tree = Tree::new();
    let answer = tree.example.sign(vec![txt("*.wild.example.test.", "any")]);
    let proof = [tree.to_example(), answer].concat();
    match tree
        .verify(&proof, &question("*.wild.example.test", "TXT"))
        .verdict
    {
        Verdict::Secure(secure) => assert!(secure.wildcards.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wildcard_under_opt_out_is_insecure() {
    let tree = Tree::new();
    let answer = tree
        .example
        .expand(txt("a.wild.example.test.", "any"), "wild.example.test.");
    let denials = tree.example.sign_each(nsec3_chain(Nsec3::OPT_OUT));
    let proof = [tree.to_example(), answer, denials].concat();
    assert_verdict(
        &tree,
        &proof,
        "a.wild.example.test",
        "TXT",
        "insecure opt_out",
    );
}

#[test]
fn a_wildcard_cname_is_followed_and_told() {
    let tree = Tree::new();
    let names = [
        ("example.test.", "NS SOA RRSIG NSEC DNSKEY"),
        ("*.w.example.test.", "CNAME RRSIG NSEC"),
        ("x.example.test.", "TXT RRSIG NSEC"),
    ];
    let proof = [
        tree.to_example(),
        tree.example.expand(
            cname("a.w.example.test.", "x.example.test."),
            "w.example.test.",
        ),
        tree.example.sign(vec![txt("x.example.test.", "end")]),
        tree.example.sign_each(nsec_chain(&names)),
    ]
    .concat();
    match tree
        .verify(&proof, &question("a.w.example.test", "TXT"))
        .verdict
    {
        Verdict::Secure(secure) => {
            assert_eq!(secure.wildcards, [name("*.w.example.test")]);
            assert_eq!(secure.aliases, [name("a.w.example.test")]);
            let made = PathStep {
                from_wildcard: true,
                ..path_step("a.w.example.test", "*.w.example.test")
            };
            let exact = path_step("x.example.test", "x.example.test");
            assert_eq!(secure.path, [made, exact]);
        }
        other => panic!("{other:?}"),
    }
    assert_verdict(&tree, &proof, "a.w.example.test", "CNAME", "secure");
}
