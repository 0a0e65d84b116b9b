#[cfg(all(feature = "aws-lc-rs", feature = "rust-crypto"))]
mod agreement;

use data_encoding::{BASE32HEX_NOPAD, HEXLOWER};

use super::*;

#[test]
fn nsec3_hashes_are_those_of_rfc_5155_appendix_a() {
    for (name, hash) in [
        (&b"\x07example\x00"[..], "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM"),
        (b"\x01a\x07example\x00", "35MTHGPGCU1QG68FAB165KLNSNK3DPVL"),
        (
            b"\x01*\x01w\x07example\x00",
            "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN",
        ),
    ] {
        let computed = nsec3_hash(name, &[0xaa, 0xbb, 0xcc, 0xdd], 12);
        assert_eq!(BASE32HEX_NOPAD.encode(&computed), hash);
    }
}

/// The digests of "abc" in FIPS 180-4, in one part and in several.
#[test]
fn digests_are_those_of_their_standard() {
    for (digest_type, digest) in [
        (
            DigestType::Sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            DigestType::Sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7",
        ),
    ] {
        for parts in [&[&b"abc"[..]][..], &[b"a", b"", b"bc"]] {
            let computed = digest_type.digest(parts);
            assert_eq!(HEXLOWER.encode(&computed), digest);
            assert_eq!(computed.len(), digest_type.octets());
        }
    }
    assert_eq!(
        sha256(&[b"ab", b"c"])[..],
        DigestType::Sha256.digest(&[b"abc"])[..]
    );
}

#[test]
fn keys_of_the_wrong_size_do_not_count() {
    let rsa = |modulus: &[u8]| [&[3, 1, 0, 1], modulus].concat();
    let parse = |key: &[u8]| PublicKey::parse(Algorithm::RsaSha256, key).is_some();
    assert!(parse(&rsa(&[0xff; 128])));
    assert!(parse(&rsa(&[0xff; 512])));
    assert!(!parse(&rsa(&[0x7f; 128])));
    assert!(!parse(&rsa(&[0xff; 513])));
    // Leading zeros do not make a short key long.
    assert!(!parse(&rsa(&[&[0; 64][..], &[0xff; 127]].concat())));
    assert!(!parse(&[]));
    assert!(!parse(&[0]));
    assert!(!parse(&[0, 0xff, 0xff, 1]));
    for (algorithm, octets) in [
        (Algorithm::EcdsaP256, 64),
        (Algorithm::EcdsaP384, 96),
        (Algorithm::Ed25519, 32),
    ] {
        for length in [0, octets - 1, octets, octets + 1] {
            let parsed = PublicKey::parse(algorithm, &vec![1; length]).is_some();
            assert_eq!(parsed, length == octets, "{algorithm} {length}");
        }
    }
}

#[test]
fn rsa_numbers_are_odd_and_the_exponent_short() {
    let parse = |exponent: &[u8], modulus: &[u8]| {
        let key = [&[exponent.len() as u8], exponent, modulus].concat();
        PublicKey::parse(Algorithm::RsaSha512, &key).is_some()
    };
    let modulus = [0xff; 128];
    for exponent in [
        &[3][..],
        &[0, 0, 3],
        &[1, 0, 1],
        &[1, 0, 0, 0, 1],
        &[1, 255, 255, 255, 255],
    ] {
        assert!(parse(exponent, &modulus), "{exponent:?}");
    }
    for exponent in [
        &[][..],
        &[0],
        &[1],
        &[0, 1],
        &[2],
        &[1, 0, 0],
        &[2, 0, 0, 0, 1],
    ] {
        assert!(!parse(exponent, &modulus), "{exponent:?}");
    }
    assert!(!parse(&[3], &[0xfe; 128]));
    // The length of the exponent in three octets, as for those of 256 and more.
    let long = [&[0, 0, 3, 1, 0, 1], &modulus[..]].concat();
    assert!(PublicKey::parse(Algorithm::RsaSha256, &long).is_some());
}

#[test]
fn only_short_rsa_keys_are_weak() {
    let bits = |octets: usize, first: u8| {
        let modulus = [&[first][..], &vec![0xff; octets - 1]].concat();
        let key = [&[1, 3], &modulus[..]].concat();
        PublicKey::parse(Algorithm::RsaSha256, &key)
            .unwrap()
            .weak_bits()
    };
    assert_eq!(bits(128, 0x80), Some(1_024));
    assert_eq!(bits(256, 0x7f), Some(2_047));
    assert_eq!(bits(256, 0x80), None);
    let ed25519 = PublicKey::parse(Algorithm::Ed25519, &[1; 32]).unwrap();
    assert_eq!(ed25519.weak_bits(), None);
}

#[test]
fn ed25519_keys_are_canonical() {
    let parse = |first: u8, middle: u8, last: u8| {
        let key = [&[first][..], &[middle; 30], &[last]].concat();
        PublicKey::parse(Algorithm::Ed25519, &key).is_some()
    };
    for (first, middle, last, counts) in [
        (0xec, 0xff, 0x7f, true),
        (0xec, 0xff, 0xff, false),
        (0xed, 0xff, 0x7f, false),
        (0xff, 0xff, 0xff, false),
        (0xff, 0xff, 0x7e, true),
        (0xff, 0xfe, 0xff, true),
        (0x01, 0x00, 0x00, true),
        (0x01, 0x00, 0x80, false),
        (0x01, 0x01, 0x80, true),
        (0xec, 0x00, 0x80, true),
        (0xec, 0xff, 0xfe, true),
        (0x01, 0xff, 0xff, true),
        (0x00, 0x00, 0x80, true),
        (0x02, 0x00, 0x80, true),
    ] {
        assert_eq!(
            parse(first, middle, last),
            counts,
            "{first:x} {middle:x} {last:x}"
        );
    }
}
