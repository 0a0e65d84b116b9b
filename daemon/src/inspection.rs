//! What others will make of a certificate: for which name, until when, and by whose word.

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use rustls_pki_types::{ServerName, UnixTime};
use std::time::Duration;

use crate::tls::provider;

/// The last second that a certificate can name, of the year 9999 (RFC 5280 section 4.1.2.5): what expires has done so then.
const END_OF_TIME: u64 = 253_402_300_799;

/// What was found of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether it is for the name asked about.
    pub covers_host: bool,
    /// The last second of its validity, in Unix time; `None` if it never ends.
    pub valid_until: Option<u64>,
    /// Whether it is valid at the time asked about.
    pub is_valid: bool,
    /// Whether an authority among those asked vouches for it at that time.
    pub is_vouched_for: bool,
}

/// Looks at the certificate of `key` as a client would that connects to `host` at the time `now` and believes `roots`.
///
/// # Errors
///
/// Where it is no X.509 certificate of version 3.
pub(crate) fn inspect(
    key: &CertifiedKey,
    host: &str,
    roots: &RootCertStore,
    now: u64,
) -> Result<Inspection, Error> {
    let certificate = ParsedCertificate::try_from(key.end_entity_cert()?)?;
    let verify = |roots: &RootCertStore, at: u64| {
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            roots,
            &key.cert[1..],
            UnixTime::since_unix_epoch(Duration::from_secs(at)),
            provider().signature_verification_algorithms.all,
        )
    };
    // Its dates are looked at before anybody who might vouch for it.
    let nobody = RootCertStore::empty();
    let valid_until = match verify(&nobody, END_OF_TIME) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(not_after.as_secs())
        }
        _ => None,
    };
    let is_valid = !matches!(
        verify(&nobody, now),
        Err(Error::InvalidCertificate(
            CertificateError::ExpiredContext { .. } | CertificateError::NotValidYetContext { .. }
        ))
    );
    let covers_host = ServerName::try_from(host)
        .is_ok_and(|host| verify_server_name(&certificate, &host).is_ok());
    Ok(Inspection {
        covers_host,
        valid_until,
        is_valid,
        is_vouched_for: verify(roots, now).is_ok(),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use rustls_pki_types::PrivateKeyDer;

    use super::*;

    #[test]
    fn name_end_and_voucher_are_told() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["gateway.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2027, 1, 1);
        params.not_after = date_time_ymd(2027, 4, 1);
        let (begin, end) = (1_798_761_600, 1_806_537_600);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let certified =
            CertifiedKey::from_der(vec![certificate.clone()], private, &provider()).unwrap();
        let nobody = RootCertStore::empty();
        let mut itself = RootCertStore::empty();
        itself.add(certificate).unwrap();

        let look = |host, roots, now| inspect(&certified, host, roots, now).unwrap();
        let good = look("gateway.test", &itself, end);
        let expected = Inspection {
            covers_host: true,
            valid_until: Some(end),
            is_valid: true,
            is_vouched_for: true,
        };
        assert_eq!(good, expected);
        assert!(!look("other.test", &itself, end).covers_host);
        assert!(!look("gateway.test", &nobody, end).is_vouched_for);
        for outside in [begin - 1, end + 1] {
            let found = look("gateway.test", &itself, outside);
            assert!(!found.is_valid && !found.is_vouched_for, "{outside}");
        }
    }
}
