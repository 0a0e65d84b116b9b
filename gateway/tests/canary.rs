//! Names, tokens, envelopes: none of it in any log, metric or error, at any level, from any crate.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use sotto_wire::path;
use support::{
    HOST, Site, TOKEN,
    dns::Manner,
    foreign::{self, message, question},
    http::{get, post},
};
use tracing_subscriber::{filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A label that stands in every name asked for, and its other guises.
const CANARY: &str = "canary7f3a";

#[test]
fn nothing_of_a_question_reaches_a_log_a_metric_or_an_unsealed_answer() {
    let captured = Captured::default();
    let writer = captured.clone();
    // Not the daemon's subscriber, which shows our own crates alone: here everything may speak.
    tracing_subscriber::registry()
        .with(
            fmt::layer()
                .with_ansi(false)
                .with_writer(move || writer.clone()),
        )
        .with(LevelFilter::TRACE)
        .init();

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (metrics, refusals) = runtime.block_on(ask_for_canaries());
    let log = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("the keys in use are proved"),
        "our own lines are captured"
    );
    for (place, text) in [("log", log), ("metrics", metrics), ("refusals", refusals)] {
        let text = text.to_ascii_lowercase();
        for secret in [CANARY, &hex::encode(CANARY), TOKEN] {
            let found = text.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "{secret} in the {place}");
        }
    }
}

/// Asks in every way there is; returns the metrics and the unsealed answers.
async fn ask_for_canaries() -> (String, String) {
    let site = Site::new().await;
    let running = site.start().await;
    let name = |case: &str| format!("_mimi.{case}.{CANARY}.test.");
    let manners = [
        Manner::Honest,
        Manner::Fails,
        Manner::Silent,
        Manner::Garbage,
        Manner::Strips,
        Manner::Stray,
        Manner::Truncates,
    ];
    for (case, manner) in manners.into_iter().enumerate() {
        site.resolver.behave(manner);
        foreign::exchange(running.address, &question(&name(&case.to_string()))).await;
    }
    site.resolver.behave(Manner::Honest);
    let targets = [
        format!("{}?d={CANARY}.test.&t=TXT", path::PROOF),
        format!("{}?d={}&t={CANARY}", path::PROOF, name("type")),
        format!("/{CANARY}"),
    ];
    for target in targets {
        foreign::exchange(
            running.address,
            &message(HOST, &target, &[("x-field", CANARY)]),
        )
        .await;
    }
    foreign::exchange(
        running.address,
        &message(&format!("{CANARY}.test"), path::PROOF, &[]),
    )
    .await;
    foreign::exchange(running.address, CANARY.as_bytes()).await;

    let mut refusals = String::new();
    for envelope in [
        CANARY.as_bytes(),
        &[CANARY.as_bytes(), &[0; 2_048]].concat(),
    ] {
        refusals += &post(running.address, envelope).await.text();
    }
    refusals += &get(running.address, &format!("/other/{CANARY}"))
        .await
        .text();
    let metrics = get(running.admin.unwrap(), "/metrics").await.text();
    running.shutdown().await;
    (metrics, refusals)
}
