//! Every way in which a wire fails, between client and relay and between relay and gateway, over HTTP/2 and HTTP/1.1: the
//! outcome is the documented one, the gateway sees a question once or not at all, and the next lookup succeeds.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use sotto_client::mimi::RecordForm;
use sotto_client::proof::Anchors;
use sotto_client::{Absence, Client, Code, Outcome, Report, Setup};
use sotto_tests::annex::{Carrier, OwnGateway, TalkativeServer, TappedRelay};
use sotto_tests::faults::{Act, Datagram, Fault, Resolver, Way, Wire};
use sotto_world::{GATEWAY_HOST, Options, World};
use toml::Table;

const HUGH: &str = "hugh@example.test";

/// Milliseconds that the relay waits for the gateway, and the client, who waits longer, for the relay.
const RELAY_PATIENCE: i64 = 700;
const CLIENT_PATIENCE: u64 = 2;

/// Octets of a question and of an answer after which they are under way for certain, whatever HTTP says before, and in the
/// middle of them.
const BEGUN: usize = 120;
const MIDDLE_OF_QUESTION: usize = 1_000;
const MIDDLE_OF_ANSWER: usize = 4_000;

const MOMENT: Duration = Duration::from_millis(200);

/// Which wire fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    ToRelay,
    ToGateway,
}

/// What comes of a fault.
type Consequence = (&'static str, &'static [Fault], Option<Code>, u64);

/// A gateway, a relay and a client, with a wire between each two.
struct Rig {
    world: World,
    carrier: Carrier,
    gateway: TalkativeServer,
    to_gateway: Wire,
    _relay: TalkativeServer,
    to_relay: Wire,
}

impl Rig {
    async fn start(carrier: Carrier) -> Self {
        let world = world().await;
        let (resolver, patience) = (world.resolver_address(), Duration::from_secs(1));
        let gateway = TalkativeServer::gateway(&world, carrier, resolver, patience).unwrap();
        let to_gateway = Wire::to(gateway.address).unwrap();
        let relay =
            TalkativeServer::relay_with(&world, carrier, to_gateway.address(), impatient).unwrap();
        Self {
            carrier,
            to_relay: Wire::to(relay.address).unwrap(),
            world,
            gateway,
            to_gateway,
            _relay: relay,
        }
    }

    fn wire(&self, hop: Hop) -> &Wire {
        match hop {
            Hop::ToRelay => &self.to_relay,
            Hop::ToGateway => &self.to_gateway,
        }
    }

    fn client(&self) -> Client {
        let url = self.carrier.url(self.to_relay.address());
        let setup = Setup::builder(url, GATEWAY_HOST)
            .anchors(Anchors::parse(self.world.anchor_text()).unwrap())
            .authorities(self.world.authority_pem())
            .allow_http_not_private(self.carrier == Carrier::Plain)
            .connect_timeout(1)
            .request_timeout(CLIENT_PATIENCE)
            .build()
            .unwrap();
        Client::new(setup).unwrap()
    }

    /// How often the gateway has seen an envelope whole: it has answered, or says that it did so before.
    fn seen(&self) -> u64 {
        let counted = [
            "sotto_gateway_sealed_total{",
            "sotto_gateway_refused_total{cause=\"replay\"}",
        ];
        let metrics = self.gateway.metrics().unwrap();
        let lines = metrics
            .lines()
            .filter(|line| counted.iter().any(|series| line.starts_with(series)));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }
}

/// A world whose gateway answers at once.
async fn world() -> World {
    let options = Options {
        gateway_toml: "[privacy]\nanswer_step_ms = 0\n".to_owned(),
        ..Options::default()
    };
    World::start(options).await.unwrap()
}

fn impatient(config: &mut Table) {
    let limits = toml::toml! {
        gateway_timeout_ms = RELAY_PATIENCE
        connect_timeout_ms = 400
        body_timeout_ms = 600
        body_idle_ms = 400
    };
    config.insert("limits".to_owned(), limits.into());
}

async fn ask(client: &Client) -> Report {
    client.lookup(HUGH.parse().unwrap(), RecordForm::Txt).await
}

/// What a lookup failed for, if it did not find whom it looked for.
#[track_caller]
fn code(report: &Report) -> Option<Code> {
    match &report.outcome {
        Outcome::Found(_) => None,
        Outcome::Unavailable(why) => Some(why.code),
        other => panic!("{other:?}"),
    }
}

fn is_nobody(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NoRecord(Absence::NxDomain))
}

const fn asking(at: usize, act: Act) -> Fault {
    Fault {
        way: Way::Asking,
        at,
        act,
    }
}

const fn answering(at: usize, act: Act) -> Fault {
    Fault {
        way: Way::Answering,
        at,
        act,
    }
}

const SLOW_QUESTION: Act = Act::Slow(100, Duration::from_millis(5));
const SLOW_ANSWER: Act = Act::Slow(400, Duration::from_millis(5));

