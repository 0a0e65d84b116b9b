//! From octets that a gateway sent to what the client stands behind.

use sotto_proof::{self as proof, Question, Reason, Secure, Verdict, Verification, verify};

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
        let verification = verify(proof, question, setup.anchors(), now, setup.limits());
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
                rtype: Some(self.question.rtype),
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
