//! What a resolver or the owner of a zone can make a proof cost: counted, beside honest proofs.

use super::resolver::{KEY, alias, bitmap, nsec, question, record, signed, signed_as, soa, txt};
use crate::message::{Response, rcode};
use crate::name::Name;
use crate::prove::{Progress, ProveError, Prover, ProverLimits};
use crate::record::{Question, Record, RecordType};

/// How much more than the costliest honest proof a hostile one may cost.
const TIMES: usize = 10;

/// Labels below the zone: with its chain they use up nearly all questions that there may be.
const LABELS: usize = 56;

const ZONE: &str = "a.example.";

fn deep() -> Question {
    question(&format!("{}{ZONE}", "b.".repeat(LABELS)), RecordType::TXT)
}

fn response(answer: Vec<Record>, authority: Vec<Record>) -> Response {
    Response {
        rcode: rcode::NOERROR,
        truncated: false,
        answer,
        authority,
    }
}

/// Answers for a tree whose zones are signed down to [`ZONE`], which has no delegations.
fn tree(asked: &Question, junk: &[Record]) -> Response {
    let owner = asked.name.to_string();
    let parent = || asked.name.parent().unwrap().to_string();
    match asked.rtype {
        RecordType::DNSKEY => response(
            vec![
                record(&owner, RecordType::DNSKEY, KEY),
                signed(&owner, RecordType::DNSKEY, &owner),
            ],
            vec![],
        ),
        RecordType::DS if asked.name.label_count() <= 2 => response(
            vec![
                record(&owner, RecordType::DS, &[0, 0, 13, 2, 9]),
                signed(&owner, RecordType::DS, &parent()),
            ],
            vec![],
        ),
        RecordType::DS => {
            let next = format!("0.{owner}");
            let denial = nsec(&owner, &next, &[RecordType::A], ZONE);
            response(vec![], [junk, &denial, &soa(ZONE)].concat())
        }
        _ => response(vec![txt(&owner)], vec![]),
    }
}

/// Runs a prover to its end, and says what it cost.
fn cost(asked: &Question, answer: impl Fn(&Question) -> Response) -> (usize, Option<ProveError>) {
    let (mut prover, mut open) = Prover::start(asked.clone(), ProverLimits::default());
    while let Some(next) = open.pop() {
        match prover.respond(&next, &answer(&next)) {
            Ok(Progress::Ask(more)) => open.extend(more),
            Ok(Progress::Wait) => {}
            Ok(Progress::Done(_)) => return (prover.work(), None),
            Err(error) => return (prover.work(), Some(error)),
        }
    }
    panic!("neither finished nor asking");
}

/// An honest proof of nearly as many questions as there may be.
fn honest() -> usize {
    let (work, error) = cost(&deep(), |asked| tree(asked, &[]));
    assert_eq!(error, None);
    work
}

/// Signed NSEC of the zone, which deny nothing but themselves.
fn beside(count: usize) -> Vec<Record> {
    (0..count)
        .flat_map(|index| {
            let owner = format!("c{index:03}.{ZONE}");
            nsec(&owner, &format!("0.{owner}"), &[RecordType::A], ZONE)
        })
        .collect()
}

/// Signed NSEC of the zone, each of which covers everything that is asked.
fn covering(count: usize) -> Vec<Record> {
    (0..count)
        .flat_map(|index| {
            nsec(
                &format!("a{index:03}.{ZONE}"),
                &format!("c.{ZONE}"),
                &[RecordType::A],
                ZONE,
            )
        })
        .collect()
}

#[test]
fn junk_in_denials_costs_no_more_than_ten_honest_proofs() {
    let most = TIMES * honest();
    let refused = ProveError::TooMuchReceived {
        records: 4_096,
        bytes: 262_140,
    };
    for (junk, error) in [
        (beside(500), Some(refused.clone())),
        (covering(500), Some(refused)),
        // As much in each response as all may have together.
        (beside(30), None),
        (covering(30), None),
    ] {
        let (work, ended) = cost(&deep(), |asked| tree(asked, &junk));
        assert_eq!(ended, error, "{} records", junk.len());
        assert!(
            work <= most,
            "{work} for {} records, not {most}",
            junk.len()
        );
    }
}

