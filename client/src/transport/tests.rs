use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    request: Duration::from_secs(10),
};

/// A server that answers every request with the same octets, and tells what it received.
async fn canned(answer: &'static [u8]) -> (SocketAddr, UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut received = Vec::new();
                while stream
                    .read_buf(&mut received)
                    .await
                    .is_ok_and(|octets| octets > 0)
                {
                    if let Some(length) = request_length(&received)
                        && received.len() >= length
                    {
                        let _ = tell.send(std::mem::take(&mut received));
                        if answer.is_empty() {
                            return;
                        }
                        let _ = stream.write_all(answer).await;
                    }
                }
            });
        }
    });
    (address, told)
}

/// Octets of the request at the start of `received`, once its head is whole.
fn request_length(received: &[u8]) -> Option<usize> {
    let head = received
        .windows(4)
        .position(|octets| octets == b"\r\n\r\n")?
        + 4;
    let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
    let content = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    Some(head + content)
}

fn plain() -> Transport {
    Transport::new(None, false, PATIENCE).unwrap()
}

fn failure(event: Event) -> (Sent, TransportProblemKind) {
    match event {
        Event::Failed { sent, what } => (sent, what.kind),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let (address, _) =
        canned(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi").await;
    match plain().get(&format!("http://{address}/x"), "a/b", 2).await {
        Event::Response {
            status: 200,
            media_type: Some(media_type),
            retry_after: None,
            body,
        } => {
            assert_eq!((media_type.as_str(), &*body), ("a/b", &b"hi"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redirect_is_handed_in_and_not_followed() {
    let (address, mut told) =
        canned(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n").await;
    let transport = plain();
    for _ in 0..2 {
        match transport
            .get(&format!("http://{address}/x"), "a/b", 10)
            .await
        {
            Event::Response { status, .. } => assert_eq!(status, 302),
            other => panic!("{other:?}"),
        }
    }
    let (first, second) = (told.recv().await.unwrap(), told.recv().await.unwrap());
    assert_eq!(first, second, "neither a cookie nor another path");
    assert!(told.try_recv().is_err(), "two requests, no third");
}

#[tokio::test]
async fn requests_differ_in_their_content_alone() {
    let (address, mut told) = canned(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let transport = plain();
    let mut heads = Vec::new();
    for octet in [0, 0xff] {
        let url = format!("http://{address}/g.example");
        let _ = transport
            .post(&url, "message/ohttp-req", vec![octet; 2_048], 10)
            .await;
        let request = told.recv().await.unwrap();
        let head = request.len() - 2_048;
        assert_eq!(request[head..], vec![octet; 2_048]);
        heads.push(String::from_utf8(request[..head].to_vec()).unwrap());
    }
    assert_eq!(heads[0], heads[1]);
    let mut names: Vec<_> = heads[0]
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "host"]);
}

#[tokio::test]
async fn an_oversize_body_is_not_read() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
    ] {
        let (address, _) = canned(answer).await;
        let event = plain().get(&format!("http://{address}/"), "a/b", 10).await;
        assert_eq!(failure(event), (Sent::Maybe, TransportProblemKind::TooLarge));
    }
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let event = plain().get(&format!("http://{address}/"), "a/b", 10).await;
    assert_eq!(
        failure(event),
        (Sent::Nothing, TransportProblemKind::Connect)
    );
}

#[tokio::test]
async fn a_connection_that_ends_instead_of_an_answer_may_have_sent() {
    for answer in [&b""[..], b"not HTTP at all\r\n\r\n"] {
        let (address, _) = canned(answer).await;
        let event = plain()
            .post(&format!("http://{address}/"), "a/b", vec![0; 9], 10)
            .await;
        assert_eq!(failure(event), (Sent::Maybe, TransportProblemKind::Lost));
    }
}

#[tokio::test]
async fn an_answer_cut_short_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1_024];
        let _ = stream.read(&mut request).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            .await;
    });
    let event = plain().get(&format!("http://{address}/"), "a/b", 10).await;
    assert_eq!(failure(event), (Sent::Maybe, TransportProblemKind::Lost));
}

#[tokio::test]
async fn silence_times_out_and_may_have_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let transport = Transport::new(
        None,
        false,
        Patience {
            request: Duration::from_millis(50),
            ..PATIENCE
        },
    )
    .unwrap();
    let event = transport
        .get(&format!("http://{address}/"), "a/b", 10)
        .await;
    assert_eq!(
        failure(event),
        (Sent::Maybe, TransportProblemKind::TimedOut)
    );
}

