//! Zone files made and signed.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::tools::run;
use crate::zones::{CURRENT, Denial, Keys, Signing, Validity, Zone};

/// Where the content of the zones is.
const CONTENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/zones");

/// The signed zones.
pub(crate) struct Signed {
    /// The content of each zone file, by origin.
    pub(crate) zones: HashMap<&'static str, String>,
    /// DS lines of the root's key-signing key.
    pub(crate) root_ds: String,
    /// The DNSKEY line of that key.
    pub(crate) root_key: String,
}

/// Signs every zone around `now`, in Unix seconds, with fresh keys. `additions` are further lines, by origin.
pub(crate) fn sign_all(now: u64, additions: &HashMap<&str, String>) -> Result<Signed> {
    let scratch = tempfile::tempdir().context("no temporary directory")?;
    let mut ds: HashMap<&'static str, String> = HashMap::new();
    let mut zones = HashMap::new();
    let mut root_key = String::new();
    for zone in Zone::bottom_up() {
        let directory = scratch.path().join(zone.file_name());
        fs::create_dir(&directory)?;
        let mut text = content(zone, additions.get(zone.origin).map_or("", String::as_str))?;
        for child in zone.children() {
            let server = child.name_server();
            writeln!(text, "{} NS {server}\n{server} A 127.0.0.1", child.origin)?;
            text += ds.get(child.origin).map_or("", String::as_str);
        }
        fs::write(directory.join("zone"), text)?;
        let key = sign(zone, &directory, now)
            .with_context(|| format!("zone {} cannot be signed", zone.origin))?;
        if let Some(key) = key {
            let lines = run("dnssec-dsfromkey", &directory, ["-2", key.as_str()])?;
            ds.insert(zone.origin, lines);
            if zone.origin == "." {
                root_key = fs::read_to_string(directory.join(format!("{key}.key")))?;
            }
        }
        zones.insert(zone.origin, fs::read_to_string(directory.join("signed"))?);
    }
    let root_ds = ds.remove(".").context("the root has no key")?;
    let root_key = root_key
        .lines()
        .filter(|line| !line.starts_with(';'))
        .collect();
    Ok(Signed {
        zones,
        root_ds,
        root_key,
    })
}

/// Apex and content, still without delegations.
fn content(zone: &Zone, addition: &str) -> Result<String> {
    let Zone { origin, .. } = zone;
    let server = zone.name_server();
    let path = Path::new(CONTENT).join(zone.file_name());
    let records = if path.exists() {
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?
    } else {
        String::new()
    };
    Ok(format!(
        "$ORIGIN {origin}\n$TTL 300\n\
         @ SOA {server} hostmaster.{server} 1 3600 900 1209600 300\n\
         @ NS {server}\n{server} A 127.0.0.1\n{records}\n{addition}\n"
    ))
}

/// Signs the file `zone` in `directory` into `signed`; gives the base name of the key that the parent vouches for.
fn sign(zone: &Zone, directory: &Path, now: u64) -> Result<Option<String>> {
    match zone.signing {
        Signing::None => {
            fs::copy(directory.join("zone"), directory.join("signed"))?;
            Ok(None)
        }
        Signing::Bind {
            algorithm,
            denial,
            validity,
            keys,
        } => {
            let key = generate(zone, directory, algorithm, &["-f", "KSK"])?;
            let mut arguments = vec!["-o", zone.origin, "-f", "signed", "-K", ".", "-S", "-q"];
            match keys {
                Keys::Combined => arguments.push("-z"),
                Keys::Split => {
                    generate(zone, directory, algorithm, &[])?;
                    arguments.push("-x");
                }
            }
            match denial {
                Denial::Nsec => {}
                Denial::Nsec3 => arguments.extend(["-3", "-", "-H", "0"]),
                Denial::OptOut => arguments.extend(["-3", "-", "-H", "0", "-A"]),
            }
            let (from, until) = validity.as_dates(now)?;
            // Verification after signing is by the present, which an expired zone cannot pass.
            arguments.extend(["-P", "-s", &from, "-e", &until, "zone"]);
            run("dnssec-signzone", directory, arguments)?;
            Ok(Some(key))
        }
        Signing::Ldns => {
            let key = generate(zone, directory, "ECDSAP256SHA256", &["-f", "KSK"])?;
            let (from, until) = CURRENT.as_dates(now)?;
            let arguments = [
                "-o",
                zone.origin,
                "-f",
                "signed",
                "-i",
                &from,
                "-e",
                &until,
                "zone",
                &key,
            ];
            run("ldns-signzone", directory, arguments)?;
            Ok(Some(key))
        }
    }
}

fn generate(zone: &Zone, directory: &Path, algorithm: &str, flags: &[&str]) -> Result<String> {
    let mut arguments = vec!["-q", "-a", algorithm];
    if algorithm.starts_with("RSA") {
        arguments.extend(["-b", "2048"]);
    }
    arguments.extend(flags);
    arguments.push(zone.origin);
    Ok(run("dnssec-keygen", directory, arguments)?
        .trim()
        .to_owned())
}

impl Validity {
    /// Both ends as `YYYYMMDDHHMMSS`, in UTC.
    fn as_dates(self, now: u64) -> Result<(String, String)> {
        let date = |offset: i64| {
            let time = now
                .checked_add_signed(offset)
                .context("the clock stands near 1970")?;
            let at = format!("@{time}");
            let text = run("date", Path::new("/"), ["-u", "-d", &at, "+%Y%m%d%H%M%S"])?;
            Ok::<_, anyhow::Error>(text.trim().to_owned())
        };
        Ok((date(self.from)?, date(self.until)?))
    }
}
