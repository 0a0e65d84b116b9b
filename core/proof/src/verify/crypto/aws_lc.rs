//! The primitives over aws-lc-rs.

use aws_lc_rs::{digest, signature};

use super::RsaHash;

pub(super) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts)
}

pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    hash(&digest::SHA256, parts)
}

pub(super) fn sha384(parts: &[&[u8]]) -> [u8; 48] {
    hash(&digest::SHA384, parts)
}

fn hash<const OCTETS: usize>(
    algorithm: &'static digest::Algorithm,
    parts: &[&[u8]],
) -> [u8; OCTETS] {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    let mut octets = [0; OCTETS];
    octets.copy_from_slice(context.finish().as_ref());
    octets
}

/// Verifies a PKCS #1 v1.5 signature under a key whose numbers have no leading zeros.
pub(super) fn rsa(
    hash: RsaHash,
    modulus: &[u8],
    exponent: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    // Their name says "legacy" because of the shortest keys.
    let algorithm = match hash {
        RsaHash::Sha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        RsaHash::Sha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    };
    let key = signature::RsaPublicKeyComponents {
        n: modulus,
        e: exponent,
    };
    key.verify(algorithm, message, signature).is_ok()
}

/// Verifies r and s under an uncompressed point (SEC 1 section 2.3.3).
pub(super) fn p256(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    unparsed(
        &signature::ECDSA_P256_SHA256_FIXED,
        point,
        message,
        signature,
    )
}

/// Verifies r and s under an uncompressed point (SEC 1 section 2.3.3).
pub(super) fn p384(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    unparsed(
        &signature::ECDSA_P384_SHA384_FIXED,
        point,
        message,
        signature,
    )
}

pub(super) fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    unparsed(&signature::ED25519, key, message, signature)
}

fn unparsed(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let key = signature::UnparsedPublicKey::new(algorithm, key);
    key.verify(message, signature).is_ok()
}
