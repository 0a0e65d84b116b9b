//! Whether each provider that records name has a directory: asked only if wanted, since it tells them who checks.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sotto_mimi::{DIRECTORY_MAX_OCTETS, Directory, Domain, Port, Service, is_public_address};
use sotto_publish::check::{Code, Finding};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::report::Checked;
use crate::config::Settings;
use crate::failure::Failure;
use crate::files;
use crate::terminal::escape;

/// How long one provider may take, name resolution included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Contacts every provider of the report, and adds what comes of it.
pub(super) fn contact(
    checked: &mut Checked,
    settings: &Settings,
    json: bool,
) -> Result<(), Failure> {
    let providers = std::mem::take(&mut checked.report.providers);
    if providers.is_empty() {
        return Ok(());
    }
    let tls = TlsConnector::from(Arc::new(tls(settings)?));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::own(
                "client_failed",
                error,
                "report it as a defect of this software",
            )
        })?;
    for (domain, port) in &providers {
        if !json {
            let said =
                format!("contacting {domain}: it and this machine's resolver learn your address");
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{}", escape(&said));
        }
        let outcome = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, directory(domain, *port, &tls))
                .await
                .unwrap_or_else(|_| {
                    Err(Trouble::unreachable(format!(
                        "no answer within {} s",
                        PATIENCE.as_secs()
                    )))
                })
        });
        if let Err(Trouble { code, what }) = outcome {
            let name = domain.as_str().parse();
            let finding = match name {
                Ok(name) => Finding::of(code, &name, what),
                Err(_) => Finding::of_file(code, format!("{domain}: {what}")),
            };
            checked.report.add(finding);
        }
    }
    checked.report.providers = providers;
    Ok(())
}

/// Why a provider has no directory.
struct Trouble {
    code: Code,
    what: String,
}

impl Trouble {
    fn unreachable(what: impl Into<String>) -> Self {
        Self {
            code: Code::ProviderUnreachable,
            what: what.into(),
        }
    }
}

/// Fetches the directory of a provider, from a public address alone.
async fn directory(domain: &Domain, port: Option<Port>, tls: &TlsConnector) -> Result<(), Trouble> {
    let number = port.unwrap_or(Port::HTTPS).number();
    let resolved = tokio::net::lookup_host((domain.as_str(), number)).await;
    let addresses: Vec<SocketAddr> = resolved
        .map_err(|error| Trouble::unreachable(format!("the name has no address: {error}")))?
        .collect();
    let address = chosen(&addresses)?;
    let service = Service {
        provider: domain.clone(),
        port: port.map(Port::number),
        account: None,
        preference: 0,
        label: None,
        tags: Vec::new(),
    };
    fetch(address, domain, &service.directory_url(), tls).await
}

/// The first address that is public.
fn chosen(addresses: &[SocketAddr]) -> Result<SocketAddr, Trouble> {
    let mut public = addresses
        .iter()
        .filter(|address| is_public_address(address.ip()));
    public
        .next()
        .copied()
        .ok_or_else(|| match addresses.first() {
            Some(address) => Trouble {
                code: Code::ProviderPrivateAddress,
                what: format!(
                    "its address {} is not public; it was not contacted",
                    address.ip()
                ),
            },
            None => Trouble::unreachable("the name has no address"),
        })
}

/// Fetches `url` from `address`; nothing is followed.
async fn fetch(
    address: SocketAddr,
    domain: &Domain,
    url: &str,
    tls: &TlsConnector,
) -> Result<(), Trouble> {
    let failed = |what: &'static str| {
        move |error: &dyn std::error::Error| Trouble::unreachable(format!("{what}: {error}"))
    };
    let name = ServerName::try_from(domain.as_str().to_owned())
        .map_err(|error| failed("the name is no host")(&error))?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| failed("no connection")(&error))?;
    let stream = tls
        .connect(name, stream)
        .await
        .map_err(|error| failed("TLS failed")(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed("HTTP failed")(&error))?;
    let driver = tokio::spawn(connection);
    let uri: http::Uri = url
        .parse()
        .map_err(|error| failed("the URL is none")(&error))?;
    let request = Request::get(uri.path())
        .header(
            header::HOST,
            uri.authority().map_or("", |authority| authority.as_str()),
        )
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed("the request cannot be made")(&error))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| failed("HTTP failed")(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), DIRECTORY_MAX_OCTETS)
        .collect()
        .await;
    driver.abort();
    let body = body.map(http_body_util::Collected::to_bytes);
    judge(url, status, body.as_deref().map_err(|_| ()))
}

/// Whether that is a directory: a JSON object (draft-ietf-mimi-protocol-06 section 5.1).
fn judge(url: &str, status: StatusCode, body: Result<&[u8], ()>) -> Result<(), Trouble> {
    let no_directory = |what: String| {
        Err(Trouble {
            code: Code::ProviderNoDirectory,
            what,
        })
    };
    if status != StatusCode::OK {
        return no_directory(format!("{url} answers with status {}", status.as_u16()));
    }
    match body.map(Directory::parse) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => no_directory(format!("{url}: {error}")),
        Err(()) => no_directory(format!("{url} cannot be read to its end")),
    }
}

/// TLS that trusts the system's certification authorities, and those of the settings.
fn tls(settings: &Settings) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    // What a system's store holds beside usable certificates is no concern of ours.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = settings.ca() {
        let pem = files::read(
            "the file of certification authorities",
            path,
            files::TEXT_MAX_OCTETS,
        )?;
        let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        roots.add_parsable_certificates(certificates);
    }
    if roots.is_empty() {
        return Err(Failure::own(
            "no_authorities",
            "there are no certification authorities",
            "install the system's certificates, or give some with --ca",
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Failure::own(
                "client_failed",
                error,
                "report it as a defect of this software",
            )
        })?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_a_json_object() {
        let code = |status, body| {
            judge("https://x", status, body)
                .err()
                .map(|trouble| trouble.code)
        };
        assert_eq!(code(StatusCode::OK, Ok(b"{\"keyMaterial\":\"\"}")), None);
        for (status, body) in [
            (StatusCode::NOT_FOUND, Ok(&b"{}"[..])),
            (StatusCode::FOUND, Ok(b"{}")),
            (StatusCode::OK, Ok(b"<html>")),
            (StatusCode::OK, Ok(b"[]")),
            (StatusCode::OK, Err(())),
        ] {
            assert_eq!(code(status, body), Some(Code::ProviderNoDirectory));
        }
    }

    #[test]
    fn private_addresses_are_passed_over_and_told_if_there_is_no_other() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (private, public) = (address("10.0.0.1:443"), address("8.8.8.8:443"));
        assert_eq!(chosen(&[private, public]).ok(), Some(public));
        let code = |addresses: &[SocketAddr]| chosen(addresses).err().map(|trouble| trouble.code);
        assert_eq!(code(&[private]), Some(Code::ProviderPrivateAddress));
        assert_eq!(code(&[]), Some(Code::ProviderUnreachable));
    }
}
