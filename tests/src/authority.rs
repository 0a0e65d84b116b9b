//! One name server that is not ours with one zone, signed and delegated from a root in memory: enough for a proof.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sotto_proof::{Progress, Prover, ProverLimits, Question, RecordType, message};
use sotto_publish::Software;
use sotto_world::dns::message::{Transport, respond};
use sotto_world::dns::resolver::Internet;
use sotto_world::dns::signer::{Algorithm, Window};
use sotto_world::dns::zone::{Denial, ZoneBuilder, ZoneKeys};
use sotto_world::dns::{export, name, rdata};
use tempfile::TempDir;

use crate::ports;
use crate::service::Service;
use crate::tools::{find, hear, run};

/// The zone.
pub const ORIGIN: &str = "example.com";

/// The zone file, which takes in the records under test. Each line of its own counts on nothing.
const ZONE: &str = "\
$TTL 3600
example.com. IN SOA ns.example.com. hostmaster.example.com. 1 3600 900 1209600 300
example.com. IN NS ns.example.com.
ns.example.com. IN A 127.0.0.1
";

/// The zone file's name, which the manual pages use too.
pub const ZONE_FILE: &str = "example.com.zone";

/// The identifier of every query: on loopback nobody guesses it.
const ID: u16 = 7;

const DAY: u64 = 86_400;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A name server with a signed zone, and the root above it.
pub struct Authority {
    address: SocketAddr,
    root: Internet,
    anchor: String,
    _service: Service,
    _directory: TempDir,
}

impl Authority {
    /// Starts `software` with a zone that includes `records` from the file `mimi.zone`.
    ///
    /// `manual` is what a manual says must be done so that the server signs: configuration for Knot and BIND, command
    /// lines of pdnsutil for PowerDNS, nothing for NSD, which cannot sign and gets signatures beside the records.
    ///
    /// # Errors
    ///
    /// What the software does not accept, in its words.
    pub fn start(software: Software, records: &str, manual: &str) -> Result<Self> {
        let directory = tempfile::tempdir().context("no temporary directory")?;
        let place = directory.path().join("server");
        fs::create_dir(&place)?;
        fs::write(place.join("mimi.zone"), records)?;
        fs::write(place.join(ZONE_FILE), format!("{ZONE}$INCLUDE mimi.zone\n"))?;
        let address = ports::free()?;
        let service = match software {
            Software::Knot => knot(&place, address, manual),
            Software::Nsd => nsd(&place, address),
            Software::Bind => bind(&place, address, manual),
            Software::PowerDns => powerdns(&place, address, manual),
        }?;
        service.wait_until(|| is_signed(address))?;
        let (root, anchor) = root(&delegation_signer(&place, address)?)?;
        Ok(Self {
            address,
            root,
            anchor,
            _service: service,
            _directory: directory,
        })
    }

    /// The DS line of the root.
    #[must_use]
    pub fn anchor(&self) -> &str {
        &self.anchor
    }

    /// The proof that an honest gateway makes.
    ///
    /// # Errors
    ///
    /// That the server does not answer as one must.
    pub fn prove(&self, question: &Question) -> Result<Vec<u8>> {
        let (mut prover, mut open) = Prover::start(question.clone(), ProverLimits::default());
        while let Some(asked) = open.pop() {
            let query = message::query(ID, &asked, u16::MAX);
            let is_of_root = asked.name.is_root() || asked.rtype == RecordType::DS;
            let octets = if is_of_root {
                let response = respond(&self.root, &query, Transport::Tcp);
                response.context("a query has a response")?.bytes
            } else {
                exchange(self.address, &query)?
            };
            match prover.respond(&asked, &message::parse(&octets, ID, &asked)?)? {
                Progress::Ask(more) => open.extend(more),
                Progress::Wait => {}
                Progress::Done(proof) => return Ok(proof.into_bytes()),
            }
        }
        anyhow::bail!("the prover awaits nothing and is not done")
    }
}

