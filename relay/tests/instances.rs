//! Several instances of one gateway: which gets a request, which gets it instead, and when nobody does.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sotto_relay::Relay;
use sotto_wire::media;
use support::{Captured, Reply, StandIn, config, response, sealed, send};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// A POST of an envelope that equals no other.
fn post(number: usize) -> Vec<u8> {
    let mut envelope = support::envelope();
    envelope[..8].copy_from_slice(&number.to_be_bytes());
    support::post_octets("", &envelope)
}

/// The lines of a gateway with these instances.
fn instances(addresses: &[SocketAddr]) -> String {
    let urls: Vec<_> = addresses
        .iter()
        .map(|address| format!("\"http://{address}\""))
        .collect();
    format!("instances = [{}]", urls.join(", "))
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

async fn metrics(relay: &sotto_relay::Running) -> String {
    let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let octets = send(relay.admin.unwrap(), request).await.octets;
    String::from_utf8(octets).unwrap()
}

#[tokio::test]
async fn an_instance_that_is_not_there_costs_nobody_an_answer() {
    let logged = Captured::default();
    let writer = logged.clone();
    let subscriber = sotto_daemon::logs::subscriber(
        sotto_daemon::logs::Format::Text,
        sotto_daemon::logs::Level::Trace,
        move || writer.clone(),
    );
    let _scope = tracing::subscriber::set_default(subscriber);
    let away = nobody().await;
    let mut there = StandIn::start().await;
    let lines = instances(&[away, there.address]);
    let relay = Relay::start(config(there.address, &lines, ""), None)
        .await
        .unwrap();
    for number in 0..4 {
        assert_eq!(send(relay.address, &post(number)).await.status(), 200);
    }
    there.look();
    assert_eq!(there.posts.len(), 4);
    let text = metrics(&relay).await;
    for line in [
        format!("sotto_relay_instance_up{{gateway=\"gateway.test\",origin=\"http://{away}\"}} 0"),
        format!(
            "sotto_relay_instance_up{{gateway=\"gateway.test\",origin=\"http://{}\"}} 1",
            there.address
        ),
        "sotto_relay_failovers_total{gateway=\"gateway.test\"} 1".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    let text = logged.text();
    assert!(text.contains("instance is not well"), "{text}");
    relay.shutdown().await;
}

#[tokio::test]
async fn all_instances_are_told_one_host() {
    let mut gateway = StandIn::start().await;
    let lines = instances(&[gateway.address]);
    let config = config("127.0.0.1:7".parse().unwrap(), &lines, "");
    let relay = Relay::start(config, None).await.unwrap();
    assert_eq!(send(relay.address, &post(0)).await.status(), 200);
    let seen = gateway.next_post().await;
    assert!(seen.head.contains("host: 127.0.0.1:7\r\n"), "{}", seen.head);
    relay.shutdown().await;
}

/// Whoever was sent a request and did not answer it may have processed it.
#[tokio::test]
async fn a_request_that_was_sent_goes_nowhere_else() {
    let cases = [
        (Reply::Silence, 504),
        (Reply::Reset, 502),
        (Reply::Close(b"HTTP/1.1 200".to_vec()), 502),
        (response(503, media::PROBLEM, b"{}"), 503),
        (response(500, media::PROBLEM, b"{}"), 502),
        (response(302, media::PROBLEM, b"{}"), 502),
    ];
    for (reply, status) in cases {
        let (mut one, mut other) = (StandIn::start().await, StandIn::start().await);
        one.answer(reply.clone());
        other.answer(reply.clone());
        let lines = instances(&[one.address, other.address]);
        let top = "limits = { gateway_timeout_ms = 300 }";
        let relay = Relay::start(config(one.address, &lines, top), None)
            .await
            .unwrap();
        let answer = send(relay.address, &post(0)).await;
        assert_eq!(answer.status(), status, "{reply:?}");
        relay.shutdown().await;
        one.look();
        other.look();
        assert_eq!(one.posts.len() + other.posts.len(), 1, "{reply:?}");
    }
}

#[tokio::test]
async fn an_instance_that_answers_nothing_good_is_left_alone() {
    let (mut ill, mut well) = (StandIn::start().await, StandIn::start().await);
    ill.answer(response(503, media::PROBLEM, b"{}"));
    let lines = instances(&[ill.address, well.address]);
    let relay = Relay::start(config(ill.address, &lines, ""), None)
        .await
        .unwrap();
    for number in 0..20 {
        send(relay.address, &post(number)).await;
    }
    ill.look();
    well.look();
    assert_eq!((ill.posts.len(), well.posts.len()), (3, 17));
    relay.shutdown().await;
}

#[tokio::test]
async fn keys_come_from_whichever_instance_is_there() {
    let there = StandIn::start().await;
    let lines = instances(&[nobody().await, nobody().await, there.address]);
    let relay = Relay::start(config(there.address, &lines, ""), None)
        .await
        .unwrap();
    let get = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    for (path, content) in [
        ("/gateway.test/keys", &b"the document"[..]),
        ("/gateway.test", b"the list"),
    ] {
        let answer = send(relay.address, get(path).as_bytes()).await;
        assert_eq!(answer.content(), content);
    }
    relay.shutdown().await;
}

/// What brings an instance back is a probe, which the relay makes whether anybody asks or not.
#[tokio::test]
async fn an_instance_that_comes_back_is_found_by_a_probe() {
    let away = nobody().await;
    let there = StandIn::start().await;
    let lines = instances(&[away, there.address]);
    let relay = Relay::start(config(there.address, &lines, ""), None)
        .await
        .unwrap();
    let up = |state| {
        format!(
            "sotto_relay_instance_up{{gateway=\"gateway.test\",origin=\"http://{away}\"}} {state}"
        )
    };
    assert!(metrics(&relay).await.contains(&up(0)));

    let listener = TcpListener::bind(away).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = Vec::new();
    let (head, _) = support::read_message(&mut stream, &mut buffer)
        .await
        .unwrap();
    assert!(
        head.starts_with("HEAD /.well-known/sotto-keys HTTP/1.1\r\n"),
        "{head}"
    );
    // A foreign gateway has no such resource, and is well all the same.
    let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    while !metrics(&relay).await.contains(&up(1)) {
        tokio::task::yield_now().await;
    }
    relay.shutdown().await;
}

/// Frames of HTTP/2 (RFC 9113 section 4.1), octet by octet.
mod frame {
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const GOAWAY: u8 = 7;

    pub(crate) const NO_ERROR: u32 = 0;
    pub(crate) const INTERNAL_ERROR: u32 = 2;
    pub(crate) const REFUSED_STREAM: u32 = 7;
    pub(crate) const CANCEL: u32 = 8;

    pub(crate) fn of(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut octets = length[1..].to_vec();
        octets.extend([kind, 0]);
        octets.extend(stream.to_be_bytes());
        octets.extend(payload);
        octets
    }

    pub(crate) fn reset(stream: u32, error: u32) -> Vec<u8> {
        of(RST_STREAM, stream, &error.to_be_bytes())
    }

    pub(crate) fn go_away(last: u32, error: u32) -> Vec<u8> {
        of(
            GOAWAY,
            0,
            &[last.to_be_bytes(), error.to_be_bytes()].concat(),
        )
    }
}

/// A gateway on HTTP/2 that says `word` of the stream of the first POST, and then nothing or, if told to, closes. Every
/// other stream it cancels.
async fn spiteful(
    word: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static,
    closes: bool,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let word = Arc::new(word);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let word = Arc::clone(&word);
            tokio::spawn(async move {
                // Whatever goes wrong here shows in what the relay makes of it.
                let _ = spite(stream, word.as_ref(), closes).await;
            });
        }
    });
    address
}

