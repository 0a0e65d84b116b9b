//! The prover against canned responses: no socket, no clock, no signature is real.

mod cost;
mod resolver;
mod unsigned;

use super::*;
use resolver::{
    KEY, Resolver, alias, contents, holds, nsec, question, record, signed, signed_as, soa, txt,
};

const MIMI: &str = "_mimi.b.a.example.";

#[test]
fn a_positive_proof_goes_from_the_root_down_and_asks_nothing_at_labels_without_a_cut() {
    let resolver = Resolver::tree().teach(
        question(MIMI, RecordType::TXT),
        vec![txt(MIMI), signed(MIMI, RecordType::TXT, "a.example.")],
        // What servers add and a proof has no use for.
        [
            vec![alias("a.example.", RecordType::NS, "ns.a.example.")],
            nsec(
                "a.example.",
                "z.a.example.",
                &[RecordType::NS, RecordType::SOA],
                "a.example.",
            ),
        ]
        .concat(),
    );
    let (proof, asked) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert_eq!(
        contents(&proof),
        [
            ". DNSKEY",
            ". RRSIG(DNSKEY)",
            "example. DS",
            "example. RRSIG(DS)",
            "example. DNSKEY",
            "example. RRSIG(DNSKEY)",
            "a.example. DS",
            "a.example. RRSIG(DS)",
            "a.example. DNSKEY",
            "a.example. RRSIG(DNSKEY)",
            "_mimi.b.a.example. TXT",
            "_mimi.b.a.example. RRSIG(TXT)",
        ]
    );
    assert_eq!(
        asked,
        [
            "_mimi.b.a.example. TXT",
            ". DNSKEY",
            "a.example. DNSKEY",
            "a.example. DS",
            "example. DNSKEY",
            "example. DS",
        ]
    );
}

#[test]
fn absence_keeps_the_denial_and_leaves_out_what_cannot_deny() {
    let mut authority = soa("a.example.");
    authority.extend(nsec(
        "a.example.",
        "c.a.example.",
        &[RecordType::SOA],
        "a.example.",
    ));
    authority.extend(nsec(
        "m.a.example.",
        "n.a.example.",
        &[RecordType::TXT],
        "a.example.",
    ));
    authority.extend(nsec("x.test.", "y.test.", &[RecordType::TXT], "test."));
    authority.push(alias("a.example.", RecordType::NS, "ns.a.example."));
    let resolver = Resolver::tree().teach(question(MIMI, RecordType::TXT), vec![], authority);
    let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    let denial = &contents(&proof)[10..];
    assert_eq!(
        denial,
        [
            "a.example. SOA",
            "a.example. RRSIG(SOA)",
            "a.example. NSEC",
            "a.example. RRSIG(NSEC)",
        ]
    );
}

#[test]
fn a_wildcard_answer_keeps_the_proof_that_the_name_does_not_exist() {
    let resolver = Resolver::tree().teach(
        question(MIMI, RecordType::TXT),
        vec![txt(MIMI), signed_as(MIMI, RecordType::TXT, "a.example.", 2)],
        nsec(
            "a.example.",
            "c.a.example.",
            &[RecordType::SOA],
            "a.example.",
        ),
    );
    let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert!(holds(&proof, "a.example. RRSIG(NSEC)"));
}

#[test]
fn aliases_are_followed_across_zones_and_asked_for_where_the_resolver_stops() {
    let target = "t.c.example.";
    let answer = vec![txt(target), signed(target, RecordType::TXT, "c.example.")];
    let step = vec![
        alias(MIMI, RecordType::CNAME, target),
        signed(MIMI, RecordType::CNAME, "a.example."),
    ];
    let base = || Resolver::tree().zone("c.example.", "example.");
    let whole = base().teach(
        question(MIMI, RecordType::TXT),
        [step.clone(), answer.clone()].concat(),
        vec![],
    );
    let (proof, asked) = whole.prove(MIMI, RecordType::TXT).unwrap();
    assert!(!asked.contains(&"t.c.example. TXT".to_owned()));

    let stopping = base()
        .teach(question(MIMI, RecordType::TXT), step, vec![])
        .teach(question(target, RecordType::TXT), answer, vec![]);
    let (same, asked) = stopping.prove(MIMI, RecordType::TXT).unwrap();
    assert!(asked.contains(&"t.c.example. TXT".to_owned()));
    assert_eq!(proof, same);
    assert!(holds(&proof, "c.example. RRSIG(DS)"));
    assert!(holds(&proof, "t.c.example. RRSIG(TXT)"));
}