#[tokio::test]
async fn a_handshake_that_never_ends_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, _, authority) = tls_server().await;
    let patience = Patience {
        connect: Duration::from_millis(50),
        ..PATIENCE
    };
    let transport = Transport::new(Some(authority.as_bytes()), false, patience).unwrap();
    let event = transport
        .get(&format!("https://{address}/"), "a/b", 10)
        .await;
    assert_eq!(
        failure(event),
        (Sent::Nothing, TransportProblemKind::TimedOut)
    );
}

#[tokio::test]
async fn a_number_of_seconds_to_wait_is_handed_in_and_a_date_is_not() {
    for (answer, expected) in [
        (
            &b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"[..],
            Some(30),
        ),
        (
            b"HTTP/1.1 503 Busy\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n",
            None,
        ),
        (
            b"HTTP/1.1 503 Busy\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n",
            None,
        ),
    ] {
        let (address, _) = canned(answer).await;
        match plain().get(&format!("http://{address}/"), "a/b", 10).await {
            Event::Response { retry_after, .. } => assert_eq!(retry_after, expected),
            other => panic!("{other:?}"),
        }
    }
}

/// Resolves every name to an address that does not answer, and to one that does.
#[derive(Clone)]
struct TwoFamilies([SocketAddr; 2]);

impl Service<hyper_util::client::legacy::connect::dns::Name> for TwoFamilies {
    type Response = std::array::IntoIter<SocketAddr, 2>;
    type Error = io::Error;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: hyper_util::client::legacy::connect::dns::Name) -> Self::Future {
        std::future::ready(Ok(self.0.into_iter()))
    }
}

#[tokio::test]
async fn an_address_family_that_is_silent_is_not_waited_for() {
    let (answering, mut told) = canned(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    // At the same port over IPv6, a socket whose queue is full: the kernel drops what would open a connection.
    let silent = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, answering.port()));
    let socket = tokio::net::TcpSocket::new_v6().unwrap();
    socket.bind(silent).unwrap();
    let _full = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    loop {
        let connecting = TcpStream::connect(silent);
        match tokio::time::timeout(Duration::from_millis(200), connecting).await {
            Ok(connection) => waiting.push(connection.unwrap()),
            Err(_) => break,
        }
        assert!(waiting.len() < 64, "the queue never fills");
    }
    // Neither address would be given up within the time of this request.
    let patience = Duration::from_secs(3_600);
    let resolver = TwoFamilies([silent, answering]);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
        .build(tuned(HttpConnector::new_with_resolver(resolver), patience));
    let uri = format!("http://relay.example:{}/", answering.port());
    let answer = tokio::time::timeout(PATIENCE.request, client.get(uri.parse().unwrap())).await;
    assert_eq!(answer.unwrap().unwrap().status(), 200);
    assert!(told.recv().await.is_some());
}

/// A TLS server for `localhost` that speaks HTTP/2, with the PEM of its authority.
async fn tls_server() -> (TcpListener, TlsAcceptor, String) {
    tls_server_in(1975..4096).await
}

/// The same, with a certificate for these years.
async fn tls_server_in(years: Range<i32>) -> (TcpListener, TlsAcceptor, String) {
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    let cert = params.self_signed(&signing_key).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![cert.der().clone()], key)
    .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener, TlsAcceptor::from(Arc::new(config)), cert.pem())
}

