//! PowerDNS on SQLite, which signs what it answers.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;

use super::{Manual, PLAIN, SECRET, ZONE, follow};
use crate::authority::powerdns_database;
use crate::service::Service;
use crate::tools::{find, run};

/// Where the manual keeps files.
const ETC: &str = "/etc/powerdns/";

pub(super) fn start(place: &Path, address: SocketAddr, manual: &Manual) -> Result<Service> {
    powerdns_database(place)?;
    let (ip, port, folder) = (address.ip(), address.port(), place.display());
    let mut config = fs::read_to_string(place.join("pdns.conf"))?;
    write!(
        config,
        "local-address={ip}\nlocal-port={port}\nsocket-dir={folder}\nguardian=no\ndaemon=no\n\
         disable-syslog=yes\ndname-processing=yes\n{}",
        manual.config
    )?;
    fs::write(place.join("pdns.conf"), config)?;
    // The manual's pdnsutil works on this server's database.
    let bin = place.join("bin");
    fs::create_dir(&bin)?;
    let pdnsutil = bin.join("pdnsutil");
    let script = format!(
        "#!/bin/sh\nexec {} --config-dir={folder} \"$@\"\n",
        find("pdnsutil")?.display()
    );
    fs::write(&pdnsutil, script)?;
    fs::set_permissions(&pdnsutil, fs::Permissions::from_mode(0o755))?;
    let own = |arguments: &[&str]| run(&pdnsutil.display().to_string(), place, arguments.to_vec());
    own(&["load-zone", ZONE, "example.com.zone"])?;
    own(&["load-zone", PLAIN, "plain.example.zone"])?;
    own(&["import-tsig-key", "idle", "hmac-sha256", SECRET])?;
    own(&["set-meta", PLAIN, "TSIG-ALLOW-DNSUPDATE", "mimi-updates"])?;
    follow(manual, ETC, place)?;
    let folder = format!("--config-dir={folder}");
    Service::start(&find("pdns_server")?, place, &[&folder])
}