#[test]
fn an_alias_to_nothing_is_a_denial_of_the_target() {
    let authority = [
        soa("a.example."),
        nsec(
            "s.a.example.",
            "u.a.example.",
            &[RecordType::TXT],
            "a.example.",
        ),
    ]
    .concat();
    let step = vec![
        alias(MIMI, RecordType::CNAME, "t.a.example."),
        signed(MIMI, RecordType::CNAME, "a.example."),
    ];
    let resolver = Resolver::tree().teach(question(MIMI, RecordType::TXT), step, authority);
    let (proof, asked) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert!(holds(&proof, "s.a.example. RRSIG(NSEC)"));
    assert!(!asked.contains(&"t.a.example. TXT".to_owned()));
}

#[test]
fn the_cname_that_a_dname_makes_is_left_out() {
    let resolver = Resolver::tree().zone("c.example.", "example.").teach(
        question(MIMI, RecordType::TXT),
        vec![
            alias("b.a.example.", RecordType::DNAME, "c.example."),
            signed("b.a.example.", RecordType::DNAME, "a.example."),
            alias(MIMI, RecordType::CNAME, "_mimi.c.example."),
            txt("_mimi.c.example."),
            signed("_mimi.c.example.", RecordType::TXT, "c.example."),
        ],
        vec![],
    );
    let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert!(holds(&proof, "b.a.example. RRSIG(DNAME)"));
    assert!(holds(&proof, "_mimi.c.example. RRSIG(TXT)"));
    assert!(!holds(&proof, "_mimi.b.a.example. CNAME"));
}

#[test]
fn a_loop_of_aliases_is_an_error() {
    let step = |from: &str, to: &str| {
        vec![
            alias(from, RecordType::CNAME, to),
            signed(from, RecordType::CNAME, "a.example."),
        ]
    };
    let resolver = Resolver::tree().teach(
        question(MIMI, RecordType::TXT),
        [step(MIMI, "y.a.example."), step("y.a.example.", MIMI)].concat(),
        vec![],
    );
    assert_eq!(
        resolver.prove(MIMI, RecordType::TXT).unwrap_err(),
        ProveError::TooManyAliases(8)
    );
}

#[test]
fn eight_aliases_are_followed_and_nine_are_not() {
    let chain = |steps: usize| {
        let owner = |index: usize| format!("n{index}.a.example.");
        let mut answer: Vec<Record> = (0..steps)
            .flat_map(|index| {
                let (from, to) = (owner(index), owner(index + 1));
                [
                    alias(&from, RecordType::CNAME, &to),
                    signed(&from, RecordType::CNAME, "a.example."),
                ]
            })
            .collect();
        answer.push(txt(&owner(steps)));
        answer.push(signed(&owner(steps), RecordType::TXT, "a.example."));
        Resolver::tree()
            .teach(question("n0.a.example.", RecordType::TXT), answer, vec![])
            .prove("n0.a.example.", RecordType::TXT)
    };
    assert!(chain(8).is_ok());
    assert_eq!(chain(9).unwrap_err(), ProveError::TooManyAliases(8));
}

#[test]
fn signatures_of_unknown_keys_go_if_another_remains() {
    let mut orphan = signed(MIMI, RecordType::TXT, "a.example.");
    orphan.rdata[16] ^= 1;
    let with = |signatures: Vec<Record>| {
        let answer = [vec![txt(MIMI)], signatures].concat();
        let resolver = Resolver::tree().teach(question(MIMI, RecordType::TXT), answer, vec![]);
        let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
        contents(&proof)
            .iter()
            .filter(|held| held.ends_with("RRSIG(TXT)"))
            .count()
    };
    assert_eq!(
        with(vec![
            orphan.clone(),
            signed(MIMI, RecordType::TXT, "a.example.")
        ]),
        1
    );
    assert_eq!(with(vec![orphan]), 1, "the reader shall see what is wrong");
}

#[test]
fn keys_keep_the_signature_by_the_key_that_the_delegation_names() {
    let other_key = [KEY, &[9]].concat();
    let mut by_other = signed("a.example.", RecordType::DNSKEY, "a.example.");
    by_other.rdata[16..18].copy_from_slice(&crate::rdata::key_tag(&other_key).to_be_bytes());
    let keys = vec![
        record("a.example.", RecordType::DNSKEY, KEY),
        record("a.example.", RecordType::DNSKEY, &other_key),
        by_other,
        signed("a.example.", RecordType::DNSKEY, "a.example."),
    ];
    let with_tag = |tag: u16| {
        let ds = vec![
            record(
                "a.example.",
                RecordType::DS,
                &[&tag.to_be_bytes()[..], &[13, 2, 9]].concat(),
            ),
            signed("a.example.", RecordType::DS, "example."),
        ];
        let (proof, _) = Resolver::tree()
            .teach(
                question("a.example.", RecordType::DNSKEY),
                keys.clone(),
                vec![],
            )
            .teach(question("a.example.", RecordType::DS), ds, vec![])
            .prove("a.example.", RecordType::DNSKEY)
            .unwrap();
        contents(&proof)
            .iter()
            .filter(|held| *held == "a.example. RRSIG(DNSKEY)")
            .count()
    };
    assert_eq!(with_tag(crate::rdata::key_tag(KEY)), 1);
    assert_eq!(with_tag(0), 2, "the reader shall see what is wrong");
}

