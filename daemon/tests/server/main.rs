//! The accept loop against real sockets: protocols, limits, drain, reload.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, response::IntoResponse, routing::get};
use http::StatusCode;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sotto_daemon::{
    PeerAddress, Running, Server, ServerLimits, Stranger,
    admin::{self, Readiness},
    config::Listen,
    metrics::Metrics,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, oneshot},
    task::JoinHandle,
};

fn plain() -> Listen {
    Listen {
        address: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        plain_http: true,
    }
}

struct Started {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn start(server: Server) -> Started {
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Started {
        address,
        stop,
        task,
    }
}

async fn serve(router: Router, limits: ServerLimits) -> Started {
    start(Server::bind(&plain(), router, limits).await.unwrap())
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// Writes `request` and reads until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset says the same as a close.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn an_answer_carries_nothing_of_the_servers_own() {
    let server = serve(hello(), ServerLimits::default()).await;
    let answer = exchange(server.address, GET).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
    assert!(
        !answer.contains("\r\ndate:") && !answer.contains("\r\nserver:"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_handler_learns_the_client_only_where_it_was_asked_for() {
    let router = Router::new().route(
        "/",
        get(|peer: Option<Extension<PeerAddress>>| async move {
            if peer.is_some() { "known" } else { "unknown" }
        }),
    );
    let server = serve(router.clone(), ServerLimits::default()).await;
    assert!(
        exchange(server.address, GET)
            .await
            .ends_with("\r\n\r\nunknown")
    );
    let server = Server::bind(&plain(), router, ServerLimits::default())
        .await
        .unwrap();
    let server = start(server.expose_peer());
    assert!(
        exchange(server.address, GET)
            .await
            .ends_with("\r\n\r\nknown")
    );
}

#[tokio::test]
async fn a_client_that_is_slow_to_ask_is_closed() {
    let limits = ServerLimits {
        header_timeout_ms: 100,
        drain_ms: 100,
        ..ServerLimits::default()
    };
    let server = serve(hello(), limits).await;
    assert_eq!(exchange(server.address, "").await, "", "nothing sent");
    assert_eq!(
        exchange(server.address, "PRI * HTTP/2").await,
        "",
        "half a preface"
    );
    let half = exchange(server.address, "GET / HTTP/1.1\r\nhost:").await;
    assert!(
        half.is_empty() || half.starts_with("HTTP/1.1 408"),
        "{half}"
    );
    let rests = exchange(server.address, "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
    assert!(rests.ends_with("hello"), "{rests}");
}

#[tokio::test]
async fn a_header_section_over_the_limit_is_refused() {
    let server = serve(hello(), ServerLimits::default()).await;
    let request = format!(
        "GET / HTTP/1.1\r\nhost: a.test\r\nx: {}\r\n\r\n",
        "y".repeat(20_000)
    );
    let answer = exchange(server.address, &request).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_over_the_limit_takes_the_place_of_one_at_rest() {
    let metrics = Metrics::new();
    let limits = ServerLimits {
        max_connections: 2,
        ..ServerLimits::default()
    };
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move || async move {
            begun.notify_one();
            go_on.notified().await;
            "finished"
        }
    };
    let server = Server::bind(&plain(), hello().route("/slow", get(slow)), limits)
        .await
        .unwrap();
    let server = start(server.with_metrics(&metrics));
    let address = server.address;
    let slow = GET.replace("GET /", "GET /slow");

    let first = {
        let slow = slow.clone();
        tokio::spawn(async move { exchange(address, &slow).await })
    };
    begun.notified().await;
    let mut at_rest = TcpStream::connect(address).await.unwrap();
    // A connection that is told to go is closed; one that has not begun is not there yet.
    until(&metrics, "sotto_connections_open 2").await;
    assert!(exchange(address, GET).await.ends_with("hello"));
    assert_eq!(at_rest.read(&mut [0]).await.unwrap(), 0);
    until(&metrics, "sotto_connections_displaced_total 1").await;

    let second = tokio::spawn(async move { exchange(address, &slow).await });
    begun.notified().await;
    assert_eq!(exchange(address, GET).await, "", "both are busy");
    until(&metrics, "sotto_connections_refused_total 1").await;
    go_on.notify_waiters();
    assert!(first.await.unwrap().ends_with("finished"));
    assert!(second.await.unwrap().ends_with("finished"));
}

/// A client that asks and asks, and takes nothing of the answers, or lets none be sent.
#[tokio::test]
async fn a_client_that_takes_nothing_is_closed() {
    let limits = ServerLimits {
        header_timeout_ms: 100,
        drain_ms: 100,
        ..ServerLimits::default()
    };
    let metrics = Metrics::new();
    let large = Router::new().route("/", get(|| async { vec![7_u8; 64 << 20] }));
    let server = Server::bind(&plain(), large, limits).await.unwrap();
    let server = start(server.with_metrics(&metrics));
    let mut blocked = TcpStream::connect(server.address).await.unwrap();
    blocked.write_all(GET.as_bytes()).await.unwrap();
    until(&metrics, "sotto_connections_open 1").await;
    until(&metrics, "sotto_connections_open 0").await;

    let mut closed_window = TcpStream::connect(server.address).await.unwrap();
    let frames = [http_2_with_no_window(), get_on_stream(1)].concat();
    closed_window.write_all(&frames).await.unwrap();
    // The header section of the answer comes: it needs no window.
    loop {
        let mut head = [0; 9];
        closed_window.read_exact(&mut head).await.unwrap();
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let mut payload = vec![0; length];
        closed_window.read_exact(&mut payload).await.unwrap();
        if head[3] == 1 {
            break;
        }
    }
    until(&metrics, "sotto_connections_open 0").await;

    // Asking on, and PING, which is answered, are not taking.
    let mut restless = TcpStream::connect(server.address).await.unwrap();
    restless.write_all(&http_2_with_no_window()).await.unwrap();
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let mut stream = 1;
    while restless
        .write_all(&[&get_on_stream(stream)[..], &ping].concat())
        .await
        .is_ok()
    {
        assert!(stream < 400, "still open after many times its patience");
        stream += 2;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What begins an HTTP/2 connection with a window of nothing (RFC 9113 section 6.9.2).
fn http_2_with_no_window() -> Vec<u8> {
    let frames: [&[u8]; 2] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0],
    ];
    frames.concat()
}

/// GET / in HPACK.
fn get_on_stream(id: u32) -> Vec<u8> {
    let frames: [&[u8]; 3] = [
        &[0, 0, 9, 1, 5],
        &id.to_be_bytes(),
        &[0x82, 0x84, 0x86, 0x41, 4, b't', b'e', b's', b't'],
    ];
    frames.concat()
}

/// Requests that never end, counted in `sotto_test_begun`, of somebody who `is_known` or of a stranger.
fn endless(metrics: &Metrics, is_known: bool) -> Router {
    let begun = metrics.counter("sotto_test_begun", "Requests.", &[]);
    let handler = move |stranger: Option<Extension<Stranger>>| async move {
        if let (true, Some(Extension(stranger))) = (is_known, stranger) {
            stranger.is_admitted();
        }
        begun.increment(1);
        std::future::pending::<&'static str>().await
    };
    Router::new().route("/", get(handler))
}

/// A server that knows nobody by their connection, with room for one.
async fn among_strangers(metrics: &Metrics, routes: Router) -> Started {
    let limits = ServerLimits {
        max_connections: 1,
        max_streams: 16_384,
        ..ServerLimits::default()
    };
    let server = Server::bind(&plain(), routes, limits).await.unwrap();
    start(server.meet_strangers().with_metrics(metrics))
}

#[tokio::test]
async fn a_stranger_may_have_few_requests_under_way() {
    for is_known in [false, true] {
        let metrics = Metrics::new();
        let server = among_strangers(&metrics, endless(&metrics, is_known)).await;
        let mut client = TcpStream::connect(server.address).await.unwrap();
        let first = [http_2_with_no_window(), get_on_stream(1)].concat();
        client.write_all(&first).await.unwrap();
        until(&metrics, "sotto_test_begun 1").await;
        let many: Vec<u8> = (1..600)
            .flat_map(|stream| get_on_stream(2 * stream + 1))
            .collect();
        // The server may close before it has read all of it.
        let _ = client.write_all(&many).await;
        if is_known {
            until(&metrics, "sotto_test_begun 600").await;
            until(&metrics, "sotto_connections_open 1").await;
        } else {
            until(&metrics, "sotto_connections_open 0").await;
        }
    }
}

#[tokio::test]
async fn a_stranger_gives_way_whatever_he_has_under_way() {
    for (is_known, gives_way) in [(false, true), (true, false)] {
        let metrics = Metrics::new();
        let routes = endless(&metrics, is_known).route("/other", get(|| async { "hello" }));
        let server = among_strangers(&metrics, routes).await;
        let mut first = TcpStream::connect(server.address).await.unwrap();
        first.write_all(GET.as_bytes()).await.unwrap();
        until(&metrics, "sotto_test_begun 1").await;
        let answer = exchange(server.address, &GET.replace("GET /", "GET /other")).await;
        assert_eq!(answer.ends_with("hello"), gives_way, "{answer}");
    }
}

/// Waits until the metrics say `line`.
async fn until(metrics: &Metrics, line: &str) {
    for _ in 0..1_000 {
        if metrics.render().lines().any(|told| told == line) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {line}:\n{}", metrics.render());
}

#[tokio::test]
async fn a_drain_finishes_what_has_begun_and_accepts_no_more() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move || async move {
            begun.notify_one();
            go_on.notified().await;
            "finished"
        }
    };
    let server = serve(
        Router::new().route("/", get(handler)),
        ServerLimits::default(),
    )
    .await;
    let client = tokio::spawn(exchange(
        server.address,
        "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n",
    ));
    begun.notified().await;
    drop(server.stop);
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    assert!(client.await.unwrap().ends_with("finished"));
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_drain_ends_whatever_a_request_does() {
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        move || async move {
            begun.notify_one();
            std::future::pending::<&'static str>().await
        }
    };
    let limits = ServerLimits {
        drain_ms: 50,
        ..ServerLimits::default()
    };
    let server = serve(Router::new().route("/", get(handler)), limits).await;
    let client = tokio::spawn(exchange(server.address, GET));
    begun.notified().await;
    drop(server.stop);
    server.task.await.unwrap();
    assert_eq!(client.await.unwrap(), "");
}

#[tokio::test]
async fn the_operators_listener_shows_the_drain_to_its_end() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move || async move {
            begun.notify_one();
            go_on.notified().await;
            "finished"
        }
    };
    let (readiness, metrics) = (Readiness::new(), Metrics::new());
    let routes = Router::new().route("/", get(handler));
    let server = Server::bind(&plain(), routes, ServerLimits::default())
        .await
        .unwrap();
    let routes = admin::router(readiness.clone(), metrics.clone());
    let operator = Server::bind(&plain(), routes, ServerLimits::default())
        .await
        .unwrap();
    let running = Running::start(server, Some(operator), readiness.clone(), metrics);
    readiness.set_ready(true);
    let (address, admin) = (running.address, running.admin.unwrap());
    let ready = GET.replace("GET /", "GET /readyz");
    assert!(exchange(admin, &ready).await.starts_with("HTTP/1.1 200"));

    let client = tokio::spawn(exchange(address, GET));
    begun.notified().await;
    let shutdown = tokio::spawn(running.shutdown());
    while readiness.is_ready() {
        tokio::task::yield_now().await;
    }
    let answer = exchange(admin, &ready).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("\"status\":\"draining\""),
        "{answer}"
    );
    go_on.notify_one();
    assert!(client.await.unwrap().ends_with("finished"));
    tokio::time::timeout(Duration::from_secs(30), shutdown)
        .await
        .unwrap()
        .unwrap();
}

/// Over HTTP/1.1 a connection has one request at a time, so nothing waits.
#[tokio::test]
async fn more_than_may_wait_for_their_turn_are_refused_over_http_2() {
    let server = Server::bind(&plain(), hello(), ServerLimits::default())
        .await
        .unwrap()
        .refuse_beyond(0, || StatusCode::SERVICE_UNAVAILABLE.into_response());
    let server = start(server);
    assert!(exchange(server.address, GET).await.ends_with("hello"));
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("http://{}/", server.address));
    let response = client
        .send_request(request.body(String::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}
