//! Both libraries accept exactly the same: over honest signatures, over each with octets changed,
//! and where implementations are known to differ.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RsaEncoding, RsaKeyPair,
};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, NonZero, Odd};
use data_encoding::HEXLOWER_PERMISSIVE;

use super::super::{Algorithm, PublicKey, RsaHash, aws_lc, rust};

/// Asks both, and returns what they agree on; a key that does not count is asked about as well.
#[track_caller]
fn both(algorithm: Algorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(public) = PublicKey::parse(algorithm, key) else {
        return false;
    };
    let (by_aws_lc, by_rust) = match &public {
        PublicKey::Rsa {
            hash,
            modulus,
            exponent,
        } => (
            aws_lc::rsa(*hash, modulus, exponent, message, signature),
            rust::rsa(*hash, modulus, exponent, message, signature),
        ),
        PublicKey::P256(point) => (
            aws_lc::p256(point, message, signature),
            rust::p256(point, message, signature),
        ),
        PublicKey::P384(point) => (
            aws_lc::p384(point, message, signature),
            rust::p384(point, message, signature),
        ),
        PublicKey::Ed25519(key) => (
            aws_lc::ed25519(key, message, signature),
            rust::ed25519(key, message, signature),
        ),
    };
    assert_eq!(
        by_aws_lc, by_rust,
        "{algorithm} key {key:02x?} message {message:02x?} signature {signature:02x?}"
    );
    by_rust
}

/// Changes each octet of key and signature in turn, and their lengths: nothing may be accepted but
/// what was signed.
fn mutate(algorithm: Algorithm, key: &[u8], message: &[u8], signature: &[u8]) {
    assert!(both(algorithm, key, message, signature), "{algorithm}");
    assert!(!both(algorithm, key, &[message, b"x"].concat(), signature));
    for at in 0..signature.len() {
        for mask in [1, 0x80] {
            let mut mutant = signature.to_vec();
            mutant[at] ^= mask;
            assert!(!both(algorithm, key, message, &mutant), "{algorithm} {at}");
        }
    }
    // The exponent's own bits can make slow keys only; they are bounded elsewhere.
    for at in 0..key.len() {
        let mut mutant = key.to_vec();
        mutant[at] ^= 1 << (at % 8);
        assert!(
            !both(algorithm, &mutant, message, signature),
            "{algorithm} {at}"
        );
    }
    let length = signature.len();
    for other in [
        &signature[..0],
        &signature[..length - 1],
        &signature[1..],
        &[signature, &[0]].concat(),
        &[&[0], signature].concat(),
        &vec![0; length],
        &vec![0xff; length],
        &[&vec![0; length - 1][..], &[1]].concat(),
    ] {
        assert!(!both(algorithm, key, message, other), "{algorithm}");
    }
}

#[test]
fn digests_are_the_same() {
    for length in [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1_000] {
        let octets = vec![0xa5; length];
        let parts = [&octets[..length / 3], &octets[length / 3..]];
        assert_eq!(aws_lc::sha1(&parts), rust::sha1(&parts));
        assert_eq!(aws_lc::sha256(&parts), rust::sha256(&parts));
        assert_eq!(aws_lc::sha384(&parts), rust::sha384(&parts));
    }
}

/// Subtracts big-endian numbers of the same length.
fn minus(from: &[u8], what: &[u8]) -> Vec<u8> {
    let mut borrow = false;
    let mut result = from.to_vec();
    for (octet, &other) in result.iter_mut().zip(what).rev() {
        let (once, one) = octet.overflowing_sub(other);
        let (twice, two) = once.overflowing_sub(u8::from(borrow));
        (*octet, borrow) = (twice, one || two);
    }
    result
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}

