//! Keys over days.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sotto_envelope::{Epoch, KeyDocument, KeyRecord};
use sotto_gateway::{
    GRACE_SECONDS, Running, check_keys,
    keys::{SETTLING_SECONDS, StateFile},
};
use sotto_wire::{EPOCH_SECONDS, path};

use crate::support::{
    HOST, NOW, Site,
    dns::Manner,
    foreign::{self, question},
    http::{get, post},
    until,
    zone::ALIAS_TO,
};

async fn offered(running: &Running) -> Vec<u64> {
    let answer = get(running.address, path::GATEWAY_KEYS).await;
    if answer.status != 200 {
        return Vec::new();
    }
    let document = KeyDocument::decode(&answer.content).unwrap();
    document.lists.iter().map(|(epoch, _)| epoch.0).collect()
}

fn stored(site: &Site) -> u64 {
    StateFile::at(site.state()).load().unwrap().epoch().0
}

#[tokio::test]
async fn lists_follow_the_clock_and_envelopes_stay_good_for_an_epoch() {
    let site = Site::new().await;
    let running = site.start().await;
    let first = Epoch::at(NOW).0;
    assert_eq!(offered(&running).await, [first, first + 1]);

    let (now_good, response) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    let (later_bad, _) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    for day in 1..=3 {
        site.clock.set(NOW + day * EPOCH_SECONDS);
        until("the next epoch is offered", async || {
            offered(&running).await == [first + day, first + day + 1]
        })
        .await;
        site.clock.set(NOW + day * EPOCH_SECONDS + SETTLING_SECONDS);
        until("the state has moved", async || {
            stored(&site) == first + day - 1
        })
        .await;
        if day == 1 {
            let answer = post(running.address, &now_good).await;
            assert_eq!(answer.status, 200, "the previous epoch is accepted");
        }
    }
    drop(response);
    assert_eq!(
        post(running.address, &later_bad).await.status,
        400,
        "older ones are not"
    );
}

#[tokio::test]
async fn epochs_that_the_dns_does_not_carry_are_never_offered() {
    let site = Site::new().await;
    let first = Epoch::at(NOW);
    site.publish(&site.key_texts(first, 1));
    let running = site.start().await;
    assert_eq!(
        offered(&running).await,
        [first.0],
        "the next one is not published"
    );

    site.clock.set(NOW + EPOCH_SECONDS + GRACE_SECONDS);
    until("nothing is offered", async || {
        offered(&running).await.is_empty()
    })
    .await;
    assert_eq!(get(running.admin.unwrap(), "/readyz").await.status, 503);

    site.publish(&site.key_texts(first, 14));
    // Later than what was heard may be kept.
    site.clock.set(NOW + 2 * EPOCH_SECONDS + 7_200);
    until("the published ones are offered", async || {
        offered(&running).await == [first.0 + 2, first.0 + 3]
    })
    .await;
}

/// What is offered then is what clients accept, the epoch before their own; and not so late that it ceases to be while a relay
/// hands it out.
#[tokio::test]
async fn the_last_published_epoch_goes_on_for_a_stated_time() {
    let site = Site::new().await;
    let first = Epoch::at(NOW);
    site.publish(&site.key_texts(first, 1));
    let running = site.start().await;
    let admin = running.admin.unwrap();
    for (after, ready) in [(0, 200), (GRACE_SECONDS - 1, 200), (GRACE_SECONDS, 503)] {
        site.clock.set(first.end() + after);
        running.tended().await;
        let expected = if ready == 200 {
            vec![first.0]
        } else {
            Vec::new()
        };
        assert_eq!(offered(&running).await, expected, "{after}");
        for epoch in expected {
            let an_hour_later = Epoch::at(first.end() + after + 3_599);
            assert!(an_hour_later.0 - epoch <= 1, "clients refuse it: {after}");
        }
        assert_eq!(get(admin, "/readyz").await.status, ready, "{after}");
        let metrics = get(admin, "/metrics").await.content;
        let metrics = String::from_utf8(metrics.to_vec()).unwrap();
        assert!(metrics.contains("sotto_gateway_epochs_published 0"));
        let found = check_keys(&site.config, first.end() + after).await.unwrap();
        let over = (first, first.end() + GRACE_SECONDS);
        assert_eq!(found.over, (ready == 200).then_some(over), "{after}");
        assert_eq!(found.problem.is_some(), ready != 200, "{after}");
    }
    // An envelope to it opens.
    site.clock.set(first.end());
    running.tended().await;
    let (envelope, response) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    let answer = post(running.address, &envelope).await;
    assert_eq!(foreign::open(response, &answer.content).status, 200);
}

