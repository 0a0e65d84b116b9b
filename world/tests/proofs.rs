//! Every person's proof, gathered by the prover from the responder and verified offline: our
//! signer, zones and responder against our prover, verifier and reader, which share no code.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::collections::VecDeque;

use sotto_mimi::{PathStep, ProviderPolicy, Published, Reading, TieBreak};
use sotto_proof::{
    Anchors, Limits, Name, Progress, ProveError, Prover, ProverLimits, Question, RecordType,
    Verdict, message, verify,
};
use sotto_world::dns::message::{Transport, respond};
use sotto_world::dns::resolver::Internet;
use sotto_world::people::PEOPLE;
use sotto_world::plan::{self, rtype_of};
use sotto_world::{Expected, PHONE_ZONE, Person};

const NOW: u64 = 1_790_000_000;

fn ask(internet: &Internet, question: &Question) -> message::Response {
    let query = message::query(7, question, 1_232);
    let response = respond(internet, &query, Transport::Tcp).unwrap();
    message::parse(&response.bytes, 7, question).unwrap()
}

fn prove(internet: &Internet, question: &Question) -> Result<Vec<u8>, ProveError> {
    let (mut prover, first) = Prover::start(question.clone(), ProverLimits::default());
    let mut open = VecDeque::from(first);
    while let Some(asked) = open.pop_front() {
        match prover.respond(&asked, &ask(internet, &asked))? {
            Progress::Ask(more) => open.extend(more),
            Progress::Wait => {}
            Progress::Done(proof) => return Ok(proof.into_bytes()),
        }
    }
    panic!("the prover waits for nothing");
}

fn question(person: &Person) -> Question {
    Question {
        name: person.owner().unwrap().parse::<Name>().unwrap(),
        rtype: RecordType(rtype_of(person.form).to_int()),
    }
}

fn read(person: &Person, internet: &Internet, anchors: &Anchors) -> (Expected, usize) {
    let question = question(person);
    let Ok(proof) = prove(internet, &question) else {
        return (Expected::Unavailable, 0);
    };
    let verification = verify(&proof, &question, anchors, NOW, &Limits::default());
    let outcome = match verification.verdict {
        Verdict::NoData | Verdict::NxDomain => Expected::NoRecord,
        Verdict::Insecure(_) => Expected::Insecure,
        Verdict::Bogus(_) => Expected::Bogus,
        Verdict::Secure(secure) => {
            let identifier = person.identifier().unwrap();
            let zone = PHONE_ZONE.parse().unwrap();
            let owner = identifier.owner(person.form, Some(&zone)).unwrap();
            let rdatas: Vec<&[u8]> = secure.rdatas.iter().map(AsRef::as_ref).collect();
            let path = secure.path.iter().map(|step| PathStep {
                name: step.name.to_string(),
                owner: step.owner.to_string(),
                from_wildcard: step.from_wildcard,
            });
            let published = Published {
                rdatas: &rdatas,
                path: &path.collect::<Vec<_>>(),
            };
            let tie_break = TieBreak::new([0; 16]);
            match sotto_mimi::read(
                &identifier,
                &owner,
                published,
                &tie_break,
                ProviderPolicy::PrivateRoot,
            ) {
                Reading::Found(found) => Expected::Found(found.services.len()),
                Reading::OptedOut => Expected::OptedOut,
                Reading::NoRecord(_) => Expected::NoRecord,
                Reading::Invalid(_) => Expected::Invalid,
            }
        }
    };
    (outcome, proof.len())
}

#[test]
fn everybody_is_found_out_as_expected() {
    let plan = plan::build(NOW, Vec::new()).unwrap();
    let anchors = Anchors::parse(&plan.anchor).unwrap();
    for person in PEOPLE {
        let (outcome, octets) = read(person, &plan.internet, &anchors);
        assert_eq!(
            outcome, person.expected,
            "{}: {} ({octets} octets)",
            person.identifier, person.story
        );
        // The base answer class holds every proof of this world, so that no size tells one person
        // from another.
        assert!(octets <= 8_000, "{}: {octets} octets", person.identifier);
    }
}

#[test]
fn a_proof_of_another_world_proves_nothing() {
    let (here, there) = (
        plan::build(NOW, Vec::new()).unwrap(),
        plan::build(NOW, Vec::new()).unwrap(),
    );
    let foreign = Anchors::parse(&there.anchor).unwrap();
    let question = question(&PEOPLE[0]);
    let proof = prove(&here.internet, &question).unwrap();
    let verification = verify(&proof, &question, &foreign, NOW, &Limits::default());
    assert!(matches!(verification.verdict, Verdict::Bogus(_)));
}
