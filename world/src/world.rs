//! The world, running: resolver, gateway, relays.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand;
use domain::base::iana::Rtype;
use serde::de::DeserializeOwned;
use sotto_client::{Setup, SetupBuilder};
use sotto_envelope::schedule::{ADVANCE_MAX_EPOCHS, Ratchet};
use sotto_envelope::{Epoch, KeyRecord};
use sotto_gateway::{Gateway, GatewayView};
use sotto_mimi::DEFAULT_MIMI_TYPE;
use sotto_proof::Anchors;
use sotto_relay::{Relay, RelayView};
use tempfile::TempDir;

use crate::WorldError;
use crate::certificates::Authority;
use crate::dns::resolver::Internet;
use crate::dns::server::ResolverServer;
use crate::dns::zone::NEGATIVE_TTL;
use crate::dns::{DnsError, export, name};
use crate::people::{PEOPLE, PHONE_ZONE, Person};
use crate::plan::{self, Extra};
use crate::views::{Notebook, Views};

/// The gateway's host name.
pub const GATEWAY_HOST: &str = "gateway.test";

/// Who runs the gateway.
pub const GATEWAY_OPERATOR: &str = "gateway-operator.test";

/// Who runs the relays; each domain is also its relay's name.
pub const RELAY_OPERATORS: [&str; 2] = ["relay-one.test", "relay-two.test"];

/// Files of the world's directory that its inhabitants and visitors read.
mod file {
    pub(super) const AUTHORITY: &str = "ca.pem";
    pub(super) const ANCHOR: &str = "root.key";
    pub(super) const KEY_STATE: &str = "gateway.keys";
    pub(super) const GATEWAY: &str = "gateway.toml";
    pub(super) const LOCK: &str = "world.lock";
}

/// How to start a world.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where keys, certificates and configurations are written; a directory that goes away with the
    /// world if absent.
    pub directory: Option<PathBuf>,
    /// TOML tables appended to the gateway's configuration, `[cache]` say.
    pub gateway_toml: String,
    /// TOML tables appended to each relay's configuration, `[limits]` say.
    pub relay_toml: String,
    /// Records published beside those of the people, each put into the zone it belongs to.
    pub records: Vec<Extra>,
    /// Seconds that denials live, and proofs by wildcards with them; [`NEGATIVE_TTL`] if absent.
    pub negative_ttl: Option<u32>,
}

enum Directory {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Directory {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

/// A private internet that runs until it is dropped.
///
/// Everything is real: sockets on loopback, TLS on both hops, signed zones, a gateway and relays
/// that read the configuration files an operator would write. Only the observers are not: they note
/// what each party could know.
pub struct World {
    directory: Directory,
    _lock: File,
    anchor: String,
    authority: String,
    internet: Arc<Internet>,
    resolver: ResolverServer,
    gateway: sotto_gateway::Running,
    gateway_views: Arc<Notebook<GatewayView>>,
    relays: Vec<RunningRelay>,
}

struct RunningRelay {
    running: sotto_relay::Running,
    views: Arc<Notebook<RelayView>>,
}

impl World {
    /// Starts everything; returns when the first lookup can be made, after about a second.
    ///
    /// # Errors
    ///
    /// [`WorldError`] names the part that did not start.
    pub async fn start(options: Options) -> Result<Self, WorldError> {
        let directory = match options.directory {
            Some(path) => {
                fs::create_dir_all(&path).map_err(|error| WorldError::file(&path, error))?;
                Directory::Kept(path)
            }
            None => {
                let made = tempfile::Builder::new().prefix("sotto-world-").tempdir();
                Directory::Temporary(made.map_err(WorldError::Socket)?)
            }
        };
        let path = directory.path();
        // Before anything is written: it would be over another world's keys.
        let lock = lock(&path.join(file::LOCK))?;
        let now = sotto_daemon::clock::now();

        let mut records = make_keys(&path.join(file::KEY_STATE), now)?;
        records.extend(options.records);
        // Half a second of RSA, which would hold up whoever shares this thread.
        let negative_ttl = options.negative_ttl.unwrap_or(NEGATIVE_TTL);
        let plan = tokio::task::spawn_blocking(move || {
            plan::build_with_negative_ttl(now, records, negative_ttl)
        })
        .await
        .map_err(|_| WorldError::Dns(DnsError::Crypto("make the zones")))??;
        write(&path.join(file::ANCHOR), &plan.anchor)?;
        let internet = Arc::new(plan.internet);
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let resolver = ResolverServer::start(Arc::clone(&internet), any_port)
            .await
            .map_err(WorldError::Socket)?;

        let authority = Authority::new()?;
        write(&path.join(file::AUTHORITY), authority.pem())?;
        for host in [GATEWAY_HOST].iter().chain(&RELAY_OPERATORS) {
            let issued = authority.issue(host)?;
            write(&path.join(format!("{host}.crt")), &issued.certificate)?;
            write_secret(&path.join(format!("{host}.key")), &issued.key)?;
        }
        for relay in RELAY_OPERATORS {
            write_secret(&path.join(format!("{relay}.token")), &token()?)?;
        }

        let text = gateway_toml(path, resolver.address(), &options.gateway_toml);
        let gateway_views = Notebook::new();
        let observer: Arc<dyn sotto_gateway::Observe> = gateway_views.clone();
        let config = configure(&path.join(file::GATEWAY), &text)?;
        let gateway = Gateway::start(config, Some(observer))
            .await
            .map_err(|error| WorldError::Gateway(Box::new(error)))?;
        gateway.ready().await;

        let mut relays = Vec::new();
        for relay in RELAY_OPERATORS {
            let text = relay_toml(path, relay, gateway.address, &options.relay_toml);
            let views = Notebook::new();
            let observer: Arc<dyn sotto_relay::Observe> = views.clone();
            let config = configure(&path.join(format!("{relay}.toml")), &text)?;
            let running = Relay::start(config, Some(observer))
                .await
                .map_err(|error| WorldError::Relay(relay, Box::new(error)))?;
            relays.push(RunningRelay { running, views });
        }
        let world = Self {
            directory,
            _lock: lock,
            anchor: plan.anchor,
            authority: authority.pem().to_owned(),
            internet,
            resolver,
            gateway,
            gateway_views,
            relays,
        };
        // What the gateway asked for its own keys belongs to no lookup.
        let _ = world.take_views();
        Ok(world)
    }

