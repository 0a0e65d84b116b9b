//! The client's step machine, against a relay, a gateway and a network that say anything.
//!
//! Asserted: every step goes to the relay and is bounded, every question has one size, and nothing that may have been
//! processed is sent again; a lookup ends; and whatever anybody says, what the client stands
//! behind is what the zone's owner signed, or it stands behind nothing.

#![no_main]

#[path = "../../../client/tests/support/mod.rs"]
mod support;

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use sotto_client::mimi::{Found, Identifier, RecordForm};
use sotto_client::proof::{Question, RecordType, Verdict, verify};
use sotto_client::{
    Absence, Code, Event, Knowledge, Lookup, Memory, Outcome, Report, Sent, Setup, Step, TransportProblem,
    TransportProblemKind,
};
use sotto_envelope::{Answer, Epoch, KeyRecord, KeyRing};
use sotto_fuzz::{Input, alter};
use sotto_wire::{REQUEST_BYTES, media};
use support::{GATEWAY, NOW, Signing, World, Zone, key_refusal, ok, problem, reply, status, txt};

/// The relays that the client knows.
const RELAYS: [&str; 2] = ["https://relay.test", "https://other.test"];

/// Whom to look up, and what is published.
const PEOPLE: [(&str, &[&str]); 5] = [
    (
        "hugh@example.test",
        &[
            "v=MIMI1; p=1; a=hugh; e=im.example.test",
            "v=MIMI1; p=2; e=a.example.test",
        ],
    ),
    ("nobody@example.test", &[]),
    ("hermit@example.test", &["v=MIMI1; e=."]),
    ("broken@example.test", &["v=MIMI1; e="]),
    ("other@example.test", &["v=spf1 -all"]),
];

/// Steps that no lookup needs: one description, one document and one question for each try at each relay.
const STEPS_MAX: usize = 24;

/// The largest content that any step may ask for.
const CONTENT_MAX: usize = 65_536;

/// A world that does not change, and what its parties say.
struct Fixture {
    world: World,
    setup: Setup,
    document: Vec<u8>,
    ring: KeyRing,
    /// The honest proof for each of [`PEOPLE`].
    proofs: Vec<Vec<u8>>,
    /// Proofs of the zone for other questions, or for other times.
    others: Vec<Vec<u8>>,
    knowledge: Option<Knowledge>,
}

thread_local! {
    static FIXTURE: OnceCell<Fixture> = const { OnceCell::new() };
}

fuzz_target!(|octets: &[u8]| {
    FIXTURE.with(|fixture| lookup(fixture.get_or_init(Fixture::new), &mut Input::new(octets)));
});

impl Fixture {
    fn new() -> Self {
        let mut world = World::default();
        let names: Vec<String> = PEOPLE.iter().map(|(person, _)| owner(person)).collect();
        for (name, (_, texts)) in names.iter().zip(PEOPLE) {
            if !texts.is_empty() {
                let rdatas = texts.iter().map(|text| txt(text)).collect();
                world.zone.add(name, RecordType::TXT, rdatas);
            }
        }
        let setup = world
            .setup_over(RELAYS[0])
            .another_relay(RELAYS[1])
            .build()
            .expect("the setup is sound");
        let today = Epoch::at(NOW);
        let ring = KeyRing::new(Vec::from(
            [today.previous(), today, today.next()].map(|epoch| world.keys(epoch)),
        ));
        let expired = Signing {
            from: NOW - 30 * support::zone::DAY,
            until: NOW - support::zone::DAY,
            ..Signing::default()
        };
        let stale = [txt("v=MIMI1; a=old; e=old.example.test")];
        let swapped = [txt("v=MIMI1; a=mallory; e=im.mallory.test")];
        let signed = |name: &str, rdatas: &[Vec<u8>], signing: &Signing| {
            let signed = world.zone.signed(name, RecordType::TXT, rdatas, signing);
            signed.into_proof()
        };
        let others = vec![
            signed(&names[0], &stale, &expired),
            signed("_mimi.mallory.test.", &swapped, &Signing::default()),
            signed(
                &KeyRecord::owner_name(GATEWAY),
                &world.key_records(),
                &Signing::default(),
            ),
        ];
        let mut held: Vec<&str> = names
            .iter()
            .zip(PEOPLE)
            .filter(|(_, (_, texts))| !texts.is_empty())
            .map(|(name, _)| name.as_str())
            .collect();
        held.sort_unstable();
        let proofs: Vec<Vec<u8>> = names
            .iter()
            .map(|name| match held.contains(&name.as_str()) {
                true => world.zone.prove(name, "TXT"),
                false => denial(&world.zone, &held, name),
            })
            .collect();
        for (name, proof) in names.iter().zip(&proofs) {
            let question = Question {
                name: name.parse().expect("a name"),
                rtype: RecordType::TXT,
            };
            let verdict = verify(proof, &question, setup.anchors(), NOW, setup.limits()).verdict;
            assert!(
                !matches!(verdict, Verdict::Bogus(_)),
                "{question} is unproved"
            );
        }
        let document = world.key_document();
        let knowledge = world.lookup_with(&setup, PEOPLE[0].0).knowledge;
        assert!(knowledge.is_some(), "an honest lookup succeeds");
        Self {
            document,
            setup,
            ring,
            proofs,
            others,
            knowledge,
            world,
        }
    }
}

