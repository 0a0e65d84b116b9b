//! What keeps a gateway from starting, and how it says so.

use std::{fs, os::unix::fs::PermissionsExt};

use sotto_wire::EPOCH_SECONDS;

use crate::support::{NOW, Site, write_token};

async fn refusal(site: &Site) -> String {
    match site.try_start(None).await {
        Ok(_) => panic!("the gateway started"),
        Err(error) => error.to_string(),
    }
}

fn assert_tells(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
}

#[tokio::test]
async fn a_state_file_that_cannot_be_used_is_named() {
    let site = Site::new().await;
    let good = fs::read(site.state()).unwrap();
    let mut altered = good.clone();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == b'0' { b'1' } else { b'0' };
    for content in [&altered[..], &good[..good.len() / 2], b"", b"\xff\xfe"] {
        fs::write(site.state(), content).unwrap();
        assert_tells(
            &refusal(&site).await,
            &["state does not hold a key state", "join another instance"],
        );
    }
    fs::write(site.state(), &good).unwrap();
    fs::set_permissions(site.state(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_tells(&refusal(&site).await, &["mode 644", "chmod 600"]);
    fs::remove_file(site.state()).unwrap();
    assert_tells(&refusal(&site).await, &["no key state", "keys init"]);
}

/// Past keys could never be destroyed.
#[tokio::test]
async fn a_state_file_that_cannot_be_replaced_is_named() {
    let site = Site::new().await;
    let mut new = site.state().into_os_string();
    new.push(".new");
    fs::create_dir(&new).unwrap();
    assert_tells(
        &refusal(&site).await,
        &["past keys cannot be destroyed", "state", "directory"],
    );
    fs::remove_dir(&new).unwrap();
    drop(site.start().await);
}

#[tokio::test]
async fn a_clock_out_of_reach_is_named() {
    let site = Site::new().await;
    for now in [NOW - 3 * EPOCH_SECONDS, NOW + 60 * EPOCH_SECONDS, 0] {
        site.clock.set(now);
        assert_tells(
            &refusal(&site).await,
            &["check the clock", "keys advance --force"],
        );
    }
}

#[tokio::test]
async fn files_that_are_missing_or_wrong_are_named() {
    let site = Site::new().await;
    write_token(&site.directory.path().join("token"), "short");
    assert_tells(
        &refusal(&site).await,
        &["relay-one", "token", "openssl rand"],
    );
    fs::set_permissions(
        site.directory.path().join("token"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    assert_tells(
        &refusal(&site).await,
        &["relay-one", "mode 640", "chmod 600"],
    );
    fs::remove_file(site.directory.path().join("token")).unwrap();
    assert_tells(
        &refusal(&site).await,
        &["relay-one", "token_file", "cannot be read", "openssl rand"],
    );

    let site = Site::new().await;
    fs::write(site.directory.path().join("anchor"), "nonsense").unwrap();
    assert_tells(&refusal(&site).await, &["dns.anchor", "anchor"]);
    fs::remove_file(site.directory.path().join("anchor")).unwrap();
    assert_tells(&refusal(&site).await, &["dns.anchor", "cannot read"]);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let mut site = Site::new().await;
    let running = site.start().await;
    site.config.listen.address = running.address;
    assert_tells(
        &refusal(&site).await,
        &["`listen`: `address`", &running.address.to_string()],
    );
}
