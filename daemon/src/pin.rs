//! The pin of a certificate: by which key, not by whose signature, one server knows another.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Deserializer, de};

/// What stands before the digest in the text of a pin.
const SCHEME: &str = "sha256:";

/// SHA-256 over the DER `SubjectPublicKeyInfo` of a certificate, as in RFC 7469 section 2.4.
///
/// So a certificate may be self-signed, and be renewed as often as one likes, as long as its key stays.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; digest::SHA256_OUTPUT_LEN]);

impl Pin {
    /// The pin of `certificate`.
    ///
    /// # Errors
    ///
    /// Where it is no X.509 certificate of version 3 (RFC 5280).
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let mut pin = [0; digest::SHA256_OUTPUT_LEN];
        pin.copy_from_slice(digest::digest(&digest::SHA256, &key).as_ref());
        Ok(Self(pin))
    }
}

/// Why a text is no pin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no pin of a certificate; write {SCHEME} and 64 hexadecimal digits, as `sotto-relay check` prints them"
)]
pub struct NotAPin(String);

impl FromStr for Pin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let mut pin = [0; digest::SHA256_OUTPUT_LEN];
        text.strip_prefix(SCHEME)
            .and_then(|digits| hex::decode_to_slice(digits, &mut pin).ok())
            .map(|()| Self(pin))
            .ok_or_else(|| NotAPin(text.to_owned()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};

    use super::*;

    fn certificate(name: &str, key: &KeyPair) -> CertificateDer<'static> {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        params.self_signed(key).unwrap().der().clone()
    }

    #[test]
    fn a_pin_follows_the_key_and_nothing_else() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let pin = Pin::of(&certificate("relay.test", &key)).unwrap();
        assert_eq!(Pin::of(&certificate("renewed.test", &key)), Ok(pin));
        assert_ne!(Pin::of(&certificate("relay.test", &other)), Ok(pin));
        let expected = digest::digest(&digest::SHA256, &key.subject_public_key_info());
        assert_eq!(
            pin.to_string(),
            format!("sha256:{}", hex::encode(expected.as_ref()))
        );
        assert_eq!(pin.to_string().parse(), Ok(pin));
        assert_eq!(
            pin.to_string().to_uppercase().replace("SHA", "sha").parse(),
            Ok(pin)
        );
    }

    #[test]
    fn what_is_no_pin_is_said() {
        let digits = "0".repeat(64);
        for text in [
            "",
            "sha256:",
            &digits,
            &format!("sha256:{}", &digits[1..]),
            &format!("sha256:{digits}0"),
            &format!("sha1:{digits}"),
            &format!("sha256:{}g", &digits[1..]),
        ] {
            let error = text.parse::<Pin>().unwrap_err().to_string();
            assert!(error.contains("sotto-relay check"), "{error}");
        }
        assert!(Pin::of(&CertificateDer::from(vec![0x30, 0])).is_err());
    }
}