async fn spite(
    mut stream: TcpStream,
    word: &(dyn Fn(u32) -> Vec<u8> + Send + Sync),
    closes: bool,
) -> std::io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    stream
        .write_all(&frame::of(frame::SETTINGS, 0, &[]))
        .await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await?;
        let ends = head[4] & 1 != 0;
        match head[3] {
            // Fetches of keys end with their header section.
            frame::HEADERS if ends => {
                stream.write_all(&frame::reset(id, frame::CANCEL)).await?;
            }
            frame::HEADERS => {
                stream.write_all(&word(id)).await?;
                if closes {
                    return stream.shutdown().await;
                }
            }
            _ => {}
        }
    }
}

/// RFC 9113 section 8.7: a request was certainly not processed where its stream is reset with REFUSED_STREAM or is above
/// the last that a GOAWAY names. Everything else leaves a doubt.
#[tokio::test]
async fn a_request_goes_elsewhere_only_without_a_doubt() {
    type Word = fn(u32) -> Vec<u8>;
    let cases: [(&str, Word, bool, bool); 8] = [
        (
            "refused",
            |id| frame::reset(id, frame::REFUSED_STREAM),
            false,
            true,
        ),
        (
            "goaway below",
            |_| frame::go_away(0, frame::NO_ERROR),
            true,
            true,
        ),
        (
            "goaway below, in anger",
            |_| frame::go_away(0, frame::INTERNAL_ERROR),
            true,
            true,
        ),
        (
            "goaway at",
            |id| frame::go_away(id, frame::NO_ERROR),
            true,
            false,
        ),
        (
            "goaway above",
            |_| frame::go_away(0x7fff_ffff, frame::NO_ERROR),
            true,
            false,
        ),
        (
            "goaway above, in anger",
            |_| frame::go_away(0x7fff_ffff, frame::INTERNAL_ERROR),
            true,
            false,
        ),
        (
            "cancelled",
            |id| frame::reset(id, frame::CANCEL),
            false,
            false,
        ),
        ("closed", |_| Vec::new(), true, false),
    ];
    for (name, word, closes, is_certain) in cases {
        let one = spiteful(word, closes).await;
        let other = Waiter::start(STREAMS).await;
        other.leave.add_permits(1_000);
        let lines = format!("{}\nplain_http2 = true", instances(&[one, other.address]));
        let relay = Relay::start(config(one, &lines, ""), None).await.unwrap();
        // The instances take turns, so one of two meets the spiteful one.
        let mut statuses = Vec::new();
        for number in 0..2 {
            statuses.push(send(relay.address, &post(number)).await.status());
        }
        statuses.sort_unstable();
        let expected = if is_certain { [200, 200] } else { [200, 502] };
        assert_eq!(statuses, expected, "{name}");
        relay.shutdown().await;
    }
}

