//! The machine against a name server in memory, both ends driven by hand.

mod answers;
mod server;
mod unsigned;

use std::time::Duration;

use sotto_proof::{Name, RecordType};

use self::server::Server;
use super::*;

const NOW: u64 = 1_800_000_000;

const KEY: &str = "hmac-sha512:mimi:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn key() -> TsigKey {
    TsigKey::parse(KEY).unwrap()
}

fn server() -> Server {
    Server::new("example.com", key())
}

fn session() -> Session {
    Session::new("example.com".parse().unwrap(), key(), 65_530)
}

fn rdata(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn target(owner: &str, texts: &[&str]) -> Target {
    Target {
        owner: name(owner),
        rtype: RecordType::TXT,
        ttl: 300,
        rdatas: texts.iter().map(|text| rdata(text)).collect(),
        is_ours: is_mimi,
    }
}

const A: &str = "v=MIMI1; e=a.example.net";
const B: &str = "v=MIMI1; e=b.example.net";

/// What the driver may do in place of passing a message on.
enum Wire {
    Whole,
    /// The answers to updates are lost, so often.
    LosesAnswers(usize),
    /// Updates themselves are lost, so often.
    LosesUpdates(usize),
    /// A connection brings so many answers.
    ClosesAfter(usize),
}

struct Ran {
    reports: Vec<Report>,
    waited: Duration,
    stop: Option<Stop>,
}

impl Ran {
    fn results(&self) -> Vec<Result<Option<Kind>, &'static str>> {
        let results = self.reports.iter().map(|report| match &report.result {
            Ok(()) => Ok(report.change.as_ref().map(|change| change.kind)),
            Err(obstacle) => Err(obstacle.code()),
        });
        results.collect()
    }
}

fn drive(
    server: &mut Server,
    session: &mut Session,
    targets: Vec<Target>,
    intent: Intent,
    mut wire: Wire,
) -> Ran {
    let mut round = Round::new(session, targets, intent);
    let mut waited = Duration::ZERO;
    let mut stop = None;
    'steps: for _ in 0..200 {
        match round.step(NOW) {
            Step::Done => break,
            Step::Wait(pause) => waited += pause,
            Step::Send(messages) => {
                // Answers come in another order.
                for (sent, message) in messages.iter().rev().enumerate() {
                    let is_update = message[2] & 0x78 == 5 << 3;
                    match &mut wire {
                        Wire::LosesUpdates(times) if is_update && *times > 0 => {
                            *times -= 1;
                            round.lost();
                            continue 'steps;
                        }
                        Wire::LosesAnswers(times) if is_update && *times > 0 => {
                            *times -= 1;
                            server.answer(message, NOW);
                            round.lost();
                            continue 'steps;
                        }
                        Wire::ClosesAfter(count) if sent == *count => {
                            round.lost();
                            continue 'steps;
                        }
                        _ => {}
                    }
                    let answer = server.answer(message, NOW);
                    if let Err(error) = round.receive(&answer, NOW) {
                        stop = Some(error);
                        break 'steps;
                    }
                }
            }
        }
    }
    Ran {
        reports: round.finish(),
        waited,
        stop,
    }
}

fn publish(server: &mut Server, targets: Vec<Target>) -> Ran {
    drive(
        server,
        &mut session(),
        targets,
        Intent::Publish,
        Wire::Whole,
    )
}

#[test]
fn a_target_is_added_replaced_removed_and_then_left_alone() {
    let mut server = server();
    let owner = "_mimi.alice.example.com";
    for (texts, kind, updates) in [
        (&[A][..], Some(Kind::Add), 1),
        (&[A], None, 1),
        (&[B, A], Some(Kind::Replace), 2),
        (&[A, B, A], None, 2),
        (&[], Some(Kind::Remove), 3),
        (&[], None, 3),
    ] {
        let ran = publish(&mut server, vec![target(owner, texts)]);
        assert_eq!(ran.results(), [Ok(kind)], "{texts:?}");
        assert_eq!(ran.waited, Duration::ZERO);
        assert_eq!(server.updates, updates);
    }
    assert!(server.rrsets.is_empty());
}

