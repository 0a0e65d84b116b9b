//! The key state and SIGKILL.

use std::process::Stdio;

use sotto_daemon::clock;
use sotto_envelope::Epoch;
use sotto_gateway::keys::StateFile;
use sotto_wire::path;

use crate::{
    machine::{Machine, text},
    support::http::get,
};

/// Kills that have to fall while the successor is being written or waits for its turn.
const HALFWAY: usize = 5;

/// Kills after which those should have been among them; usually the tenth part suffices.
const ATTEMPTS: usize = 400;

#[test]
fn a_replacement_that_is_killed_halfway_leaves_one_whole_state() {
    let machine = Machine::new();
    let (state, new) = (machine.path("state"), machine.path("state.new"));
    let first = Epoch(Epoch::at(clock::now()).0 - 20);
    let file = StateFile::at(&state);
    let advance = ["keys", "advance", "--force"];
    let mut halfway = 0;
    for _ in 0..ATTEMPTS {
        if state.exists() {
            std::fs::remove_file(&state).unwrap();
        }
        let original = file.create(first, [7; 32]).unwrap();
        let mut child = machine
            .command(&advance)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !new.exists() && child.try_wait().unwrap().is_none() {}
        // SIGKILL. One that has ended is none the worse for it.
        let _ = child.kill();
        child.wait().unwrap();
        halfway += usize::from(new.exists());

        let left = file.load().unwrap();
        let last = first.plus(21);
        assert!(
            left.epoch() == first || left.epoch() >= first.plus(19),
            "neither the old state nor the new one"
        );
        assert_eq!(
            left.keys(last).unwrap().list(),
            original.keys(last).unwrap().list()
        );
        if halfway == HALFWAY {
            break;
        }
    }
    assert_eq!(halfway, HALFWAY, "of {ATTEMPTS} kills");
    let finished = machine.run(&advance);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    assert!(file.load().unwrap().epoch() > first && !new.exists());
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
