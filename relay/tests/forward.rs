//! What goes through a relay, and what does not, with a gateway that behaves and one that does not.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod support;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use sotto_relay::{Observe, Refusal, Relay, RelayView};
use sotto_wire::{Problem, ProblemType, RelayDescription, media};
use support::{
    FIELDS, GATEWAY, Pair, Reply, config, envelope, numbered, post_octets, response,
    response_octets, sealed, send,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[tokio::test]
async fn one_opaque_body_goes_through_and_one_comes_back() {
    let mut pair = Pair::start().await;
    let answer = pair.post().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.content(), vec![7; 8_192]);
    assert_eq!(answer.fields(), FIELDS);

    let seen = pair.gateway.next_post().await;
    assert!(
        seen.head
            .starts_with("POST /.well-known/ohttp-gateway HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.fields(), ["content-length", "content-type", "host"]);
    assert_eq!(seen.content, envelope());

    pair.gateway.answer(sealed(65_536));
    assert_eq!(pair.post().await.content().len(), 65_536);
}

#[tokio::test]
async fn the_relay_tells_the_gateway_who_it_is_and_reads_its_token_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let (first, second) = ("1".repeat(32), "2".repeat(32));
    support::write_token(&file, &format!("{first}\n"));
    let mut pair = Pair::with(&format!("token_file = {file:?}"), "", None).await;
    for token in [&first, &second] {
        let field = format!("\r\nauthorization: Bearer {token}\r\n");
        pair.post().await;
        let seen = pair.gateway.next_post().await;
        assert!(seen.head.contains(&field), "{}", seen.head);
        support::write_token(&file, &second);
        pair.relay.reload();
    }
    // A token that cannot be used does not replace one that can.
    std::fs::write(&file, "no token\r\nx: y").unwrap();
    pair.relay.reload();
    pair.post().await;
    let seen = pair.gateway.next_post().await;
    assert!(
        seen.head.contains(&format!("Bearer {second}\r\n")),
        "{}",
        seen.head
    );
    pair.gateway.look();
    let fetch = &pair.gateway.fetches[0];
    assert_eq!(fetch.fields(), ["accept", "authorization", "host"]);
}

#[tokio::test]
async fn whatever_a_gateway_answers_the_client_gets_an_answer_of_ours() {
    let pair = Pair::with("", "limits = { gateway_timeout_ms = 300 }", None).await;
    let ok = |fields: &str, octets| {
        Reply::Close(response_octets(
            200,
            media::OHTTP_RESPONSE,
            fields,
            &vec![7; octets],
        ))
    };
    let problem = |status, kind| {
        let problem = Problem::new(kind, status, "canary of the gateway");
        response(status, media::PROBLEM, problem.to_json().as_bytes())
    };
    let short = {
        let mut octets = response_octets(200, media::OHTTP_RESPONSE, "", &[7; 8_192]);
        octets.truncate(4_000);
        octets
    };
    let chunked = |octets: usize, end: &str| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n",
            media::OHTTP_RESPONSE
        );
        let chunk = [
            format!("{octets:x}\r\n").as_bytes(),
            &vec![7; octets],
            b"\r\n",
            end.as_bytes(),
        ]
        .concat();
        Reply::Close([head.as_bytes(), &chunk].concat())
    };
    let early_hints = [
        b"HTTP/1.1 103 Early Hints\r\nlink: </canary>\r\n\r\n",
        &*response_octets(200, media::OHTTP_RESPONSE, "", &[7; 8_192]),
    ]
    .concat();
    let cases: Vec<(&str, Reply, Result<usize, Refusal>)> = vec![
        (
            "cookies and more",
            ok(
                "set-cookie: canary=1\r\nserver: canary\r\nx-canary: 1\r\nalt-svc: h3=\":1\"\r\ndate: canary\r\n",
                8_192,
            ),
            Ok(8_192),
        ),
        (
            "chunked, right",
            chunked(8_192, "0\r\nx-trailer: canary\r\n\r\n"),
            Ok(8_192),
        ),
        ("early hints", Reply::Close(early_hints), Ok(8_192)),
        ("one octet less", ok("", 8_191), Err(Refusal::Nonsense)),
        ("one octet more", ok("", 8_193), Err(Refusal::Nonsense)),
        ("nothing", ok("", 0), Err(Refusal::Nonsense)),
        ("oversize", ok("", 65_537), Err(Refusal::Nonsense)),
        (
            "oversize, chunked",
            chunked(200_000, "0\r\n\r\n"),
            Err(Refusal::Nonsense),
        ),
        (
            "wrong type",
            response(200, "text/html", &[7; 8_192]),
            Err(Refusal::Nonsense),
        ),
        (
            "no content",
            response(204, media::OHTTP_RESPONSE, b""),
            Err(Refusal::Nonsense),
        ),
        (
            "redirect",
            Reply::Close(response_octets(
                307,
                media::OHTTP_RESPONSE,
                "location: http://127.0.0.1:1/canary\r\n",
                b"",
            )),
            Err(Refusal::Nonsense),
        ),
        (
            "upgrade",
            Reply::Close(
                b"HTTP/1.1 101 Switching\r\nupgrade: canary\r\nconnection: upgrade\r\n\r\n"
                    .to_vec(),
            ),
            Err(Refusal::Nonsense),
        ),
        (
            "internal error",
            response(500, "text/plain", b"canary"),
            Err(Refusal::Nonsense),
        ),
        (
            "unknown key",
            problem(400, ProblemType::OhttpKey),
            Err(Refusal::OhttpKey),
        ),
        (
            "other problem",
            problem(400, ProblemType::Blank),
            Err(Refusal::GatewayRefused),
        ),
        (
            "endless problem",
            Reply::Close(response_octets(400, media::PROBLEM, "", &[b' '; 9_000])),
            Err(Refusal::Nonsense),
        ),
        (
            "not admitted",
            problem(401, ProblemType::Blank),
            Err(Refusal::NotAdmitted),
        ),
        (
            "too large",
            problem(413, ProblemType::Blank),
            Err(Refusal::GatewayRefused),
        ),
        (
            "too many",
            problem(429, ProblemType::Blank),
            Err(Refusal::Busy),
        ),
        (
            "unavailable",
            problem(503, ProblemType::Blank),
            Err(Refusal::GatewayUnavailable),
        ),
        ("broken off", Reply::Close(short), Err(Refusal::Unreachable)),
        (
            "broken off, chunked",
            chunked(8_192, ""),
            Err(Refusal::Unreachable),
        ),
        (
            "no answer",
            Reply::Close(Vec::new()),
            Err(Refusal::Unreachable),
        ),
        (
            "no HTTP",
            Reply::Close(b"canary\r\n\r\n".to_vec()),
            Err(Refusal::Unreachable),
        ),
        ("reset", Reply::Reset, Err(Refusal::Unreachable)),
        ("silence", Reply::Silence, Err(Refusal::Timeout)),
        (
            "half a head",
            Reply::Write(b"HTTP/1.1 200".to_vec()),
            Err(Refusal::Timeout),
        ),
        (
            "half a body",
            Reply::Write(
                response_octets(200, media::OHTTP_RESPONSE, "", &[7; 8_192])[..5_000].to_vec(),
            ),
            Err(Refusal::Timeout),
        ),
    ];
    for (case, reply, expected) in cases {
        pair.gateway.answer(reply);
        let answer = pair.post().await;
        match expected {
            Ok(octets) => assert_eq!(
                (answer.status(), answer.content().len()),
                (200, octets),
                "{case}"
            ),
            Err(refusal) => {
                assert_eq!(answer.status(), refusal.status().as_u16(), "{case}");
                let problem = Problem::from_json(answer.content()).unwrap();
                assert_eq!(problem, refusal.problem(), "{case}");
            }
        }
        let mut fields = FIELDS.to_vec();
        fields.extend((expected == Err(Refusal::Busy)).then_some("retry-after"));
        assert_eq!(answer.fields(), fields, "{case}");
        assert!(
            !String::from_utf8_lossy(&answer.octets).contains("canary"),
            "{case}"
        );
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_is_told() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let relay = Relay::start(config(gone, "", ""), None).await.unwrap();
    let answer = send(relay.address, &post_octets("", &envelope())).await;
    assert_eq!(answer.status(), 502);
    relay.shutdown().await;
}

