//! What is asked inside the envelopes: one question with a number in it, so that as many names as wanted take turns.

use anyhow::{Context, Result};
use sotto_envelope::{ForeignOpener, ForeignRequest, KeyConfig, ProofQuery, seal_foreign};
use sotto_proof::Question as ProofQuestion;
use sotto_wire::path;

/// What stands for the number.
const NUMBER: &str = "{n}";

/// Steps from one name to the next, so that neighbours in time are none in the alphabet. A prime: every name has its turn.
const STRIDE: u64 = 7_919;

/// What every request has in common.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) asked: Asked,
    /// What stands inside as `:authority`.
    pub(crate) authority: String,
    /// How many numbers take turns.
    pub(crate) names: u64,
    /// Octets of an encapsulated request.
    pub(crate) octets: usize,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// A proof of the RRset at `name`.
    Proof { name: String, rtype: String },
    /// Something else, of any gateway.
    Resource {
        method: String,
        scheme: String,
        path: String,
    },
}

impl Question {
    /// Seals the request of this index.
    pub(crate) fn seal(&self, index: u64, config: &KeyConfig) -> Result<(Vec<u8>, ForeignOpener)> {
        let number = self.number(index);
        let (method, scheme, path) = match &self.asked {
            Asked::Proof { name, rtype } => {
                let query = ProofQuery::new(numbered(name, number), rtype.clone())
                    .with_context(|| format!("--name \"{name}\" --type \"{rtype}\""))?;
                let path = format!("{}?d={}&t={}", path::PROOF, query.name, query.rtype);
                ("GET", "https", path)
            }
            Asked::Resource {
                method,
                scheme,
                path,
            } => (method.as_str(), scheme.as_str(), numbered(path, number)),
        };
        let request = ForeignRequest {
            method,
            scheme,
            authority: &self.authority,
            path: &path,
        };
        seal_foreign(&request, self.octets, config).context("a request cannot be sealed")
    }

    /// The question that the request of this index has proved, if it is one.
    pub(crate) fn proved(&self, index: u64) -> Option<ProofQuestion> {
        let Asked::Proof { name, rtype } = &self.asked else {
            return None;
        };
        Some(ProofQuestion {
            name: numbered(name, self.number(index)).parse().ok()?,
            rtype: rtype.parse().ok()?,
        })
    }

    /// The number of the name that the request of this index asks for.
    fn number(&self, index: u64) -> u64 {
        let stride = if self.names.is_multiple_of(STRIDE) {
            1
        } else {
            STRIDE
        };
        (index % self.names) * stride % self.names
    }
}

/// Of one length, so that requests are.
fn numbered(template: &str, number: u64) -> String {
    template.replace(NUMBER, &format!("{number:08}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_has_its_turn() {
        for names in [1, 64, 1_000, STRIDE, 100_000] {
            let question = Question {
                asked: Asked::Proof {
                    name: "{n}._mimi.example.".to_owned(),
                    rtype: "TXT".to_owned(),
                },
                authority: "gateway.example".to_owned(),
                names,
                octets: 2_048,
            };
            let asked: BTreeSet<_> = (0..names).map(|index| question.number(index)).collect();
            assert_eq!(asked.len() as u64, names);
            let proved = question.proved(names).unwrap();
            assert_eq!(proved.name.to_string(), "00000000._mimi.example.");
        }
    }
}
