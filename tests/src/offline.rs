//! Proofs of names in a DNS in memory, without a socket.

use anyhow::{Context, Result};
use sotto_proof::message;
use sotto_proof::{Progress, Prover, ProverLimits, Question};
use sotto_world::dns::message::{Transport, respond};
use sotto_world::dns::resolver::Internet;

/// The identifier of every query: there is no network on which somebody could guess it.
const ID: u16 = 1;

/// The proof that an honest gateway makes of `internet` for a name and a type.
///
/// # Errors
///
/// That they are none, or that the internet has no answer.
pub fn prove(internet: &Internet, name: &str, rtype: &str) -> Result<Vec<u8>> {
    let question = Question {
        name: name.parse()?,
        rtype: rtype.parse()?,
    };
    let (mut prover, mut open) = Prover::start(question, ProverLimits::default());
    while let Some(asked) = open.pop() {
        let query = message::query(ID, &asked, u16::MAX);
        let response =
            respond(internet, &query, Transport::Tcp).context("a query has a response")?;
        let response = message::parse(&response.bytes, ID, &asked)?;
        match prover.respond(&asked, &response)? {
            Progress::Ask(more) => open.extend(more),
            Progress::Wait => {}
            Progress::Done(proof) => return Ok(proof.into_bytes()),
        }
    }
    anyhow::bail!("the prover awaits nothing and is not done")
}
