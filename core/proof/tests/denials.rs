//! Denial of existence, wildcards, and proved insecurity.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use sotto_proof::{Record, RecordType, Verdict};
use support::zone::{NAMES, nsec_chain, nsec3_chain};
use support::*;

/// Questions that both kinds of denial answer alike.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("txt.example.test", "A", "nodata"),
    ("example.test", "TXT", "nodata"),
    ("no.example.test", "TXT", "nxdomain"),
    ("a.b.no.example.test", "TXT", "nxdomain"),
    ("zzz.example.test", "TXT", "nxdomain"),
    ("below.txt.example.test", "TXT", "nxdomain"),
    ("*.example.test", "TXT", "nxdomain"),
    ("ent.example.test", "TXT", "nodata"),
    ("ent.example.test", "DS", "nodata"),
    ("y.ent.example.test", "TXT", "nxdomain"),
    ("a.wild.example.test", "A", "nodata"),
    ("x.y.z.wild.example.test", "A", "nodata"),
    ("*.wild.example.test", "A", "nodata"),
    ("wild.example.test", "TXT", "nodata"),
    ("a.b.wild.example.test", "A", "nxdomain"),
    // A delegation: the parent answers for DS alone.
    ("cut.example.test", "DS", "nodata"),
    ("cut.example.test", "TXT", "insecure no_ds"),
    ("cut.example.test", "NS", "insecure no_ds"),
    ("below.cut.example.test", "TXT", "insecure no_ds"),
    ("below.cut.example.test", "DS", "insecure no_ds"),
    ("deep.below.cut.example.test", "DNSKEY", "insecure no_ds"),
    ("safe.example.test", "TXT", "bogus denial_incomplete"),
    ("safe.example.test", "DS", "bogus denial_incomplete"),
    ("below.safe.example.test", "TXT", "bogus denial_incomplete"),
    // What exists cannot be denied.
    ("txt.example.test", "TXT", "bogus denial_incomplete"),
    ("alias.example.test", "TXT", "bogus denial_incomplete"),
    ("alias.example.test", "CNAME", "bogus denial_incomplete"),
    ("a.wild.example.test", "TXT", "bogus denial_incomplete"),
    ("below.moved.example.test", "TXT", "bogus denial_incomplete"),
    ("moved.example.test", "TXT", "nodata"),
    // The zone's own apex must not deny its DS.
    ("example.test", "DS", "secure"),
];

fn with(tree: &Tree, zone: &Zone, denials: Vec<Record>) -> Vec<Record> {
    [tree.to(zone), zone.sign_each(denials)].concat()
}

#[test]
fn nsec_denies_what_it_may_and_nothing_else() {
    let tree = Tree::new();
    let proof = with(&tree, &tree.example, nsec_chain(NAMES));
    for (name, rtype, expected) in QUESTIONS {
        assert_verdict(&tree, &proof, name, rtype, expected);
    }
}

#[test]
fn nsec3_denies_what_it_may_and_nothing_else() {
    let tree = Tree::new();
    for parameters in [
        Nsec3::PLAIN,
        Nsec3 {
            iterations: 10,
            salt: b"\xab\xcd",
            opt_out: false,
        },
        Nsec3 {
            iterations: 100,
            salt: b"",
            opt_out: false,
        },
    ] {
        let proof = with(&tree, &tree.example, nsec3_chain(parameters));
        for (name, rtype, expected) in QUESTIONS {
            assert_verdict(&tree, &proof, name, rtype, expected);
        }
    }
}

#[test]
fn an_opt_out_span_makes_insecure_and_never_nxdomain() {
    let tree = Tree::new();
    let proof = with(&tree, &tree.example, nsec3_chain(Nsec3::OPT_OUT));
    for (name, rtype, expected) in QUESTIONS {
        // A match denies a type as ever; whatever needs a span is undecided.
        let spans = *expected == "nxdomain"
            || ["a.wild.example.test", "x.y.z.wild.example.test"].contains(name);
        let expected = if spans { "insecure opt_out" } else { expected };
        assert_verdict(&tree, &proof, name, rtype, expected);
    }
    assert_verdict(
        &tree,
        &proof,
        "hidden.example.test",
        "DS",
        "insecure opt_out",
    );
}

