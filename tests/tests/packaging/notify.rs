//! Both servers tell systemd what their units say they do.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::sandbox::{GATEWAY, RELAY};
use super::{Machine, run, server, text};

/// How long a server may take to say the next thing.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The next message that is no sign of life.
fn news(systemd: &UnixDatagram) -> String {
    loop {
        let message = received(systemd);
        if message != "WATCHDOG=1" {
            return message;
        }
    }
}

fn received(systemd: &UnixDatagram) -> String {
    let mut buffer = [0; 4_096];
    let octets = systemd.recv(&mut buffer).expect("the server says more");
    String::from_utf8(buffer[..octets].to_vec()).unwrap()
}

#[test]
fn systemd_is_told_of_start_reload_life_and_end() {
    for (role, config) in [("gateway", GATEWAY), ("relay", RELAY)] {
        let unit = text(&format!("packaging/systemd/sotto-{role}.service"));
        assert!(unit.contains("\nType=notify\n"), "{unit}");
        assert!(unit.contains("\nWatchdogSec="), "{unit}");

        let machine = Machine::of(role, config);
        let path = machine.folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = Command::new(server(role))
            .args(["serve", "--config", &machine.config])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "100000")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut process = Process(child);
        let id = process.0.id().to_string();
        let signal = |signal: &str| assert!(run("kill", "procps", &[signal, &id]).status.success());

        // Nobody answers it, so it is not ready for traffic; it has started all the same.
        let started = loop {
            let message = news(&systemd);
            if message.contains("READY=1") {
                break message;
            }
        };
        assert!(started.contains("STATUS=not ready"), "{role}: {started}");
        while received(&systemd) != "WATCHDOG=1" {}

        signal("-HUP");
        let reloading = loop {
            let message = news(&systemd);
            if message.contains("RELOADING=1") {
                break message;
            }
        };
        assert!(reloading.contains("MONOTONIC_USEC="), "{role}: {reloading}");
        assert!(news(&systemd).contains("READY=1"), "{role}");

        signal("-TERM");
        while !news(&systemd).contains("STOPPING=1") {}
        assert!(process.0.wait().unwrap().success(), "{role}");
    }
}