#[test]
fn a_plan_sends_no_update() {
    let mut server = server();
    let targets = vec![target("_mimi.alice.example.com", &[A])];
    let ran = drive(
        &mut server,
        &mut session(),
        targets,
        Intent::Plan,
        Wire::Whole,
    );
    assert_eq!(ran.results(), [Ok(Some(Kind::Add))]);
    assert_eq!(server.updates, 0);
}

#[test]
fn others_rrs_stay_and_keep_their_ttl() {
    let mut server = server();
    let at = (name("_mimi.alice.example.com"), 16);
    server
        .rrsets
        .insert(at.clone(), (77, vec![rdata("theirs"), rdata(A)]));
    let ran = publish(&mut server, vec![target("_mimi.alice.example.com", &[B])]);
    assert_eq!(ran.results(), [Ok(Some(Kind::Replace))]);
    assert_eq!(ran.reports[0].change.as_ref().unwrap().foreign, 1);
    assert_eq!(server.rrsets[&at], (77, vec![rdata("theirs"), rdata(B)]));
    publish(&mut server, vec![target("_mimi.alice.example.com", &[])]);
    assert_eq!(server.rrsets[&at], (77, vec![rdata("theirs")]));
}

#[test]
fn another_ttl_alone_is_a_change() {
    let mut server = server();
    let at = (name("_mimi.alice.example.com"), 16);
    server.rrsets.insert(at.clone(), (77, vec![rdata(A)]));
    let ran = publish(&mut server, vec![target("_mimi.alice.example.com", &[A])]);
    assert_eq!(ran.results(), [Ok(Some(Kind::Replace))]);
    assert_eq!(server.rrsets[&at], (300, vec![rdata(A)]));
}

#[test]
fn one_that_is_refused_does_not_keep_the_others_back() {
    let mut server = server();
    let names: Vec<String> = (0..20).map(|n| format!("_mimi.p{n}.example.com")).collect();
    server.refused = vec![(name(&names[3]), 5), (name(&names[7]), 2)];
    let targets = names.iter().map(|name| target(name, &[A])).collect();
    let ran = publish(&mut server, targets);
    for (number, result) in ran.results().into_iter().enumerate() {
        let expected = match number {
            3 | 7 => Err("update_refused"),
            _ => Ok(Some(Kind::Add)),
        };
        assert_eq!(result, expected, "{number}");
    }
    assert_eq!((server.updates, server.rrsets.len()), (21, 18));
}

#[test]
fn many_targets_fill_several_updates() {
    let mut server = server();
    let long = format!("v=MIMI1; e=a.example.net; s={}", "x".repeat(200));
    let mut targets: Vec<Target> = (0..100)
        .map(|n| target(&format!("_mimi.p{n}.example.com"), &[&long]))
        .collect();
    for target in &mut targets {
        target
            .rdatas
            .extend((0..4).map(|n| rdata(&format!("{long}{n}"))));
    }
    let ran = publish(&mut server, targets);
    assert!(
        ran.results()
            .iter()
            .all(|result| *result == Ok(Some(Kind::Add)))
    );
    assert_eq!(server.updates, 3, "100 times 5 times 270 octets");
}

#[test]
fn what_fits_no_message_is_refused_alone() {
    let mut server = server();
    let mut large = target("_mimi.large.example.com", &[]);
    large.rdatas = (0..260)
        .map(|n| {
            rdata(&format!(
                "v=MIMI1; e=a{n}.example.net; s={}",
                "x".repeat(220)
            ))
        })
        .collect();
    let ran = publish(
        &mut server,
        vec![large, target("_mimi.b.example.com", &[B])],
    );
    assert_eq!(ran.results(), [Err("too_large"), Ok(Some(Kind::Add))]);
}

