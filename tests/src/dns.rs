//! NSD and Knot as authorities, Unbound as the resolver in front.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use sotto_proof::message;
use sotto_proof::{Question, RecordType};

use crate::ports;
use crate::service::Service;
use crate::sign::Signed;
use crate::tools;
use crate::zones::{Server, Signing, Zone};

/// A DNS server with its address.
#[derive(Debug)]
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    _service: Service,
}

impl Dns {
    /// Starts NSD with its zones of `signed` in `directory`.
    pub(crate) fn nsd(directory: &Path, signed: &Signed) -> Result<Self> {
        let address = ports::free()?;
        let (ip, port) = (address.ip(), address.port());
        let mut config = format!(
            "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  server-count: 1\n  zonesdir: \".\"\n  \
             database: \"\"\n  pidfile: \"nsd.pid\"\n  xfrdfile: \"xfrd.state\"\n  zonelistfile: \"zone.list\"\n  \
             rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n"
        );
        for zone in write_zones(directory, signed, Server::Nsd)? {
            let file = zone.file_name();
            write!(
                config,
                "zone:\n  name: \"{}\"\n  zonefile: \"{file}\"\n",
                zone.origin
            )?;
        }
        Self::start("nsd", directory, &config, address, &["-d", "-c"])
    }

    /// Starts Knot with its zones of `signed` in `directory`, where [`sign_all`](crate::sign::sign_all) has left the keys
    /// of those that it signs.
    pub(crate) fn knot(directory: &Path, signed: &Signed) -> Result<Self> {
        let address = ports::free()?;
        let (ip, port) = (address.ip(), address.port());
        let place = directory.display();
        let mut config = format!(
            "server:\n  rundir: \"{place}\"\n  listen: \"{ip}@{port}\"\n  udp-workers: 1\n  tcp-workers: 1\n  \
             background-workers: 1\ncontrol:\n  listen: \"knot.sock\"\ndatabase:\n  storage: \"{place}\"\n\
             policy:\n  - id: online\n    manual: on\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n\
             mod-onlinesign:\n  - id: online\n    policy: online\n    nsec-bitmap: [A, AAAA]\n\
             template:\n  - id: default\n    storage: \"{place}\"\n    zonefile-sync: -1\n    \
             journal-content: none\n    semantic-checks: off\nzone:\n"
        );
        for zone in write_zones(directory, signed, Server::Knot)? {
            let file = zone.file_name();
            write!(
                config,
                "  - domain: \"{}\"\n    file: \"{file}\"\n",
                zone.origin
            )?;
            if matches!(zone.signing, Signing::Online) {
                config += "    module: mod-onlinesign/online\n";
            }
        }
        Self::start("knotd", directory, &config, address, &["-c"])
    }

    /// Starts Unbound, which asks `authority` for each of `zones` and validates from `anchor`.
    pub(crate) fn unbound(
        directory: &Path,
        zones: &[Zone],
        anchor: &Path,
        authority: &HashMap<Server, SocketAddr>,
    ) -> Result<Self> {
        let address = ports::free()?;
        let (ip, port) = (address.ip(), address.port());
        let mut config = format!(
            "server:\n  interface: {ip}@{port}\n  port: {port}\n  username: \"\"\n  chroot: \"\"\n  \
             directory: \"{0}\"\n  pidfile: \"unbound.pid\"\n  do-daemonize: no\n  use-syslog: no\n  \
             num-threads: 1\n  do-ip6: no\n  do-not-query-localhost: no\n  trust-anchor-file: \"{1}\"\n  \
             local-zone: \"test.\" nodefault\n  module-config: \"validator iterator\"\n\
             remote-control:\n  control-enable: yes\n  control-interface: \"{0}/control\"\n  control-use-cert: no\n",
            directory.display(),
            anchor.display()
        );
        for zone in zones {
            let address = authority
                .get(&zone.server)
                .context("every authority has been started")?;
            write!(
                config,
                "stub-zone:\n  name: \"{}\"\n  stub-addr: {}@{}\n",
                zone.origin,
                address.ip(),
                address.port()
            )?;
        }
        Self::start("unbound", directory, &config, address, &["-d", "-c"])
    }

    /// Starts a server whose configuration is the argument after `arguments`.
    fn start(
        program: &str,
        directory: &Path,
        config: &str,
        address: SocketAddr,
        arguments: &[&str],
    ) -> Result<Self> {
        let file = directory.join(format!("{program}.conf"));
        fs::write(&file, config)
            .with_context(|| format!("{} cannot be written", file.display()))?;
        let file = file.to_str().context("the temporary directory is UTF-8")?;
        let arguments = [arguments, &[file]].concat();
        let service = Service::start(&tools::find(program)?, directory, &arguments)?;
        service.wait_until(|| answers(address))?;
        Ok(Self {
            address,
            _service: service,
        })
    }
}

fn write_zones(directory: &Path, signed: &Signed, server: Server) -> Result<Vec<Zone>> {
    let is_theirs = |zone: &&Zone| zone.server == server;
    let zones: Vec<_> = signed.zones.iter().filter(is_theirs).copied().collect();
    for zone in &zones {
        let text = signed
            .texts
            .get(zone.origin)
            .context("every zone has been signed")?;
        fs::write(directory.join(zone.file_name()), text)?;
    }
    Ok(zones)
}

/// Whether a server answers anything at all over UDP.
fn answers(server: SocketAddr) -> bool {
    let question = Question {
        name: sotto_proof::Name::root(),
        rtype: RecordType::SOA,
    };
    let ask = || -> std::io::Result<usize> {
        let socket = UdpSocket::bind((server.ip(), 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        socket.connect(server)?;
        socket.send(&message::query(1, &question, 1_232))?;
        socket.recv(&mut [0; 4_096])
    };
    ask().is_ok()
}