#[test]
fn nothing_is_denied_or_insecure_without_signatures() {
    let tree = Tree::new();
    let stranger = Zone::with_key("example.test.", Key::ed25519("stranger"));
    let chains = [
        nsec_chain(NAMES),
        nsec3_chain(Nsec3::PLAIN),
        nsec3_chain(Nsec3::OPT_OUT),
        nsec3_chain(Nsec3 {
            iterations: 101,
            ..Nsec3::PLAIN
        }),
    ];
    for denials in chains {
        let unsigned = [tree.to_example(), denials.clone()].concat();
        let forged = [tree.to_example(), stranger.sign_each(denials)].concat();
        for (name, rtype, expected) in QUESTIONS {
            if *expected == "secure" {
                continue;
            }
            for proof in [&unsigned, &forged] {
                let verdict = tree.verify(proof, &question(name, rtype)).verdict;
                assert!(
                    matches!(verdict, Verdict::Bogus(_)),
                    "{name} {rtype}: {verdict:?}"
                );
            }
        }
    }
}

#[test]
fn too_many_iterations_are_insecure_once_signed() {
    let tree = Tree::new();
    for iterations in [101, u16::MAX] {
        let parameters = Nsec3 {
            iterations,
            ..Nsec3::PLAIN
        };
        // The hashes do not matter, since nobody computes them.
        let denials = vec![parameters.record("example.test.", &[1; 20], &[2; 20], "TXT")];
        let proof = with(&tree, &tree.example, denials);
        let asked = question("a.example.test", "TXT");
        let verification = tree.verify(&proof, &asked);
        assert_eq!(
            spelled(&verification.verdict),
            "insecure too_many_iterations"
        );
        assert_eq!(verification.cost.nsec3_hashes, 0);
        // A positive answer needs no hash.
        let answer = tree.example.sign(vec![txt("a.example.test.", "x")]);
        let proof = [proof, answer].concat();
        assert_verdict(&tree, &proof, "a.example.test", "TXT", "secure");
    }
    // A zone above the one that is secure has no say in it.
    let parameters = Nsec3 {
        iterations: 500,
        ..Nsec3::PLAIN
    };
    let above = tree
        .test
        .sign_each(vec![parameters.record("test.", &[1; 20], &[2; 20], "TXT")]);
    let proof = [with(&tree, &tree.example, nsec_chain(NAMES)), above].concat();
    assert_verdict(
        &tree,
        &proof,
        "txt.example.test",
        "TXT",
        "bogus denial_incomplete",
    );
    assert_verdict(&tree, &proof, "no.example.test", "TXT", "nxdomain");
}

#[test]
fn nsec3_of_unknown_algorithm_or_flags_is_ignored() {
    let tree = Tree::new();
    for (octet, value) in [(0, 2), (1, 2), (1, 0x80)] {
        let mut chain = nsec3_chain(Nsec3::PLAIN);
        for record in &mut chain {
            record.rdata[octet] = value;
        }
        let proof = with(&tree, &tree.example, chain);
        let verdict = tree
            .verify(&proof, &question("no.example.test", "TXT"))
            .verdict;
        assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
    }
}

#[test]
fn every_denying_record_is_needed() {
    let tree = Tree::new();
    for chain in [nsec_chain(NAMES), nsec3_chain(Nsec3::PLAIN)] {
        for (name, rtype, expected) in QUESTIONS.iter().filter(|(_, _, e)| e.starts_with("n")) {
            let asked = question(name, rtype);
            let full = with(&tree, &tree.example, chain.clone());
            let used = tree.verify(&full, &asked).used;
            // The records used are a proof by themselves, and none of them is idle.
            assert_eq!(spelled(&tree.verify(&used, &asked).verdict), *expected);
            for left_out in 0..used.len() {
                let mut proof = used.clone();
                proof.remove(left_out);
                let verdict = tree.verify(&proof, &asked).verdict;
                assert!(
                    matches!(verdict, Verdict::Bogus(_)),
                    "{name} {rtype} without {:?}: {verdict:?}",
                    used[left_out]
                );
            }
        }
    }
}

#[test]
fn an_soa_bounds_how_long_a_denial_is_kept() {
    let tree = Tree::new();
    let denial = with(&tree, &tree.example, nsec_chain(NAMES));
    let asked = question("no.example.test", "TXT");
    assert_eq!(tree.verify(&denial, &asked).cache_ttl, Some(TTL));
    let with_soa = [
        denial.clone(),
        tree.example.sign(vec![soa("example.test.", 60)]),
    ]
    .concat();
    let verification = tree.verify(&with_soa, &asked);
    assert_eq!(verification.cache_ttl, Some(60));
    assert!(
        verification
            .used
            .iter()
            .any(|record| record.rtype == RecordType::SOA)
    );
    // One that does not verify is left aside.
    let forged = [denial, vec![soa("example.test.", 1)]].concat();
    let verification = tree.verify(&forged, &asked);
    assert_eq!(spelled(&verification.verdict), "nxdomain");
    assert_eq!(verification.cache_ttl, Some(TTL));
}

