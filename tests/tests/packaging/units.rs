//! The files that operators install, before the tools that read them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{ROLES, root, run, said, server, text};

const UNITS: [&str; 4] = [
    "sotto-gateway.service",
    "sotto-relay.service",
    "sotto-gateway-keys.service",
    "sotto-gateway-keys.timer",
];

/// The drop-in that all of them share, by the name of its folder.
const SANDBOX: &str = "sotto-.service.d";

/// The units as systemd would find them, with the programs where the build left them.
struct Installed(TempDir);

impl Installed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let units = folder.path().join("etc/systemd/system");
        fs::create_dir_all(units.join(SANDBOX)).unwrap();
        for unit in UNITS {
            let unit_text = text(&format!("packaging/systemd/{unit}"))
                .replace("/usr/bin/sotto-gateway", &server("gateway"))
                .replace("/usr/bin/sotto-relay", &server("relay"));
            fs::write(units.join(unit), unit_text).unwrap();
        }
        let sandbox = text(&format!("packaging/systemd/{SANDBOX}/sandbox.conf"));
        fs::write(units.join(SANDBOX).join("sandbox.conf"), sandbox).unwrap();
        Self(folder)
    }

    fn write(&self, unit: &str, unit_text: &str) {
        let units = self.0.path().join("etc/systemd/system");
        fs::write(units.join(unit), unit_text).unwrap();
    }

    /// What systemd has against a unit.
    fn complaints(&self, unit: &str) -> String {
        let path = self.0.path().join("etc/systemd/system").join(unit);
        let arguments = ["verify", "--man=no", path.to_str().unwrap()];
        let output = run("systemd-analyze", "systemd", &arguments);
        let mut complaints = said(&output);
        if !output.status.success() {
            complaints += &output.status.to_string();
        }
        complaints
    }

    /// Whether systemd rates the exposure of a unit at 2 of 10 at most, and what it says.
    fn is_tight(&self, unit: &str) -> (bool, String) {
        let place = format!("--root={}", self.0.path().display());
        let output = run(
            "systemd-analyze",
            "systemd",
            &[
                "security",
                "--offline=true",
                "--threshold=20",
                "--no-pager",
                &place,
                unit,
            ],
        );
        (output.status.success(), said(&output))
    }
}

#[test]
fn systemd_has_nothing_against_a_unit() {
    let installed = Installed::new();
    for unit in UNITS {
        assert_eq!(installed.complaints(unit), "", "{unit}");
    }
    let unit = "[Service]\nExecStart=/no/such/program\nProtectEverything=yes\n";
    installed.write("sotto-wrong.service", unit);
    let complaints = installed.complaints("sotto-wrong.service");
    assert!(complaints.contains("ProtectEverything"), "{complaints}");
    assert!(complaints.contains("/no/such/program"), "{complaints}");
}

#[test]
fn the_sandbox_holds_for_every_service() {
    let installed = Installed::new();
    for unit in UNITS.iter().filter(|unit| unit.ends_with(".service")) {
        let (is_tight, said) = installed.is_tight(unit);
        assert!(is_tight, "{unit}: {said}");
    }
    installed.write("other.service", "[Service]\nExecStart=/bin/true\n");
    let (is_tight, said) = installed.is_tight("other.service");
    assert!(!is_tight, "{said}");
}

#[test]
fn what_a_unit_runs_is_a_command() {
    let mut count = 0;
    for unit in UNITS {
        for line in text(&format!("packaging/systemd/{unit}")).lines() {
            let Some(("ExecStart" | "ExecStartPre", command)) = line.split_once('=') else {
                continue;
            };
            let mut words = command.split(' ');
            let role = words
                .next()
                .unwrap()
                .strip_prefix("/usr/bin/sotto-")
                .unwrap();
            // The values of its own environment file, which the guide has operators write.
            let words: Vec<String> = words
                .map(|word| word.replace("${SERVER}", "127.0.0.1:53"))
                .map(|word| word.replace("${ZONE}", "example.net"))
                .collect();
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            assert!(
                words.contains(&format!("/etc/sotto/{role}.toml").as_str()),
                "{unit}"
            );
            words.push("--help");
            let output = run(&server(role), "", &words);
            assert!(output.status.success(), "{unit}: {}", said(&output));
            count += 1;
        }
    }
    assert_eq!(count, 5);
}

