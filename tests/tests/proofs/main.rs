//! Zones of every kind, signed by BIND, ldns, Knot or, where none of them can, by ourselves, served by NSD or Knot,
//! resolved by Unbound: our proof, our verdict, and the opinions of delv and Unbound.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

mod bombs;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::thread;

use sotto_proof::{Anchors, Limits, Question, verify};
use sotto_tests::oracle::{self, Opinion};
use sotto_tests::{Hierarchy, now};
use table::{Case, cases, explained};

/// Asks `ask` of every case, some at a time; gives what it finds wrong.
fn wrong(ask: impl Fn(&Case) -> Vec<String> + Sync) -> Vec<String> {
    let cases = cases();
    let (waiting, found) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    let next = || waiting.lock().unwrap().next();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let wrong = ask(case);
                    found.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// Whether no proof came about for a reason that lies in the name.
fn gives_up(error: &anyhow::Error) -> bool {
    let said = format!("{error:#}");
    said.contains("with SERVFAIL") || said.contains("an alias of more than")
}

#[test]
fn our_verdict_on_our_proof_is_what_was_signed() {
    let hierarchy = Hierarchy::zoo().unwrap();
    let anchors = Anchors::parse(&fs::read_to_string(hierarchy.anchor()).unwrap()).unwrap();
    let wrong = wrong(|case| {
        let proof = match hierarchy.prove(&case.name, &case.rtype) {
            Ok(proof) => proof,
            // Nothing to judge, as the resolver or our prover will not follow the aliases.
            Err(error) if case.verdict == Opinion::Bogus && gives_up(&error) => return Vec::new(),
            Err(error) => return vec![format!("{case}: {error:#}")],
        };
        let question = Question {
            name: case.name.parse().unwrap(),
            rtype: case.rtype.parse().unwrap(),
        };
        let verdict = verify(&proof, &question, &anchors, now(), &Limits::default()).verdict;
        if Opinion::from(&verdict) == case.verdict {
            return Vec::new();
        }
        vec![format!("{case}: {verdict:?}")]
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_oracles_agree_with_what_was_signed() {
    let hierarchy = Hierarchy::zoo().unwrap();
    let wrong = wrong(|case| {
        let unbound = oracle::unbound(hierarchy, &case.name, &case.rtype);
        let delv = oracle::delv(hierarchy, &case.name, &case.rtype);
        let mut wrong = Vec::new();
        for (who, said, expected) in [
            ("Unbound", unbound, case.unbound()),
            ("delv", delv, case.delv()),
        ] {
            match said {
                Ok(opinion) if opinion == expected => {}
                Ok(opinion) => wrong.push(format!("{case}: {who} says {opinion}, not {expected}")),
                Err(error) => wrong.push(format!("{case}: {who}: {error:#}")),
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_difference_is_explained_once_and_no_other() {
    let differing: Vec<_> = cases().into_iter().filter(Case::differs).collect();
    let in_table: BTreeSet<_> = differing.iter().map(Case::row).collect();
    let in_document = explained();
    let only = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(
        (only(&in_table, &in_document), only(&in_document, &in_table)),
        (Vec::new(), Vec::new()),
        "only in names.txt, only in docs/proof-zoo.md"
    );
    for case in differing {
        let rule = case.rule.as_deref().unwrap_or_default();
        assert!(rule.starts_with("RFC "), "{case} names no RFC");
    }
}

#[test]
fn every_zone_is_asked_for_something() {
    let cases = cases();
    let named: BTreeSet<_> = cases.iter().map(|case| (&case.name, &case.rtype)).collect();
    assert_eq!(
        named.len(),
        cases.len(),
        "a name and type stands there twice"
    );
    for origin in Hierarchy::zoo().unwrap().origins() {
        let asked = cases
            .iter()
            .any(|case| case.name.to_lowercase().ends_with(origin));
        assert!(asked, "{origin}");
    }
}
