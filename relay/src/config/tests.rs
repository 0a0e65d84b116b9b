use std::path::Path;

use super::*;

const SAMPLE: &str = include_str!("../../sotto-relay.sample.toml");

fn read(text: &str) -> Result<Config, String> {
    let config: Config =
        sotto_daemon::config::parse(Path::new("relay.toml"), text, "SOTTO_RELAY", [])
            .map_err(|error| error.to_string())?;
    config.check().map_err(|fault| fault.to_string())?;
    Ok(config)
}

const MINIMAL: &str = r#"
operator = "relay.example"
contact = "mailto:noc@relay.example"
listen = { address = "127.0.0.1:0", plain_http = true }
[[gateway]]
host = "Gateway.Example.NET"
"#;

#[test]
fn the_sample_is_a_configuration() {
    let config = read(SAMPLE).unwrap();
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.connections, ServerLimits::default());
    assert_eq!(config.log, Log::default());
    assert_eq!(config.mixing, Policy::default());
    assert_eq!(config.quota, Rate::default());
    assert_eq!(config.cors, Cors::default());
    assert_eq!(config.proxy, None);
}

#[test]
fn every_key_that_the_sample_comments_out_is_a_key() {
    let uncommented: String = SAMPLE
        .lines()
        .map(|line| match line.strip_prefix("#") {
            Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => key,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    assert_ne!(uncommented, SAMPLE);
    read(&uncommented.replace("plain_http = true\n", "")).unwrap();
}

#[test]
fn a_gateway_is_reached_at_its_host_unless_told_otherwise() {
    let config = read(MINIMAL).unwrap();
    assert_eq!(config.gateways[0].host.as_str(), "gateway.example.net");
    let uri = config.gateways[0].origin().uri(sotto_wire::path::GATEWAY);
    assert_eq!(uri, "https://gateway.example.net/.well-known/ohttp-gateway");
    assert_eq!(
        config.description().resource_for("gateway.example.net"),
        Some("/gateway.example.net")
    );
}

#[test]
fn a_host_is_the_same_in_capitals_and_with_the_dot_of_the_root() {
    let config = read(&MINIMAL.replace("Gateway.Example.NET", "GATEWAY.example.net.")).unwrap();
    assert_eq!(config.gateways[0].host.as_str(), "gateway.example.net");
    let twice = format!("{MINIMAL}[[gateway]]\nhost = \"gateway.example.net.\"\n");
    assert!(read(&twice).unwrap_err().contains("listed twice"));
    assert!(read(&MINIMAL.replace("Gateway.Example.NET", "gateway.test..")).is_err());
}

#[test]
fn contradictions_and_wrong_values_name_the_key_and_the_remedy() {
    let with = |line: &str| format!("{MINIMAL}{line}\n");
    let cases = [
        (
            MINIMAL.replace("[[gateway]]\nhost = \"Gateway.Example.NET\"", ""),
            "key `gateway`: there is no gateway; add",
        ),
        (
            with("[[gateway]]\nhost = \"gateway.example.net\""),
            "key `gateway.1.host`: this gateway is listed twice",
        ),
        (
            with("url = \"http://192.0.2.1\""),
            "key `gateway.0.url`: plain HTTP to another machine; use https",
        ),
        (
            with("url = \"https://a.test/path\""),
            "key `gateway.0.url`: not an origin",
        ),
        (
            with("url = \"ftp://a.test\""),
            "key `gateway.0.url`: not an origin",
        ),
        (
            with("url = \"https://user@a.test\""),
            "key `gateway.0.url`: not an origin",
        ),
        (
            with("body = \"some\""),
            "key `gateway.0.body`: unknown variant `some`, expected `exact` or `any`",
        ),
        (
            with("[limits]\nmax_in_flight = 0"),
            "line 8, key `limits.max_in_flight`: must not be zero; correct the value",
        ),
        (
            with("[limits]\nkey_stale_s = 1"),
            "key `limits.key_stale_s`: is shorter",
        ),
        (
            with("[quota]\nper_minute = 5"),
            "key `quota`: `per_minute` must be 0, for no quota, or at least 6; correct the value",
        ),
        (
            with("[mixing.timed]\nperiod_ms = 5001"),
            "key `mixing`: is longer than 5000 ms, and clients would give up",
        ),
        (
            with("[mixing.exponential]\nmean_ms = 50\ncap_ms = 40"),
            "key `mixing`: the cap is shorter than the mean",
        ),
        (
            with("[mixing.timed]\nperiod_ms = 500"),
            "key `connections.drain_ms`: is shorter than the 11000 ms that a request may take",
        ),
        (
            with("[mixing.timed]\nperiod_ms = 500\nleast = 3"),
            "key `mixing.least`: unknown field",
        ),
        (
            with("[cors]\norigins = [\"https://chat.example/\"]"),
            "key `cors.origins`: not an origin; give it as browsers send it",
        ),
        (
            with("[proxy]\naddresses = [\"front.example\"]\nheader = \"x-forwarded-for\""),
            "key `proxy.addresses.0`: not an address; give one as in",
        ),
        (
            with("[proxy]\naddresses = [\"192.0.2.1\"]"),
            "key `proxy`: missing field `header`; add it",
        ),
        (
            with("[connections]\nmax_streams = 0"),
            "key `connections.max_streams`: must not be zero; correct the value",
        ),
        (
            MINIMAL.replace("Gateway.Example.NET", "a/b"),
            "key `gateway.0.host`: not a host name",
        ),
        (
            MINIMAL.replace("Gateway.Example.NET", "-a.test"),
            "key `gateway.0.host`: not a host name",
        ),
        (
            MINIMAL.replace("Gateway.Example.NET", "."),
            "key `gateway.0.host`: not a host name",
        ),
        (
            MINIMAL.replace("relay.example\"\ncontact", "co.uk\"\ncontact"),
            "key `operator`: \"co.uk\" is a public suffix",
        ),
        (
            MINIMAL.replace("relay.example\"\ncontact", "localhost\"\ncontact"),
            "key `operator`: \"localhost\" is a single label, which is nobody's domain; give the domain that you have registered",
        ),
        (
            MINIMAL.replace("operator = \"relay.example\"", ""),
            "missing field `operator`; add it",
        ),
    ];
    for (text, expected) in cases {
        let refusal = read(&text).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}\nis not\n{expected}");
    }
}

#[test]
fn plain_http_needs_loopback_or_the_word() {
    for line in [
        "url = \"http://127.0.0.1:1\"",
        "url = \"http://[::1]:1/\"",
        "url = \"http://192.0.2.1\"\nplain_http = true",
    ] {
        read(&format!("{MINIMAL}{line}\n")).unwrap();
    }
}