#[test]
fn systemd_makes_the_users_that_the_units_name() {
    let file = root().join("packaging/systemd/sotto-users.conf");
    let folder = tempfile::tempdir().unwrap();
    let place = format!("--root={}", folder.path().display());
    let arguments = ["--dry-run", &place, file.to_str().unwrap()];
    let output = run("systemd-sysusers", "systemd", &arguments);
    assert!(output.status.success(), "{}", said(&output));
    let users = text("packaging/systemd/sotto-users.conf");
    for unit in UNITS.iter().filter(|unit| unit.ends_with(".service")) {
        let unit_text = text(&format!("packaging/systemd/{unit}"));
        let user = unit_text
            .lines()
            .find_map(|line| line.strip_prefix("User="))
            .unwrap();
        assert!(users.contains(&format!("\nu {user} - ")), "{unit}: {user}");
    }
}

#[test]
fn unbound_takes_its_settings() {
    let file = root().join("packaging/unbound/sotto.conf");
    let output = run("unbound-checkconf", "unbound", &[file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let option = |name: &str| {
        let output = run(
            "unbound-checkconf",
            "unbound",
            &["-o", name, file.to_str().unwrap()],
        );
        said(&output).trim().to_owned()
    };
    for (name, value) in [
        ("module-config", "validator iterator"),
        ("qname-minimisation", "yes"),
        ("aggressive-nsec", "yes"),
        ("serve-expired", "no"),
        ("log-queries", "no"),
    ] {
        assert_eq!(option(name), value, "{name}");
    }
}

#[test]
fn the_shell_reads_the_deploy_hook() {
    let hook = root().join("packaging/certbot/sotto-deploy-hook");
    let output = run("sh", "dash", &["-n", hook.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    // Called by hand, and not by certbot, it says what it misses.
    let output = run("sh", "dash", &[hook.to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(said(&output).contains("RENEWED_LINEAGE"));
}

#[test]
fn an_image_has_one_program_and_no_privileges() {
    let file = text("packaging/Containerfile");
    let stages: Vec<&str> = file.split("\nFROM ").skip(1).collect();
    let stage = |name: &str| {
        let end = format!(" AS {name}");
        let found = stages
            .iter()
            .find(|stage| stage.lines().next().unwrap().ends_with(&end));
        *found.unwrap_or_else(|| panic!("no stage {name}"))
    };
    for role in ROLES {
        let image = stage(role);
        let program = format!("/usr/bin/sotto-{role}");
        assert_eq!(image.matches("\nCOPY ").count(), 1, "{image}");
        assert!(
            image.contains(&format!(
                "\nCOPY --from=build-{role} /src/target/release/sotto-{role} {program}\n"
            )),
            "{image}"
        );
        assert!(image.contains("\nUSER 65532:65532\n"), "{image}");
        assert!(
            image.contains(&format!("\nENTRYPOINT [\"{program}\"]\n")),
            "{image}"
        );
        assert!(
            image.contains(&format!("\"/etc/sotto/{role}.toml\"")),
            "{image}"
        );
        let build = stage(&format!("build-{role}"));
        assert!(
            build.contains(&format!("--package sotto-{role} --bin sotto-{role}")),
            "{build}"
        );
    }
    // What a manifest asks for is what builds.
    let manifest = text("Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    assert!(
        file.contains(&format!("/rust:{version}-")),
        "not Rust {version}"
    );
    assert!(Path::new(&root().join("packaging/Containerfile.dockerignore")).is_file());
}
