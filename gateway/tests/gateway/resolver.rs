//! A resolver that fails or lies.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls_pki_types::PrivateKeyDer;
use sotto_proof::{Anchors, Limits, Question, RecordType, Verdict, verify};
use sotto_wire::{AnswerClass, path};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::support::{
    Site,
    dns::Manner,
    foreign::{self, question},
    http::get,
    zone::TTL,
};

#[tokio::test]
async fn failures_are_sealed_in_the_one_size() {
    let site = Site::new().await;
    let running = site.start().await;
    let cases = [
        (Manner::Silent, "_mimi.a.test.", 504),
        (Manner::Fails, "_mimi.b.test.", 502),
        (Manner::Garbage, "_mimi.c.test.", 504),
        (Manner::Stray, "_mimi.d.test.", 504),
    ];
    for (manner, name, status) in cases {
        site.resolver.behave(manner);
        let (opened, size) = foreign::exchange(running.address, &question(name)).await;
        assert_eq!(
            (opened.status, size),
            (status, AnswerClass::Base.bytes()),
            "{manner:?}"
        );
        site.resolver.behave(Manner::Honest);
        let (opened, _) = foreign::exchange(running.address, &question(name)).await;
        assert_eq!(
            opened.status, 200,
            "a failure is not remembered ({manner:?})"
        );
    }
}

#[tokio::test]
async fn truncation_leads_to_tcp() {
    let site = Site::new().await;
    site.resolver.behave(Manner::Truncates);
    let running = site.start().await;
    let (opened, _) = foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
    assert_eq!(opened.status, 200);
}

#[tokio::test]
async fn stripped_signatures_reach_the_client_as_bogus_and_are_not_kept() {
    let site = Site::new().await;
    let running = site.start().await;
    let judge = |proof: &[u8]| {
        let question = Question {
            name: "_mimi.alice.test.".parse().unwrap(),
            rtype: RecordType::TXT,
        };
        let anchors = Anchors::parse(&site.root.anchor()).unwrap();
        verify(
            proof,
            &question,
            &anchors,
            site.clock.now(),
            &Limits::default(),
        )
        .verdict
    };
    site.resolver.behave(Manner::Strips);
    let (opened, _) = foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
    if opened.status == 200 {
        assert!(!matches!(judge(&opened.content), Verdict::Secure(_)));
    } else {
        assert_eq!(opened.status, 502);
    }
    site.resolver.behave(Manner::Honest);
    let (opened, _) = foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
    assert!(matches!(judge(&opened.content), Verdict::Secure(_)));
}

#[tokio::test]
async fn without_a_resolver_there_is_no_key_document() {
    for manner in [
        Manner::Silent,
        Manner::Fails,
        Manner::Strips,
        Manner::Garbage,
        Manner::Stray,
    ] {
        let site = Site::new().await;
        site.resolver.behave(manner);
        let running = site.try_start(None).await.unwrap();
        crate::support::until("the resolver was asked", async || site.resolver.asked() > 0).await;
        assert_eq!(
            get(running.address, path::GATEWAY_KEYS).await.status,
            503,
            "{manner:?}"
        );
        assert_eq!(
            get(running.admin.unwrap(), "/readyz").await.status,
            503,
            "{manner:?}"
        );
        assert_eq!(
            get(running.address, path::GATEWAY).await.status,
            200,
            "{manner:?}"
        );

        site.resolver.behave(Manner::Honest);
        site.clock.set(site.clock.now() + 60);
        running.ready().await;
        assert_eq!(
            get(running.address, path::GATEWAY_KEYS).await.status,
            200,
            "{manner:?}"
        );
    }
}

/// A resolver over TLS in front of `plain`, for the name `dns.test`; the file of whoever vouches for it.
async fn over_tls(plain: SocketAddr, directory: &Path) -> (SocketAddr, PathBuf) {
    let issued = rcgen::generate_simple_self_signed(["dns.test".to_owned()]).unwrap();
    let file = directory.join("resolver-ca.pem");
    std::fs::write(&file, issued.cert.pem()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(sotto_daemon::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![issued.cert.der().clone()],
            PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into()),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not believe the certificate goes away.
                let Ok(mut secure) = acceptor.accept(stream).await else {
                    return;
                };
                let mut behind = TcpStream::connect(plain).await.unwrap();
                let _: std::io::Result<_> = copy_bidirectional(&mut secure, &mut behind).await;
            });
        }
    });
    (address, file)
}

