//! TLS: what is negotiated, whose certificate is shown, and what is learnt of the other end's.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use axum::{Extension, Router, routing::get};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, ConfigBuilder, HandshakeKind, NamedGroup, RootCertStore,
    SupportedProtocolVersion,
    client::WantsClientCert,
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use sotto_daemon::{
    PeerKey, Running, Server, ServerError, ServerLimits,
    admin::Readiness,
    config::{Listen, Tls},
    metrics::Metrics,
    tls::{self, Certificates},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{GET, hello, plain, start};

/// Writes a self-signed certificate for `name` and returns it, to be trusted.
fn certify(files: &Tls, name: &str) -> RootCertStore {
    let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    fs::write(&files.certificate, certified.cert.pem()).unwrap();
    fs::write(&files.key, certified.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    roots
}

fn files(folder: &Path) -> Tls {
    Tls {
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
    }
}

fn secure(files: &Tls) -> Listen {
    Listen {
        tls: Some(files.clone()),
        plain_http: false,
        ..plain()
    }
}

async fn connect(
    address: SocketAddr,
    roots: RootCertStore,
    name: &'static str,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = trusting(roots, &rustls::version::TLS13).with_no_client_auth();
    connect_with(config, address, name, alpn).await
}

fn trusting(
    roots: RootCertStore,
    version: &'static SupportedProtocolVersion,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
}

async fn connect_with(
    mut config: ClientConfig,
    address: SocketAddr,
    name: &'static str,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn ask_over_http_2(stream: TlsStream<TcpStream>) -> Response<Incoming> {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://relay.test/")
        .body(Empty::<Bytes>::new())
        .unwrap();
    sender.send_request(request).await.unwrap()
}

async fn ask_over_http_1(mut stream: TlsStream<TcpStream>) -> String {
    stream.write_all(GET.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn tls_is_hybrid_and_speaks_http_2() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let roots = certify(&files, "relay.test");
    let server = Server::bind(&secure(&files), hello(), ServerLimits::default())
        .await
        .unwrap();
    let server = start(server);

    let stream = connect(
        server.address,
        roots.clone(),
        "relay.test",
        &[b"h2", b"http/1.1"],
    )
    .await
    .unwrap();
    let session = stream.get_ref().1;
    assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
    let group = session.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    let answer = ask_over_http_2(stream).await;
    assert_eq!(
        (answer.status(), answer.version()),
        (StatusCode::OK, Version::HTTP_2)
    );
    assert!(!answer.headers().contains_key("date"));

    let stream = connect(server.address, roots, "relay.test", &[])
        .await
        .unwrap();
    let answer = ask_over_http_1(stream).await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_certificate_is_replaced_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let old = certify(&files, "relay.test");
    let server = Server::bind(&secure(&files), hello(), ServerLimits::default())
        .await
        .unwrap();
    let running = Running::start(server, None, Readiness::new(), Metrics::new());
    connect(running.address, old.clone(), "relay.test", &[])
        .await
        .unwrap();

    let new = certify(&files, "relay.test");
    running.reload_certificates().unwrap();
    connect(running.address, new.clone(), "relay.test", &[])
        .await
        .unwrap();
    connect(running.address, old, "relay.test", &[])
        .await
        .unwrap_err();

    fs::write(&files.certificate, "not a certificate").unwrap();
    let error = running.reload_certificates().unwrap_err().to_string();
    assert!(
        error.contains("server.pem: no certificate chain"),
        "{error}"
    );
    connect(running.address, new, "relay.test", &[])
        .await
        .unwrap();
    running.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_served_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let refusal = |listen: Listen| async move {
        let Err(error) = Server::bind(&listen, hello(), ServerLimits::default()).await else {
            panic!("bound");
        };
        error.to_string()
    };
    let neither = Listen {
        plain_http: false,
        ..plain()
    };
    assert!(
        refusal(neither)
            .await
            .contains("neither `tls` nor `plain_http`")
    );
    let both = Listen {
        plain_http: true,
        ..secure(&files)
    };
    assert!(refusal(both).await.contains("both `tls` and `plain_http`"));
    assert!(
        refusal(secure(&files))
            .await
            .contains("server.pem: no certificate chain")
    );
    certify(&files, "relay.test");
    fs::write(&files.key, "").unwrap();
    assert!(
        refusal(secure(&files))
            .await
            .contains("server.key: no private key")
    );
    certify(&files, "relay.test");
    let key = fs::read(&files.key).unwrap();
    certify(&files, "relay.test");
    fs::write(&files.key, key).unwrap();
    assert!(
        refusal(secure(&files))
            .await
            .contains("does not fit the key")
    );

    let taken = Server::bind(&plain(), hello(), ServerLimits::default())
        .await
        .unwrap();
    let again = Listen {
        address: taken.local_addr(),
        ..plain()
    };
    let Err(error) = Server::bind(&again, hello(), ServerLimits::default()).await else {
        panic!("bound twice");
    };
    assert!(matches!(error, ServerError::Bind { .. }), "{error}");
}

/// Tells the pin of whoever asks.
fn pins() -> Router {
    let tell = |key: Option<Extension<PeerKey>>| async move {
        key.map_or("none".to_owned(), |Extension(PeerKey(pin))| pin.to_string())
    };
    Router::new().route("/", get(tell))
}

#[tokio::test]
async fn a_client_that_is_asked_for_a_certificate_is_known_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let server_files = files(folder.path());
    let roots = certify(&server_files, "gateway.test");
    let client_files = Tls {
        certificate: folder.path().join("client.pem"),
        key: folder.path().join("client.key"),
    };
    certify(&client_files, "relay.test");
    let client = Certificates::load(&client_files).unwrap();
    let pin = client.pin().unwrap().to_string();
    let server = Server::bind(&secure(&server_files), pins(), ServerLimits::default())
        .await
        .unwrap();
    let server = start(server.ask_for_certificates());

    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let known = || trusting(roots.clone(), version).with_client_cert_resolver(client.clone());
        let unknown = || trusting(roots.clone(), version).with_no_client_auth();
        for (config, expected) in [(known(), pin.as_str()), (unknown(), "none")] {
            let stream = connect_with(config, server.address, "gateway.test", &[b"h2"]).await;
            let content = ask_over_http_2(stream.unwrap()).await.into_body();
            assert_eq!(content.collect().await.unwrap().to_bytes(), expected);
        }
        // The second connection of one configuration resumes the session of the first.
        let config = known();
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let stream = connect_with(config.clone(), server.address, "gateway.test", &[]).await;
            let stream = stream.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
            assert!(ask_over_http_1(stream).await.ends_with(&pin));
        }
    }

    // The certificate is public; whoever shows it without its key gets nowhere.
    let chain = CertificateDer::pem_file_iter(&client_files.certificate).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    certify(&client_files, "thief.test");
    let key = PrivateKeyDer::from_pem_file(&client_files.key).unwrap();
    let key = tls::provider().key_provider.load_private_key(key).unwrap();
    let stolen = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config =
        trusting(roots, &rustls::version::TLS12).with_client_cert_resolver(Arc::new(stolen));
    connect_with(config, server.address, "gateway.test", &[])
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_server_that_does_not_ask_learns_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let roots = certify(&files, "relay.test");
    let client = Certificates::load(&files).unwrap();
    let server = Server::bind(&secure(&files), pins(), ServerLimits::default())
        .await
        .unwrap();
    let server = start(server);
    let config = trusting(roots, &rustls::version::TLS13).with_client_cert_resolver(client);
    let stream = connect_with(config, server.address, "relay.test", &[])
        .await
        .unwrap();
    assert!(ask_over_http_1(stream).await.ends_with("\r\n\r\nnone"));
}
