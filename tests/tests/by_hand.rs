//! The step machine under the hand-written HTTP of the client's example, through real parties.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

#[path = "../../client/examples/by_hand/http.rs"]
mod http;

use std::fs;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sotto_client::mimi::RecordForm;
use sotto_client::proof::Anchors;
use sotto_client::{Lookup, Outcome, Report, Setup, Step};
use sotto_tests::{GATEWAY_HOST, Hierarchy, Parties, now};

fn look_up(identifier: &str) -> Report {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    let anchor = fs::read_to_string(hierarchy.anchor()).unwrap();
    let setup = Setup::builder(parties.relay_url(), GATEWAY_HOST)
        .anchors(Anchors::parse(&anchor).unwrap())
        .build()
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(parties.ca()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Arc::new(tls);

    let identifier = identifier.parse().unwrap();
    let (mut lookup, mut step) = Lookup::identifier(&setup, identifier, RecordForm::Txt, now());
    loop {
        match step {
            Step::Done(report) => return *report,
            step_to_do => {
                let event = http::perform(&step_to_do, &tls);
                step = lookup.next(event, now());
            }
        }
    }
}

#[test]
fn a_lookup_needs_no_library_for_its_http() {
    let found = look_up("hugh@nsec.test");
    assert!(matches!(found.outcome, Outcome::Found(_)), "{found:?}");
    assert!(found.is_private());
    let absent = look_up("nobody@nsec.test");
    assert!(matches!(absent.outcome, Outcome::NoRecord(_)), "{absent:?}");
}