#[tokio::test]
async fn a_stream_refused_over_http2_was_not_processed() {
    let (listener, acceptor, authority) = tls_server().await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        let group = stream
            .get_ref()
            .1
            .negotiated_key_exchange_group()
            .unwrap()
            .name();
        assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let mut reasons = [h2::Reason::REFUSED_STREAM, h2::Reason::CANCEL].into_iter();
        let mut unanswered = Vec::new();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            if let Some(reason) = reasons.next() {
                respond.send_reset(reason);
            } else {
                unanswered.push(respond);
                connection.abrupt_shutdown(h2::Reason::NO_ERROR);
            }
        }
    });
    let transport = Transport::new(Some(authority.as_bytes()), false, PATIENCE).unwrap();
    let url = format!("https://localhost:{port}/g.example");
    let refused = transport.post(&url, "a/b", vec![0; 9], 10).await;
    assert_eq!(
        failure(refused),
        (Sent::Nothing, TransportProblemKind::Lost)
    );
    let cancelled = transport.post(&url, "a/b", vec![0; 9], 10).await;
    assert_eq!(
        failure(cancelled),
        (Sent::Maybe, TransportProblemKind::Lost)
    );
    // GOAWAY: the stream may have been processed before the server left.
    let left = transport.post(&url, "a/b", vec![0; 9], 10).await;
    assert_eq!(failure(left), (Sent::Maybe, TransportProblemKind::Lost));
}

#[tokio::test]
async fn an_unknown_authority_is_refused_before_anything_is_sent() {
    let (listener, acceptor, _) = tls_server().await;
    let (_, _, other_authority) = tls_server().await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            assert!(acceptor.accept(stream).await.is_err());
        }
    });
    let transport = Transport::new(Some(other_authority.as_bytes()), false, PATIENCE).unwrap();
    let event = transport
        .get(&format!("https://localhost:{port}/"), "a/b", 10)
        .await;
    assert_eq!(
        failure(event),
        (Sent::Nothing, TransportProblemKind::Certificate)
    );
}

#[tokio::test]
async fn a_certificate_outside_its_time_names_the_clock() {
    for (years, limit) in [
        (4000..4096, "the certificate begins on 4000-01-01T00:00:00Z"),
        (1975..1976, "the certificate ends on 1976-01-01T00:00:00Z"),
    ] {
        let (listener, acceptor, authority) = tls_server_in(years).await;
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(acceptor.accept(stream).await.is_err());
        });
        let transport = Transport::new(Some(authority.as_bytes()), false, PATIENCE).unwrap();
        let url = format!("https://localhost:{port}/");
        match transport.get(&url, "a/b", 10).await {
            Event::Failed {
                sent: Sent::Nothing,
                what,
            } => {
                assert_eq!(what.kind, TransportProblemKind::CertificateTime, "{what}");
                assert!(what.cause.starts_with("this clock says "), "{what}");
                assert!(what.cause.ends_with(limit), "{what}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn no_connection_tells_which_one_came_before_it() {
    let (listener, acceptor, authority) = tls_server().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.write_all(b"x").await.unwrap();
        }
    });
    let config = Arc::new(tls(Some(authority.as_bytes()), false).unwrap());
    for _ in 0..3 {
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = TlsConnector::from(Arc::clone(&config));
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        // The server's tickets come before this octet.
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
        let kind = stream.get_ref().1.handshake_kind();
        assert!(kind.is_some_and(|kind| kind != HandshakeKind::Resumed));
    }
}

#[test]
fn authorities_that_are_none_are_named() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        Transport::new(Some(broken.as_bytes()), false, PATIENCE),
        Err(TlsError::Authority(_))
    ));
    let unended = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    assert!(matches!(
        Transport::new(Some(unended.as_bytes()), false, PATIENCE),
        Err(TlsError::Pem(_))
    ));
    assert!(matches!(
        Transport::new(Some(b"no certificate"), false, PATIENCE),
        Err(TlsError::NoCertificate)
    ));
}