/// What comes of a fault between client and relay.
const TO_RELAY: &[Consequence] = &[
    ("a late question", &[asking(0, Act::Delay(MOMENT))], None, 1),
    (
        "a late answer",
        &[answering(BEGUN, Act::Delay(MOMENT))],
        None,
        1,
    ),
    ("a slow question", &[asking(0, SLOW_QUESTION)], None, 1),
    ("a slow answer", &[answering(0, SLOW_ANSWER)], None, 1),
    (
        "a question lost",
        &[asking(0, Act::Lose)],
        Some(Code::TimedOut),
        0,
    ),
    (
        "half of a question lost",
        &[asking(MIDDLE_OF_QUESTION, Act::Lose)],
        Some(Code::RequestSlow),
        0,
    ),
    (
        "an answer lost",
        &[answering(BEGUN, Act::Lose)],
        Some(Code::TimedOut),
        1,
    ),
    (
        "half of an answer lost",
        &[answering(MIDDLE_OF_ANSWER, Act::Lose)],
        Some(Code::TimedOut),
        1,
    ),
    (
        "a question reset",
        &[asking(BEGUN, Act::Reset)],
        Some(Code::ConnectionLost),
        0,
    ),
    (
        "half of a question reset",
        &[asking(MIDDLE_OF_QUESTION, Act::Reset)],
        Some(Code::ConnectionLost),
        0,
    ),
    (
        "an answer reset",
        &[answering(BEGUN, Act::Reset)],
        Some(Code::ConnectionLost),
        1,
    ),
    (
        "half of an answer reset",
        &[answering(MIDDLE_OF_ANSWER, Act::Reset)],
        Some(Code::ConnectionLost),
        1,
    ),
    (
        "half of a question and an end",
        &[asking(MIDDLE_OF_QUESTION, Act::End)],
        Some(Code::ConnectionLost),
        0,
    ),
    (
        "half of an answer and an end",
        &[answering(MIDDLE_OF_ANSWER, Act::End)],
        Some(Code::ConnectionLost),
        1,
    ),
];

/// What comes of a fault between relay and gateway.
const TO_GATEWAY: &[Consequence] = &[
    ("a late question", &[asking(0, Act::Delay(MOMENT))], None, 1),
    (
        "a late answer",
        &[answering(BEGUN, Act::Delay(MOMENT))],
        None,
        1,
    ),
    ("a slow question", &[asking(0, SLOW_QUESTION)], None, 1),
    ("a slow answer", &[answering(0, SLOW_ANSWER)], None, 1),
    (
        "a question lost",
        &[asking(0, Act::Lose)],
        Some(Code::GatewayTimedOut),
        0,
    ),
    (
        "half of a question lost",
        &[asking(MIDDLE_OF_QUESTION, Act::Lose)],
        Some(Code::GatewayTimedOut),
        0,
    ),
    (
        "an answer lost",
        &[answering(BEGUN, Act::Lose)],
        Some(Code::GatewayTimedOut),
        1,
    ),
    (
        "half of an answer lost",
        &[answering(MIDDLE_OF_ANSWER, Act::Lose)],
        Some(Code::GatewayTimedOut),
        1,
    ),
    (
        "a question reset",
        &[asking(BEGUN, Act::Reset)],
        Some(Code::GatewayUnreachable),
        0,
    ),
    (
        "half of a question reset",
        &[asking(MIDDLE_OF_QUESTION, Act::Reset)],
        Some(Code::GatewayUnreachable),
        0,
    ),
    (
        "an answer reset",
        &[answering(BEGUN, Act::Reset)],
        Some(Code::GatewayUnreachable),
        1,
    ),
    (
        "half of an answer reset",
        &[answering(MIDDLE_OF_ANSWER, Act::Reset)],
        Some(Code::GatewayUnreachable),
        1,
    ),
    (
        "half of a question and an end",
        &[asking(MIDDLE_OF_QUESTION, Act::End)],
        Some(Code::GatewayUnreachable),
        0,
    ),
    (
        "half of an answer and an end",
        &[answering(MIDDLE_OF_ANSWER, Act::End)],
        Some(Code::GatewayUnreachable),
        1,
    ),
];