#[test]
fn a_signer_beside_the_owner_is_no_signer() {
    let resolver = Resolver::tree().teach(
        question(MIMI, RecordType::TXT),
        vec![txt(MIMI), signed(MIMI, RecordType::TXT, "evil.test.")],
        vec![],
    );
    let (proof, asked) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert!(!asked.iter().any(|asked| asked.contains("evil")));
    assert!(!holds(&proof, "_mimi.b.a.example. RRSIG(TXT)"));
}

#[test]
fn a_resolver_that_strips_dnssec_gets_a_proof_of_nothing() {
    let resolver =
        Resolver::default().teach(question(MIMI, RecordType::TXT), vec![txt(MIMI)], vec![]);
    let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    assert_eq!(contents(&proof), ["_mimi.b.a.example. TXT"]);
}

#[test]
fn keys_and_delegations_can_be_asked_for_themselves() {
    let (keys, asked) = Resolver::tree().prove(".", RecordType::DNSKEY).unwrap();
    assert_eq!(contents(&keys), [". DNSKEY", ". RRSIG(DNSKEY)"]);
    assert_eq!(asked, [". DNSKEY"]);
    let (delegation, _) = Resolver::tree()
        .prove("a.example.", RecordType::DS)
        .unwrap();
    assert!(holds(&delegation, "a.example. RRSIG(DS)"));
    assert!(!holds(&delegation, "a.example. DNSKEY"));
}

#[test]
fn refusals_and_bounds_are_errors_that_name_the_question() {
    let asked = question(MIMI, RecordType::TXT);
    let (mut prover, _) = Prover::start(asked.clone(), ProverLimits::default());
    let mut response = Resolver::default().answer(&asked);
    let stray = question("x.", RecordType::TXT);
    assert_eq!(
        prover.respond(&stray, &response).unwrap_err(),
        ProveError::NotAsked(stray)
    );
    response.rcode = rcode::SERVFAIL;
    let refused = prover.clone().respond(&asked, &response).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the resolver answered _mimi.b.a.example. TXT with response code 2"
    );
    response.truncated = true;
    assert_eq!(
        prover.respond(&asked, &response).unwrap_err(),
        ProveError::Truncated(asked)
    );

    let whole = Resolver::tree().teach(
        question(MIMI, RecordType::TXT),
        vec![txt(MIMI), signed(MIMI, RecordType::TXT, "a.example.")],
        vec![],
    );
    let short = ProverLimits {
        records: 11,
        ..ProverLimits::default()
    };
    assert_eq!(
        whole
            .prove_within(MIMI, RecordType::TXT, short)
            .unwrap_err(),
        ProveError::TooManyRecords(11)
    );
    let few = ProverLimits {
        questions: 5,
        ..ProverLimits::default()
    };
    assert_eq!(
        whole.prove_within(MIMI, RecordType::TXT, few).unwrap_err(),
        ProveError::TooManyQuestions(5)
    );
    let small = ProverLimits {
        bytes: 100,
        ..ProverLimits::default()
    };
    assert!(matches!(
        whole
            .prove_within(MIMI, RecordType::TXT, small)
            .unwrap_err(),
        ProveError::TooLarge { limit: 100, .. }
    ));
}

#[test]
fn a_flood_of_denials_is_cut_short() {
    let mut authority = soa("a.example.");
    for index in 0..400 {
        let owner = format!("a{index:03}.a.example.");
        authority.extend(nsec(
            &owner,
            "c.a.example.",
            &[RecordType::TXT],
            "a.example.",
        ));
    }
    let resolver = Resolver::tree().teach(question(MIMI, RecordType::TXT), vec![], authority);
    let (proof, _) = resolver.prove(MIMI, RecordType::TXT).unwrap();
    let denials = contents(&proof)
        .iter()
        .filter(|held| held.ends_with(" NSEC"))
        .count();
    assert_eq!(denials, 15, "16 RRsets, the SOA among them");
}
