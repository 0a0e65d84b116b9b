//! The DNS of the test world, whole.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::dns::Dns;
use crate::parties::{GATEWAY_HOST, GatewayKeys};
use crate::sign::{Signed, sign_all};
use crate::zones::{Server, ZONES, ZOO, Zone};
use crate::{binaries, tools};

/// Signed zones, two authorities, a resolver, and the keys of the gateway that the zones vouch for.
#[derive(Debug)]
pub struct Hierarchy {
    // Servers first: they let go of their directories before the directory above is removed.
    resolver: Dns,
    authorities: [Dns; 2],
    origins: Vec<&'static str>,
    keys: GatewayKeys,
    anchor: PathBuf,
    delv_anchor: PathBuf,
    directory: TempDir,
}

impl Hierarchy {
    /// The hierarchy of this test process, made by whoever asks first: it takes a second or two.
    ///
    /// # Errors
    ///
    /// What could not be signed or started, and what to do about it.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Hierarchy, String>> = OnceLock::new();
        Self::once(&SHARED, || ZONES.to_vec())
    }

    /// The hierarchy of this test process with the zoo in it: zones of every kind below `zoo.`, whole, broken, and
    /// in between.
    ///
    /// # Errors
    ///
    /// What could not be signed or started, and what to do about it.
    pub fn zoo() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Hierarchy, String>> = OnceLock::new();
        Self::once(&SHARED, || [ZONES, ZOO].concat())
    }

    fn once(
        shared: &'static OnceLock<Result<Self, String>>,
        zones: impl FnOnce() -> Vec<Zone>,
    ) -> Result<&'static Self> {
        shared
            .get_or_init(|| {
                Self::start(zones(), HashMap::new()).map_err(|error| format!("{error:#}"))
            })
            .as_ref()
            .map_err(|error| anyhow::anyhow!("the test hierarchy does not stand: {error}"))
    }

    /// The address of Unbound.
    #[must_use]
    pub fn resolver(&self) -> SocketAddr {
        self.resolver.address
    }

    /// The address of a name server of its zones, which offers no recursion.
    #[must_use]
    pub fn authority(&self) -> SocketAddr {
        self.authorities[0].address
    }

    /// The origins of its zones.
    pub fn origins(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.origins.iter().copied()
    }

    /// A file with the DS line of the root.
    #[must_use]
    pub fn anchor(&self) -> &Path {
        &self.anchor
    }

    /// Has `sotto-gateway prove` gather a proof through Unbound, as an operator would.
    ///
    /// # Errors
    ///
    /// That it could not, with what it said.
    pub fn prove(&self, name: &str, rtype: &str) -> Result<Vec<u8>> {
        let directory = tempfile::tempdir().context("no temporary directory")?;
        let binary = binaries::find("sotto-gateway")?;
        let binary = binary.to_str().context("the target directory is UTF-8")?;
        let resolver = self.resolver().to_string();
        let arguments = ["prove", name, rtype, "--resolver", &resolver, "-o", "proof"];
        tools::run(binary, directory.path(), arguments)?;
        Ok(fs::read(directory.path().join("proof"))?)
    }

    /// The same root key in the form that delv reads.
    pub(crate) fn delv_anchor(&self) -> &Path {
        &self.delv_anchor
    }

    /// The keys of the gateway `gateway.test`.
    pub(crate) fn keys(&self) -> &GatewayKeys {
        &self.keys
    }

    /// The directory of its servers.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Signs and serves `zones`, with further lines by origin.
    pub(crate) fn start(zones: Vec<Zone>, additions: HashMap<&str, String>) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("sotto-tests-")
            .tempdir()
            .context("no temporary directory")?;
        let place = |name: &str| -> Result<PathBuf> {
            let path = directory.path().join(name);
            fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
            Ok(path)
        };
        let (nsd, knot, unbound) = (place("nsd")?, place("knot")?, place("unbound")?);
        let keys = GatewayKeys::make(&binaries::find("sotto-gateway")?, &unbound)?;
        let zone = format!("{GATEWAY_HOST}.");
        let mut additions: HashMap<&str, String> = additions;
        additions.insert(&zone, keys.records().to_owned());
        let signed = sign_all(zones, crate::now(), &additions, &knot)?;
        let (anchor, delv_anchor) = write_anchors(&unbound, &signed)?;
        let nsd = Dns::nsd(&nsd, &signed)?;
        let knot = Dns::knot(&knot, &signed)?;
        let authorities = HashMap::from([(Server::Nsd, nsd.address), (Server::Knot, knot.address)]);
        Ok(Self {
            resolver: Dns::unbound(&unbound, &signed.zones, &anchor, &authorities)?,
            authorities: [nsd, knot],
            origins: signed.zones.iter().map(|zone| zone.origin).collect(),
            keys,
            anchor,
            delv_anchor,
            directory,
        })
    }
}

fn write_anchors(directory: &Path, signed: &Signed) -> Result<(PathBuf, PathBuf)> {
    let (anchor, delv_anchor) = (directory.join("root.ds"), directory.join("root.keys"));
    fs::write(&anchor, &signed.root_ds)?;
    let fields: Vec<_> = signed.root_key.split_whitespace().collect();
    let key = fields
        .iter()
        .position(|field| *field == "DNSKEY")
        .and_then(|at| fields.get(at + 1..));
    let [flags, protocol, algorithm, key @ ..] = key.context("dnssec-keygen writes a DNSKEY")?
    else {
        anyhow::bail!("the DNSKEY of the root is too short");
    };
    let key = key.concat();
    let text =
        format!("trust-anchors {{ . static-key {flags} {protocol} {algorithm} \"{key}\"; }};\n");
    fs::write(&delv_anchor, text)?;
    Ok((anchor, delv_anchor))
}
