//! TLS and HTTP/2 on both sides, with a certification authority of the test's own.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

use std::{
    collections::HashSet,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Extension, Router,
    body::Bytes,
    http::{HeaderMap, Version},
    routing::{get, post},
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use sotto_daemon::{
    PeerAddress, PeerKey, Running, Server, ServerLimits,
    admin::Readiness,
    config::{Listen, Tls},
    metrics::Metrics,
    pin::Pin,
    tls::{self, Certificates},
};
use sotto_relay::{Config, Online, Relay};
use sotto_wire::{REQUEST_BYTES, media, path};
use tokio::{net::TcpStream, sync::Semaphore, task::JoinSet};
use tokio_rustls::TlsConnector;

/// A certification authority in a folder, with certificates for both servers.
struct Authority<'a> {
    folder: &'a Path,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl<'a> Authority<'a> {
    fn new(folder: &'a Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn certify(&self, name: &str) -> Tls {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = Tls {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }
}

/// Requests that the gateway takes on one connection at a time.
const STREAMS: u32 = 100;

/// What the gateway saw of its connections and requests.
#[derive(Default)]
struct Saw {
    peers: Mutex<HashSet<SocketAddr>>,
    fields: Mutex<HashSet<Vec<String>>>,
    versions: Mutex<HashSet<String>>,
    keys: Mutex<Vec<Option<Pin>>>,
}

/// A gateway over TLS whose answers wait for `leave`.
async fn gateway(
    tls: Tls,
    saw: Arc<Saw>,
    arrived: Arc<Semaphore>,
    leave: Arc<Semaphore>,
) -> Running {
    let answer = move |Extension(peer): Extension<PeerAddress>,
                       key: Option<Extension<PeerKey>>,
                       version: Version,
                       headers: HeaderMap,
                       content: Bytes| async move {
        assert_eq!(content.len(), REQUEST_BYTES);
        saw.peers.lock().unwrap().insert(peer.0);
        let key = key.map(|Extension(key)| key.0);
        saw.keys.lock().unwrap().push(key);
        saw.versions.lock().unwrap().insert(format!("{version:?}"));
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        saw.fields.lock().unwrap().insert(names);
        arrived.add_permits(1);
        leave.acquire().await.unwrap().forget();
        ([("content-type", media::OHTTP_RESPONSE)], vec![7; 8_192])
    };
    let routes = Router::new().route(path::GATEWAY, post(answer)).route(
        path::GATEWAY_KEYS,
        get(|| async { ([("content-type", media::KEY_DOCUMENT)], "keys") }),
    );
    let listen = Listen {
        address: "127.0.0.1:0".parse().unwrap(),
        tls: Some(tls),
        plain_http: false,
    };
    let limits = ServerLimits {
        max_streams: STREAMS,
        ..ServerLimits::default()
    };
    let server = Server::bind(&listen, routes, limits)
        .await
        .unwrap()
        .expose_peer()
        .ask_for_certificates();
    Running::start(server, None, Readiness::new(), Metrics::new())
}

fn config(listen: &Tls, gateway: SocketAddr, ca: &str) -> Config {
    let (certificate, key) = (&listen.certificate, &listen.key);
    let port = gateway.port();
    toml::from_str(&format!(
        r#"
        operator = "relay-one.test"
        contact = "mailto:noc@relay-one.test"
        listen = {{ address = "127.0.0.1:0", tls = {{ certificate = {certificate:?}, key = {key:?} }} }}
        quota = {{ per_minute = 0 }}
        [[gateway]]
        host = "gateway.test"
        url = "https://localhost:{port}"
        {ca}
        "#
    ))
    .unwrap()
}

async fn connect(address: SocketAddr, ca: &Path) -> SendRequest<Full<Bytes>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("relay.test").unwrap(), stream)
        .await
        .unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

/// A request with an envelope of its own for each number.
fn envelope(number: usize) -> Request<Full<Bytes>> {
    Request::post("https://relay.test/gateway.test")
        .header("content-type", media::OHTTP_REQUEST)
        .header("cookie", "canary")
        .header("user-agent", "canary")
        .body(Full::new(
            [vec![number as u8], vec![1; REQUEST_BYTES - 1]]
                .concat()
                .into(),
        ))
        .unwrap()
}

#[tokio::test]
async fn many_requests_share_few_connections() {
    const REQUESTS: usize = 150;
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let (saw, arrived, leave) = (
        Arc::new(Saw::default()),
        Arc::new(Semaphore::new(0)),
        Arc::new(Semaphore::new(0)),
    );
    let gateway = gateway(
        authority.certify("localhost"),
        Arc::clone(&saw),
        Arc::clone(&arrived),
        Arc::clone(&leave),
    )
    .await;
    let ca = folder.path().join("ca.pem");
    let config = config(
        &authority.certify("relay.test"),
        gateway.address,
        &format!("ca = {ca:?}"),
    );
    let relay = Relay::start(config, None).await.unwrap();

    let mut sender = connect(relay.address, &ca).await;
    let keys = Request::get("https://relay.test/gateway.test/keys")
        .body(Full::default())
        .unwrap();
    let keys = sender.send_request(keys).await.unwrap();
    assert_eq!(keys.into_body().collect().await.unwrap().to_bytes(), "keys");

    let mut answers = JoinSet::new();
    for number in 0..REQUESTS {
        sender.ready().await.unwrap();
        answers.spawn(sender.send_request(envelope(number)));
    }
    let all = arrived
        .acquire_many(u32::try_from(REQUESTS).unwrap())
        .await
        .unwrap();
    leave.add_permits(REQUESTS);
    drop(all);
    while let Some(answer) = answers.join_next().await {
        let answer = answer.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let mut names: Vec<_> = answer
            .headers()
            .keys()
            .map(http::HeaderName::as_str)
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "access-control-allow-origin",
                "access-control-expose-headers",
                "cache-control",
                "content-length",
                "content-type"
            ]
        );
        assert_eq!(
            answer.into_body().collect().await.unwrap().to_bytes().len(),
            8_192
        );
    }
    assert_eq!(
        saw.peers.lock().unwrap().len(),
        2,
        "as many as the gateway permits on one connection, the others on another"
    );
    assert_eq!(
        *saw.versions.lock().unwrap(),
        HashSet::from(["HTTP/2.0".to_owned()])
    );
    let fields = HashSet::from([vec!["content-length".to_owned(), "content-type".to_owned()]]);
    assert_eq!(*saw.fields.lock().unwrap(), fields);
    drop(sender);
    relay.shutdown().await;
    gateway.shutdown().await;
}

