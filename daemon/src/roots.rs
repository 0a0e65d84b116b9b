//! Whom our own connections believe: the system's certification authorities, and one that is configured.

use std::path::{Path, PathBuf};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::tls::provider;

/// Why no certificate could be judged.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file cannot be read, or holds no certificate.
    #[error("`ca` {}: {problem}; give a PEM file with at least one CA certificate", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no certification authority at all.
    #[error(
        "no certification authority is known; install the system's (package ca-certificates) or set `ca`"
    )]
    None,
}

/// A client that believes the system's certification authorities and those in the PEM file `ca`, and has no
/// certificate of its own.
///
/// # Errors
///
/// [`RootsError`].
pub fn client_config(ca: Option<&Path>) -> Result<ClientConfig, RootsError> {
    let mut roots = of_system();
    if let Some(file) = ca {
        let bad = |problem: String| RootsError::File {
            file: file.to_owned(),
            problem,
        };
        let extra = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| bad(error.to_string()))?;
        if extra.is_empty() {
            return Err(bad("no PEM section CERTIFICATE".to_owned()));
        }
        for certificate in extra {
            roots
                .add(certificate)
                .map_err(|error| bad(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        return Err(RootsError::None);
    }
    Ok(of_roots(roots))
}

/// The system's certification authorities.
pub(crate) fn of_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // What the system holds that is no certificate is not ours to complain of.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// A client that believes nobody: for a connection that is not to use TLS.
#[must_use]
pub fn believes_nobody() -> ClientConfig {
    of_roots(RootCertStore::empty())
}

fn of_roots(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("the provider has suites for TLS 1.2 and 1.3"))
        .with_root_certificates(roots)
        .with_no_client_auth()
}