#[test]
fn compact_denial_is_read_as_rfc_9824_says() {
    let tree = Tree::new();
    let compact = |types: &str| {
        let denial = nsec("no.example.test.", "\\000.no.example.test.", types);
        with(&tree, &tree.example, vec![denial])
    };
    for (types, expected) in [
        ("RRSIG NSEC NXNAME", "nxdomain"),
        ("RRSIG NSEC", "nodata"),
        ("A RRSIG NSEC", "nodata"),
        ("TXT RRSIG NSEC", "bogus denial_incomplete"),
        ("CNAME RRSIG NSEC", "bogus denial_incomplete"),
        ("A RRSIG NSEC NXNAME", "bogus denial_incomplete"),
    ] {
        assert_verdict(&tree, &compact(types), "no.example.test", "TXT", expected);
    }
    // It speaks of its own name alone, and shows the empty non-terminal that it pretends.
    let proof = compact("RRSIG NSEC NXNAME");
    assert_verdict(
        &tree,
        &proof,
        "other.example.test",
        "TXT",
        "bogus denial_incomplete",
    );
    let hash = Nsec3::PLAIN.hash(&name("no.example.test"));
    let mut next = hash.clone();
    next[19] = next[19].wrapping_add(1);
    let record = Nsec3::PLAIN.record("example.test.", &hash, &next, "RRSIG NXNAME");
    let proof = with(&tree, &tree.example, vec![record]);
    assert_verdict(&tree, &proof, "no.example.test", "TXT", "nxdomain");
}

#[test]
fn a_parent_denies_nothing_of_its_child() {
    let tree = Tree::new();
    let names = [
        ("test.", "NS SOA RRSIG NSEC DNSKEY"),
        ("example.test.", "NS DS RRSIG NSEC"),
    ];
    for denials in [nsec_chain(&names), Nsec3::PLAIN.chain("test.", &names)] {
        let parent = [tree.to_test(), tree.test.sign_each(denials)].concat();
        let with_child = [parent.clone(), tree.to_example()].concat();
        for asked in ["example.test", "a.example.test", "a.b.example.test"] {
            for proof in [&parent, &with_child] {
                let verdict = tree.verify(proof, &question(asked, "TXT")).verdict;
                assert!(matches!(verdict, Verdict::Bogus(_)), "{asked}: {verdict:?}");
            }
        }
    }
}

#[test]
fn a_child_denies_no_ds_of_its_own_and_no_name_outside() {
    let tree = Tree::new();
    let apex = [("example.test.", "NS SOA RRSIG NSEC DNSKEY")];
    for denials in [
        nsec_chain(&apex),
        Nsec3::PLAIN.chain("example.test.", &apex),
    ] {
        let signed = tree.example.sign_each(denials);
        // Without the DS RRset there is no chain to the keys that would deny it.
        let proof = [tree.to_test(), tree.example.dnskey(), signed.clone()].concat();
        let verdict = tree.verify(&proof, &question("example.test", "DS")).verdict;
        assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
        let proof = [tree.to_example(), signed].concat();
        let verdict = tree.verify(&proof, &question("other.test", "TXT")).verdict;
        assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
    }
}

#[test]
fn a_denial_made_from_a_wildcard_is_refused() {
    let tree = Tree::new();
    let denial = tree.example.expand(
        nsec("no.example.test.", "zz.example.test.", "A RRSIG NSEC"),
        "example.test.",
    );
    let proof = [tree.to_example(), denial].concat();
    assert_verdict(
        &tree,
        &proof,
        "no.example.test",
        "TXT",
        "bogus unexpected_wildcard",
    );
}

#[test]
fn an_nsec_next_name_outside_the_zone_is_ignored() {
    let tree = Tree::new();
    let proof = with(
        &tree,
        &tree.example,
        vec![nsec("a.example.test.", "z.test.", "TXT")],
    );
    let verdict = tree
        .verify(&proof, &question("b.example.test", "TXT"))
        .verdict;
    assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
}

