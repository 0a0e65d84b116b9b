//! What `/readyz` tells, and how soon it changes.

use serde_json::{Value, json};
use sotto_envelope::Epoch;
use sotto_gateway::Running;
use sotto_wire::EPOCH_SECONDS;

use crate::support::{NOW, Site, dns::Manner, http::get, until, zone::TTL};

/// Seconds of the simulated clock after which a gateway without keys asks the DNS again.
const RETRY_SECONDS: u64 = 15;

async fn readyz(running: &Running) -> (u16, Value) {
    let answer = get(running.admin.unwrap(), "/readyz").await;
    assert_eq!(answer.media_type(), "application/json");
    (
        answer.status.as_u16(),
        serde_json::from_slice(&answer.content).unwrap(),
    )
}

fn reason(report: &Value) -> &str {
    report["reason"].as_str().unwrap()
}

#[tokio::test]
async fn a_publication_that_comes_late_is_seen_within_seconds_not_after_a_ttl() {
    let site = Site::new().await;
    let texts = site.key_texts(Epoch::at(NOW), 14);
    // Nothing is published, or keys of days that are over; the resolver may keep either for an hour.
    for late in [vec![], site.key_texts(Epoch(Epoch::at(NOW).0 + 2), 1)] {
        site.publish(&late);
        let running = site.try_start(None).await.unwrap();
        running.tended().await;
        let (status, report) = readyz(&running).await;
        assert_eq!((status, &report["status"]), (503, &json!("not_ready")));
        assert!(reason(&report).contains("keys publish"), "{report}");

        site.publish(&texts);
        let asked = site.resolver.asked();
        site.clock.set(site.clock.now() + RETRY_SECONDS - 1);
        running.tended().await;
        assert_eq!(
            site.resolver.asked(),
            asked,
            "it does not burden the resolver"
        );
        site.clock.set(site.clock.now() + 1);
        running.ready().await;
        assert!(RETRY_SECONDS < u64::from(TTL) / 100);
        let expected =
            json!({ "schema": 1, "status": "ready", "reason": null, "epochs_published": 14 });
        until("it is told", async || {
            readyz(&running).await == (200, expected.clone())
        })
        .await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_ready_tells_what_will_end_that() {
    let site = Site::new().await;
    let running = site.start().await;
    site.resolver.behave(Manner::Fails);
    site.clock.set(NOW + EPOCH_SECONDS);
    running.tended().await;
    let (status, report) = readyz(&running).await;
    assert_eq!((status, &report["epochs_published"]), (200, &json!(13)));
    assert!(
        reason(&report).contains("no proof of the key record"),
        "{report}"
    );

    site.resolver.behave(Manner::Honest);
    site.clock.set(NOW + EPOCH_SECONDS + RETRY_SECONDS);
    running.tended().await;
    assert_eq!(readyz(&running).await.1["reason"], Value::Null);

    site.publish(&site.key_texts(Epoch::at(NOW), 1));
    site.clock.set(NOW + EPOCH_SECONDS + 2 * u64::from(TTL));
    running.tended().await;
    let (status, report) = readyz(&running).await;
    assert_eq!((status, &report["epochs_published"]), (200, &json!(0)));
    assert!(reason(&report).contains("which is over"), "{report}");
}
