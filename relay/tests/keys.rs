//! The gateways' keys: fetched on the relay's own schedule, the same octets for everybody.

mod support;

use sotto_daemon::logs;
use sotto_relay::{Refusal, Relay};
use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES, Problem, media};
use support::{Captured, Pair, Reply, StandIn, config, response, send};

const LIST: &str = "/gateway.test";
const DOCUMENT: &str = "/gateway.test/keys";

#[tokio::test]
async fn everybody_gets_the_same_octets_and_nobody_causes_a_fetch() {
    let mut pair = Pair::start().await;
    let document = pair.get(DOCUMENT).await;
    assert_eq!(document.content(), b"the document");
    assert!(
        document
            .head()
            .contains("content-type: application/vnd.sotto.keys")
    );
    let list = pair.get(LIST).await;
    assert_eq!(list.content(), b"the list");
    assert!(list.head().contains("content-type: application/ohttp-keys"));
    for source in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        let request = format!(
            "GET {DOCUMENT} HTTP/1.1\r\nhost: a\r\ncookie: me=1\r\nconnection: close\r\n\r\n"
        );
        let answer = support::send_from(source, pair.relay.address, request.as_bytes()).await;
        assert_eq!(answer, document);
    }
    pair.gateway.look();
    assert_eq!(
        pair.gateway.fetches.len(),
        2,
        "one of each kind, at the start"
    );
}

#[tokio::test]
async fn no_keys_is_told_and_then_they_come() {
    let mut gateway = StandIn::start().await;
    let keys = {
        let mut script = gateway.script.lock().unwrap();
        let keys = (script.document.clone(), script.list.clone());
        script.document = response(503, media::PROBLEM, b"{}");
        script.list = Reply::Reset;
        keys
    };
    let relay = Relay::start(config(gateway.address, "", ""), None)
        .await
        .unwrap();
    let get = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    for path in [DOCUMENT, LIST] {
        let answer = send(relay.address, get(path).as_bytes()).await;
        assert_eq!(
            Problem::from_json(answer.content()),
            Some(Refusal::NoKeys.problem())
        );
    }
    let ready = |admin| async move { send(admin, get("/readyz").as_bytes()).await };
    let told = ready(relay.admin.unwrap()).await;
    assert_eq!(told.status(), 503);
    let told = String::from_utf8_lossy(told.content()).into_owned();
    assert!(told.contains("`sotto-relay check --online`"), "{told}");

    gateway.look();
    {
        let mut script = gateway.script.lock().unwrap();
        (script.document, script.list) = keys;
    }
    gateway.next_fetch().await;
    while ready(relay.admin.unwrap()).await.status() != 200 {
        tokio::task::yield_now().await;
    }
    for path in [DOCUMENT, LIST] {
        assert_eq!(
            send(relay.address, get(path).as_bytes()).await.status(),
            200
        );
    }
    relay.shutdown().await;
}

/// The age of the keys as the metrics tell it; 0 before there are any.
fn keys_at(metrics: &str) -> f64 {
    metrics
        .lines()
        .find_map(|line| line.strip_prefix("sotto_relay_keys_fetched_timestamp_seconds{"))
        .and_then(|line| line.rsplit(' ').next())
        .and_then(|value| value.parse().ok())
        .unwrap_or(0.0)
}

