//! A zone's primary name server that takes updates, set up as the manual says.

mod bind;
mod breaker;
mod knot;
mod limit;
mod powerdns;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

pub use breaker::{Breaker, Manner};
pub use limit::limit;

use crate::ports;
use crate::service::Service;
use crate::tools::{hear, run, write_secret};

/// The zone that the manual sets up, signed.
pub const ZONE: &str = "example.com";

/// A zone that is not signed, and holds wildcards: nothing tells what was made from them.
pub const PLAIN: &str = "plain.example";

/// The name below which alone the narrow key may change anything.
pub const NARROW: &str = "narrow.example.com";

/// What the signed zone holds before anybody publishes.
const ZONE_TEXT: &str = "\
$TTL 3600
example.com. IN SOA ns.example.com. hostmaster.example.com. 1 3600 900 1209600 300
example.com. IN NS ns.example.com.
ns.example.com. IN A 127.0.0.1
_mimi.shared.example.com. 600 IN TXT \"somebody else's\"
_mimi.alias.example.com. IN CNAME elsewhere.example.net.
renamed.example.com. IN DNAME elsewhere.example.net.
child.example.com. IN NS ns.elsewhere.example.net.
*.many.example.com. IN CNAME hoster.example.net.
";

const PLAIN_TEXT: &str = "\
$TTL 3600
plain.example. IN SOA ns.plain.example. hostmaster.plain.example. 1 3600 900 1209600 300
plain.example. IN NS ns.plain.example.
ns.plain.example. IN A 127.0.0.1
*.plain.example. IN CNAME hoster.example.net.
*._user._mimi.plain.example. IN TXT \"v=MIMI1; e=mimi.example.net\"
";

/// The secret of the keys that the manual does not know.
const SECRET: &str = "c2hhcmVkIGJ5IGEgdGVzdCB3aXRoIGl0c2VsZiBvbmx5";

/// The algorithms beside the manual's; BIND knows a key of each by its name, with the secret of the others, and lets it do nothing.
pub const ALGORITHMS: [&str; 3] = ["hmac-sha224", "hmac-sha384", "hmac-sha512"];

/// Which software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Knot DNS.
    Knot,
    /// BIND.
    Bind,
    /// PowerDNS, on SQLite.
    PowerDns,
}

/// What the manual says for one kind.
#[derive(Clone, Debug)]
pub struct Manual {
    /// Commands for a shell.
    pub commands: String,
    /// A part of the server's configuration.
    pub config: String,
}

/// A running server with both zones.
#[derive(Debug)]
pub struct Primary {
    address: SocketAddr,
    place: PathBuf,
    // The service first: it lets go of its directory before the one above is removed.
    _service: Service,
    directory: TempDir,
}

impl Primary {
    /// Starts one, set up as `manual` says.
    ///
    /// # Errors
    ///
    /// What the software does not accept, in its words.
    pub fn start(kind: Kind, manual: &Manual) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("sotto-primary-")
            .tempdir()
            .context("no temporary directory")?;
        let place = directory.path().join("server");
        fs::create_dir(&place)?;
        fs::write(place.join("example.com.zone"), ZONE_TEXT)?;
        fs::write(place.join("plain.example.zone"), PLAIN_TEXT)?;
        let address = ports::free()?;
        let service = match kind {
            Kind::Knot => knot::start(&place, address, manual),
            Kind::Bind => bind::start(&place, address, manual),
            Kind::PowerDns => powerdns::start(&place, address, manual),
        }?;
        let primary = Self {
            address,
            _service: service,
            place,
            directory,
        };
        primary
            ._service
            .wait_until(|| primary.is_signed(ZONE, "SOA") && primary.serial(PLAIN).is_ok())?;
        for name in ["stranger", "idle", "narrow", "mimi-updates"] {
            primary.key(name, "hmac-sha256")?;
        }
        for algorithm in ALGORITHMS {
            primary.key(algorithm, algorithm)?;
        }
        Ok(primary)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A folder for the files of a test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// The key file that the manual's commands made.
    #[must_use]
    pub fn good_key(&self) -> PathBuf {
        self.place.join("mimi.key")
    }

    /// The file of another key: `idle`, which the server knows and lets do nothing, `narrow`, `stranger`, which it does not
    /// know, or `mimi-updates` with a secret that is not the server's.
    #[must_use]
    pub fn other_key(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.key"))
    }

    /// Every TXT record of a zone, as it is transferred: owner, TTL, class, type and data, a space between.
    ///
    /// # Errors
    ///
    /// That dig cannot be run.
    pub fn texts(&self, zone: &str) -> Result<BTreeSet<String>> {
        let lines = self.dig(&[zone, "AXFR"])?;
        Ok(lines
            .into_iter()
            .filter(|line| line.contains(" IN TXT "))
            .collect())
    }

    /// What stands at a name, a line each.
    ///
    /// # Errors
    ///
    /// That dig cannot be run.
    pub fn dig(&self, arguments: &[&str]) -> Result<Vec<String>> {
        let (server, port) = (
            format!("@{}", self.address.ip()),
            self.address.port().to_string(),
        );
        let common = [
            server.as_str(),
            "-p",
            &port,
            "+tcp",
            "+dnssec",
            "+noall",
            "+answer",
        ];
        let text = hear("dig", &[&common, arguments].concat())?;
        Ok(text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect())
    }

    /// The serial of a zone.
    ///
    /// # Errors
    ///
    /// That the zone is not served.
    pub fn serial(&self, zone: &str) -> Result<u32> {
        let lines = self.dig(&[zone, "SOA"])?;
        let soa = lines.iter().find(|line| line.contains(" IN SOA "));
        let soa = soa.with_context(|| format!("{zone} is not served: {lines:?}"))?;
        let serial = soa.split(' ').nth(6).context("an SOA has a serial")?;
        Ok(serial.parse()?)
    }

    /// Whether a signature stands over an RRset.
    #[must_use]
    pub fn is_signed(&self, name: &str, rtype: &str) -> bool {
        let signature = format!(" IN RRSIG {rtype} ");
        self.dig(&[name, rtype])
            .is_ok_and(|lines| lines.iter().any(|line| line.contains(&signature)))
    }

    fn key(&self, name: &str, algorithm: &str) -> Result<()> {
        let text = key_clause(name, algorithm);
        write_secret(&self.other_key(name), &text)
    }
}

/// A key in BIND's form.
fn key_clause(name: &str, algorithm: &str) -> String {
    format!("key \"{name}\" {{ algorithm {algorithm}; secret \"{SECRET}\"; }};\n")
}

/// Runs the manual's commands in `place`, which stands for the folder `etc`, with `bin` before the system's programs.
fn follow(manual: &Manual, etc: &str, place: &Path) -> Result<()> {
    let commands = manual
        .commands
        .replace(etc, &format!("{}/", place.display()));
    let script = format!(
        "set -e\nPATH={}/bin:$PATH:/usr/sbin:/sbin\n{commands}",
        place.display()
    );
    run("sh", place, ["-c", &script]).map(drop)
}
