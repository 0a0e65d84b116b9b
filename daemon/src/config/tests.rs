use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    operator: String,
    listen: Listen,
    #[serde(default)]
    gateway: Vec<Gateway>,
    #[serde(default)]
    loose: Loose,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gateway {
    host: String,
    #[serde(default)]
    timeout_ms: u64,
}

/// Its author forgot to refuse unknown keys.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Loose {
    #[serde(default)]
    key: u8,
}

const TEXT: &str = r#"operator = "relay-one.test"

[listen]
address = "127.0.0.1:8080"
plain_http = true

[[gateway]]
host = "one.test"

[[gateway]]
host = "two.test"
"#;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Sample, ConfigError> {
    let environment = environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    parse(Path::new("sample.toml"), text, "SOTTO_TEST", environment)
}

fn refusal(text: &str, environment: &[(&str, &str)]) -> String {
    read(text, environment).unwrap_err().to_string()
}

#[test]
fn a_file_is_read() {
    let sample = read(TEXT, &[]).unwrap();
    assert_eq!(sample.listen.address.port(), 8080);
    assert_eq!(sample.gateway[1].host, "two.test");
}

#[test]
fn the_environment_overrides_the_file() {
    let sample = read(
        TEXT,
        &[
            ("SOTTO_TEST__LISTEN__ADDRESS", "[::1]:1"),
            ("SOTTO_TEST__GATEWAY__1__HOST", "three.test"),
            ("SOTTO_TEST__GATEWAY__1__TIMEOUT_MS", "7"),
            ("SOTTO_TEST__GATEWAY__2__HOST", "four.test"),
            ("SOTTO_TEST__OPERATOR", "\"quoted.test\""),
            ("SOTTO_TESTING__OPERATOR", "not ours"),
            ("SOTTO_TEST", "not ours"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(sample.listen.address, "[::1]:1".parse().unwrap());
    assert_eq!(sample.gateway[1].host, "three.test");
    assert_eq!(sample.gateway[1].timeout_ms, 7);
    assert_eq!(sample.gateway[2].host, "four.test");
    assert_eq!(sample.operator, "quoted.test");
}

#[test]
fn the_environment_supplies_what_the_file_lacks() {
    let sample = read(
        "",
        &[
            ("SOTTO_TEST__OPERATOR", "relay-one.test"),
            ("SOTTO_TEST__LISTEN__ADDRESS", "127.0.0.1:0"),
        ],
    );
    assert_eq!(sample.unwrap().operator, "relay-one.test");
}

#[test]
fn an_error_names_file_line_key_and_remedy() {
    let cases = [
        (
            TEXT.replace("8080\"", "\""),
            "sample.toml, line 4, key `listen.address`: invalid socket address syntax; correct",
        ),
        (
            TEXT.replace("plain_http", "plain_htp"),
            "sample.toml, line 5, key `listen.plain_htp`: unknown field",
        ),
        (
            TEXT.replace("host = \"two.test\"", ""),
            "sample.toml, line 10, key `gateway.1`: missing field `host`; add it",
        ),
        (
            TEXT.replace("operator", "operater"),
            "sample.toml, line 1, key `operater`: unknown field",
        ),
        (
            TEXT.replace("operator =", "operator"),
            "sample.toml, line 1: ",
        ),
        (
            TEXT.replace("[listen]", "[loose]\nquay = 1\n[listen]"),
            "sample.toml, line 4, key `loose.quay`: unknown field; remove the key, or correct",
        ),
        (
            String::new(),
            "sample.toml: missing field `operator`; add it",
        ),
    ];
    for (text, expected) in cases {
        let refusal = refusal(&text, &[]);
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn an_error_from_the_environment_names_the_variable_and_not_its_value() {
    let wrong = refusal(TEXT, &[("SOTTO_TEST__LISTEN__PLAIN_HTTP", "canary-secret")]);
    assert!(
        wrong.contains("environment variable SOTTO_TEST__LISTEN__PLAIN_HTTP"),
        "{wrong}"
    );
    assert!(!wrong.contains("canary"), "{wrong}");
    let unknown = refusal(TEXT, &[("SOTTO_TEST__LISTEN__PORT", "1")]);
    assert!(
        unknown.contains("SOTTO_TEST__LISTEN__PORT, key `listen.port`: unknown field"),
        "{unknown}"
    );
    let astray = refusal(TEXT, &[("SOTTO_TEST__OPERATOR__NAME", "1")]);
    assert!(
        astray.contains("leads into a key that is not a table"),
        "{astray}"
    );
    let too_far = refusal(TEXT, &[("SOTTO_TEST__GATEWAY__9__HOST", "nine.test")]);
    assert!(
        too_far.contains("SOTTO_TEST__GATEWAY__9__HOST"),
        "{too_far}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = load::<Sample>("/nonexistent/sample.toml", "SOTTO_TEST").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nonexistent/sample.toml: cannot be read"),
        "{error}"
    );
}

#[test]
fn changed_keys_are_told_by_their_whole_names() {
    let table = |text: &str| toml::from_str::<Table>(text).unwrap();
    let before = table("a = 1\nlist = [{ x = 1 }]\n[t]\nb = 2\nc = 3\n[t.u]\nd = 4\n");
    let after = table("a = 1\nlist = [{ x = 2 }]\nnew = 0\n[t]\nb = 2\n[t.u]\nd = 5\n");
    assert_eq!(
        changed_keys(&before, &after),
        ["list", "new", "t.c", "t.u.d"]
    );
    assert!(changed_keys(&after, &after).is_empty());
}
