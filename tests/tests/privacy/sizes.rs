//! Every request, and every answer whatever it says, has its constant size on the wire.

use std::net::SocketAddr;
use std::time::Duration;

use sotto_client::mimi::RecordForm::{self, Mimi, Txt};
use sotto_client::{Client, Outcome, Report};
use sotto_envelope::{KeyConfigList, ProofQuery, Suite, seal};
use sotto_proof::Question;
use sotto_tests::annex::{Carrier, OwnGateway, TappedRelay};
use sotto_tests::raw::RawConnection;
use sotto_tests::taciturn;
use sotto_tests::tap::Flow;
use sotto_wire::{AnswerClass, media};
use sotto_world::{GATEWAY_HOST, Options, World, dns, plan};

/// A kind of answer: what brings it about, and the word for how the client takes it.
#[derive(Clone, Copy, Debug)]
struct Kind(Ask, &'static str);

#[derive(Clone, Copy, Debug)]
enum Ask {
    Person(&'static str, RecordForm),
    RRset(&'static str, &'static str),
}
use Ask::{Person, RRset};

/// Every kind of answer that fits the base class.
const KINDS: &[Kind] = &[
    // RSA all the way down, NSEC3, sixteen services: the largest of all.
    Kind(Person("many@example.com", Txt), "found"),
    Kind(Person("hugh@example.test", Txt), "found"),
    Kind(Person("jane@curve.test", Txt), "found"),
    Kind(Person("mymimi.example.com", Mimi), "found"),
    Kind(Person("+442079460148", Txt), "found"),
    Kind(Person("maria@mail.test", Txt), "found"),
    Kind(Person("kim@corp.test", Txt), "found"),
    Kind(Person("guest@hotel.test", Txt), "found"),
    Kind(Person("old-name.example.test", Txt), "found"),
    Kind(Person("ghost@example.test", Txt), "opted_out"),
    Kind(Person("nobody@example.test", Txt), "no_record"),
    Kind(Person("nobody@example.com", Txt), "no_record"),
    Kind(Person("old-name.example.test", Mimi), "no_record"),
    Kind(Person("shop.parked.test", Txt), "no_record"),
    Kind(Person("typo@example.test", Txt), "invalid"),
    Kind(Person("sam@unsigned.test", Txt), "insecure"),
    Kind(Person("sam@unsigned.com", Txt), "insecure"),
    Kind(Person("victim@example.test", Txt), "bogus"),
    Kind(Person("late@expired.test", Txt), "bogus"),
    Kind(Person("anyone@lame.test", Txt), "resolver_failed"),
    Kind(Person("hush.example.test", Txt), "resolver_timed_out"),
    Kind(RRset("_ohttp-keys.gateway.test", "TXT"), "secure"),
    Kind(RRset("example.com", "SOA"), "name_not_allowed"),
    Kind(
        RRset(
            "a-much-longer-name-than-the-others-have.and-many-labels.a.b.c.d.e.f.example.com",
            "CNAME",
        ),
        "name_not_allowed",
    ),
];

/// Lookups on one connection.
const POSITIONS: usize = 6;

/// Octets of one exchange: from the client, to the client, from the relay, to the relay.
type Exchange = [usize; 4];

impl Kind {
    async fn ask(self, client: &Client) -> Report {
        match self.0 {
            Person(identifier, form) => client.lookup(identifier.parse().unwrap(), form).await,
            RRset(name, rtype) => {
                let question = Question {
                    name: name.parse().unwrap(),
                    rtype: rtype.parse().unwrap(),
                };
                client.query(question).await
            }
        }
    }
}

fn word(report: &Report) -> &'static str {
    match &report.outcome {
        Outcome::Unavailable(why) => why.code.as_str(),
        outcome => outcome.as_str(),
    }
}

/// Asks again and again over fresh connections, client to relay and relay to gateway, and notes what each
/// lookup puts on the wires.
async fn exchanges(
    world: &World,
    gateway: SocketAddr,
    carrier: Carrier,
    kind: Kind,
) -> Vec<Exchange> {
    let relay = TappedRelay::start(world, carrier, gateway).await.unwrap();
    let client = relay.client(world).unwrap();
    let mut totals = vec![total(&relay)];
    for _ in 0..POSITIONS {
        let report = kind.ask(&client).await;
        assert_eq!(word(&report), kind.1, "{kind:?}: {report:?}");
        totals.push(total(&relay));
    }
    relay.shutdown().await;
    totals
        .windows(2)
        .map(|pair| difference(pair[0], pair[1]))
        .collect()
}

fn difference(before: Exchange, after: Exchange) -> Exchange {
    std::array::from_fn(|wire| after[wire] - before[wire])
}

/// The octets on both wires so far.
fn total(relay: &TappedRelay) -> Exchange {
    let (near, far) = (relay.to_relay().flows(), relay.to_gateway().flows());
    let [near, far] = match relay.carrier() {
        Carrier::Tls => {
            assert!(near.len() <= 1, "the client has connected again: {near:?}");
            // While it starts, a relay may open a second connection to fetch keys over.
            let busiest = far.into_iter().max_by_key(|flow| flow.sent);
            [near, busiest.into_iter().collect()]
        }
        // A connection costs nothing here, and may still be busy with the end of one exchange when the next begins.
        Carrier::Plain => [near, far],
    };
    let sum = |flows: &[Flow], octets: fn(&Flow) -> usize| flows.iter().map(octets).sum();
    [
        sum(&near, |flow| flow.sent),
        sum(&near, |flow| flow.received),
        sum(&far, |flow| flow.sent),
        sum(&far, |flow| flow.received),
    ]
}

/// A world with a name that has 40 records of 250 octets, signed with RSA: more than the base class holds.
async fn world() -> World {
    let crowd = dns::name("_mimi.crowd.example.com").unwrap();
    let records = (0..40).map(|number| {
        let account = "a".repeat(200);
        let text = format!("v=MIMI1; p={number}; a={account}; e=mimi.harbour.test");
        (crowd.clone(), plan::rtype_of(Txt), dns::rdata::txt(&text))
    });
    let options = Options {
        records: records.collect(),
        ..Options::default()
    };
    World::start(options).await.unwrap()
}

const CROWD: Kind = Kind(Person("crowd.example.com", Txt), "found");

/// A gateway whose resolver leaves it waiting for some names.
async fn gateway(world: &World, carrier: Carrier) -> OwnGateway {
    let resolver = taciturn::before(world.resolver_address()).unwrap();
    OwnGateway::start(world, carrier, resolver, Duration::from_secs(1))
        .await
        .unwrap()
}

/// Checks that all kinds look alike at every position but the first `uncertain`, and the overflow class does not.
async fn all_alike(carrier: Carrier, uncertain: usize) {
    let world = world().await;
    let gateway = gateway(&world, carrier).await;
    let of = |kind| exchanges(&world, gateway.address(), carrier, kind);
    let expected = of(KINDS[0]).await;
    for kind in &KINDS[1..] {
        let found = of(*kind).await;
        assert_eq!(found[uncertain..], expected[uncertain..], "{kind:?}");
    }

    // The taps would notice: this answer is of the other class.
    let larger = of(CROWD).await;
    let more = AnswerClass::Overflow.bytes() - AnswerClass::Base.bytes();
    for (larger, expected) in larger.iter().zip(&expected).skip(uncertain) {
        let [asked, answered, relayed, returned] = *larger;
        assert_eq!((asked, relayed), (expected[0], expected[2]));
        assert!(answered >= expected[1] + more && returned >= expected[3] + more);
    }
    gateway.shutdown().await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_and_tls_every_kind_of_answer_looks_alike_on_both_wires() {
    // The first exchange has the handshakes in it, whose ECDSA signatures vary by an octet or two.
    all_alike(Carrier::Tls, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_1_every_kind_of_answer_looks_alike_on_both_wires() {
    all_alike(Carrier::Plain, 0).await;
}

/// Questions that our client cannot be brought to ask, and some that it can: name, type, authority, and the
/// sealed status.
const FOREIGN_QUESTIONS: &[(&str, &str, &str, u16)] = &[
    ("_mimi.mymimi.example.com.", "TXT", GATEWAY_HOST, 200),
    ("_mimi.nobody.example.com.", "TXT", GATEWAY_HOST, 200),
    ("example.com.", "TXT", GATEWAY_HOST, 403),
    ("_mimi.mymimi.example.com.", "NOSUCHTYPE", GATEWAY_HOST, 400),
    ("_mimi.mymimi.example.com.", "TXT", "another.test", 400),
    ("_mimi.nobody.lame.test.", "TXT", GATEWAY_HOST, 502),
];

/// Asks `name` repeatedly over HTTP/1.1 and TLS; the octets of each exchange on both wires and the size of the
/// content, after the first exchange, which fetches keys.
fn foreign_exchanges(
    world: &World,
    relay: &TappedRelay,
    question: (&str, &str, &str, u16),
) -> Vec<(Exchange, usize)> {
    let (name, rtype, host, status) = question;
    let query = ProofQuery::new(name, rtype).unwrap();
    let authority = world.directory().join("ca.pem");
    let mut connection = RawConnection::open(relay.to_relay().address(), &authority).unwrap();
    let head = |method: &str| {
        format!(
            "{method} /{GATEWAY_HOST} HTTP/1.1\r\nHost: relay.test\r\nContent-Type: {}\r\n",
            media::OHTTP_REQUEST
        )
    };
    let list = connection.exchange(&head("GET"), &[]).unwrap();
    let list = KeyConfigList::parse(&list.body).unwrap();
    let key = list.config(Suite::XWing).unwrap();
    let mut before = None;
    let mut found = Vec::new();
    for _ in 0..POSITIONS {
        let (envelope, opener) = seal(&query, host, &key).unwrap();
        let response = connection.exchange(&head("POST"), &envelope).unwrap();
        let answer = opener.open(&response.body).unwrap();
        assert_eq!(answer.status, status, "{question:?}");
        let after = total(relay);
        if let Some(before) = before.replace(after) {
            found.push((difference(before, after), response.body.len()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_errors_look_like_answers_and_the_largest_fill_the_other_class_exactly() {
    let world = world().await;
    let ask = async |question| {
        let gateway = world.gateway_address();
        let relay = TappedRelay::start(&world, Carrier::Tls, gateway)
            .await
            .unwrap();
        let found = foreign_exchanges(&world, &relay, question);
        relay.shutdown().await;
        found
    };
    let expected = ask(FOREIGN_QUESTIONS[0]).await;
    assert!(
        expected.iter().all(|(_, content)| *content == 8_192),
        "{expected:?}"
    );
    for question in &FOREIGN_QUESTIONS[1..] {
        assert_eq!(ask(*question).await, expected, "{question:?}");
    }
    let crowd = ask(("_mimi.crowd.example.com.", "TXT", GATEWAY_HOST, 200)).await;
    assert!(
        crowd.iter().all(|(_, content)| *content == 65_536),
        "{crowd:?}"
    );
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_taps_notice_a_single_octet() {
    let world = World::start(Options::default()).await.unwrap();
    let gateway = world.gateway_address();
    let relay = TappedRelay::start(&world, Carrier::Tls, gateway)
        .await
        .unwrap();
    let authority = world.directory().join("ca.pem");
    let mut connection = RawConnection::open(relay.to_relay().address(), &authority).unwrap();
    let head = format!(
        "POST /{GATEWAY_HOST} HTTP/1.1\r\nHost: relay.test\r\nContent-Type: {}\r\n",
        media::OHTTP_REQUEST
    );
    let mut totals = Vec::new();
    for octets in [100, 100, 100, 101] {
        let response = connection.exchange(&head, &vec![0; octets]).unwrap();
        assert_eq!(response.status(), Some(400));
        totals.push(total(&relay)[0]);
    }
    assert_eq!(totals[2] - totals[1] + 1, totals[3] - totals[2]);
    relay.shutdown().await;
    world.shutdown().await;
}