/// The proof that there is neither `name` nor a wildcard for it among the names `held`, which differ in one label.
///
/// Narrower than what the support's zone proves by itself: a denial of every name would be the truth for nobody else.
fn denial(zone: &Zone, held: &[&str], name: &str) -> Vec<u8> {
    let apex = &[RecordType::NS, RecordType::SOA][..];
    let before = held.iter().rev().find(|known| **known < name);
    let after = held.iter().find(|known| **known > name);
    let (before, types) = before.map_or((".", apex), |known| (*known, &[RecordType::TXT]));
    zone.nsec(before, after.unwrap_or(&"."), types)
        .and(zone.nsec(".", held[0], apex))
        .into_proof()
}

fn identifier(person: &str) -> Identifier {
    person.parse().expect("an identifier")
}

fn owner(person: &str) -> String {
    let owner = identifier(person).owner(RecordForm::Txt, None);
    owner.expect("a mailbox has one").as_str().to_owned()
}

/// What a driver may have done wrong, or have had to.
#[derive(Default)]
struct Course {
    posts: usize,
    /// Whether a question may have been processed without the word that its key was refused.
    is_spent: bool,
    refusals: usize,
}

fn lookup(fixture: &Fixture, input: &mut Input<'_>) {
    let person = input.below(PEOPLE.len());
    let mut now = match input.u8() {
        0..=0xdf => NOW,
        0xe0..=0xef => NOW.saturating_add_signed(i64::from(input.u32() as i32)),
        _ => input.u64(),
    };
    let knowledge = fixture
        .knowledge
        .as_ref()
        .filter(|_| input.u8().is_multiple_of(4));
    let memory = knowledge.cloned().map_or_else(Memory::default, Memory::from);
    let (mut lookup, mut step) = Lookup::identifier_knowing(
        &memory,
        &fixture.setup,
        identifier(PEOPLE[person].0),
        RecordForm::Txt,
        now,
    );
    let mut course = Course::default();
    for _ in 0..STEPS_MAX {
        check(&step, &mut course);
        if let Step::Done(report) = step {
            settle(&report, person, &course);
            let step = lookup.next(Event::Woke, now);
            let Step::Done(report) = step else {
                panic!("a lookup goes on after its end");
            };
            return is_misused(&report);
        }
        if let Step::Wait { until } = step {
            assert!(until >= now && until - now <= 60);
            now = until;
        }
        let event = event(fixture, input, &step, person, &mut course);
        step = lookup.next(event, now);
    }
    panic!("the lookup does not end");
}

/// Asserts what holds for every step.
fn check(step: &Step, course: &mut Course) {
    let (url, max_bytes) = match step {
        Step::Get { url, max_bytes, .. } => (url, max_bytes),
        Step::Post {
            url,
            max_bytes,
            body,
            media_type,
        } => {
            assert!(
                !course.is_spent,
                "a question is sent again that may have been processed"
            );
            course.posts += 1;
            assert_eq!(body.len(), REQUEST_BYTES);
            assert_eq!(*media_type, media::OHTTP_REQUEST);
            (url, max_bytes)
        }
        Step::Wait { .. } | Step::Done(_) => return,
    };
    assert!(*max_bytes <= CONTENT_MAX);
    let on_relay = |origin: &str| {
        url.strip_prefix(origin)
            .is_some_and(|path| path.starts_with('/'))
    };
    assert!(RELAYS.into_iter().any(on_relay), "{url} is not on a relay");
    assert!(
        !url.bytes()
            .any(|octet| octet.is_ascii_control() || octet == b' ')
    );
}

