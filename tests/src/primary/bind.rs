//! BIND, whose policy tells who may change which names and types.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, ensure};

use super::{ALGORITHMS, Manual, NARROW, follow, key_clause};
use crate::service::Service;
use crate::tools::find;

/// Where the manual keeps files.
const ETC: &str = "/etc/bind/";

/// What the manual grants, to which the tests add their own.
const GRANT: &str = "        grant mimi-updates zonesub TXT;\n";

pub(super) fn start(place: &Path, address: SocketAddr, manual: &Manual) -> Result<Service> {
    follow(manual, ETC, place)?;
    let (ip, port, folder) = (address.ip(), address.port(), place.display());
    ensure!(manual.config.contains(GRANT), "{}", manual.config);
    let narrow = format!("{GRANT}        grant narrow subdomain {NARROW}. TXT;\n");
    let manual = manual
        .config
        .replace(ETC, &format!("{folder}/"))
        .replace(GRANT, &narrow);
    let mut keys = key_clause("idle", "hmac-sha256") + &key_clause("narrow", "hmac-sha256");
    for algorithm in ALGORITHMS {
        keys += &key_clause(algorithm, algorithm);
    }
    let config = format!(
        "options {{ directory \"{folder}\"; pid-file none; session-keyfile none; recursion no; notify no; \
         listen-on port {port} {{ {ip}; }}; listen-on-v6 {{ none; }}; }};\ncontrols {{ }};\n\
         {keys}{manual}\nzone \"plain.example\" {{ type primary; file \"plain.example.zone\"; \
         allow-update {{ key mimi-updates; }}; }};\n"
    );
    fs::write(place.join("named.conf"), config)?;
    Service::start(&find("named")?, place, &["-g", "-c", "named.conf"])
}
