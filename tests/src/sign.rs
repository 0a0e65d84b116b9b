//! Zone files made and signed.

mod compact;

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result};

use crate::tools::run;
use crate::zones::{
    Algorithm, Bind, CURRENT, Delegation, Denial, Keys, Server, Signing, Validity, Zone,
};

/// Where the content of the zones is.
const CONTENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/zones");

/// Keys of zones that sign by themselves are P-256.
const P256: Algorithm = Algorithm {
    mnemonic: "ECDSAP256SHA256",
    bits: None,
};

/// The signed zones.
pub(crate) struct Signed {
    /// Every zone.
    pub(crate) zones: Vec<Zone>,
    /// The content of each zone file, by origin.
    pub(crate) texts: HashMap<&'static str, String>,
    /// DS lines of the root's key-signing key.
    pub(crate) root_ds: String,
    /// The DNSKEY line of that key.
    pub(crate) root_key: String,
}

/// One zone, signed.
struct Outcome {
    zone: Zone,
    text: String,
    /// The lines for its parent.
    ds: String,
    /// The DNSKEY line of its first entry key.
    key: String,
}

/// Signs every zone around `now`, in Unix seconds, with fresh keys. `additions` are further lines, by origin; zones
/// that Knot signs while it serves get their keys in `knot`.
pub(crate) fn sign_all(
    zones: Vec<Zone>,
    now: u64,
    additions: &HashMap<&str, String>,
    knot: &Path,
) -> Result<Signed> {
    let scratch = tempfile::tempdir().context("no temporary directory")?;
    let work = Work {
        zones: &zones,
        scratch: scratch.path(),
        knot,
        now,
        additions,
    };
    let mut done: HashMap<&'static str, Outcome> = HashMap::new();
    let deepest = zones.iter().map(Zone::depth).max().unwrap_or(0);
    // Children before their parents; zones of one depth know nothing of each other.
    for depth in (0..=deepest).rev() {
        let level: Vec<_> = zones.iter().filter(|zone| zone.depth() == depth).collect();
        for outcome in work.sign_level(&level, &done)? {
            done.insert(outcome.zone.origin, outcome);
        }
    }
    let root = done.get(".").context("there is no root")?;
    let (root_ds, root_key) = (root.ds.clone(), root.key.clone());
    let texts = done
        .into_iter()
        .map(|(origin, outcome)| (origin, outcome.text))
        .collect();
    Ok(Signed {
        zones,
        texts,
        root_ds,
        root_key,
    })
}

/// What signing one zone needs to know of all.
struct Work<'a> {
    zones: &'a [Zone],
    scratch: &'a Path,
    knot: &'a Path,
    now: u64,
    additions: &'a HashMap<&'a str, String>,
}

impl Work<'_> {
    /// Signs zones that are not above each other, as many at a time as there are processors.
    fn sign_level(
        &self,
        level: &[&Zone],
        children: &HashMap<&'static str, Outcome>,
    ) -> Result<Vec<Outcome>> {
        let (waiting, signed) = (Mutex::new(level.iter()), Mutex::new(Vec::new()));
        let next = || waiting.lock().ok()?.next();
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(zone) = next() {
                        let outcome = self
                            .sign(zone, children)
                            .with_context(|| format!("zone {} cannot be signed", zone.origin));
                        if let Ok(mut signed) = signed.lock() {
                            signed.push(outcome);
                        }
                    }
                });
            }
        });
        let signed = signed.into_inner();
        signed
            .map_err(|_| anyhow::anyhow!("a thread that signs zones has panicked"))?
            .into_iter()
            .collect()
    }

    fn sign(&self, zone: &Zone, children: &HashMap<&'static str, Outcome>) -> Result<Outcome> {
        let directory = self.scratch.join(zone.file_name());
        fs::create_dir(&directory)?;
        if let Signing::Compact(content) = &zone.signing {
            return compact::sign(zone, self.now, content);
        }
        let addition = self.additions.get(zone.origin);
        let mut text = content(zone, addition.map_or("", String::as_str))?;
        for child in zone.children(self.zones) {
            let server = child.name_server();
            writeln!(text, "{} NS {server}\n{server} A 127.0.0.1", child.origin)?;
            text += children.get(child.origin).map_or("", |child| &child.ds);
        }
        fs::write(directory.join("zone"), &text)?;
        let place = Place {
            zone,
            directory,
            now: self.now,
        };
        let keys = match zone.signing {
            Signing::None | Signing::Compact(_) => {
                fs::copy(place.file("zone"), place.file("signed"))?;
                Vec::new()
            }
            Signing::Bind(bind) => place.sign_with_bind(&bind)?,
            Signing::Ldns { iterations } => place.sign_with_ldns(iterations)?,
            Signing::Online => return place.leave_to_knot(self.knot, text),
        };
        let first = keys.first().map(|key| format!("{key}.key"));
        let key = match first {
            Some(file) => fs::read_to_string(place.file(&file))?,
            None => String::new(),
        };
        Ok(Outcome {
            zone: *zone,
            text: fs::read_to_string(place.file("signed"))?,
            ds: place.delegation(&keys)?,
            key: key.lines().filter(|line| !line.starts_with(';')).collect(),
        })
    }
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

