//! Who may ask, and how.

use http::Method;
use sotto_wire::{media, path};

use crate::support::{
    OPERATOR, Site, TOKEN,
    foreign::{self, question},
    http::{bearer, get, post, send},
};

/// Names and values of header fields.
type Fields<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn only_listed_relays_are_served() {
    let site = Site::new().await;
    let running = site.start().await;
    let wrong = format!("Bearer {}", TOKEN.replace('0', "1"));
    for (method, resource) in [
        (Method::POST, path::GATEWAY),
        (Method::GET, path::GATEWAY_KEYS),
    ] {
        for headers in [
            &[][..],
            &[("authorization", wrong.as_str())],
            &[("authorization", TOKEN)],
        ] {
            let answer = send(running.address, method.clone(), resource, headers, b"").await;
            assert_eq!(
                (answer.status.as_u16(), answer.problem().status),
                (401, 401),
                "{resource}"
            );
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    let (envelope, _) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    let headers = [("content-type", media::OHTTP_REQUEST)];
    let answer = send(
        running.address,
        Method::POST,
        path::GATEWAY,
        &headers,
        &envelope,
    )
    .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn the_list_of_keys_is_public() {
    let site = Site::new().await;
    let running = site.start().await;
    let answer = send(running.address, Method::GET, path::GATEWAY, &[], b"").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.media_type(), media::OHTTP_KEYS);
}

#[tokio::test]
async fn an_open_gateway_serves_everybody() {
    let mut site = Site::new().await;
    site.config.open_to_any_relay = true;
    site.config.relay.clear();
    let running = site.start().await;
    assert_eq!(
        send(running.address, Method::GET, path::GATEWAY_KEYS, &[], b"")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_is_no_exchange_is_refused_by_its_form() {
    let site = Site::new().await;
    let running = site.start().await;
    let token = bearer();
    let request = ("content-type", media::OHTTP_REQUEST);
    let cases: [(Method, &str, Fields<'_>, usize, u16); 9] = [
        (Method::GET, "/", &[], 0, 404),
        (
            Method::GET,
            "/dnssecproof?d=_mimi.alice.test.&t=TXT",
            &[],
            0,
            404,
        ),
        (Method::POST, "/.well-known/other", &[request], 2_048, 404),
        (Method::PUT, path::GATEWAY, &[request], 2_048, 405),
        (Method::POST, path::GATEWAY_KEYS, &[request], 2_048, 405),
        (Method::POST, path::GATEWAY, &[], 2_048, 415),
        (
            Method::POST,
            path::GATEWAY,
            &[("content-type", "message/ohttp-res")],
            2_048,
            415,
        ),
        (
            Method::POST,
            path::GATEWAY,
            &[request, ("content-encoding", "gzip")],
            2_048,
            415,
        ),
        (Method::POST, path::GATEWAY, &[request], 4_097, 413),
    ];
    for (method, resource, headers, octets, status) in cases {
        let headers = [&[("authorization", token.as_str())], headers].concat();
        let answer = send(
            running.address,
            method.clone(),
            resource,
            &headers,
            &vec![0; octets],
        )
        .await;
        let told = answer.problem().status;
        assert_eq!(
            (answer.status.as_u16(), told),
            (status, status),
            "{method} {resource}"
        );
    }
    let parameter = [
        ("authorization", token.as_str()),
        ("content-type", "Message/OHTTP-req; a=b"),
    ];
    let answer = send(
        running.address,
        Method::POST,
        path::GATEWAY,
        &parameter,
        &[0; 4_096],
    )
    .await;
    assert_eq!(
        answer.status, 400,
        "the largest foreign request is looked at"
    );
}

#[tokio::test]
async fn content_that_does_not_come_is_not_waited_for() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let site = Site::new().await;
    let running = site.start().await;
    let mut stream = tokio::net::TcpStream::connect(running.address)
        .await
        .unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: {}\r\ncontent-type: {}\r\ncontent-length: 2048\r\n\r\nbegin",
        path::GATEWAY,
        bearer(),
        media::OHTTP_REQUEST
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}

#[tokio::test]
async fn a_relay_at_work_does_not_give_way() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    let mut site = Site::new().await;
    site.config.limits.max_connections = 1;
    site.config.limits.body_timeout_ms = 600_000;
    let running = site.start().await;
    let mut at_work = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: {}\r\ncontent-type: {}\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n",
        path::GATEWAY,
        bearer(),
        media::OHTTP_REQUEST
    );
    at_work.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    at_work.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n", "it is admitted");

    let mut other = TcpStream::connect(running.address).await.unwrap();
    let mut nothing = Vec::new();
    // A reset says the same as a close.
    let _ = other.read_to_end(&mut nothing).await;
    assert_eq!(nothing, b"");
    at_work.write_all(b"none").await.unwrap();
    let mut answer = [0; 12];
    at_work.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}

#[tokio::test]
async fn a_gateway_with_its_hands_full_says_so_at_once() {
    let mut site = Site::new().await;
    site.config.limits.max_requests = 1;
    let running = site.start().await;
    let (waiting, _) = foreign::seal(running.address, &question("_mimi.slow.test.")).await;
    let (other, _) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    site.resolver.behave(crate::support::dns::Manner::Silent);
    let asked = site.resolver.asked();
    let slow = tokio::spawn(async move { post(running.address, &waiting).await });
    crate::support::until("the slow question is asked", async || {
        site.resolver.asked() > asked
    })
    .await;
    let answer = post(running.address, &other).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().status),
        (503, 503)
    );
    assert_eq!(
        slow.await.unwrap().status,
        200,
        "sealed, whatever the resolver did"
    );
}

