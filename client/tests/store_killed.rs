//! A process that writes its store and is killed, again and again: whatever it said was written is
//! there, and the file is always whole.
//!
//! Without the test harness, since the process that is killed is this program itself.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sotto_client::{KeySighting, Store};

/// How often the writer is killed.
const ROUNDS: u64 = 40;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    if let [_, word, path, first] = &arguments[..]
        && word == "write-until-killed"
    {
        write(Path::new(path), first.parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut written = 0;
    for round in 0..ROUNDS {
        // From before the file is opened to after some writes.
        let patience = Duration::from_micros(round * round * 40);
        // Every other time it is left alone until it has written, however slow the machine is.
        let said = kill_after(&path, written + 1, round % 2 == 1, patience);
        let store = Store::open(&path).expect("the file is whole");
        let held = newest(&store);
        assert!(
            held >= said && held >= written,
            "round {round}: {held} is there, {said} was said to be"
        );
        assert!(
            held <= said.max(written) + 1,
            "at most the last was not told"
        );
        written = held;
    }
    assert!(written >= ROUNDS / 2, "{written}");
    eprintln!("killed {ROUNDS} times, {written} writes, none lost");
}

/// Writes one number after the other to the store, and says so after each.
fn write(path: &Path, first: u64) -> ! {
    let store = Store::open(path).unwrap();
    let mut out = std::io::stdout();
    for number in first.. {
        store.note_keys(&[KeySighting {
            gateway: "gateway.test".to_owned(),
            relay: "x".repeat(1 + number as usize % 200),
            epoch: number,
            digest: [0; 32],
            at: 1_790_000_000,
        }]);
        store.flush().unwrap();
        writeln!(out, "{number}").unwrap();
        out.flush().unwrap();
    }
    unreachable!("there are more numbers than time");
}

/// Starts a writer, kills it after `patience`, counted from its first word or from its start, and returns the last that it
/// said.
fn kill_after(path: &Path, first: u64, from_first_word: bool, patience: Duration) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["write-until-killed".as_ref(), path.as_os_str()])
        .arg(first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first_word = from_first_word.then(|| lines.next().unwrap().unwrap());
    std::thread::sleep(patience);
    child.kill().unwrap();
    child.wait().unwrap();
    first_word
        .into_iter()
        .chain(lines.map_while(Result::ok))
        .filter_map(|line| line.parse().ok())
        .last()
        .unwrap_or(0)
}

fn newest(store: &Store) -> u64 {
    let keys = store.contents().keys;
    keys.iter().map(|seen| seen.epoch).max().unwrap_or(0)
}
