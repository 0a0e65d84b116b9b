//! A resolver that fails or lies.

use sotto_proof::{Anchors, Limits, Question, RecordType, Verdict, verify};
use sotto_wire::{AnswerClass, path};

use crate::support::{
    Site,
    dns::Manner,
    foreign::{self, question},
    http::get,
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
