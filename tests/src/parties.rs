//! The gateway and the relay, as processes, run by different operators.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sotto_envelope::schedule::Ratchet;
use tempfile::TempDir;

use crate::ca;
use crate::impostor::Impostor;
use crate::ports;
use crate::service::Service;
use crate::tap::Tap;
use crate::{Hierarchy, binaries, tools};

/// The gateway's host name; its zone carries the key record.
pub const GATEWAY_HOST: &str = "gateway.test";

const GATEWAY_OPERATOR: &str = "gateway-operator.test";
const RELAY_OPERATOR: &str = "relay-operator.test";

/// The bearer token by which the gateway knows the relay.
const TOKEN: &str = "7f3d0a51c2e94b8896d1e0f4a7b3c5d27f3d0a51c2e94b8896d1e0f4a7b3c5d2";

/// The state of the gateway's key schedule, and the records that bind it to the gateway's zone.
#[derive(Debug)]
pub(crate) struct GatewayKeys {
    state: PathBuf,
    records: String,
}

impl GatewayKeys {
    /// Has `sotto-gateway keys` make them in `directory`.
    pub(crate) fn make(binary: &Path, directory: &Path) -> Result<Self> {
        let (state, config) = (directory.join("gateway.keys"), directory.join("keys.toml"));
        let text = format!(
            "host = \"{GATEWAY_HOST}\"\noperator = \"{GATEWAY_OPERATOR}\"\nopen_to_any_relay = true\n\
             [listen]\naddress = \"127.0.0.1:0\"\nplain_http = true\n[keys]\nstate = \"{}\"\n",
            state.display()
        );
        fs::write(&config, text)?;
        let binary = binary.to_str().context("the target directory is UTF-8")?;
        let config = config
            .to_str()
            .context("the temporary directory is UTF-8")?;
        tools::run(binary, directory, ["keys", "init", "--config", config])?;
        let records = tools::run(binary, directory, ["keys", "publish", "--config", config])?;
        Ok(Self { state, records })
    }

    /// The schedule.
    pub(crate) fn ratchet(&self) -> Result<Ratchet> {
        Ok(Ratchet::from_state(&fs::read_to_string(&self.state)?)?)
    }

    /// Zone lines.
    pub(crate) fn records(&self) -> &str {
        &self.records
    }
}

/// One gateway behind one relay, TLS on both hops.
#[derive(Debug)]
pub struct Parties {
    // The relay first, so that nothing is forwarded to a gateway that has gone.
    _relay: Service,
    _gateway: Option<Service>,
    to_relay: Tap,
    to_gateway: Tap,
    directory: TempDir,
}

impl Parties {
    /// The parties of this test process over its hierarchy.
    ///
    /// # Errors
    ///
    /// What could not be started, with what it said.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Parties, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                Hierarchy::shared()
                    .and_then(Self::start)
                    .map_err(|error| format!("{error:#}"))
            })
            .as_ref()
            .map_err(|error| anyhow::anyhow!("relay and gateway do not stand: {error}"))
    }

    /// Starts a gateway over `hierarchy` and a relay in front of it.
    ///
    /// # Errors
    ///
    /// What could not be started, with what it said.
    pub fn start(hierarchy: &Hierarchy) -> Result<Self> {
        let directory = directory()?;
        let place = place(&directory, "gateway")?;
        ca::issue(&place, &[GATEWAY_HOST, "localhost", "127.0.0.1"])?;
        let (gateway, address) = start_gateway(&place, hierarchy)?;
        let authority = place.join(ca::AUTHORITY);
        Self::around(directory, Some(gateway), address, Some(&authority), "")
    }

    /// Starts a relay in front of something that pretends to be the gateway.
    ///
    /// # Errors
    ///
    /// What could not be started, with what it said.
    pub fn before(impostor: &Impostor) -> Result<Self> {
        Self::around(directory()?, None, impostor.address(), None, "")
    }

    /// Starts a relay in front of a gateway that is none of ours, at which bodies have any size.
    ///
    /// # Errors
    ///
    /// What could not be started, with what it said.
    pub fn before_foreign(gateway: SocketAddr) -> Result<Self> {
        Self::around(directory()?, None, gateway, None, "body = \"any\"\n")
    }

    fn around(
        directory: TempDir,
        gateway: Option<Service>,
        address: SocketAddr,
        authority: Option<&Path>,
        bodies: &str,
    ) -> Result<Self> {
        let to_gateway = Tap::on(address)?;
        let place = place(&directory, "relay")?;
        ca::issue(&place, &["localhost", "127.0.0.1"])?;
        let (relay, address) = start_relay(&place, to_gateway.address(), authority, bodies)?;
        Ok(Self {
            _relay: relay,
            _gateway: gateway,
            to_relay: Tap::on(address)?,
            to_gateway,
            directory,
        })
    }

    /// The relay's origin, at the near end of [`Self::to_relay`].
    #[must_use]
    pub fn relay_url(&self) -> String {
        format!("https://{}", self.to_relay.address())
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

    /// The certificate of the authority that vouches for the relay.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join("relay").join(ca::AUTHORITY)
    }

    /// The certificate of the authority that vouches for the gateway.
    #[must_use]
    pub fn gateway_ca(&self) -> PathBuf {
        self.directory.path().join("gateway").join(ca::AUTHORITY)
    }

    /// What the relay says to the gateway to be admitted: the value of Authorization.
    #[must_use]
    pub fn relay_credentials(&self) -> String {
        format!("Bearer {TOKEN}")
    }
}

