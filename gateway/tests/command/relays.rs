//! The relays of a gateway that runs: known by certificate or token over TLS, and listed anew without a restart.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, Version};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use sotto_daemon::{
    config::Tls,
    tls::{self, Certificates},
};
use sotto_wire::{media, path};

use crate::{
    machine::Machine,
    support::{
        TOKEN, foreign,
        http::{bearer, get},
        until, write_token,
    },
};

/// Writes a self-signed certificate for this machine under `name`, and returns its files.
fn certify(machine: &Machine, name: &str) -> Tls {
    let files = Tls {
        certificate: machine.path(&format!("{name}.crt")),
        key: machine.path(&format!("{name}.key")),
    };
    renew(&files, &KeyPair::generate().unwrap());
    files
}

fn renew(files: &Tls, key: &KeyPair) {
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(key).unwrap();
    fs::write(&files.certificate, certificate.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
}

/// A machine whose gateway serves TLS and has an operator's listener.
fn machine() -> (Machine, Tls) {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let files = certify(&machine, "gateway");
    let tls = format!(
        "tls = {{ certificate = {:?}, key = {:?} }}\n[admin]\naddress = \"127.0.0.1:0\"",
        files.certificate, files.key
    );
    machine.reconfigure("plain_http = true", &tls);
    (machine, files)
}

/// A relay as the gateway sees it: how it connects, and what it shows.
struct Relay<'a> {
    gateway: SocketAddr,
    gateway_files: &'a Tls,
    certificate: Option<Arc<Certificates>>,
    token: Option<String>,
    version: Version,
}

