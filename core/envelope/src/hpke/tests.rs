use serde_json::Value;

use super::*;

/// The published vectors, as `tests/vectors/hpke.json` holds them.
pub(super) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/hpke.json")).unwrap()
}

/// The octets of a field in hexadecimal.
pub(super) fn octets(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

#[test]
fn the_key_schedule_is_that_of_rfc_9180_appendix_a_1_1() {
    let vector = &vectors()["rfc9180_a1"];
    let ikm = octets(vector, "ikmR").try_into().unwrap();
    let recipient = Recipient::derive(Suite::X25519, &ikm, &octets(vector, "info")).unwrap();
    assert_eq!(recipient.public_key(), octets(vector, "pkRm"));
    let shared_secret = recipient.pair.decapsulate(&octets(vector, "enc")).unwrap();
    let secrets = recipient.schedule(&shared_secret);
    assert_eq!(secrets.key.as_slice(), octets(vector, "key"));
    assert_eq!(secrets.nonce.as_slice(), octets(vector, "base_nonce"));
    let exporter = &secrets.exporter;
    assert_eq!(
        exporter.secret.as_slice(),
        octets(vector, "exporter_secret")
    );
    for export in vector["exports"].as_array().unwrap() {
        assert_eq!(export["L"], 32);
        let exported = exporter.export::<32>(&octets(export, "exporter_context"));
        assert_eq!(exported.as_slice(), octets(export, "exported_value"));
    }
    let first = &vector["encryptions"][0];
    let mut message = octets(first, "ct");
    let plaintext = aead(&secrets.key)
        .unwrap()
        .open_in_place(
            one_time(&secrets.nonce),
            Aad::from(octets(first, "aad")),
            &mut message,
        )
        .unwrap();
    assert_eq!(plaintext, octets(first, "pt"));
}
