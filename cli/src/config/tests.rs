use sotto_client::Setup;

use super::*;

fn parse(text: &str) -> Result<Settings, Failure> {
    Settings::parse(text, Path::new("/folder/config.toml"))
}

fn setup(text: &str) -> Result<Setup, Failure> {
    parse(text)?.setup(None, &Kept::nothing())
}

const PAIR: &str = "relay = \"https://relay.example\"\ngateway = \"gateway.example.net\"\n";

#[test]
fn flags_come_before_the_file() {
    let file = parse("relay = [\"https://a.example\", \"https://b.example\"]\ngateway = \"g.example\"\nkey_digest = \"00\"\nallow_http = true").unwrap();
    let flags = Settings {
        gateway: vec!["other.example".parse().unwrap()],
        key_document: Some("keys".into()),
        ..Settings::default()
    };
    let merged = flags.or(file);
    assert_eq!(merged.relay.len(), 2);
    assert_eq!(merged.gateway, ["other.example".parse().unwrap()]);
    assert!(merged.key_digest.is_none() && merged.allow_http);
}

#[test]
fn paths_start_at_the_file_s_folder() {
    let file = parse("anchor = \"root.key\"\nca = \"/etc/ca.pem\"").unwrap();
    assert_eq!(file.anchor.as_deref(), Some(Path::new("/folder/root.key")));
    assert_eq!(file.ca.as_deref(), Some(Path::new("/etc/ca.pem")));
}

#[test]
fn refusals_name_the_file_and_the_key() {
    for (text, culprit) in [
        ("relays = \"x\"", "relays"),
        ("relay = 1", "name"),
        ("type = \"A\"", "A"),
        ("max_age = -1", "max_age"),
        ("gateway", "gateway"),
        ("config = \"x\"", "config"),
    ] {
        let failure = parse(text).unwrap_err();
        assert_eq!(failure.code, "config_invalid");
        assert!(
            failure.message.contains("/folder/config.toml, line 1, `")
                && failure.message.contains(culprit)
                && !failure.message.contains('\n'),
            "{failure:?}"
        );
    }
}

#[test]
fn what_cannot_be_used_has_its_code() {
    let code = |extra: &str| setup(&format!("{PAIR}{extra}")).unwrap_err().code;
    assert!(setup(PAIR).is_ok());
    assert_eq!(setup("").unwrap_err().code, "relay_missing");
    assert_eq!(
        setup("relay = \"https://r.example\"").unwrap_err().code,
        "gateway_missing"
    );
    assert_eq!(
        setup("relay = \"ftp://r.example\"\ngateway = \"g.example\"")
            .unwrap_err()
            .code,
        "relay_invalid"
    );
    assert_eq!(
        setup("relay = \"https://r.example\"\ngateway = \"g\"")
            .unwrap_err()
            .code,
        "gateway_invalid"
    );
    assert_eq!(code("key_digest = \"abc\""), "key_digest_invalid");
    assert_eq!(code("mimi_type = 16"), "mimi_type_invalid");
    assert_eq!(code("anchor = \"absent\""), "file_unreadable");
    assert_eq!(code("relay_operator = \"x y\""), "operator_invalid");
    assert_eq!(
        code("key_digest = \"00\"\nkey_document = \"x\""),
        "two_key_sources"
    );
}

#[test]
fn relays_and_gateways_may_be_tables() {
    let tables = r#"
        another_gateway = "before_asking"
        lookup_timeout = 30
        [[relay]]
        url = "https://a.example"
        weight = 3
        [[relay]]
        url = "https://b.example"
        operator = "b-operator.example"
        [[gateway]]
        host = "g.example"
        key_digest = "0000000000000000000000000000000000000000000000000000000000000000"
        [[gateway]]
        host = "h.example"
        weight = 2
        key_document = "keys"
    "#;
    let mut parsed = parse(tables).unwrap();
    assert_eq!(
        parsed.gateway[1].path().map(|path| &**path),
        Some(Path::new("/folder/keys"))
    );
    let absent = setup(tables).unwrap_err();
    assert_eq!(absent.code, "file_unreadable");
    let setup = setup(&tables.replace("key_document", "# key_document")).unwrap();
    assert_eq!(setup.relay_hosts().count(), 2);
    assert_eq!(
        setup.gateway_hosts().collect::<Vec<_>>(),
        ["g.example", "h.example"]
    );
    assert_eq!(setup.lookup_timeout(), 30);
}

#[test]
fn tables_are_refused_by_what_is_wrong_with_them() {
    let relay = |extra: &str| {
        format!("gateway = \"g.example\"\n[[relay]]\nurl = \"https://r.example\"\n{extra}")
    };
    for (text, code) in [
        (relay("weight = 0"), "weight_invalid"),
        (relay("weight = 101"), "weight_invalid"),
        (relay("wieght = 1"), "config_invalid"),
        (
            relay("[[relay]]\nurl = \"https://R.example/\""),
            "named_twice",
        ),
        (
            relay("")
                .replace("r.example", "r.example/g.example")
                .replace(
                    "gateway = \"g.example\"",
                    "gateway = [\"g.example\", \"h.example\"]",
                ),
            "relay_invalid",
        ),
        (
            format!(
                "key_digest = \"{}\"\n{}",
                "00".repeat(32),
                relay("").replace("\"g.example\"", "[\"g.example\", \"h.example\"]")
            ),
            "keys_of_several",
        ),
        (
            format!("lookup_timeout = 0\n{}", relay("")),
            "timeout_invalid",
        ),
    ] {
        assert_eq!(setup(&text).unwrap_err().code, code, "{text}");
    }
}
