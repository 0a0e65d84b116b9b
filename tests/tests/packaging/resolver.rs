//! Unbound with the settings of the guide, before the zones of the test world: proofs come through it whole, and what it
//! knows not to exist it does not ask for again.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use sotto_tests::{Hierarchy, sotto};
use tempfile::TempDir;

use super::{run, said, server, text};

/// How long Unbound may take to answer: so many attempts, and the pause between.
const ATTEMPTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// An Unbound of our own: that of the hierarchy, with the settings of the guide over its own.
struct Unbound {
    process: Child,
    address: String,
    folder: TempDir,
}

impl Unbound {
    fn start(hierarchy: &Hierarchy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let theirs = hierarchy.anchor().parent().unwrap();
        fs::copy(hierarchy.anchor(), folder.path().join("root.ds")).unwrap();
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let settings: String = text("packaging/unbound/sotto.conf")
            .lines()
            .filter(|line| !line.trim().starts_with("interface:"))
            .map(|line| format!("{line}\n"))
            .collect();
        let config = fs::read_to_string(theirs.join("unbound.conf"))
            .unwrap()
            .replace(theirs.to_str().unwrap(), folder.path().to_str().unwrap())
            .replace(
                &hierarchy.resolver().port().to_string(),
                &address.port().to_string(),
            );
        let file = folder.path().join("unbound.conf");
        // The settings come last, so that they count where both say something.
        let config = format!("{config}{settings}\n    extended-statistics: yes\n");
        fs::write(&file, config).unwrap();
        let process = Command::new("setpriv")
            // It ends with this process, however that ends.
            .args(["--pdeathsig", "KILL", "/usr/sbin/unbound", "-d", "-c"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv is installed: it is of util-linux");
        Self {
            process,
            address: address.to_string(),
            folder,
        }
    }

    /// Has the gateway gather a proof; false if it could not.
    fn proves(&self, name: &str, proof: &Path) -> bool {
        let proof = proof.to_str().unwrap();
        let arguments = [
            "prove",
            name,
            "TXT",
            "--resolver",
            &self.address,
            "-o",
            proof,
        ];
        run(&server("gateway"), "", &arguments).status.success()
    }

    /// How many answers were told from NSEC records at hand.
    fn denied_by_itself(&self) -> u64 {
        let config = self.folder.path().join("unbound.conf");
        let arguments = ["-c", config.to_str().unwrap(), "stats_noreset"];
        let stats = said(&run("unbound-control", "unbound", &arguments));
        let count = |line: &str| {
            let (name, count) = line.split_once('=')?;
            let is_meant = name == "num.query.aggressive.NXDOMAIN";
            is_meant.then(|| count.parse().unwrap())
        };
        stats.lines().find_map(count).expect(&stats)
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        // A process that cannot be killed has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn proofs_come_whole_through_a_resolver_set_as_the_guide_says() {
    let hierarchy = Hierarchy::shared().unwrap();
    let unbound = Unbound::start(hierarchy);
    let proof = unbound.folder.path().join("proof");
    // The key record: fourteen RRs, so over TCP, as a gateway's own.
    let key_record = "_ohttp-keys.gateway.test";
    let is_up = (0..ATTEMPTS).any(|_| {
        thread::sleep(PAUSE);
        unbound.proves(key_record, &proof)
    });
    assert!(is_up, "Unbound gives no proof of {key_record}");

    let verdict = |name: &str| {
        let (proof, anchor) = (proof.to_str().unwrap(), hierarchy.anchor());
        let anchor = anchor.to_str().unwrap();
        let arguments = [
            "verify", proof, "--name", name, "--type", "TXT", "--anchor", anchor,
        ];
        sotto::run(&arguments).unwrap()
    };
    let ran = verdict(key_record);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let before = unbound.denied_by_itself();
    // Both lie in one gap of a zone with NSEC: the first is asked for, the second is known.
    for name in ["_mimi.nobody.nsec.test", "_mimi.nobody-else.nsec.test"] {
        assert!(unbound.proves(name, &proof), "{name}");
        let ran = verdict(name);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        assert!(
            ran.stdout.starts_with("nxdomain: "),
            "{name}: {}",
            ran.stdout
        );
    }
    assert!(
        unbound.denied_by_itself() > before,
        "nothing was denied from NSEC records at hand"
    );
}
