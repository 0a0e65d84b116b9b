//! From what `sotto lookup` says to an account, by the part of the user's own provider: a real lookup, and a
//! provider that follows draft-ietf-mimi-protocol-06.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use serde_json::Value;
use sotto_mimi::{Directory, Domain, IdentifierAnswer, ProviderPolicy, Refusal};
use sotto_tests::provider::Provider;
use sotto_tests::raw::RawConnection;
use sotto_tests::{Hierarchy, Parties, sotto};

/// The provider that `*@nsec3.test` names; who has which account there, the asker must find out.
const PROVIDER: &str = "mimi.provider.example";

/// What `sotto lookup` says in words.
fn said(arguments: &[&str]) -> String {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    let arguments = [&["lookup"], arguments].concat();
    sotto::in_words_through(parties, hierarchy, &arguments)
        .unwrap()
        .stdout
}

fn report(arguments: &[&str]) -> Value {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    let arguments = [&["lookup"], arguments].concat();
    let ran = sotto::through(parties, hierarchy, &arguments).unwrap();
    ran.json().unwrap()
}

/// What `provider` answers to a request for `url`, the name of its host led to the loopback address.
fn exchange(provider: &Provider, method: &str, url: &str, body: &[u8]) -> Vec<u8> {
    let path = url.strip_prefix(&format!("https://{PROVIDER}")).unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {PROVIDER}\r\n");
    let mut connection = RawConnection::open(provider.address(), &provider.authority()).unwrap();
    let response = connection.exchange(&head, body).unwrap();
    assert_eq!(response.status(), Some(200), "{method} {url}");
    response.body
}

/// Does what the user's provider does with the report on `identifier`.
fn ask(provider: &Provider, identifier: &str) -> IdentifierAnswer {
    let report = report(&[identifier, "--phone-zone", "phones.example"]);
    let service = &report["services"][0];
    let text = |key: &str| service[key].as_str().unwrap().to_owned();
    assert_eq!(service["mimi_uri"], Value::Null);

    let domain: Domain = text("provider").parse().unwrap();
    let directory = exchange(provider, "GET", &text("directory_url"), b"");
    let directory = Directory::parse(&directory).unwrap();
    let endpoint = directory
        .identifier_query(&domain, ProviderPolicy::PrivateRoot)
        .unwrap();
    let query = octets(&text("identifier_query_hex"));
    let answer = exchange(provider, "POST", endpoint.url(), &query);
    IdentifierAnswer::parse(&answer, &domain).unwrap()
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    (0..hexadecimal.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn the_provider_that_a_wildcard_names_says_the_account() {
    let provider = Provider::start(
        PROVIDER,
        &[
            ("anybody@nsec3.test", "any.body"),
            ("+442079460148", "operator"),
        ],
    )
    .unwrap();
    for (identifier, uri) in [
        (
            "Anybody@NSEC3.test",
            "mimi://mimi.provider.example/u/any.body",
        ),
        (
            "+44 20 7946 0148",
            "mimi://mimi.provider.example/u/operator",
        ),
    ] {
        let answer = ask(&provider, identifier);
        let IdentifierAnswer::Accounts(accounts) = &answer else {
            panic!("{answer:?}");
        };
        assert_eq!(accounts[0].to_string(), uri);
        assert_eq!(accounts.len(), 1);
    }
    assert_eq!(
        ask(&provider, "nobody@nsec3.test"),
        IdentifierAnswer::Refused(Refusal::NotFound)
    );
}

#[test]
fn next_says_what_to_hand_over() {
    let published = said(&["hugh@nsec.test", "--next"]);
    assert!(
        published.contains("mimi://im.telegram.example/u/myname99, the {targetUser}"),
        "{published}"
    );
    let asked = said(&["anybody@nsec3.test", "--next"]);
    for line in [
        "directory  https://mimi.provider.example/.well-known/mimi-protocol-directory",
        "account    not published",
        "its {domain} being mimi.provider.example, these octets: 140312616e79626f6479406e736563332e7465737400",
    ] {
        assert!(asked.contains(line), "{line} is not in {asked}");
    }
    let absent = said(&["nobody@nsec.test", "--next"]);
    assert!(
        absent.ends_with("Your provider can do nothing with this outcome\n"),
        "{absent}"
    );
    let resolved = said(&["mimi://a.example/u/alice", "--next"]);
    assert!(
        resolved.contains("mimi://a.example/u/alice, the {targetUser}"),
        "{resolved}"
    );
}