/// Has the checker that comes with `software` judge the zone with `records` in it.
///
/// # Errors
///
/// What it has against them.
pub fn check(software: Software, records: &str) -> Result<()> {
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let place = directory.path();
    fs::write(place.join("mimi.zone"), records)?;
    fs::write(place.join(ZONE_FILE), format!("{ZONE}$INCLUDE mimi.zone\n"))?;
    match software {
        Software::Knot => run("kzonecheck", place, ["-o", ORIGIN, ZONE_FILE]),
        Software::Nsd => run("nsd-checkzone", place, [ORIGIN, ZONE_FILE]),
        Software::Bind => run("named-checkzone", place, ["-i", "local", ORIGIN, ZONE_FILE]),
        Software::PowerDns => {
            powerdns_database(place)?;
            pdnsutil(place, &["load-zone", ORIGIN, ZONE_FILE])?;
            pdnsutil(place, &["check-zone", ORIGIN])
        }
    }
    .map(drop)
}

fn knot(place: &Path, address: SocketAddr, manual: &str) -> Result<Service> {
    let (ip, port, storage) = (address.ip(), address.port(), place.display());
    let config = format!(
        "server:\n  rundir: \"{storage}\"\n  listen: \"{ip}@{port}\"\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\ncontrol:\n  listen: \"knot.sock\"\ndatabase:\n  storage: \"{storage}\"\n\
         template:\n  - id: default\n    storage: \"{storage}\"\n{manual}"
    );
    fs::write(place.join("knot.conf"), config)?;
    Service::start(&find("knotd")?, place, &["-c", "knot.conf"])
}

fn bind(place: &Path, address: SocketAddr, manual: &str) -> Result<Service> {
    let (ip, port, folder) = (address.ip(), address.port(), place.display());
    let config = format!(
        "options {{ directory \"{folder}\"; pid-file none; session-keyfile none; recursion no; \
         listen-on port {port} {{ {ip}; }}; listen-on-v6 {{ none; }}; }};\ncontrols {{ }};\n{manual}"
    );
    fs::write(place.join("named.conf"), config)?;
    Service::start(&find("named")?, place, &["-g", "-c", "named.conf"])
}

/// NSD serves the records as they were written, and signatures over them from another file.
fn nsd(place: &Path, address: SocketAddr) -> Result<Service> {
    run(
        "dnssec-keygen",
        place,
        ["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", ORIGIN],
    )?;
    let arguments = [
        "-S",
        "-z",
        "-D",
        "-q",
        "-o",
        ORIGIN,
        "-f",
        "signatures",
        ZONE_FILE,
    ];
    run("dnssec-signzone", place, arguments)?;
    let mut text = fs::read_to_string(place.join(ZONE_FILE))?;
    text.push_str("$INCLUDE signatures\n");
    fs::write(place.join(ZONE_FILE), text)?;
    let (ip, port) = (address.ip(), address.port());
    let config = format!(
        "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  server-count: 1\n  zonesdir: \".\"\n  \
         database: \"\"\n  pidfile: \"nsd.pid\"\n  xfrdfile: \"xfrd.state\"\n  zonelistfile: \"zone.list\"\n  \
         rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n\
         zone:\n  name: \"{ORIGIN}\"\n  zonefile: \"{ZONE_FILE}\"\n"
    );
    fs::write(place.join("nsd.conf"), config)?;
    Service::start(&find("nsd")?, place, &["-d", "-c", "nsd.conf"])
}

fn powerdns(place: &Path, address: SocketAddr, manual: &str) -> Result<Service> {
    powerdns_database(place)?;
    for line in manual.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["$", "pdnsutil", arguments @ ..] = words.as_slice() else {
            continue;
        };
        pdnsutil(place, arguments)?;
    }
    let folder = format!("--config-dir={}", place.display());
    let (ip, port) = (
        format!("--local-address={}", address.ip()),
        format!("--local-port={}", address.port()),
    );
    let socket = format!("--socket-dir={}", place.display());
    let arguments = [
        folder.as_str(),
        "--daemon=no",
        "--guardian=no",
        "--disable-syslog",
        &ip,
        &port,
        &socket,
    ];
    Service::start(&find("pdns_server")?, place, &arguments)
}

