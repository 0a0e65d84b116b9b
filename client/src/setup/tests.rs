use sotto_wire::KEY_LIST_MAX_BYTES;

use super::*;

fn refusal(builder: SetupBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn what_cannot_be_used_is_named() {
    let with = Setup::builder;
    assert!(refusal(with("http://relay.example", "g.example")).contains("http://relay.example"));
    assert!(refusal(with("https://relay.example", "https://g.example")).contains("without scheme"));
    assert!(
        refusal(with("https://relay.example", "g.example").relay_operator("co uk"))
            .contains("co uk")
    );
    assert!(refusal(with("https://relay.example", "g.example").mimi_type(16)).contains("65280"));
    assert!(
        refusal(with("https://relay.example", "g.example").key_document(b"")).contains("0 octets")
    );
    let oversize =
        with("https://relay.example", "g.example").key_document(&[0; KEY_LIST_MAX_BYTES + 1]);
    assert!(refusal(oversize).contains("8193 octets"));
    let rubbish = with("https://relay.example", "g.example").key_document(b"<html>");
    assert!(refusal(rubbish).contains("neither a key document"));
    let cut = with("https://relay.example", "g.example").key_document(b"SKD1\x01");
    assert!(refusal(cut).contains("truncated"));
}

#[test]
fn hosts_are_lower_case() {
    let setup = Setup::builder("https://Relay.Example", "Gateway.Example.NET.")
        .build()
        .unwrap();
    assert_eq!(
        setup.gateway_hosts().collect::<Vec<_>>(),
        ["gateway.example.net"]
    );
    assert_eq!(setup.relay_hosts().collect::<Vec<_>>(), ["relay.example"]);
}

#[test]
fn plain_http_needs_permission() {
    assert!(
        Setup::builder("http://127.0.0.1:8080", "g.example")
            .allow_http_not_private(true)
            .build()
            .is_ok()
    );
}