/// Other keys than ours for today are no gap in what is published: ours would be refused, however long yesterday's were.
#[tokio::test]
async fn yesterdays_keys_do_not_stand_in_for_todays_if_those_are_others() {
    let site = Site::new().await;
    let first = Epoch::at(NOW);
    let others: Vec<_> = site
        .key_texts(first.next(), 1)
        .into_iter()
        .map(|(owner, text)| {
            let (before, digest) = text.rsplit_once(':').unwrap();
            let other: String = digest.chars().rev().collect();
            (owner, format!("{before}:{other}"))
        })
        .collect();
    site.publish(&[site.key_texts(first, 1), others].concat());
    let running = site.start().await;
    assert_eq!(offered(&running).await, [first.0]);
    site.clock.set(first.end());
    until("nothing is offered", async || {
        offered(&running).await.is_empty()
    })
    .await;
}

/// A clock that is stepped and set right again: forward by a day, by twenty days, and back by one.
#[tokio::test]
async fn clock_steps_leave_the_keys_as_they_were() {
    let site = Site::new().await;
    let running = site.start().await;
    let first = Epoch::at(NOW).0;
    let today = [first, first + 1];
    for (step, while_wrong) in [
        (NOW + EPOCH_SECONDS, vec![first + 1, first + 2]),
        (NOW + 20 * EPOCH_SECONDS, Vec::new()),
        (NOW - EPOCH_SECONDS, vec![first]),
    ] {
        site.clock.set(step);
        running.tended().await;
        let offered_then = offered(&running).await;
        // The signatures of the scripted zone are not valid yet the day before.
        assert!(
            offered_then == while_wrong || step < NOW && offered_then.is_empty(),
            "{step}: {offered_then:?}"
        );
        site.clock.set(NOW + 60);
        until("today's are offered again", async || {
            offered(&running).await == today
        })
        .await;
        assert_eq!(stored(&site), first, "{step}: nothing was destroyed");
    }
    running.shutdown().await;

    // Stopped for twenty days, with nothing published meanwhile: it starts, offers nothing, and destroys nothing without --force.
    site.clock.set(NOW + 20 * EPOCH_SECONDS);
    let running = site.try_start(None).await.unwrap();
    running.tended().await;
    assert!(offered(&running).await.is_empty());
    site.clock.set(NOW + 20 * EPOCH_SECONDS + SETTLING_SECONDS);
    running.tended().await;
    assert_eq!(stored(&site), first);
    let file = StateFile::at(site.state());
    let reach = Epoch(first + 19);
    assert!(
        file.advance(reach, false)
            .unwrap_err()
            .to_string()
            .contains("--force")
    );
    assert_eq!(file.advance(reach, true).unwrap().epoch(), reach);
}