#[tokio::test]
async fn a_resolver_over_tls_is_asked_if_its_certificate_is_believed() {
    let mut site = Site::new().await;
    let (address, ca) = over_tls(site.resolver.address, site.directory.path()).await;
    site.config.dns.ca = Some(ca);
    for (name, status) in [("dns.test", 200), ("other.test", 502)] {
        let server = format!("tls://{address}#{name}");
        // The key record is asked for as well, so where TLS fails only the plain resolver lets the gateway serve.
        site.config.dns.resolver = vec![server.parse().unwrap()];
        let running = site.try_start(None).await.unwrap();
        if status == 200 {
            running.ready().await;
            let (opened, _) =
                foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
            assert_eq!(opened.status, 200);
        } else {
            running.tended().await;
            let document = get(running.address, path::GATEWAY_KEYS).await;
            assert_eq!(document.status, 503, "no key record was believed");
            let metrics = get(running.admin.unwrap(), "/metrics").await.text();
            let down = "sotto_gateway_resolver_up{place=\"1\"} 0";
            assert!(metrics.contains(down), "{metrics}");
        }
    }
}

#[tokio::test]
async fn when_one_resolver_is_dead_the_other_answers() {
    let mut site = Site::new().await;
    let dead = {
        let free = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap()
    };
    site.config.dns.resolver.insert(0, dead.into());
    let running = site.start().await;
    let (opened, _) = foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
    assert_eq!(opened.status, 200);
}

#[tokio::test]
async fn what_is_still_asked_for_is_renewed_before_it_ages() {
    let site = Site::new().await;
    let running = site.start().await;
    let ask = async || {
        foreign::exchange(running.address, &question("_mimi.alice.test."))
            .await
            .0
    };
    let ttl = u64::from(TTL);
    assert_eq!(ask().await.status, 200);
    site.clock.set(site.clock.now() + ttl - ttl / 20);
    let asked = site.resolver.asked();
    assert_eq!(ask().await.status, 200, "at hand");
    crate::support::until("it is gathered anew", async || {
        site.resolver.asked() > asked
    })
    .await;
    // Past the life of what was first gathered, with nobody to ask.
    site.clock.set(site.clock.now() + ttl / 10);
    crate::support::until("it is kept", async || {
        let asked = site.resolver.asked();
        let answered = ask().await.status == 200;
        answered && site.resolver.asked() == asked
    })
    .await;
}

#[tokio::test]
async fn a_resolver_that_dies_and_comes_back_is_told_and_used_again() {
    let mut site = Site::new().await;
    site.config.dns.timeout_ms = 200;
    let running = site.start().await;
    let admin = running.admin.unwrap();
    let ask = async |name: &str| {
        foreign::exchange(running.address, &question(name))
            .await
            .0
            .status
    };
    let is_up = async || {
        let metrics = get(admin, "/metrics").await.text();
        metrics.contains("sotto_gateway_resolver_up{place=\"1\"} 1")
    };
    assert_eq!(ask("_mimi.alice.test.").await, 200);
    crate::support::until("it is up", is_up).await;

    site.resolver.behave(Manner::Silent);
    let ttl = u64::from(TTL);
    site.clock.set(site.clock.now() + ttl + 1);
    assert_eq!(ask("_mimi.nobody.test.").await, 504, "never asked before");
    assert_eq!(ask("_mimi.alice.test.").await, 200, "stale, for an hour");
    crate::support::until("it is down", async || !is_up().await).await;
    site.clock.set(site.clock.now() + ttl);
    assert_eq!(ask("_mimi.alice.test.").await, 504, "too old");
    assert_eq!(
        get(admin, "/readyz").await.status,
        200,
        "the proof of the keys is good by its signatures"
    );

    site.resolver.behave(Manner::Honest);
    crate::support::until("it is asked again", async || {
        ask("_mimi.alice.test.").await == 200
    })
    .await;
    crate::support::until("it is up again", is_up).await;
}