impl Relay<'_> {
    async fn send(&self, method: Method, resource: &str) -> StatusCode {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(&self.gateway_files.certificate).unwrap();
        roots.add(root).unwrap();
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match &self.certificate {
            Some(certificate) => config.with_client_cert_resolver(certificate.clone()),
            None => config.with_no_client_auth(),
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only();
        let connector = if self.version == Version::HTTP_2 {
            connector.enable_http2().build()
        } else {
            connector.enable_http1().build()
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{}{resource}", self.gateway))
            .header("content-type", media::OHTTP_REQUEST);
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        let request = request
            .body(Full::new(Bytes::from_static(b"no envelope")))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let answering = tokio::time::timeout(Duration::from_secs(20), client.request(request));
        let answer = answering.await.unwrap().unwrap();
        assert_eq!(answer.version(), self.version);
        answer.status()
    }

    /// Whether the gateway lets it through to the key document, which there is none of.
    async fn is_admitted(&self) -> bool {
        match self.send(Method::GET, path::GATEWAY_KEYS).await {
            StatusCode::UNAUTHORIZED => false,
            StatusCode::SERVICE_UNAVAILABLE => true,
            status => panic!("{status}"),
        }
    }
}

async fn metrics(admin: SocketAddr) -> String {
    get(admin, "/metrics").await.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_known_by_its_certificate_or_its_token_over_both_versions() {
    let (machine, gateway_files) = machine();
    let (listed, stranger) = (certify(&machine, "listed"), certify(&machine, "stranger"));
    let listed = Certificates::load(&listed).unwrap();
    let stranger = Certificates::load(&stranger).unwrap();
    let config = fs::read_to_string(machine.path("gateway.toml")).unwrap();
    let by_certificate = format!(
        "{config}[[relay]]\nname = \"by-certificate\"\ncertificates = [\"{}\"]\nrequests_per_second = 1\n",
        listed.pin().unwrap()
    );
    fs::write(machine.path("gateway.toml"), by_certificate).unwrap();
    let (_serving, gateway, admin) = machine.serve_with_admin();

    for version in [Version::HTTP_11, Version::HTTP_2] {
        let relay = |certificate: Option<&Arc<Certificates>>, token: Option<String>| Relay {
            gateway,
            gateway_files: &gateway_files,
            certificate: certificate.cloned(),
            token,
            version,
        };
        assert!(relay(Some(&listed), None).is_admitted().await);
        assert!(!relay(Some(&stranger), None).is_admitted().await);
        assert!(!relay(None, None).is_admitted().await);
        assert!(relay(None, Some(bearer())).is_admitted().await);
        assert!(relay(Some(&stranger), Some(bearer())).is_admitted().await);
        let wrong = Some(bearer().replace('0', "1"));
        assert!(!relay(None, wrong.clone()).is_admitted().await);
        assert!(relay(Some(&listed), wrong).is_admitted().await);
    }

    // The rate and the series are those of the relay whose certificate it is, whatever token it adds.
    let relay = Relay {
        gateway,
        gateway_files: &gateway_files,
        certificate: Some(listed),
        token: Some(bearer()),
        version: Version::HTTP_2,
    };
    until("the relay is at its limit", async || {
        relay.send(Method::POST, path::GATEWAY).await == 429
    })
    .await;
    let told = metrics(admin).await;
    let limited = |name: &str| {
        let series = format!("sotto_gateway_rate_limited_total{{relay=\"{name}\"}} ");
        let line = told.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("{told}"))
            .parse::<u64>()
            .unwrap()
    };
    assert!(limited("by-certificate") > 0);
    assert_eq!((limited("relay-one"), limited("unlisted")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_follows_the_lists_and_names_what_it_cannot_follow() {
    let (machine, gateway_files) = machine();
    let client_files = certify(&machine, "relay");
    let certificate = Certificates::load(&client_files).unwrap();
    let (mut serving, gateway, admin) = machine.serve_with_admin();
    let relay = Relay {
        gateway,
        gateway_files: &gateway_files,
        certificate: Some(Arc::clone(&certificate)),
        token: None,
        version: Version::HTTP_2,
    };
    assert!(!relay.is_admitted().await);
    assert!(!metrics(admin).await.contains("relay-two"));

    let file = machine.path("gateway.toml");
    let before = fs::read_to_string(&file).unwrap();
    let entry = format!(
        "[[relay]]\nname = \"relay-two\"\ncertificates = [\"{}\"]\n",
        certificate.pin().unwrap()
    );
    let after = format!("{before}{entry}").replace("timeout_ms = 2000", "timeout_ms = 2100");
    fs::write(&file, &after).unwrap();
    serving.signal("-HUP");
    serving.says("with the lists of relays and names");
    let fixed = serving.says("count from a restart on");
    assert!(fixed.contains("keys=\"dns.timeout_ms\""), "{fixed}");
    assert!(relay.is_admitted().await);
    let series = "sotto_gateway_sealed_total{relay=\"relay-two\",status=\"200\"} 0";
    assert!(metrics(admin).await.contains(series));

    // The key stays, the certificate does not; and the gateway's own is renewed meanwhile.
    let key = KeyPair::from_pem(&fs::read_to_string(&client_files.key).unwrap()).unwrap();
    renew(&client_files, &key);
    certificate.reload().unwrap();
    renew(&gateway_files, &KeyPair::generate().unwrap());
    serving.signal("-HUP");
    serving.says("certificate read again");
    // The same signal has the file read again, after the certificate: it is not written meanwhile.
    serving.says("tokens read again");
    assert!(relay.is_admitted().await);

    // What is broken changes nothing, whatever is right beside it.
    let shared = after.replace("relay-two\"", "relay-three\"") + &entry;
    let suffix = format!("{before}[names]\nsuffixes = [\"com\"]\n");
    for (broken, words) in [
        ("[[relay".to_owned(), "line 1"),
        (
            before.replace("name = \"relay-one\"", "nam = \"x\""),
            "relay.0.nam",
        ),
        (shared, "have the same certificate"),
        (suffix, "is a single label"),
        (before.replace("token\"", "absent\""), "token_file"),
    ] {
        fs::write(&file, broken).unwrap();
        serving.signal("-HUP");
        let told = serving.says("tokens not replaced");
        assert!(told.contains(words), "{told}");
        assert!(relay.is_admitted().await, "{words}");
    }

    fs::write(&file, &before).unwrap();
    serving.signal("-HUP");
    serving.says("tokens read again");
    assert!(!relay.is_admitted().await, "the pin is gone from the list");
    let token = Relay {
        certificate: None,
        token: Some(bearer()),
        version: Version::HTTP_11,
        ..relay
    };
    assert!(token.is_admitted().await);
    write_token(&machine.path("token"), &TOKEN.replace('0', "f"));
    serving.signal("-HUP");
    serving.says("tokens read again");
    assert!(!token.is_admitted().await);
}

#[tokio::test]
async fn a_reload_follows_the_names_that_are_proved() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let (mut serving, address) = machine.serve();
    let question = foreign::question("alice.user._bitcoin-payment.example.test.");
    let status = async || foreign::exchange(address, &question).await.0.status;
    assert_eq!(status().await, 403);
    let names = "[names]\nsuffixes = [\"user._bitcoin-payment\"]\n";
    machine.reconfigure("[[relay]]", &format!("{names}[[relay]]"));
    serving.signal("-HUP");
    serving.says("with the lists of relays and names");
    assert_ne!(
        status().await,
        403,
        "it is asked for, though nobody answers"
    );
    machine.reconfigure(names, "");
    serving.signal("-HUP");
    serving.says("with the lists of relays and names");
    assert_eq!(status().await, 403);
}

#[test]
fn certificates_want_tls_and_every_relay_wants_something_to_be_known_by() {
    let machine = Machine::new();
    machine.run(&["keys", "init"]);
    let file = machine.path("gateway.toml");
    let good = fs::read_to_string(&file).unwrap();
    let pin = format!("sha256:{}", "0a".repeat(32));
    for (entry, words) in [
        ("", ["\"relay-two\" has neither", "give it one of them"]),
        (
            &format!("certificates = [\"{pin}\"]\n"),
            ["\"relay-two\" has certificates", "[listen.tls]"],
        ),
        (
            "certificates = [\"0a\"]\n",
            ["relay.1.certificates", "sotto-relay check"],
        ),
    ] {
        fs::write(
            &file,
            format!("{good}[[relay]]\nname = \"relay-two\"\n{entry}"),
        )
        .unwrap();
        let checked = machine.json(&["check"]);
        let problems = checked["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{checked}");
        for word in words {
            assert!(problems[0].as_str().unwrap().contains(word), "{checked}");
        }
    }
}
