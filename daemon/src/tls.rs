//! TLS by rustls on aws-lc-rs: which groups, which certificate, and how it is replaced.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::{ResolvesClientCert, danger::HandshakeSignatureValid},
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
        verify_tls13_signature,
    },
    server::{
        ClientHello, ParsedCertificate, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};

use crate::{
    config,
    inspection::{Inspection, inspect},
    pin::Pin,
    roots,
};

/// The protocols that are offered, the preferred first (RFC 7301).
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the certificate chain cannot be read, or holds no certificate.
    #[error("{}: no certificate chain: {problem}; give a PEM file with the server's certificate first", file.display())]
    Chain {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file of the private key cannot be read, or holds no key.
    #[error("{}: no private key: {problem}; give a PEM file with one PKCS #8, SEC 1 or PKCS #1 key", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Key and certificate are no pair, or of a kind that is not supported.
    #[error("{}: does not fit the key in {}: {problem}; renew both together", certificate.display(), key.display())]
    Pair {
        /// The file of the certificate chain.
        certificate: PathBuf,
        /// The file of the private key.
        key: PathBuf,
        /// What rustls says.
        problem: rustls::Error,
    },
}

/// The cryptography of all our TLS: aws-lc-rs, the hybrid X25519MLKEM768 preferred.
///
/// Hybrid first, since whoever records a connection today may own a quantum computer tomorrow.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    Arc::new(CryptoProvider {
        kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
        ..aws_lc_rs::default_provider()
    })
}

/// The certificate that one end of a connection shows, replaceable while it is in use: as a server, or as a client that
/// is asked for one.
#[derive(Debug)]
pub struct Certificates {
    files: config::Tls,
    current: ArcSwap<CertifiedKey>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, holds no chain or key, or key and certificate are no pair.
    pub fn load(files: &config::Tls) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self {
            files: files.clone(),
            current: ArcSwap::from_pointee(read(files)?),
        }))
    }

    /// Reads the files again. Connections that are open keep what they have.
    ///
    /// # Errors
    ///
    /// As [`Self::load`]; the certificate in use then stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(read(&self.files)?));
        Ok(())
    }

    /// Looks at the certificate in use as a client would that connects to `host` at the time `now`, in Unix seconds, and
    /// believes the system's certification authorities.
    ///
    /// # Errors
    ///
    /// Where it is no X.509 certificate of version 3.
    pub fn inspect(&self, host: &str, now: u64) -> Result<Inspection, rustls::Error> {
        inspect(&self.current.load(), host, &roots::of_system(), now)
    }

    /// The pin by which the other end knows the certificate in use.
    ///
    /// # Errors
    ///
    /// Where it is no X.509 certificate of version 3.
    pub fn pin(&self) -> Result<Pin, rustls::Error> {
        Pin::of(self.current.load().end_entity_cert()?)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl ResolvesClientCert for Certificates {
    /// Shown to whichever authorities the server names: it knows this certificate by its pin.
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load_full();
        current
            .key
            .choose_scheme(schemes)
            .is_some()
            .then_some(current)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Asks a client for a certificate, requires none, and believes it in one thing: that the client holds its key.
///
/// Whoever signed it and when are not looked at. Who the client is, its [`Pin`] tells those who know it.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        ParsedCertificate::try_from(certificate)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The configuration of a TLS server, which asks clients for a certificate or does not: no early data, since it can be
/// replayed (RFC 8446 section 8).
pub(crate) fn server_config(
    certificates: Arc<Certificates>,
    asks_for_certificates: bool,
) -> Arc<ServerConfig> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3");
    let builder = if asks_for_certificates {
        builder.with_client_cert_verifier(Arc::new(AnyCertificate(algorithms)))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_cert_resolver(certificates);
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    config.max_early_data_size = 0;
    Arc::new(config)
}

fn read(files: &config::Tls) -> Result<CertifiedKey, TlsError> {
    let no_chain = |problem: String| TlsError::Chain {
        file: files.certificate.clone(),
        problem,
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| no_chain(error.to_string()))?;
    if chain.is_empty() {
        return Err(no_chain("no PEM section CERTIFICATE".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsError::Key {
        file: files.key.clone(),
        problem: error.to_string(),
    })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|problem| TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        problem,
    })
}
