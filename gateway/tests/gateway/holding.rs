//! What is held back: replays, relays that ask too much, and answers until their time.

use std::{num::NonZeroU32, time::Duration};

use crate::support::{
    HOST, Site,
    foreign::{self, message, open, question},
    http::{self, post},
};

/// The instants of the operating system, which the answers' times are held against.
#[allow(
    clippy::disallowed_methods,
    reason = "this test's one reader of the monotonic clock"
)]
fn instant() -> std::time::Instant {
    std::time::Instant::now()
}

#[tokio::test]
async fn an_envelope_is_answered_once() {
    let site = Site::new().await;
    let running = site.start().await;
    let (envelope, response) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    let first = post(running.address, &envelope).await;
    assert_eq!(open(response, &first.content).status, 200);
    for _ in 0..2 {
        let again = post(running.address, &envelope).await;
        let problem = again.problem();
        assert_eq!((again.status.as_u16(), problem.status), (400, 400));
        assert_eq!(problem.uri, "about:blank", "no reason to fetch keys again");
    }
}

#[tokio::test]
async fn a_copy_that_does_not_open_does_not_burn_the_original() {
    let site = Site::new().await;
    let running = site.start().await;
    let (envelope, response) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    let mut copy = envelope.clone();
    *copy.last_mut().unwrap() ^= 1;
    assert_eq!(post(running.address, &copy).await.status, 400);
    let answer = post(running.address, &envelope).await;
    assert_eq!(open(response, &answer.content).status, 200);
}

#[tokio::test]
async fn of_two_copies_at_once_one_is_answered() {
    let site = Site::new().await;
    let running = site.start().await;
    let (envelope, _) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    let (one, other) = tokio::join!(
        post(running.address, &envelope),
        post(running.address, &envelope)
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn without_a_window_replays_are_answered() {
    let mut site = Site::new().await;
    site.config.privacy.replay_entries = 0;
    let running = site.start().await;
    let (envelope, _) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    for _ in 0..2 {
        assert_eq!(post(running.address, &envelope).await.status, 200);
    }
}

#[tokio::test]
async fn a_relay_that_asks_too_much_is_told_so_and_still_gets_keys() {
    let mut site = Site::new().await;
    site.config.relay[0].requests_per_second = NonZeroU32::new(1);
    let running = site.start().await;
    let statuses = async {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(post(running.address, b"no envelope").await.status.as_u16());
        }
        statuses
    };
    let statuses = statuses.await;
    assert_eq!(statuses[0], 400);
    assert!(statuses.contains(&429), "{statuses:?}");
    let list = http::get(running.address, sotto_wire::path::GATEWAY).await;
    assert_eq!(list.status, 200);
}

#[tokio::test]
async fn whatever_is_sealed_leaves_at_its_step() {
    let step = Duration::from_millis(300);
    let mut site = Site::new().await;
    site.config.privacy.answer_step_ms = 300;
    let running = site.start().await;
    let malformed = b"not Binary HTTP".to_vec();
    for (message, status) in [
        (question("_mimi.alice.test."), 200),
        (question("_mimi.alice.test."), 200),
        (question("_mimi.nobody.test."), 200),
        (question("elsewhere.test."), 403),
        (message(HOST, "/elsewhere", &[]), 400),
        (malformed, 400),
    ] {
        let (envelope, response) = foreign::seal(running.address, &message).await;
        let sent = instant();
        let answer = post(running.address, &envelope).await;
        assert!(sent.elapsed() >= step, "{status} left early");
        assert_eq!(open(response, &answer.content).status, status);
    }
}

#[tokio::test]
async fn what_is_refused_unopened_does_not_wait() {
    let mut site = Site::new().await;
    site.config.privacy.answer_step_ms = 5_000;
    let running = site.start().await;
    let address = running.address;
    let (envelope, response) = foreign::seal(address, &question("_mimi.alice.test.")).await;
    let waiting = tokio::spawn(async move { post(address, &envelope).await });
    assert_eq!(post(address, b"no envelope").await.status, 400);
    assert!(!waiting.is_finished(), "the refusal overtook the answer");
    let answer = waiting.await.unwrap();
    assert_eq!(open(response, &answer.content).status, 200);
}

#[tokio::test]
async fn an_answer_that_waits_takes_no_other_s_place_until_memory_ends() {
    let mut site = Site::new().await;
    site.config.privacy.answer_step_ms = 5_000;
    site.config.limits.max_requests = 1;
    site.config.limits.max_waiting = 2;
    let running = site.start().await;
    let address = running.address;
    let mut envelopes = Vec::new();
    for _ in 0..3 {
        envelopes.push(
            foreign::seal(address, &question("_mimi.alice.test."))
                .await
                .0,
        );
    }
    let mut waiting = Vec::new();
    for envelope in envelopes.split_off(1) {
        let answered = running_answers(&running).await;
        waiting.push(tokio::spawn(async move { post(address, &envelope).await }));
        crate::support::until("the answer waits", async || {
            running_answers(&running).await > answered
        })
        .await;
    }
    let refused = post(address, &envelopes[0]).await;
    assert_eq!(refused.status, 503);
    for answer in waiting {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}

/// Sealed answers counted so far.
async fn running_answers(running: &sotto_gateway::Running) -> u64 {
    let metrics = http::get(running.admin.unwrap(), "/metrics").await;
    let sealed = metrics.text();
    sealed
        .lines()
        .filter(|line| line.starts_with("sotto_gateway_sealed_total"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
        .sum()
}
