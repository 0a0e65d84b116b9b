//! nginx as an oblivious relay resource: software that has never heard of Sotto, and an operator who read RFC 9458.

use std::fmt::Write;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sotto_wire::path;
use tempfile::TempDir;

use crate::service::Service;
use crate::{GATEWAY_HOST, Parties, ports, tools};

/// Where nginx keeps bodies that do not fit its memory; each wants a directory of its own.
const TEMPORARY: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/// The files of its certificate and private key.
const CERTIFICATE: &str = "server.pem";
const PRIVATE_KEY: &str = "server.key";

/// The path of the relay resource.
pub const RESOURCE: &str = "/oblivious/gateway";

/// A relay that knows one gateway, TLS on both hops.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    // The service first: it lets go of its directory before the one above is removed.
    _service: Service,
    directory: TempDir,
}

impl Nginx {
    /// Starts one in front of the gateway of `parties`, with the credentials of their relay.
    ///
    /// # Errors
    ///
    /// That nginx is not installed, or what it said.
    pub fn before(parties: &Parties) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("sotto-nginx-")
            .tempdir()
            .context("no temporary directory")?;
        let place = directory.path().join("nginx");
        fs::create_dir(&place)?;
        // P-256: OpenSSL does not read the form in which rcgen writes Ed25519 keys.
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let own = rcgen::generate_simple_self_signed(names)?;
        for at in [&place, directory.path()] {
            fs::write(at.join(CERTIFICATE), own.cert.pem())?;
        }
        fs::write(place.join(PRIVATE_KEY), own.signing_key.serialize_pem())?;
        let address = ports::free()?;
        fs::write(place.join("nginx.conf"), config(&place, address, parties)?)?;
        let prefix = place.to_str().context("the temporary directory is UTF-8")?;
        let arguments = ["-p", prefix, "-c", "nginx.conf", "-e", "stderr"];
        let service = Service::start(&tools::find("nginx")?, &place, &arguments)?;
        service.wait_until(|| TcpStream::connect(address).is_ok())?;
        Ok(Self {
            address,
            _service: service,
            directory,
        })
    }

    /// The URL of the relay resource.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("https://{}{RESOURCE}", self.address)
    }

    /// Its certificate, which vouches for itself.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join(CERTIFICATE)
    }
}

/// Passes on the content and its media type, and of the client nothing else (RFC 9458 section 6.2).
fn config(place: &Path, address: SocketAddr, parties: &Parties) -> Result<String> {
    let mut text = String::new();
    // Unless root starts it, nginx says that it does without this line.
    writeln!(
        text,
        "user root;\ndaemon off;\nworker_processes 1;\npid nginx.pid;"
    )?;
    writeln!(
        text,
        "events {{ worker_connections 64; }}\nhttp {{\naccess_log off;"
    )?;
    for name in TEMPORARY {
        writeln!(text, "{name}_temp_path {name};")?;
    }
    write!(
        text,
        "server {{\nlisten {address} ssl http2;\n\
         ssl_certificate {certificate};\nssl_certificate_key {key};\n\
         location = {RESOURCE} {{\nlimit_except GET POST {{ deny all; }}\n\
         proxy_pass https://{gateway}{gateway_path};\nproxy_http_version 1.1;\n\
         proxy_ssl_verify on;\nproxy_ssl_trusted_certificate {gateway_ca};\n\
         proxy_ssl_name {GATEWAY_HOST};\nproxy_ssl_server_name on;\n\
         proxy_pass_request_headers off;\nproxy_set_header Host {GATEWAY_HOST};\n\
         proxy_set_header Connection \"\";\nproxy_set_header Content-Type $content_type;\n\
         proxy_set_header Authorization \"{credentials}\";\n}}\n}}\n}}\n",
        certificate = place.join(CERTIFICATE).display(),
        key = place.join(PRIVATE_KEY).display(),
        gateway = parties.to_gateway().address(),
        gateway_path = path::GATEWAY,
        gateway_ca = parties.gateway_ca().display(),
        credentials = parties.relay_credentials(),
    )?;
    Ok(text)
}
