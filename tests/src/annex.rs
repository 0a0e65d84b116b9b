//! Servers of a test's own in a [`World`], run from the world's configurations: behind taps, over
//! plain HTTP, with another resolver, or as processes that log all they can.

mod restarting;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use sotto_client::{Client, Setup};
use sotto_gateway::Gateway;
use sotto_proof::Anchors;
use sotto_relay::Relay;
use sotto_world::{GATEWAY_HOST, PHONE_ZONE, RELAY_OPERATORS, World};
use tempfile::TempDir;
use toml::{Table, Value};

pub use self::restarting::{End, Restarting};
use crate::service::Service;
use crate::tap::Tap;
use crate::{binaries, ports};

/// How long an operator's listener may take to answer.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What both wires carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// HTTP/2 over TLS.
    Tls,
    /// HTTP/1.1, plain.
    Plain,
}

impl Carrier {
    /// The URL of what listens at `address`.
    #[must_use]
    pub fn url(self, address: SocketAddr) -> String {
        match self {
            Self::Tls => format!("https://{address}"),
            Self::Plain => format!("http://{address}"),
        }
    }
}

/// A configuration of the world's, to be changed.
struct Draft(Table);

impl Draft {
    /// The configuration in the file `name` of the world's directory, listening on any port.
    fn of(world: &World, name: &str, carrier: Carrier) -> Result<Self> {
        let text = fs::read_to_string(world.directory().join(name))?;
        let mut draft = Self(text.parse()?);
        draft.listen("127.0.0.1:0");
        if carrier == Carrier::Plain {
            let listen = draft.table("listen");
            listen.remove("tls");
            listen.insert("plain_http".to_owned(), true.into());
        }
        Ok(draft)
    }

    /// The world's gateway with a copy of its keys at `state`, asking `resolver`.
    fn gateway(
        world: &World,
        carrier: Carrier,
        resolver: SocketAddr,
        state: &Path,
    ) -> Result<Self> {
        let mut draft = Self::of(world, "gateway.toml", carrier)?;
        let keys = draft.table("keys");
        let theirs = keys["state"].as_str().context("a path")?;
        // Copies of one state derive the same keys; each gateway advances its own.
        fs::copy(theirs, state)?;
        keys.insert("state".to_owned(), text(state)?.into());
        draft.set("dns", "resolver", resolver.to_string());
        Ok(draft)
    }

    /// The world's first relay in front of `gateway`.
    fn relay(world: &World, carrier: Carrier, gateway: SocketAddr) -> Result<Self> {
        let mut draft = Self::of(world, &format!("{}.toml", RELAY_OPERATORS[0]), carrier)?;
        let gateways = draft.0["gateway"].as_array_mut();
        let route = gateways
            .and_then(|gateways| gateways[0].as_table_mut())
            .context("the relay has a gateway")?;
        route.insert("url".to_owned(), carrier.url(gateway).into());
        if carrier == Carrier::Plain {
            route.remove("ca");
        }
        Ok(draft)
    }

    fn table(&mut self, name: &str) -> &mut Table {
        self.0
            .entry(name)
            .or_insert_with(|| Table::new().into())
            .as_table_mut()
            .expect("the name of a table")
    }

    fn set(&mut self, table: &str, key: &str, value: impl Into<Value>) {
        self.table(table).insert(key.to_owned(), value.into());
    }

    fn listen(&mut self, address: &str) {
        self.set("listen", "address", address);
    }

