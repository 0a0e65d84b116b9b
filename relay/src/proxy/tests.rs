use http::{HeaderValue, header::FORWARDED};
use proptest::prelude::*;

use super::*;

fn proxy(addresses: &[&str], header: &str) -> Proxy {
    Proxy {
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        header: header.parse().unwrap(),
    }
}

fn fields(name: &'static str, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// Whom a request from `peer` is charged to, as text.
fn charged(proxy: Option<&Proxy>, peer: &str, headers: &HeaderMap) -> String {
    match payer(proxy, peer.parse().unwrap(), headers) {
        Payer::Address(address) => address.to_string(),
        Payer::Local => "nobody".to_owned(),
    }
}

#[test]
fn without_a_proxy_the_peer_is_charged_whatever_it_says() {
    let headers = fields("x-forwarded-for", &["198.51.100.1"]);
    assert_eq!(charged(None, "192.0.2.1", &headers), "192.0.2.1");
    assert_eq!(charged(None, "::ffff:192.0.2.1", &headers), "192.0.2.1");
    assert_eq!(charged(None, "127.0.0.1", &headers), "nobody");
    assert_eq!(charged(None, "::1", &headers), "nobody");
    let other = proxy(&["192.0.2.9"], "x-forwarded-for");
    assert_eq!(charged(Some(&other), "192.0.2.1", &headers), "192.0.2.1");
}

#[test]
fn a_listed_proxy_is_believed_in_its_own_word_alone() {
    let front = proxy(&["127.0.0.1", "192.0.2.0/28"], "X-Forwarded-For");
    let of = |values: &[&str]| {
        charged(
            Some(&front),
            "127.0.0.1",
            &fields("x-forwarded-for", values),
        )
    };
    assert_eq!(of(&["198.51.100.1"]), "198.51.100.1");
    // The client wrote the first; the proxy added the last.
    assert_eq!(of(&["203.0.113.7, 198.51.100.1"]), "198.51.100.1");
    assert_eq!(of(&["203.0.113.7", "198.51.100.1"]), "198.51.100.1");
    // A proxy behind a proxy.
    assert_eq!(of(&["198.51.100.1, 192.0.2.15"]), "198.51.100.1");
    assert_eq!(of(&["198.51.100.1, 192.0.2.16"]), "192.0.2.16");
    assert_eq!(of(&["[2001:db8::1]:4711"]), "2001:db8::1");
    assert_eq!(of(&["198.51.100.1:4711"]), "198.51.100.1");
    // What says nothing is charged to the proxy.
    for silent in ["", "unknown", "198.51.100.1, _hidden", "192.0.2.1"] {
        assert_eq!(of(&[silent]), "127.0.0.1", "{silent}");
    }
    assert_eq!(of(&[]), "127.0.0.1");
}

#[test]
fn the_standard_field_is_read_as_the_standard_says() {
    let front = proxy(&["2001:db8::/32"], FORWARDED.as_str());
    let of = |value| charged(Some(&front), "2001:db8::5", &fields("forwarded", &[value]));
    assert_eq!(
        of("for=192.0.2.43, For=\"[2001:db9::1]:4711\""),
        "2001:db9::1"
    );
    assert_eq!(
        of("proto=https;for=192.0.2.60;by=203.0.113.43"),
        "192.0.2.60"
    );
    assert_eq!(of("for=unknown"), "2001:db8::5");
    assert_eq!(of("192.0.2.60"), "2001:db8::5");
}

#[test]
fn networks_are_addresses_and_prefixes() {
    let contains = |network: &str, address: &str| {
        let network: Network = network.parse().unwrap();
        network.contains(address.parse().unwrap())
    };
    assert!(contains("0.0.0.0/0", "255.255.255.255"));
    assert!(!contains("0.0.0.0/0", "::1"));
    assert!(contains("::/0", "2001:db8::1"));
    assert!(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert!(!contains("2001:db8::/33", "2001:db8:8000::1"));
    assert!(!contains("192.0.2.1/32", "192.0.2.2"));
    for text in [
        "",
        "192.0.2",
        "192.0.2.1/33",
        "::/129",
        "::1/-1",
        "192.0.2.1/255",
        "a.test",
    ] {
        assert_eq!(text.parse::<Network>(), Err(ProxyError::Network), "{text}");
    }
    assert_eq!("a b".parse::<Field>(), Err(ProxyError::Field));
}

proptest! {
    #[test]
    fn no_field_makes_a_listed_proxy_free_of_charge(value in "[ -~]{0,80}") {
        let front = proxy(&["127.0.0.1"], "x-forwarded-for");
        let forwarded = proxy(&["127.0.0.1"], "forwarded");
        for (proxy, name) in [(front, "x-forwarded-for"), (forwarded, "forwarded")] {
            let headers = fields(name, &[&value]);
            prop_assert_ne!(charged(Some(&proxy), "127.0.0.1", &headers), "nobody");
        }
    }
}
