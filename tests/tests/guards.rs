//! A guard that stays for good: over real name servers, relay and gateway as processes, answers differ
//! in nothing but their sealed octets. What passes on the wires is guarded in `privacy`.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use sotto_envelope::{Answer, KeyConfig, KeyConfigList, ProofQuery, Suite, seal};
use sotto_tests::raw::{RawConnection, RawResponse};
use sotto_tests::{GATEWAY_HOST, Parties};
use sotto_wire::{AnswerClass, REQUEST_BYTES, media, path};

/// The label of hugh.
const HUGH: &str = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6";

/// Questions for every kind of answer, with the sealed status.
fn questions() -> Vec<(ProofQuery, u16)> {
    let hugh = format!("{HUGH}._user._mimi.nsec.test.");
    [
        (hugh.as_str(), "TXT", 200),
        (hugh.as_str(), "TXT", 200),
        ("anybody._user._mimi.nsec3.test.", "TXT", 200),
        ("_mimi.8.4.1.0.6.4.9.7.0.2.4.4.phones.example.", "TXT", 200),
        ("_mimi.nobody.nsec.test.", "TXT", 200),
        ("_mimi.nobody.nsec3.test.", "TXT", 200),
        ("nobody._user._mimi.dname.test.", "TXT", 200),
        ("_mimi.frank.unsigned.test.", "TXT", 200),
        ("_mimi.lena.expired.test.", "TXT", 200),
        ("nsec.test.", "SOA", 403),
        ("_mimi.alice.nsec.test.", "NOSUCHTYPE", 400),
    ]
    .map(|(name, rtype, status)| (ProofQuery::new(name, rtype).unwrap(), status))
    .to_vec()
}

/// The gateway's key configuration, from its list at `resource`.
fn key(connection: &mut RawConnection, resource: &str, credentials: &str) -> KeyConfig {
    let head = format!("GET {resource} HTTP/1.1\r\nHost: localhost\r\n{credentials}");
    let list = connection.exchange(&head, &[]).unwrap();
    assert_eq!(list.status(), Some(200), "{}", list.head);
    let list = KeyConfigList::parse(&list.body).unwrap();
    list.config(Suite::XWing).unwrap()
}

/// Seals a question, posts it to `resource` and opens the answer.
fn ask(
    connection: &mut RawConnection,
    resource: &str,
    credentials: &str,
    key: &KeyConfig,
    query: &ProofQuery,
) -> (RawResponse, Answer) {
    let (envelope, opener) = seal(query, GATEWAY_HOST, key).unwrap();
    assert_eq!(envelope.len(), REQUEST_BYTES);
    let head = format!(
        "POST {resource} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\n{credentials}",
        media::OHTTP_REQUEST
    );
    let response = connection.exchange(&head, &envelope).unwrap();
    assert_eq!(response.status(), Some(200), "{}", response.head);
    let answer = opener.open(&response.body).unwrap();
    (response, answer)
}

/// Asks all questions on one connection and checks that answers differ in nothing that a wire shows.
fn one_size(connection: &mut RawConnection, resource: &str, credentials: &str) {
    let key = key(connection, resource, credentials);
    let mut heads = Vec::new();
    let mut contents = Vec::new();
    for (query, status) in questions() {
        let (response, answer) = ask(connection, resource, credentials, &key, &query);
        assert_eq!(answer.status, status);
        assert_eq!(response.body.len(), AnswerClass::Base.bytes());
        contents.push(answer.body.len());
        heads.push(response.head);
    }
    assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
    let (shortest, longest) = (
        contents.iter().min().unwrap(),
        contents.iter().max().unwrap(),
    );
    assert!(
        longest - shortest > 1_000,
        "the questions differ too little to show anything: {contents:?}"
    );
}

#[test]
fn the_relay_s_answers_differ_in_nothing_but_sealed_octets() {
    let parties = Parties::shared().unwrap();
    let relay = parties.to_relay().address();
    let mut connection = RawConnection::open(relay, &parties.ca()).unwrap();
    one_size(&mut connection, &format!("/{GATEWAY_HOST}"), "");
}

#[test]
fn the_gateway_s_answers_differ_in_nothing_but_sealed_octets() {
    let parties = Parties::shared().unwrap();
    let gateway = parties.to_gateway().address();
    let mut connection = RawConnection::open(gateway, &parties.gateway_ca()).unwrap();
    let credentials = format!("Authorization: {}\r\n", parties.relay_credentials());
    one_size(&mut connection, path::GATEWAY, &credentials);
}
