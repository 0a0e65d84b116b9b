//! Parties that mean ill: gateways that answer with what they should not, key documents that nobody should
//! believe, relays that do not keep to the protocol. Each is told by name; none gets a record past the
//! client, or a request to somewhere else.
//!
//! Gateways and key documents stand behind a real relay. The zones are signed here, so that
//! they can be signed again with other content: see [`realm`].

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

mod answers;
mod documents;
mod gateway;
mod partition;
mod realm;
mod relays;

use sotto_client::mimi::RecordForm;
use sotto_client::{Client, Code, Outcome, Report, Setup};
use sotto_world::dns::rdata;

use crate::realm::Records;

/// Whom the tests look up.
const ALICE: &str = "alice.test";

/// The name that is asked for.
const ALICE_OWNER: &str = "_mimi.alice.test.";

/// What alice publishes.
fn alice_at(provider: &str) -> Records {
    vec![(
        ALICE_OWNER.to_owned(),
        rdata::txt(&format!("v=MIMI1; e={provider}; a=alice")),
    )]
}

async fn lookup(setup: Setup) -> Report {
    let client = Client::new(setup).unwrap();
    client.lookup(ALICE.parse().unwrap(), RecordForm::Txt).await
}

/// The provider at which a lookup found alice.
#[track_caller]
fn provider(report: &Report) -> &str {
    match &report.outcome {
        Outcome::Found(found) => found.services[0].provider.as_str(),
        other => panic!("not found, but {other:?}"),
    }
}

/// Why a lookup had no answer.
#[track_caller]
fn unavailable(report: &Report) -> Code {
    match &report.outcome {
        Outcome::Unavailable(why) => why.code,
        other => panic!("not unavailable, but {other:?}"),
    }
}