/// Streams at a time that a [`Waiter`] permits.
const STREAMS: u32 = 8;

/// A gateway on plain HTTP/2 whose answers to POSTs wait for `leave`.
struct Waiter {
    address: SocketAddr,
    /// One permit for each POST that came.
    came: Arc<Semaphore>,
    leave: Arc<Semaphore>,
    /// One permit for each POST that was answered, on a stream that stood to the end.
    answered: Arc<Semaphore>,
    /// One permit for each connection that was made.
    connected: Arc<Semaphore>,
}

impl Waiter {
    async fn start(streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let waiter = Self {
            address: listener.local_addr().unwrap(),
            came: Arc::new(Semaphore::new(0)),
            leave: Arc::new(Semaphore::new(0)),
            answered: Arc::new(Semaphore::new(0)),
            connected: Arc::new(Semaphore::new(0)),
        };
        let (came, leave) = (Arc::clone(&waiter.came), Arc::clone(&waiter.leave));
        let connected = Arc::clone(&waiter.connected);
        let answered = Arc::clone(&waiter.answered);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connected.add_permits(1);
                let (came, leave) = (Arc::clone(&came), Arc::clone(&leave));
                let answered = Arc::clone(&answered);
                tokio::spawn(async move {
                    let mut connection = h2::server::Builder::new()
                        .max_concurrent_streams(streams)
                        .handshake::<_, bytes::Bytes>(stream)
                        .await
                        .unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(wait(
                            request,
                            respond,
                            Arc::clone(&came),
                            Arc::clone(&leave),
                            Arc::clone(&answered),
                        ));
                    }
                });
            }
        });
        waiter
    }
}