#[test]
fn aliases_lead_to_denials_too() {
    let tree = Tree::new();
    let denials = tree.example.sign_each(nsec_chain(NAMES));
    for (target, expected) in [
        ("no.example.test.", "nxdomain"),
        ("ent.example.test.", "nodata"),
        ("below.cut.example.test.", "insecure no_ds"),
        ("nowhere.test.", "bogus no_answer"),
    ] {
        let alias = tree.test.sign(vec![cname("a.test.", target)]);
        let proof = [tree.to_example(), alias, denials.clone()].concat();
        let verification = tree.verify(&proof, &question("a.test", "TXT"));
        assert_eq!(spelled(&verification.verdict), expected, "{target}");
        if !expected.starts_with("bogus") {
            assert!(
                verification
                    .used
                    .iter()
                    .any(|record| record.rtype == RecordType::CNAME)
            );
        }
    }
}

#[test]
fn an_unsigned_child_is_insecure_with_or_without_its_records() {
    let tree = Tree::new();
    let names = [
        ("test.", "NS SOA RRSIG NSEC DNSKEY"),
        ("plain.test.", "NS RRSIG NSEC"),
    ];
    for denials in [
        nsec_chain(&names),
        Nsec3::PLAIN.chain("test.", &names),
        Nsec3::OPT_OUT.chain("test.", &names[..1]),
    ] {
        let delegation = [tree.to_test(), tree.test.sign_each(denials)].concat();
        let island = Zone::new("plain.test.");
        let below = Zone::new("island.plain.test.");
        let signed = [
            below.dnskey(),
            island.dnskey(),
            island.sign(vec![below.ds()]),
            below.sign(vec![txt("a.island.plain.test.", "x")]),
        ]
        .concat();
        for extra in [vec![], vec![txt("a.island.plain.test.", "x")], signed] {
            let proof = [delegation.clone(), extra].concat();
            let verdict = tree
                .verify(&proof, &question("a.island.plain.test", "TXT"))
                .verdict;
            assert!(matches!(verdict, Verdict::Insecure(_)), "{verdict:?}");
        }
    }
}

#[test]
fn a_signed_zone_is_not_made_insecure_by_a_neighbour() {
    let tree = Tree::new();
    let names = [
        ("test.", "NS SOA RRSIG NSEC DNSKEY"),
        ("example.test.", "NS DS RRSIG NSEC"),
        ("plain.test.", "NS RRSIG NSEC"),
    ];
    for denials in [nsec_chain(&names), Nsec3::PLAIN.chain("test.", &names)] {
        let proof = [
            tree.to_example(),
            tree.test.sign_each(denials),
            vec![txt("a.example.test.", "forged")],
        ]
        .concat();
        assert_verdict(
            &tree,
            &proof,
            "a.example.test",
            "TXT",
            "bogus missing_signature",
        );
    }
}

#[test]
fn a_name_on_a_cut_is_told_from_both_sides() {
    let tree = Tree::new();
    let parent = tree.test.sign(vec![nsec(
        "example.test.",
        "plain.test.",
        "NS DS RRSIG NSEC",
    )]);
    let child = tree.example.sign(vec![nsec(
        "example.test.",
        "a.example.test.",
        "NS SOA RRSIG NSEC DNSKEY",
    )]);
    let proof = [tree.to_example(), parent.clone(), child].concat();
    // Both NSEC records are there, and each denies what is its own.
    assert_verdict(&tree, &proof, "example.test", "TXT", "nodata");
    assert_verdict(&tree, &proof, "f.test", "TXT", "bogus denial_incomplete");
    match tree
        .verify(&proof, &question("example.test", "NSEC"))
        .verdict
    {
        Verdict::Secure(secure) => assert!(secure.rdatas[0].starts_with(b"\x01a")),
        other => panic!("{other:?}"),
    }
    let proof = [tree.to_example(), parent].concat();
    let verdict = tree
        .verify(&proof, &question("example.test", "NSEC"))
        .verdict;
    assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
}

#[test]
fn the_root_denies_its_own_ds_and_top_level_names() {
    let tree = Tree::new();
    let names = [
        (".", "NS SOA RRSIG NSEC DNSKEY"),
        ("test.", "NS DS RRSIG NSEC"),
    ];
    for denials in [nsec_chain(&names), Nsec3::PLAIN.chain(".", &names)] {
        let proof = [tree.root.dnskey(), tree.root.sign_each(denials)].concat();
        assert_verdict(&tree, &proof, ".", "DS", "nodata");
        assert_verdict(&tree, &proof, ".", "TXT", "nodata");
        assert_verdict(&tree, &proof, "nowhere", "TXT", "nxdomain");
        assert_verdict(&tree, &proof, "a.nowhere", "DS", "nxdomain");
        assert_verdict(&tree, &proof, "test", "DS", "bogus denial_incomplete");
    }
}
