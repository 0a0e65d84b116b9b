//! Why settings are refused: codes, culprits and remedies.

use std::path::Path;

use sotto_client::SetupError;

use crate::failure::Failure;

/// A key document and a key digest for one gateway.
pub(super) fn two_key_sources() -> Failure {
    Failure::usage(
        "two_key_sources",
        "both a key document and a key digest are given",
        "give --key-document or --key-digest, not both",
    )
}

/// Keys for none of several gateways in particular.
pub(super) fn keys_of_several() -> Failure {
    Failure::usage(
        "keys_of_several",
        "a key document or a key digest is given, and several gateways",
        "put key_document or key_digest into the [[gateway]] that it belongs to, or name one gateway",
    )
}

/// Why a setup is refused, as a failure; `key_document` is the file that the keys came from.
pub(super) fn setup(error: &SetupError, key_document: Option<&Path>) -> Failure {
    let (code, remedy) = match error {
        SetupError::RelayUrl { .. } => (
            "relay_invalid",
            "give the relay as in https://relay.example",
        ),
        SetupError::TooManyRelays => ("too_many_relays", "name fewer relays"),
        SetupError::TooManyGateways => ("too_many_gateways", "name fewer gateways"),
        SetupError::Twice(_) => ("named_twice", "name each relay and each gateway once"),
        SetupError::Weight { .. } => ("weight_invalid", "give a weight from 1 to 100"),
        SetupError::ResourceOfOneGateway(_) => (
            "relay_invalid",
            "give the relay's origin, as in https://relay.example",
        ),
        SetupError::Timeout { .. } => ("timeout_invalid", "give 1 to 600 seconds"),
        SetupError::GatewayHost(_) => (
            "gateway_invalid",
            "give the gateway's host name, as in gateway.example.net",
        ),
        SetupError::Operator(_) => (
            "operator_invalid",
            "give the operator's domain, as in example.net",
        ),
        SetupError::KeySize { .. } | SetupError::KeyDocument(_) | SetupError::KeyList(_) => {
            let file = key_document.unwrap_or(Path::new("")).display();
            return Failure::usage(
                "key_document_invalid",
                format!("the key document {file}: {error}"),
                "give a key document, or an application/ohttp-keys list",
            );
        }
        SetupError::MimiType(_) => ("mimi_type_invalid", "choose a type from 65280 to 65534"),
        _ => (
            "setup_invalid",
            "sotto lookup --help says what each flag takes",
        ),
    };
    Failure::usage(code, error, remedy)
}
