//! Nothing of a client reaches the gateway, a log at any level, a metric or an error.
//!
//! One test in a process of its own, since it captures all that the process logs.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod support;

use std::io;

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use sotto_daemon::logs;
use sotto_relay::quota::Rate;
use sotto_wire::media;
use support::{
    Captured, GATEWAY, Pair, Reply, config, envelope, post_octets, response_octets, sealed,
    send_from,
};

/// Where the client comes from; nobody else in this process does.
const CLIENT: &str = "127.66.55.44";

/// What the client's fields and paths carry.
const CANARY: &str = "canary";

/// What the envelope carries; its first letters are also looked for in decimal and hexadecimal.
const ENVELOPE_CANARY: &[u8] = b"envelopecanary";

fn canary_envelope() -> Vec<u8> {
    let mut envelope = envelope();
    envelope[100..100 + ENVELOPE_CANARY.len()].copy_from_slice(ENVELOPE_CANARY);
    envelope
}

fn assert_clean(what: &str, text: &str) {
    let lower = text.to_ascii_lowercase();
    for canary in [
        CLIENT,
        CANARY,
        "101, 110, 118, 101",
        "656e7665",
        // The clients behind a proxy, as text, octets and hexadecimal.
        "203.0.113.66",
        "203, 0, 113",
        "cb007142",
        "2001:db8:ca",
    ] {
        assert!(!lower.contains(canary), "{what} holds {canary}:\n{text}");
    }
}

/// Header fields that a client may send: those that carry people about, and any others.
fn fields() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("cookie".to_owned()),
        Just("forwarded".to_owned()),
        Just("via".to_owned()),
        Just("x-forwarded-for".to_owned()),
        Just("x-real-ip".to_owned()),
        Just("user-agent".to_owned()),
        Just("accept-language".to_owned()),
        Just("authorization".to_owned()),
        Just("proxy-authorization".to_owned()),
        Just("traceparent".to_owned()),
        Just("tracestate".to_owned()),
        Just("baggage".to_owned()),
        Just("date".to_owned()),
        Just("origin".to_owned()),
        Just("referer".to_owned()),
        Just("te".to_owned()),
        Just("priority".to_owned()),
        "x-[a-z0-9]{1,20}",
    ];
    let value = "canary[ -~]{0,60}";
    proptest::collection::vec((name, value), 0..12).prop_map(|fields| {
        fields
            .iter()
            .map(|(name, value)| format!("{name}: {value} for={CLIENT}\r\n"))
            .collect()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_client_goes_anywhere() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = logs::subscriber(logs::Format::Text, logs::Level::Trace, move || {
        writer.clone()
    });
    tracing::subscriber::set_global_default(subscriber).unwrap();
    // A panic is written where an operator would see it.
    let panics = captured.clone();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = format!("panic: {panic}\n");
        let _ = io::Write::write(&mut panics.clone(), text.as_bytes());
        usual(panic);
    }));

    // Whoever connects is charged, or who it says it asks for; and everything waits a while.
    let top = format!(
        "limits = {{ gateway_timeout_ms = 300, body_idle_ms = 100 }}\n\
         mixing = {{ timed = {{ period_ms = 5 }} }}\nconnections = {{ drain_ms = 30000 }}\n\
         proxy = {{ addresses = [\"{CLIENT}\"], header = \"x-forwarded-for\" }}"
    );
    let mut pair = Pair::with("", &top, None).await;
    let relay = pair.relay.address;

    // Whatever fields the client sends, the gateway gets the same octets and the client too.
    let plain = send_from(CLIENT, relay, &post_octets("", &canary_envelope())).await;
    let seen = pair.gateway.next_post().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..64 {
        let fields = fields().new_tree(&mut runner).unwrap().current();
        let answer = send_from(CLIENT, relay, &post_octets(&fields, &canary_envelope())).await;
        assert_eq!(answer, plain, "{fields}");
        let again = pair.gateway.next_post().await;
        assert_eq!(
            (again.head, again.content),
            (seen.head.clone(), seen.content.clone()),
            "{fields}"
        );
    }
    assert_eq!(seen.content, canary_envelope());
    assert_clean("the gateway's request", &seen.head);

    // Everything that can go wrong, with the canary in it.
    let get = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: canary.test\r\ncookie: canary\r\nconnection: close\r\n\r\n").into_bytes()
    };
    let wrong: Vec<Vec<u8>> = vec![
        get("/canary.test"),
        get("/canary.test/keys"),
        get("/gateway.test?canary"),
        get("/gateway.test"),
        get("/gateway.test/keys"),
        b"CANARY /gateway.test HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec(),
        b"canary\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\ncanary\r\n\r\n".to_vec(),
        format!("POST /{GATEWAY} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: text/canary\r\n\r\n").into_bytes(),
        post_octets("", &canary_envelope()[..1_000]),
        post_octets("x-canary: 1\r\n", &canary_envelope())[..1_500].to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ncanarycanarycanarycanary".to_vec(),
    ];
    for octets in wrong {
        send_from(CLIENT, relay, &octets).await;
    }
    let replies = [
        Reply::Reset,
        Reply::Silence,
        Reply::Close(b"canary\r\n\r\n".to_vec()),
        Reply::Close(response_octets(
            302,
            media::OHTTP_RESPONSE,
            "location: http://canary.test/\r\n",
            b"canary",
        )),
        Reply::Close(response_octets(
            200,
            "text/canary",
            "set-cookie: canary\r\n",
            b"canary",
        )),
        Reply::Close(response_octets(
            400,
            media::PROBLEM,
            "",
            br#"{"type":"canary","title":"canary"}"#,
        )),
        Reply::Close(response_octets(200, media::OHTTP_RESPONSE, "", b"canary")),
    ];
    for reply in replies {
        pair.gateway.answer(reply);
        let answer = send_from(
            CLIENT,
            relay,
            &post_octets("cookie: canary\r\n", &canary_envelope()),
        )
        .await;
        assert_clean("the answer", &String::from_utf8_lossy(&answer.octets));
    }
    pair.gateway.answer(sealed(8_192));
    pair.gateway.look();
    for fetch in &pair.gateway.fetches {
        assert_clean("a fetch of keys", &fetch.head);
    }
    for post in &pair.gateway.posts {
        assert_eq!((&post.head, &post.content), (&seen.head, &seen.content));
        assert_ne!(post.peer.ip().to_string(), CLIENT);
    }
    assert_clean("the metrics", &pair.metrics().await);

    // Whoever has used up a quota is told so, and nobody else is.
    let mut small = config(pair.gateway.address, "", &top);
    small.quota = Rate::new(6, 1).unwrap();
    pair.relay.reconfigure(small).await.unwrap();
    for client in ["canary", "203.0.113.66", "2001:db8:ca:4a00::1"] {
        let asked = post_octets(
            &format!("x-forwarded-for: {client}\r\n"),
            &canary_envelope(),
        );
        while send_from(CLIENT, relay, &asked).await.status() != 429 {}
    }
    let told = format!("{}\n{:?}", pair.metrics().await, pair.relay);
    assert!(told.contains("outcome=\"quota\"} 3"), "{told}");
    assert_clean("what an operator is told of quotas", &told);
    pair.relay.reload();
    pair.relay.shutdown().await;

    let logged = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("relay serves"),
        "the capture works: {logged}"
    );
    assert!(!logged.contains("panic"), "{logged}");
    assert_clean("the log", &logged);
}
