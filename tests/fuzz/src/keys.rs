//! A gateway's keys, always the same.

use std::sync::LazyLock;

use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Epoch, EpochKeys, KeyConfig, KeyConfigList, KeyRing, Suite};

/// The current epoch.
pub const EPOCH: Epoch = Epoch(20_780);

/// The gateway's host.
pub const HOST: &str = "gateway.test";

/// The ratchet that all keys come from.
#[must_use]
pub fn ratchet() -> Ratchet {
    Ratchet::new(EPOCH.previous(), [7; 32])
}

/// The gateway's keys of one epoch close to [`EPOCH`].
#[must_use]
pub fn keys(epoch: Epoch) -> EpochKeys {
    ratchet().keys(epoch).expect("the epoch is near")
}

/// The gateway's ring: previous, current, next.
pub static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    KeyRing::new(vec![
        keys(EPOCH.previous()),
        keys(EPOCH),
        keys(EPOCH.next()),
    ])
});

/// The current key list.
pub static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| keys(EPOCH).list().to_vec());

/// The current key configuration of a suite.
#[must_use]
pub fn config(suite: Suite) -> KeyConfig {
    KeyConfigList::parse(&LIST)
        .ok()
        .and_then(|list| list.config(suite))
        .expect("the gateway offers every suite")
}

/// Octets of the X25519 configuration: identifiers, public key, one pair of algorithms.
const X25519_CONFIG_BYTES: usize = 1 + 2 + 32 + 2 + 4;

/// Any octets, encapsulated for the current X25519 key by a client that is not ours.
#[must_use]
pub fn foreign_request(message: &[u8]) -> (Vec<u8>, ohttp::ClientResponse) {
    let encoded = &LIST[LIST.len() - X25519_CONFIG_BYTES..];
    ohttp::ClientRequest::from_encoded_config(encoded)
        .and_then(|client| client.encapsulate(message))
        .expect("the configuration is sound")
}
