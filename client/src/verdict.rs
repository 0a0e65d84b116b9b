//! From octets that a gateway sent to what the client stands behind.

use sotto_proof::{
    self as proof, Question, Reason, Secure, Verdict, Verification, verify, verify_with_memory,
};

use crate::outcome::{Absence, Code, Detail, Outcome, Unavailable};
use crate::second_opinion::{self, SecondOpinion};
use crate::setup::Setup;

/// A proof, with what both validators say of it.
#[derive(Debug)]
pub(crate) struct Judged {
    question: Question,
    pub(crate) verification: Verification,
    pub(crate) second_opinion: SecondOpinion,
}

/// What a client may rely on.
#[derive(Debug)]
pub(crate) enum Proved {
    Secure(Secure),
    Absent(Absence),
}

impl Judged {
    /// Verifies `proof` for `question`, and has what both can read verified again.
    pub(crate) fn new(proof: &[u8], question: &Question, setup: &Setup, now: u64) -> Self {
        let (anchors, limits) = (setup.anchors(), setup.limits());
        let verification = match setup.store() {
            Some(store) => {
                let mut signatures = store.signatures();
                verify_with_memory(proof, question, anchors, now, limits, &mut signatures)
            }
            None => verify(proof, question, anchors, now, limits),
        };
        let second_opinion = if setup.second_opinion() {
            second_opinion::ask(&verification, question, setup.anchors(), now)
        } else {
            SecondOpinion::NotAsked
        };
        Self {
            question: question.clone(),
            verification,
            second_opinion,
        }
    }

    /// What stands: proved, not contradicted, and no older than `max_age` seconds.
    pub(crate) fn settle(&self, max_age: Option<u64>, now: u64) -> Result<Proved, Outcome> {
        let verification = &self.verification;
        if let Some(hint) = verification.clock {
            return Err(Unavailable::with(Code::Clock, Detail::Clock { local: now, hint }).into());
        }
        let proved = match &verification.verdict {
            Verdict::Secure(secure) => Ok(Proved::Secure(secure.clone())),
            Verdict::NxDomain => Ok(Proved::Absent(Absence::NxDomain)),
            Verdict::NoData => Ok(Proved::Absent(Absence::NoData)),
            Verdict::Insecure(reason) => Err(Outcome::Insecure(reason.clone())),
            Verdict::Bogus(reason) => return Err(Outcome::Bogus(reason.clone())),
        };
        if let SecondOpinion::Disagrees(_) = self.second_opinion {
            return Err(Outcome::Bogus(Reason {
                code: proof::Code::SecondOpinion,
                name: self.question.name.clone(),
                rtype: self.question.rtype,
            }));
        }
        if let (Some(max_age), Some(signed_at)) = (max_age, verification.leaf_inception)
            && now.saturating_sub(signed_at) > max_age
        {
            return Err(Unavailable::with(Code::TooOld, Detail::Age { signed_at, max_age }).into());
        }
        proved
    }
}

#[cfg(test)]
mod tests {
    use sotto_proof::RecordType;

    use super::*;
    use crate::outcome::Disagreement;

    #[test]
    fn two_validators_that_disagree_make_a_lie() {
        let setup = Setup::builder("https://relay.example", "gateway.example")
            .build()
            .unwrap();
        let question = Question {
            name: "a.test".parse().unwrap(),
            rtype: RecordType::TXT,
        };
        let mut judged = Judged::new(&[], &question, &setup, 0);
        judged.verification.verdict = Verdict::NxDomain;
        judged.verification.clock = None;
        judged.second_opinion = SecondOpinion::Disagrees(Disagreement::Records);
        match judged.settle(None, 0) {
            Err(outcome @ Outcome::Bogus(_)) => {
                let explanation = outcome.explanation().unwrap();
                assert_eq!(explanation.code, Code::SecondOpinion.as_str());
                assert_eq!(explanation.remedy, Code::SecondOpinion.remedy());
            }
            other => panic!("{other:?}"),
        }
        judged.second_opinion = SecondOpinion::Agrees;
        assert!(matches!(judged.settle(None, 0), Ok(Proved::Absent(_))));
    }
}