    /// Everybody who lives here.
    #[must_use]
    pub fn people(&self) -> &'static [Person] {
        PEOPLE
    }

    /// The root's key, as a line of Unbound's `root.key`.
    #[must_use]
    pub fn anchor_text(&self) -> &str {
        &self.anchor
    }

    /// The certification authority of every server here, PEM.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }

    /// Where keys, certificates and configurations lie.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The zones, for asking the responder without a socket.
    #[must_use]
    pub fn internet(&self) -> &Arc<Internet> {
        &self.internet
    }

    /// Where the resolver listens, UDP and TCP.
    #[must_use]
    pub fn resolver_address(&self) -> SocketAddr {
        self.resolver.address()
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// Where a relay listens.
    ///
    /// # Panics
    ///
    /// If there is no such relay: there are as many as [`RELAY_OPERATORS`].
    #[must_use]
    pub fn relay_address(&self, relay: usize) -> SocketAddr {
        self.relays[relay].running.address
    }

    /// The URL of a relay's origin.
    ///
    /// # Panics
    ///
    /// If there is no such relay.
    #[must_use]
    pub fn relay_url(&self, relay: usize) -> String {
        format!("https://{}", self.relay_address(relay))
    }

    /// A client's setup in this world, to be changed further.
    ///
    /// # Errors
    ///
    /// [`WorldError::Anchor`], which only a broken signer could bring about.
    ///
    /// # Panics
    ///
    /// If there is no such relay.
    pub fn client_builder(&self, relay: usize) -> Result<SetupBuilder, WorldError> {
        let phone_zone = PHONE_ZONE
            .parse()
            .map_err(|_| WorldError::Person(PHONE_ZONE.to_owned()))?;
        Ok(Setup::builder(self.relay_url(relay), GATEWAY_HOST)
            .anchors(Anchors::parse(&self.anchor)?)
            .authorities(self.authority.as_bytes())
            .mimi_type(DEFAULT_MIMI_TYPE)
            .phone_zone(phone_zone))
    }

    /// A client's setup in this world.
    ///
    /// # Errors
    ///
    /// As [`Self::client_builder`], and [`WorldError::Setup`].
    ///
    /// # Panics
    ///
    /// If there is no such relay.
    pub fn client_setup(&self, relay: usize) -> Result<Setup, WorldError> {
        Ok(self.client_builder(relay)?.build()?)
    }

    /// What everybody saw since the last look.
    #[must_use]
    pub fn take_views(&self) -> Views {
        Views {
            relays: self.relays.iter().map(|relay| relay.views.take()).collect(),
            gateway: self.gateway_views.take(),
            resolver: self.resolver.log().take(),
        }
    }

    /// Writes every zone as a master file, `<zone>.zone`, into `directory`.
    ///
    /// # Errors
    ///
    /// [`WorldError::File`] names the file.
    pub fn export_zones(&self, directory: &Path) -> Result<(), WorldError> {
        fs::create_dir_all(directory).map_err(|error| WorldError::file(directory, error))?;
        for zone in self.internet.zones() {
            let apex = if zone.apex().is_root() {
                "root".to_owned()
            } else {
                zone.apex().to_string()
            };
            write(
                &directory.join(format!("{apex}.zone")),
                &export::zone_file(zone),
            )?;
        }
        Ok(())
    }

    /// Ends everything in order.
    pub async fn shutdown(self) {
        for relay in self.relays {
            relay.running.shutdown().await;
        }
        self.gateway.shutdown().await;
    }
}

/// Takes the lock of a directory, for as long as the file is open.
fn lock(path: &Path) -> Result<File, WorldError> {
    let file = File::create(path).map_err(|error| WorldError::file(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(WorldError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(WorldError::file(path, error)),
    }
}

/// Makes the gateway's key state and returns the records that bind it to the gateway's zone.
fn make_keys(state: &Path, now: u64) -> Result<Vec<Extra>, WorldError> {
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_| DnsError::Crypto("draw a secret"))?;
    let ratchet = Ratchet::new(Epoch::at(now), secret);
    write_secret(state, &ratchet.to_state())?;
    let owner = name(&KeyRecord::owner_name(GATEWAY_HOST))?;
    let first = Epoch::at(now).0;
    (first..first + ADVANCE_MAX_EPOCHS)
        .map(|epoch| {
            let keys = ratchet
                .keys(Epoch(epoch))
                .map_err(|error| WorldError::Keys(Box::new(error)))?;
            let record = KeyRecord {
                operator: GATEWAY_OPERATOR.to_owned(),
                epoch: keys.epoch(),
                digest: keys.digest(),
            };
            Ok((owner.clone(), Rtype::TXT, record.to_rdata()))
        })
        .collect()
}

fn gateway_toml(directory: &Path, resolver: SocketAddr, more: &str) -> String {
    let path = |name: &str| quoted(&directory.join(name));
    let mut text = format!(
        "host = \"{GATEWAY_HOST}\"\noperator = \"{GATEWAY_OPERATOR}\"\n\n\
         [listen]\naddress = \"127.0.0.1:0\"\n\
         tls = {{ certificate = {}, key = {} }}\n\n\
         [keys]\nstate = {}\n\n\
         [dns]\nresolver = \"{resolver}\"\nanchor = {}\n\n\
         [names]\nmimi_type = {DEFAULT_MIMI_TYPE}\n",
        path("gateway.test.crt"),
        path("gateway.test.key"),
        path(file::KEY_STATE),
        path(file::ANCHOR),
    );
    for relay in RELAY_OPERATORS {
        let token = path(&format!("{relay}.token"));
        text.push_str(&format!(
            "\n[[relay]]\nname = \"{relay}\"\ntoken_file = {token}\n"
        ));
    }
    text + "\n" + more
}

fn relay_toml(directory: &Path, relay: &str, gateway: SocketAddr, more: &str) -> String {
    let path = |name: &str| quoted(&directory.join(name));
    format!(
        "operator = \"{relay}\"\ncontact = \"mailto:noc@{relay}\"\n\n\
         [listen]\naddress = \"127.0.0.1:0\"\n\
         tls = {{ certificate = {}, key = {} }}\n\n\
         [[gateway]]\nhost = \"{GATEWAY_HOST}\"\nurl = \"https://{gateway}\"\n\
         token_file = {}\nca = {}\n\n{more}",
        path(&format!("{relay}.crt")),
        path(&format!("{relay}.key")),
        path(&format!("{relay}.token")),
        path(file::AUTHORITY),
    )
}

/// A path as a TOML string.
fn quoted(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}

/// Leaves the configuration where one can read it, and reads it as the server would; the
/// environment of this process has no say in it.
fn configure<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, WorldError> {
    write(path, text)?;
    Ok(sotto_daemon::config::parse(path, text, "SOTTO_WORLD", [])?)
}

fn token() -> Result<String, DnsError> {
    let mut octets = [0_u8; 32];
    rand::fill(&mut octets).map_err(|_| DnsError::Crypto("draw a token"))?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

fn write(path: &Path, text: &str) -> Result<(), WorldError> {
    fs::write(path, text).map_err(|error| WorldError::file(path, error))
}

fn write_secret(path: &Path, text: &str) -> Result<(), WorldError> {
    let wrap = |error: io::Error| WorldError::file(path, error);
    fs::write(path, "").map_err(wrap)?;
    let mut permissions = fs::metadata(path).map_err(wrap)?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    fs::set_permissions(path, permissions).map_err(wrap)?;
    fs::write(path, text).map_err(wrap)
}
