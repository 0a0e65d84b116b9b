//! What a check over the network tells: the certificate's time, and of each instance whether it is there, is the gateway, admits
//! this relay and has keys for today and tomorrow.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod support;

use std::{fs, net::SocketAddr};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use sotto_relay::{Config, Online, Relay};
use sotto_wire::{EPOCH_SECONDS, KeyFrame, media};
use support::{Reply, StandIn, config, response};
use tokio::net::TcpListener;

const EPOCH: u64 = 20_500;
/// Noon of that day.
const NOW: u64 = EPOCH * EPOCH_SECONDS + EPOCH_SECONDS / 2;

fn document(epochs: &[u64]) -> Reply {
    let lists = epochs.iter().map(|epoch| (*epoch, b"list".as_slice()));
    let frame = KeyFrame {
        lists: lists.collect(),
        proof: b"a proof",
    };
    response(200, media::KEY_DOCUMENT, &frame.encode().unwrap())
}

async fn gateway(document: Reply) -> StandIn {
    let gateway = StandIn::start().await;
    gateway.script.lock().unwrap().document = document;
    gateway
}

fn with(instances: &[SocketAddr]) -> Config {
    let urls: Vec<_> = instances
        .iter()
        .map(|address| format!("\"http://{address}\""))
        .collect();
    let lines = format!("instances = [{}]", urls.join(", "));
    let top = "limits = { gateway_timeout_ms = 300, connect_timeout_ms = 300 }";
    config(instances[0], &lines, top)
}

#[tokio::test]
async fn a_gateway_that_is_well_is_described() {
    let one = gateway(document(&[EPOCH, EPOCH + 1])).await;
    let found = Online::look(&with(&[one.address]), NOW).await;
    assert_eq!(found.problems, Vec::<String>::new());
    let instance = &found.gateways[0].instances[0];
    assert!(instance.reachable);
    assert_eq!((instance.tls, instance.http), (None, Some("1.1")));
    assert_eq!(instance.admitted, Some(true));
    assert_eq!(instance.key_list_octets, Some(8));
    let document = instance.key_document.as_ref().unwrap();
    assert_eq!(document.epochs, [EPOCH, EPOCH + 1]);
    assert_eq!((document.epochs_left, document.proof_octets), (2, 7));
}

#[tokio::test]
async fn each_fault_is_laid_at_its_instance_with_a_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let absent = || response(404, media::PROBLEM, b"{}");
    let cases = [
        (
            document(&[EPOCH - 2, EPOCH - 1]),
            "ends before today",
            "sotto-gateway keys check",
        ),
        (
            document(&[EPOCH - 1, EPOCH]),
            "no keys for tomorrow",
            "sotto-gateway keys check",
        ),
        (
            response(200, media::KEY_DOCUMENT, b"nonsense"),
            "does not begin with SKD1",
            "tell",
        ),
        (
            response(200, "text/html", b"<html>"),
            "another media type",
            "see that this is the gateway",
        ),
        (
            response(401, media::PROBLEM, b"{}"),
            "does not admit",
            "gateway.0.token_file",
        ),
        (
            response(503, media::PROBLEM, b"{}"),
            "answered 503",
            "DNS vouches for",
        ),
        (Reply::Silence, "no answer in time", "tell its operator"),
        (Reply::Reset, "broke off", "tell its operator"),
    ];
    let well = gateway(document(&[EPOCH, EPOCH + 1])).await;
    for (reply, problem, remedy) in cases {
        let ill = gateway(reply).await;
        let found = Online::look(&with(&[well.address, ill.address]), NOW).await;
        assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
        let told = &found.problems[0];
        assert!(
            told.starts_with(&format!("`gateway.0.instances.1` (http://{})", ill.address)),
            "{told}"
        );
        assert!(told.contains(problem) && told.contains(remedy), "{told}");
    }
    let found = Online::look(&with(&[nobody, well.address]), NOW).await;
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    assert!(
        found.problems[0].contains("instances.0") && found.problems[0].contains("see that it runs")
    );
    assert!(!found.gateways[0].instances[0].reachable && found.gateways[0].instances[1].reachable);

    let foreign = gateway(absent()).await;
    let found = Online::look(&with(&[foreign.address]), NOW).await;
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(found.gateways[0].instances[0].admitted, None);
    let nothing = gateway(absent()).await;
    nothing.script.lock().unwrap().list = absent();
    let found = Online::look(&with(&[nothing.address]), NOW).await;
    assert!(
        found.problems[0].contains("no keys of a gateway (404)"),
        "{:?}",
        found.problems
    );
    // A relay that is its own gateway.
    let relay = Relay::start(with(&[nothing.address]), None).await.unwrap();
    let found = Online::look(&with(&[relay.address]), NOW).await;
    assert!(
        found.problems[0].contains("and not this relay"),
        "{:?}",
        found.problems
    );
    relay.shutdown().await;
}

#[tokio::test]
async fn the_time_of_the_own_certificate_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let (file, key_file) = (
        folder.path().join("relay.crt"),
        folder.path().join("relay.key"),
    );
    let key = KeyPair::generate().unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    let well = gateway(document(&[EPOCH, EPOCH + 1])).await;
    let mut config = with(&[well.address]);
    config.listen.tls = Some(sotto_daemon::config::Tls {
        certificate: file.clone(),
        key: key_file,
    });
    // 2026-02-16, the day of the epoch.
    let cases = [
        (
            vec!["relay.test".to_owned()],
            (2026, 1, 1),
            (2026, 4, 1),
            None,
        ),
        (
            vec!["relay.test".to_owned()],
            (2026, 1, 1),
            (2026, 2, 20),
            Some("ends in 4 days"),
        ),
        (
            vec!["relay.test".to_owned()],
            (2026, 1, 1),
            (2026, 2, 10),
            Some("ended 7 days ago"),
        ),
        (
            vec!["relay.test".to_owned()],
            (2026, 3, 1),
            (2026, 5, 1),
            Some("valid in 13 days only"),
        ),
        (
            Vec::new(),
            (2026, 1, 1),
            (2026, 4, 1),
            Some("for no host name"),
        ),
    ];
    for (names, from, until, problem) in cases {
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        let found = Online::look(&config, NOW).await;
        assert_eq!(found.certificate.unwrap().names, names);
        match problem {
            None => assert_eq!(found.problems, Vec::<String>::new()),
            Some(problem) => assert!(
                found.problems.len() == 1 && found.problems[0].contains(problem),
                "{problem}: {:?}",
                found.problems
            ),
        }
    }
}