#[tokio::test]
async fn answers_carry_nothing_that_varies() {
    let site = Site::new().await;
    let running = site.start().await;
    let mut heads = Vec::new();
    for name in ["_mimi.alice.test.", "_mimi.nobody.test.", "elsewhere.test."] {
        let (envelope, _) = foreign::seal(running.address, &question(name)).await;
        let answer = post(running.address, &envelope).await;
        heads.push((answer.status, answer.headers));
    }
    assert_eq!(heads[0], heads[1]);
    assert_eq!(heads[0], heads[2]);
    let mut names: Vec<_> = heads[0].1.keys().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(names, ["content-length", "content-type"]);
}

#[tokio::test]
async fn metrics_have_fixed_labels_and_readiness_follows_the_keys() {
    let site = Site::new().await;
    let running = site.start().await;
    let admin = running.admin.unwrap();
    foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
    foreign::exchange(running.address, &question("elsewhere.test.")).await;
    post(running.address, b"no envelope").await;
    send(running.address, Method::GET, path::GATEWAY_KEYS, &[], b"").await;

    assert_eq!(get(admin, "/readyz").await.status, 200);
    let metrics = get(admin, "/metrics").await.text();
    for line in [
        "sotto_gateway_sealed_total{relay=\"relay-one\",status=\"200\"} 1",
        "sotto_gateway_sealed_total{relay=\"relay-one\",status=\"403\"} 1",
        "sotto_gateway_sealed_total{relay=\"unlisted\",status=\"200\"} 0",
        "sotto_gateway_refused_total{cause=\"key\"} 1",
        "sotto_gateway_refused_total{cause=\"relay\"} 1",
        "sotto_gateway_epochs_published 14",
        "sotto_gateway_key_document 1",
    ] {
        assert!(
            metrics.lines().any(|told| told == line),
            "{line} is not in\n{metrics}"
        );
    }
    for secret in ["alice", "elsewhere", TOKEN, OPERATOR, "127.0.0.1"] {
        assert!(!metrics.contains(secret), "{secret} is in\n{metrics}");
    }
}
