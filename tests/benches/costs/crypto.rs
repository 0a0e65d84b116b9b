//! Sealing and opening, beside the bare key agreements.

use std::hint::black_box;

use anyhow::{Context as _, Result};
use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, Epoch, KeyConfigList, KeyRing, ProofQuery, Suite, seal};

use super::clock::median_us;
use super::floors::{CALLS, Floors};
use crate::Row;

const GATEWAY: &str = "gateway.example";
const NAME: &str =
    "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.example.com.";

/// Octets of a proof as zones with an RSA root and P-256 children give it.
const PROOF_BYTES: usize = 3_200;

pub(crate) fn rows() -> Result<Vec<Row>> {
    let epoch = Epoch(20_000);
    let ratchet = Ratchet::new(epoch, [7; 32]);
    let keys = ratchet.keys(epoch)?;
    let list = KeyConfigList::parse(keys.list())?;
    let ring = KeyRing::new(vec![keys]);
    let query = ProofQuery::new(NAME, "TXT")?;
    let answer = Answer::proof(vec![0; PROOF_BYTES]);

    let floors = Floors::new()?;
    let mut rows = Vec::new();
    for (suite, sealing, opening, seal_floor, open_floor) in [
        (
            Suite::X25519,
            "seal a question, X25519",
            "open it and seal an answer, X25519",
            "X25519 key generation and agreement",
            "X25519 agreement",
        ),
        (
            Suite::XWing,
            "seal a question, X-Wing",
            "open it and seal an answer, X-Wing",
            "the same and ML-KEM-768 encapsulation",
            "the same and ML-KEM-768 decapsulation",
        ),
    ] {
        let config = list.config(suite).context("the list has both suites")?;
        let (generate, agree) = (floors.generate(), floors.agree());
        let (encapsulate, decapsulate) = match suite {
            Suite::X25519 => (0.0, 0.0),
            Suite::XWing => (floors.encapsulate(), floors.decapsulate()),
        };
        rows.push(Row {
            operation: sealing,
            cost: median_us(CALLS, || {
                black_box(seal(&query, GATEWAY, &config)).expect("an honest question is sealed");
            }),
            floor: seal_floor,
            floor_cost: generate + agree + encapsulate,
            target: None,
        });
        let (envelope, _opener) = seal(&query, GATEWAY, &config)?;
        rows.push(Row {
            operation: opening,
            cost: median_us(CALLS, || {
                let (request, sealer) = ring.open(&envelope).expect("an honest envelope opens");
                request.query(GATEWAY).expect("an honest question is read");
                black_box(sealer.seal(&answer)).expect("an answer that fits is sealed");
            }),
            floor: open_floor,
            floor_cost: agree + decapsulate,
            target: None,
        });
    }
    Ok(rows)
}
