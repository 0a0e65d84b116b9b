//! A foreign Oblivious HTTP client: the `ohttp` and `bhttp` crates, and none of our code.

use std::{io::Cursor, net::SocketAddr};

use bhttp::{Message, Mode};
use ohttp::{ClientRequest, ClientResponse};
use sotto_wire::path;

use super::{HOST, http};

/// DHKEM(X25519, HKDF-SHA256) in the registry of KEMs (RFC 9180 section 7.1).
const X25519: [u8; 2] = [0x00, 0x20];

/// What came back, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) status: u16,
    pub(crate) media_type: String,
    pub(crate) date: Option<String>,
    pub(crate) content: Vec<u8>,
}

/// A GET of `target` at `authority`, as Binary HTTP.
pub(crate) fn message(authority: &str, target: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut message = Message::request(
        b"GET".to_vec(),
        b"https".to_vec(),
        authority.into(),
        target.into(),
    );
    for (name, value) in fields {
        message.put_header(*name, *value);
    }
    let mut octets = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut octets).unwrap();
    octets
}

/// The question for TXT at `name`.
pub(crate) fn question(name: &str) -> Vec<u8> {
    message(HOST, &format!("{}?d={name}&t=TXT", path::PROOF), &[])
}

/// Seals for the X25519 configuration of the gateway's current list.
pub(crate) async fn seal(address: SocketAddr, message: &[u8]) -> (Vec<u8>, ClientResponse) {
    let list = http::get(address, path::GATEWAY).await.content;
    let config = configurations(&list)
        .into_iter()
        .find(|config| config[1..3] == X25519)
        .expect("the list offers X25519");
    ClientRequest::from_encoded_config(config)
        .unwrap()
        .encapsulate(message)
        .unwrap()
}

/// The configurations of a list (RFC 9458 section 3.2).
fn configurations(mut list: &[u8]) -> Vec<&[u8]> {
    let mut configurations = Vec::new();
    while let Some((length, rest)) = list.split_first_chunk() {
        let (configuration, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        configurations.push(configuration);
        list = rest;
    }
    configurations
}

pub(crate) fn open(response: ClientResponse, sealed: &[u8]) -> Opened {
    let octets = response.decapsulate(sealed).unwrap();
    let message = Message::read_bhttp(&mut Cursor::new(&octets[..])).unwrap();
    let field = |name: &[u8]| {
        let value = message.header().get(name)?;
        Some(String::from_utf8(value.to_vec()).unwrap())
    };
    Opened {
        status: message.control().status().unwrap().code(),
        media_type: field(b"content-type").unwrap(),
        date: field(b"date"),
        content: message.content().to_vec(),
    }
}

/// One exchange: what was opened, and the size it had sealed.
pub(crate) async fn exchange(address: SocketAddr, message: &[u8]) -> (Opened, usize) {
    let (envelope, response) = seal(address, message).await;
    let answer = http::post(address, &envelope).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (open(response, &answer.content), answer.content.len())
}
