//! Knot DNS, which signs an update before it answers.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, ensure};

use super::{Manual, NARROW, SECRET, follow};
use crate::service::Service;
use crate::tools::find;

/// Where the manual keeps files.
const ETC: &str = "/etc/knot/";

/// What the manual gives the zone, to which the tests add their own.
const ACL: &str = "    acl: mimi\n";

pub(super) fn start(place: &Path, address: SocketAddr, manual: &Manual) -> Result<Service> {
    follow(manual, ETC, place)?;
    let (ip, port, storage) = (address.ip(), address.port(), place.display());
    ensure!(manual.config.contains(ACL), "{}", manual.config);
    let manual = manual
        .config
        .replace(ETC, &format!("{storage}/"))
        .replace(ACL, "    acl: [mimi, narrow, transfer]\n");
    let config = format!(
        "server:\n  rundir: \"{storage}\"\n  listen: \"{ip}@{port}\"\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\ncontrol:\n  listen: \"knot.sock\"\ndatabase:\n  storage: \"{storage}\"\n\
         key:\n  - id: idle\n    algorithm: hmac-sha256\n    secret: {SECRET}\n  \
         - id: narrow\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
         acl:\n  - id: transfer\n    address: {ip}\n    action: transfer\n  \
         - id: narrow\n    key: narrow\n    action: update\n    update-owner: name\n    \
         update-owner-match: sub-or-equal\n    update-owner-name: {NARROW}.\n\
         template:\n  - id: default\n    storage: \"{storage}\"\n    file: \"%s.zone\"\n    zonefile-sync: -1\n\
         {manual}  - domain: plain.example\n    acl: [mimi, transfer]\n"
    );
    fs::write(place.join("knot.conf"), config)?;
    Service::start(&find("knotd")?, place, &["-c", "knot.conf"])
}