#[tokio::test]
async fn a_gateway_with_another_authoritys_certificate_is_not_talked_to() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (Authority::new(ours.path()), Authority::new(theirs.path()));
    let saw = Arc::new(Saw::default());
    let gateway = gateway(
        theirs.certify("localhost"),
        Arc::clone(&saw),
        idle(),
        idle(),
    )
    .await;
    let ca = ours.folder.join("ca.pem");
    let config = config(
        &ours.certify("relay.test"),
        gateway.address,
        &format!("ca = {ca:?}"),
    );
    let relay = Relay::start(config, None).await.unwrap();
    let mut sender = connect(relay.address, &ca).await;
    let answer = sender.send_request(envelope(0)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert!(saw.peers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_gateway_sees_the_certificate_that_the_relay_shows_and_after_a_reload_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let saw = Arc::new(Saw::default());
    let leave = Arc::new(Semaphore::new(2));
    let gateway = gateway(
        authority.certify("localhost"),
        Arc::clone(&saw),
        idle(),
        leave,
    )
    .await;
    let ca = folder.path().join("ca.pem");
    let own = authority.certify("relay-one.test");
    let pin = |files: &Tls| Certificates::load(files).unwrap().pin().unwrap();
    let first = pin(&own);
    let (certificate, key) = (&own.certificate, &own.key);
    let config = config(
        &authority.certify("relay.test"),
        gateway.address,
        &format!("ca = {ca:?}\nclient_certificate = {certificate:?}\nclient_key = {key:?}"),
    );
    assert_eq!(
        Relay::pins(&config),
        [("gateway.test".to_owned(), first)],
        "what an operator is told to hand over"
    );
    let relay = Relay::start(config, None).await.unwrap();
    let mut sender = connect(relay.address, &ca).await;
    let answer = sender.send_request(envelope(0)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let second = pin(&authority.certify("relay-one.test"));
    assert_ne!(first, second);
    relay.reload();
    let answer = sender.send_request(envelope(1)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(*saw.keys.lock().unwrap(), [Some(first), Some(second)]);
    drop(sender);
    relay.shutdown().await;
    gateway.shutdown().await;
}

#[tokio::test]
async fn a_check_over_the_network_tells_what_was_agreed_on_and_whom_it_does_not_believe() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let gateway = gateway(
        authority.certify("localhost"),
        Arc::new(Saw::default()),
        idle(),
        idle(),
    )
    .await;
    let ca = folder.path().join("ca.pem");
    let listen = authority.certify("relay.test");
    let believing = config(&listen, gateway.address, &format!("ca = {ca:?}"));
    let found = Online::look(&believing, 1_800_000_000).await;
    let instance = &found.gateways[0].instances[0];
    assert_eq!((instance.tls, instance.http), (Some("1.3"), Some("2")));
    assert_eq!(instance.key_exchange.as_deref(), Some("X25519MLKEM768"));
    assert_eq!(instance.certificate.as_ref().unwrap().names, ["localhost"]);
    assert_eq!(found.certificate.unwrap().names, ["relay.test"]);

    let doubting = config(&listen, gateway.address, "");
    let found = Online::look(&doubting, 1_800_000_000).await;
    assert!(!found.gateways[0].instances[0].reachable);
    let problem = &found.problems[0];
    assert!(
        problem.contains("no TLS connection") && problem.contains("`gateway.0.ca`"),
        "{problem}"
    );
    gateway.shutdown().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let listen = authority.certify("relay.test");
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let file = folder.path().join("some.pem");
    let refusal = |line: String| Relay::check(&config(&listen, nowhere, &line))[0].to_string();

    assert!(refusal(format!("ca = {file:?}")).contains("some.pem: "));
    fs::write(&file, "no certificate").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let error = refusal(format!("ca = {file:?}"));
    assert!(
        error.starts_with("gateway gateway.test: `ca`") && error.contains("give a PEM file"),
        "{error}"
    );
    let error = refusal(format!(
        "ca = \"{}\"\ntoken_file = {file:?}",
        folder.path().join("ca.pem").display()
    ));
    assert!(
        error.contains("`gateway.0.token_file`") && error.contains("not a bearer token"),
        "{error}"
    );
    assert!(
        !error.contains("no certificate"),
        "a secret is not repeated: {error}"
    );
    fs::remove_file(&file).unwrap();
    let error = refusal(format!(
        "ca = \"{}\"\ntoken_file = {file:?}",
        folder.path().join("ca.pem").display()
    ));
    assert!(
        error.contains("`gateway.0.token_file`") && error.contains("put the token there"),
        "{error}"
    );
    fs::write(&listen.key, "").unwrap();
    let error = refusal(String::new());
    assert!(
        error.starts_with("`listen.tls`") && error.contains("no private key"),
        "{error}"
    );
}

fn idle() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}
