//! A certification authority that only the test world trusts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ED25519};

/// The file of the authority's certificate.
pub(crate) const AUTHORITY: &str = "ca.pem";

/// The files of a server's certificate and private key.
pub(crate) const CERTIFICATE: &str = "server.pem";
pub(crate) const PRIVATE_KEY: &str = "server.key";

/// Writes [`AUTHORITY`], [`CERTIFICATE`] and [`PRIVATE_KEY`] into `directory`; the certificate is good for
/// `names`, host names and IP addresses.
pub(crate) fn issue(directory: &Path, names: &[&str]) -> Result<()> {
    let key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key)?;
    let issuer = Issuer::new(authority, key);

    // Ed25519, because its signatures all have one length: the tests compare handshakes to the octet.
    let server_key = KeyPair::generate_for(&PKCS_ED25519)?;
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let server = CertificateParams::new(names)?.signed_by(&server_key, &issuer)?;

    let write = |name: &str, text: String| {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    write(AUTHORITY, root.pem())?;
    write(CERTIFICATE, server.pem())?;
    write(PRIVATE_KEY, server_key.serialize_pem())
}