/// Order and prime of the field, from SEC 2 section 2.4.2 and 2.5.1.
fn ecdsa(
    algorithm: Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
    (order, prime): (&str, &str),
) {
    let (order, prime) = (hex(order), hex(prime));
    let half = order.len();
    let pair = EcdsaKeyPair::generate(signing).unwrap();
    let key = pair.public_key().as_ref()[1..].to_vec();
    let message = b"what is signed";
    let signature = pair.sign(&SystemRandom::new(), message).unwrap();
    let signature = signature.as_ref();
    mutate(algorithm, &key, message, signature);

    // Both s and n - s verify: DNSSEC asks for neither (RFC 6605).
    let (r, s) = signature.split_at(half);
    let other = [r, &minus(&order, s)].concat();
    assert!(both(algorithm, &key, message, &other));

    let (zero, one) = (vec![0; half], [&vec![0; half - 1][..], &[1]].concat());
    let most = minus(&order, &one);
    for number in [&zero, &one, &most, &order, &prime, &vec![0xff; half]] {
        for signature in [[r, &number[..]], [number, s], [number, number], [s, r]] {
            assert!(!both(algorithm, &key, message, &signature.concat()));
        }
    }
    // DER, which other protocols use.
    let der = [
        &[0x30, 2 * half as u8 + 4, 2, half as u8][..],
        r,
        &[2, half as u8],
        s,
    ]
    .concat();
    assert!(!both(algorithm, &key, message, &der));

    // Points: the other one with that x, those on no curve, coordinates not below the prime.
    let (x, y) = key.split_at(half);
    for point in [
        [x, &minus(&prime, y)],
        [y, x],
        [&zero, &zero],
        [&prime, y],
        [x, &prime],
        [&zero, &prime],
        [&[0xff; 48][..half], y],
        [x, &zero],
    ] {
        assert!(!both(algorithm, &point.concat(), message, signature));
    }
    // A small x plus the prime, where that still fits.
    for small in 0..=0xff_u8 {
        let mut wrapped = prime.clone();
        *wrapped.last_mut().unwrap() = wrapped[half - 1].wrapping_add(small);
        assert!(!both(
            algorithm,
            &[&wrapped, y].concat(),
            message,
            signature
        ));
    }
}

#[test]
fn p256_signatures_are_judged_alike() {
    ecdsa(
        Algorithm::EcdsaP256,
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        (
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
            "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        ),
    );
}

#[test]
fn p384_signatures_are_judged_alike() {
    ecdsa(
        Algorithm::EcdsaP384,
        &ECDSA_P384_SHA384_FIXED_SIGNING,
        (
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf\
             581a0db248b0a77aecec196accc52973",
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
             ffffffff0000000000000000ffffffff",
        ),
    );
}

/// The order of the group of Ed25519, little-endian (RFC 8032 section 5.1).
const ED25519_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// Every encoding of a point whose order divides 8, canonical or not.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

#[test]
fn ed25519_signatures_are_judged_alike() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = pair.public_key().as_ref();
    let message = b"what is signed";
    let signature = pair.sign(message);
    let signature = signature.as_ref();
    mutate(Algorithm::Ed25519, key, message, signature);

    // S + L, where it fits (RFC 8032 section 5.1.7 step 1).
    let (r, s) = signature.split_at(32);
    let mut carry = 0;
    let sum = s.iter().zip(hex(ED25519_ORDER)).map(|(&a, b)| {
        carry += u16::from(a) + u16::from(b);
        let octet = carry as u8;
        carry >>= 8;
        octet
    });
    let sum: Vec<u8> = sum.collect();
    assert!(!both(Algorithm::Ed25519, key, message, &[r, &sum].concat()));

    // Points of small order as key and as R, in each encoding, with S of 0 and of L.
    let mut accepted = 0;
    for key in SMALL_ORDER.map(hex) {
        for r in SMALL_ORDER.map(hex) {
            for s in [[0; 32].to_vec(), hex(ED25519_ORDER)] {
                for message in 0..16u8 {
                    let signature = [&r[..], &s].concat();
                    let good = both(Algorithm::Ed25519, &key, &[message], &signature);
                    accepted += usize::from(good);
                }
            }
        }
    }
    // What whoever owns such a key "signs" is accepted: it is the owner's own folly.
    assert!(accepted > 0);
    // Keys that are no point, or not below the prime.
    for at in 0..=0xff_u8 {
        for last in [0x7f, 0xff] {
            let key = [&[at][..], &[0xff; 30], &[last]].concat();
            both(Algorithm::Ed25519, &key, message, signature);
            both(
                Algorithm::Ed25519,
                &[&[at][..], &[0; 31]].concat(),
                message,
                signature,
            );
        }
    }
}

/// The key of a DNSKEY (RFC 3110 section 2).
fn dnskey(exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    [&[exponent.len() as u8], exponent, modulus].concat()
}

