//! A gateway's keys, and requests that only a foreign client would make.

#![allow(dead_code, reason = "each test file uses its part")]

use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{
    Envelope, Epoch, EpochKeys, KeyConfigList, KeyRing, Opener, ProofQuery, Suite, seal,
};

/// The current epoch of these tests.
pub(crate) const EPOCH: Epoch = Epoch(20_780);

/// The gateway of these tests.
pub(crate) const HOST: &str = "gateway.test";

/// The gateway's keys of one epoch.
pub(crate) fn keys(epoch: Epoch) -> EpochKeys {
    Ratchet::new(EPOCH.previous(), [7; 32])
        .keys(epoch)
        .expect("the epoch is near")
}

/// The gateway's ring.
pub(crate) fn ring() -> KeyRing {
    KeyRing::new(vec![
        keys(EPOCH.previous()),
        keys(EPOCH),
        keys(EPOCH.next()),
    ])
}

/// A common question.
pub(crate) fn query() -> ProofQuery {
    ProofQuery::new("_mimi.alice.example.com.", "TXT").expect("well-formed")
}

/// The longest question there is.
pub(crate) fn long_query() -> ProofQuery {
    let label = "a".repeat(62);
    let name = format!("{label}.{label}.{label}.{}.", "a".repeat(63));
    ProofQuery::new(name, "NSEC3PARAM").expect("well-formed")
}

/// `query` sealed by our client.
pub(crate) fn sealed(suite: Suite, query: &ProofQuery) -> (Envelope, Opener) {
    let list = KeyConfigList::parse(keys(EPOCH).list()).expect("honest");
    let config = list.config(suite).expect("offered");
    seal(query, HOST, &config).expect("honest")
}

/// Any octets, encapsulated by a foreign client for the gateway's X25519 key.
pub(crate) fn foreign_request(message: &[u8]) -> (Vec<u8>, ohttp::ClientResponse) {
    let keys = keys(EPOCH);
    // The X25519 configuration is the last 41 octets of the list.
    let encoded = &keys.list()[keys.list().len() - 41..];
    ohttp::ClientRequest::from_encoded_config(encoded)
        .and_then(|client| client.encapsulate(message))
        .expect("honest")
}

/// A Binary HTTP request of any control data.
pub(crate) fn request(method: &str, scheme: &str, authority: &str, path: &str) -> Vec<u8> {
    let [method, scheme, authority, path] =
        [method, scheme, authority, path].map(|text| text.as_bytes().to_vec());
    let mut octets = Vec::new();
    bhttp::Message::request(method, scheme, authority, path)
        .write_bhttp(bhttp::Mode::KnownLength, &mut octets)
        .expect("in memory");
    octets
}
