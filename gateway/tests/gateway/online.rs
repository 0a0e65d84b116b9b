//! What `check --online` makes of resolvers that do not do.

use sotto_envelope::Epoch;
use sotto_gateway::online::{Severity, Subject, check_online};

use crate::support::{NOW, Site, dns::Manner};

async fn check(site: &Site) -> Vec<Subject> {
    check_online(&site.config, site.clock.now()).await.unwrap()
}

fn of<'a>(subjects: &'a [Subject], kind: &str) -> &'a Subject {
    subjects
        .iter()
        .find(|subject| subject.kind == kind)
        .unwrap()
}

/// The codes of its findings, the errors' first.
fn errors(subject: &Subject) -> Vec<&'static str> {
    let findings = subject.findings.iter();
    findings
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| {
            assert!(!finding.what.is_empty() && !finding.remedy.is_empty());
            finding.code
        })
        .collect()
}

#[tokio::test]
async fn every_flaw_of_a_resolver_is_told_by_its_name() {
    let mut site = Site::new().await;
    site.config.dns.timeout_ms = 200;
    let cases: [(Manner, &[&str]); 7] = [
        (Manner::Honest, &[]),
        (Manner::Truncates, &[]),
        (Manner::Silent, &["unreachable"]),
        (Manner::Fails, &["refuses"]),
        (Manner::Strips, &["no_signatures", "no_denial"]),
        (Manner::NoStreams, &["no_tcp"]),
        (Manner::Invents, &["invents"]),
    ];
    for (manner, codes) in cases {
        site.resolver.behave(manner);
        let subjects = check(&site).await;
        let resolver = of(&subjects, "resolver");
        assert_eq!(resolver.name, site.resolver.address.to_string());
        assert_eq!(errors(resolver), codes, "{manner:?}");
        let is_reached = !matches!(manner, Manner::Silent | Manner::Fails);
        assert_eq!(resolver.latency_ms.is_some(), is_reached, "{manner:?}");
        // It never sets CD in a response.
        let told = |code| resolver.findings.iter().any(|finding| finding.code == code);
        assert_eq!(told("ignores_cd"), is_reached, "{manner:?}");
    }
}

#[tokio::test]
async fn keys_and_relays_are_looked_at_too() {
    let mut site = Site::new().await;
    let keys = async |site: &Site| of(&check(site).await, "keys").clone();
    let good = keys(&site).await;
    assert_eq!((good.epochs_published, errors(&good)), (Some(14), vec![]));
    for (count, code, severity) in [
        (5, "few_epochs", Severity::Warning),
        (2, "hardly_any_epochs", Severity::Error),
        (0, "keys_unproved", Severity::Error),
    ] {
        site.publish(&site.key_texts(Epoch::at(NOW), count));
        let found = keys(&site).await;
        let [finding] = &found.findings[..] else {
            panic!("{found:?}");
        };
        assert_eq!((finding.code, finding.severity), (code, severity));
        assert!(finding.remedy.contains("keys publish"), "{finding:?}");
    }

    let subjects = check(&site).await;
    let relay = of(&subjects, "relay");
    assert_eq!(
        (relay.name.as_str(), relay.findings[0].code),
        ("relay-one", "no_rate")
    );
    site.config.relay[0].requests_per_second = std::num::NonZeroU32::new(9);
    let subjects = check(&site).await;
    let relay = of(&subjects, "relay");
    assert!(relay.findings.is_empty());
    assert_eq!(relay.summary, "known by a token, 9 requests a second");
}