/// What came of a step: what an honest party would say, altered or not, or anything else.
fn event(
    fixture: &Fixture,
    input: &mut Input<'_>,
    step: &Step,
    person: usize,
    course: &mut Course,
) -> Event {
    let is_post = matches!(step, Step::Post { .. });
    let mut spend = |event| {
        course.is_spent |= is_post;
        event
    };
    match input.u8() % 16 {
        0 => spend(reply(
            input.u16() % 1_024,
            Some(input.text())
                .filter(|text| !text.is_empty())
                .as_deref(),
            input.long().to_vec(),
        )),
        1 => spend(ok(
            *input.pick(&[media::JSON, media::KEY_DOCUMENT, media::OHTTP_RESPONSE]),
            input.long().to_vec(),
        )),
        2 => spend(ok(
            media::OHTTP_RESPONSE,
            vec![input.u8(); *input.pick(&[8_192, 65_536, 8_191])],
        )),
        3 => spend(status(200 + u16::from(input.u8() % 100) * 4)),
        4 => {
            // The gateway's word that it did not process the question: one more may follow, once.
            course.refusals += 1;
            course.is_spent |= is_post && course.refusals > 1;
            key_refusal()
        }
        5 => {
            let kind = *input.pick(&[
                TransportProblemKind::Connect,
                TransportProblemKind::Certificate,
                TransportProblemKind::TimedOut,
                TransportProblemKind::Lost,
                TransportProblemKind::TooLarge,
            ]);
            let sent = *input.pick(&[Sent::Nothing, Sent::Maybe]);
            course.is_spent |= is_post && sent == Sent::Maybe;
            Event::Failed {
                sent,
                what: TransportProblem::new(kind, "simulated"),
            }
        }
        6 => Event::Woke,
        kind => honest(fixture, input, step, person, kind < 12),
    }
}

/// What an honest party would say, altered perhaps.
fn honest(
    fixture: &Fixture,
    input: &mut Input<'_>,
    step: &Step,
    person: usize,
    is_altered: bool,
) -> Event {
    let mut alter = |octets: &[u8]| match is_altered {
        true => alter::octets(octets, input),
        false => octets.to_vec(),
    };
    match step {
        Step::Get { accept, .. } => match *accept {
            media::JSON => {
                let json = serde_json::to_vec(&fixture.world.description).expect("JSON");
                ok(media::JSON, alter(&json))
            }
            _ => ok(media::KEY_DOCUMENT, alter(&fixture.document)),
        },
        Step::Post { body, .. } => {
            let envelope = body;
            let (_, sealer) = match fixture.ring.open(envelope) {
                Ok(opened) => opened,
                Err(refusal) => return problem(refusal.problem()),
            };
            let proof = match is_altered {
                false => fixture.proofs[person].clone(),
                true => lie(fixture, input, person),
            };
            let answer = match is_altered && input.u8().is_multiple_of(8) {
                true => support::sealed_problem(200 + u16::from(input.u8()) % 400),
                false => Answer::proof(proof),
            };
            let sealed = sealer.seal(&answer);
            ok(
                media::OHTTP_RESPONSE,
                sealed.expect("a small answer can be sealed"),
            )
        }
        Step::Wait { .. } | Step::Done(_) => Event::Woke,
    }
}

/// What a gateway may send in place of the proof: that of somebody else, an old one, parts, alterations.
fn lie(fixture: &Fixture, input: &mut Input<'_>, person: usize) -> Vec<u8> {
    match input.u8() % 5 {
        0 => input.long().to_vec(),
        1 => alter::octets(&fixture.proofs[person], input),
        2 => input.pick(&fixture.proofs).clone(),
        3 => input.pick(&fixture.others).clone(),
        _ => {
            let mut mixed = input.pick(&fixture.proofs).clone();
            mixed.extend(input.pick(&fixture.others).clone());
            mixed.extend(alter::octets(&fixture.proofs[person], input));
            mixed
        }
    }
}

/// Asserts that the outcome is what was published for the person, or none.
fn settle(report: &Report, person: usize, course: &Course) {
    match &report.outcome {
        Outcome::Found(found) => is_hugh(found, person),
        Outcome::OptedOut => assert_eq!(person, 2),
        Outcome::NoRecord(Absence::NoMimiRecord) => assert_eq!(person, 4),
        Outcome::NoRecord(Absence::NxDomain) => assert_eq!(person, 1),
        Outcome::Invalid(_) => assert_eq!(person, 3),
        Outcome::Bogus(_) | Outcome::Unavailable(_) => {
            assert_eq!(report.cache_until(), None);
            assert!(report.outcome.explanation().is_some());
        }
        other => panic!("{other:?} of a signed zone"),
    }
    assert!(report.is_private());
    assert_eq!(report.proof.is_some(), report.verification.is_some());
    for learnt in &report.learnt {
        let _ = learnt.to_string();
    }
    // What the next lookup builds on shows that an answer was opened, and nothing of what was in it.
    assert!(report.knowledge.is_none() || course.posts > 0);
}

fn is_hugh(found: &Found, person: usize) {
    assert_eq!(person, 0);
    let providers: Vec<_> = found
        .services
        .iter()
        .map(|service| (service.provider.as_str(), service.account.as_deref()))
        .collect();
    assert_eq!(
        providers,
        [("im.example.test", Some("hugh")), ("a.example.test", None)]
    );
    assert!(found.dropped.is_empty());
}

fn is_misused(report: &Report) {
    match &report.outcome {
        Outcome::Unavailable(why) => assert_eq!(why.code, Code::Misused),
        other => panic!("{other:?} after the end"),
    }
}