#[test]
fn an_edit_in_between_is_kept() {
    let mut server = server();
    let owner = name("_mimi.alice.example.com");
    server.intruder = Some((owner.clone(), 2));
    let ran = publish(&mut server, vec![target("_mimi.alice.example.com", &[A])]);
    assert_eq!(ran.results(), [Ok(Some(Kind::Add))]);
    let (_, rdatas) = &server.rrsets[&(owner.clone(), 16)];
    assert_eq!(*rdatas, [rdata("x1"), rdata("x0"), rdata(A)]);

    server.intruder = Some((owner, 99));
    let ran = publish(&mut server, vec![target("_mimi.alice.example.com", &[B])]);
    assert_eq!(ran.results(), [Err("contended")]);
}

#[test]
fn a_server_that_signs_late_is_waited_for() {
    let mut late = server();
    late.lag = 4;
    let ran = publish(&mut late, vec![target("_mimi.alice.example.com", &[A])]);
    assert_eq!(ran.results(), [Ok(Some(Kind::Add))]);
    assert_eq!(ran.waited, Duration::from_millis(100 + 200 + 400));

    let mut never = server();
    never.lag = 99;
    let ran = publish(&mut never, vec![target("_mimi.alice.example.com", &[A])]);
    assert_eq!(ran.results(), [Err("not_served")]);
    assert_eq!(ran.waited, Duration::from_millis(12_700));
}

#[test]
fn a_message_that_is_lost_is_made_up_for() {
    for wire in [Wire::LosesAnswers(1), Wire::LosesUpdates(2)] {
        let mut server = server();
        let targets = vec![
            target("_mimi.a.example.com", &[A]),
            target("_mimi.b.example.com", &[B]),
        ];
        let ran = drive(&mut server, &mut session(), targets, Intent::Publish, wire);
        assert_eq!(ran.results(), [Ok(Some(Kind::Add)); 2]);
        assert_eq!((server.updates, server.rrsets.len()), (1, 2));
    }
}

#[test]
fn a_server_that_closes_after_so_many_answers_is_got_the_better_of() {
    for count in [1, 7] {
        let mut server = server();
        server.lag = 2;
        let names: Vec<String> = (0..12).map(|n| format!("_mimi.p{n}.example.com")).collect();
        let targets = names.iter().map(|name| target(name, &[A])).collect();
        let wire = Wire::ClosesAfter(count);
        let ran = drive(&mut server, &mut session(), targets, Intent::Publish, wire);
        assert_eq!(ran.results(), [Ok(Some(Kind::Add)); 12]);
        assert_eq!(server.updates, 1);
    }
}

#[test]
fn an_end_between_update_and_answer_is_called_unknown() {
    let mut session = session();
    let mut server = server();
    let targets = vec![target("_mimi.a.example.com", &[A])];
    let mut round = Round::new(&mut session, targets, Intent::Publish);
    let Step::Send(messages) = round.step(NOW) else {
        panic!("a round begins with questions");
    };
    for message in messages {
        round.receive(&server.answer(&message, NOW), NOW).unwrap();
    }
    assert!(matches!(round.step(NOW), Step::Send(_)));
    assert_eq!(round.finish()[0].result, Err(Obstacle::Unknown));

    let round = Round::new(
        &mut session,
        vec![target("_mimi.a.example.com", &[A])],
        Intent::Publish,
    );
    assert_eq!(round.finish()[0].result, Err(Obstacle::NotTried));
}

#[test]
fn names_outside_and_names_twice_are_not_sent() {
    let mut server = server();
    let targets = vec![
        target("_mimi.a.example.net", &[A]),
        target("_mimi.a.example.com", &[A]),
        target("_MIMI.a.example.com", &[B]),
    ];
    let ran = publish(&mut server, targets);
    assert_eq!(
        ran.results(),
        [
            Err("outside_zone"),
            Ok(Some(Kind::Add)),
            Err("published_twice")
        ]
    );
}
