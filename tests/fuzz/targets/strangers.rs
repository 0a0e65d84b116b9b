//! What others leave to be read: address books, rows of a client's store, the fields that a proxy sets.
//!
//! Asserted: a book gives places that exist, and no more than its limits; a row that reads is what it is written as; a
//! request is charged to an address that somebody with a right to it named.

#![no_main]

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sotto_fuzz::Input;
use sotto_relay::proxy::{Payer, Proxy, payer};

#[allow(dead_code)]
#[path = "../../../cli/src/contacts/read/mod.rs"]
mod read;

/// The proxy in front of the relay, and the network that it says its other proxies are in.
const PROXY: &str = "192.0.2.1";
const PROXIES: &str = "198.51.100.0/24";

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    match input.u8() % 6 {
        0 => book(None, input.rest()),
        1 => book(Some(read::Format::Vcard), input.rest()),
        2 => book(Some(read::Format::Csv), input.rest()),
        3 => book(Some(read::Format::Lines), input.rest()),
        4 => sotto_client::fuzz_row(input.u8(), input.rest()),
        _ => charge(&mut input),
    }
});

fn book(format: Option<read::Format>, octets: &[u8]) {
    let reading = read::read(octets, format);
    // UTF-16 has a line end in two octets, and a lone CR may end a line too.
    let lines = 1 + octets
        .iter()
        .filter(|octet| matches!(octet, b'\n' | b'\r'))
        .count();
    for found in &reading.found {
        assert!((1..=lines).contains(&found.line), "{found:?}");
        assert!(!found.identifier.is_empty());
    }
    for problem in &reading.problems {
        assert!(problem.line <= lines, "{problem:?}");
        assert!(!problem.message.is_empty() && !problem.remedy.is_empty());
    }
    assert!(reading.found.len() <= octets.len());
}

fn charge(input: &mut Input<'_>) {
    let header = *input.pick(&["x-forwarded-for", "forwarded", "x-real-ip"]);
    let proxy = Proxy {
        addresses: [PROXY, PROXIES]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
        header: header.parse().expect("the name of a field"),
    };
    let mut headers = HeaderMap::new();
    let mut said = String::new();
    while !input.is_empty() {
        let value = input.short();
        if let Ok(value) = HeaderValue::from_bytes(value) {
            said.push_str(&String::from_utf8_lossy(value.as_bytes()));
            said.push(' ');
            headers.append(header, value);
        }
    }
    let peer: IpAddr = PROXY.parse().expect("an address");
    let stranger: IpAddr = "203.0.113.7".parse().expect("an address");
    // Nobody but a listed proxy is believed.
    assert!(payer(Some(&proxy), stranger, &headers) == Payer::Address(stranger));
    assert!(payer(None, peer, &headers) == Payer::Address(peer));
    match payer(Some(&proxy), peer, &headers) {
        Payer::Address(address) => {
            assert!(address == address.to_canonical());
            // What is charged instead of the proxy is what the fields can name: they have octets enough to do so.
            assert!(
                address == peer || said.len() > "::".len(),
                "{address} of {said:?}"
            );
        }
        Payer::Local => panic!("a proxy that is listed is no local client"),
    }
}
