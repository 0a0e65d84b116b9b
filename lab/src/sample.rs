//! A sample of a run's exchanges with real keys and real envelopes: what shows that the sizes of all the others are right.

use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, Epoch, KeyConfigList, KeyRing, ProofQuery, Suite, seal};
use sotto_wire::REQUEST_BYTES;

use crate::LabError;
use crate::population::Population;
use crate::scenario::{Padding, Scenario};

/// Exchanges of a sample: the shortest and the longest proofs, and some between.
const EXCHANGES: usize = 16;

/// The host that the questions name.
const HOST: &str = "gateway.test";

/// What the sample showed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sealed {
    /// Exchanges sealed and opened, both ways.
    pub exchanges: usize,
    /// Octets of every request.
    pub request_octets: usize,
    /// Octets of the shortest proof among them.
    pub shortest_proof: usize,
    /// Octets of the longest.
    pub longest_proof: usize,
    /// Whether a gateway pads as the scenario says; if not, the answers' sizes are those that it would have.
    pub shipped_padding: bool,
}

/// Seals and opens exchanges for people of every size.
///
/// # Errors
///
/// [`LabError::Contradiction`] if a size is not what the run records.
pub fn seal_some(scenario: &Scenario, population: &Population) -> Result<Sealed, LabError> {
    let mut people: Vec<_> = population.people.iter().collect();
    people.sort_by_key(|person| person.proof_octets);
    let last = people.len() - 1;
    let chosen: Vec<_> = (0..EXCHANGES.min(people.len()))
        .map(|place| people[place * last / (EXCHANGES - 1).max(1)])
        .collect();
    let epoch = Epoch::at(scenario.start);
    let keys = Ratchet::new(epoch, [7; 32]).keys(epoch).map_err(wrong)?;
    let list = KeyConfigList::parse(keys.list()).map_err(wrong)?;
    let config = list
        .config(Suite::XWing)
        .ok_or_else(|| wrong("no key configuration of X-Wing"))?;
    let ring = KeyRing::new(vec![keys]);
    for person in &chosen {
        let query = ProofQuery::new(person.name.as_str(), "TXT").map_err(wrong)?;
        let (envelope, opener) = seal(&query, HOST, &config).map_err(wrong)?;
        if envelope.len() != REQUEST_BYTES {
            return Err(wrong(format!("a request of {} octets", envelope.len())));
        }
        let (request, sealer) = ring.open(&envelope).map_err(wrong)?;
        if request
            .query(HOST)
            .map_err(|problem| wrong(format!("{problem:?}")))?
            != query
        {
            return Err(wrong("another question than was sealed"));
        }
        let answer = Answer::proof(vec![0; person.proof_octets]);
        let sealed = sealer.seal(&answer).map_err(wrong)?;
        if scenario.gateway.padding == Padding::Classes && sealed.len() != person.answer_octets {
            return Err(wrong(format!("an answer of {} octets", sealed.len())));
        }
        if opener.open(&sealed).map_err(wrong)? != answer {
            return Err(wrong("another answer than was sealed"));
        }
    }
    Ok(Sealed {
        exchanges: chosen.len(),
        request_octets: REQUEST_BYTES,
        shortest_proof: chosen.first().map_or(0, |person| person.proof_octets),
        longest_proof: chosen.last().map_or(0, |person| person.proof_octets),
        shipped_padding: scenario.gateway.padding == Padding::Classes,
    })
}

fn wrong(what: impl ToString) -> LabError {
    LabError::Contradiction(what.to_string())
}