/// An empty database of PowerDNS, and the configuration that names it.
pub(crate) fn powerdns_database(place: &Path) -> Result<()> {
    const SCHEMA: &str = "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql";
    const MAKE: &str = "import sqlite3, sys; sqlite3.connect('pdns.sqlite3').executescript(open(sys.argv[1]).read())";
    run("python3", place, ["-c", MAKE, SCHEMA])?;
    let config = format!(
        "launch=gsqlite3\ngsqlite3-database={}\ngsqlite3-dnssec=yes\n",
        place.join("pdns.sqlite3").display()
    );
    Ok(fs::write(place.join("pdns.conf"), config)?)
}

fn pdnsutil(place: &Path, arguments: &[&str]) -> Result<String> {
    let folder = format!("--config-dir={}", place.display());
    run("pdnsutil", place, [&[folder.as_str()], arguments].concat())
}

/// Whether the server denies a name with a signature: of all that a signer does, the chain of denial comes last.
fn is_signed(address: SocketAddr) -> bool {
    let Ok(name) = format!("absent.{ORIGIN}").parse() else {
        return false;
    };
    let question = Question {
        name,
        rtype: RecordType::TXT,
    };
    let query = message::query(ID, &question, u16::MAX);
    exchange(address, &query)
        .ok()
        .and_then(|octets| message::parse(&octets, ID, &question).ok())
        .is_some_and(|response| {
            let has = |rtype| {
                response
                    .authority
                    .iter()
                    .any(|record| record.rtype == rtype)
            };
            has(RecordType::RRSIG) && (has(RecordType::NSEC) || has(RecordType::NSEC3))
        })
}

/// One question over TCP.
fn exchange(address: SocketAddr, query: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = u16::try_from(query.len())?;
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut octets = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut octets)?;
    Ok(octets)
}

/// The RDATA of the DS that the parent needs, as dnssec-dsfromkey makes it from what the server serves.
fn delegation_signer(place: &Path, address: SocketAddr) -> Result<Vec<u8>> {
    let (server, port) = (format!("@{}", address.ip()), address.port().to_string());
    let arguments = [
        server.as_str(),
        "-p",
        &port,
        "+tcp",
        "+noall",
        "+answer",
        ORIGIN,
        "DNSKEY",
    ];
    fs::write(place.join("dnskey"), hear("dig", &arguments)?)?;
    let lines = run("dnssec-dsfromkey", place, ["-2", "-f", "dnskey", ORIGIN])?;
    let fields: Vec<&str> = lines
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let [_, _, _, tag, algorithm, digest_type, digest @ ..] = fields.as_slice() else {
        anyhow::bail!("no DS was made: {lines}");
    };
    let digest = digest.concat();
    ensure!(digest.len() == 64, "no SHA-256: {lines}");
    let mut rdata = tag.parse::<u16>()?.to_be_bytes().to_vec();
    rdata.extend([algorithm.parse::<u8>()?, digest_type.parse::<u8>()?]);
    for at in (0..digest.len()).step_by(2) {
        rdata.push(u8::from_str_radix(&digest[at..at + 2], 16)?);
    }
    Ok(rdata)
}

/// A root that delegates the zone, and its DS line.
fn root(signer: &[u8]) -> Result<(Internet, String)> {
    use domain::base::iana::Rtype;

    let now = crate::now();
    let window = Window {
        inception: u32::try_from(now - DAY)?,
        expiration: u32::try_from(now + 14 * DAY)?,
    };
    let (apex, server) = (name(".")?, name("a.root")?);
    let mut builder = ZoneBuilder::new(apex.clone(), &server);
    builder.add(
        name(ORIGIN)?,
        Rtype::NS,
        rdata::target(&name("ns.example.com")?),
    )?;
    builder.add(name(ORIGIN)?, Rtype::DS, signer.to_vec())?;
    let keys = ZoneKeys::combined(Algorithm::EcdsaP256)?;
    let anchor = export::anchor(&apex, keys.entry());
    let mut internet = Internet::new();
    internet.serve(server, builder.sign(&keys, Denial::Nsec, window)?);
    Ok((internet, anchor))
}
