use crate::hpke::tests::{octets, vectors};

use super::*;

#[test]
fn x_wing_is_that_of_its_draft() {
    let vectors = vectors();
    let vectors = vectors["xwing"].as_array().unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let secret = octets(vector, "sk").try_into().unwrap();
        let pair = KeyPair::from_secret(Suite::XWing, &secret).unwrap();
        assert_eq!(pair.public(), octets(vector, "pk"));
        let shared = pair.decapsulate(&octets(vector, "ct")).unwrap();
        assert_eq!(shared.as_slice(), octets(vector, "ss"));
    }
}

#[test]
fn x_wing_keys_derive_as_the_hpke_draft_says() {
    let vectors = vectors();
    let vectors = vectors["xwing_hpke"].as_array().unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let ikm = octets(vector, "ikmR").try_into().unwrap();
        let pair = KeyPair::derive(Suite::XWing, &ikm).unwrap();
        assert_eq!(pair.public(), octets(vector, "pkRm"));
        let shared = pair.decapsulate(&octets(vector, "enc")).unwrap();
        assert_eq!(shared.as_slice(), octets(vector, "shared_secret"));
    }
}

#[test]
fn dhkem_is_that_of_rfc_9180_appendix_a_1_1() {
    let vector = &vectors()["rfc9180_a1"];
    let ikm = octets(vector, "ikmR").try_into().unwrap();
    let secret = octets(vector, "skRm").try_into().unwrap();
    for pair in [
        KeyPair::derive(Suite::X25519, &ikm),
        KeyPair::from_secret(Suite::X25519, &secret),
    ] {
        let pair = pair.unwrap();
        assert_eq!(pair.public(), octets(vector, "pkRm"));
        let shared = pair.decapsulate(&octets(vector, "enc")).unwrap();
        assert_eq!(shared.as_slice(), octets(vector, "shared_secret"));
    }
}

#[test]
fn an_encapsulation_of_another_size_or_of_low_order_is_refused() {
    for suite in Suite::ALL {
        let pair = KeyPair::derive(suite, &[7; 32]).unwrap();
        let size = suite.enc_bytes();
        let honest = pair.public()[..32].repeat(size.div_ceil(32))[..size].to_vec();
        for wrong in [0, 1, 31, size - 1, size + 1] {
            let mut encapsulated = honest.clone();
            encapsulated.resize(wrong, 9);
            assert!(
                pair.decapsulate(&encapsulated).is_none(),
                "{suite:?} {wrong}"
            );
        }
        let mut low_order = honest;
        low_order[size - 32..].fill(0);
        assert!(pair.decapsulate(&low_order).is_none(), "{suite:?}");
    }
}