async fn wait(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<bytes::Bytes>,
    came: Arc<Semaphore>,
    leave: Arc<Semaphore>,
    answered: Arc<Semaphore>,
) {
    let is_post = request.method() == http::Method::POST;
    let (media_type, content) = if is_post {
        let mut body = request.into_body();
        while let Some(Ok(piece)) = body.data().await {
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
        came.add_permits(1);
        leave.acquire().await.unwrap().forget();
        (media::OHTTP_RESPONSE, vec![7; 8_192])
    } else {
        (media::KEY_DOCUMENT, b"keys".to_vec())
    };
    let head = http::Response::builder()
        .header("content-type", media_type)
        .body(())
        .unwrap();
    // The relay may have gone.
    if let Ok(mut stream) = respond.send_response(head, false) {
        let sent = stream.send_data(content.into(), true);
        if is_post && sent.is_ok() {
            answered.add_permits(1);
        }
    }
}

async fn take(permits: &Semaphore, count: u32) {
    tokio::time::timeout(Duration::from_secs(20), permits.acquire_many(count))
        .await
        .expect("they come")
        .unwrap()
        .forget();
}

#[tokio::test]
async fn a_further_connection_stands_before_the_streams_of_the_first_run_out() {
    let gateway = Waiter::start(STREAMS).await;
    let top = "quota = { per_minute = 0 }";
    let config = config(gateway.address, "plain_http2 = true", top);
    let relay = Relay::start(config, None).await.unwrap();
    let address = relay.address;
    take(&gateway.connected, 1).await;
    let mut answers = tokio::task::JoinSet::new();
    for number in 0..7 {
        answers.spawn(async move { send(address, &post(number)).await.status() });
        take(&gateway.came, 1).await;
        if number < 6 {
            assert_eq!(gateway.connected.available_permits(), 0, "{number}");
        }
    }
    take(&gateway.connected, 1).await;
    // A burst finds as many as it takes. A stream above what the gateway permits would be an error of the connection.
    for number in 7..40 {
        answers.spawn(async move { send(address, &post(number)).await.status() });
    }
    take(&gateway.came, 33).await;
    assert!((3..=5).contains(&gateway.connected.available_permits()));
    gateway.leave.add_permits(40);
    while let Some(status) = answers.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    relay.shutdown().await;
}

/// Clients that ask and leave must not have the relay reset streams, for which a gateway closes a connection
/// (CVE-2023-44487), nor be seen to leave.
#[tokio::test]
async fn a_client_that_goes_away_is_not_seen_at_the_gateway() {
    const COUNT: u32 = 30;
    let gateway = Waiter::start(STREAMS).await;
    let config = config(gateway.address, "plain_http2 = true", "");
    let relay = Relay::start(config, None).await.unwrap();
    let mut clients = Vec::new();
    for number in 0..COUNT {
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        client.write_all(&post(number as usize)).await.unwrap();
        clients.push(client);
    }
    take(&gateway.came, COUNT).await;
    drop(clients);
    while !metrics(&relay)
        .await
        .contains("\nsotto_connections_open 0\n")
    {
        tokio::task::yield_now().await;
    }
    // Its envelope is in flight until the gateway has answered.
    assert_eq!(send(relay.address, &post(0)).await.status(), 508);
    // A reset, were there one, would come before this.
    let address = relay.address;
    let last = tokio::spawn(async move { send(address, &post(99)).await.status() });
    take(&gateway.came, 1).await;
    gateway.leave.add_permits(COUNT as usize + 1);
    take(&gateway.answered, COUNT + 1).await;
    assert_eq!(last.await.unwrap(), 200);
    gateway.leave.add_permits(Semaphore::MAX_PERMITS / 2);
    while send(relay.address, &post(0)).await.status() != 200 {
        tokio::task::yield_now().await;
    }
    relay.shutdown().await;
}

#[tokio::test]
async fn a_gateway_that_only_speaks_http_1_1_is_spoken_to_so() {
    let mut gateway = StandIn::start().await;
    gateway.answer(sealed(8_192));
    let relay = Relay::start(config(gateway.address, "", ""), None)
        .await
        .unwrap();
    for number in 0..3 {
        assert_eq!(send(relay.address, &post(number)).await.status(), 200);
    }
    gateway.look();
    assert!(
        gateway.posts[0]
            .head
            .starts_with("POST /.well-known/ohttp-gateway HTTP/1.1\r\n")
    );
    let peers: std::collections::HashSet<_> = gateway.posts.iter().map(|seen| seen.peer).collect();
    assert_eq!(peers.len(), 1, "one connection, used again and again");
    relay.shutdown().await;
}
