//! A lookup without tokio and without an HTTP library: the step machine, and some HTTP written by hand.
//!
//! ```text
//! cargo run -p sotto-client --example by_hand -- https://relay.example gateway.example.net hugh@example.com
//! ```
//!
//! With `sotto-lab serve --directory try` in another terminal, the files of that folder stand for the rest of the
//! internet: add `try/root.key try/ca.pem`.

mod http;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use sotto_client::mimi::RecordForm;
use sotto_client::proof::Anchors;
use sotto_client::{Lookup, Outcome, Setup, Step};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [relay, gateway, identifier, files @ ..] = &arguments[..] else {
        return Err("usage: by_hand RELAY GATEWAY IDENTIFIER [ANCHOR AUTHORITY]".into());
    };
    let mut builder = Setup::builder(relay, gateway);
    let mut roots = RootCertStore::empty();
    if let [anchor, authority] = files {
        builder = builder.anchors(Anchors::parse(&fs::read_to_string(anchor)?)?);
        roots.add(CertificateDer::from_pem_file(authority)?)?;
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let outcome = look_up(&builder.build()?, identifier, &Arc::new(tls))?;
    say(&outcome);
    Ok(())
}

/// The whole driver.
fn look_up(
    setup: &Setup,
    identifier: &str,
    tls: &Arc<ClientConfig>,
) -> Result<Outcome, Box<dyn Error>> {
    let identifier = identifier.parse()?;
    let (mut lookup, mut step) = Lookup::identifier(setup, identifier, RecordForm::Txt, now());
    loop {
        if let Step::Done(report) = step {
            return Ok(report.outcome);
        }
        if let Step::Wait { until } = step {
            thread::sleep(Duration::from_secs(until.saturating_sub(now())));
        }
        let event = http::perform(&step, tls);
        step = lookup.next(event, now());
    }
}

#[allow(
    clippy::print_stdout,
    reason = "an example that says nothing shows nothing"
)]
fn say(outcome: &Outcome) {
    match outcome {
        Outcome::Found(found) => {
            for service in &found.services {
                println!(
                    "{}",
                    service
                        .mimi_uri()
                        .unwrap_or_else(|| service.directory_url())
                );
            }
        }
        other => println!("{}", other.as_str()),
    }
}

#[allow(clippy::disallowed_methods, reason = "the one clock of this program")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
