use ohttp::SymmetricSuite;
use ohttp::hpke::{Aead, Kdf, Kem};
use proptest::prelude::*;

use super::*;

/// RFC 9458 Appendix A.
mod example {
    pub(super) const SECRET: &str =
        "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a";
    pub(super) const PUBLIC: &str =
        "31e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155";
    pub(super) const MESSAGE: &str = "00034745540568747470730b6578616d706c652e636f6d012f";
    pub(super) const REQUEST: &str = "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad1\
        9dec96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525";
    pub(super) const NONCE: &str = "c789e7151fcba46158ca84b04464910d";
    pub(super) const RESPONSE: &str =
        "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd";
}

const IKM: [u8; 32] = [7; 32];
const KEY_ID: u8 = 42;

fn octets<const N: usize>(hexadecimal: &str) -> [u8; N] {
    hex::decode(hexadecimal).unwrap().try_into().unwrap()
}

fn key(suite: Suite) -> GatewayKey {
    GatewayKey::derive(suite, KEY_ID, &IKM).unwrap()
}

/// The same key in the hands of another implementation.
fn foreign(suite: Suite) -> ohttp::Server {
    let kem = match suite {
        Suite::XWing => Kem::XWing,
        Suite::X25519 => Kem::X25519Sha256,
    };
    let symmetric = SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm);
    let config = ohttp::KeyConfig::derive(KEY_ID, kem, vec![symmetric], &IKM).unwrap();
    ohttp::Server::new(config).unwrap()
}

fn encapsulate(suite: Suite, message: &[u8]) -> (Vec<u8>, ohttp::ClientResponse) {
    let mut config = foreign(suite).config().clone();
    let client = ohttp::ClientRequest::from_config(&mut config).unwrap();
    client.encapsulate(message).unwrap()
}

#[test]
fn the_example_of_rfc_9458_comes_out_to_the_octet() {
    let header = header(Suite::X25519, 1);
    let info = [INFO_REQUEST, &header].concat();
    let recipient = Recipient::from_secret(Suite::X25519, &octets(example::SECRET), &info);
    let key = GatewayKey {
        header,
        enc_bytes: Suite::X25519.enc_bytes(),
        recipient: recipient.unwrap(),
    };
    assert_eq!(key.recipient.public_key(), octets::<32>(example::PUBLIC));
    let request = hex::decode(example::REQUEST).unwrap();
    assert!(key.is_named_by(&request));
    let (message, response) = key.open_with(&request, octets(example::NONCE)).unwrap();
    assert_eq!(hex::encode(message), example::MESSAGE);
    let sealed = response.seal(64, |octets| octets.extend_from_slice(&[0x01, 0x40, 0xc8]));
    assert_eq!(hex::encode(sealed.unwrap()), example::RESPONSE);
}

#[test]
fn keys_and_lists_are_those_of_another_implementation() {
    for suite in Suite::ALL {
        let mut list = Vec::new();
        key(suite).announce(&mut list);
        let foreign = ohttp::KeyConfig::encode_list(&[foreign(suite).config()]);
        assert_eq!(list, foreign.unwrap(), "{suite:?}");
    }
}

#[test]
fn an_altered_or_shortened_request_opens_nowhere() {
    for suite in Suite::ALL {
        let (key, foreign) = (key(suite), foreign(suite));
        let (request, _) = encapsulate(suite, b"a question");
        for at in REQUEST_HEADER_BYTES..request.len() {
            let mut altered = request.clone();
            altered[at] ^= 0x11;
            assert!(key.open(&altered).is_none(), "{suite:?} octet {at}");
        }
        for length in (0..request.len()).step_by(13) {
            assert!(
                key.open(&request[..length]).is_none(),
                "{suite:?} {length} octets"
            );
        }
        assert!(key.open(&request).is_some() && foreign.decapsulate(&request).is_ok());
    }
}

#[test]
fn two_responses_to_one_request_share_nothing() {
    let key = key(Suite::XWing);
    let (request, _) = encapsulate(Suite::XWing, b"a question");
    let seal = || {
        let (_, response) = key.open(&request).unwrap();
        response
            .seal(4_096, |octets| octets.resize(4_000, 0))
            .unwrap()
    };
    let (first, second) = (seal(), seal());
    let equal = first.iter().zip(&second).filter(|(a, b)| a == b).count();
    assert!(
        equal < 80,
        "{equal} of 4,016 octets are equal, chance says 16"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_agree_with_another_implementation(
        xwing: bool,
        message in prop::collection::vec(any::<u8>(), 1..2_048),
        answer in prop::collection::vec(any::<u8>(), 1..9_000),
    ) {
        let suite = if xwing { Suite::XWing } else { Suite::X25519 };
        let (request, client) = encapsulate(suite, &message);
        let (opened, response) = key(suite).open(&request).unwrap();
        prop_assert_eq!(&opened, &message);
        prop_assert_eq!(foreign(suite).decapsulate(&request).unwrap().0, message);
        let sealed = response.seal(answer.len(), |octets| octets.extend_from_slice(&answer));
        prop_assert_eq!(client.decapsulate(&sealed.unwrap()).unwrap(), answer);
    }
}
