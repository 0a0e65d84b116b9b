//! For whom a certificate is, and until when.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustls_pki_types::CertificateDer;
use serde::Serialize;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// What an operator wants to know of a certificate (RFC 5280).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// When it begins to be valid, in Unix seconds.
    pub valid_from: u64,
    /// When it ends to be valid, in Unix seconds.
    pub valid_until: u64,
}

/// Why something is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate")]
pub struct NotACertificate;

impl Certificate {
    /// Reads a certificate. Its signature is not looked at.
    ///
    /// # Errors
    ///
    /// [`NotACertificate`].
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, NotACertificate> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| NotACertificate)?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| NotACertificate)?;
        let names = names
            .into_iter()
            .flat_map(|names| &names.value.general_names);
        let validity = certificate.validity();
        // A certificate may be older than 1970; then it has ended long ago all the same.
        let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
        Ok(Self {
            names: names.filter_map(name).collect(),
            valid_from: seconds(validity.not_before.timestamp()),
            valid_until: seconds(validity.not_after.timestamp()),
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => {
            if let Ok(octets) = <[u8; 4]>::try_from(*octets) {
                return Some(Ipv4Addr::from(octets).to_string());
            }
            let octets = <[u8; 16]>::try_from(*octets).ok()?;
            Some(Ipv6Addr::from(octets).to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_are_read() {
        let names = ["relay.test", "192.0.2.1", "2001:db8::1"].map(str::to_owned);
        let mut params = rcgen::CertificateParams::new(names.clone()).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(
            Certificate::read(certificate.der()),
            Ok(Certificate {
                names: names.to_vec(),
                valid_from: 1_767_225_600,
                valid_until: 1_775_001_600,
            })
        );
        let broken = CertificateDer::from(vec![0x30, 0]);
        assert_eq!(Certificate::read(&broken), Err(NotACertificate));
    }
}