fn chunked(pieces: &[usize]) -> Vec<u8> {
    let mut octets = format!(
        "POST /{GATEWAY} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        media::OHTTP_REQUEST
    )
    .into_bytes();
    for piece in pieces {
        octets.extend(format!("{piece:x}\r\n").bytes());
        octets.extend(vec![1; *piece]);
        octets.extend(b"\r\n");
    }
    octets.extend(b"0\r\n\r\n");
    octets
}

#[tokio::test]
async fn what_is_not_forwarded_is_refused_with_a_reason() {
    let mut pair = Pair::start().await;
    let request = |line: &str| {
        format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").into_bytes()
    };
    let typed = |media_type: &str| {
        String::from_utf8(post_octets("", &[]))
            .unwrap()
            .replace(media::OHTTP_REQUEST, media_type)
            .into_bytes()
    };
    let cases = [
        (request("GET /"), Refusal::UnknownResource),
        (request("GET /other.test"), Refusal::UnknownResource),
        (request("GET /other.test/keys"), Refusal::UnknownResource),
        (request("GET /gateway.test/"), Refusal::UnknownResource),
        (
            request("GET /gateway.test?canary"),
            Refusal::UnknownResource,
        ),
        (request("GET /GATEWAY.TEST"), Refusal::UnknownResource),
        (
            request("GET /.well-known/ohttp-gateway"),
            Refusal::UnknownResource,
        ),
        (request("DELETE /gateway.test"), Refusal::Method),
        (request("POST /gateway.test/keys"), Refusal::Method),
        (request("POST /.well-known/sotto"), Refusal::Method),
        (request("CANARY /gateway.test"), Refusal::Method),
        (request("POST /gateway.test"), Refusal::MediaType),
        (typed("text/plain"), Refusal::MediaType),
        (post_octets("", &[]), Refusal::TooSmall),
        (post_octets("", &[1; 2_047]), Refusal::TooSmall),
        (post_octets("", &[1; 2_049]), Refusal::TooLarge),
        (chunked(&[2_047]), Refusal::TooSmall),
        (chunked(&[2_000, 49]), Refusal::TooLarge),
        (chunked(&[100_000]), Refusal::TooLarge),
    ];
    for (octets, refusal) in cases {
        let answer = pair.send(&octets).await;
        let case = String::from_utf8_lossy(&octets[..40.min(octets.len())]).into_owned();
        assert_eq!(answer.status(), refusal.status().as_u16(), "{case}");
        assert_eq!(
            Problem::from_json(answer.content()),
            Some(refusal.problem()),
            "{case}"
        );
    }
    pair.gateway.look();
    assert!(pair.gateway.posts.is_empty());
    assert_eq!(pair.send(&chunked(&[2_000, 48])).await.status(), 200);
    assert_eq!(pair.gateway.next_post().await.content, vec![1; 2_048]);

    let metrics = pair.metrics().await;
    assert!(
        metrics.contains(
            "sotto_relay_requests_total{gateway=\"gateway.test\",outcome=\"too_small\"} 3"
        ),
        "{metrics}"
    );
    assert!(
        metrics.contains(
            "sotto_relay_requests_total{gateway=\"gateway.test\",outcome=\"answered\"} 1"
        ),
        "{metrics}"
    );
    assert!(
        metrics.contains("sotto_relay_requests_total{gateway=\"\",outcome=\"unknown_resource\"} 7"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_slow_body_is_refused_and_never_forwarded() {
    for limits in [
        "limits = { body_idle_ms = 100 }",
        "limits = { body_timeout_ms = 100 }",
    ] {
        let mut pair = Pair::with("", limits, None).await;
        let mut octets = post_octets("", &envelope());
        octets.truncate(octets.len() - 1);
        let answer = pair.send(&octets).await;
        assert_eq!(
            Problem::from_json(answer.content()),
            Some(Refusal::Slow.problem())
        );
        pair.gateway.look();
        assert!(pair.gateway.posts.is_empty());
    }
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_harms_nobody() {
    let mut pair = Pair::start().await;
    let mut stream = TcpStream::connect(pair.relay.address).await.unwrap();
    stream
        .write_all(&post_octets("", &envelope())[..1_000])
        .await
        .unwrap();
    drop(stream);
    assert_eq!(pair.post().await.status(), 200);
    pair.gateway.look();
    assert_eq!(pair.gateway.posts.len(), 1);
}

#[tokio::test]
async fn any_body_means_foreign_sizes_within_limits() {
    let pair = Pair::with("body = \"any\"", "", None).await;
    pair.gateway.answer(sealed(300));
    for (octets, status) in [(1, 200), (500, 200), (4_096, 200), (4_097, 413), (0, 400)] {
        assert_eq!(
            pair.send(&post_octets("", &vec![1; octets])).await.status(),
            status,
            "{octets}"
        );
    }
    for (octets, status) in [(65_536, 200), (65_537, 502), (0, 502)] {
        pair.gateway.answer(sealed(octets));
        assert_eq!(pair.post().await.status(), status, "{octets}");
    }
}

#[tokio::test]
async fn a_full_gateway_is_told_at_once() {
    let top = "limits = { max_in_flight = 1, gateway_timeout_ms = 3000 }";
    let mut pair = Pair::with("", top, None).await;
    pair.gateway.answer(Reply::Silence);
    let mut first = TcpStream::connect(pair.relay.address).await.unwrap();
    first
        .write_all(&post_octets("", &envelope()))
        .await
        .unwrap();
    pair.gateway.next_post().await;
    let refused = pair.send(&post_octets("", &numbered(1))).await;
    assert_eq!(
        Problem::from_json(refused.content()),
        Some(Refusal::Busy.problem())
    );
    assert!(
        pair.metrics()
            .await
            .contains("sotto_relay_waiting{gateway=\"gateway.test\"} 1")
    );

    // The place is free again when the gateway's time is over, whether or not the client that took it has gone.
    drop(first);
    pair.gateway.answer(sealed(8_192));
    while pair.post().await.status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight_and_another_relay_takes_the_port() {
    // A gateway that answers when it is told to.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = listener.local_addr().unwrap();
    let relay = Relay::start(
        config(gateway, "", "limits = { gateway_timeout_ms = 5000 }"),
        None,
    )
    .await
    .unwrap();
    let at = relay.address;
    let client = tokio::spawn(async move { send(at, &post_octets("", &envelope())).await });
    let mut stream = loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = Vec::new();
        if let Some((head, _)) = support::read_message(&mut stream, &mut buffer).await
            && head.starts_with("POST ")
        {
            break stream;
        }
    };
    let shutdown = tokio::spawn(relay.shutdown());
    while TcpStream::connect(at).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream
        .write_all(&response_octets(
            200,
            media::OHTTP_RESPONSE,
            "",
            &[7; 8_192],
        ))
        .await
        .unwrap();
    assert_eq!(client.await.unwrap().content().len(), 8_192);
    shutdown.await.unwrap();

    let pair = Pair::start().await;
    let mut again = config(pair.gateway.address, "", "");
    again.listen.address = at;
    let relay = Relay::start(again, None).await.unwrap();
    assert_eq!(relay.address, at);
    assert_eq!(send(at, &post_octets("", &envelope())).await.status(), 200);
    relay.shutdown().await;
}

#[tokio::test]
async fn the_relay_says_who_it_is() {
    let pair = Pair::start().await;
    let answer = pair.get("/.well-known/sotto").await;
    let description: RelayDescription = serde_json::from_slice(answer.content()).unwrap();
    assert_eq!(description.operator, "relay-one.test");
    assert_eq!(description.contact, "mailto:noc@relay-one.test");
    assert_eq!(description.resource_for(GATEWAY), Some("/gateway.test"));
    assert!(
        answer.head().contains("content-type: application/json"),
        "{}",
        answer.head()
    );
}

#[derive(Default)]
struct Views(Mutex<Vec<RelayView>>);

impl Observe for Views {
    fn forwarded(&self, view: &RelayView) {
        self.0.lock().unwrap().push(view.clone());
    }
}

#[tokio::test]
async fn an_observer_sees_what_a_relay_can_know() {
    let views = Arc::new(Views::default());
    let pair = Pair::with("", "", Some(Arc::clone(&views) as Arc<dyn Observe>)).await;
    let stream = TcpStream::connect(pair.relay.address).await.unwrap();
    let client: SocketAddr = stream.local_addr().unwrap();
    let (mut reader, mut writer) = stream.into_split();
    writer
        .write_all(&post_octets("", &envelope()))
        .await
        .unwrap();
    reader.read_to_end(&mut Vec::new()).await.unwrap();
    pair.gateway.answer(response(500, "text/plain", b""));
    pair.post().await;
    pair.send(&post_octets("", &[1; 10])).await;

    let views = views.0.lock().unwrap();
    assert_eq!(views.len(), 2, "what was not forwarded is not seen");
    let first = &views[0];
    assert_eq!(
        (first.client, &*first.gateway, first.key_id),
        (client, GATEWAY, 0)
    );
    assert_eq!(
        (first.request_bytes, first.answer_bytes, first.status),
        (2_048, 8_192, 200)
    );
    assert_eq!(views[1].status, 502);
}