/// Where one zone is signed: its file is `zone`, and becomes `signed`.
struct Place<'a> {
    zone: &'a Zone,
    directory: PathBuf,
    now: u64,
}

impl Place<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        run(program, &self.directory, arguments)
    }

    /// Gives the base names of the entry keys.
    fn sign_with_bind(&self, bind: &Bind) -> Result<Vec<String>> {
        let mut entries = Vec::new();
        let mut arguments = vec![
            "-o",
            self.zone.origin,
            "-f",
            "signed",
            "-K",
            ".",
            "-S",
            "-q",
        ];
        for algorithm in bind.algorithms {
            entries.push(self.generate(algorithm, &["-f", "KSK"])?);
            match bind.keys {
                Keys::Combined => {}
                Keys::Split => drop(self.generate(algorithm, &[])?),
                Keys::StandBy => {
                    entries.push(self.generate(algorithm, &["-f", "KSK", "-A", "none"])?);
                }
            }
        }
        arguments.push(match bind.keys {
            Keys::Split => "-x",
            Keys::Combined | Keys::StandBy => "-z",
        });
        arguments.extend(match bind.denial {
            Denial::Nsec => &[][..],
            Denial::Nsec3 => &["-3", "-", "-H", "0"],
            Denial::Salted => &["-3", "50ff", "-H", "10"],
            Denial::OptOut => &["-3", "-", "-H", "0", "-A"],
        });
        let (from, until) = bind.validity.as_dates(self.now)?;
        // Verification after signing is by the present, which an expired zone cannot pass.
        arguments.extend(["-P", "-s", &from, "-e", &until, "zone"]);
        self.run("dnssec-signzone", &arguments)?;
        Ok(entries)
    }

    fn sign_with_ldns(&self, iterations: Option<&str>) -> Result<Vec<String>> {
        let key = self.generate(&P256, &["-f", "KSK"])?;
        let (from, until) = CURRENT.as_dates(self.now)?;
        let mut arguments = vec!["-o", self.zone.origin, "-f", "signed", "-i", &from, "-e"];
        arguments.push(&until);
        if let Some(iterations) = iterations {
            arguments.extend(["-n", "-s", "50ff", "-t", iterations]);
        }
        arguments.extend(["zone", &key]);
        self.run("ldns-signzone", &arguments)?;
        Ok(vec![key])
    }

    /// Has Knot's own tool make the key, in the database from which the server signs.
    fn leave_to_knot(&self, knot: &Path, text: String) -> Result<Outcome> {
        anyhow::ensure!(self.zone.server == Server::Knot, "Knot does not serve it");
        let config = format!("database:\n  storage: \"{}\"\n", knot.display());
        fs::write(self.file("keymgr.conf"), config)?;
        let keymgr = |arguments: &[&str]| {
            let arguments = [&["-c", "keymgr.conf", self.zone.origin][..], arguments].concat();
            self.run("keymgr", &arguments)
        };
        keymgr(&["generate", "algorithm=13", "ksk=yes", "zsk=yes"])?;
        let ds = keymgr(&["ds"])?;
        let sha256 = ds.lines().find(|line| line.contains(" 13 2 "));
        Ok(Outcome {
            zone: *self.zone,
            text,
            ds: format!("{}\n", sha256.context("keymgr writes a SHA-256 DS")?),
            key: String::new(),
        })
    }

    /// The DS lines for the parent.
    fn delegation(&self, entries: &[String]) -> Result<String> {
        let digests = |arguments: &[&str]| {
            let mut lines = String::new();
            for key in entries {
                lines += &self.run("dnssec-dsfromkey", &[arguments, &[key.as_str()]].concat())?;
            }
            Ok(lines)
        };
        let line = |rdata: &str| format!("{} DS {rdata}\n", self.zone.origin);
        match self.zone.delegation {
            Delegation::Digests(arguments) => digests(arguments),
            Delegation::And(rdata) => Ok(digests(&["-2"])? + &line(rdata)),
            Delegation::Only(rdata) => Ok(line(rdata)),
            Delegation::Missing => Ok(String::new()),
        }
    }

    fn generate(&self, algorithm: &Algorithm, flags: &[&str]) -> Result<String> {
        let mut arguments = vec!["-q", "-a", algorithm.mnemonic];
        arguments.extend(algorithm.bits.map(|bits| ["-b", bits]).as_slice().concat());
        arguments.extend(flags);
        arguments.push(self.zone.origin);
        Ok(self.run("dnssec-keygen", &arguments)?.trim().to_owned())
    }
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
