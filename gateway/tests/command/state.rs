//! The key state and SIGKILL.

use std::{fs, os::unix::process::ExitStatusExt, process::Stdio};

use sotto_daemon::clock;
use sotto_envelope::Epoch;
use sotto_gateway::keys::StateFile;
use sotto_wire::path;

use crate::{
    machine::{Machine, text},
    support::http::get,
};

/// Kills that have to fall at each stage of a replacement.
const KILLS: usize = 20;

/// Runs among which those should be; as a rule every one is killed where it is meant to be.
const ATTEMPTS: usize = 1_000;

/// Where a replacement is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// While the successor is written, or waits to take its place.
    Written,
    /// When it has just taken its place.
    Renamed,
}

#[test]
fn a_replacement_that_is_killed_leaves_one_whole_state() {
    let machine = Machine::new();
    let (state, new) = (machine.path("state"), machine.path("state.new"));
    let first = Epoch(Epoch::at(clock::now()).0 - 20);
    let file = StateFile::at(&state);
    let advance = ["keys", "advance", "--force"];
    for stage in [Stage::Written, Stage::Renamed] {
        let mut kills = 0;
        for _ in 0..ATTEMPTS {
            if state.exists() {
                fs::remove_file(&state).unwrap();
            }
            let original = file.create(first, [7; 32]).unwrap();
            let mut child = machine
                .command(&advance)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lives = || child.try_wait().unwrap().is_none();
            while !new.exists() && lives() {}
            while stage == Stage::Renamed && new.exists() && lives() {}
            // SIGKILL. One that has ended is none the worse for it.
            let _ = child.kill();
            let killed = child.wait().unwrap().signal().is_some();

            let left = file.load().unwrap();
            let is_old = left.epoch() == first;
            assert!(
                is_old || left.epoch() >= first.plus(19),
                "neither old nor new"
            );
            let last = first.plus(21);
            assert_eq!(
                left.keys(last).unwrap().list(),
                original.keys(last).unwrap().list()
            );
            kills += usize::from(match stage {
                Stage::Written => killed && is_old && new.exists(),
                Stage::Renamed => killed && !is_old,
            });
            if kills == KILLS {
                break;
            }
        }
        assert_eq!(kills, KILLS, "{stage:?}, of {ATTEMPTS} attempts");
        let finished = machine.run(&advance);
        assert!(finished.status.success(), "{}", text(&finished.stderr));
        assert!(file.load().unwrap().epoch() > first && !new.exists());
    }
}

#[tokio::test]
async fn a_process_that_is_killed_comes_back_with_its_keys() {
    let machine = Machine::new();
    let refused = machine.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("keys init"),
        "{}",
        text(&refused.stderr)
    );

    machine.run(&["keys", "init"]);
    let ratchet = StateFile::at(machine.0.path().join("state"))
        .load()
        .unwrap();
    // Midnight may pass while this runs.
    let lists = [ratchet.epoch(), ratchet.epoch().next()]
        .map(|epoch| ratchet.keys(epoch).unwrap().list().to_vec());
    for _ in 0..2 {
        let (serving, address) = machine.serve();
        let served = get(address, path::GATEWAY).await;
        assert_eq!(served.status, 200);
        assert!(lists.contains(&served.content.to_vec()));
        // SIGKILL.
        drop(serving);
    }
}
