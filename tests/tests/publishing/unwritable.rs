//! `sotto record publish` whose output has nowhere to go.

use std::fs::File;
use std::process::{Command, Stdio};

use sotto_tests::binaries;
use sotto_tests::primary::{Kind, Manual, Primary, ZONE};

use crate::page::Page;

/// What a dry run finds is printed at once, so that it stops as soon as that fails.
#[test]
fn a_dry_run_behind_which_the_disk_is_full_says_so() {
    let page = Page::read("docs/publishing/updates.md");
    let manual = Manual {
        commands: page.fence("sh knot"),
        config: page.fence("yaml knot") + "\n",
    };
    let primary = Primary::start(Kind::Knot, &manual).unwrap();
    let home = tempfile::tempdir().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(binaries::find("sotto").unwrap())
        .args(["record", "publish", &format!("hugh@{ZONE}"), "--opt-out"])
        .args(["--server", &primary.address().to_string(), "--zone", ZONE])
        .arg("--tsig")
        .arg(primary.good_key())
        .arg("--dry-run")
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("error: standard output cannot be written: ")
            && errors.contains("\n  try: see where it goes"),
        "{errors}"
    );
}