/// A gateway gives its list to anybody, so a list says nothing of whether it admits this relay.
#[tokio::test]
async fn a_relay_that_its_gateway_does_not_admit_is_not_ready_and_says_why() {
    let logged = Captured::default();
    let writer = logged.clone();
    let subscriber = logs::subscriber(logs::Format::Text, logs::Level::Warn, move || {
        writer.clone()
    });
    let _scope = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    support::write_token(&token, &"7".repeat(32));
    let cases = [
        (401, format!("token_file = {token:?}"), "list the token of"),
        (403, String::new(), "set `gateway.0.token_file`"),
    ];
    for (status, line, remedy) in cases {
        let gateway = StandIn::start().await;
        gateway.script.lock().unwrap().document = response(status, media::PROBLEM, b"{}");
        let relay = Relay::start(config(gateway.address, &line, ""), None)
            .await
            .unwrap();
        let get = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let admin = relay.admin.unwrap();
        assert_eq!(send(admin, get("/readyz").as_bytes()).await.status(), 503);
        let list = send(relay.address, get(LIST).as_bytes()).await;
        assert_eq!(
            list.content(),
            b"the list",
            "the list is there all the same"
        );
        let metrics = send(admin, get("/metrics").as_bytes()).await.octets;
        let metrics = String::from_utf8(metrics).unwrap();
        assert!(metrics.contains("result=\"failed\"} 1"), "{metrics}");
        assert_eq!(keys_at(&metrics), 0.0, "{metrics}");
        let text = logged.text();
        let line = text
            .lines()
            .find(|line| line.contains("ERROR") && line.contains(&status.to_string()))
            .unwrap_or_else(|| panic!("no error in {text}"));
        assert!(
            line.contains("gateway.0.token_file") && line.contains(remedy),
            "{line}"
        );
        relay.shutdown().await;
    }
    // What stands there may be no gateway at all: this relay, say.
    let gateway = StandIn::start().await;
    let none = response(404, media::PROBLEM, b"{}");
    gateway.answer(none.clone());
    {
        let mut script = gateway.script.lock().unwrap();
        (script.document, script.list) = (none.clone(), none);
    }
    let relay = Relay::start(config(gateway.address, "", ""), None)
        .await
        .unwrap();
    let text = logged.text();
    assert!(text.contains("leads to a gateway"), "{text}");
    relay.shutdown().await;
}

#[tokio::test]
async fn the_list_of_a_foreign_gateway_that_has_no_document_is_enough() {
    let gateway = StandIn::start().await;
    gateway.script.lock().unwrap().document = response(404, media::PROBLEM, b"{}");
    let relay = Relay::start(config(gateway.address, "", ""), None)
        .await
        .unwrap();
    let get = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let admin = relay.admin.unwrap();
    assert_eq!(send(admin, get("/readyz").as_bytes()).await.status(), 200);
    let metrics = send(admin, get("/metrics").as_bytes()).await.octets;
    assert!(keys_at(&String::from_utf8(metrics).unwrap()) > 0.0);
    relay.shutdown().await;
}

#[tokio::test]
async fn keys_are_fetched_again_and_a_failure_keeps_the_last() {
    let mut pair = Pair::with("", "limits = { key_refresh_s = 1 }", None).await;
    pair.gateway.look();
    pair.gateway.script.lock().unwrap().document =
        response(200, media::KEY_DOCUMENT, b"the next document");
    while pair.get(DOCUMENT).await.content() != b"the next document" {
        tokio::task::yield_now().await;
    }
    pair.gateway.look();
    pair.gateway.script.lock().unwrap().document = Reply::Reset;
    pair.gateway.script.lock().unwrap().list = Reply::Reset;
    pair.gateway.next_fetch().await;
    while !pair.metrics().await.contains("result=\"failed\"} 1") {
        tokio::task::yield_now().await;
    }
    assert_eq!(pair.get(DOCUMENT).await.content(), b"the next document");
}

#[tokio::test]
async fn old_keys_are_withdrawn() {
    let mut pair = Pair::with("", "limits = { key_refresh_s = 1, key_stale_s = 2 }", None).await;
    {
        let mut script = pair.gateway.script.lock().unwrap();
        script.document = Reply::Reset;
        script.list = Reply::Reset;
    }
    while pair.get(DOCUMENT).await.status() != 503 {
        tokio::task::yield_now().await;
    }
    pair.gateway.look();
}

#[tokio::test]
async fn what_is_no_key_document_is_not_handed_out() {
    let cases = [
        response(200, "text/html", b"<html>"),
        response(200, media::KEY_DOCUMENT, b""),
        response(
            200,
            media::KEY_DOCUMENT,
            &vec![1; KEY_DOCUMENT_MAX_BYTES + 1],
        ),
        response(302, media::KEY_DOCUMENT, b"x"),
        response(404, media::KEY_DOCUMENT, b"x"),
        response(206, media::KEY_DOCUMENT, b"x"),
    ];
    for case in cases {
        let gateway = StandIn::start().await;
        gateway.script.lock().unwrap().document = case;
        gateway.script.lock().unwrap().list =
            response(200, media::OHTTP_KEYS, &vec![2; KEY_LIST_MAX_BYTES]);
        let relay = Relay::start(config(gateway.address, "", ""), None)
            .await
            .unwrap();
        let get = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert_eq!(
            send(relay.address, get(DOCUMENT).as_bytes()).await.status(),
            503
        );
        let list = send(relay.address, get(LIST).as_bytes()).await;
        assert_eq!(list.content().len(), KEY_LIST_MAX_BYTES);
    }
}