/// Writes all that a gateway over `hierarchy` needs into `place`, an empty directory, and returns its configuration file.
///
/// # Errors
///
/// That a file cannot be written.
pub fn install_gateway(place: &Path, hierarchy: &Hierarchy) -> Result<PathBuf> {
    furnish(place)?;
    ca::issue(place, &[GATEWAY_HOST])?;
    let config = gateway_config(place, hierarchy, ports::free()?, ports::free()?)?;
    let file = place.join("config.toml");
    fs::write(&file, config)?;
    Ok(file)
}

fn start_gateway(place: &Path, hierarchy: &Hierarchy) -> Result<(Service, SocketAddr)> {
    let (address, admin) = (ports::free()?, ports::free()?);
    let config = gateway_config(place, hierarchy, address, admin)?;
    Ok((serve("sotto-gateway", place, &config, admin)?, address))
}

fn gateway_config(
    place: &Path,
    hierarchy: &Hierarchy,
    address: SocketAddr,
    admin: SocketAddr,
) -> Result<String> {
    let state = place.join("gateway.keys");
    // Instances that share a copy of the state derive the same keys; each advances its own copy.
    fs::copy(&hierarchy.keys().state, &state)
        .context("the gateway's key state cannot be copied")?;
    Ok(format!(
        "host = \"{GATEWAY_HOST}\"\noperator = \"{GATEWAY_OPERATOR}\"\n\
         [listen]\naddress = \"{address}\"\n\
         [listen.tls]\ncertificate = \"{place}/{certificate}\"\nkey = \"{place}/{key}\"\n\
         [admin]\naddress = \"{admin}\"\n[keys]\nstate = \"{state}\"\n\
         [dns]\nresolver = \"{resolver}\"\nanchor = \"{anchor}\"\n\
         [names]\nmimi_type = 65400\nsuffixes = [\"_user._bitcoin-payment\", \"user._bitcoin-payment\"]\n\
         [[relay]]\nname = \"{RELAY_OPERATOR}\"\ntoken_file = \"{place}/token\"\n\
         [log]\nlevel = \"trace\"\n",
        place = place.display(),
        certificate = ca::CERTIFICATE,
        key = ca::PRIVATE_KEY,
        state = state.display(),
        resolver = hierarchy.resolver(),
        anchor = hierarchy.anchor().display(),
    ))
}

/// Starts a relay in front of `gateway`, over HTTPS if an authority vouches for it.
fn start_relay(
    place: &Path,
    gateway: SocketAddr,
    authority: Option<&Path>,
    bodies: &str,
) -> Result<(Service, SocketAddr)> {
    let (address, admin) = (ports::free()?, ports::free()?);
    let route = authority.map_or_else(
        || format!("url = \"http://{gateway}\"\n"),
        |authority| {
            format!(
                "url = \"https://{gateway}\"\nca = \"{}\"\n",
                authority.display()
            )
        },
    );
    let config = format!(
        "operator = \"{RELAY_OPERATOR}\"\ncontact = \"mailto:noc@{RELAY_OPERATOR}\"\n\
         [listen]\naddress = \"{address}\"\n\
         [listen.tls]\ncertificate = \"{place}/{certificate}\"\nkey = \"{place}/{key}\"\n\
         [admin]\naddress = \"{admin}\"\n\
         [[gateway]]\nhost = \"{GATEWAY_HOST}\"\ntoken_file = \"{place}/token\"\n{bodies}{route}[log]\nlevel = \"trace\"\n",
        place = place.display(),
        certificate = ca::CERTIFICATE,
        key = ca::PRIVATE_KEY,
    );
    Ok((serve("sotto-relay", place, &config, admin)?, address))
}

fn directory() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("sotto-parties-")
        .tempdir()
        .context("no temporary directory")
}

fn place(directory: &TempDir, name: &str) -> Result<PathBuf> {
    let path = directory.path().join(name);
    fs::create_dir(&path)?;
    furnish(&path)?;
    Ok(path)
}

/// Puts the token into a directory.
fn furnish(place: &Path) -> Result<()> {
    tools::write_secret(&place.join("token"), &format!("{TOKEN}\n"))
}

fn serve(program: &str, place: &Path, config: &str, admin: SocketAddr) -> Result<Service> {
    let file = place.join("config.toml");
    fs::write(&file, config)?;
    let file = file.to_str().context("the temporary directory is UTF-8")?;
    let service = Service::start(
        &binaries::find(program)?,
        place,
        &["serve", "--config", file],
    )?;
    service.wait_until(|| admin_get(admin, "/readyz").is_ok())?;
    Ok(service)
}

/// The content of a resource of an admin listener.
fn admin_get(admin: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    match response.split_once("\r\n\r\n") {
        Some((head, content)) if head.starts_with("HTTP/1.1 200") => Ok(content.to_owned()),
        _ => bail!("{path} answers {response:?}"),
    }
}