    fn read<T: DeserializeOwned>(self) -> Result<T> {
        Ok(self.0.try_into()?)
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the temporary directory is UTF-8")
}

/// A gateway that holds the same keys as the world's, and the directory of its state.
pub struct OwnGateway {
    running: sotto_gateway::Running,
    _directory: TempDir,
}

impl OwnGateway {
    /// Starts one that asks `resolver` and waits `patience` for it.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub async fn start(
        world: &World,
        carrier: Carrier,
        resolver: SocketAddr,
        patience: Duration,
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let state = directory.path().join("gateway.keys");
        let mut draft = Draft::gateway(world, carrier, resolver, &state)?;
        let patience = i64::try_from(patience.as_millis())?;
        draft.set("dns", "timeout_ms", patience);
        let running = Gateway::start(draft.read()?, None).await?;
        running.ready().await;
        Ok(Self {
            running,
            _directory: directory,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Ends it.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}

/// A relay between two taps.
pub struct TappedRelay {
    carrier: Carrier,
    to_relay: Tap,
    to_gateway: Tap,
    running: sotto_relay::Running,
}

impl TappedRelay {
    /// Starts the world's first relay once more, in front of `gateway`.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub async fn start(world: &World, carrier: Carrier, gateway: SocketAddr) -> Result<Self> {
        let to_gateway = Tap::on(gateway)?;
        let draft = Draft::relay(world, carrier, to_gateway.address())?;
        let running = Relay::start(draft.read()?, None).await?;
        Ok(Self {
            carrier,
            to_relay: Tap::on(running.address)?,
            to_gateway,
            running,
        })
    }

    /// A client that comes this way and has no connection yet.
    ///
    /// # Errors
    ///
    /// What is wrong with its setup.
    pub fn client(&self, world: &World) -> Result<Client> {
        let setup = Setup::builder(self.url(), GATEWAY_HOST)
            .anchors(Anchors::parse(world.anchor_text())?)
            .authorities(world.authority_pem())
            .phone_zone(PHONE_ZONE.parse()?)
            .allow_http_not_private(self.carrier == Carrier::Plain)
            .build()?;
        Ok(Client::new(setup)?)
    }

    /// What both wires carry.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// The relay's origin, at the near end of the wire.
    #[must_use]
    pub fn url(&self) -> String {
        self.carrier.url(self.to_relay.address())
    }

    /// The wire between client and relay.
    #[must_use]
    pub fn to_relay(&self) -> &Tap {
        &self.to_relay
    }

    /// The wire between relay and gateway.
    #[must_use]
    pub fn to_gateway(&self) -> &Tap {
        &self.to_gateway
    }

    /// Ends the relay.
    pub async fn shutdown(self) {
        self.running.shutdown().await;
    }
}

/// A process of ours that logs all it can.
#[derive(Debug)]
pub struct TalkativeServer {
    /// Where it listens.
    pub address: SocketAddr,
    admin: SocketAddr,
    service: Service,
    _directory: TempDir,
}

impl TalkativeServer {
    /// `sotto-gateway` with the world's keys, asking `resolver`; logs JSON.
    ///
    /// # Errors
    ///
    /// Why it does not start, with what it said.
    pub fn gateway(
        world: &World,
        carrier: Carrier,
        resolver: SocketAddr,
        patience: Duration,
    ) -> Result<Self> {
        Self::gateway_with(world, carrier, resolver, patience, |_| {})
    }

    /// [`Self::gateway`], with its configuration changed.
    ///
    /// # Errors
    ///
    /// As [`Self::gateway`].
    pub fn gateway_with(
        world: &World,
        carrier: Carrier,
        resolver: SocketAddr,
        patience: Duration,
        change: impl FnOnce(&mut Table),
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let place = own(&directory)?;
        let mut draft = Draft::gateway(world, carrier, resolver, &place.join("gateway.keys"))?;
        change(&mut draft.0);
        draft.set("dns", "timeout_ms", i64::try_from(patience.as_millis())?);
        draft.set("log", "format", "json");
        Self::start("sotto-gateway", draft, directory)
    }

    /// `sotto-relay` in front of `gateway`; logs text.
    ///
    /// # Errors
    ///
    /// Why it does not start, with what it said.
    pub fn relay(world: &World, carrier: Carrier, gateway: SocketAddr) -> Result<Self> {
        Self::relay_with(world, carrier, gateway, |_| {})
    }

    /// [`Self::relay`], with its configuration changed.
    ///
    /// # Errors
    ///
    /// As [`Self::relay`].
    pub fn relay_with(
        world: &World,
        carrier: Carrier,
        gateway: SocketAddr,
        change: impl FnOnce(&mut Table),
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        own(&directory)?;
        let mut draft = Draft::relay(world, carrier, gateway)?;
        change(&mut draft.0);
        Self::start("sotto-relay", draft, directory)
    }

    fn start(program: &str, mut draft: Draft, directory: TempDir) -> Result<Self> {
        let (address, admin) = (ports::free()?, ports::free()?);
        draft.listen(&address.to_string());
        draft.set("admin", "address", admin.to_string());
        draft.set("log", "level", "trace");
        let place = directory.path().join(OWN);
        let file = place.join("config.toml");
        fs::write(&file, draft.0.to_string())?;
        let arguments = ["serve", "--config", text(&file)?];
        let service = Service::start(&binaries::find(program)?, &place, &arguments)?;
        service.wait_until(|| get(admin, "/readyz").is_ok())?;
        Ok(Self {
            address,
            admin,
            service,
            _directory: directory,
        })
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.service.output()
    }

    /// What it tells its operator in numbers.
    ///
    /// # Errors
    ///
    /// That it does not.
    pub fn metrics(&self) -> Result<String> {
        get(self.admin, "/metrics")
    }
}

/// The directory that a service removes at its end, inside the one that the test does.
const OWN: &str = "own";

fn own(directory: &TempDir) -> Result<PathBuf> {
    let place = directory.path().join(OWN);
    fs::create_dir(&place)?;
    Ok(place)
}

/// The content of a resource of an operator's listener, if its status is 200.
fn get(admin: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(ADMIN_TIMEOUT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    ensure!(response.starts_with("HTTP/1.1 200 "), "{response}");
    Ok(response)
}