/// Clients that ask all the time, across midnight: none is refused, and whenever one looks, there is one key list or two that
/// follow one another.
#[tokio::test(flavor = "multi_thread")]
async fn midnight_under_load_costs_no_client_anything() {
    const CLIENTS: usize = 8;
    const EACH: usize = 4;
    let site = Site::new().await;
    site.clock.set(NOW + EPOCH_SECONDS - 1);
    let running = Arc::new(site.start().await);
    let first = Epoch::at(NOW).0;
    let (before, after) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let midnight = NOW + EPOCH_SECONDS;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (running, clock) = (Arc::clone(&running), site.clock.clone());
            let (before, after) = (Arc::clone(&before), Arc::clone(&after));
            tokio::spawn(async move {
                let mut late = 0;
                while late < EACH {
                    let is_late = clock.now() >= midnight;
                    let question = question("_mimi.alice.test.");
                    let (envelope, response) = foreign::seal(running.address, &question).await;
                    let answer = post(running.address, &envelope).await;
                    assert_eq!(answer.status, 200);
                    assert_eq!(foreign::open(response, &answer.content).status, 200);
                    let lists = offered(&running).await;
                    let good = [[first, first + 1], [first + 1, first + 2]];
                    assert!(good.iter().any(|good| lists == good), "{lists:?}");
                    late += usize::from(is_late);
                    let count = if is_late { &after } else { &before };
                    count.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    until("every client has asked before midnight", async || {
        before.load(Ordering::SeqCst) >= CLIENTS * EACH
    })
    .await;
    site.clock.set(midnight);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(after.load(Ordering::SeqCst), CLIENTS * EACH);
    until("the next day's are offered", async || {
        offered(&running).await == [first + 1, first + 2]
    })
    .await;
}

#[tokio::test]
async fn digests_of_other_keys_are_never_served() {
    let site = Site::new().await;
    let texts = site.key_texts(Epoch::at(NOW), 14);
    std::fs::remove_file(site.state()).unwrap();
    StateFile::at(site.state())
        .create(Epoch::at(NOW), [8; 32])
        .unwrap();
    site.publish(&texts);
    let running = site.try_start(None).await.unwrap();
    until("the DNS was asked", async || site.resolver.asked() >= 2).await;
    assert_eq!(get(running.address, path::GATEWAY_KEYS).await.status, 503);
}

#[tokio::test]
async fn somebody_elses_key_record_is_never_served() {
    let site = Site::new().await;
    let texts: Vec<_> = site
        .key_texts(Epoch::at(NOW), 14)
        .into_iter()
        .map(|(owner, text)| (owner, text.replace("operator.test", "other.test")))
        .collect();
    site.publish(&texts);
    let running = site.try_start(None).await.unwrap();
    until("the DNS was asked", async || site.resolver.asked() >= 2).await;
    assert_eq!(get(running.address, path::GATEWAY_KEYS).await.status, 503);
}

#[tokio::test]
async fn a_clock_that_jumps_destroys_no_keys() {
    let site = Site::new().await;
    let running = site.start().await;
    let first = Epoch::at(NOW).0;
    for days in [19, 400, 30_000] {
        site.clock.set(NOW + days * EPOCH_SECONDS);
        running.tended().await;
        assert!(
            stored(&site) <= first + 13,
            "{days} days: at most to what the DNS carries"
        );
    }
    running.shutdown().await;

    let site = Site::new().await;
    let running = site.start().await;
    site.clock.set(NOW + 400 * EPOCH_SECONDS);
    until("nothing is offered", async || {
        offered(&running).await.is_empty()
    })
    .await;
    assert!(stored(&site) <= first + 13);
}

/// Who gets the state file could open what was sealed to past keys, so the operator has to know; clients are served on.
#[tokio::test]
async fn past_keys_that_cannot_be_destroyed_are_told_and_do_not_stop_the_service() {
    let site = Site::new().await;
    let running = site.start().await;
    let first = Epoch::at(NOW).0;
    let admin = running.admin.unwrap();
    let kept = async || {
        let metrics = get(admin, "/metrics").await.content;
        let metrics = String::from_utf8(metrics.to_vec()).unwrap();
        let line = metrics
            .lines()
            .find(|line| line.starts_with("sotto_gateway_past_keys_kept"));
        line.unwrap().ends_with(" 1")
    };
    running.tended().await;
    assert!(!kept().await);

    // Nobody writes to a directory as to a file, not even root.
    let mut new = site.state().into_os_string();
    new.push(".new");
    std::fs::create_dir(&new).unwrap();
    site.clock.set(NOW + 3 * EPOCH_SECONDS);
    running.tended().await;
    site.clock.set(NOW + 3 * EPOCH_SECONDS + SETTLING_SECONDS);
    running.tended().await;
    assert_eq!(stored(&site), first, "nothing could be destroyed");
    assert!(kept().await);
    assert_eq!(get(admin, "/readyz").await.status, 200);
    assert_eq!(offered(&running).await, [first + 3, first + 4]);

    std::fs::remove_dir(&new).unwrap();
    running.tended().await;
    assert_eq!(stored(&site), first + 2);
    assert!(!kept().await);
}

#[tokio::test]
async fn the_document_is_renewed_before_its_proof_expires() {
    let site = Site::new().await;
    let running = site.start().await;
    let before = get(running.address, path::GATEWAY_KEYS).await.content;
    let asked = site.resolver.asked();

    site.clock.set(NOW + 1_800);
    running.tended().await;
    assert_eq!(
        site.resolver.asked(),
        asked,
        "within its TTL the DNS is left alone"
    );

    site.clock.set(NOW + 4_000);
    site.publish(&site.key_texts(Epoch::at(NOW), 14));
    until("the DNS is asked again", async || {
        site.resolver.asked() > asked
    })
    .await;
    until("the document is another", async || {
        get(running.address, path::GATEWAY_KEYS).await.content != before
    })
    .await;
}

#[tokio::test]
async fn a_proof_that_has_expired_is_not_handed_out() {
    let site = Site::new().await;
    site.publish_for(&site.key_texts(Epoch::at(NOW), 14), 1);
    let running = site.start().await;
    site.resolver.behave(Manner::Silent);
    site.clock.set(NOW + EPOCH_SECONDS - 60);
    running.tended().await;
    assert!(!offered(&running).await.is_empty(), "not yet");

    site.clock.set(NOW + EPOCH_SECONDS + 60);
    until("nothing is offered", async || {
        offered(&running).await.is_empty()
    })
    .await;

    site.resolver.behave(Manner::Honest);
    site.publish(&site.key_texts(Epoch::at(NOW), 14));
    site.clock.set(NOW + EPOCH_SECONDS + 120);
    let next = Epoch::at(NOW).next().0;
    until("the next day's lists are offered", async || {
        offered(&running).await == [next, next + 1]
    })
    .await;
}

#[tokio::test]
async fn a_wildcard_does_not_vouch_for_keys() {
    let site = Site::new().await;
    let texts: Vec<_> = site
        .key_texts(Epoch::at(NOW), 14)
        .into_iter()
        .map(|(_, text)| ("*.gateway.test.".to_owned(), text))
        .collect();
    site.publish(&texts);
    let found = check_keys(&site.config, NOW).await.unwrap();
    assert!(found.problem.is_some());
    assert_eq!(found.epochs_published, 0);
}

/// Clients follow no alias to keys, so the gateway must not take one for good.
#[tokio::test]
async fn an_alias_does_not_vouch_for_keys() {
    let site = Site::new().await;
    let elsewhere = "keys.elsewhere.test.";
    let mut texts: Vec<_> = site
        .key_texts(Epoch::at(NOW), 14)
        .into_iter()
        .map(|(_, text)| (elsewhere.to_owned(), text))
        .collect();
    let owner = KeyRecord::owner_name(HOST);
    texts.push((owner, format!("{ALIAS_TO}{elsewhere}")));
    site.publish(&texts);
    let found = check_keys(&site.config, NOW).await.unwrap();
    let problem = found.problem.unwrap().to_string();
    assert!(problem.contains("alias that leads to"), "{problem}");
    assert_eq!(found.epochs_published, 0);
}

#[tokio::test]
async fn a_check_tells_how_far_the_dns_vouches() {
    let site = Site::new().await;
    let first = Epoch::at(NOW);
    let found = check_keys(&site.config, NOW).await.unwrap();
    assert!(found.problem.is_none(), "{:?}", found.problem);
    assert_eq!(found.epochs_published, 14);
    let found = check_keys(&site.config, first.plus(10).start())
        .await
        .unwrap();
    assert_eq!(found.epochs_published, 4);
    assert_eq!(stored(&site), first.0, "a check changes nothing");

    let with_a_gap = [site.key_texts(first, 2), site.key_texts(first.plus(3), 5)].concat();
    site.publish(&with_a_gap);
    let found = check_keys(&site.config, NOW).await.unwrap();
    assert_eq!(found.epochs_published, 2);

    let cases = [
        (Vec::new(), "keys publish"),
        (
            texts(&site, |text| text.replace("operator.test", "other.test")),
            "other.test",
        ),
        (
            texts(&site, |text| text.replace("d=", "d=x")),
            "cannot be used",
        ),
        (
            [site.key_texts(first, 1), others(&site)].concat(),
            "two digests",
        ),
        (others(&site), "another digest"),
    ];
    for (published, told) in cases {
        site.publish(&published);
        let problem = check_keys(&site.config, NOW).await.unwrap().problem;
        let problem = problem.expect(told).to_string();
        assert!(problem.contains(told), "{told:?} is not in {problem:?}");
    }
    site.resolver.behave(Manner::Strips);
    let problem = check_keys(&site.config, NOW)
        .await
        .unwrap()
        .problem
        .unwrap();
    assert!(problem.to_string().contains("does not verify"), "{problem}");
}

/// The key records, altered.
fn texts(site: &Site, alter: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let texts = site.key_texts(Epoch::at(NOW), 14).into_iter();
    texts.map(|(owner, text)| (owner, alter(&text))).collect()
}

/// The key records of other keys.
fn others(site: &Site) -> Vec<(String, String)> {
    texts(site, |text| {
        let (before, digest) = text.rsplit_once(':').unwrap();
        format!("{before}:{}", digest.chars().rev().collect::<String>())
    })
}

#[tokio::test]
async fn a_restart_keeps_the_keys() {
    let site = Site::new().await;
    let running = site.start().await;
    let before = get(running.address, path::GATEWAY).await.content;
    let (envelope, response) = foreign::seal(running.address, &question("_mimi.alice.test.")).await;
    // Dropped, not shut down: as if it had been killed.
    drop(running);
    let running = site.start().await;
    assert_eq!(get(running.address, path::GATEWAY).await.content, before);
    let answer = post(running.address, &envelope).await;
    assert_eq!(foreign::open(response, &answer.content).status, 200);
}