/// Has each fault strike in turn, and a lookup succeed after each.
async fn suffer(carrier: Carrier, hop: Hop, consequences: &[Consequence]) {
    let rig = Rig::start(carrier).await;
    let client = rig.client();
    let wire = rig.wire(hop);
    let mut wrong = Vec::new();
    assert_eq!(code(&ask(&client).await), None);
    for (what, faults, expected, times) in consequences {
        let before = rig.seen();
        wire.lay(faults).unwrap();
        let failed = code(&ask(&client).await);
        wire.clear();
        let after = code(&ask(&client).await);
        let seen = rig.seen() - before - u64::from(after.is_none());
        if (failed, seen, after) != (*expected, *times, None) {
            wrong.push(format!(
                "{what}: {failed:?}, seen {seen} times, and after it {after:?}"
            ));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    rig.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_client_and_relay_over_http_2() {
    suffer(Carrier::Tls, Hop::ToRelay, TO_RELAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_client_and_relay_over_http_1() {
    suffer(Carrier::Plain, Hop::ToRelay, TO_RELAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_relay_and_gateway_over_http_2() {
    suffer(Carrier::Tls, Hop::ToGateway, TO_GATEWAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_relay_and_gateway_over_http_1() {
    suffer(Carrier::Plain, Hop::ToGateway, TO_GATEWAY).await;
}

/// Answers that arrive in the reverse of their order, over connections of their own.
async fn reverse(hop: Hop, askers: usize) {
    let rig = Rig::start(Carrier::Plain).await;
    assert_eq!(code(&ask(&rig.client()).await), None);
    let wire = rig.wire(hop).clone();
    let clients: Vec<_> = (0..askers).map(|_| rig.client()).collect();
    // Whoever asks knows its relay and keys already.
    for client in &clients {
        assert_eq!(code(&ask(client).await), None);
    }
    wire.lay(&[answering(0, Act::Hold)]).unwrap();
    let asked: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, client)| {
            let identifier = match number % 2 {
                0 => HUGH.to_owned(),
                _ => format!("nobody-{number}@example.test"),
            };
            tokio::spawn(async move {
                client
                    .lookup(identifier.parse().unwrap(), RecordForm::Txt)
                    .await
            })
        })
        .collect();
    let released = tokio::task::spawn_blocking(move || wire.release_newest_first(askers));
    released.await.unwrap().unwrap();
    for (number, asked) in asked.into_iter().enumerate() {
        let outcome = asked.await.unwrap().outcome;
        match number % 2 {
            0 => assert!(
                matches!(outcome, Outcome::Found(_)),
                "{number}: {outcome:?}"
            ),
            _ => assert!(is_nobody(&outcome), "{number}: {outcome:?}"),
        }
    }
    let contents = rig.to_gateway.contents();
    let distinct: BTreeSet<_> = contents.iter().collect();
    assert_eq!(distinct.len(), contents.len(), "no envelope goes twice");
    rig.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_relay_out_of_order_reach_their_askers() {
    reverse(Hop::ToRelay, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_gateway_out_of_order_reach_their_askers() {
    reverse(Hop::ToGateway, 4).await;
}

/// A server that accepts and never speaks, and a client without a connection: nothing is sent, or nothing comes.
#[tokio::test(flavor = "multi_thread")]
async fn who_accepts_and_never_speaks_is_given_up() {
    for (carrier, hop, expected) in [
        (Carrier::Tls, Hop::ToRelay, Code::TimedOut),
        (Carrier::Plain, Hop::ToRelay, Code::TimedOut),
        (Carrier::Tls, Hop::ToGateway, Code::GatewayUnreachable),
        (Carrier::Plain, Hop::ToGateway, Code::GatewayTimedOut),
    ] {
        let rig = Rig::start(carrier).await;
        let (client, wire) = (rig.client(), rig.wire(hop));
        assert_eq!(code(&ask(&client).await), None);
        let before = rig.seen();
        wire.end_all().unwrap();
        wire.lay(&[asking(0, Act::Lose), answering(0, Act::Lose)])
            .unwrap();
        assert_eq!(
            code(&ask(&client).await),
            Some(expected),
            "{carrier:?} {hop:?}"
        );
        wire.clear();
        assert_eq!(code(&ask(&client).await), None, "{carrier:?} {hop:?}");
        assert_eq!(rig.seen() - before, 1, "{carrier:?} {hop:?}");
        rig.world.shutdown().await;
    }
}

/// What happens to the answers of the resolver to the first queries of a lookup.
const ASTRAY: &[&[Datagram]] = &[
    &[Datagram::Lose],
    &[Datagram::Twice, Datagram::Twice],
    &[Datagram::AfterTheNext],
    &[Datagram::AfterTheNext, Datagram::Twice],
    &[Datagram::Cut(0)],
    &[Datagram::Cut(11), Datagram::Lose],
    &[Datagram::Cut(40)],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_resolver_s_datagrams_go_astray_and_every_answer_is_the_right_one() {
    let world = world().await;
    let resolver = Resolver::before(world.resolver_address()).unwrap();
    let patience = Duration::from_secs(4);
    let gateway = OwnGateway::start(&world, Carrier::Tls, resolver.address(), patience)
        .await
        .unwrap();
    let relay = TappedRelay::start(&world, Carrier::Tls, gateway.address())
        .await
        .unwrap();
    let client = relay.client(&world).unwrap();
    // Names that nobody has asked for, so that each is gathered anew: two of a kind at a time.
    for (round, script) in ASTRAY.iter().enumerate() {
        resolver.lay(script.iter().copied());
        let look = |name: String| {
            let client = client.clone();
            async move { client.lookup(name.parse().unwrap(), RecordForm::Txt).await }
        };
        let (one, other) = tokio::join!(
            look(format!("nobody-{round}@example.test")),
            look(format!("nobody-else-{round}@example.test"))
        );
        for report in [one, other] {
            assert!(is_nobody(&report.outcome), "{script:?}: {report:?}");
        }
        assert_eq!(resolver.left(), 0, "{script:?}");
    }
    relay.shutdown().await;
    gateway.shutdown().await;
    world.shutdown().await;
}