#[test]
fn rsa_signatures_are_judged_alike() {
    let message = b"what is signed";
    for (algorithm, padding) in [
        (
            Algorithm::RsaSha256,
            &RSA_PKCS1_SHA256 as &'static dyn RsaEncoding,
        ),
        (Algorithm::RsaSha512, &RSA_PKCS1_SHA512),
    ] {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.public_key().as_ref();
        // RSAPublicKey: the modulus of 256 octets after a zero, then 65537.
        let modulus = der[9..265].to_vec();
        let key = dnskey(&[1, 0, 1], &modulus);
        let mut signature = vec![0; 256];
        pair.sign(padding, &SystemRandom::new(), message, &mut signature)
            .unwrap();
        mutate(algorithm, &key, message, &signature);
        // The same key with leading zeros.
        let padded = dnskey(&[0, 1, 0, 1], &[&[0], &modulus[..]].concat());
        assert!(both(algorithm, &padded, message, &signature));
        let one = [&[0; 255][..], &[1]].concat();
        for number in [
            &modulus,
            &minus(&modulus, &one),
            &minus(&modulus, &signature),
        ] {
            assert!(!both(algorithm, &key, message, number));
        }
        // The other algorithm.
        let other = match algorithm {
            Algorithm::RsaSha256 => Algorithm::RsaSha512,
            _ => Algorithm::RsaSha256,
        };
        assert!(!both(other, &key, message, &signature));
    }
}

/// What a check accepts can be told only by who can encrypt anything: here the modulus is a prime,
/// 2^1279 - 1, so that everybody can.
#[test]
fn only_the_one_rsa_encoding_is_accepted() {
    let modulus = [&[0x7f][..], &[0xff; 159]].concat();
    let number = |octets: &[u8]| BoxedUint::from_be_slice(octets, 1_280).unwrap();
    let parameters = BoxedMontyParams::new(Odd::new(number(&modulus)).unwrap());
    let sign = |encoded: &[u8], exponent: u64| {
        let totient = number(&modulus).wrapping_sub(number(&[1]));
        let totient = NonZero::new(totient).unwrap();
        let d = number(&exponent.to_be_bytes())
            .invert_mod(&totient)
            .unwrap();
        let power = BoxedMontyForm::new(number(encoded), &parameters).pow(&d);
        power.retrieve().to_be_bytes()[..160].to_vec()
    };
    let message = b"what is signed";
    let digest = rust::sha256(&[message]);
    let oid = hex("608648016503040201");
    let info = |parameters: &[u8], oid: &[u8]| {
        let algorithm = [&[6, oid.len() as u8], oid, parameters].concat();
        let inner = [
            &[0x30, algorithm.len() as u8][..],
            &algorithm,
            &[4, 32],
            &digest,
        ]
        .concat();
        [&[0x30, inner.len() as u8][..], &inner].concat()
    };
    let pad = |kind: u8, octet: u8, info: &[u8]| {
        let padding = vec![octet; 160 - 3 - info.len()];
        [&[0, kind][..], &padding, &[0], info].concat()
    };
    let right = pad(1, 0xff, &info(&[5, 0], &oid));
    for exponent in [5u64, 17, 65_537] {
        let octets = exponent.to_be_bytes();
        let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
        let key = dnskey(&octets[zeros..], &modulus);
        let check = |encoded: &[u8]| {
            let signature = sign(encoded, exponent);
            assert_eq!(signature.len(), modulus.len());
            both(Algorithm::RsaSha256, &key, message, &signature)
        };
        assert!(check(&right), "exponent {exponent}");
        let short = info(&[5, 0], &oid);
        let garbage = [&short[..], &[0xaa; 20]].concat();
        for wrong in [
            // No parameters, other parameters, another object identifier, no prefix at all.
            pad(1, 0xff, &info(&[], &oid)),
            pad(1, 0xff, &info(&[5, 1, 0], &oid)),
            pad(1, 0xff, &info(&[5, 0], &hex("608648016503040203"))),
            pad(1, 0xff, &digest),
            // Other block types and padding, garbage after the digest (Bleichenbacher 2006).
            pad(2, 0xff, &short),
            pad(0, 0, &short),
            pad(1, 0xfe, &short),
            [&[0, 1][..], &[0xff; 8], &[0], &garbage, &[0; 160]].concat()[..160].to_vec(),
            [&[1, 1], &right[2..]].concat(),
        ] {
            assert!(!check(&wrong), "exponent {exponent}");
        }
    }
    // With an exponent of 1 an encoding is its own signature, and with 2 nothing is.
    for exponent in [1, 2] {
        let key = dnskey(&[exponent], &modulus);
        assert!(!both(Algorithm::RsaSha256, &key, message, &right));
        assert!(!aws_lc::rsa(
            RsaHash::Sha256,
            &modulus,
            &[exponent],
            message,
            &right
        ));
    }
}
