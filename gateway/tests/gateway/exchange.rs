//! What clients get.

use std::sync::Arc;

use sotto_envelope::{Epoch, KeyConfigList, KeyDocument, KeyRecords, ProofQuery, Suite, seal};
use sotto_proof::{Anchors, Limits, Question, RecordType, Verdict, verify};
use sotto_wire::{AnswerClass, Problem, ProblemType, media, path};

use crate::support::{
    HOST, NOW, Seen, Site,
    foreign::{self, message, question},
    http::{get, post},
};

fn check(site: &Site, proof: &[u8], name: &str) -> Verdict {
    let question = Question {
        name: name.parse().unwrap(),
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
}

#[tokio::test]
async fn our_client_takes_the_document_and_asks() {
    let site = Site::new().await;
    let running = site.start().await;

    let answer = get(running.address, path::GATEWAY_KEYS).await;
    assert_eq!(
        (answer.status.as_u16(), answer.media_type()),
        (200, media::KEY_DOCUMENT)
    );
    let document = KeyDocument::decode(&answer.content).unwrap();
    let Verdict::Secure(record) = check(&site, &document.proof, "_ohttp-keys.gateway.test.") else {
        panic!("the key record is proved");
    };
    let records = KeyRecords::read(&record.rdatas).unwrap();
    let (epoch, list) = document.usable(&records, NOW).unwrap();
    assert_eq!(epoch, Epoch::at(NOW));
    assert_eq!(
        get(running.address, path::GATEWAY).await.content,
        list.as_bytes()
    );

    for suite in Suite::ALL {
        let query = ProofQuery::new("_mimi.alice.test.", "TXT").unwrap();
        let (envelope, opener) = seal(&query, HOST, &list.config(suite).unwrap()).unwrap();
        let answer = post(running.address, &envelope).await;
        assert_eq!(
            (answer.status.as_u16(), answer.media_type()),
            (200, media::OHTTP_RESPONSE)
        );
        assert_eq!(answer.content.len(), AnswerClass::Base.bytes());
        let opened = opener.open(&answer.content).unwrap();
        assert_eq!(
            (opened.status, opened.media_type.as_deref()),
            (200, Some(media::PROOF))
        );
        let verdict = check(&site, &opened.body, "_mimi.alice.test.");
        assert!(
            matches!(verdict, Verdict::Secure(_)),
            "{suite:?}: {verdict:?}"
        );
    }
    running.shutdown().await;
}

#[tokio::test]
async fn a_foreign_client_is_served_over_x25519() {
    let site = Site::new().await;
    let running = site.start().await;
    let (opened, size) = foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
    assert_eq!((opened.status, size), (200, AnswerClass::Base.bytes()));
    assert!(matches!(
        check(&site, &opened.content, "_mimi.alice.test."),
        Verdict::Secure(_)
    ));
}

#[tokio::test]
async fn whatever_the_answer_it_is_sealed_in_one_size() {
    let site = Site::new().await;
    let running = site.start().await;
    let target = |parameters: &str| format!("{}?{parameters}", path::PROOF);
    let cases = [
        ("hit", question("_mimi.alice.test."), 200),
        ("hit from the cache", question("_mimi.alice.test."), 200),
        ("no such name", question("_mimi.nobody.test."), 200),
        ("nothing of the type", question("_mimi.parent.test."), 200),
        (
            "another type",
            message(HOST, &target("d=_mimi.alice.test.&t=AAAA"), &[]),
            403,
        ),
        (
            "its own key name",
            question("_ohttp-keys.gateway.test."),
            200,
        ),
        ("not allowed", question("elsewhere.test."), 403),
        (
            "another path",
            message(HOST, "/dns-query?d=_mimi.alice.test.&t=TXT", &[]),
            400,
        ),
        ("no parameters", message(HOST, path::PROOF, &[]), 400),
        (
            "another authority",
            message("other.test", &target("d=_mimi.alice.test.&t=TXT"), &[]),
            400,
        ),
        (
            "no such mnemonic",
            message(HOST, &target("d=_mimi.alice.test.&t=NONSENSE"), &[]),
            400,
        ),
        (
            "not absolute",
            message(HOST, &target("d=_mimi.alice.test&t=TXT"), &[]),
            400,
        ),
        ("not Binary HTTP", b"GET / HTTP/1.1".to_vec(), 400),
        ("nothing", Vec::new(), 400),
    ];
    for (what, message, status) in cases {
        let (opened, size) = foreign::exchange(running.address, &message).await;
        assert_eq!(
            (opened.status, size),
            (status, AnswerClass::Base.bytes()),
            "{what}"
        );
        if status != 200 {
            assert_eq!(opened.media_type, media::PROBLEM, "{what}");
            assert_eq!(
                Problem::from_json(&opened.content).unwrap().status,
                status,
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_travels_in_the_other_size_or_is_refused() {
    let site = Site::new().await;
    let running = site.start().await;
    let (opened, size) = foreign::exchange(running.address, &question("_mimi.long.test.")).await;
    assert_eq!((opened.status, size), (200, AnswerClass::Overflow.bytes()));
    assert!(matches!(
        check(&site, &opened.content, "_mimi.long.test."),
        Verdict::Secure(_)
    ));
    let (opened, size) = foreign::exchange(running.address, &question("_mimi.huge.test.")).await;
    assert_eq!((opened.status, size), (502, AnswerClass::Base.bytes()));
}

#[tokio::test]
async fn a_date_is_checked_if_there_is_one() {
    let site = Site::new().await;
    let running = site.start().await;
    let target = format!("{}?d=_mimi.alice.test.&t=TXT", path::PROOF);
    // NOW is 2027-03-23 00:00:00 UTC.
    for (date, status) in [
        ("Tue, 23 Mar 2027 00:05:00 GMT", 200),
        ("Tue, 23 Mar 2027 01:00:00 GMT", 400),
        ("soon", 400),
    ] {
        let (opened, size) =
            foreign::exchange(running.address, &message(HOST, &target, &[("date", date)])).await;
        assert_eq!(
            (opened.status, size),
            (status, AnswerClass::Base.bytes()),
            "{date}"
        );
        if status == 400 {
            let problem = Problem::from_json(&opened.content).unwrap();
            assert_eq!(problem.kind(), Some(ProblemType::Date));
            assert_eq!(
                opened.date.as_deref(),
                Some("Tue, 23 Mar 2027 00:00:00 GMT")
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_open_gets_one_unsealed_answer() {
    let site = Site::new().await;
    let running = site.start().await;
    let (good, _) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    let altered = |at: usize| {
        let mut envelope = good.clone();
        envelope[at] ^= 0x40;
        envelope
    };
    let other_epoch = {
        let ratchet = sotto_gateway::keys::StateFile::at(site.state())
            .load()
            .unwrap();
        let list = ratchet
            .keys(Epoch::at(NOW).plus(9))
            .unwrap()
            .list()
            .to_vec();
        let config = KeyConfigList::parse(&list)
            .unwrap()
            .config(Suite::XWing)
            .unwrap();
        let query = ProofQuery::new("_mimi.alice.test.", "TXT").unwrap();
        seal(&query, HOST, &config).unwrap().0.into_bytes()
    };
    let cases = [
        Vec::new(),
        vec![0; 6],
        vec![0xff; 2_048],
        good[..40].to_vec(),
        altered(0),
        altered(2),
        altered(4),
        altered(6),
        altered(10),
        altered(good.len() - 1),
        other_epoch,
    ];
    let first = post(running.address, &cases[0]).await;
    assert_eq!(
        (first.status.as_u16(), first.media_type()),
        (400, media::PROBLEM)
    );
    assert_eq!(
        Problem::from_json(&first.content).unwrap().kind(),
        Some(ProblemType::OhttpKey)
    );
    for envelope in &cases[1..] {
        assert_eq!(
            post(running.address, envelope).await,
            first,
            "{} octets",
            envelope.len()
        );
    }
}

#[tokio::test]
async fn an_observer_sees_the_question_and_the_relay() {
    let site = Site::new().await;
    let seen = Arc::new(Seen::default());
    let running = site.try_start(Some(seen.clone())).await.unwrap();
    running.ready().await;
    for _ in 0..2 {
        foreign::exchange(running.address, &question("_mimi.alice.test.")).await;
    }
    let views = seen.0.lock().unwrap().clone();
    assert_eq!(
        views.len(),
        2,
        "the gateway's own question is not a client's"
    );
    assert_eq!(
        (views[0].relay.as_str(), views[0].name.as_str()),
        ("relay-one", "_mimi.alice.test.")
    );
    assert_eq!(
        (views[0].status, views[0].answer_bytes, views[0].at),
        (200, 8_192, NOW)
    );
    assert_eq!((views[0].cached, views[1].cached), (false, true));
}
