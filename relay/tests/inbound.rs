//! What faces the client: quotas, mixing, loops, browsers, and what changes while the relay serves.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod support;

use sotto_relay::{Refusal, Relay};
use sotto_wire::{Mixing, Problem, RelayDescription, media};
use support::{
    FIELDS, GATEWAY, Pair, Reply, Response, StandIn, config, envelope, numbered, post_octets,
    response_octets, sealed, send, send_from,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

/// A relay behind a proxy on this machine, five requests at once and hardly any more.
const SMALL_QUOTA: &str = r#"
    quota = { per_minute = 6, burst = 5 }
    proxy = { addresses = ["127.0.0.1"], header = "x-forwarded-for" }
"#;

fn problem(response: &Response) -> Option<Problem> {
    Problem::from_json(response.content())
}

/// A request by way of a proxy that says it came from `client`.
fn from(client: &str, number: u32) -> Vec<u8> {
    post_octets(&format!("x-forwarded-for: {client}\r\n"), &numbered(number))
}

#[tokio::test]
async fn a_network_gets_its_quota_and_others_theirs() {
    let mut pair = Pair::with("", SMALL_QUOTA, None).await;
    for number in 0..5 {
        assert_eq!(pair.send(&from("198.51.100.7", number)).await.status(), 200);
    }
    // The address mapped into IPv6 is the same, whatever the client wrote before it.
    for client in [
        "198.51.100.7",
        "::ffff:198.51.100.7",
        "192.0.2.1, 198.51.100.7",
    ] {
        let refused = pair.send(&from(client, 9)).await;
        assert_eq!(problem(&refused), Some(Refusal::Quota.problem()));
        assert!(
            refused.head().contains("retry-after: 10"),
            "{}",
            refused.head()
        );
    }
    // Keys and the description cost as much as a request.
    let get = b"GET /.well-known/sotto HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 198.51.100.7\r\n\r\n";
    assert_eq!(pair.send(get).await.status(), 429);

    // A household of IPv6 shares one bucket; its neighbours have their own.
    for number in 0..5 {
        let client = format!("2001:db8:1:23{number:02x}::{number}");
        assert_eq!(pair.send(&from(&client, number)).await.status(), 200);
    }
    assert_eq!(
        pair.send(&from("2001:db8:1:23ff::9", 9)).await.status(),
        429
    );
    assert_eq!(
        pair.send(&from("2001:db8:1:2400::9", 9)).await.status(),
        200
    );

    pair.gateway.look();
    assert_eq!(
        pair.gateway.posts.len(),
        11,
        "what is refused is not forwarded"
    );
    let metrics = pair.metrics().await;
    assert!(
        metrics.contains("{gateway=\"gateway.test\",outcome=\"quota\"} 4"),
        "{metrics}"
    );
    assert!(metrics.contains("{gateway=\"\",outcome=\"quota\"} 1"));
}

#[tokio::test]
async fn only_listed_proxies_are_believed_and_this_machine_is_not_held_off() {
    let pair = Pair::with("", SMALL_QUOTA, None).await;
    let relay = pair.relay.address;
    for number in 0..7 {
        let claims = from(&format!("198.51.100.{number}"), number);
        let answer = send_from("127.0.0.9", relay, &claims).await;
        assert_eq!(answer.status(), 200);
    }
    // A listed proxy that does not say for whom it asks pays itself.
    for number in 0..5 {
        assert_eq!(pair.send(&from("unknown", number)).await.status(), 200);
    }
    assert_eq!(pair.send(&from("unknown", 9)).await.status(), 429);
    assert_eq!(pair.post().await.status(), 429);
}

#[tokio::test]
async fn an_envelope_in_flight_is_not_taken_again() {
    let mut pair = Pair::start().await;
    pair.gateway.answer(Reply::Silence);
    let mut first = TcpStream::connect(pair.relay.address).await.unwrap();
    first
        .write_all(&post_octets("", &envelope()))
        .await
        .unwrap();
    pair.gateway.next_post().await;
    let again = pair.post().await;
    assert_eq!(problem(&again), Some(Refusal::Loop.problem()));
    assert_eq!(again.status(), 508);
}

/// Otherwise a gateway could ask, with an envelope that it got, when the answer to it leaves.
#[tokio::test]
async fn an_envelope_whose_answer_is_held_is_in_flight_no_more() {
    let top = "mixing = { timed = { period_ms = 1000 } }\n connections = { drain_ms = 30000 }";
    let mut pair = Pair::with("", top, None).await;
    let relay = pair.relay.address;
    let ask = || tokio::spawn(async move { send(relay, &post_octets("", &envelope())).await });
    let first = ask();
    pair.gateway.next_post().await;
    until_held(&pair, 1).await;
    let again = ask();
    for answer in [first, again] {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
}

/// What waits for a client to take it is memory, whoever stopped to work on it.
#[tokio::test]
async fn an_answer_takes_up_room_until_its_client_takes_it() {
    let pair = Pair::with("", "limits = { max_requests = 1 }", None).await;
    let stream = TcpStream::connect(pair.relay.address).await.unwrap();
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(0)
        .handshake::<_, bytes::Bytes>(stream)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let request = http::Request::post(format!("http://relay.test/{GATEWAY}"))
        .header("content-type", media::OHTTP_REQUEST)
        .body(())
        .unwrap();
    let (answer, mut content) = sender.send_request(request, false).unwrap();
    content.send_data(envelope().into(), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let refused = pair.send(&post_octets("", &numbered(1))).await;
    assert_eq!(problem(&refused), Some(Refusal::Overloaded.problem()));
    connection.abort();
    while pair.send(&post_octets("", &numbered(1))).await.status() != 200 {
        tokio::task::yield_now().await;
    }
    drop(answer);
}

#[tokio::test]
async fn a_gateway_that_leads_back_is_told_as_what_it_is() {
    let pair = Pair::start().await;
    let content = Refusal::Loop.problem().to_json();
    pair.gateway.answer(Reply::Write(response_octets(
        508,
        media::PROBLEM,
        "",
        content.as_bytes(),
    )));
    assert_eq!(problem(&pair.post().await), Some(Refusal::Loop.problem()));
}

/// Waits until mixing holds so many messages.
async fn until_held(pair: &Pair, count: usize) {
    let line = format!("\nsotto_relay_mixing_held {count}\n");
    while !pair.metrics().await.contains(&line) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_mixing_holds_is_finished_when_the_relay_ends() {
    const COUNT: u32 = 8;
    let top = "mixing = { timed = { period_ms = 1000 } }\n connections = { drain_ms = 30000 }";
    let pair = Pair::with("", top, None).await;
    let description: RelayDescription =
        serde_json::from_slice(pair.get("/.well-known/sotto").await.content()).unwrap();
    assert_eq!(description.mixing, Mixing::Timed { period_ms: 1_000 });

    let relay = pair.relay.address;
    let mut answers = JoinSet::new();
    for number in 0..COUNT {
        answers.spawn(async move { send(relay, &post_octets("", &numbered(number))).await });
    }
    until_held(&pair, COUNT as usize).await;
    let Pair { gateway, relay } = pair;
    let shutdown = tokio::spawn(relay.shutdown());
    while let Some(answer) = answers.join_next().await {
        assert_eq!(answer.unwrap().content().len(), 8_192);
    }
    shutdown.await.unwrap();
    drop(gateway);
}

#[tokio::test]
async fn a_relay_without_room_says_so_and_the_room_of_what_is_held_stays_taken() {
    let top = "mixing = { timed = { period_ms = 1000 } }\n connections = { drain_ms = 30000 }\n limits = { max_requests = 2 }";
    let mut pair = Pair::with("", top, None).await;
    let mut held = Vec::new();
    for number in 0..2 {
        let mut stream = TcpStream::connect(pair.relay.address).await.unwrap();
        let octets = post_octets("", &numbered(number));
        stream.write_all(&octets).await.unwrap();
        held.push(stream);
        until_held(&pair, held.len()).await;
    }
    let refused = pair.send(&post_octets("", &numbered(9))).await;
    assert_eq!(problem(&refused), Some(Refusal::Overloaded.problem()));
    assert!(refused.head().contains("retry-after: 10"));
    // Whoever goes away cannot make the relay hold more than it has room for, nor shows it by what leaves.
    drop(held);
    while pair.send(&post_octets("", &numbered(9))).await.status() != 200 {
        tokio::task::yield_now().await;
    }
    pair.gateway.look();
    assert_eq!(pair.gateway.posts.len(), 3);
}

#[tokio::test]
async fn browsers_are_answered_alike_on_every_resource() {
    let pair = Pair::start().await;
    let preflight = |path: &str| {
        format!("OPTIONS {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\norigin: https://canary.example\r\naccess-control-request-method: POST\r\naccess-control-request-headers: content-type\r\ncookie: canary\r\n\r\n").into_bytes()
    };
    for path in ["/gateway.test", "/gateway.test/keys", "/.well-known/sotto"] {
        let answer = pair.send(&preflight(path)).await;
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(
            answer.fields(),
            [
                "access-control-allow-headers",
                "access-control-allow-methods",
                "access-control-allow-origin",
                "access-control-expose-headers",
                "access-control-max-age",
            ]
        );
        let head = answer.head();
        assert!(head.contains("access-control-allow-origin: *"), "{head}");
        assert!(
            !head.contains("canary") && !head.contains("credentials"),
            "{head}"
        );
    }
    let unknown = pair.send(&preflight("/other.test")).await;
    assert_eq!(
        (unknown.status(), unknown.fields()),
        (404, FIELDS.map(str::to_owned).to_vec())
    );
    for path in ["/gateway.test", "/gateway.test/keys", "/.well-known/sotto"] {
        assert_eq!(pair.get(path).await.fields(), FIELDS, "{path}");
    }

    let top = "cors = { origins = [\"https://chat.example\"] }";
    let pair = Pair::with("", top, None).await;
    let of = |origin: &str| post_octets(&format!("origin: {origin}\r\n"), &envelope());
    let listed = pair.send(&of("https://chat.example")).await;
    let fields = [&FIELDS[..], &["vary"]].concat();
    assert_eq!(listed.fields(), fields);
    assert!(
        listed
            .head()
            .contains("access-control-allow-origin: https://chat.example\r\n")
    );
    let other = pair.send(&of("https://other.example")).await;
    assert_eq!(
        other.fields(),
        ["cache-control", "content-length", "content-type", "vary"]
    );

    let pair = Pair::with("", "cors = { origins = [] }", None).await;
    assert_eq!(pair.send(&preflight("/gateway.test")).await.status(), 405);
    assert_eq!(
        pair.post().await.fields(),
        ["cache-control", "content-length", "content-type"]
    );
}

#[tokio::test]
async fn early_hints_cookies_and_trailers_go_nowhere() {
    let mut pair = Pair::start().await;
    let usual = pair.post().await;
    let seen = pair.gateway.next_post().await;

    let fields = "set-cookie: canary=1\r\nalt-svc: h3=\":443\"\r\nserver-timing: canary;dur=53\r\ndate: Mon, 23 Nov 2026 03:22:07 GMT\r\nserver: canary\r\n";
    let content = [7; 8_192];
    let plain = response_octets(200, media::OHTTP_RESPONSE, fields, &content);
    let mut hinted =
        b"HTTP/1.1 103 Early Hints\r\nlink: </canary>\r\nset-cookie: canary=2\r\n\r\n".to_vec();
    hinted.extend(&plain);
    let mut trailed = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\ntrailer: set-cookie\r\n{fields}\r\n2000\r\n",
        media::OHTTP_RESPONSE
    )
    .into_bytes();
    trailed.extend(content);
    trailed.extend(b"\r\n0\r\nset-cookie: canary=3\r\n\r\n");
    for reply in [plain, hinted, trailed] {
        pair.gateway.answer(Reply::Write(reply));
        assert_eq!(pair.post().await, usual);
    }

    // The other way: a client's trailer section, and its wish to be told to go on.
    pair.gateway.answer(sealed(8_192));
    let mut chunked = format!(
        "POST /{GATEWAY} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\ntrailer: x-canary\r\n\r\n800\r\n",
        media::OHTTP_REQUEST
    )
    .into_bytes();
    chunked.extend(envelope());
    chunked.extend(b"\r\n0\r\nx-canary: canary\r\n\r\n");
    pair.gateway.look();
    let before = pair.gateway.posts.len();
    assert_eq!(pair.send(&chunked).await, usual);
    pair.gateway.look();
    let again = &pair.gateway.posts[before];
    assert_eq!((&again.head, &again.content), (&seen.head, &seen.content));

    let early = pair
        .send(&post_octets("early-data: 1\r\n", &envelope()))
        .await;
    assert_eq!(problem(&early), Some(Refusal::TooEarly.problem()));
}

#[tokio::test]
async fn a_relay_goes_on_by_another_configuration() {
    let mut pair = Pair::start().await;
    let other = StandIn::start().await;
    pair.gateway.look();
    let fetched = pair.gateway.fetches.len();
    let (address, other) = (pair.gateway.address, other.address);
    let with_other = |top: &str| {
        let lines = format!(
            "[[gateway]]\nhost = \"other.test\"\nurl = \"http://{}\"",
            other
        );
        config(address, &lines, top)
    };

    let top = "cors = { origins = [] }\n mixing = { timed = { period_ms = 20 } }\n connections = { drain_ms = 30000 }";
    pair.relay.reconfigure(with_other(top)).await.unwrap();
    let description: RelayDescription =
        serde_json::from_slice(pair.get("/.well-known/sotto").await.content()).unwrap();
    assert_eq!(description.resource_for("other.test"), Some("/other.test"));
    assert_eq!(description.mixing, Mixing::Timed { period_ms: 20 });
    assert_eq!(
        pair.get("/other.test/keys").await.content(),
        b"the document"
    );
    assert_eq!(
        pair.post().await.fields(),
        ["cache-control", "content-length", "content-type"]
    );
    let metrics = pair.metrics().await;
    assert!(
        metrics.contains("{gateway=\"other.test\",outcome=\"answered\"} 1"),
        "{metrics}"
    );
    pair.gateway.look();
    assert_eq!(
        pair.gateway.fetches.len(),
        fetched,
        "a gateway that stays keeps its keys"
    );

    // What cannot be served changes nothing.
    let mut wrong = with_other("");
    wrong.gateways[1].token_file = Some("/nonexistent.token".into());
    let problems = pair.relay.reconfigure(wrong).await.unwrap_err();
    assert!(
        problems[0].to_string().contains("gateway.1.token_file"),
        "{problems:?}"
    );
    assert_eq!(pair.get("/other.test/keys").await.status(), 200);

    // A gateway that is taken away is refused, and a quota holds from then on.
    let small = config(pair.gateway.address, "", SMALL_QUOTA);
    pair.relay.reconfigure(small).await.unwrap();
    assert_eq!(pair.send(&from("198.51.100.7", 0)).await.status(), 200);
    assert_eq!(pair.get("/other.test/keys").await.status(), 404);
    for number in 1..5 {
        assert_eq!(pair.send(&from("198.51.100.7", number)).await.status(), 200);
    }
    // The same quota again is no fresh one.
    let small = config(pair.gateway.address, "", SMALL_QUOTA);
    pair.relay.reconfigure(small).await.unwrap();
    assert_eq!(pair.send(&from("198.51.100.7", 9)).await.status(), 429);
}

#[tokio::test]
async fn a_request_under_way_ends_by_the_configuration_that_it_began_with() {
    let mut pair = Pair::start().await;
    pair.gateway.answer(Reply::Silence);
    let relay = pair.relay.address;
    let answer = tokio::spawn(async move { send(relay, &post_octets("", &envelope())).await });
    pair.gateway.next_post().await;
    let elsewhere = StandIn::start().await;
    let mut moved = config(elsewhere.address, "", "");
    moved.limits.gateway_timeout_ms = 500;
    pair.relay.reconfigure(moved).await.unwrap();
    // The new gateway is asked from now on; the old one owes an answer, and gives it up at the end of the old time.
    let next = pair.send(&post_octets("", &numbered(1))).await;
    assert_eq!(next.status(), 200);
    assert!(!answer.is_finished());
    answer.abort();
}

#[tokio::test]
async fn relays_of_one_process_do_not_share_quotas_or_flights() {
    let gateway = StandIn::start().await;
    gateway.answer(Reply::Silence);
    let one = Relay::start(config(gateway.address, "", ""), None)
        .await
        .unwrap();
    let other = Relay::start(config(gateway.address, "", ""), None)
        .await
        .unwrap();
    let mut streams = Vec::new();
    let mut gateway = gateway;
    for relay in [&one, &other] {
        let mut stream = TcpStream::connect(relay.address).await.unwrap();
        stream
            .write_all(&post_octets("", &envelope()))
            .await
            .unwrap();
        gateway.next_post().await;
        streams.push(stream);
    }
}
