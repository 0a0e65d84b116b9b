//! The primitives over the crates of RustCrypto and dalek, for targets without a C compiler.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use ed25519_dalek::Verifier as _;
use sha2::Digest;

use super::RsaHash;

pub(super) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    hash::<sha1::Sha1>(parts).into()
}

pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    hash::<sha2::Sha256>(parts).into()
}

pub(super) fn sha384(parts: &[&[u8]]) -> [u8; 48] {
    hash::<sha2::Sha384>(parts).into()
}

fn hash<D: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// What PKCS #1 v1.5 puts before the digest to name it (RFC 8017 section 9.2, note 1).
const SHA256_PREFIX: &[u8] =
    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
const SHA512_PREFIX: &[u8] =
    b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40";

/// Verifies a PKCS #1 v1.5 signature under a key whose numbers have no leading zeros.
///
/// Compares with the one encoding there is (RFC 8017 section 8.2.2), and parses none, so nothing
/// is left to be lenient about. All numbers are public: time tells nobody anything.
pub(super) fn rsa(
    hash: RsaHash,
    modulus: &[u8],
    exponent: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    // As many octets, so that the order of octets is that of numbers.
    if signature.len() != modulus.len() || signature >= modulus {
        return false;
    }
    let digest_info = match hash {
        RsaHash::Sha256 => [SHA256_PREFIX, &sha256(&[message])].concat(),
        RsaHash::Sha512 => [SHA512_PREFIX, &sha2::Sha512::digest(message)].concat(),
    };
    let Some(padding) = modulus.len().checked_sub(digest_info.len() + 3) else {
        return false;
    };
    let expected = [&[0, 1][..], &vec![0xff; padding], &[0], &digest_info].concat();

    let number = |octets| BoxedUint::from_be_slice(octets, modulus.len() as u32 * 8).ok();
    let (Some(modulus), Some(exponent), Some(signature)) =
        (number(modulus), number(exponent), number(signature))
    else {
        return false;
    };
    let Some(modulus) = Odd::new(modulus).into_option() else {
        return false;
    };
    let parameters = BoxedMontyParams::new_vartime(modulus);
    let power = BoxedMontyForm::new(signature, &parameters)
        .pow_bounded_exp(&exponent, exponent.bits_vartime())
        .retrieve();
    number(&expected).is_some_and(|expected| power == expected)
}

/// Verifies r and s under an uncompressed point (SEC 1 section 2.3.3).
pub(super) fn p256(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    use p256::ecdsa::{Signature, VerifyingKey};

    let key = VerifyingKey::from_sec1_bytes(point);
    let signature = Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

/// Verifies r and s under an uncompressed point (SEC 1 section 2.3.3).
pub(super) fn p384(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    use p384::ecdsa::{Signature, VerifyingKey};

    let key = VerifyingKey::from_sec1_bytes(point);
    let signature = Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

pub(super) fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    use ed25519_dalek::{Signature, VerifyingKey};

    let key = VerifyingKey::try_from(key);
    let signature = Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}
