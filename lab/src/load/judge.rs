//! Opens the sample of answers, and verifies the proofs in them.

use std::collections::BTreeMap;

use serde::Serialize;
use sotto_envelope::Answer;
use sotto_proof::{Anchors, Limits, Verdict, verify};
use sotto_wire::media;

use super::question::Question;
use super::stock::Stock;
use super::tally::Tally;

/// What was inside the sample.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sample {
    /// Answers that were opened, or were to be.
    pub(crate) answers: u64,
    /// By what was inside: `secure`, `no_data`, `nx_domain`, `insecure` or `bogus` for a proof, a status for anything else.
    pub(crate) inside: BTreeMap<String, u64>,
    /// Octets of the largest content.
    pub(crate) largest_content: usize,
    /// Of answers that are not what was asked for, the reasons, as far as they are told.
    pub(crate) complaints: BTreeMap<String, u64>,
}

impl Sample {
    /// Opens what `tally` kept; verifies proofs by `anchors` at `now`.
    pub(crate) fn of(
        tally: &mut Tally,
        stock: &mut Stock,
        question: &Question,
        first: u64,
        anchors: &Anchors,
        now: u64,
    ) -> Self {
        let mut sample = Self::default();
        for (index, content) in tally.kept.drain(..) {
            let Some(opener) = stock.opener(index) else {
                continue;
            };
            sample.answers += 1;
            match opener.open(&content) {
                Err(error) => sample.add("unreadable", Some(error.to_string())),
                Ok(answer) => {
                    sample.largest_content = sample.largest_content.max(answer.body.len());
                    sample.look(&answer, question, first + index, anchors, now);
                }
            }
        }
        sample
    }

    fn look(
        &mut self,
        answer: &Answer,
        question: &Question,
        index: u64,
        anchors: &Anchors,
        now: u64,
    ) {
        let asked = question
            .proved(index)
            .filter(|_| answer.status == 200 && answer.media_type.as_deref() == Some(media::PROOF));
        let Some(asked) = asked else {
            let title = answer.as_problem().map(|problem| problem.title);
            return self.add(&answer.status.to_string(), title);
        };
        match verify(&answer.body, &asked, anchors, now, &Limits::default()).verdict {
            Verdict::Secure(_) => self.add("secure", None),
            Verdict::NoData => self.add("no_data", None),
            Verdict::NxDomain => self.add("nx_domain", None),
            Verdict::Insecure(reason) => self.add("insecure", Some(reason.code.to_string())),
            Verdict::Bogus(reason) => self.add("bogus", Some(reason.code.to_string())),
        }
    }

    fn add(&mut self, inside: &str, complaint: Option<String>) {
        *self.inside.entry(inside.to_owned()).or_default() += 1;
        if let Some(complaint) = complaint {
            *self.complaints.entry(complaint).or_default() += 1;
        }
    }
}