#[test]
fn many_signatures_of_one_denial_cost_no_more_than_ten_honest_proofs() {
    let most = TIMES * honest();
    let flood = |asked: &Question| {
        let owner = asked.name.to_string();
        let more = vec![signed(&owner, RecordType::NSEC, ZONE); 20];
        tree(asked, &more)
    };
    let (work, error) = cost(&deep(), flood);
    assert_eq!(error, None);
    assert!(work <= most, "{work}, not {most}");
}

#[test]
fn aliases_made_from_wildcards_cost_no_more_than_ten_honest_proofs() {
    let most = TIMES * honest();
    let owner = |index: usize| format!("b.n{index}.{ZONE}");
    let asked = question(&owner(0), RecordType::TXT);
    let chain = |from: usize, to: usize, junk: usize| {
        let answer = (from..to).flat_map(|index| {
            [
                alias(&owner(index), RecordType::CNAME, &owner(index + 1)),
                signed_as(&owner(index), RecordType::CNAME, ZONE, 2),
            ]
        });
        response(answer.collect(), [beside(junk), soa(ZONE)].concat())
    };
    let (work, error) = cost(&asked, |next| match next.rtype {
        RecordType::TXT => chain(0, 8, 490),
        _ => tree(next, &[]),
    });
    assert_eq!(error, None);
    assert!(work <= most, "{work}, not {most}");
}

#[test]
fn signers_without_end_are_too_many_questions() {
    let most = TIMES * honest();
    let (work, error) = cost(&deep(), |asked| {
        let owner = asked.name.to_string();
        let mut answer = vec![txt(&owner)];
        let signers = (0..asked.name.label_count()).map(|count| asked.name.ancestor(count));
        answer.extend(
            signers.map(|signer: Name| signed(&owner, RecordType::TXT, &signer.to_string())),
        );
        match asked.rtype {
            RecordType::TXT => response(answer, vec![]),
            _ => tree(asked, &[]),
        }
    });
    assert!(error.is_none() || error == Some(ProveError::TooManyQuestions(64)));
    assert!(work <= most, "{work}, not {most}");
}

#[test]
fn octets_are_counted_with_names_written_out() {
    let big = record(ZONE, RecordType::TXT, &vec![0; 60_000]);
    let (_, error) = cost(&deep(), |asked| match asked.rtype {
        RecordType::DS => {
            let mut lying = tree(asked, &[]);
            lying.authority.push(big.clone());
            lying
        }
        _ => tree(asked, &[]),
    });
    assert_eq!(
        error.unwrap().to_string(),
        "the responses for one proof have more than 4096 records or 262140 octets"
    );
}

#[test]
fn the_wildcard_that_is_kept_is_the_one_at_the_closest_encloser() {
    let asked = question(&format!("x.y.{ZONE}"), RecordType::TXT);
    let denial = |wildcard: &str| {
        let next = format!("0.{wildcard}");
        let rdata = [
            next.parse::<Name>().unwrap().as_wire(),
            &bitmap(&[RecordType::A]),
        ]
        .concat();
        vec![
            record(wildcard, RecordType::NSEC, &rdata),
            signed(wildcard, RecordType::NSEC, ZONE),
        ]
    };
    let authority = [
        soa(ZONE),
        // Covers the name, and has in common with it the zone alone.
        nsec(
            &format!("w.{ZONE}"),
            &format!("z.{ZONE}"),
            &[RecordType::A],
            ZONE,
        ),
        denial(&format!("*.{ZONE}")),
        denial("*.example."),
        denial(&format!("*.x.y.{ZONE}")),
    ]
    .concat();
    let (mut prover, mut open) = Prover::start(asked.clone(), ProverLimits::default());
    let proof = loop {
        let next = open.pop().unwrap();
        let answer = match next.rtype {
            RecordType::TXT => response(vec![], authority.clone()),
            _ => tree(&next, &[]),
        };
        match prover.respond(&next, &answer).unwrap() {
            Progress::Ask(more) => open.extend(more),
            Progress::Wait => {}
            Progress::Done(proof) => break proof,
        }
    };
    let denials: Vec<String> = proof
        .records()
        .iter()
        .filter(|record| record.rtype == RecordType::NSEC)
        .map(|record| record.owner.to_string())
        .collect();
    assert_eq!(denials, ["w.a.example.", "*.a.example."]);
}
